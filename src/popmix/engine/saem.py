"""Markov chains of the random effects of every subject, from values of the joint density alone.

One call moves the chains of the subjects listed by one iteration. With l as in `popmix.engine.density`, C the running covariance of a
subject's effects and m their running mean, a chain is moved in turn by Metropolis-Hastings steps that propose

- from the prior N(0, omega);
- from a Student distribution with 4 degrees of freedom around m with the scale 1.1^2 C, whatever the present place: once m and C have been
  learnt this is the proposal around the conditional mode of Karimi, Lavielle and Moulines (Comput Stat Data Anal 141:123, 2020);
- from the present place, all effects together: N(eta, s^2 C), s adapted by subject to an acceptance of 0.3;
- from the present place, one effect after the other: N(eta_k, s_k^2 C_kk), s_k adapted to 0.44.

Random numbers are made by counting: those of a chain in an iteration depend on seed, subject, chain and iteration alone (SplitMix64:
Steele, Lea and Flood, OOPSLA 2014), so that no split of the work changes a number.
Source: Kuhn and Lavielle (Comput Stat Data Anal 49:1020, 2005); adaptation: Haario, Saksman and Tamminen (Bernoulli 7:223, 2001).
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.density import OK
from popmix.engine.foce import set_out, time_of_failure
from popmix.engine.linear import cholesky, forward

_VALUE = np.int64(0)
_EXACT = False
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_SHARE = 1.0 / 9007199254740992.0
_FREEDOM, _WIDTH = 4, 1.1
_TOGETHER, _ALONE = 0.3, 0.44
_LEAST_SCALE, _LARGEST_SCALE = 0.02, 10.0


class Moves(NamedTuple):
    """Seed, and how many steps of every kind an iteration takes; `single` counts sweeps through all effects."""

    seed: int
    prior: int
    conditional: int
    together: int
    single: int


class Chains(NamedTuple):
    """Chains by subject, S subjects with C chains of n effects, E endpoints.

    eta [S, C, n], l there [S, C]; running moments m [S, n], C [S, n, n]; scales `together` [S] and `single` [S, n]; `squares` [S, E]: the
    sum of squared standardised residuals, mean of the chains; `rises` [S, M]: l at other values of the fixed unknowns less l, mean of the
    chains; `accepted` [S, 4]: shares of the last steps that were taken, by kind.
    """

    eta: np.ndarray
    value: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    together: np.ndarray
    single: np.ndarray
    squares: np.ndarray
    rises: np.ndarray
    accepted: np.ndarray
    status: np.ndarray
    failed_at: np.ndarray


def new_chains(n_subjects: int, n_chains: int, n_etas: int, n_endpoints: int, n_points: int, omega: np.ndarray) -> Chains:
    """Return chains at zero, with the moments of the prior."""
    s, n = n_subjects, n_etas
    return Chains(
        eta=np.zeros((s, n_chains, n)),
        value=np.zeros((s, n_chains)),
        mean=np.zeros((s, n)),
        covariance=np.tile(omega, (s, 1, 1)),
        together=np.full(s, 2.4 / math.sqrt(max(n, 1))),
        single=np.full((s, n), 2.4),
        squares=np.zeros((s, n_endpoints)),
        rises=np.zeros((s, n_points)),
        accepted=np.zeros((s, 4)),
        status=np.zeros(s, dtype=np.int64),
        failed_at=np.full(s, np.nan),
    )


class Tools(NamedTuple):
    """Working memory of one thread: the counter of random numbers, a spare normal one (used or not), vectors and factors."""

    counter: np.ndarray
    spare: np.ndarray
    normals: np.ndarray
    point: np.ndarray
    apart: np.ndarray
    factor: np.ndarray
    squares: np.ndarray
    fresh: np.ndarray
    taken: np.ndarray
    by_effect: np.ndarray


def new_tools(n_etas: int, n_endpoints: int) -> Tools:
    """Return zeroed working memory."""
    n = n_etas
    return Tools(
        np.zeros(1, dtype=np.uint64),
        np.zeros(2),
        *(np.zeros(n) for _ in range(3)),
        np.zeros((n, n)),
        *(np.zeros(n_endpoints) for _ in range(2)),
        np.zeros(4),
        np.zeros(n),
    )


@compiled
def move_chains(
    subjects, iteration, gain, step, fixed, precision, root, points, shifts, moves, code, timeline, work, density, tools, chains
):
    """Move the chains of the subjects listed by one iteration.

    The running moments take the share `gain` of the new places, the scales the rate `step`; `root` is the Cholesky factor of omega and
    `points` [M, fixed unknowns] the other values at which l is wanted, with the effects moved by `shifts` [S, M, n].
    """
    for subject in subjects:
        set_out(fixed, code, work)
        status = OK
        _begin_subject(subject, code, tools, chains)
        for chain in range(chains.eta.shape[1]):
            _seed(moves.seed, subject, chain, iteration, tools)
            found = _move(subject, chain, precision, root, moves, code, timeline, work, density, tools, chains)
            status = found if found != OK else status
            for m in range(len(points)):
                for x in range(code.n_fixed):
                    work.unknowns[x] = points[m, x]
                for k in range(code.n_etas):
                    tools.point[k] = chains.eta[subject, chain, k] + shifts[subject, m, k]
                value = _height(subject, tools.point, precision, code, timeline, work, density)
                chains.rises[subject, m] += (value - chains.value[subject, chain]) / chains.eta.shape[1]
            for x in range(code.n_fixed if len(points) > 0 else 0):
                work.unknowns[x] = fixed[x]
        chains.status[subject] = status
        chains.failed_at[subject] = time_of_failure(status, work)
        _adapt(subject, gain, step, moves, tools, chains)


@compiled
def report_chains(subjects, fixed, report, code, timeline, work, density, chains, reported):
    """Write the individual parameters [S, C, .] at the places of the chains."""
    for subject in subjects:
        set_out(fixed, code, work)
        row = timeline.first_row[subject]
        for chain in range(chains.eta.shape[1]):
            for k in range(code.n_etas):
                work.unknowns[code.n_fixed + k] = chains.eta[subject, chain, k]
            out = reported[subject, chain]
            call_model(report, work.amounts, work.unknowns, timeline.at[row], timeline.times[row], out)


@part
def _begin_subject(subject, code, tools, chains):
    """Factorise the running covariance; where it is singular its diagonal serves."""
    n, covariance, factor = code.n_etas, chains.covariance[subject], tools.factor
    if not cholesky(covariance, factor):
        for k in range(n):
            for m in range(n):
                factor[k, m] = math.sqrt(max(covariance[k, k], 1e-300)) if k == m else 0.0
    for e in range(chains.squares.shape[1]):
        chains.squares[subject, e] = 0.0
    for m in range(chains.rises.shape[1]):
        chains.rises[subject, m] = 0.0
    for kind in range(4):
        tools.taken[kind] = 0.0
    for k in range(n):
        tools.by_effect[k] = 0.0


@part
def _move(subject, chain, precision, root, moves, code, timeline, work, density, tools, chains):
    """Move one chain; returns a status other than OK where l exists neither at its place nor at any that was tried."""
    eta, place = chains.eta[subject, chain], (subject, chain)
    status = call_at(code.evaluate, (_VALUE, _EXACT, subject, eta, precision, code, timeline, work, density))
    chains.value[place] = density.value[0] if status == OK else math.inf
    _square(subject, code, timeline, work, tools.squares)
    args = (precision, code, timeline, work, density, tools, chains)
    for _ in range(moves.prior):
        _from_prior(subject, chain, root, args)
    for _ in range(moves.conditional):
        _from_moments(subject, chain, args)
    for _ in range(moves.together):
        _all_together(subject, chain, args)
    for _ in range(moves.single):
        _one_by_one(subject, chain, args)
    for e in range(len(tools.squares)):
        chains.squares[subject, e] += tools.squares[e] / chains.eta.shape[1]
    return OK if chains.value[place] < math.inf else status


@part
def _height(subject, point, precision, code, timeline, work, density):
    """Return l, infinite where it does not exist."""
    if call_at(code.evaluate, (_VALUE, _EXACT, subject, point, precision, code, timeline, work, density)) != OK:
        return math.inf
    return density.value[0]


@part
def _take(kind, subject, chain, new, ratio, code, timeline, work, tools, chains):
    """Take the point that was tried, of height `new`, with the probability min(1, exp(ratio)); says whether."""
    if not new < math.inf or not math.log(_uniform(tools)) < ratio:
        return False
    for k in range(code.n_etas):
        chains.eta[subject, chain, k] = tools.point[k]
    chains.value[subject, chain] = new
    _square(subject, code, timeline, work, tools.squares)
    tools.taken[kind] += 1.0
    return True


@part
def _square(subject, code, timeline, work, squares):
    """Write the sum of (y - f)^2 / R by endpoint for what stands in `work.prediction`."""
    start, end = timeline.first_observation[subject], timeline.first_observation[subject + 1]
    for e in range(len(squares)):
        squares[e] = 0.0
    for j in range(end - start):
        endpoint = timeline.endpoint[start + j]
        if not code.is_free[endpoint]:
            residual = timeline.y[start + j] - work.prediction[j, 0]
            squares[endpoint] += residual * residual / work.prediction[j, 1]


@part
def _from_prior(subject, chain, root, args):
    precision, code, timeline, work, density, tools, chains = args
    n, eta, half, before = code.n_etas, chains.eta[subject, chain], 0.0, 0.0
    for k in range(n):
        tools.normals[k] = _normal(tools)
        half += 0.5 * tools.normals[k] * tools.normals[k]
    for k in range(n):
        tools.point[k] = 0.0
        for m in range(k + 1):
            tools.point[k] += root[k, m] * tools.normals[m]
        for m in range(n):
            before += 0.5 * eta[k] * precision[k, m] * eta[m]
    new = _height(subject, tools.point, precision, code, timeline, work, density)
    ratio = (chains.value[subject, chain] - before) - (new - half)
    _take(0, subject, chain, new, ratio, code, timeline, work, tools, chains)


@part
def _from_moments(subject, chain, args):
    precision, code, timeline, work, density, tools, chains = args
    n, eta, mean, length = code.n_etas, chains.eta[subject, chain], chains.mean[subject], 0.0
    for k in range(n):
        tools.normals[k] = _normal(tools)
    # the sum of four squares of normal numbers is that of two exponential ones, twice
    stretch = _WIDTH * math.sqrt(_FREEDOM / (-2.0 * math.log(_uniform(tools) * _uniform(tools))))
    for k in range(n):
        tools.apart[k] = eta[k] - mean[k]
        tools.point[k] = mean[k]
        for m in range(k + 1):
            tools.point[k] += stretch * tools.factor[k, m] * tools.normals[m]
        length += stretch * stretch * tools.normals[k] * tools.normals[k]
    forward(tools.factor, tools.apart, tools.apart)
    before = 0.0
    for k in range(n):
        before += tools.apart[k] * tools.apart[k]
    spread = _WIDTH * _WIDTH * _FREEDOM
    log_back = -0.5 * (_FREEDOM + n) * math.log(1.0 + before / spread)
    log_there = -0.5 * (_FREEDOM + n) * math.log(1.0 + length / spread)
    new = _height(subject, tools.point, precision, code, timeline, work, density)
    ratio = chains.value[subject, chain] - new + log_back - log_there
    _take(1, subject, chain, new, ratio, code, timeline, work, tools, chains)


@part
def _all_together(subject, chain, args):
    precision, code, timeline, work, density, tools, chains = args
    n, eta, scale = code.n_etas, chains.eta[subject, chain], chains.together[subject]
    for k in range(n):
        tools.normals[k] = _normal(tools)
    for k in range(n):
        tools.point[k] = eta[k]
        for m in range(k + 1):
            tools.point[k] += scale * tools.factor[k, m] * tools.normals[m]
    new = _height(subject, tools.point, precision, code, timeline, work, density)
    _take(2, subject, chain, new, chains.value[subject, chain] - new, code, timeline, work, tools, chains)


@part
def _one_by_one(subject, chain, args):
    precision, code, timeline, work, density, tools, chains = args
    n, eta, covariance, scales = code.n_etas, chains.eta[subject, chain], chains.covariance[subject], chains.single[subject]
    for k in range(n):
        for m in range(n):
            tools.point[m] = eta[m]
        tools.point[k] += scales[k] * math.sqrt(covariance[k, k]) * _normal(tools)
        new = _height(subject, tools.point, precision, code, timeline, work, density)
        if _take(3, subject, chain, new, chains.value[subject, chain] - new, code, timeline, work, tools, chains):
            tools.by_effect[k] += 1.0


@part
def _adapt(subject, gain, step, moves, tools, chains):
    """Let the running moments follow the chains, and the scales their acceptance."""
    n_chains, n = chains.eta.shape[1], chains.eta.shape[2]
    mean, covariance, eta = chains.mean[subject], chains.covariance[subject], chains.eta[subject]
    for k in range(n):
        total = 0.0
        for chain in range(n_chains):
            total += eta[chain, k] - mean[k]
        tools.apart[k] = gain * total / n_chains
        tools.normals[k] = mean[k]
        mean[k] += tools.apart[k]
    for k in range(n):
        for m in range(k + 1):
            total = 0.0
            for chain in range(n_chains):
                total += (eta[chain, k] - tools.normals[k]) * (eta[chain, m] - mean[m])
            covariance[k, m] += gain * (total / n_chains - covariance[k, m])
            covariance[m, k] = covariance[k, m]
    counts = (moves.prior, moves.conditional, moves.together, moves.single * n)
    for kind in range(4):
        chains.accepted[subject, kind] = tools.taken[kind] / max(1, counts[kind] * n_chains)
    if moves.together > 0:
        chains.together[subject] = _nearer(chains.together[subject], step * (chains.accepted[subject, 2] - _TOGETHER))
    for k in range(n if moves.single > 0 else 0):
        share = tools.by_effect[k] / (moves.single * n_chains)
        chains.single[subject, k] = _nearer(chains.single[subject, k], step * (share - _ALONE))


@part
def _nearer(scale, change):
    return min(max(scale * math.exp(change), _LEAST_SCALE), _LARGEST_SCALE)


@part
def _seed(seed, subject, chain, iteration, tools):
    """Begin the random numbers of a chain in an iteration."""
    state = _mixed(np.uint64(seed) + _GOLDEN)
    state = _mixed(state + np.uint64(subject) * _GOLDEN)
    state = _mixed(state + np.uint64(chain + 1) * _FIRST)
    tools.counter[0] = _mixed(state + np.uint64(iteration + 1) * _SECOND)
    tools.spare[1] = 0.0


@part
def _mixed(word):
    word = (word ^ (word >> _30)) * _FIRST
    word = (word ^ (word >> _27)) * _SECOND
    return word ^ (word >> _31)


@part
def _uniform(tools):
    """Return a number between 0 and 1, neither included."""
    tools.counter[0] += _GOLDEN
    return (np.float64(_mixed(tools.counter[0]) >> _11) + 0.5) * _SHARE


@part
def _normal(tools):
    """Return a standard normal number (the polar method of Marsaglia, which makes two at a time)."""
    if tools.spare[1] == 1.0:
        tools.spare[1] = 0.0
        return tools.spare[0]
    while True:
        u, v = 2.0 * _uniform(tools) - 1.0, 2.0 * _uniform(tools) - 1.0
        square = u * u + v * v
        if 0.0 < square < 1.0:
            factor = math.sqrt(-2.0 * math.log(square) / square)
            tools.spare[0], tools.spare[1] = v * factor, 1.0
            return u * factor
