"""Population parameters of a posterior in coordinates without bounds: values, factors of blocks, priors, and their slopes.

A correlation matrix is R = U U' with rows of U unit vectors by hyperspherical angles a with sin a = tanh(coordinate), the canonical partial
correlations:

    u_i1 = t_i1,   u_i2 = c_i1 t_i2,   ...,   u_ii = c_i1 c_i2 ... c_i(i-1),        t = tanh, c = 1 / cosh

and L = diag(sd) U is the Cholesky factor of the covariance matrix of a block.

Source: Lewandowski, Kurowicka and Joe (J Multivar Anal 100:1989, 2009).
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import part

FREE, ABOVE, BELOW, BETWEEN, ANGLE = 0, 1, 2, 3, 4
LOG_NORMAL, HALF_STUDENT = 0, 1


class Plan(NamedTuple):
    """What the posterior of a problem is made of; P coordinates of the population, V parameters, B blocks of at most K effects.

    By coordinate: `kind` (how it becomes a parameter), `place` of the parameter, bounds `low` and `high`. `values` [V] holds fixed
    parameters; `unknowns` the places of what the engine calls thetas and sigmas. By block: its `size`, places `sd` [B, K], coordinates
    `angle` [B, K, K] of its correlations (-1: held at `held`) and their places `correlation`, `shape` - 1 of an LKJ prior, `df` + K + 1
    (0: none) and Cholesky factor `scale` of an inverse Wishart. Priors of numbers: the quadratic form linear v - v' quadratic v / 2, and
    lists of others. Copies of blocks: `copy` the block, `slot` [copies, K] its effects among the N of a subject. By subject: `subjects`
    their positions, `centred` [S, N]. Of the sampler: `centre`, `t` [P, P] lower triangular, `m` [S, N, P] and `c` [S, N, N] lower
    triangular.
    """

    kind: np.ndarray
    place: np.ndarray
    low: np.ndarray
    high: np.ndarray
    values: np.ndarray
    unknowns: np.ndarray
    size: np.ndarray
    sd: np.ndarray
    angle: np.ndarray
    held: np.ndarray
    correlation: np.ndarray
    shape: np.ndarray
    df: np.ndarray
    scale: np.ndarray
    quadratic: np.ndarray
    linear: np.ndarray
    other_kind: np.ndarray
    other_place: np.ndarray
    other_a: np.ndarray
    other_b: np.ndarray
    copy: np.ndarray
    slot: np.ndarray
    subjects: np.ndarray
    centred: np.ndarray
    centre: np.ndarray
    t: np.ndarray
    m: np.ndarray
    c: np.ndarray


class Space(NamedTuple):
    """Working memory of one chain: coordinates x and their slopes, parameters and theirs, factors U and L of blocks, effects.

    `etas` [S, N] the effects of the last position.
    """

    x: np.ndarray
    by_x: np.ndarray
    values: np.ndarray
    by_value: np.ndarray
    u: np.ndarray
    lower: np.ndarray
    by_l: np.ndarray
    z: np.ndarray
    by_z: np.ndarray
    by_eta: np.ndarray
    by_unknown: np.ndarray
    slope: np.ndarray
    inverse: np.ndarray
    moved: np.ndarray
    etas: np.ndarray
    value: np.ndarray


def example_plan() -> Plan:
    """Return a plan of the right types that is never run."""
    whole, table, cube = (np.zeros((1,) * n_axes, dtype=np.int64) for n_axes in (1, 2, 3))
    kinds = dict.fromkeys(("kind", "place", "unknowns", "size", "other_kind", "other_place", "copy", "subjects"), whole)
    kinds |= dict.fromkeys(("sd", "slot", "centred"), table) | dict.fromkeys(("angle", "correlation"), cube)
    kinds |= dict.fromkeys(("quadratic", "t"), np.zeros((1, 1))) | dict.fromkeys(("held", "scale", "m", "c"), np.zeros((1, 1, 1)))
    return Plan(**{name: kinds.get(name, np.zeros(1)) for name in Plan._fields})


def new_space(plan: Plan, n_fixed: int, n_directions: int) -> Space:
    """Return zeroed working memory."""
    n_subjects, n_etas = plan.centred.shape
    shape, n = plan.angle.shape, len(plan.centre)
    values = np.zeros(len(plan.values))
    return Space(
        x=np.zeros(n), by_x=np.zeros(n), values=values, by_value=values.copy(),
        u=np.zeros(shape), lower=np.zeros(shape), by_l=np.zeros(shape),
        z=np.zeros(n_etas), by_z=np.zeros(n_etas), by_eta=np.zeros(n_etas), by_unknown=np.zeros(n_fixed), slope=np.zeros(n_directions),
        inverse=np.zeros(shape[1:]), moved=np.zeros(shape[1:]), etas=np.zeros((n_subjects, n_etas)), value=np.zeros(1),
    )  # fmt: skip


@part
def set_parameters(plan, space):
    """Set the parameters that are no correlations; returns the logarithm of the Jacobian, whose slopes begin those by coordinates."""
    total, values, x, by_x = 0.0, space.values, space.x, space.by_x
    for v in range(len(values)):
        values[v] = plan.values[v]
        space.by_value[v] = 0.0
    for p in range(len(plan.kind)):
        kind, by_x[p] = plan.kind[p], 0.0
        if kind == FREE:
            values[plan.place[p]] = x[p]
        elif kind == ABOVE:
            values[plan.place[p]] = plan.low[p] + math.exp(x[p])
            total += x[p]
            by_x[p] = 1.0
        elif kind == BELOW:
            values[plan.place[p]] = plan.high[p] - math.exp(-x[p])
            total -= x[p]
            by_x[p] = -1.0
        elif kind == BETWEEN:
            values[plan.place[p]] = plan.low[p] + (plan.high[p] - plan.low[p]) / (1.0 + math.exp(-x[p]))
            total -= abs(x[p]) + 2.0 * math.log1p(math.exp(-abs(x[p])))
            by_x[p] = -math.tanh(0.5 * x[p])
    return total


@part
def by_parameters(plan, space):
    """Chain the slopes by parameters to those coordinates that are no correlations."""
    for p in range(len(plan.kind)):
        kind, slope = plan.kind[p], 0.0
        if kind == FREE:
            slope = 1.0
        elif kind == ABOVE:
            slope = math.exp(space.x[p])
        elif kind == BELOW:
            slope = math.exp(-space.x[p])
        elif kind == BETWEEN:
            slope = (plan.high[p] - plan.low[p]) / (2.0 + math.exp(space.x[p]) + math.exp(-space.x[p]))
        if kind != ANGLE:
            space.by_x[p] += slope * space.by_value[plan.place[p]]


@part
def _coordinate(block, row, column, plan, space):
    p = plan.angle[block, row, column]
    return space.x[p] if p >= 0 else plan.held[block, row, column]


@part
def set_factors(plan, space):
    """Set U and L of all blocks; returns the logarithm of the Jacobian of correlations by coordinates."""
    total, u = 0.0, space.u
    for b in range(len(plan.size)):
        for row in range(plan.size[b]):
            left, logs = 1.0, 0.0
            for column in range(row):
                y = _coordinate(b, row, column, plan, space)
                u[b, row, column] = math.tanh(y) * left
                log_c = math.log(2.0) - abs(y) - math.log1p(math.exp(-2.0 * abs(y)))
                left *= math.exp(log_c)
                logs += log_c
                if plan.angle[b, row, column] >= 0:
                    total += logs + log_c + math.log(u[b, column, column])
            u[b, row, row] = left
            for column in range(row + 1):
                space.lower[b, row, column] = space.values[plan.sd[b, row]] * u[b, row, column]
                space.by_l[b, row, column] = 0.0
    return total


@part
def by_factors(plan, space):
    """Chain slopes by L, and those of the Jacobian, to standard deviations and angles."""
    u, by_l = space.u, space.by_l
    for b in range(len(plan.size)):
        for row in range(plan.size[b]):
            sd = space.values[plan.sd[b, row]]
            for column in range(row + 1):
                space.by_value[plan.sd[b, row]] += by_l[b, row, column] * u[b, row, column]
                by_l[b, row, column] *= sd
        for row in range(plan.size[b]):
            for column in range(row):
                if plan.angle[b, row, column] >= 0:
                    by_l[b, column, column] += 1.0 / u[b, column, column]
        for row in range(plan.size[b]):
            _by_angles(b, row, plan, space)


@part
def _by_angles(b, row, plan, space):
    """Chain the slopes by one row of U to its angles; by_l holds those by U."""
    left, products = 1.0, space.moved[0]
    for column in range(row):
        products[column] = left
        left /= math.cosh(_coordinate(b, row, column, plan, space))
    by_left, n_free = space.by_l[b, row, row], 0.0
    for step in range(row):
        column = row - 1 - step
        y, own = _coordinate(b, row, column, plan, space), space.by_l[b, row, column]
        t, c = math.tanh(y), 1.0 / math.cosh(y)
        slope = (own * c - by_left * t) * products[column] * c
        by_left = by_left * c + own * t
        p = plan.angle[b, row, column]
        if p >= 0:
            # log c stands in the Jacobian for every free angle of the row from here on, and once more for dt/dy
            n_free += 1.0
            space.by_x[p] += slope - (n_free + 1.0) * t


@part
def prior_of_numbers(plan, space):
    """Return the log prior of thetas and standard deviations one by one, and add its slopes."""
    total, values, by_value = 0.0, space.values, space.by_value
    for v in range(len(values)):
        pulled = 0.0
        for w in range(len(values)):
            pulled += plan.quadratic[v, w] * values[w]
        total += values[v] * (plan.linear[v] - 0.5 * pulled)
        by_value[v] += plan.linear[v] - pulled
    for k in range(len(plan.other_kind)):
        v, a, b = plan.other_place[k], plan.other_a[k], plan.other_b[k]
        if plan.other_kind[k] == LOG_NORMAL:
            away = (math.log(values[v]) - a) / b
            total -= 0.5 * away * away + math.log(values[v])
            by_value[v] -= (away / b + 1.0) / values[v]
        else:
            u = values[v] / b
            total -= 0.5 * (a + 1.0) * math.log1p(u * u / a)
            by_value[v] -= (a + 1.0) * u / (a + u * u) / b
    return total


@part
def prior_of_blocks(plan, space):
    """Return the log prior of correlations and covariances, as a density of SDs and correlations, and add its slopes."""
    total = 0.0
    for b in range(len(plan.size)):
        n, lower = plan.size[b], space.lower[b]
        for k in range(n if plan.shape[b] != 0.0 else 0):
            # det R = prod u_kk^2; its slopes go through L, which is sd U
            total += 2.0 * plan.shape[b] * math.log(space.u[b, k, k])
            space.by_l[b, k, k] += 2.0 * plan.shape[b] / lower[k, k]
            space.by_value[plan.sd[b, k]] -= 2.0 * plan.shape[b] / space.values[plan.sd[b, k]]
        if plan.df[b] > 0.0:
            total += _inverse_wishart(b, n, plan, space)
    return total


@part
def _inverse_wishart(b, n, plan, space):
    """-df log det L - |L^-1 S^1/2|^2 / 2, and sd^K for each SD: |d W / d (sd, correlations)|."""
    lower, x, moved, total = space.lower[b], space.inverse, space.moved, 0.0
    for column in range(n):
        for row in range(n):
            entry = plan.scale[b, row, column]
            for j in range(row):
                entry -= lower[row, j] * x[j, column]
            x[row, column] = entry / lower[row, row]
            total -= 0.5 * x[row, column] * x[row, column]
    for row in range(n):
        for column in range(row + 1):
            moved[row, column] = 0.0
            for j in range(n):
                moved[row, column] += x[row, j] * x[column, j]
            moved[column, row] = moved[row, column]
    for column in range(n):
        # solve L' G = X X' from below
        for step in range(n):
            row = n - 1 - step
            entry = moved[row, column]
            for j in range(row + 1, n):
                entry -= lower[j, row] * x[j, column]
            x[row, column] = entry / lower[row, row]
    for row in range(n):
        for column in range(row + 1):
            space.by_l[b, row, column] += x[row, column]
        total += n * math.log(space.values[plan.sd[b, row]]) - plan.df[b] * math.log(lower[row, row])
        space.by_l[b, row, row] -= plan.df[b] / lower[row, row]
        space.by_value[plan.sd[b, row]] += n / space.values[plan.sd[b, row]]
    return total
