"""Coefficients of Radau IIA methods: those that are published, and the conditions that give order 9."""

import numpy as np
import pytest

from popmix.engine.radau import EIGENVALUES, ERROR, GAMMA, N_STAGES, NODES, A, radau

ROOT = np.sqrt(6.0)
# sums of a few terms of size one
EXACT = 1e-13


def test_three_stages_are_those_of_radau5():
    """Hairer and Wanner, Solving ODEs II (1996), table IV.5.6 and IV.8: nodes, matrix, real eigenvalue, weights of the error."""
    nodes, matrix, gamma, error = radau(3)
    assert nodes == pytest.approx([(4 - ROOT) / 10, (4 + ROOT) / 10, 1.0], rel=EXACT)
    published = [
        [(88 - 7 * ROOT) / 360, (296 - 169 * ROOT) / 1800, (-2 + 3 * ROOT) / 225],
        [(296 + 169 * ROOT) / 1800, (88 + 7 * ROOT) / 360, (-2 - 3 * ROOT) / 225],
        [(16 - ROOT) / 36, (16 + ROOT) / 36, 1 / 9],
    ]
    assert matrix == pytest.approx(np.array(published), rel=EXACT, abs=EXACT)
    assert gamma == pytest.approx(30 / (6 + 81 ** (1 / 3) - 9 ** (1 / 3)), rel=EXACT)
    assert error == pytest.approx([-(13 + 7 * ROOT) / 3, (-13 + 7 * ROOT) / 3, -1 / 3], rel=EXACT)


def test_one_stage_is_the_implicit_euler_method():
    nodes, matrix, gamma, _ = radau(1)
    assert nodes == [1.0] and matrix == [[1.0]] and gamma == 1.0


@pytest.mark.parametrize("n", [3, 5])
def test_the_simplifying_assumptions_hold(n):
    """B(2n - 1), C(n) and D(n - 1) give order 2n - 1 (Butcher 1964); B(2n) fails, the order is no higher."""
    c, a = radau(n)[:2]
    b = a[-1]
    k = np.arange(1, 2 * n + 1)
    quadrature = b @ c[:, None] ** (k - 1) - 1 / k
    assert np.all(np.abs(quadrature[:-1]) < EXACT) and abs(quadrature[-1]) > 1e-9
    k = np.arange(1, n + 1)
    assert a @ c[:, None] ** (k - 1) == pytest.approx(c[:, None] ** k / k, abs=EXACT)
    k = k[:-1]
    assert (b[:, None] * c[:, None] ** (k - 1)).T @ a == pytest.approx(((1 - c[:, None] ** k) / k * b[:, None]).T, abs=EXACT)


def test_stiffly_accurate():
    """The last stage is the solution: the stability function vanishes at infinity, and stays below one on the imaginary axis."""
    assert NODES[-1] == 1.0
    b, ones = A[-1], np.ones(N_STAGES)

    def growth(z: complex) -> complex:
        return 1 + z * b @ np.linalg.solve(np.eye(N_STAGES) - z * A, ones)

    assert abs(growth(-1e9)) < 1e-8
    assert all(abs(growth(1j * y)) <= 1 + EXACT for y in np.geomspace(1e-2, 1e4, 60))


def test_the_weights_of_the_error_are_those_of_order_5():
    """Z_i = integral of f from 0 to c_i: what is left is gamma (sum of b^ f - integral), zero up to degree 4, with f(0) as first node."""
    assert pytest.approx(EIGENVALUES[0].real, rel=EXACT) == GAMMA and abs(EIGENVALUES[0].imag) < 1e-9
    for degree in range(N_STAGES + 1):
        at_start = 1.0 if degree == 0 else 0.0
        left = at_start + ERROR @ (A @ NODES**degree)
        assert (abs(left) < 1e-11) == (degree < N_STAGES), degree
