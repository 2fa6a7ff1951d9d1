"""The FOCE approximation of the marginal likelihood of one subject, and its exact gradient.

    OFV_i = 2 l(eta*) + log det omega + log det H,     H = expected curvature at the mode eta*

in NONMEM's convention (no n log 2 pi; the log 2 pi of the etas cancels). With L = d2l/deta2 and c = d log det H / deta, the
implicit function theorem gives d eta*/dx = -L^-1 d2l/(deta dx), so that with w = L^-1 c

    dOFV_i/dx = 2 dl/dx + tr(H^-1 dH/dx) - w' d2l/(deta dx)
    dOFV_i/dP = eta eta' - omega + H^-1 - (w eta' + eta w') / 2,      dOFV_i/domega = -P (dOFV_i/dP) P.

Source: Almquist, Leander and Jirstrand (J Pharmacokinet Pharmacodyn 42:191, 2015).
"""

from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import call_at, compiled, inlined
from popmix.engine.density import freeze_variances
from popmix.engine.linear import cholesky, inverse_cholesky, log_determinant, negative_sandwich, solve_cholesky
from popmix.engine.mode import climb, search

OK, CURVATURE_NOT_POSITIVE = 0, 4


class Marginal(NamedTuple):
    """Results of all subjects: objective, mode, derivatives by fixed unknowns and omega, sensitivity of the mode."""

    ofv: np.ndarray
    eta: np.ndarray
    by_fixed: np.ndarray
    by_omega: np.ndarray
    mode_by_fixed: np.ndarray
    inverse_curvature: np.ndarray
    status: np.ndarray


def new_marginal(n_subjects: int, n_fixed: int, n_etas: int) -> Marginal:
    """Return zeroed results."""
    return Marginal(
        np.zeros(n_subjects),
        np.zeros((n_subjects, n_etas)),
        np.zeros((n_subjects, n_fixed)),
        np.zeros((n_subjects, n_etas, n_etas)),
        np.zeros((n_subjects, n_etas, n_fixed)),
        np.zeros((n_subjects, n_etas, n_etas)),
        np.zeros(n_subjects, dtype=np.int64),
    )


@compiled
def marginals(subjects, frozen, globally, fixed, omega, precision, root, candidates, code, timeline, work, density, result):
    """Evaluate the subjects listed, from the modes in `result.eta` on; with `globally` search for other modes too."""
    for subject in subjects:
        for x in range(code.n_fixed):
            work.unknowns[x] = fixed[x]
        result.status[subject] = _marginal(
            subject, frozen, globally, omega, precision, root, candidates, code, timeline, work, density, result
        )


@inlined
def _marginal(subject, frozen, globally, omega, precision, root, candidates, code, timeline, work, density, result):
    result.ofv[subject] = 0.0
    if timeline.first_observation[subject + 1] == timeline.first_observation[subject]:
        _no_data(subject, code, result)
        return OK
    if frozen:
        status = freeze_variances(np.int64(2), subject, code, timeline, work, density)
        if status != OK:
            return status
    eta = result.eta[subject]
    if globally and len(eta) > 0:
        status = search(frozen, subject, eta, candidates, root, precision, code, timeline, work, density)
        if status != OK:
            return status
        status = call_at(code.evaluate, (np.int64(2), frozen, subject, eta, precision, code, timeline, work, density))
    else:
        status = climb(frozen, subject, eta, precision, code, timeline, work, density)
    if status != OK:
        return status
    return _finish(subject, omega, precision, code, density, result)


@inlined
def _no_data(subject, code, result):
    """A subject without observations has its mode at zero and contributes nothing."""
    result.eta[subject, :] = 0.0
    result.by_fixed[subject, :] = 0.0
    result.by_omega[subject, :, :] = 0.0
    result.mode_by_fixed[subject, :, :] = 0.0
    result.inverse_curvature[subject, :, :] = 0.0


@inlined
def _finish(subject, omega, precision, code, density, result):
    """Objective and gradient from the density at the mode."""
    n, n_fixed = code.n_etas, code.n_fixed
    eta = result.eta[subject]
    if n == 0:
        result.ofv[subject] = 2.0 * density.value[0]
        for x in range(n_fixed):
            result.by_fixed[subject, x] = 2.0 * density.gradient[x]
        return OK
    factor, curvature = np.zeros((n, n)), np.zeros((n, n))
    h_inverse = np.zeros((n, n))
    if not cholesky(density.expected, factor):
        return CURVATURE_NOT_POSITIVE
    inverse_cholesky(factor, h_inverse)
    omega_factor = np.zeros((n, n))
    cholesky(omega, omega_factor)
    result.ofv[subject] = 2.0 * density.value[0] + log_determinant(omega_factor) + log_determinant(factor)
    traces = np.zeros(n_fixed + n)
    for u in range(n_fixed + n):
        for k in range(n):
            for m in range(n):
                traces[u] += h_inverse[k, m] * density.expected_slope[u, k, m]
    for k in range(n):
        for m in range(n):
            curvature[k, m] = density.cross[k, n_fixed + m]
    if not cholesky(curvature, factor):
        return CURVATURE_NOT_POSITIVE
    inverse = result.inverse_curvature[subject]
    inverse_cholesky(factor, inverse)
    w = np.zeros(n)
    solve_cholesky(factor, traces[n_fixed:], w)
    for x in range(n_fixed):
        total = 2.0 * density.gradient[x] + traces[x]
        for k in range(n):
            total -= w[k] * density.cross[k, x]
        result.by_fixed[subject, x] = total
        for k in range(n):
            shift = 0.0
            for m in range(n):
                shift -= inverse[k, m] * density.cross[m, x]
            result.mode_by_fixed[subject, k, x] = shift
    by_precision = np.zeros((n, n))
    for k in range(n):
        for m in range(n):
            by_precision[k, m] = eta[k] * eta[m] - omega[k, m] + h_inverse[k, m] - 0.5 * (w[k] * eta[m] + eta[k] * w[m])
    negative_sandwich(precision, by_precision, result.by_omega[subject])
    return OK

