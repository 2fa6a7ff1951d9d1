"""Every kind of dosing event: values, first and second derivatives in all parameters, against differences and superposition."""

import numpy as np
import polars as pl
import pytest
from dosing_jets import Solver

from popmix.errors import Status
from popmix.likelihood import Problem, bind
from popmix.model import read
from popmix.model.parameters import parameters_of

MODEL = """from popmix import *

class Dosed(Model):
    WT = Covariate()
    CL = LogNormal(2.0 * WT, iiv=0.3)
    V = LogNormal(15.0, iiv=0.2)
    Q = LogNormal(1.4, iiv=0.2)
    Ka = LogNormal(1.1, iiv=0.3)
    Lag = LogNormal({lag}, iiv=0.3)
    F = LogitNormal(0.6, iiv=0.4)
    Span = LogNormal({span}, iiv=0.3)
    pk = {structure}
    depot = Dose({first}, f=F, lag=Lag{first_modelled})
    central = Dose({second}, f=F / 2, lag=Lag / 2{second_modelled})
    unused = Observation(Q + Ka + Span, additive=1, dvid="other")
    DV = Observation(pk.concentration, additive=0.3, dvid="DV")
"""
STRUCTURES = {
    "oral": ("OneCompartment(cl=CL, v=V, ka=Ka)", "pk.depot", "pk.central"),
    "two, oral": ("TwoCompartments(cl=CL, v1=V, q=Q, v2=20, ka=Ka)", "pk.depot", "pk.central"),
    "three, oral": (
        "ThreeCompartments(cl=CL, v1=V, q2=Q, v2=20, q3=0.4, v3=60, ka=Ka)",
        "pk.depot",
        "pk.central",
    ),
    "three": ("ThreeCompartments(cl=CL, v1=V, q2=Q, v2=20, q3=0.4, v3=Ka * 40)", "pk.central", "pk.peripheral1"),
}
TIMES = (0.013, 0.33, 0.97, 1.9, 3.1, 4.7, 6.35, 8.9, 11.2, 14.4, 19.7, 26.3)
FIRST, SECOND = {"AMT": 100.0, "CMT": 1}, {"AMT": 60.0, "CMT": 2}
LATER = {"TIME": 5.0}
HISTORIES = {
    "a modelled duration": [{**FIRST, "RATE": -2.0}],
    "a modelled rate": [{**FIRST, "RATE": -1.0}],
    "modelled infusions that overlap": [{**FIRST, "RATE": -2.0, "ADDL": 4, "II": 1.9}, {**SECOND, **LATER, "RATE": -2.0}],
    "modelled rates that overlap": [{**FIRST, "RATE": -1.0, "ADDL": 4, "II": 1.9}, {**SECOND, **LATER, "RATE": -1.0}],
    "a given duration": [{**FIRST, "DUR": 2.3}, {**SECOND, **LATER, "RATE": 20.0}],
    "boluses at steady state": [{**FIRST, "SS": 1, "II": 8.0, "ADDL": 1}],
    "another route at steady state": [{**SECOND, "SS": 1, "II": 8.0}, {**FIRST, **LATER}],
    "infusions at steady state": [{**FIRST, "RATE": 40.0, "SS": 1, "II": 8.0, "ADDL": 1}],
    "short intervals": [{**FIRST, "RATE": 14.0, "SS": 1, "II": 3.3}],
    "an end before the dose": [{**FIRST, "RATE": 14.0, "SS": 1, "II": 4.8}],
    "short intervals that go on": [{**SECOND, "RATE": 2.0, "SS": 1, "II": 3.3, "ADDL": 2}],
    "modelled durations at steady state": [{**FIRST, "RATE": -2.0, "SS": 1, "II": 7.7}],
    "modelled rates at steady state": [{**FIRST, "RATE": -1.0, "SS": 1, "II": 7.7}],
    "long modelled durations at steady state": [{**FIRST, "RATE": -2.0, "SS": 1, "II": 1.7, "ADDL": 1}],
    "long modelled rates at steady state": [{**FIRST, "RATE": -1.0, "SS": 1, "II": 1.8, "ADDL": 1}],
    "given durations at steady state": [{**FIRST, "DUR": 2.3, "SS": 1, "II": 1.7}],
    "a second steady state": [{**FIRST, "SS": 1, "II": 8.0, "ADDL": 1}, {**SECOND, **LATER, "RATE": 3.0, "SS": 2, "II": 6.1}],
    "a steady state added to infusions": [{**FIRST, "RATE": -2.0}, {**FIRST, "TIME": 1.5, "RATE": -2.0, "SS": 2, "II": 2.2}],
    "a steady state that clears": [{**FIRST, "RATE": 9.0, "ADDL": 5, "II": 3.0}, {**FIRST, **LATER, "SS": 1, "II": 8.0}],
    "a constant infusion": [{"AMT": 0.0, "CMT": 1, "RATE": 9.0, "SS": 1}],
    "a constant infusion added": [{**FIRST, "RATE": 12.0}, {"TIME": 2.5, "AMT": 0.0, "CMT": 2, "RATE": 9.0, "SS": 2}],
    "a modelled constant infusion": [{"AMT": 0.0, "CMT": 1, "RATE": -1.0, "SS": 1}, {**FIRST, **LATER}],
    "a replaced amount": [{**FIRST}, {**LATER, "EVID": 5, "AMT": 30.0, "CMT": 2}, {"TIME": 7.0, "EVID": 5, "AMT": 8.0, "CMT": 1}],
    "a multiplied amount": [{**FIRST, "RATE": 9.0}, {**LATER, "EVID": 6, "AMT": 0.3, "CMT": 2}],
    "a depot that is switched off": [{**FIRST}, {"TIME": 1.7, "EVID": 2, "CMT": -1}, {**FIRST, **LATER}],
    "a reset of a steady state": [{**FIRST, "RATE": 9.0, "SS": 1, "II": 3.0}, {**LATER, "EVID": 3}, {**SECOND, "TIME": 6.0}],
}
COLUMNS = ("TIME", "AMT", "RATE", "DUR", "ADDL", "II", "SS", "CMT", "EVID")


def source_of(history: list[dict], structure: str, lag: float) -> str:
    """Return a model with what a history needs; durations and rates are modelled for both routes as far as they are used."""
    form, first, second = STRUCTURES[structure]
    modelled = {}
    for row in history:
        word = {-1.0: "rate", -2.0: "duration"}.get(row.get("RATE"))
        if word:
            modelled[row["CMT"]] = f", {word}=Span" + (" / 2" if row["CMT"] == 2 else "")
    by_rate = any(row.get("RATE") == -1.0 for row in history)
    return MODEL.format(
        structure=form,
        first=first,
        second=second,
        lag=lag,
        span=19.0 if by_rate else 4.1,
        first_modelled=modelled.get(1, ""),
        second_modelled=modelled.get(2, ""),
    )


def table_of(history: list[dict], varying: bool, times: tuple[float, ...] = TIMES) -> pl.DataFrame:
    """Return one subject with a history, observed at the times; with `varying` a covariate changes."""
    rows = [{"TIME": 0.0, "EVID": 1} | event | {"DV": None} for event in history]
    rows += [{"TIME": time, "EVID": 0, "DV": 1.0} for time in times]
    rows = sorted(rows, key=lambda row: row["TIME"])
    blank = dict.fromkeys(COLUMNS)
    rows = [blank | row | {"ID": 1, "DVID": "DV", "WT": 1.0 + (0.03 * k if varying else 0.0)} for k, row in enumerate(rows)]
    columns = [name for name in rows[0] if name not in ("RATE", "DUR") or any(row[name] is not None for row in rows)]
    return pl.DataFrame(rows, infer_schema_length=None).select(columns)


def problem_of(history: list[dict], structure: str = "oral", lag: float = 0.71, varying: bool = False, times=TIMES) -> Problem:
    return bind(read(source_of(history, structure, lag)), table_of(history, varying, times))


ETA = np.array([0.11, -0.07, 0.05, -0.13, 0.09, 0.21, -0.17])


def close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Require the tolerance relative to the largest of each derivative over the observations."""
    scale = np.maximum(np.max(np.abs(expected), axis=0), 1e-3 * np.max(np.abs(expected)))
    assert np.all(np.abs(found - expected) <= tolerance * scale), np.max(np.abs(found - expected) / scale)


CASES = [(history, structure, False) for history in HISTORIES for structure in ("oral", "two, oral", "three")]
CASES += [(history, "two, oral", True) for history in HISTORIES]
# the largest system, for the longest paths
CASES += [(history, "three, oral", False) for history in ("modelled infusions that overlap", "long modelled rates at steady state")]
CASES.remove(("a depot that is switched off", "three", False))


@pytest.mark.parametrize(("history", "structure", "varying"), CASES)
def test_first_and_second_derivatives(history, structure, varying):
    problem = problem_of(HISTORIES[history], structure, varying=varying)
    solver = Solver(problem)
    f, first, second = solver.jets(ETA)
    assert np.max(f) > 0.1
    values = problem.predictions(parameters_of(problem.model), ETA[None], slopes=False).f
    assert values == pytest.approx(f, rel=1e-12, abs=1e-13 * np.max(f))
    by_slopes, by_curves = solver.differences(ETA)
    close(first, by_slopes, 1e-8)
    close(second, by_curves, 1e-6)


# at steady state, and as so many doses before that the slowest compartment has forgotten the first of them
REPEATED = {
    "boluses": {**FIRST, "II": 8.0},
    "boluses elsewhere": {**SECOND, "II": 3.0, "ADDL": 2},
    "infusions": {**FIRST, "RATE": 30.0, "II": 8.0, "ADDL": 1},
    "infusions as long as the interval": {**FIRST, "RATE": 100 * 0.6 / 8.0, "II": 8.0, "ADDL": 1},
    "long infusions": {**FIRST, "RATE": 3.0, "II": 6.0, "ADDL": 1},
    "infusions that end before the dose": {**FIRST, "RATE": 14.0, "II": 4.8},
    "modelled durations": {**SECOND, "RATE": -2.0, "II": 5.0},
    "long modelled durations": {**FIRST, "RATE": -2.0, "II": 1.3, "ADDL": 3},
    "long modelled rates": {**FIRST, "RATE": -1.0, "II": 0.9, "ADDL": 3},
}
FORGOTTEN = 6000.0


@pytest.mark.parametrize("structure", ["oral", "two, oral", "three"])
@pytest.mark.parametrize("kind", ["SS=1", "SS=2"])
@pytest.mark.parametrize("name", REPEATED)
def test_a_steady_state_is_what_many_doses_lead_to(name, kind, structure):
    """Values and derivatives: e^(-0.01 * 6000) is below 1e-26 for the slowest exponent, and its derivatives are not much more."""
    dose, eta = REPEATED[name], ETA * (0.0 if "as long" in name else 1.0)
    before = [{**FIRST, "TIME": -3.0, "RATE": 9.0}, {**SECOND, "TIME": -2.0, "ADDL": 1, "II": 12.0}] if kind == "SS=2" else []
    count = int(FORGOTTEN / dose["II"])
    long = dose | {"TIME": -count * dose["II"], "ADDL": count + dose.get("ADDL", 0)}
    expected = Solver(problem_of([*before, long], structure)).jets(eta)
    found = Solver(problem_of([*before, dose | {"SS": int(kind[-1])}], structure)).jets(eta)
    for one, other in zip(found, expected, strict=True):
        # at most ten thousand terms are summed, each rounded
        close(one, other, 1e-9)


def test_a_constant_infusion_is_balanced_by_what_leaves():
    problem = problem_of([{"AMT": 0.0, "CMT": 1, "RATE": 9.0, "SS": 1}], times=(0.0,))
    cl = 2.0 * np.exp(ETA[0])
    f, first, second = Solver(problem).jets(ETA)
    assert f == pytest.approx(9.0 / cl, rel=1e-13)
    assert first[0] == pytest.approx([-9.0 / cl, 0, 0, 0, 0, 0, 0], rel=1e-12, abs=1e-13)
    assert second[0, 0] == pytest.approx([9.0 / cl, 0, 0, 0, 0, 0, 0], rel=1e-11, abs=1e-12)


def test_hardly_any_elimination_still_has_a_steady_state():
    """k = 1e-9: a dose every hour settles at dose / (k interval) (1 + k interval / 2 + ...)."""
    source = "from popmix import *\nclass Slow(Model):\n    CL = LogNormal(1e-9, iiv=0.3)\n    pk = OneCompartment(cl=CL, v=1)\n"
    model = read(source + "    DV = Observation(pk.concentration, additive=1)\n")
    data = pl.DataFrame({"ID": 1, "TIME": [0.0, 0.0], "AMT": [2.0, None], "SS": [1, 0], "II": [1.0, 0.0], "DV": [None, 1.0]})
    f, first, second = Solver(bind(model, data)).jets(np.zeros(1))
    assert f == pytest.approx(2e9 + 1.0, rel=1e-13)
    assert first[0] == pytest.approx([-2e9], rel=1e-12) and second[0] == pytest.approx([2e9], rel=1e-12)


FAULTY = """from popmix import *

class Faulty(Model):
    CL = Normal({cl}, iiv=1)
    Lag = Normal(0.5, iiv=1)
    Span = Normal(2.0, iiv=1)
    pk = OneCompartment(cl=CL, v=10, ka=1, lag=Lag{modelled})
    DV = Observation(pk.concentration, additive=1)
    other = Observation(Span, additive=1)
"""
STEADY = {"AMT": 100.0, "CMT": 1, "SS": 1, "II": 3.0}
FAULTS = {
    "a negative lag": ({**FIRST}, "", [0, -1, 0], Status.LAG_INVALID),
    "a negative lag at steady state": (STEADY, "", [0, -1, 0], Status.LAG_INVALID),
    "a lag that is no number": ({**FIRST}, "", [0, np.nan, 0], Status.LAG_INVALID),
    "a negative duration": ({**FIRST, "RATE": -2.0}, "duration", [0, 0, -3], Status.DURATION_INVALID),
    "no duration": ({**FIRST, "RATE": -2.0}, "duration", [0, 0, -2], Status.DURATION_INVALID),
    "a duration too short to be one": ({**FIRST, "TIME": 20.0, "RATE": -2.0}, "duration", [0, 0, -2 + 1e-15], Status.DURATION_INVALID),
    "a duration that is no number": ({**FIRST, "RATE": -2.0}, "duration", [0, 0, np.nan], Status.DURATION_INVALID),
    "an endless duration": ({**FIRST, "RATE": -2.0}, "duration", [0, 0, np.inf], Status.DURATION_INVALID),
    "a negative duration at steady state": (STEADY | {"RATE": -2.0}, "duration", [0, 0, -3], Status.DURATION_INVALID),
    "a negative rate": ({**FIRST, "RATE": -1.0}, "rate", [0, 0, -3], Status.RATE_INVALID),
    "no rate": ({**FIRST, "RATE": -1.0}, "rate", [0, 0, -2], Status.RATE_INVALID),
    "a rate that is no number": ({**FIRST, "RATE": -1.0}, "rate", [0, 0, np.nan], Status.RATE_INVALID),
    "a negative rate of a constant infusion": (STEADY | {"AMT": 0.0, "RATE": -1.0}, "rate", [0, 0, -3], Status.RATE_INVALID),
    "a lag as long as the interval": (STEADY, "", [0, 2.5, 0], Status.LAG_TOO_LONG),
    "a lag longer than the interval of infusions": (STEADY | {"RATE": 50.0}, "", [0, 2.6, 0], Status.LAG_TOO_LONG),
    "no elimination": (STEADY, "", [-1, 0, 0], Status.NO_STEADY_STATE),
    "negative elimination": (STEADY, "", [-2, 0, 0], Status.NO_STEADY_STATE),
    "no elimination of a constant infusion": ({"AMT": 0.0, "RATE": 5.0, "SS": 1, "CMT": 1}, "", [-1, 0, 0], Status.NO_STEADY_STATE),
}


@pytest.mark.parametrize("order", [0, 2])
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_impossible_is_a_status(name, order):
    dose, modelled, eta, expected = FAULTS[name]
    model = read(FAULTY.format(cl=1.0, modelled=f", {modelled}=Span" if modelled else ""))
    problem = bind(model, table_of([dose], False).drop("WT"))
    assert Solver(problem).status(np.array(eta, dtype=float), order) == expected
    assert Solver(problem).status(np.zeros(3), order) == Status.OK


@pytest.mark.parametrize("lag", [26.5, 60.0])
def test_a_lag_beyond_the_last_record_is_no_dose(lag):
    for history in ([{**FIRST}], [{**FIRST, "RATE": -2.0}], [{**FIRST, "RATE": 10.0}]):
        found = Solver(problem_of(history, lag=lag)).jets(np.zeros(7))
        assert all(np.all(one == 0.0) for one in found)


def test_doses_of_no_bioavailability_are_no_doses():
    """F = 0 makes the duration of an infusion of given rate zero, which is no fault."""
    source = "from popmix import *\nclass Nothing(Model):\n    F = Normal(1, iiv=1)\n    pk = OneCompartment(cl=1, v=10, f=F{0})\n"
    rows = [{"RATE": 10.0}, {"RATE": 10.0, "SS": 1, "II": 4.0}, {"RATE": -1.0}, {"RATE": -2.0}, {"SS": 1, "II": 4.0}]
    for row in rows:
        word = {-1.0: ", rate=20.0", -2.0: ", duration=3.0"}.get(row.get("RATE"), "")
        model = read(source.format(word) + "    DV = Observation(pk.concentration, additive=1)\n")
        solver = Solver(bind(model, table_of([{"AMT": 100.0, **row}], False).drop("WT")))
        f, first, _ = solver.jets(np.array([-1.0]))
        assert np.all(f == 0.0) and np.any(first != 0.0) and np.all(solver.values(np.array([-1.0])) == 0.0)
