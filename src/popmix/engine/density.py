"""The joint density of one subject's data and random effects, with derivatives.

Half of -2 log p(y, eta) without its constants:

    l(eta) = 1/2 sum_j [log R_j + (y_j - f_j)^2 / R_j] + 1/2 eta' P eta,      P = omega^-1

With `frozen` variances (FOCE without interaction) R_j is the one at eta = 0 and does not depend on eta.
`u` = (thetas, sigmas, etas) are the unknowns; n etas, U unknowns.
"""

from typing import NamedTuple

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.compiled import call_at, compiled, inlined

OK, NOT_FINITE, VARIANCE_NOT_POSITIVE = 0, 1, 2


class Density(NamedTuple):
    """Derivatives of l at one eta.

    value [1]; gradient [U]; cross [n, U]: second derivatives by eta and every unknown; expected [n, n]: the curvature
    with second derivatives of predictions left out and residuals at their expectation (NONMEM's FOCE Hessian);
    expected_slope [U, n, n]: its derivatives; f_u, r_u, f_eu, r_eu: chained derivatives of one observation.
    """

    value: np.ndarray
    gradient: np.ndarray
    cross: np.ndarray
    expected: np.ndarray
    expected_slope: np.ndarray
    f_u: np.ndarray
    r_u: np.ndarray
    f_eu: np.ndarray
    r_eu: np.ndarray
    half: np.ndarray


def new_density(n_etas: int, n_unknowns: int, n_directions: int) -> Density:
    """Return zeroed arrays."""
    return Density(
        np.zeros(1),
        np.zeros(n_unknowns),
        np.zeros((n_etas, n_unknowns)),
        np.zeros((n_etas, n_etas)),
        np.zeros((n_unknowns, n_etas, n_etas)),
        np.zeros(n_unknowns),
        np.zeros(n_unknowns),
        np.zeros((n_etas, n_unknowns)),
        np.zeros((n_etas, n_unknowns)),
        np.zeros((n_directions, n_unknowns)),
    )


@inlined
def set_individual(order, subject, eta, code, timeline, work):
    """Evaluate the directions of a subject (and their derivatives) at eta; thetas and sigmas stand in `work.unknowns`."""
    for k in range(code.n_etas):
        work.unknowns[code.n_fixed + k] = eta[k]
    row = timeline.first_row[subject]
    call_model(
        code.individual_0 if order == 0 else code.individual_2, work.amounts, work.unknowns, timeline.at[row], timeline.times[row], work.individual
    )


@compiled
def evaluate(order, frozen, subject, eta, precision, code, timeline, work, density):
    """Fill `density` at eta (order 0: the value only). Returns a status code."""
    set_individual(order, subject, eta, code, timeline, work)
    status = call_at(code.solve, (order, subject, code, timeline, work))
    if status != OK:
        return status
    n_observed = timeline.first_observation[subject + 1] - timeline.first_observation[subject]
    status = _value(frozen, subject, n_observed, eta, precision, timeline, work, density)
    if status != OK or order == 0:
        return status
    density.gradient[:] = 0.0
    density.cross[:] = 0.0
    density.expected[:] = 0.0
    density.expected_slope[:] = 0.0
    for j in range(n_observed):
        chain(j, 0, code, work, density.f_u, density.f_eu, density.half)
        if frozen:
            for u in range(code.n_fixed):
                density.r_u[u] = work.frozen_first[j, u]
            density.r_u[code.n_fixed :] = 0.0
            density.r_eu[:] = 0.0
        else:
            chain(j, 1, code, work, density.r_u, density.r_eu, density.half)
        variance = work.frozen[j] if frozen else work.prediction[j, 1]
        residual = timeline.y[timeline.first_observation[subject] + j] - work.prediction[j, 0]
        _accumulate(residual, variance, code, density)
    _add_prior(eta, precision, code, density)
    return OK


@inlined
def _value(frozen, subject, n_observed, eta, precision, timeline, work, density):
    total = 0.0
    for j in range(n_observed):
        variance = work.frozen[j] if frozen else work.prediction[j, 1]
        if not np.isfinite(variance) or not np.isfinite(work.prediction[j, 0]):
            return NOT_FINITE
        if variance <= 0.0:
            return VARIANCE_NOT_POSITIVE
        residual = timeline.y[timeline.first_observation[subject] + j] - work.prediction[j, 0]
        total += np.log(variance) + residual * residual / variance
    for k in range(len(eta)):
        for m in range(len(eta)):
            total += eta[k] * precision[k, m] * eta[m]
    density.value[0] = 0.5 * total
    return OK if np.isfinite(total) else NOT_FINITE


@compiled
def chain(j, q, code, work, by_unknown, by_eta_unknown, half):
    """Chain rule from directions to unknowns for output q (0 prediction, 1 variance) of observation j."""
    n_d, n_fixed, n_etas = code.n_directions, code.n_fixed, code.n_etas
    n_u = n_fixed + n_etas
    first, second, buffer = work.first[j, q], work.second[j, q], work.individual
    by_unknown[:] = 0.0
    by_eta_unknown[:] = 0.0
    half[:] = 0.0
    for d in range(n_d):
        for e in range(d + 1):
            curve = second[d, e]
            if curve == 0.0:
                continue
            row_d, row_e = n_d + d * n_u, n_d + e * n_u
            for u in range(n_u):
                half[d, u] += curve * buffer[row_e + u]
                if d != e:
                    half[e, u] += curve * buffer[row_d + u]
    for d in range(n_d):
        slope, row = first[d], n_d + d * n_u
        block = n_d + n_d * n_u + d * n_u * n_u
        if slope != 0.0:
            for u in range(n_u):
                by_unknown[u] += slope * buffer[row + u]
        for k in range(n_etas):
            through = buffer[row + n_fixed + k]
            curvature = block + (n_fixed + k) * n_u
            if through == 0.0 and slope == 0.0:
                continue
            for u in range(n_u):
                by_eta_unknown[k, u] += through * half[d, u] + slope * buffer[curvature + u]


@inlined
def _accumulate(residual, variance, code, density):
    """Add one observation to gradient, cross derivatives, expected curvature and its slopes."""
    n_fixed, n_etas = code.n_fixed, code.n_etas
    f_u, r_u, f_eu, r_eu = density.f_u, density.r_u, density.f_eu, density.r_eu
    weight = 1.0 / variance
    scaled = residual * weight
    to_f = -scaled
    to_r = 0.5 * (weight - scaled * scaled)
    f_f = weight
    f_r = scaled * weight
    r_r = (scaled * scaled - 0.5 * weight) * weight
    for u in range(n_fixed + n_etas):
        density.gradient[u] += to_f * f_u[u] + to_r * r_u[u]
    for k in range(n_etas):
        f_k, r_k = f_u[n_fixed + k], r_u[n_fixed + k]
        by_f = f_f * f_k + f_r * r_k
        by_r = f_r * f_k + r_r * r_k
        for u in range(n_fixed + n_etas):
            density.cross[k, u] += to_f * f_eu[k, u] + to_r * r_eu[k, u] + by_f * f_u[u] + by_r * r_u[u]
        for m in range(k + 1):
            f_m, r_m = f_u[n_fixed + m], r_u[n_fixed + m]
            squared, mixed = f_k * f_m * weight, 0.5 * r_k * r_m * weight * weight
            density.expected[k, m] += squared + mixed
            for u in range(n_fixed + n_etas):
                slope = (f_eu[k, u] * f_m + f_k * f_eu[m, u]) * weight
                slope += 0.5 * (r_eu[k, u] * r_m + r_k * r_eu[m, u]) * weight * weight
                density.expected_slope[u, k, m] += slope - (squared + 2.0 * mixed) * r_u[u] * weight


@inlined
def _add_prior(eta, precision, code, density):
    """Add the normal density of the etas and complete the symmetric matrices."""
    for k in range(code.n_etas):
        for m in range(code.n_etas):
            density.gradient[code.n_fixed + k] += precision[k, m] * eta[m]
            density.cross[k, code.n_fixed + m] += precision[k, m]
        for m in range(k + 1):
            density.expected[k, m] += precision[k, m]
            density.expected[m, k] = density.expected[k, m]
            for u in range(code.n_fixed + code.n_etas):
                density.expected_slope[u, m, k] = density.expected_slope[u, k, m]


@compiled
def freeze_variances(order, subject, code, timeline, work, density):
    """Store the variances at eta = 0 (and their derivatives by thetas and sigmas) for FOCE without interaction."""
    zero = np.zeros(code.n_etas)
    set_individual(order, subject, zero, code, timeline, work)
    status = call_at(code.solve, (order, subject, code, timeline, work))
    if status != OK:
        return status
    for j in range(timeline.first_observation[subject + 1] - timeline.first_observation[subject]):
        work.frozen[j] = work.prediction[j, 1]
        if order > 0:
            chain(j, 1, code, work, density.r_u, density.r_eu, density.half)
            for u in range(code.n_fixed):
                work.frozen_first[j, u] = density.r_u[u]
    return OK
