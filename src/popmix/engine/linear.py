"""Small dense linear algebra for compiled loops, where a call of LAPACK costs more than the work."""

import numpy as np

from popmix.engine.compiled import compiled


@compiled
def cholesky(a, factor):
    """Write the lower Cholesky factor of a symmetric matrix (lower triangle read); False when it is not positive definite."""
    n = len(a)
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not (total > 0.0 and np.isfinite(total)):
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
        for j in range(i + 1, n):
            factor[i, j] = 0.0
    return True


@compiled
def solve_cholesky(factor, right, out):
    """Solve L L' out = right for one right-hand side."""
    n = len(factor)
    for i in range(n):
        total = right[i]
        for k in range(i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]
    for i in range(n - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, n):
            total -= factor[k, i] * out[k]
        out[i] = total / factor[i, i]


@compiled
def inverse_cholesky(factor, out):
    """Write the inverse of L L'."""
    n = len(factor)
    unit = np.zeros(n)
    column = np.zeros(n)
    for j in range(n):
        unit[:] = 0.0
        unit[j] = 1.0
        solve_cholesky(factor, unit, column)
        for i in range(n):
            out[i, j] = column[i]


@compiled
def log_determinant(factor):
    """Return log det(L L')."""
    total = 0.0
    for i in range(len(factor)):
        total += np.log(factor[i, i])
    return 2.0 * total


@compiled
def negative_sandwich(outer, inner, out):
    """Write -outer inner outer for symmetric matrices."""
    n = len(outer)
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(n):
                for m in range(n):
                    total += outer[i, k] * inner[k, m] * outer[m, j]
            out[i, j] = -total
