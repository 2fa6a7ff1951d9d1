"""Expected information of the marginal model linearised at the modes: the curvature from which an estimation starts.

An observation with mean f and variance R informs about unknowns u = (x, eta) like the two pseudo-observations
a = (f_u / sqrt R, R_u / (sqrt 2 R)). With A the stack of them, H = omega^-1 + A_eta' A_eta and P_x = A_eta' A_x, what is left of the
information about x when the etas are not observed is, for -2 log L,

    I_xz = 2 (A_x' A_z - P_x' H^-1 P_z) + degrees of freedom that the etas take from the variances
    I_ab = tr(M E_a M E_b) for elements E_a, E_b of omega,    M = A_eta' A_eta - A_eta' A_eta H^-1 A_eta' A_eta

The last term of I_xz and the mixed one, tr(V^-1 D_x V^-1 F E F'), use D_x, the change of the variances when x moves and the mode follows.

Source: Mentre, Mallet and Baccar (Biometrika 84:429, 1997), at the modes instead of eta = 0; Louis (JRSS B 44:226, 1982).
"""

from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import call_at, compiled, inlined
from popmix.engine.density import chain, freeze_variances
from popmix.engine.linear import cholesky, solve_cholesky


class Information(NamedTuple):
    """Per subject: fixed unknowns [X, X], M = F' V^-1 F [n, n], and F' V^-1 diag(R_x) V^-1 F [X, n, n]."""

    fixed: np.ndarray
    omega: np.ndarray
    mixed: np.ndarray


def new_information(n_subjects: int, n_fixed: int, n_etas: int) -> Information:
    """Return zeroed results."""
    return Information(
        np.zeros((n_subjects, n_fixed, n_fixed)), np.zeros((n_subjects, n_etas, n_etas)), np.zeros((n_subjects, n_fixed, n_etas, n_etas))
    )


@compiled
def informations(subjects, frozen, fixed, modes, precision, code, timeline, work, density, result):
    """Fill `result` for the subjects listed, at their modes; a subject that can't be evaluated keeps zeros."""
    n_fixed, n = code.n_fixed, code.n_etas
    most = len(work.prediction)
    f_u, r_u = np.zeros((most, n_fixed + n)), np.zeros((most, n_fixed + n))
    weight, b = np.zeros(most), np.zeros((n, most))
    for subject in subjects:
        for x in range(n_fixed):
            work.unknowns[x] = fixed[x]
        if frozen and freeze_variances(np.int64(2), subject, code, timeline, work, density) != 0:
            continue
        status = call_at(code.evaluate, (np.int64(2), frozen, subject, modes[subject], precision, code, timeline, work, density))
        if status != 0:
            continue
        n_observed = timeline.first_observation[subject + 1] - timeline.first_observation[subject]
        for j in range(n_observed):
            chain(j, 0, code, work, density.f_u, density.f_eu, density.half)
            chain(j, 1, code, work, density.r_u, density.r_eu, density.half)
            for u in range(n_fixed + n):
                f_u[j, u] = density.f_u[u]
                r_u[j, u] = work.frozen_first[j, u] if frozen else density.r_u[u]
            weight[j] = 1.0 / (work.frozen[j] if frozen else work.prediction[j, 1])
        _information(subject, n_observed, n_fixed, n, f_u, r_u, weight, b, precision, result)


@inlined
def _information(subject, n_observed, n_fixed, n, f_u, r_u, weight, b, precision, result):
    n_u = n_fixed + n
    crossed = np.zeros((n_u, n))  # A_u' A_eta
    for j in range(n_observed):
        w = weight[j]
        for u in range(n_u):
            for k in range(n):
                crossed[u, k] += f_u[j, u] * f_u[j, n_fixed + k] * w + 0.5 * r_u[j, u] * r_u[j, n_fixed + k] * w * w
    h, factor = precision.copy(), np.zeros((n, n))
    for k in range(n):
        for m in range(n):
            h[k, m] += crossed[n_fixed + k, m]
    cholesky(h, factor)
    followed, whitened = np.zeros((n_u, n)), np.zeros((n_u, n))  # H^-1 P_u and chol(H)^-1 P_u
    for u in range(n_u):
        for k in range(n):
            total = crossed[u, k]
            for m in range(k):
                total -= factor[k, m] * whitened[u, m]
            whitened[u, k] = total / factor[k, k]
        solve_cholesky(factor, crossed[u], followed[u])
    for k in range(n):
        for m in range(n):
            total = crossed[n_fixed + k, m]
            for a in range(n):
                total -= whitened[n_fixed + k, a] * whitened[n_fixed + m, a]
            result.omega[subject, k, m] = total
    _fill_fixed(subject, n_observed, n_fixed, f_u, r_u, weight, whitened, result)
    _follow(n_observed, n_fixed, n, r_u, followed)
    _fill_variances(subject, n_observed, n_fixed, n, f_u, r_u, weight, b, factor, result)


@inlined
def _fill_fixed(subject, n_observed, n_fixed, f_u, r_u, weight, whitened, result):
    for x in range(n_fixed):
        for z in range(x + 1):
            total = 0.0
            for j in range(n_observed):
                w = weight[j]
                total += 2.0 * f_u[j, x] * f_u[j, z] * w + r_u[j, x] * r_u[j, z] * w * w
            for k in range(whitened.shape[1]):
                total -= 2.0 * whitened[x, k] * whitened[z, k]
            result.fixed[subject, x, z] = total
            result.fixed[subject, z, x] = total


@inlined
def _follow(n_observed, n_fixed, n, r_u, followed):
    """Let the modes follow: r_x becomes the change of the variance along d eta / dx = -H^-1 P_x."""
    for j in range(n_observed):
        for x in range(n_fixed):
            for k in range(n):
                r_u[j, x] -= r_u[j, n_fixed + k] * followed[x, k]


@inlined
def _fill_variances(subject, n_observed, n_fixed, n, f_u, r_u, weight, b, factor, result):
    """Degrees of freedom taken from the variances, and F' V^-1 diag(D_x) V^-1 F, with V^-1 = R^-1 - B' B, B = chol(H)^-1 F' R^-1."""
    through = np.zeros((n, n))  # F' B'
    for j in range(n_observed):
        for k in range(n):
            total = f_u[j, n_fixed + k] * weight[j]
            for m in range(k):
                total -= factor[k, m] * b[m, j]
            b[k, j] = total / factor[k, k]
        for k in range(n):
            for a in range(n):
                through[k, a] += f_u[j, n_fixed + k] * b[a, j]
    inner, column = np.zeros((n_fixed, n, n)), np.zeros(n)
    for x in range(n_fixed):
        result.mixed[subject, x, :, :] = 0.0
    for j in range(n_observed):
        own = 0.0
        for k in range(n):
            own += b[k, j] * b[k, j]
            column[k] = f_u[j, n_fixed + k] * weight[j]
            for a in range(n):
                column[k] -= b[a, j] * through[k, a]
        for x in range(n_fixed):
            for z in range(n_fixed):
                result.fixed[subject, x, z] -= 2.0 * own * weight[j] * r_u[j, x] * r_u[j, z]
            for k in range(n):
                for m in range(n):
                    inner[x, k, m] += b[k, j] * b[m, j] * r_u[j, x]
                    result.mixed[subject, x, k, m] += column[k] * column[m] * r_u[j, x]
    for x in range(n_fixed):
        for z in range(n_fixed):
            for k in range(n):
                for m in range(n):
                    result.fixed[subject, x, z] += inner[x, k, m] * inner[z, k, m]
