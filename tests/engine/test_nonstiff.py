"""The explicit method: conditions of its order, one step of it, errors in proportion to the tolerance, where it gives up."""

from collections.abc import Iterator
from functools import lru_cache
from math import factorial, prod

import numpy as np
import pytest
from integrating import Stepper, integrate, problem_of, solution, with_solver
from scipy.special import lambertw

from popmix.engine import nonstiff
from popmix.engine.nonstiff import BECAME_STIFF, OK, STEP_TOO_SMALL, TOO_MANY_STEPS

TIMES = np.array([0.3, 1.0, 2.5, 5.0, 9.0, 14.0, 20.0])
Tree = tuple


@lru_cache
def trees(order: int) -> tuple[Tree, ...]:
    """Return the rooted trees with a number of vertices, each as the sorted tuple of its branches."""
    if order == 1:
        return ((),)
    return tuple(dict.fromkeys(tuple(sorted(forest)) for forest in forests(order - 1)))


def forests(order: int) -> Iterator[list[Tree]]:
    if order == 0:
        yield []
    for first in range(1, order + 1):
        for tree in trees(first):
            for rest in forests(order - first):
                yield [tree, *rest]


def size(tree: Tree) -> int:
    return 1 + sum(map(size, tree))


def density(tree: Tree) -> int:
    return size(tree) * prod(map(density, tree))


def tableau() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return A [12, 12], the weights, and the differences of weights of the formulas of order 3 and 5."""

    def dense(used: tuple, weights: tuple) -> np.ndarray:
        row = np.zeros(12)
        row[list(used)] = weights
        return row

    matrix = np.array([dense(used, row) for used, row in zip(nonstiff._USED, nonstiff._A, strict=True)])
    used = nonstiff._WEIGHTS_USED
    return matrix, dense(used, nonstiff._WEIGHTS), dense(used, nonstiff._ERROR_3), dense(used, nonstiff._ERROR_5)


def elementary(tree: Tree, matrix: np.ndarray) -> np.ndarray:
    """Return the elementary weights of the stages."""
    return np.prod([matrix @ elementary(branch, matrix) for branch in tree], axis=0) if tree else np.ones(12)


# coefficients have 16 digits, and are as large as 43
ROUNDING = 1e-13


def test_there_are_as_many_trees_as_there_should_be():
    assert [len(trees(order)) for order in range(1, 10)] == [1, 1, 2, 4, 9, 20, 48, 115, 286]


def test_the_200_conditions_of_order_8():
    """And not all those of order 9; nodes are the sums of their rows (Hairer, Norsett and Wanner I, II.2)."""
    matrix, weights, _, _ = tableau()
    assert matrix.sum(axis=1) == pytest.approx(np.array(nonstiff._C), abs=ROUNDING)
    left = {order: max(abs(weights @ elementary(tree, matrix) - 1 / density(tree)) for tree in trees(order)) for order in range(1, 10)}
    assert all(left[order] < ROUNDING for order in range(1, 9)), left
    assert left[9] > 1e-7


@pytest.mark.parametrize(("which", "order"), [(2, 3), (3, 5)])
def test_the_orders_of_the_embedded_formulas(which, order):
    """Their weights differ by what vanishes for all trees up to their order."""
    matrix, difference = tableau()[0], tableau()[which]
    left = [max(abs(difference @ elementary(tree, matrix)) for tree in trees(own)) for own in range(1, order + 2)]
    assert max(left[:-1]) < ROUNDING and left[-1] > 1e-6


@pytest.fixture(scope="module")
def decay() -> Stepper:
    own = Stepper(with_solver(problem_of("x = State(init=1.0)\nx.dt = -x + where(x > 1e9, 1, 0)", ["x"], [1.0]), "nonstiff", 1e-2))
    own.values(np.zeros(0))
    return own


@pytest.mark.parametrize("h", [0.05, 0.3, 0.9])
def test_one_step_is_the_polynomial_of_the_tableau(decay, h):
    """x' = -x from 1: R(z) = 1 + z b' (I - z A)^-1 1 at z = -h, exp(-h) up to degree 8."""
    matrix, weights, _, _ = tableau()
    powers = [weights @ np.linalg.matrix_power(matrix, k - 1) @ np.ones(12) for k in range(1, 13)]
    assert powers[:8] == pytest.approx([1 / factorial(k) for k in range(1, 9)], abs=ROUNDING)
    flow = decay.work.flow
    # a step of just that length, with its first slope known; the error is accepted
    flow.step[0], flow.is_fresh[0], flow.slopes[0, 0] = h, 1, -1.0
    assert integrate(decay.code.nonstiff, decay, [1.0], 0.0, h) == OK
    assert flow.x[0] == pytest.approx(1 + sum(power * (-h) ** k for k, power in enumerate(powers, start=1)), rel=1e-15)


RATE = 1.3**2
PROBLEMS = {
    "logistic growth": ("x = State(init=0.1)\nx.dt = 0.9 * x * (1 - x / 7)", ["x"], 7 / (1 + 69 * np.exp(-0.9 * TIMES))[:, None]),
    "saturable elimination": (
        "x = State(init=30.0)\nx.dt = -4 * x / (2 + x)",
        ["x"],
        2 * lambertw(15 * np.exp((30 - 4 * TIMES) / 2)).real[:, None],
    ),
    "a rotation as fast as its radius is wide": (
        "x = State(init=1.3)\ny = State()\nx.dt = -(x**2 + y**2) * y\ny.dt = (x**2 + y**2) * x",
        ["x", "y"],
        1.3 * np.column_stack([np.cos(RATE * TIMES), np.sin(RATE * TIMES)]),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_errors_are_in_proportion_to_the_tolerance(name):
    """Of every method, over eight powers of ten; a rotation adds up phase errors over five turns and forgets none."""
    lines, observed, exact = PROBLEMS[name]
    problem, most = problem_of(lines, observed, TIMES), 100 if "rotation" in name else 10
    scale = np.max(np.abs(exact), axis=0)
    for method in ("nonstiff", "stiff", "auto"):
        errors = []
        for tolerance in 10.0 ** -np.arange(4, 13):
            errors.append(np.max(np.abs(solution(with_solver(problem, method, tolerance)) - exact) / scale))
            assert errors[-1] < most * tolerance, (method, tolerance)
        # and no more exact than need be: a tolerance that is not heeded fails here
        assert errors[0] > 1e3 * errors[-1], method


def test_an_explosion_is_a_step_that_becomes_too_small():
    """x' = x^2 from 1 is infinite at t = 1; the time is told, and nothing after it is reached."""
    own = Stepper(problem_of("x = State(init=1.0)\nx.dt = x**2", ["x"], [0.5, 2.0]))
    for order in (0, 2):
        assert own.status(np.zeros(0), order) == STEP_TOO_SMALL
        assert own.work.flow.failed_at[0] == pytest.approx(1.0, abs=1e-6)


def test_too_many_steps():
    """Stability of a rate of 1e9 asks for 1e8 steps of 6e-9 until 1; the method that does not look for stiffness stops after 20000."""
    problem = problem_of("x = State(init=1.0)\nx.dt = -1e9 * (x - cos(T)) + where(x > 1e9, 1, 0)", ["x"], [1.0])
    own = Stepper(with_solver(problem, "nonstiff", 1e-6))
    assert own.status(np.zeros(0), 0) == TOO_MANY_STEPS
    assert 20_000 * 1e-9 < own.work.flow.failed_at[0] < 20_000 * 7e-9
    own = Stepper(with_solver(problem, "auto", 1e-6))
    own.values(np.zeros(0))
    assert integrate(own.code.nonstiff, own, [1.0], 0.0, 1.0) in (OK, BECAME_STIFF)
