"""Growth, decay and tumours: equations by hand, and the closed form of each pair against its integrated equation."""

import math

import numpy as np
import pytest
from equations import random_values, use

from popmix import model

PAIRS = {
    "LogisticGrowth": ("LogisticCurve", {"size0": 0.5, "rate": 0.8, "capacity": 10.0}),
    "GompertzGrowth": ("GompertzCurve", {"size0": 0.5, "rate": 0.4, "capacity": 10.0}),
    "VonBertalanffyGrowth": ("VonBertalanffyCurve", {"length0": 2.0, "rate": 0.3, "asymptote": 30.0}),
    "DecayToPlateau": ("PlateauCurve", {"level0": 120.0, "rate": 0.5, "plateau": 18.0}),
}
TIMES = np.linspace(0, 12, 7)


@pytest.mark.parametrize("growth", PAIRS)
def test_the_closed_form_solves_the_equation(growth):
    curve, values = PAIRS[growth]
    state, curve = use(getattr(model, growth), *values), use(getattr(model, curve), *values)
    (part,) = curve.expansion.parts
    closed = [curve.outputs({}, values | {"T": t})[part] for t in TIMES]
    assert state.expansion.parts == (part,)
    assert state.solve(TIMES, values)[part] == pytest.approx(closed, rel=1e-8)  # the solver's error
    assert closed[0] == pytest.approx(state.start(values)[part])


@pytest.mark.parametrize(
    ("growth", "limit", "part"),
    [
        ("LogisticGrowth", "capacity", "size"),
        ("GompertzGrowth", "capacity", "size"),
        ("VonBertalanffyGrowth", "asymptote", "length"),
        ("DecayToPlateau", "plateau", "level"),
    ],
)
def test_growth_rests_at_its_limit(growth, limit, part):
    _, values = PAIRS[growth]
    assert use(getattr(model, growth), *values).slopes({part: values[limit]}, values) == {part: 0.0}


def test_growth_is_fastest_where_it_is_said_to_be():
    _, values = PAIRS["LogisticGrowth"]
    sizes = np.linspace(0.01, 9.99, 999)
    for growth, place in (("LogisticGrowth", 5.0), ("GompertzGrowth", 10 / math.e)):
        equations = use(getattr(model, growth), *values)
        slopes = [equations.slopes({"size": size}, values)["size"] for size in sizes]
        assert sizes[int(np.argmax(slopes))] == pytest.approx(place, abs=0.01)  # the grid


def test_claret():
    equations = use(model.ClaretTumourGrowth, "exposure", "size0", "kl", "kd", "resistance")
    values = {"exposure": 3.0, "size0": 60.0, "kl": 0.02, "kd": 0.03, "resistance": 0.05}
    exposed = (1 - np.exp(-0.05 * TIMES)) / 0.05
    expected = 60 * np.exp(0.02 * TIMES - 0.03 * 3 * exposed)
    assert equations.solve(TIMES, values)["size"] == pytest.approx(expected, rel=1e-8)  # the solver's error
    assert equations.solve(TIMES, values | {"exposure": 0.0})["size"] == pytest.approx(60 * np.exp(0.02 * TIMES), rel=1e-8)


SIMEONI = ("concentration", "size0", "lambda0", "lambda1", "k1", "k2")
STAGES = ("cycling", "damaged1", "damaged2", "damaged3")


def test_simeoni_by_hand():
    p, s = random_values(1, *SIMEONI, "psi"), random_values(2, *STAGES)
    size = sum(s.values())
    growth = p["lambda0"] * s["cycling"] * (1 + (p["lambda0"] / p["lambda1"] * size) ** p["psi"]) ** (-1 / p["psi"])
    killed = p["k2"] * p["concentration"] * s["cycling"]
    expected = {
        "cycling": growth - killed,
        "damaged1": killed - p["k1"] * s["damaged1"],
        "damaged2": p["k1"] * s["damaged1"] - p["k1"] * s["damaged2"],
        "damaged3": p["k1"] * s["damaged2"] - p["k1"] * s["damaged3"],
    }
    equations = use(model.SimeoniTumourGrowth, *p)
    assert equations.slopes(s, p) == pytest.approx(expected, rel=1e-11)
    assert equations.outputs(s, p) == {"size": pytest.approx(size)}
    assert equations.start(p) == {"cycling": p["size0"], "damaged1": 0, "damaged2": 0, "damaged3": 0}
    assert sum(equations.slopes(s, p).values()) == pytest.approx(growth - p["k1"] * s["damaged3"], rel=1e-11)


def test_simeoni_grows_exponentially_then_linearly():
    equations = use(model.SimeoniTumourGrowth, *SIMEONI)
    values = {"concentration": 0.0, "size0": 0.1, "lambda0": 0.3, "lambda1": 0.6, "k1": 1.0, "k2": 1.0}
    for size, expected in ((0.1, 0.3 * 0.1), (200.0, 0.6)):  # the change is at 2, with psi = 20
        slopes = equations.slopes({"cycling": size, "damaged1": 0, "damaged2": 0, "damaged3": 0}, values)
        assert slopes["cycling"] == pytest.approx(expected, rel=1e-9)
