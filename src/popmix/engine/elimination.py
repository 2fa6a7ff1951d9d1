"""Gaussian elimination with partial pivoting for small dense matrices, stored flat, and many right-hand sides."""

import math

from popmix.engine.compiled import compiled, part


@part
def factorise(n, a, pivots):
    """Overwrite the matrix `a` [n * n] by its LU factors with rows exchanged as in `pivots`; False when it is singular."""
    for k in range(n):
        best, largest = k, abs(a[k * n + k])
        for i in range(k + 1, n):
            if abs(a[i * n + k]) > largest:
                best, largest = i, abs(a[i * n + k])
        pivots[k] = best
        if not (largest > 0.0 and math.isfinite(largest)):
            return False
        if best != k:
            for j in range(n):
                a[k * n + j], a[best * n + j] = a[best * n + j], a[k * n + j]
        inverse = 1.0 / a[k * n + k]
        for i in range(k + 1, n):
            if a[i * n + k] == 0.0:
                continue
            factor = a[i * n + k] * inverse
            a[i * n + k] = factor
            for j in range(k + 1, n):
                a[i * n + j] -= factor * a[k * n + j]
    return True


@part
def solve_factorised(n, a, pivots, right, width, first, last):
    """Solve for columns `first` to `last` - 1 of the right-hand sides `right` [n * width], in place."""
    for k in range(n):
        other = pivots[k]
        if other != k:
            for c in range(first, last):
                right[k * width + c], right[other * width + c] = right[other * width + c], right[k * width + c]
    for i in range(1, n):
        for j in range(i):
            factor = a[i * n + j]
            if factor != 0.0:
                for c in range(first, last):
                    right[i * width + c] -= factor * right[j * width + c]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            factor = a[i * n + j]
            if factor != 0.0:
                for c in range(first, last):
                    right[i * width + c] -= factor * right[j * width + c]
        inverse = 1.0 / a[i * n + i]
        for c in range(first, last):
            right[i * width + c] *= inverse


@compiled
def factorise_real(n, a, pivots):
    """Do the work of `factorise` for a real matrix, as an entry of its own; returns 1, or 0 when it is singular."""
    return 1 if factorise(n, a, pivots) else 0


@compiled
def solve_real(n, a, pivots, right, width, first, last):
    """Do the work of `solve_factorised` for real numbers, as an entry of its own."""
    solve_factorised(n, a, pivots, right, width, first, last)
    return 0
