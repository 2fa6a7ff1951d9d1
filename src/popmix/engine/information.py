"""Expected information of the marginal model linearised at the modes: the curvature from which an estimation starts.

An observation with mean f and variance R informs about unknowns u = (x, eta) like the two pseudo-observations
a = (f_u / sqrt R, R_u / (sqrt 2 R)). With A the stack of them, H = omega^-1 + A_eta' A_eta and P_x = A_eta' A_x, what is left of the
information about x when the etas are not observed is, for -2 log L,

    I_xz = 2 (A_x' A_z - P_x' H^-1 P_z) + degrees of freedom that the etas take from the variances
    I_ab = tr(M E_a M E_b) for elements E_a, E_b of omega,    M = A_eta' A_eta - A_eta' A_eta H^-1 A_eta' A_eta

The last term of I_xz and the mixed one, tr(V^-1 D_x V^-1 F E F'), use D_x, the change of the variances when x moves and the mode follows.

Source: Mentre, Mallet and Baccar (Biometrika 84:429, 1997), at the modes instead of eta = 0; Louis (JRSS B 44:226, 1982).
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.density import by_unknowns, set_individual
from popmix.engine.linear import backward, cholesky, forward

_DERIVATIVES = np.int64(2)


class Information(NamedTuple):
    """Per subject: fixed unknowns [X, X], M = F' V^-1 F [n, n], and F' V^-1 diag(R_x) V^-1 F [X, n, n]."""

    fixed: np.ndarray
    omega: np.ndarray
    mixed: np.ndarray


class Stack(NamedTuple):
    """Working memory: slopes f_u, R_u [m, U] and weights 1 / R [m] of the observations of a subject, and sums of their products."""

    f_u: np.ndarray
    r_u: np.ndarray
    weight: np.ndarray
    crossed: np.ndarray
    whitened: np.ndarray
    followed: np.ndarray
    h: np.ndarray
    factor: np.ndarray
    b: np.ndarray
    through: np.ndarray
    column: np.ndarray
    inner: np.ndarray


def new_information(n_subjects: int, n_fixed: int, n_etas: int) -> Information:
    """Return zeroed results."""
    return Information(
        np.zeros((n_subjects, n_fixed, n_fixed)), np.zeros((n_subjects, n_etas, n_etas)), np.zeros((n_subjects, n_fixed, n_etas, n_etas))
    )


def new_stack(most: int, n_fixed: int, n_etas: int) -> Stack:
    """Return working memory for subjects of at most `most` observations."""
    n_u, n = n_fixed + n_etas, n_etas
    return Stack(
        f_u=np.zeros((most, n_u)),
        r_u=np.zeros((most, n_u)),
        weight=np.zeros(most),
        crossed=np.zeros((n_u, n)),
        whitened=np.zeros((n_u, n)),
        followed=np.zeros((n_u, n)),
        h=np.zeros((n, n)),
        factor=np.zeros((n, n)),
        b=np.zeros((most, n)),
        through=np.zeros((n, n)),
        column=np.zeros(n),
        inner=np.zeros((n_fixed, n, n)),
    )


@compiled
def informations(subjects, frozen, fixed, modes, precision, code, timeline, work, density, stack, result):
    """Fill `result` for the subjects listed, at their modes; a subject that can't be evaluated keeps zeros."""
    for subject in subjects:
        for x in range(code.n_fixed):
            work.unknowns[x] = fixed[x]
        if frozen and call_at(code.freeze, (subject, code, timeline, work, density)) != 0:
            continue
        set_individual(2, subject, modes[subject], code, timeline, work)
        if call_at(code.solve, (_DERIVATIVES, subject, code, timeline, work)) != 0:
            continue
        n_observed = _fill_stack(subject, frozen, code, timeline, work, stack)
        if n_observed >= 0 and _crossed(n_observed, code.n_fixed, code.n_etas, precision, stack):
            _fill_omega(code.n_fixed, code.n_etas, stack, result.omega[subject])
            _fill_fixed(n_observed, code.n_fixed, code.n_etas, stack, result.fixed[subject])
            _follow(n_observed, code.n_fixed, code.n_etas, stack)
            _fill_variances(n_observed, code.n_fixed, code.n_etas, stack, result.fixed[subject], result.mixed[subject])


@part
def _fill_stack(subject, frozen, code, timeline, work, stack):
    """Collect slopes and weights of the observations; returns their number, -1 where one has no density."""
    start, end = timeline.first_observation[subject], timeline.first_observation[subject + 1]
    for j in range(end - start):
        endpoint = timeline.endpoint[start + j]
        if code.is_free[endpoint]:
            by_unknowns(j, 1, endpoint, code, work, stack.f_u[j])
            stack.r_u[j] = 0.0
            stack.weight[j] = 1.0
            continue
        by_unknowns(j, 0, endpoint, code, work, stack.f_u[j])
        by_unknowns(j, 1, endpoint, code, work, stack.r_u[j])
        for x in range(code.n_fixed if frozen else 0):
            stack.r_u[j, x] = work.frozen_first[j, x]
        for k in range(code.n_etas if frozen else 0):
            stack.r_u[j, code.n_fixed + k] = 0.0
        stack.weight[j] = 1.0 / (work.frozen[j] if frozen else work.prediction[j, 1])
        if not (math.isfinite(work.prediction[j, 0]) and math.isfinite(stack.weight[j]) and stack.weight[j] > 0.0):
            return -1
    return end - start


@part
def _crossed(n_observed, n_fixed, n, precision, stack):
    """Sum P = A_u' A_eta, and solve with H: followed = H^-1 P, whitened = chol(H)^-1 P. False when H is not positive definite."""
    crossed, f_u, r_u = stack.crossed, stack.f_u, stack.r_u
    for u in range(n_fixed + n):
        for k in range(n):
            total = 0.0
            for j in range(n_observed):
                w = stack.weight[j]
                total += f_u[j, u] * f_u[j, n_fixed + k] * w + 0.5 * r_u[j, u] * r_u[j, n_fixed + k] * w * w
            crossed[u, k] = total
    for k in range(n):
        for m in range(n):
            stack.h[k, m] = precision[k, m] + crossed[n_fixed + k, m]
    if not cholesky(stack.h, stack.factor):
        return False
    for u in range(n_fixed + n):
        forward(stack.factor, crossed[u], stack.whitened[u])
        backward(stack.factor, stack.whitened[u], stack.followed[u])
    return True


@part
def _fill_omega(n_fixed, n, stack, omega):
    for k in range(n):
        for m in range(n):
            total = stack.crossed[n_fixed + k, m]
            for a in range(n):
                total -= stack.whitened[n_fixed + k, a] * stack.whitened[n_fixed + m, a]
            omega[k, m] = total


@part
def _fill_fixed(n_observed, n_fixed, n, stack, fixed):
    f_u, r_u = stack.f_u, stack.r_u
    for x in range(n_fixed):
        for z in range(x + 1):
            total = 0.0
            for j in range(n_observed):
                w = stack.weight[j]
                total += 2.0 * f_u[j, x] * f_u[j, z] * w + r_u[j, x] * r_u[j, z] * w * w
            for k in range(n):
                total -= 2.0 * stack.whitened[x, k] * stack.whitened[z, k]
            fixed[x, z] = fixed[z, x] = total


@part
def _follow(n_observed, n_fixed, n, stack):
    """Let the modes follow: r_x becomes the change of the variance along d eta / dx = -H^-1 P_x."""
    for j in range(n_observed):
        for x in range(n_fixed):
            for k in range(n):
                stack.r_u[j, x] -= stack.r_u[j, n_fixed + k] * stack.followed[x, k]


@part
def _fill_variances(n_observed, n_fixed, n, stack, fixed, mixed):
    """Degrees of freedom taken from the variances, and F' V^-1 diag(D_x) V^-1 F, with V^-1 = R^-1 - B' B, B = chol(H)^-1 F' R^-1."""
    f_u, r_u, weight, b, through, column, inner = stack.f_u, stack.r_u, stack.weight, stack.b, stack.through, stack.column, stack.inner
    through[:] = 0.0
    inner[:] = 0.0
    for j in range(n_observed):
        for k in range(n):
            column[k] = f_u[j, n_fixed + k] * weight[j]
        forward(stack.factor, column, b[j])
        for k in range(n):
            for a in range(n):
                through[k, a] += f_u[j, n_fixed + k] * b[j, a]
    for j in range(n_observed):
        own = 0.0
        for k in range(n):
            own += b[j, k] * b[j, k]
            column[k] = f_u[j, n_fixed + k] * weight[j]
            for a in range(n):
                column[k] -= b[j, a] * through[k, a]
        for x in range(n_fixed):
            for z in range(n_fixed):
                fixed[x, z] -= 2.0 * own * weight[j] * r_u[j, x] * r_u[j, z]
            for k in range(n):
                for m in range(n):
                    inner[x, k, m] += b[j, k] * b[j, m] * r_u[j, x]
                    mixed[x, k, m] += column[k] * column[m] * r_u[j, x]
    for x in range(n_fixed):
        for z in range(n_fixed):
            for k in range(n):
                for m in range(n):
                    fixed[x, z] += inner[x, k, m] * inner[z, k, m]
