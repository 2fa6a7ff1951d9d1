"""The conditional mode of a subject's random effects (the empirical Bayes estimate): a guarded Newton method."""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.linear import cholesky, solve_cholesky

OK, MODE_NOT_CONVERGED, CURVATURE_NOT_POSITIVE = 0, 3, 4
# a search that heads for a mode that is known already
_KNOWN = -1
# close enough to a minimum for the quadratic model, and to a known one to be the same, in units of l
_QUADRATIC, _SAME = 0.1, 0.002
_VALUE, _DERIVATIVES = np.int64(0), np.int64(2)

# Newton decrement g' L^-1 g at which the mode is exact to about 1e-8 of its standard deviation
CONVERGED = 1e-16
_MOST_STEPS = 100
_MOST_HALVINGS = 30
_SHORTEST = 1e-5
# where l is as large as this its rounding hides all minima
_HUGE = 1e10
# of the candidates of a global search, this many of the best are followed to their mode
_FOLLOWED = 5


class Prior(NamedTuple):
    """The distribution of the random effects: omega, its inverse and its lower Cholesky factor; where a global search looks.

    `spread` [n]: the diagonal of the Cholesky factor of the precision; `candidates` [., n] in SDs of the etas; `starts` and `heights` are
    working memory of the search.
    """

    omega: np.ndarray
    precision: np.ndarray
    root: np.ndarray
    spread: np.ndarray
    candidates: np.ndarray
    starts: np.ndarray
    heights: np.ndarray


def new_prior(omega: np.ndarray, candidates: np.ndarray) -> Prior:
    """Return the distribution N(0, omega). Raises LinAlgError when omega is not positive definite."""
    precision = precision_of(omega)
    return Prior(
        omega=np.ascontiguousarray(omega),
        precision=precision,
        root=np.linalg.cholesky(omega),
        spread=np.ascontiguousarray(np.diag(np.linalg.cholesky(precision))),
        candidates=candidates,
        starts=np.zeros((_FOLLOWED + 4, len(omega))),
        heights=np.zeros(_FOLLOWED),
    )


def precision_of(omega: np.ndarray) -> np.ndarray:
    """Return the inverse of omega, exactly symmetric."""
    precision = np.linalg.inv(omega)
    return 0.5 * (precision + precision.T)


@compiled
def climb(frozen, subject, eta, precision, code, timeline, work, density):
    """Minimise l from `eta` in place; `density` is left at the mode. Returns a status code.

    Newton steps with the exact second derivatives, where those are not positive definite with their eigenvalues made positive
    (see `saddle_step`), halved until l falls. The last full step of a converging search is taken without a check.
    """
    status = call_at(code.evaluate, (_DERIVATIVES, frozen, subject, eta, precision, code, timeline, work, density))
    n, small = code.n_etas, density.small
    if status != OK or n == 0:
        return status
    step, slope, curvature, last, settled = small.step, small.slope, small.curvature, math.inf, False
    for _ in range(_MOST_STEPS):
        for k in range(n):
            slope[k] = density.gradient[code.n_fixed + k]
            for m in range(n):
                curvature[k, m] = density.cross[k, code.n_fixed + m]
        exact = cholesky(curvature, small.factor)
        if exact:
            solve_cholesky(small.factor, slope, step)
        else:
            call_at(code.saddle, (curvature, precision, slope, step, small))
        decrement = 0.0
        for k in range(n):
            decrement += slope[k] * step[k]
        # rounding may keep the decrement from falling further where l is large
        rounding = decrement < 1e-13 * abs(density.value[0]) and decrement > 0.1 * last
        if decrement < CONVERGED or (exact and rounding):
            return OK if exact else CURVATURE_NOT_POSITIVE
        last = decrement
        if exact and decrement < _QUADRATIC and _is_known(eta, step, curvature, precision, density):
            return _KNOWN
        if not _descend(frozen, subject, eta, decrement, precision, code, timeline, work, density):
            # rounding stops a search whose decrement is still visible only where l itself is huge
            if exact and decrement < 1e-11 * (1.0 + abs(density.value[0])):
                return OK
            # where a lag meets an observation l has a kink: at a lowest point there it may have a slope that no step follows
            if settled:
                return OK if cholesky(density.expected, small.factor) else CURVATURE_NOT_POSITIVE
            settled, last = True, math.inf
            status = call_at(code.settle, (frozen, subject, eta, precision, code, timeline, work, density))
            if status != OK:
                return status
    return MODE_NOT_CONVERGED


@part
def _is_known(eta, step, curvature, precision, density):
    """Whether the quadratic model puts its minimum, eta - step, where a mode has been found before.

    Near in curvature and in precision of the prior: on flat ground one mode is not another that is as high.
    """
    n, change = len(eta), density.small.moved
    for mode in range(density.n_known[0]):
        distance = 0.0
        for k in range(n):
            change[k] = eta[k] - step[k] - density.known[mode, k]
        for k in range(n):
            for m in range(n):
                distance += 0.5 * change[k] * (curvature[k, m] + precision[k, m]) * change[m]
        if distance < _SAME:
            return True
    return False


@part
def _descend(frozen, subject, eta, decrement, precision, code, timeline, work, density):
    """Move eta along -step, halving until l falls; `density` is then evaluated at the new eta. False if nothing helps.

    The full step, which is nearly always right, is evaluated with derivatives at once; shorter ones first without.
    """
    before, length, start, step = density.value[0], 1.0, density.small.start, density.small.step
    # below this decrement the fall of l drowns in its rounding: the quadratic model is right, take the full step
    surely = decrement < 1e-7
    order = _DERIVATIVES
    for k in range(len(eta)):
        start[k] = eta[k]
    for _ in range(_MOST_HALVINGS):
        for k in range(len(eta)):
            eta[k] = start[k] - length * step[k]
        status = call_at(code.evaluate, (order, frozen, subject, eta, precision, code, timeline, work, density))
        if status == OK and (surely or density.value[0] <= before - 1e-4 * length * decrement):
            if order == _DERIVATIVES:
                return True
            return call_at(code.evaluate, (_DERIVATIVES, frozen, subject, eta, precision, code, timeline, work, density)) == OK
        order, surely = _VALUE, False
        length *= 0.5
    for k in range(len(eta)):
        eta[k] = start[k]
    call_at(code.evaluate, (_DERIVATIVES, frozen, subject, eta, precision, code, timeline, work, density))
    return False


@compiled
def settle(frozen, subject, eta, precision, code, timeline, work, density):
    """Find a lowest point of l without derivatives, by steps along the axes that shrink to 1e-5 SD; `density` is left there.

    The last resort for a function with kinks. Returns a status; a lowest point beside which l does not exist is none.
    """
    lowest, length, at_edge = density.value[0], 0.25, False
    while length > _SHORTEST:
        moved, at_edge = False, False
        for k in range(len(eta)):
            for sign in (-1.0, 1.0):
                before = eta[k]
                eta[k] = before + sign * length / math.sqrt(precision[k, k])
                status = call_at(code.evaluate, (_VALUE, frozen, subject, eta, precision, code, timeline, work, density))
                at_edge = at_edge or status != OK
                if status == OK and density.value[0] < lowest:
                    lowest, moved = density.value[0], True
                else:
                    eta[k] = before
        length = length if moved else 0.5 * length
    if at_edge or lowest > _HUGE:
        return MODE_NOT_CONVERGED
    return call_at(code.evaluate, (_DERIVATIVES, frozen, subject, eta, precision, code, timeline, work, density))


@compiled
def search(frozen, subject, eta, prior, code, timeline, work, density):
    """Look for the mode that matters: climb from `eta`, from zero and from the best of the candidates.

    Of several modes the one with the lowest 2 l + log det H is taken, around which the approximation finds most of the
    likelihood; a mode flatter than the prior counts as one as flat as it, since where a mode is about to vanish det H falls to zero and
    tells nothing of the likelihood around it. Ends there, with `density` evaluated; returns its status.
    """
    n, precision, root, candidates, starts, heights = len(eta), prior.precision, prior.root, prior.candidates, prior.starts, prior.heights
    point, found = starts[_FOLLOWED + 2], starts[_FOLLOWED + 3]
    for k in range(n):
        starts[0, k] = found[k] = eta[k]
        starts[1, k] = 0.0
    for place in range(_FOLLOWED):
        heights[place] = math.inf
    for c in range(len(candidates)):
        for k in range(n):
            point[k] = 0.0
            for m in range(k + 1):
                point[k] += root[k, m] * candidates[c, m]
        if call_at(code.evaluate, (_VALUE, frozen, subject, point, precision, code, timeline, work, density)) == OK:
            _keep_best(density.value[0], point, heights, starts)
    best, best_status = math.inf, MODE_NOT_CONVERGED
    density.n_known[0] = 0
    from_zero = True
    for k in range(n):
        from_zero = from_zero and eta[k] == 0.0
    for start in range(_FOLLOWED + 2):
        if start == 1 and from_zero:
            continue
        if start >= 2 and not heights[start - 2] < math.inf:
            break
        for k in range(n):
            point[k] = starts[start, k]
        status = call_at(code.climb, (frozen, subject, point, precision, code, timeline, work, density))
        if status == _KNOWN:
            continue
        height = _height_of_mode(point, prior.spread, density) if status == OK else math.inf
        better = status == OK and (best_status != OK or height < best - 1e-9 * (1.0 + abs(best)))
        if better:
            best = height
            for k in range(n):
                found[k] = point[k]
        if better or start == 0:
            best_status = status
    density.n_known[0] = 0
    for k in range(n):
        eta[k] = found[k]
    if best_status != OK:
        return best_status
    return call_at(code.evaluate, (_DERIVATIVES, frozen, subject, eta, precision, code, timeline, work, density))


@part
def _height_of_mode(point, spread, density):
    """Note a mode among those known; returns its 2 l + log det H, infinite where H is not positive definite.

    H counts as no flatter than the prior: `spread` is the diagonal of the factor of its precision, and no H that adds information to the
    precision has a smaller diagonal.
    """
    for k in range(len(point)):
        density.known[density.n_known[0], k] = point[k]
    density.n_known[0] += 1
    if not cholesky(density.expected, density.small.factor):
        return math.inf
    height = 2.0 * density.value[0]
    for k in range(len(point)):
        height += 2.0 * math.log(max(density.small.factor[k, k], spread[k]))
    return height


@part
def _keep_best(height, point, heights, starts):
    """Insert a candidate into the sorted list of the lowest ones (rows 2 and on of `starts`)."""
    for place in range(_FOLLOWED):
        if height < heights[place]:
            for later in range(_FOLLOWED - 1, place, -1):
                heights[later] = heights[later - 1]
                for k in range(len(point)):
                    starts[later + 2, k] = starts[later + 1, k]
            heights[place] = height
            for k in range(len(point)):
                starts[place + 2, k] = point[k]
            return
