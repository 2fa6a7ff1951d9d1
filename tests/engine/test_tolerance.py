"""The scale of errors: no unit of amounts, time or parameters matters, and an empty compartment rules no step."""

import numpy as np
import pytest
from integrating import NO_EFFECTS, Stepper, problem_of, solution, with_solver

TIMES = np.array([0.25, 1.0, 2.5, 6.0, 16.0])
SATURABLE = """
x = State()
y = State()
x.dt = -VMAX * x / (KM + x) - FAST * x
y.dt = FAST * x - SLOW * y
"""


def of_units(amount: float, time: float, tolerance: float, method: str) -> np.ndarray:
    """Return the states in units that are 1 / amount and 1 / time as large, turned back."""
    values = {"VMAX": 3.0 * amount / time, "KM": 2.0 * amount, "FAST": 0.5 / time, "SLOW": 0.2 / time}
    lines = SATURABLE
    for name, value in values.items():
        lines = lines.replace(name, repr(value))
    rows = [{"AMT": 30.0 * amount, "CMT": 1}, {"TIME": 2.0 * time, "AMT": 10.0 * amount, "CMT": 1}]
    problem = problem_of(lines, ["x", "y"], TIMES * time, rows=rows)
    return solution(with_solver(problem, method, tolerance)) / amount


@pytest.mark.parametrize("method", ["nonstiff", "stiff"])
def test_units_do_not_matter(method):
    """Powers of two change no rounding, so no step and no digit either."""
    expected = of_units(1.0, 1.0, 1e-5, method)
    # relative errors count down to 1e-5 of the peak
    assert np.max(np.abs(expected - of_units(1.0, 1.0, 1e-10, method)) / (expected + 1e-5 * np.max(expected, axis=0))) < 1e-3
    for amount, time in ((2.0**40, 1.0), (2.0**-40, 1.0), (1.0, 2.0**12), (2.0**-20, 2.0**-9)):
        found = of_units(amount, time, 1e-5, method)
        # pow() of steps has another last digit
        assert found == pytest.approx(expected, rel=1e-13), (amount, time)


@pytest.mark.parametrize("method", ["nonstiff", "stiff"])
@pytest.mark.parametrize("scale", [1.0, 2.0**30, 2.0**-30])
def test_first_derivatives_are_controlled_on_the_scale_of_relative_changes(scale, method):
    """A state that rests where its parameter has it asks for no step, but its sensitivity does: x' = R - K x^2 at x = 1, K = R.

    By log K it is -(1 - exp(-2 R t)) / 2, whatever the unit of time and so of K.
    """
    lines = f"K = LogNormal({scale!r}, iiv=0.2)\nx = State(init=1.0)\nx.dt = {scale!r} - K * x**2"
    problem, exact = problem_of(lines, ["x"], TIMES / scale), 0.5 * np.expm1(-2 * TIMES)
    for tolerance in (1e-5, 1e-8, 1e-11):
        f, first, _ = Stepper(with_solver(problem, method, tolerance)).jets(np.zeros(1))
        assert f == pytest.approx(1.0, rel=1e-14)
        assert np.max(np.abs(first[:, 0] - exact)) < 10 * tolerance


def test_an_empty_compartment_rules_no_step():
    """What has fallen to less than 1e-5 of its peak is exact to that floor alone; what is large keeps its accuracy."""
    problem = problem_of("x = State(init=1.0)\ny = State(init=1.0)\nx.dt = -3 * x / (1 + x)\ny.dt = -0.1 * y**2", ["x", "y"], [1.0, 15.0])
    found = solution(with_solver(problem, "nonstiff", 1e-6))
    assert found[:, 1] == pytest.approx(1 / (1 + 0.1 * np.array([1.0, 15.0])), rel=1e-5)
    assert 0 <= abs(found[1, 0]) < 1e-10
    own = Stepper(with_solver(problem, "nonstiff", 1e-6))
    own.values(NO_EFFECTS)
    assert own.work.flow.floor[0] == pytest.approx(1e-5 + 1e-13, rel=1e-12)  # of its peak of 1
