"""Differential equations against the closed forms that they have: every kind of dosing event, with first and second derivatives."""

import numpy as np
import pytest
from dosing_jets import Solver as Stepper
from integrating import problem_of, solution, with_solver
from test_dosing import ETA, HISTORIES, STRUCTURES, close, source_of, table_of

from popmix.likelihood import Solver, bind
from popmix.model import read


def pair(history: list[dict], structure: str, varying: bool, solver: Solver) -> tuple[Stepper, Stepper]:
    """Return a model's closed form and its integration."""
    model, table = read(source_of(history, structure, 0.71)), table_of(history, varying)
    return Stepper(bind(model, table)), Stepper(bind(model, table, solver=solver))


@pytest.mark.parametrize("varying", [False, True], ids=["constant", "varying"])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("history", HISTORIES)
def test_equals_the_closed_form(history, structure, varying):
    if history == "a depot that is switched off" and structure == "three":
        pytest.skip("there is no depot")
    closed, integrated = pair(HISTORIES[history], structure, varying, Solver("nonstiff", tolerance=1e-11))
    f, first, second = closed.jets(ETA)
    found, found_first, found_second = integrated.jets(ETA)
    # errors add up over steps, and second derivatives are not controlled
    close(found, f, 1e-9)
    close(found_first, first, 1e-8)
    close(found_second, second, 1e-7)
    close(integrated.values(ETA), f, 1e-9)


@pytest.mark.parametrize("history", HISTORIES)
def test_the_stiff_method_equals_the_closed_form(history):
    closed, integrated = pair(HISTORIES[history], "two, oral", False, Solver("stiff", tolerance=1e-10))
    f, first, second = closed.jets(ETA)
    found, found_first, found_second = integrated.jets(ETA)
    close(found, f, 1e-8)
    close(found_first, first, 1e-7)
    close(found_second, second, 1e-6)
    close(integrated.values(ETA), f, 1e-8)


STARTED = "x = State(init=10.0)\ndose = Dose(x, lag={lag})\nx.dt = 0.3 - 0.5 * x{more}"


@pytest.mark.parametrize("lag", [0.0, 1.25])
@pytest.mark.parametrize("more", ["", " + where(x > 1e9, 1, 0)"], ids=["linear", "any"])
def test_equations_start_at_the_first_record(more, lag):
    """Whatever it is: one that is not scored, an observation, a dose that arrives later."""
    times, lines = np.array([2.0, 3.0]), STARTED.format(lag=lag, more=more)
    decline = 0.6 + 9.4 * np.exp(-0.5 * times)
    near = 1e-7  # several steps, each to 1e-8
    assert solution(problem_of(lines, ["x"], times))[:, 0] == pytest.approx(decline, rel=near)
    scored = solution(problem_of(lines, ["x"], [0.0, *times]))[:, 0]
    assert scored == pytest.approx([10.0, *decline], rel=near)
    dosed = solution(problem_of(lines, ["x"], times, rows=[{"AMT": 4.0}]))[:, 0]
    assert dosed == pytest.approx(decline + 4 * np.exp(-0.5 * (times - lag)), rel=near)


# a system without loss, one that grows, and a bolus that leaves into a compartment of its own: recognised, with rates of zero or below
ODD = {
    "what leaves is kept": ("y = State()\nx.dt = -K * x\ny.dt = K * x", "y"),
    "exchange without loss": ("y = State()\nx.dt = -K * x + 0.7 * y\ny.dt = K * x - 0.7 * y", "x"),
    "growth": ("x.dt = K * x", "x"),
    "exchange and growth": ("y = State()\nx.dt = 0.2 * x - K * x + 0.7 * y\ny.dt = K * x - 0.7 * y", "y"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("row", [{"AMT": 5.0}, {"AMT": 5.0, "RATE": 4.0, "ADDL": 2, "II": 3.0}], ids=["bolus", "infusions"])
def test_closed_forms_of_odd_systems(name, row):
    equations, seen = ODD[name]
    problem = problem_of(f"K = LogNormal(0.4, iiv=0.2)\nx = State()\n{equations}", [seen], [0.4, 1.7, 5.0, 11.0], rows=[row])
    assert problem.compiled.shape is not None
    lines = f"K = LogNormal(0.4, iiv=0.2)\nx = State()\n{equations} + where(x > 1e9, 1, 0)"
    other = with_solver(problem_of(lines, [seen], [0.4, 1.7, 5.0, 11.0], rows=[row]), "nonstiff", 1e-11)
    assert other.compiled.shape is None
    eta = np.array([0.15])
    for found, expected in zip(Stepper(problem).jets(eta), Stepper(other).jets(eta), strict=True):
        close(found, expected, 1e-7)
