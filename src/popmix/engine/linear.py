"""Small dense linear algebra for compiled loops, where a call of LAPACK costs more than the work."""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import compiled, part

_MOST_SWEEPS = 30
# the prior alone gives every direction a curvature of 1; less than this is flat
_SADDLE_FLOOR = 0.1
_SADDLE_LONGEST = 3.0


class Small(NamedTuple):
    """Working memory for matrices [n, n] and vectors [n] of the random effects of a subject."""

    factor: np.ndarray
    curvature: np.ndarray
    inverse: np.ndarray
    root: np.ndarray
    half: np.ndarray
    scaled: np.ndarray
    vectors: np.ndarray
    step: np.ndarray
    slope: np.ndarray
    start: np.ndarray
    gradient: np.ndarray
    moved: np.ndarray


def new_small(n: int) -> Small:
    """Return zeroed working memory."""
    return Small(*(np.zeros((n, n)) for _ in range(7)), *(np.zeros(n) for _ in range(5)))


@part
def cholesky(a, factor):
    """Write the lower Cholesky factor of a symmetric matrix (lower triangle read); False when it is not positive definite."""
    n = len(a)
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not (total > 0.0 and math.isfinite(total)):
                    return False
                factor[i, i] = math.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
        for j in range(i + 1, n):
            factor[i, j] = 0.0
    return True


@part
def solve_cholesky(factor, right, out):
    """Solve L L' out = right for one right-hand side."""
    forward(factor, right, out)
    backward(factor, out, out)


@part
def forward(factor, right, out):
    """Solve L out = right; `out` may be `right`."""
    for i in range(len(factor)):
        total = right[i]
        for k in range(i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]


@part
def backward(factor, right, out):
    """Solve L' out = right; `out` may be `right`."""
    for i in range(len(factor) - 1, -1, -1):
        total = right[i]
        for k in range(i + 1, len(factor)):
            total -= factor[k, i] * out[k]
        out[i] = total / factor[i, i]


@part
def inverse_cholesky(factor, column, out):
    """Write the inverse of L L'; `column` is working memory."""
    n = len(factor)
    for j in range(n):
        for i in range(n):
            column[i] = 1.0 if i == j else 0.0
        solve_cholesky(factor, column, column)
        for i in range(n):
            out[i, j] = column[i]


@part
def log_determinant(factor):
    """Return log det(L L')."""
    total = 0.0
    for i in range(len(factor)):
        total += math.log(factor[i, i])
    return 2.0 * total


@part
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


@part
def diagonalise(n, a, vectors):
    """Diagonalise a symmetric matrix in place by cyclic Jacobi rotations (Golub and Van Loan, section 8.5)."""
    for _ in range(_MOST_SWEEPS):
        rotated = False
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(a[p, q]) <= 1e-17 * math.sqrt(abs(a[p, p] * a[q, q])) or a[p, q] == 0.0:
                    continue
                rotated = True
                theta = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
                sign = 1.0 if theta >= 0.0 else -1.0
                t = sign / (abs(theta) + math.hypot(theta, 1.0))
                c = 1.0 / math.sqrt(t * t + 1.0)
                s = t * c
                for k in range(n):
                    left, right = a[k, p], a[k, q]
                    a[k, p], a[k, q] = c * left - s * right, s * left + c * right
                for k in range(n):
                    left, right = a[p, k], a[q, k]
                    a[p, k], a[q, k] = c * left - s * right, s * left + c * right
                a[p, q] = a[q, p] = 0.0
                for k in range(n):
                    left, right = vectors[k, p], vectors[k, q]
                    vectors[k, p], vectors[k, q] = c * left - s * right, s * left + c * right
        if not rotated:
            return


@compiled
def saddle_step(curvature, precision, slope, step, small):
    """Write a step s, to be subtracted, that leads away from a saddle: curvature with its eigenvalues made positive.

    In units of the random effects' own distribution (u = L' eta, L the Cholesky factor of the precision) the curvature has
    eigenvalues lambda; s = V max(|lambda|, floor)^-1 V' slope there, no longer than a bound (Nocedal and Wright 2006, section 3.4).
    """
    n = len(slope)
    root, half, scaled, vectors, gradient, moved = small.root, small.half, small.scaled, small.vectors, small.gradient, small.moved
    cholesky(precision, root)
    for j in range(n):
        forward(root, curvature[j], half[j])
    for j in range(n):
        for i in range(n):
            gradient[i] = half[i, j]
            vectors[i, j] = 1.0 if i == j else 0.0
        forward(root, gradient, scaled[j])
    diagonalise(n, scaled, vectors)
    forward(root, slope, gradient)
    length = 0.0
    for k in range(n):
        moved[k] = 0.0
    for i in range(n):
        along = 0.0
        for k in range(n):
            along += vectors[k, i] * gradient[k]
        along /= max(abs(scaled[i, i]), _SADDLE_FLOOR)
        length += along * along
        for k in range(n):
            moved[k] += vectors[k, i] * along
    shrink = min(1.0, _SADDLE_LONGEST / max(math.sqrt(length), 1e-300))
    for k in range(n):
        moved[k] *= shrink
    backward(root, moved, step)
    return 0
