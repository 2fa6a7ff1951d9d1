"""Linear equations by the matrix exponential, against scipy's, with derivatives; what is too long for it."""

import numpy as np
import pytest
from differences import slopes
from integrating import Stepper, integrate, problem_of, solution, with_solver
from scipy.linalg import expm

from popmix.engine.exponential_action import OK, TOO_LONG

LINES = """
K = Normal(0.8, iiv=0.1)
B = Normal(1.5, iiv=0.1)
x = State(init=2.0 * B)
y = State()
z = State(init=-1.0)
x.dt = B - K * x + 0.2 * z
y.dt = K * x - K * B * y - 3 * x / (1 + B)
z.dt = 0.7 * y - 0.1 * z + 0.05 * WIDE * x - K**2
"""
TIMES = np.array([0.1, 0.7, 2.0, 7.0, 30.0])
ETA = np.array([0.07, -0.12])


def exact(eta: np.ndarray, wide: float, times: np.ndarray) -> np.ndarray:
    """Return the states [times, 3]: exp(t [[A, b], [0, 0]]) applied to (x, 1); for complex effects too."""
    k, b = 0.8 + eta[0], 1.5 + eta[1]
    matrix = np.zeros((4, 4), dtype=np.asarray(eta).dtype)
    matrix[0] = [-k, 0, 0.2, b]
    matrix[1] = [k - 3 / (1 + b), -k * b, 0, 0]
    matrix[2] = [0.05 * wide, 0.7, -0.1, -(k**2)]
    start = np.array([2.0 * b, 0.0, -1.0, 1.0])
    return np.array([(expm(time * matrix) @ start)[:3] for time in times])


def by_complex_steps(eta: np.ndarray, wide: float) -> np.ndarray:
    """Return first derivatives [times, 3, 2], without cancellation."""
    axes = 1e-30j * np.eye(2)
    return np.stack([exact(eta + axis, wide, TIMES).imag / 1e-30 for axis in axes], axis=-1)


# A of size 2 and of size 60 (80 intervals of |A| h = 4 by the time 30, too long for the automatic choice)
@pytest.mark.parametrize(("wide", "method"), [(1.0, "auto"), (1.0, "exponential"), (-600.0, "exponential")])
def test_states_and_derivatives(wide, method):
    problem = problem_of(LINES.replace("WIDE", str(wide)), ["x", "y", "z"], TIMES)
    assert problem.code.linear
    # a tolerance that would show, were it of any account
    own = Stepper(with_solver(problem, method, 1e-2))
    f, first, second = own.jets(ETA)
    expected = exact(ETA, wide, TIMES)
    # the growth of the problem times roundings; the reference has as much
    near = 1e-12 if wide == 1.0 else 1e-10
    scale = np.max(np.abs(expected), axis=1, keepdims=True)
    assert np.all(np.abs(f.reshape(-1, 3) - expected) < near * scale)
    assert np.all(np.abs(own.values(ETA).reshape(-1, 3) - expected) < near * scale)
    expected = by_complex_steps(ETA, wide)
    scale = np.max(np.abs(expected), axis=(1, 2), keepdims=True)
    assert np.all(np.abs(first.reshape(-1, 3, 2) - expected) < 10 * near * scale)
    # differences of fourth order of first derivatives that have their roundings, over the step
    expected = slopes(lambda eta: by_complex_steps(eta, wide), ETA, 1e-4 if wide == 1.0 else 1e-5)
    scale = np.max(np.abs(expected), axis=(1, 2, 3), keepdims=True)
    assert np.all(np.abs(second.reshape(-1, 3, 2, 2) - expected) < (1e-8 if wide == 1.0 else 1e-7) * scale)


def test_too_long_intervals_are_left_to_others():
    """|A| h = 251 is, 249 is not; the state stays as it was, unless the method was asked for."""
    problem = problem_of("x = State(init=1.0)\nx.dt = 0.5 - x", ["x"], [1.0])
    automatic, asked = (Stepper(with_solver(problem, method, 1e-8)) for method in ("auto", "exponential"))
    for own in (automatic, asked):
        own.values(np.zeros(0))
    # the longest piece of the series: |A| h = 4, whose terms are as large as 27 before they fall
    assert integrate(automatic.code.exponential, automatic, [3.0], 0.0, 4.0) == OK
    assert automatic.work.flow.x[0] == pytest.approx(0.5 + 2.5 * np.exp(-4), rel=1e-14)
    assert integrate(automatic.code.exponential, automatic, [3.0], 0.0, 249.0) == OK
    assert automatic.work.flow.x[0] == pytest.approx(0.5, rel=1e-14)
    assert integrate(automatic.code.exponential, automatic, [3.0], 0.0, 251.0) == TOO_LONG
    assert automatic.work.flow.x[0] == 3.0
    assert integrate(asked.code.exponential, asked, [3.0], 0.0, 251.0) == OK
    assert asked.work.flow.x[0] == pytest.approx(0.5, rel=1e-14)


def test_an_infusion_and_a_stiff_pair():
    """Rates of 1 and 1e4: refused by the exponential, the automatic choice integrates to its tolerance."""
    lines = "x = State()\ny = State()\nx.dt = -x\ny.dt = 1e4 * (x - y) - 0.1"
    problem = problem_of(lines, ["x", "y"], [1.0, 2.0, 5.0], rows=[{"AMT": 30.0, "RATE": 15.0, "CMT": 1}])
    t = np.array([1.0, 2.0, 5.0])
    x = 15 * (np.exp(-np.maximum(t - 2, 0)) - np.exp(-t))
    # y = (rate of change of x smoothed over 1e-4): exact for a sum of exp(-t) and a constant
    y = 1e4 / (1e4 - 1) * 15 * (np.exp(-np.maximum(t - 2, 0.0)) - np.exp(-t)) - 1e-5
    y -= np.where(t <= 2, 15 / (1e4 - 1), 0.0)
    for tolerance in (1e-6, 1e-9):
        found = solution(with_solver(problem, "auto", tolerance))
        assert found == pytest.approx(np.column_stack([x, y]), rel=10 * tolerance)
