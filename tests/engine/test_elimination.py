"""Elimination, real and complex, against LAPACK."""

import numpy as np
import pytest
from numba import njit

from popmix.engine.elimination import factorise, solve_factorised


@njit
def _solve(n, a, pivots, right, width, first, last):
    if not factorise(n, a, pivots):
        return False
    solve_factorised(n, a, pivots, right, width, first, last)
    return True


def solve(matrix: np.ndarray, right: np.ndarray, first: int = 0, last: int | None = None) -> np.ndarray | None:
    """Return the right-hand sides with columns `first` to `last` - 1 solved, None for a singular matrix."""
    n, width = right.shape
    flat = right.ravel().copy()
    last = width if last is None else last
    found = _solve(n, matrix.ravel().copy(), np.zeros(n, dtype=np.int64), flat, width, first, last)
    return flat.reshape(n, width) if found else None


def random(kind: type, rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0)


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 15])
def test_random_systems(kind, n):
    """Both are backward stable: they differ by roundings times the condition."""
    rng = np.random.default_rng(n)
    for _ in range(20):
        matrix, right = random(kind, rng, n, n), random(kind, rng, n, 4)
        expected = np.linalg.solve(matrix, right)
        near = 1e-15 * 10 * n * np.linalg.cond(matrix) * np.max(np.abs(expected))
        assert np.allclose(solve(matrix, right), expected, rtol=0, atol=near)


def test_only_the_columns_asked_for_change():
    rng = np.random.default_rng(8)
    matrix, right = rng.normal(size=(4, 4)), rng.normal(size=(4, 6))
    found, expected = solve(matrix, right, 2, 5), np.linalg.solve(matrix, right)
    assert np.array_equal(found[:, [0, 1, 5]], right[:, [0, 1, 5]])
    assert found[:, 2:5] == pytest.approx(expected[:, 2:5], rel=1e-12)


def test_pivots_are_needed_and_taken():
    """A zero in the corner, and 1e-17 there: without exchange of rows the second loses all digits."""
    for corner in (0.0, 1e-17):
        matrix, right = np.array([[corner, 1.0, 2.0], [1.0, 1.0, 0.0], [3.0, 0.0, 1.0]]), np.eye(3)
        assert solve(matrix, right) == pytest.approx(np.linalg.inv(matrix), rel=1e-14, abs=1e-14)


def test_sparse_rows_are_skipped_rightly():
    """Zeros below the diagonal, as in a chain of compartments."""
    matrix = np.diag(np.full(6, 2.0)) + np.diag(np.full(5, -1.5), -1) + np.diag([0.0, 0.0, 0.3, 0.0, 0.0], 1)
    assert solve(matrix, np.eye(6)) == pytest.approx(np.linalg.inv(matrix), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.ones((3, 3)), np.array([[1.0, np.nan], [2.0, 3.0]]), np.diag([1.0, np.inf])])
def test_singular_matrices_are_told(matrix):
    assert solve(matrix, np.ones((len(matrix), 1))) is None
