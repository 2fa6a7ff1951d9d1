"""The minimiser alone, on functions whose minima are known."""

import numpy as np
import pytest

from popmix.estimate.descent import Curvature, Point, minimise, positive, started


def run(function, gradient, information, x, tolerance=1e-10, most_iterations=300, **options):
    """Minimise a function of a vector; `information(x)` is the curvature offered."""
    calls = []

    def evaluate(at, near):
        calls.append(at)
        value = function(at)
        return Point(at, value, gradient(at), None) if np.isfinite(value) else None

    def curvature(point):
        return Curvature(information(point.x), np.zeros(len(x)))

    start = started(curvature, evaluate(np.asarray(x, float), None))
    found = minimise(evaluate, curvature, start, tolerance=tolerance, most_iterations=most_iterations, **options)
    return found, len(calls) - 1


MATRIX = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 2.0]])
CENTRE = np.array([0.3, -0.2, 0.4])


def quadratic(x):
    return 0.5 * (x - CENTRE) @ MATRIX @ (x - CENTRE) + 7.0


def test_a_quadratic_with_its_hessian_takes_one_step():
    found, calls = run(quadratic, lambda x: MATRIX @ (x - CENTRE), lambda x: MATRIX, np.zeros(3))
    assert found.converged and found.iterations == 1 and found.evaluations == calls == 1
    assert found.point.x == pytest.approx(CENTRE, abs=1e-12) and found.point.value == pytest.approx(7.0)


def test_a_quadratic_with_a_wrong_curvature_is_learnt():
    found, _ = run(quadratic, lambda x: MATRIX @ (x - CENTRE), lambda x: 20 * np.eye(3), np.full(3, 5.0), tolerance=1e-12)
    assert found.converged and found.point.x == pytest.approx(CENTRE, abs=1e-5)
    # the decrement of the learnt Hessian is the fall that is left
    assert found.point.value - 7.0 < 1e-11


def test_far_away_no_step_is_longer_than_one():
    steps = []
    found, _ = run(
        quadratic, lambda x: MATRIX @ (x - CENTRE), lambda x: MATRIX, np.full(3, 40.0), report=lambda found: steps.append(found.point.x)
    )
    assert found.converged
    assert np.max(np.abs(np.diff(steps, axis=0))) <= 1.0 + 1e-12


def rosenbrock(x):
    return np.sum(100 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


def rosenbrock_slope(x):
    slope = np.zeros_like(x)
    slope[1::2] = 200 * (x[1::2] - x[::2] ** 2)
    slope[::2] = -400 * x[::2] * (x[1::2] - x[::2] ** 2) - 2 * (1 - x[::2])
    return slope


def rosenbrock_information(x):
    """Gauss-Newton: positive semidefinite, exact at the minimum only."""
    matrix = np.zeros((len(x), len(x)))
    for k in range(0, len(x), 2):
        rows = np.array([[-20 * x[k], 10.0], [-1.0, 0.0]])
        matrix[k : k + 2, k : k + 2] = 2 * rows.T @ rows
    return matrix


@pytest.mark.parametrize("pairs", [1, 3])
@pytest.mark.parametrize("information", [rosenbrock_information, lambda x: 100 * np.eye(len(x))], ids=["Gauss-Newton", "constant"])
def test_rosenbrock(pairs, information):
    start = np.tile([-1.2, 1.0], pairs)
    found, _ = run(rosenbrock, rosenbrock_slope, information, start, tolerance=1e-12)
    assert found.converged, found.reason
    assert found.point.x == pytest.approx(np.ones(2 * pairs), abs=1e-4)
    assert np.all(np.diff(found.history) < 0)


def test_a_function_that_ends_somewhere():
    """-log x + x is not defined below zero; steps that leave are shortened."""
    found, _ = run(lambda x: x[0] - np.log(x[0]) if x[0] > 0 else np.nan, lambda x: 1 - 1 / x, lambda x: np.array([[0.01]]), [3.0])
    assert found.converged and found.point.x[0] == pytest.approx(1.0, abs=1e-4)


def test_flat_directions_do_not_stop_it():
    """A parameter without influence has information zero and gradient zero; the other one is found."""
    found, _ = run(lambda x: (x[0] - 2) ** 2, lambda x: np.array([2 * (x[0] - 2), 0.0]), lambda x: np.diag([2.0, 0.0]), np.zeros(2))
    assert found.converged and found.point.x == pytest.approx([2.0, 0.0], abs=1e-6)


def test_the_most_iterations_are_kept_and_said():
    found, _ = run(rosenbrock, rosenbrock_slope, lambda x: 100 * np.eye(2), [-1.2, 1.0], most_iterations=3)
    assert not found.converged and found.iterations == 3 and "most iterations" in found.reason


def test_an_interruption_keeps_the_best_point():
    def stop(found):
        if found.iterations == 4:
            raise KeyboardInterrupt

    found, _ = run(rosenbrock, rosenbrock_slope, rosenbrock_information, [-1.2, 1.0], report=stop)
    assert found.interrupted and not found.converged and found.iterations == 4
    assert found.point.value == min(found.history) < rosenbrock(np.array([-1.2, 1.0]))


def test_an_uphill_gradient_is_not_called_convergence():
    """A gradient of the wrong sign allows no descent: that must be said."""
    found, _ = run(quadratic, lambda x: -MATRIX @ (x - CENTRE), lambda x: MATRIX, np.zeros(3))
    assert not found.converged and "no step" in found.reason


def test_a_negligible_promise_that_rounding_withholds_is_convergence():
    """The value has no digits left to fall by what the slope promises."""
    found, _ = run(lambda x: 7.0, lambda x: np.array([1e-2]), lambda x: np.eye(1), [0.0], tolerance=1e-6)
    assert found.converged and found.decrement == pytest.approx(1e-4)


def test_an_empty_promise_is_not_told_as_a_number():
    found, _ = run(lambda x: 7.0, lambda x: np.array([1.0]), lambda x: np.eye(1), [0.0], tolerance=1e-6)
    assert not found.converged and np.isnan(found.decrement) and "no step" in found.reason


def test_positive_leaves_alone_what_is_positive():
    scale = np.diag([1.0, 1e3, 1e-1])  # units may differ; the floor applies after scaling
    good = scale @ MATRIX @ scale
    assert positive(good) == pytest.approx(good, rel=1e-9)


@pytest.mark.parametrize("bad", [MATRIX - 4 * np.eye(3), np.zeros((3, 3)), np.diag([1.0, 0.0, -1.0]), np.full((3, 3), 2.0)])
def test_positive_mends_the_rest(bad):
    mended = positive(bad)
    assert mended == pytest.approx(mended.T) and np.linalg.eigvalsh(mended)[0] > 0
