"""The joint density of one subject's data and random effects, with derivatives.

Half of -2 log p(y, eta) without its constants:

    l(eta) = 1/2 sum_j [log R_j + (y_j - f_j)^2 / R_j] + sum_k m_k + 1/2 eta' P eta,      P = omega^-1

over Gaussian observations j and those of any other kind k (`code.is_free`), whose endpoint gives m = -log p itself with all its
constants and, for the expected curvature, a pseudo-observation z: its curvature is taken as z_d z_e. With `frozen` variances (FOCE
without interaction) R_j is the one at eta = 0 and does not depend on eta.

Derivatives are summed over observations in the few directions d(u) of the model, and chained once per subject to the
unknowns u = (thetas, sigmas, etas): with J = dd/du and K = d2d/du2,

    dl/du = l_d J,      d2l/(du dv) = J' l_dd J + l_d K.

n etas, X thetas and sigmas, U = X + n unknowns, D directions. Matrices in directions hold their lower triangle until
`_mirrored`.
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.compiled import compiled, part
from popmix.engine.linear import Small, new_small
from popmix.engine.walk import solve_subject

OK, NOT_FINITE, VARIANCE_NOT_POSITIVE = 0, 1, 2
_MOST_MODES = 16


class Density(NamedTuple):
    """Derivatives of l at one eta.

    value [1]; gradient [U]; cross [n, U]: second derivatives by eta and every unknown; expected [n, n]: the curvature
    with second derivatives of predictions left out and residuals at their expectation (NONMEM's FOCE Hessian); traces [U]:
    tr(H^-1 dH/du) of H = expected. In directions: slope [D], curved [D, D], informed [D, D], trace [D]; curved J [D, U],
    informed J [D, n] and working memory, `small` for the search of the mode; the first `n_known` of the modes `known` have been found
    in the search that is under way.
    """

    value: np.ndarray
    gradient: np.ndarray
    cross: np.ndarray
    expected: np.ndarray
    traces: np.ndarray
    slope: np.ndarray
    curved: np.ndarray
    informed: np.ndarray
    trace: np.ndarray
    curved_j: np.ndarray
    informed_j: np.ndarray
    spread: np.ndarray
    spread_j: np.ndarray
    by_unknown: np.ndarray
    known: np.ndarray
    n_known: np.ndarray
    small: Small


def new_density(n_etas: int, n_unknowns: int, n_directions: int) -> Density:
    """Return zeroed arrays."""
    return Density(
        value=np.zeros(1),
        gradient=np.zeros(n_unknowns),
        cross=np.zeros((n_etas, n_unknowns)),
        expected=np.zeros((n_etas, n_etas)),
        traces=np.zeros(n_unknowns),
        slope=np.zeros(n_directions),
        curved=np.zeros((n_directions, n_directions)),
        informed=np.zeros((n_directions, n_directions)),
        trace=np.zeros(n_directions),
        curved_j=np.zeros((n_directions, n_unknowns)),
        informed_j=np.zeros((n_directions, n_etas)),
        spread=np.zeros((n_directions, n_directions)),
        spread_j=np.zeros((n_directions, n_etas)),
        by_unknown=np.zeros(n_unknowns),
        known=np.zeros((_MOST_MODES, n_etas)),
        n_known=np.zeros(1, dtype=np.int64),
        small=new_small(n_etas),
    )


@part
def set_individual(order, subject, eta, code, timeline, work):
    """Evaluate the directions of a subject (and their derivatives) at eta; thetas and sigmas stand in `work.unknowns`."""
    for k in range(code.n_etas):
        work.unknowns[code.n_fixed + k] = eta[k]
    row = timeline.first_row[subject]
    address = code.individual_0 if order == 0 else code.individual_2
    call_model(address, work.amounts, work.unknowns, timeline.at[row], timeline.times[row], work.individual)


@compiled
def evaluate(order, frozen, subject, eta, precision, code, timeline, work, density):
    """Fill `density` at eta: the value (order 0), or the value and its derivatives in the etas. Returns a status code."""
    set_individual(order, subject, eta, code, timeline, work)
    status = solve_subject(order, subject, code, timeline, work)
    if status != OK:
        return status
    start, end = timeline.first_observation[subject], timeline.first_observation[subject + 1]
    if order > 0:
        _clear(code, density)
    total = 0.0
    for j in range(end - start):
        endpoint = timeline.endpoint[start + j]
        if code.is_free[endpoint]:
            total += 2.0 * work.prediction[j, 0]
            if order > 0:
                _accumulate_free(endpoint, work.first[j], work.second[j], code, density)
            continue
        prediction, variance = work.prediction[j, 0], work.frozen[j] if frozen else work.prediction[j, 1]
        if not (math.isfinite(variance) and math.isfinite(prediction)):
            return NOT_FINITE
        if variance <= 0.0:
            return VARIANCE_NOT_POSITIVE
        residual = timeline.y[start + j] - prediction
        total += math.log(variance) + residual * residual / variance
        if order > 0:
            _accumulate(frozen, residual, 1.0 / variance, endpoint, work.first[j], work.second[j], code, density)
    for k in range(code.n_etas):
        for m in range(code.n_etas):
            total += eta[k] * precision[k, m] * eta[m]
    density.value[0] = 0.5 * total
    if order > 0:
        _chain_to_etas(eta, precision, code, work.individual, density)
    return OK if math.isfinite(total) else NOT_FINITE


@part
def _clear(code, density):
    for d in range(code.n_directions):
        density.slope[d] = 0.0
        for e in range(d + 1):
            density.curved[d, e] = 0.0
            density.informed[d, e] = 0.0


@part
def _accumulate(frozen, residual, weight, endpoint, first, second, code, density):
    """Add one observation to the derivatives in directions; `first` [2, D] and `second` [2, D, D] belong to f and R."""
    slope, curved, informed, scaled = density.slope, density.curved, density.informed, residual * weight
    of_f, n_f, of_r, n_r = code.active[endpoint, 0], code.n_active[endpoint, 0], code.active[endpoint, 1], code.n_active[endpoint, 1]
    for a in range(n_f):
        d = of_f[a]
        slope[d] -= scaled * first[0, d]
        for b in range(a + 1):
            e = of_f[b]
            product = first[0, d] * first[0, e] * weight
            curved[d, e] += product - scaled * second[0, d, e]
            informed[d, e] += product
    if frozen:
        return
    by_r, by_r_r, by_f_r = 0.5 * (weight - scaled * scaled), (scaled * scaled - 0.5 * weight) * weight, scaled * weight
    for a in range(n_r):
        d = of_r[a]
        slope[d] += by_r * first[1, d]
        for b in range(a + 1):
            e = of_r[b]
            product = first[1, d] * first[1, e]
            curved[d, e] += by_r * second[1, d, e] + by_r_r * product
            informed[d, e] += 0.5 * product * weight * weight
        for b in range(n_f):
            e = of_f[b]
            mixed = by_f_r * first[1, d] * first[0, e]
            curved[max(d, e), min(d, e)] += 2.0 * mixed if d == e else mixed


@part
def _accumulate_free(endpoint, first, second, code, density):
    """Add one observation that is not Gaussian: its own derivatives, and what its pseudo-observation tells."""
    slope, curved, informed = density.slope, density.curved, density.informed
    of_m, n_m, of_z, n_z = code.active[endpoint, 0], code.n_active[endpoint, 0], code.active[endpoint, 1], code.n_active[endpoint, 1]
    for a in range(n_m):
        d = of_m[a]
        slope[d] += first[0, d]
        for b in range(a + 1):
            curved[d, of_m[b]] += second[0, d, of_m[b]]
    for a in range(n_z):
        for b in range(a + 1):
            informed[of_z[a], of_z[b]] += first[1, of_z[a]] * first[1, of_z[b]]


@part
def _mirrored(matrix, n):
    """Copy the lower triangle to the upper one."""
    for d in range(n):
        for e in range(d):
            matrix[e, d] = matrix[d, e]


@part
def times_jacobian(matrix, individual, first, last, code, out):
    """Write matrix J for the unknowns `first` to `last` - 1 into the first columns of `out`."""
    n_d, n_u = code.n_directions, code.n_fixed + code.n_etas
    for d in range(n_d):
        for u in range(last - first):
            out[d, u] = 0.0
        for e in range(n_d):
            entry, row = matrix[d, e], n_d + e * n_u + first
            # most entries are zero where directions belong to different occasions
            for u in range(last - first if entry != 0.0 else 0):
                out[d, u] += entry * individual[row + u]


@part
def _chain_to_etas(eta, precision, code, individual, density):
    """Chain the derivatives in directions to the etas and add the normal density of the etas."""
    n, n_d, n_fixed = code.n_etas, code.n_directions, code.n_fixed
    n_u = n_fixed + n
    _mirrored(density.curved, n_d)
    _mirrored(density.informed, n_d)
    times_jacobian(density.curved, individual, n_fixed, n_u, code, density.curved_j)
    times_jacobian(density.informed, individual, n_fixed, n_u, code, density.informed_j)
    for k in range(n):
        gradient = 0.0
        for m in range(n):
            gradient += precision[k, m] * eta[m]
            density.cross[k, n_fixed + m] = precision[k, m]
            density.expected[k, m] = precision[k, m]
        for d in range(n_d):
            if not code.depends[d, n_fixed + k]:
                continue
            through, slope = individual[n_d + d * n_u + n_fixed + k], density.slope[d]
            gradient += slope * through
            curves = n_d + n_d * n_u + (d * n_u + n_fixed + k) * n_u + n_fixed
            for m in range(n):
                density.cross[k, n_fixed + m] += through * density.curved_j[d, m] + slope * individual[curves + m]
                density.expected[k, m] += through * density.informed_j[d, m]
        density.gradient[n_fixed + k] = gradient


@part
def by_unknowns(j, q, endpoint, code, work, out):
    """Write the derivatives of output q (0 prediction, 1 variance) of observation j by the unknowns into `out` [U]."""
    n_u = code.n_fixed + code.n_etas
    for u in range(n_u):
        out[u] = 0.0
    for a in range(code.n_active[endpoint, q]):
        d = code.active[endpoint, q, a]
        slope, row = work.first[j, q, d], code.n_directions + d * n_u
        for u in range(n_u):
            out[u] += slope * work.individual[row + u]


@compiled
def freeze_variances(subject, code, timeline, work, density):
    """Store the variances at eta = 0, with their derivatives by thetas and sigmas, for FOCE without interaction."""
    for k in range(code.n_etas):
        density.gradient[code.n_fixed + k] = 0.0
    set_individual(2, subject, density.gradient[code.n_fixed :], code, timeline, work)
    status = solve_subject(2, subject, code, timeline, work)
    if status != OK:
        return status
    start = timeline.first_observation[subject]
    for j in range(timeline.first_observation[subject + 1] - start):
        work.frozen[j] = work.prediction[j, 1]
        by_unknowns(j, 1, timeline.endpoint[start + j], code, work, density.by_unknown)
        for x in range(code.n_fixed):
            work.frozen_first[j, x] = density.by_unknown[x]
    return OK
