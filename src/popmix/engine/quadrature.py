"""Adaptive Gauss-Hermite quadrature of the marginal likelihood of one subject, of which Laplace's approximation is the first order.

With l = -log p(y, eta) without the constant of the etas, eta* its mode, L = d2l/deta2 there, L^-1 = C C' (C upper triangular) and nodes
z_q of a rule for the standard normal density with weights w_q (their sum is 1),

    OFV_i = 2 l(eta*) + log det omega + log det L - 2 log S,     S = sum_q w_q exp(z_q' z_q / 2 + l(eta*) - l(eta* + C z_q)).

One node, z = 0, is Laplace's approximation; random nodes make it importance sampling with a proposal that follows mode and curvature.
With p_q the share of node q in S, G = sum_q p_q C' l_eta(eta_q) z_q', B = I - (upper
triangle of G, mirrored) and A = C B C', the total derivative by an unknown x is

    2 sum_q p_q l_x(eta_q) + t_x - w' d2l/(deta dx),     w = L^-1 (2 sum_q p_q l_eta(eta_q) + t_eta),
    t_u = sum_km A_km d3l/(deta_k deta_m du)

and by P = omega^-1: sum_q p_q eta_q eta_q' - omega + A - (w eta*' + eta* w') / 2. Third derivatives are central differences of
exact second derivatives along the columns of C, standard deviations of the conditional distribution; all else is exact.

Only the value is computed where a grid says that slopes are not wanted.
Source: Pinheiro and Bates (J Comput Graph Stat 4:12, 1995); Liu and Pierce (Biometrika 81:624, 1994).
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.completion import complete_cross
from popmix.engine.foce import CURVATURE_NOT_POSITIVE, NOT_FINITE, OK, set_out, time_of_failure
from popmix.engine.gradient import chain_slopes, slopes_of_data
from popmix.engine.linear import backward, cholesky, inverse_cholesky, log_determinant, negative_sandwich, solve_cholesky
from popmix.engine.third import follow_curvature

_VALUE = np.int64(0)
_EXACT = False
# a node with a smaller share than this changes no digit of a gradient
_LEAST_SHARE = 1e-13
# of the diagonal of a factor: less than rounding makes of a curvature that is the prior's, where the data say nothing
_FLAT = 1.0 - 1e-9


class Grid(NamedTuple):
    """Nodes [G, Q, n] and logarithms of their weights [G, Q], for a rule of the standard normal density corrected by z'z / 2.

    G: one grid for all subjects of a call, or one for each. slopes: whether derivatives are wanted; lenient: whether a node at which the
    density does not exist counts as one where it is zero, else as a failure of the subject.
    """

    nodes: np.ndarray
    log_weights: np.ndarray
    slopes: bool
    lenient: bool


class Workspace(NamedTuple):
    """Working memory: C and A with their factors [n, n], vectors [n] and [U].

    heights [G, Q]: what the nodes add to S, as logarithms, for the last subject of each grid.
    """

    c: np.ndarray
    factor: np.ndarray
    inverse: np.ndarray
    g: np.ndarray
    cb: np.ndarray
    outer: np.ndarray
    mode: np.ndarray
    point: np.ndarray
    whitened: np.ndarray
    slope: np.ndarray
    by_fixed: np.ndarray
    traces: np.ndarray
    cross: np.ndarray
    heights: np.ndarray


def new_workspace(n_fixed: int, n_etas: int, n_nodes: int, n_grids: int = 1) -> Workspace:
    """Return zeroed working memory."""
    n = n_etas
    return Workspace(
        *(np.zeros((n, n)) for _ in range(6)),
        *(np.zeros(n) for _ in range(4)),
        np.zeros(n_fixed),
        np.zeros(n_fixed + n),
        np.zeros((n, n_fixed + n)),
        np.zeros((n_grids, n_nodes)),
    )


@compiled
def quadratures(subjects, globally, fixed, prior, grid, code, timeline, work, density, space, result):
    """Evaluate the subjects listed, from the modes in `result.eta` on; with `globally` search for other modes too."""
    for place in range(len(subjects)):
        subject, which = subjects[place], min(place, len(grid.nodes) - 1)
        set_out(fixed, code, work)
        result.status[subject] = _quadrature(subject, which, globally, prior, grid, code, timeline, work, density, space, result)
        result.failed_at[subject] = time_of_failure(result.status[subject], work)


@part
def _quadrature(subject, which, globally, prior, grid, code, timeline, work, density, space, result):
    result.ofv[subject] = 0.0
    if timeline.first_observation[subject + 1] == timeline.first_observation[subject]:
        for k in range(code.n_etas):
            result.eta[subject, k] = 0.0
        return OK
    eta, precision = result.eta[subject], prior.precision
    if globally and len(eta) > 0:
        status = call_at(code.search, (_EXACT, subject, eta, prior, code, timeline, work, density))
    else:
        status = call_at(code.climb, (_EXACT, subject, eta, precision, code, timeline, work, density))
        # a mode flatter than the prior may be about to vanish, which the rule would reward: look for others, as a global search does
        if status == OK and _is_flat(density.small.factor, prior.spread):
            status = call_at(code.search, (_EXACT, subject, eta, prior, code, timeline, work, density))
    if status != OK:
        return status
    if not _centre(eta, code, work, density, space, result.inverse_curvature[subject]):
        return CURVATURE_NOT_POSITIVE
    lowest = density.value[0]
    result.ofv[subject] = 2.0 * lowest + log_determinant(prior.root) + log_determinant(space.factor)
    n_nodes = grid.nodes.shape[1]
    if n_nodes > 1:
        status = _sum(subject, which, lowest, prior, grid, code, timeline, work, density, space, result)
    if not grid.slopes or status != OK:
        return status
    if n_nodes > 1:
        status = _average(subject, which, prior, grid, code, timeline, work, density, space)
    if status == OK:
        _bend(space)
        moved = (code, timeline, work, density, space.point, space.traces)
        status = follow_curvature(subject, space.mode, space.c, space.cb, precision, *moved)
    if status == OK:
        _finish(subject, prior, code, space, result)
    return status


@part
def _is_flat(factor, spread):
    """Whether the curvature at a mode, by its factor, does not add information to the precision of the prior."""
    flat = False
    for k in range(len(spread)):
        flat = flat or factor[k, k] < _FLAT * spread[k]
    return flat


@part
def _centre(eta, code, work, density, space, inverse):
    """Keep what is known at the mode, with C; False where the curvature is not positive definite."""
    n, n_fixed, factor = code.n_etas, code.n_fixed, space.factor
    complete_cross(code, work.individual, density)
    for k in range(n):
        space.mode[k], space.slope[k] = eta[k], 0.0
        for u in range(n_fixed + n):
            space.cross[k, u] = density.cross[k, u]
        for m in range(n):
            density.small.curvature[k, m] = density.cross[k, n_fixed + m]
            space.g[k, m] = 0.0
            space.outer[k, m] = eta[k] * eta[m]
    for x in range(n_fixed):
        space.by_fixed[x] = 2.0 * density.gradient[x]
    if not cholesky(density.small.curvature, factor):
        return False
    inverse_cholesky(factor, density.small.moved, inverse)
    for j in range(n):
        for k in range(n):
            space.point[k] = 1.0 if k == j else 0.0
        backward(factor, space.point, space.point)
        for k in range(n):
            space.c[k, j] = space.point[k]
    return True


@part
def _place(z, scale, space, point):
    """Write mode + scale C z into `point`."""
    n = len(point)
    for k in range(n):
        point[k] = space.mode[k]
        for j in range(k, n):
            point[k] += scale * space.c[k, j] * z[j]


@part
def _sum(subject, which, lowest, prior, grid, code, timeline, work, density, space, result):
    """Sum over the nodes; `space.heights` becomes the logarithms of their shares. Returns a status."""
    point, nodes, heights, highest, failure = space.point, grid.nodes[which], space.heights[which], -math.inf, OK
    for q in range(len(nodes)):
        _place(nodes[q], 1.0, space, point)
        status = call_at(code.evaluate, (_VALUE, _EXACT, subject, point, prior.precision, code, timeline, work, density))
        if status == OK and math.isfinite(density.value[0]):
            heights[q] = grid.log_weights[which, q] + lowest - density.value[0]
            highest = max(highest, heights[q])
        elif grid.lenient:
            heights[q], failure = -math.inf, status if status != OK else NOT_FINITE
        else:
            return status if status != OK else NOT_FINITE
    if not highest > -math.inf:
        return failure
    total = 0.0
    for q in range(len(nodes)):
        total += math.exp(heights[q] - highest)
    whole = highest + math.log(total)
    for q in range(len(nodes)):
        heights[q] -= whole
    result.ofv[subject] -= 2.0 * whole
    return OK


@part
def _average(subject, which, prior, grid, code, timeline, work, density, space):
    """Average the slopes that the gradient needs over the nodes. Returns a status."""
    n, n_fixed, point, nodes = code.n_etas, code.n_fixed, space.point, grid.nodes[which]
    for x in range(n_fixed):
        space.by_fixed[x] = 0.0
    for k in range(n):
        for m in range(n):
            space.outer[k, m] = 0.0
    for q in range(len(nodes)):
        share = math.exp(space.heights[which, q])
        if share < _LEAST_SHARE:
            continue
        _place(nodes[q], 1.0, space, point)
        status = slopes_of_data(subject, point, code, timeline, work, density.value, density.slope)
        if status != OK:
            return status
        for u in range(n_fixed + n):
            density.gradient[u] = 0.0
        chain_slopes(1.0, density.slope, code, work, density.gradient[:n_fixed], density.gradient[n_fixed:])
        for k in range(n):
            for m in range(n):
                density.gradient[n_fixed + k] += prior.precision[k, m] * point[m]
        _add_node(share, nodes[q], code, density, space)
    return OK


@part
def _add_node(share, z, code, density, space):
    n, n_fixed, point = code.n_etas, code.n_fixed, space.point
    for x in range(n_fixed):
        space.by_fixed[x] += 2.0 * share * density.gradient[x]
    _by_transpose(space.c, density.gradient[n_fixed:], space.whitened)
    for k in range(n):
        space.slope[k] += 2.0 * share * density.gradient[n_fixed + k]
        for m in range(n):
            space.outer[k, m] += share * point[k] * point[m]
            space.g[k, m] += share * space.whitened[k] * z[m]


@part
def _by_transpose(c, vector, out):
    """Write C' vector for an upper triangular C."""
    for j in range(len(c)):
        out[j] = 0.0
        for k in range(j + 1):
            out[j] += c[k, j] * vector[k]


@part
def _bend(space):
    """Write C B, so that A = C B C'."""
    n, cb = len(space.mode), space.cb
    for k in range(n):
        for j in range(n):
            cb[k, j] = space.c[k, j]
            for i in range(k, n):
                cb[k, j] -= space.c[k, i] * (space.g[i, j] if i <= j else space.g[j, i])


@part
def _finish(subject, prior, code, space, result):
    """Put the gradient together."""
    n, n_fixed, w, eta, inverse = code.n_etas, code.n_fixed, space.whitened, space.mode, result.inverse_curvature[subject]
    for k in range(n):
        space.point[k] = space.slope[k] + space.traces[n_fixed + k]
    solve_cholesky(space.factor, space.point, w)
    for x in range(n_fixed):
        total = space.by_fixed[x] + space.traces[x]
        for k in range(n):
            total -= w[k] * space.cross[k, x]
            shift = 0.0
            for m in range(n):
                shift -= inverse[k, m] * space.cross[m, x]
            result.mode_by_fixed[subject, k, x] = shift
        result.by_fixed[subject, x] = total
    for k in range(n):
        for m in range(n):
            spread = 0.0
            for j in range(m, n):
                spread += space.cb[k, j] * space.c[m, j]
            space.inverse[k, m] = space.outer[k, m] - prior.omega[k, m] + spread - 0.5 * (w[k] * eta[m] + eta[k] * w[m])
    negative_sandwich(prior.precision, space.inverse, result.by_omega[subject])
