"""Every kind of dosing event: values, first and second derivatives in all parameters, against differences and superposition."""

import numpy as np
import polars as pl
import pytest
from dosing_jets import differenced, solved

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
    "short intervals that go on": [{**SECOND, "RATE": 2.0, "SS": 1, "II": 3.3, "ADDL": 2}],
    "modelled durations at steady state": [{**FIRST, "RATE": -2.0, "SS": 1, "II": 7.7}],
    "modelled rates at steady state": [{**FIRST, "RATE": -1.0, "SS": 1, "II": 7.7}],
    "long modelled durations at steady state": [{**FIRST, "RATE": -2.0, "SS": 1, "II": 1.7, "ADDL": 1}],
    "long modelled rates at steady state": [{**FIRST, "RATE": -1.0, "SS": 1, "II": 1.7, "ADDL": 1}],
    "given durations at steady state": [{**FIRST, "DUR": 2.3, "SS": 1, "II": 1.7}],
    "a second steady state": [{**FIRST, "SS": 1, "II": 8.0, "ADDL": 1}, {**SECOND, **LATER, "RATE": 3.0, "SS": 2, "II": 6.1}],
    "a steady state added to infusions": [{**FIRST, "RATE": -2.0}, {**FIRST, "TIME": 1.5, "RATE": -2.0, "SS": 2, "II": 2.2}],
    "a steady state that clears": [{**FIRST, "RATE": 9.0, "ADDL": 5, "II": 3.0}, {**FIRST, **LATER, "SS": 1, "II": 8.0}],
    "a constant infusion": [{"AMT": 0.0, "CMT": 1, "RATE": 9.0, "SS": 1}],
    "a constant infusion added": [{**FIRST, "RATE": 12.0}, {"TIME": 2.5, "AMT": 0.0, "CMT": 2, "RATE": 9.0, "SS": 2}],
    "a replaced amount": [{**FIRST}, {**LATER, "EVID": 5, "AMT": 30.0, "CMT": 2}, {"TIME": 7.0, "EVID": 5, "AMT": 8.0, "CMT": 1}],
    "a multiplied amount": [{**FIRST, "RATE": 9.0}, {**LATER, "EVID": 6, "AMT": 0.3, "CMT": 2}],
    "a depot that is switched off": [{**FIRST}, {"TIME": 1.7, "EVID": 2, "CMT": -1}, {**FIRST, **LATER}],
    "a reset of a steady state": [{**FIRST, "RATE": 9.0, "SS": 1, "II": 3.3}, {**LATER, "EVID": 3}, {**SECOND, "TIME": 6.0}],
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


@pytest.mark.parametrize("varying", [False, True], ids=["constant", "varying"])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("history", HISTORIES)
def test_first_and_second_derivatives(history, structure, varying):
    if history == "a depot that is switched off" and structure == "three":
        pytest.skip("there is no depot")
    problem = problem_of(HISTORIES[history], structure, varying=varying)
    status, f, first, second = solved(problem, ETA, 2)
    assert status == Status.OK and np.max(f) > 0.1
    values = problem.predictions(parameters_of(problem.model), ETA[None], slopes=False).f
    assert values == pytest.approx(f, rel=1e-12, abs=1e-13 * np.max(f))
    by_slopes, by_curves = differenced(problem, ETA)
    close(first, by_slopes, 1e-8)
    close(second, by_curves, 1e-6)
