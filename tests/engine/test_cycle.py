"""Steady states of equations that are not linear: against the doses that lead there, their derivatives, and where there is none."""

import numpy as np
import pytest
from integrating import Stepper, problem_of, with_solver

from popmix.errors import Status
from popmix.likelihood import Problem

SATURABLE = """
VM = LogNormal(14.0, iiv=0.2)
KM = LogNormal(3.0, iiv=0.2)
V = LogNormal(10.0, iiv=0.2)
depot = State()
central = State()
first = Dose(depot, f=V / 12, lag=0.3 * KM{first})
second = Dose(central{second})
depot.dt = -0.9 * depot
central.dt = 0.9 * depot - VM * central / V / (KM + central / V)
"""
# drug that binds a target which turns over, in quasi steady state (Gibiansky et al. 2008)
TARGET = """
KSYN = LogNormal(1.5, iiv=0.2)
KSS = LogNormal(0.8, iiv=0.2)
KINT = LogNormal(0.25, iiv=0.2)
drug = State()
target = State(init=KSYN / 0.5)
half = drug / 3 - target - KSS
free = (half + sqrt(half**2 + 4 * KSS * drug / 3)) / 2
bound = target * free / (KSS + free)
drug.dt = -0.12 * 3 * free - KINT * 3 * bound
target.dt = KSYN - 0.5 * (target - bound) - KINT * bound
"""
ETA = np.array([0.1, -0.08, 0.12])
INTERVAL = 8.0
SEEN = np.array([0.5, 2.0, 3.5, 7.9, 9.0, 15.0])
# enough for the slowest part, exp(-0.08 * 8) per dose or faster, to fall below 1e-13
MANY = 60


def source_of(dose: dict) -> tuple[str, list[str]]:
    if dose["CMT"] == 3:
        return TARGET, ["free", "target"]
    word = {-1.0: ", rate=9.0 * V / 10", -2.0: ", duration=0.4 * V"}.get(dose.get("RATE"), "")
    return SATURABLE.format(first=word if dose["CMT"] == 1 else "", second=word if dose["CMT"] == 2 else ""), ["central / V", "depot"]


def pair(dose: dict, before: dict | None = None, ss: int = 1) -> tuple[Stepper, Stepper]:
    """Return a subject at steady state from time 0, and one whose doses began long before, with the times moved."""
    lines, seen = source_of(dose)
    own = dose | {"CMT": 1 if dose["CMT"] == 3 else dose["CMT"]}
    start = MANY * INTERVAL
    steady = problem_of(lines, seen, start + SEEN, rows=[own | {"TIME": start, "SS": ss, "II": INTERVAL}])
    brute = problem_of(lines, seen, start + SEEN, rows=[own | {"ADDL": MANY, "II": INTERVAL}])
    return tuple(Stepper(with_solver(one, "auto", 1e-11)) for one in (steady, brute))


DOSES = {
    "a bolus": {"AMT": 60.0, "CMT": 2},
    "a bolus with lag and F": {"AMT": 60.0, "CMT": 1},
    "a short infusion": {"AMT": 60.0, "RATE": 25.0, "CMT": 2},
    "an infusion with lag and F": {"AMT": 60.0, "RATE": 25.0, "CMT": 1},
    "an infusion longer than the interval": {"AMT": 60.0, "RATE": 6.0, "CMT": 2},
    "a modelled rate": {"AMT": 60.0, "RATE": -1.0, "CMT": 2},
    "a modelled duration": {"AMT": 60.0, "RATE": -2.0, "CMT": 2},
    "a modelled duration with lag and F": {"AMT": 60.0, "RATE": -2.0, "CMT": 1},
    "a bolus that binds": {"AMT": 20.0, "CMT": 3},
    "an infusion that binds": {"AMT": 20.0, "RATE": 10.0, "CMT": 3},
}


@pytest.mark.parametrize("dose", DOSES.values(), ids=DOSES)
def test_the_steady_state_is_where_many_doses_lead(dose):
    """Values, first and second derivatives; those of a sequence of doses converge to those of its limit."""
    steady, brute = pair(dose)
    f, first, second = steady.jets(ETA)
    expected, by_first, by_second = brute.jets(ETA)
    # 1e-11 per step, Newton's method to 1e-13; second derivatives are not controlled
    for found, other, near in ((f, expected, 1e-8), (first, by_first, 1e-7), (second, by_second, 1e-6)):
        assert np.allclose(found, other, rtol=0, atol=near * np.max(np.abs(other)))
    assert steady.values(ETA) == pytest.approx(f, rel=1e-8)


@pytest.mark.parametrize("dose", [DOSES["a modelled duration with lag and F"], DOSES["a bolus that binds"]], ids=["lag", "binding"])
def test_derivatives_are_those_of_differences(dose):
    steady, _ = pair(dose)
    _, first, second = steady.jets(ETA)
    by_first, by_second = steady.differences(ETA)
    # values exact to 1e-11 or so, over a step of 3e-3 and over its square
    assert np.allclose(first, by_first, rtol=0, atol=1e-7 * np.max(np.abs(by_first)))
    assert np.allclose(second, by_second, rtol=0, atol=1e-5 * np.max(np.abs(by_second)))


def test_a_second_steady_state_adds_to_what_is_there():
    """SS = 2: the states are the sum of those before and of what the steady state differs from the start; then they go on together."""
    dose = DOSES["a bolus that binds"] | {"CMT": 1}
    before = {"AMT": 9.0, "CMT": 1}
    times = [8.0]

    def states(*rows: dict) -> np.ndarray:
        # at the time of the dose: records of the same time come after it
        problem = problem_of(TARGET, ["drug", "target"], times, rows=rows)
        return np.stack([np.asarray(one) for one in Stepper(with_solver(problem, "auto", 1e-11)).jets(ETA)[:1]])[0]

    both = states(before, dose | {"TIME": 8.0, "SS": 2, "II": INTERVAL})
    alone, earlier, start = states(dose | {"TIME": 8.0, "SS": 1, "II": INTERVAL}), states(before), states()
    assert both == pytest.approx(alone + earlier - start, rel=1e-9)
    assert np.all(np.abs(both - alone) > 0.01)


def test_a_constant_infusion_is_the_zero_of_the_equations():
    """Of saturable elimination: C = KM r / (VM - r), whatever the volume."""
    lines = SATURABLE.format(first="", second="")
    problem = problem_of(lines, ["central / V"], [0.5], rows=[{"AMT": 0.0, "RATE": 5.0, "SS": 1, "CMT": 2, "TIME": 0.5}])
    f, first, second = Stepper(problem).jets(ETA)
    vm, km = 14.0 * np.exp(ETA[0]), 3.0 * np.exp(ETA[1])
    level = km * 5 / (vm - 5)
    assert f == pytest.approx([level], rel=1e-10)
    by_vm = -level * vm / (vm - 5)
    assert first[0] == pytest.approx([by_vm, level, 0.0], rel=1e-9, abs=1e-9)
    assert second[0][0] == pytest.approx([by_vm + 2 * level * vm**2 / (vm - 5) ** 2, by_vm, 0.0], rel=1e-8, abs=1e-8)


def status_of(rows: list[dict], at: float) -> tuple[int, float]:
    problem: Problem = problem_of(SATURABLE.format(first="", second=""), ["central / V"], [30.0], rows=rows)
    own = Stepper(problem)
    return own.status(ETA, 2), own.work.flow.failed_at[0]


@pytest.mark.parametrize("rate", [None, 40.0])
def test_there_is_no_steady_state_beyond_the_greatest_elimination(rate):
    """VM = 15.5 per unit of time: 124 per interval; the time of the dose is told. A little less has one."""
    dose = {"TIME": 5.0, "CMT": 2, "SS": 1, "II": INTERVAL} | ({"RATE": rate} if rate else {})
    greatest = 14.0 * np.exp(ETA[0]) * INTERVAL
    assert status_of([dose | {"AMT": 1.02 * greatest}], 5.0) == (Status.NO_STEADY_STATE, 5.0)
    assert status_of([dose | {"AMT": 0.9 * greatest}], 5.0)[0] == Status.OK


def test_there_is_no_level_under_a_constant_infusion_beyond_it():
    dose = {"TIME": 5.0, "CMT": 2, "SS": 1, "AMT": 0.0}
    assert status_of([dose | {"RATE": 16.0}], 5.0) == (Status.NO_STEADY_STATE, 5.0)
    assert status_of([dose | {"RATE": 15.0}], 5.0)[0] == Status.OK
