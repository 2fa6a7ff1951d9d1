"""The dosing scenarios beside the checkout (closed forms, superposition, NONMEM, mrgsolve), as far as closed forms go."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from popmix.likelihood import Solver, bind
from popmix.model import read
from popmix.model.parameters import parameters_of

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "events"
FILE = FOLDER / "events_scenarios.json"
SCENARIOS = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
MODELLED = {"R2": "rate", "D2": "duration"}
# elimination that saturates, a turnover with a start of its own, a chain of transit compartments
EQUATIONS = ("E52", "E53", "E54", "E55", "E61")
SATURABLE = """from popmix import *

class Scenario(Model):
    A = State()
    C = A / {V}
    A.dt = -{VM} * C / ({KM} + C)
    observed = Observation(C, additive=1, dvid="C")
"""
TURNOVER = """from popmix import *

class Scenario(Model):
    response = State(init={kin} / {kout})
    response.dt = {kin} - {kout} * response
    R = Observation(response, additive=1, dvid="R")
"""
CHAIN = """from popmix import *

class Scenario(Model):
    a0 = State()
    a1 = State()
    a2 = State()
    a3 = State()
    a4 = State()
    a5 = State()
    central = State()
    a0.dt = -{ktr} * a0
    a1.dt = {ktr} * (a0 - a1)
    a2.dt = {ktr} * (a1 - a2)
    a3.dt = {ktr} * (a2 - a3)
    a4.dt = {ktr} * (a3 - a4)
    a5.dt = {ktr} * (a4 - a5)
    central.dt = {ktr} * a5 - {k} * central
    A2 = Observation(central, additive=1, dvid="A2")
"""
WRITTEN = {"E52": SATURABLE, "E53": SATURABLE, "E61": SATURABLE, "E54": TURNOVER, "E55": CHAIN}
# the file has 10 to 12 significant digits
EXACT = 1e-8

ORAL = """from popmix import *

class Scenario(Model):
    pk = OneCompartment(cl={CL}, v={V}, ka={ka})
    depot = Dose(pk.depot, f={F1}, lag={lag1})
    central = Dose(pk.central, f={F2}, lag={lag2}{modelled})
    C = Observation(pk.concentration, additive=1, dvid="C")
    A1 = Observation(pk.depot, additive=1, dvid="A1")
    A2 = Observation(pk.central, additive=1, dvid="A2")
"""
TWO = """from popmix import *

class Scenario(Model):
    pk = TwoCompartments(cl={CL}, v1={V1}, q={Q}, v2={V2})
    C = Observation(pk.concentration, additive=1, dvid="C")
    A1 = Observation(pk.central, additive=1, dvid="A1")
"""
VARYING = """from popmix import *

class Scenario(Model):
    CL = Covariate(interpolation="{rule}")
    pk = OneCompartment(cl=CL, v={V})
    C = Observation(pk.concentration, additive=1, dvid="C")
    A = Observation(pk.central, additive=1, dvid="A")
"""
PLAIN = """from popmix import *

class Scenario(Model):
    pk = OneCompartment(cl={k}, v=1)
    A = Observation(pk.central, additive=1, dvid="A")
"""


def source_of(scenario: dict) -> str | None:
    """Return the model of a scenario, or None when it needs differential equations."""
    parameters = dict(scenario["params"])
    if scenario["id"] in EQUATIONS:
        return WRITTEN[scenario["id"]].format(**parameters)
    if scenario["id"] in ("E56", "E57"):
        return VARYING.format(rule="nocb" if scenario["id"] == "E56" else "locf", **parameters)
    if "V1" in parameters:
        return TWO.format(**parameters)
    if "ka" not in parameters:
        return PLAIN.format(**parameters)
    if "CL" not in parameters:
        parameters = {"CL": parameters["k"], "V": 1, "ka": parameters["ka"]}
    given = {name: value for name, value in parameters.items() if value is not None}
    modelled = "".join(f", {word}={given[name]}" for name, word in MODELLED.items() if name in given)
    return ORAL.format(**{"lag1": 0, "lag2": 0, "F1": 1, "F2": 1} | given, modelled=modelled)


def table_of(scenario: dict, states: list[str]) -> pl.DataFrame:
    """Return the records, then one observation of every state at every time; at equal times doses come first."""
    names = ("amt", "cmt", "rate", "ii", "addl", "ss")
    rows = []
    for one in scenario["records"]:
        rows.append(
            {"TIME": float(one["time"]), "EVID": one["evid"], "DVID": "", "DV": None, "CL": 1.1}
            | {name.upper(): one[name] for name in names}
        )
    for time in scenario["times"]:
        blank = dict.fromkeys(map(str.upper, names)) | {"TIME": float(time), "EVID": 0, "DV": 1.0, "CL": 2.2 if time == 15 else 1.1}
        rows += [blank | {"DVID": state} for state in states]
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.lit("1").alias("ID"))
    return frame.sort("TIME", maintain_order=True)


@pytest.mark.skipif(not SCENARIOS, reason=f"the scenarios are not there: {FILE}")
def test_all_scenarios_are_there():
    assert len(SCENARIOS) == 63


CLOSED = [scenario for scenario in SCENARIOS if scenario["id"] not in EQUATIONS]


@pytest.mark.parametrize("scenario", CLOSED, ids=[one["id"] for one in CLOSED])
def test_closed_form(scenario):
    compare(scenario, Solver(), EXACT)


# global errors are a few times the tolerance of a step
@pytest.mark.parametrize("method", ["nonstiff", "stiff"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one["id"] for one in SCENARIOS])
def test_equations(scenario, method):
    compare(scenario, Solver(method, tolerance=1e-9), 2e-8)


def compare(scenario: dict, solver: Solver, tolerance: float) -> None:
    model = read(source_of(scenario))
    expected = {state.partition("_")[0]: values for state, values in scenario["expected"].items()}
    states = list(expected) if scenario["id"] in EQUATIONS else [state for state in expected if state in model.observations]
    drop = [] if model.covariates else ["CL"]
    problem = bind(model, table_of(scenario, states).drop(drop), solver=solver)
    values = problem.predictions(parameters_of(model), slopes=False).f
    # with sensitivities the steps are others, and so are the errors
    assert values == pytest.approx(problem.predictions(parameters_of(model)).f, rel=1e-12 if solver == Solver() else tolerance, abs=1e-12)
    found = values.reshape(len(scenario["times"]), len(states))
    for column, state in enumerate(states):
        order = np.argsort(scenario["times"], kind="stable")
        assert found[:, column] == pytest.approx(np.array(expected[state])[order], rel=tolerance, abs=1e-9), state
