"""The first-order approximation of the marginal likelihood of one subject, and its exact gradient.

The model is linearised in the etas at zero: y ~ N(f(0), C), C = G omega G' + R(0), so that with r = y - f(0), H = P + G' R^-1 G and
the linearised mode eta* = H^-1 G' R^-1 r

    OFV_i = log det C + r' C^-1 r = 2 l(0) - eta*' H eta* + log det omega + log det H

in NONMEM's convention (METHOD=0). With A = H^-1 + eta* eta*' and P = omega^-1,

    dOFV_i/dx = 2 dl/dx + 2 eta*' d2l/(deta dx) + tr(A dH/dx)
    dOFV_i/dP = eta* eta*' - omega + H^-1,       dOFV_i/domega = -P (dOFV_i/dP) P,

all at eta = 0, where l has the variances R(0). Source: Beal and Sheiner (Crit Rev Biomed Eng 8:195, 1982).
"""

import numpy as np

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.foce import CURVATURE_NOT_POSITIVE, OK, set_out, time_of_failure
from popmix.engine.linear import cholesky, inverse_cholesky, log_determinant, negative_sandwich, solve_cholesky

_DERIVATIVES = np.int64(2)
_FROZEN = True


@compiled
def first_orders(subjects, fixed, prior, code, timeline, work, density, result):
    """Evaluate the subjects listed; `result.eta` becomes the linearised modes, `result.inverse_curvature` H^-1."""
    for subject in subjects:
        set_out(fixed, code, work)
        result.status[subject] = _first_order(subject, prior, code, timeline, work, density, result)
        result.failed_at[subject] = time_of_failure(result.status[subject], work)


@part
def _first_order(subject, prior, code, timeline, work, density, result):
    eta = result.eta[subject]
    result.ofv[subject] = 0.0
    for k in range(code.n_etas):
        eta[k] = 0.0
    if timeline.first_observation[subject + 1] == timeline.first_observation[subject]:
        return OK
    status = call_at(code.freeze, (subject, code, timeline, work, density))
    if status == OK:
        status = call_at(code.evaluate, (_DERIVATIVES, _FROZEN, subject, eta, prior.precision, code, timeline, work, density))
    if status != OK:
        return status
    return _finish(subject, eta, prior, code, timeline, work, density, result)


@part
def _finish(subject, eta, prior, code, timeline, work, density, result):
    """Objective and gradient from the density at eta = 0; writes the linearised mode into `eta`."""
    n, n_fixed, small, inverse = code.n_etas, code.n_fixed, density.small, result.inverse_curvature[subject]
    if not cholesky(density.expected, small.factor):
        return CURVATURE_NOT_POSITIVE
    inverse_cholesky(small.factor, small.moved, inverse)
    for k in range(n):
        small.slope[k] = -density.gradient[n_fixed + k]
    solve_cholesky(small.factor, small.slope, eta)
    result.ofv[subject] = 2.0 * density.value[0] + log_determinant(prior.root) + log_determinant(small.factor)
    for k in range(n):
        result.ofv[subject] -= eta[k] * small.slope[k]
        for m in range(n):
            small.inverse[k, m] = inverse[k, m] + eta[k] * eta[m]
            small.half[k, m] = small.inverse[k, m] - prior.omega[k, m]
    call_at(code.complete, (_FROZEN, subject, small.inverse, code, timeline, work, density))
    for x in range(n_fixed):
        result.by_fixed[subject, x] = 2.0 * density.gradient[x] + density.traces[x]
        for k in range(n):
            result.by_fixed[subject, x] += 2.0 * eta[k] * density.cross[k, x]
    negative_sandwich(prior.precision, small.half, result.by_omega[subject])
    return OK
