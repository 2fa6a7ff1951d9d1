"""The dosing scenarios beside the checkout (closed forms, superposition, NONMEM, mrgsolve), as far as closed forms go."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from popmix.likelihood import bind
from popmix.model import read
from popmix.model.parameters import parameters_of

FOLDER = Path(__file__).parents[3] / "shared" / "reference" / "events"
FILE = FOLDER / "events_scenarios.json"
SCENARIOS = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
MODELLED = {"R2": "rate", "D2": "duration"}
# elimination that saturates, a turnover with a start of its own, a chain of transit compartments
EQUATIONS = ("E52", "E53", "E54", "E55", "E61")
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
        return None
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


WITHIN = [scenario for scenario in SCENARIOS if source_of(scenario)]


@pytest.mark.skipif(not SCENARIOS, reason=f"the scenarios are not there: {FILE}")
def test_what_closed_forms_can_do_is_within_reach():
    assert [one["id"] for one in SCENARIOS if one not in WITHIN] == list(EQUATIONS)
    assert len(WITHIN) == 58


@pytest.mark.parametrize("scenario", WITHIN, ids=[one["id"] for one in WITHIN])
def test_scenario(scenario):
    model = read(source_of(scenario))
    expected = {state.partition("_")[0]: values for state, values in scenario["expected"].items()}
    states = [state for state in expected if state in model.observations]
    drop = [] if model.covariates else ["CL"]
    problem = bind(model, table_of(scenario, states).drop(drop))
    values = problem.predictions(parameters_of(model), slopes=False).f
    assert values == pytest.approx(problem.predictions(parameters_of(model)).f, rel=1e-12, abs=1e-12)
    found = values.reshape(len(scenario["times"]), len(states))
    for column, state in enumerate(states):
        order = np.argsort(scenario["times"], kind="stable")
        assert found[:, column] == pytest.approx(np.array(expected[state])[order], rel=EXACT, abs=1e-9), state
