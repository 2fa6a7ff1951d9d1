"""The stages of Radau IIA methods: their coefficients, and the simplified Newton iteration that finds their values.

The stages Z solve Z = h (A x I) F(x + Z). With A^-1 = T diag(mu) T^-1 one Newton step for all K n unknowns falls into systems of size n,

    (mu_k / h - J) W_k = row k of T^-1 (F - A^-1 Z / h),     dZ = T W,

of which pairs of conjugate mu need only one.

Source: Hairer and Wanner, Solving Ordinary Differential Equations II (2nd ed., 1996), IV.8.
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import part
from popmix.engine.elimination import factorise, solve_factorised
from popmix.engine.equations import Equations, values_at, width_of
from popmix.engine.tolerance import error_ratios

N_STAGES = 5
MOST_ITERATIONS = 10
# Stages are exact to this fraction of the tolerance: values alone, and where their derivatives are to be those of the numerical solution
_CLOSE_VALUES, _CLOSE = 1e-2, 1e-4
_FASTEST = 0.01


def radau(n: int) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Return nodes, matrix A, the real eigenvalue of its inverse, and the weights of the error estimate (on Z / h) of n stages, n odd."""
    shifted = np.polynomial.Polynomial([-1.0, 1.0]) ** n * np.polynomial.Polynomial([0.0, 1.0]) ** (n - 1)
    nodes = np.sort(shifted.deriv(n - 1).roots().real)
    nodes[-1] = 1.0
    degrees = np.arange(n)
    powers = nodes[:, None] ** degrees
    matrix = np.linalg.solve(powers.T, (nodes[:, None] ** (degrees + 1) / (degrees + 1)).T).T
    eigenvalues = np.linalg.eigvals(np.linalg.inv(matrix))
    gamma = float(eigenvalues[np.argmin(np.abs(eigenvalues.imag))].real)
    wanted = 1.0 / (degrees + 1.0)
    wanted[0] -= 1.0 / gamma
    embedded = np.linalg.solve(powers.T, wanted)
    return nodes, matrix, gamma, gamma * np.linalg.solve(matrix.T, embedded - matrix[-1])


def _diagonalised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return eigenvalues of the inverse (the real one, then one of each pair), their rows of T^-1, and columns of T with their weight."""
    values, vectors = np.linalg.eig(np.linalg.inv(matrix))
    rows = np.linalg.inv(vectors)
    chosen = [int(np.argmin(np.abs(values.imag))), *np.flatnonzero(values.imag > 1e-9)]
    weights = np.array([1.0, *[2.0] * (len(chosen) - 1)])
    return values[chosen].astype(complex), np.ascontiguousarray(rows[chosen]), np.ascontiguousarray(vectors[:, chosen] * weights)


NODES, A, GAMMA, ERROR = radau(N_STAGES)
EIGENVALUES, _ROWS, _COLUMNS = _diagonalised(A)
_INVERSE = np.linalg.inv(A)
_POINTS = np.concatenate([[0.0], NODES])


class Stages(NamedTuple):
    """Working memory: stages `z` and right-hand sides `right` [K n, M] flat, Jacobians [K + 1, entries], matrices with their pivots.

    `blocks` are the matrices of the transformed Newton iteration, `gap` and `wave` its right-hand sides. `before` [K + 1, n] holds the
    points of the last step for extrapolation, `length` [1] its length (0: none).
    """

    z: np.ndarray
    right: np.ndarray
    slopes: np.ndarray
    values: np.ndarray
    jacobians: np.ndarray
    matrix: np.ndarray
    pivots: np.ndarray
    blocks: np.ndarray
    block_pivots: np.ndarray
    gap: np.ndarray
    wave: np.ndarray
    small: np.ndarray
    small_pivots: np.ndarray
    before: np.ndarray
    length: np.ndarray


def new_stages(n_states: int, n_structural: int, equations: Equations) -> Stages:
    """Return zeroed working memory for any order, with room for one more direction per state."""
    s = n_structural + n_states
    length = n_states * (1 + s + s * (s + 1) // 2)
    return Stages(
        z=np.zeros(N_STAGES * length),
        right=np.zeros(N_STAGES * length),
        slopes=np.zeros(length),
        values=np.zeros(n_states),
        jacobians=np.zeros((N_STAGES + 1, len(equations.x))),
        matrix=np.zeros((N_STAGES * n_states) ** 2),
        pivots=np.zeros(N_STAGES * n_states, dtype=np.int64),
        blocks=np.zeros((len(EIGENVALUES), n_states * n_states), dtype=np.complex128),
        block_pivots=np.zeros((len(EIGENVALUES), n_states), dtype=np.int64),
        gap=np.zeros((N_STAGES, n_states)),
        wave=np.zeros(n_states, dtype=np.complex128),
        small=np.zeros(n_states * n_states),
        small_pivots=np.zeros(n_states, dtype=np.int64),
        before=np.zeros((N_STAGES + 1, n_states)),
        length=np.zeros(1),
    )


@part
def solve_stages(s, order, time, h, code, work):
    """Find the values of the stages; returns the number of iterations, 0 where they do not converge."""
    flow, stages, n, m = work.flow, work.stages, code.n_states, width_of(order, s)
    z, change, last = stages.z, stages.right, math.inf
    close = max(_CLOSE_VALUES if order == 0 else _CLOSE, 1e-15 / code.tolerance)
    _extrapolate(m, h, code, work)
    if not _fill_blocks(h, code, work):
        return 0
    for iteration in range(MOST_ITERATIONS):
        _newton_step(m, time, h, code, work)
        size = 0.0
        for i in range(n):
            for k in range(N_STAGES):
                z[(k * n + i) * m] += change[k * n + i]
            # the scale of the changed stages: that of a state which is empty before would make the next change look small
            flow.y[i * m] = flow.x[i * m] + z[((N_STAGES - 1) * n + i) * m]
            scale = error_ratios(i, 0, m, code, work)
            for k in range(N_STAGES):
                size = max(size, abs(change[k * n + i]) * scale)
        if not math.isfinite(size):
            return 0
        # a first change far from the solution says too much of the rate
        rate = max(size / last, _FASTEST) if last < math.inf else 0.5
        # rounding ends the convergence of a very small tolerance
        if size * rate <= close * (1.0 - min(rate, 0.99)):
            return iteration + 1
        if rate >= 1.0 and iteration > 1:
            return 0
        last = size
    return 0


@part
def _fill_blocks(h, code, work):
    """Write mu_k / h - J for the Jacobian at the start of the step and factorise; False where one is singular."""
    n, stages, entries = code.n_states, work.stages, code.equations.x
    for k in range(len(EIGENVALUES)):
        block = stages.blocks[k]
        for q in range(n * n):
            block[q] = 0.0
        for i in range(n):
            block[i * n + i] = EIGENVALUES[k] / h
        for p in range(len(entries)):
            block[entries[p, 0] * n + entries[p, 1]] -= stages.jacobians[N_STAGES, p]
        if not factorise(n, block, stages.block_pivots[k]):
            return False
    return True


@part
def _newton_step(m, time, h, code, work):
    """Write the change of the stages, dZ, into `right` [K n]."""
    flow, stages, n, z, change, gap = work.flow, work.stages, code.n_states, work.stages.z, work.stages.right, work.stages.gap
    for j in range(N_STAGES):
        for i in range(n):
            stages.slopes[i] = flow.x[i * m] + z[(j * n + i) * m]
        values_at(time + NODES[j] * h, stages.slopes, code, work, stages.values)
        for i in range(n):
            total = 0.0
            for k in range(N_STAGES):
                total += _INVERSE[j, k] * z[(k * n + i) * m]
            gap[j, i] = stages.values[i] - total / h
    for q in range(N_STAGES * n):
        change[q] = 0.0
    for k in range(len(EIGENVALUES)):
        for i in range(n):
            stages.wave[i] = 0.0
            for j in range(N_STAGES):
                stages.wave[i] += _ROWS[k, j] * gap[j, i]
        solve_factorised(n, stages.blocks[k], stages.block_pivots[k], stages.wave, 1, 0, 1)
        for j in range(N_STAGES):
            for i in range(n):
                change[j * n + i] += (_COLUMNS[j, k] * stages.wave[i]).real


@part
def _extrapolate(m, h, code, work):
    """Begin the iteration where the polynomial through the last step leads, or at no change."""
    stages, n = work.stages, code.n_states
    for j in range(N_STAGES):
        at = 1.0 + NODES[j] * h / stages.length[0] if stages.length[0] > 0.0 else 0.0
        for i in range(n):
            stages.z[(j * n + i) * m] = -stages.before[N_STAGES, i] if stages.length[0] > 0.0 else 0.0
        for k in range(N_STAGES + 1 if stages.length[0] > 0.0 else 0):
            weight = 1.0
            for other in range(N_STAGES + 1):
                if other != k:
                    weight *= (at - _POINTS[other]) / (_POINTS[k] - _POINTS[other])
            for i in range(n):
                stages.z[(j * n + i) * m] += weight * stages.before[k, i]


@part
def remember(order, s, h, code, work):
    """Keep the values of a step that is taken, for extrapolation into the next."""
    stages, flow, n, m = work.stages, work.flow, code.n_states, width_of(order, s)
    for i in range(n):
        stages.before[0, i] = flow.x[i * m]
        for k in range(N_STAGES):
            stages.before[k + 1, i] = flow.x[i * m] + stages.z[(k * n + i) * m]
    stages.length[0] = h
