"""Values without derivatives (popmix.engine.values) against the walk with derivatives, and the exponential function."""

import math

import numpy as np
import polars as pl
import pytest
from numba import njit

from popmix.engine.exponential import exponential
from popmix.likelihood import bind
from popmix.model import read
from popmix.model.parameters import parameters_of

EXACT = 1e-12
STRUCTURES = {
    "one": ("OneCompartment(cl=CL, v=8)", ("central",)),
    "one, oral": ("OneCompartment(cl=CL, v=8, ka={ka})", ("depot", "central")),
    "two": ("TwoCompartments(cl=CL, v1=8, q=1.5, v2=20)", ("central", "peripheral")),
    "two, oral": ("TwoCompartments(cl=CL, v1=8, q=1.5, v2=20, ka={ka})", ("depot", "central", "peripheral")),
    "three": ("ThreeCompartments(cl=CL, v1=8, q2=1.5, v2=20, q3=0.3, v3=60)", ("central", "peripheral1", "peripheral2")),
    "three, oral": (
        "ThreeCompartments(cl=CL, v1=8, q2=1.5, v2=20, q3=0.3, v3=60, ka={ka})",
        ("depot", "central", "peripheral1", "peripheral2"),
    ),
}
HISTORIES = {
    "nothing": [],
    "a bolus": [{"AMT": 100.0}],
    "a bolus late": [{"TIME": 2.5, "AMT": 100.0}],
    "boluses": [{"AMT": 100.0}, {"TIME": 5.0, "AMT": 60.0, "CMT": -1}, {"TIME": 5.0, "AMT": 6.0, "CMT": -1}],
    "additional doses": [{"AMT": 100.0, "ADDL": 9, "II": 1.5}],
    "an infusion": [{"AMT": 60.0, "RATE": 15.0, "CMT": -1}],
    "an infusion into the first": [{"AMT": 60.0, "RATE": 15.0}],
    "infusions that overlap": [{"AMT": 60.0, "RATE": 10.0, "ADDL": 2, "II": 3.0}, {"TIME": 1.0, "AMT": 80.0, "RATE": 20.0, "CMT": -1}],
    "a reset": [{"AMT": 60.0, "RATE": 5.0}, {"TIME": 4.0, "EVID": 3}, {"TIME": 5.0, "EVID": 4, "AMT": 70.0}, {"TIME": 6.0, "AMT": 9.0}],
    "boluses at steady state": [{"TIME": 1.0, "AMT": 60.0, "SS": 1, "II": 4.0}, {"TIME": 6.0, "AMT": 20.0, "CMT": -1, "SS": 2, "II": 9.0}],
    "infusions at steady state": [{"TIME": 1.0, "AMT": 60.0, "RATE": 5.0, "SS": 1, "II": 4.0, "CMT": -1}],
    "a constant infusion": [{"TIME": 1.0, "AMT": 0.0, "RATE": 5.0, "SS": 1}],
    "a replaced amount": [{"AMT": 60.0}, {"TIME": 2.0, "AMT": 70.0, "EVID": 5, "CMT": -1}, {"TIME": 5.0, "AMT": 0.4, "EVID": 6}],
    "a record without value": [{"AMT": 100.0}, {"TIME": 3.0, "EVID": 2}, {"TIME": 3.0, "EVID": 0, "MDV": 1}],
}
# the central rate is 1/8: ka far above it, near it, equal to it, and slow
ABSORPTION = (1.3, 0.13, 0.125, 0.125 * (1 + 1e-9), 0.02)
TIMES = (0.0, 0.001, 0.31, 0.9, 1.9, 3.1, 4.7, 6.3, 8.9, 12.1, 16.7, 23.3, 90.0)


def model_of(structure: str, ka: float):
    """Return a model that observes every compartment, and one of them with bioavailability."""
    form, states = STRUCTURES[structure]
    lines = ["from popmix import *", "class Every(Model):", "    CL = LogNormal(1.0, iiv=0.3)", f"    pk = {form.format(ka=ka)}"]
    lines += [f"    first = Dose(pk.{states[0]}, f=0.8 * CL)"]
    lines += [f'    A{k} = Observation(pk.{state}, additive=0.1, proportional=0.1, dvid="{k}")' for k, state in enumerate(states)]
    return read("\n".join(lines)), len(states)


def table_of(history: list[dict], n_states: int) -> pl.DataFrame:
    """Return two subjects with this history, observed in all compartments; CMT -1 is the last."""
    blank = {
        "TIME": 0.0,
        "DV": None,
        "AMT": None,
        "EVID": 1,
        "MDV": 1,
        "RATE": None,
        "ADDL": None,
        "II": None,
        "SS": None,
        "CMT": 1,
        "DVID": "",
    }
    own = [blank | event for event in history]
    own = [row | {"CMT": n_states if row["CMT"] == -1 else row["CMT"]} for row in own]
    for time in TIMES:
        own += [blank | {"TIME": time, "EVID": 0, "MDV": 0, "DV": 1.0, "DVID": str(k)} for k in range(n_states)]
    own = [row if row["DVID"] or row["EVID"] else row | {"DVID": "0"} for row in own]
    rows = [row | {"ID": subject} for subject in (1, 2) for row in own]
    return pl.DataFrame(rows, infer_schema_length=None).sort("ID", "TIME", maintain_order=True)


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_values_are_those_of_the_walk(structure, history):
    for ka in ABSORPTION if "oral" in structure else ABSORPTION[:1]:
        model, n_states = model_of(structure, ka)
        problem, parameters = bind(model, table_of(HISTORIES[history], n_states)), parameters_of(model)
        etas = np.array([[0.0], [0.37]])
        expected = problem.predictions(parameters, etas)
        found = problem.predictions(parameters, etas, slopes=False)
        assert np.array_equal(found.status, [0, 0])
        # what has just reached a peripheral compartment is a small difference of modes
        assert np.allclose(found.f, expected.f, rtol=EXACT, atol=1e-15 * np.max(expected.f))
        assert np.allclose(found.variance, expected.variance, rtol=EXACT, atol=0)


@njit
def _exponential(x, out):
    for k in range(len(x)):
        out[k] = exponential(x[k])


@pytest.mark.parametrize("width", [0.3, 5.0, 100.0, 700.0])
def test_exponential_is_exact_to_the_last_place(width):
    x = np.random.default_rng(1).uniform(-width, width, 20001)
    found = np.empty_like(x)
    _exponential(x, found)
    expected = np.array([math.exp(one) for one in x])
    assert np.all(np.abs(found - expected) <= 2 * np.spacing(expected))


def test_exponential_at_its_ends():
    x = np.array([0.0, -0.0, -math.inf, math.inf, -800.0, 800.0, math.nan])
    found = np.empty_like(x)
    _exponential(x, found)
    assert np.array_equal(found, [1.0, 1.0, 0.0, math.inf, 0.0, math.inf, math.nan], equal_nan=True)


TIMED = """
from popmix import *
class Timed(Model):
    WT = Covariate()
    HT = Covariate()
    CL = LogNormal(1.0, iiv=0.3)
    pk = OneCompartment(cl=CL, v=8)
    A = Observation(pk.central * WT + HT * T, additive=0.1, proportional=0.1, dvid="0")
    B = Observation(CL * HT * exp(-T / WT), additive=0.1 , dvid="1")
"""


def test_values_read_covariates_and_time_of_their_own_record():
    rows = [{"ID": 1, "TIME": 0.0, "AMT": 10.0, "EVID": 1, "DV": None, "DVID": "0", "WT": 1.0, "HT": 2.0}]
    for k, time in enumerate(TIMES):
        rows.append({"ID": 1, "TIME": time, "AMT": None, "EVID": 0, "DV": 1.0, "DVID": str(k % 2), "WT": 1.0 + k, "HT": 2.0 - 0.1 * k})
    model = read(TIMED)
    problem, parameters = bind(model, pl.DataFrame(rows, infer_schema_length=None)), parameters_of(model)
    found, expected = (problem.predictions(parameters, slopes=slopes).f for slopes in (False, True))
    by_hand = [
        10 * math.exp(-row["TIME"] / 8) * row["WT"] + row["HT"] * row["TIME"]
        if row["DVID"] == "0"
        else row["HT"] * math.exp(-row["TIME"] / row["WT"])
        for row in rows[1:]
    ]
    assert np.allclose(found, by_hand, rtol=EXACT)
    assert np.allclose(found, expected, rtol=EXACT)
