"""The FOCE approximation of the marginal likelihood of one subject, and its exact gradient.

    OFV_i = 2 l(eta*) + log det omega + log det H,     H = expected curvature at the mode eta*

in NONMEM's convention (no n log 2 pi; the log 2 pi of the etas cancels). With L = d2l/deta2 and c = d log det H / deta, the
implicit function theorem gives d eta*/dx = -L^-1 d2l/(deta dx), so that with w = L^-1 c

    dOFV_i/dx = 2 dl/dx + tr(H^-1 dH/dx) - w' d2l/(deta dx)
    dOFV_i/dP = eta eta' - omega + H^-1 - (w eta' + eta w') / 2,      dOFV_i/domega = -P (dOFV_i/dP) P.

Source: Almquist, Leander and Jirstrand (J Pharmacokinet Pharmacodyn 42:191, 2015).
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.linear import cholesky, inverse_cholesky, log_determinant, negative_sandwich, solve_cholesky

OK, NOT_FINITE, CURVATURE_NOT_POSITIVE = 0, 1, 4
# statuses from this one on belong to a time, and what is not finite where equations were integrated
TIMED = 9


class Marginal(NamedTuple):
    """Results of all subjects: objective, mode, derivatives by fixed unknowns and omega, sensitivity of the mode.

    `failed_at`: the time at which an integration or a search for a steady state failed, nan for other reasons.
    """

    ofv: np.ndarray
    eta: np.ndarray
    by_fixed: np.ndarray
    by_omega: np.ndarray
    mode_by_fixed: np.ndarray
    inverse_curvature: np.ndarray
    status: np.ndarray
    failed_at: np.ndarray


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
        np.full(n_subjects, np.nan),
    )


@compiled
def marginals(subjects, frozen, globally, fixed, prior, code, timeline, work, density, result):
    """Evaluate the subjects listed, from the modes in `result.eta` on; with `globally` search for other modes too."""
    for subject in subjects:
        set_out(fixed, code, work)
        result.status[subject] = _marginal(subject, frozen, globally, prior, code, timeline, work, density, result)
        result.failed_at[subject] = time_of_failure(result.status[subject], work)


@part
def set_out(fixed, code, work):
    """Begin with a subject: thetas and sigmas, and no failure yet."""
    for x in range(code.n_fixed):
        work.unknowns[x] = fixed[x]
    work.flow.failed_at[0] = math.nan


@part
def time_of_failure(status, work):
    """Return the time to which a status belongs, nan for statuses without one."""
    return work.flow.failed_at[0] if status >= TIMED or status == NOT_FINITE else math.nan


@part
def _marginal(subject, frozen, globally, prior, code, timeline, work, density, result):
    result.ofv[subject] = 0.0
    if timeline.first_observation[subject + 1] == timeline.first_observation[subject]:
        # its mode is zero, it contributes nothing
        for k in range(code.n_etas):
            result.eta[subject, k] = 0.0
        return OK
    if frozen:
        status = call_at(code.freeze, (subject, code, timeline, work, density))
        if status != OK:
            return status
    eta, precision = result.eta[subject], prior.precision
    if globally and len(eta) > 0:
        status = call_at(code.search, (frozen, subject, eta, prior, code, timeline, work, density))
    else:
        status = call_at(code.climb, (frozen, subject, eta, precision, code, timeline, work, density))
    if status != OK:
        return status
    return _finish(frozen, subject, eta, prior, code, timeline, work, density, result)


@part
def _finish(frozen, subject, eta, prior, code, timeline, work, density, result):
    """Objective and gradient from the density at the mode."""
    n, n_fixed, small, traces = code.n_etas, code.n_fixed, density.small, density.traces
    factor, of_h, w = small.factor, small.inverse, small.step
    if not cholesky(density.expected, factor):
        return CURVATURE_NOT_POSITIVE
    inverse_cholesky(factor, small.moved, of_h)
    result.ofv[subject] = 2.0 * density.value[0] + log_determinant(prior.root) + log_determinant(factor)
    call_at(code.complete, (frozen, subject, of_h, code, timeline, work, density))
    for k in range(n):
        for m in range(n):
            small.curvature[k, m] = density.cross[k, n_fixed + m]
    if not cholesky(small.curvature, factor):
        return CURVATURE_NOT_POSITIVE
    inverse = result.inverse_curvature[subject]
    inverse_cholesky(factor, small.moved, inverse)
    solve_cholesky(factor, traces[n_fixed:], w)
    for x in range(n_fixed):
        total = 2.0 * density.gradient[x] + traces[x]
        for k in range(n):
            total -= w[k] * density.cross[k, x]
            shift = 0.0
            for m in range(n):
                shift -= inverse[k, m] * density.cross[m, x]
            result.mode_by_fixed[subject, k, x] = shift
        result.by_fixed[subject, x] = total
    by_precision = small.half
    for k in range(n):
        for m in range(n):
            by_precision[k, m] = eta[k] * eta[m] - prior.omega[k, m] + of_h[k, m] - 0.5 * (w[k] * eta[m] + eta[k] * w[m])
    negative_sandwich(prior.precision, by_precision, result.by_omega[subject])
    return OK
