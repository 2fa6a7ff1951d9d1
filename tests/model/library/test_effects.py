"""Effects against equations written by hand, their baselines, and the four indirect responses."""

from itertools import pairwise

import numpy as np
import pytest
from equations import random_values, use

from popmix.model import EffectCompartment, EmaxEffect, FribergMyelosuppression, IndirectResponse, InhibitoryEffect

SAME = 1e-12  # relative: a few roundings of doubles
MODELS = {"I": ("imax", "production"), "II": ("imax", "loss"), "III": ("smax", "production"), "IV": ("smax", "loss")}
HALF = {"imax": "ic50", "smax": "sc50"}
every_model = pytest.mark.parametrize("model", MODELS)


def test_emax():
    p = random_values(1, "concentration", "emax", "ec50", "e0", "hill")
    c, h = p["concentration"], p["hill"]
    plain = use(EmaxEffect, "concentration", "emax", "ec50").outputs({}, p)
    assert plain == {"effect": pytest.approx(p["emax"] * c / (p["ec50"] + c), rel=SAME)}
    sigmoid = p["e0"] + p["emax"] / (1 + (p["ec50"] / c) ** h)
    assert use(EmaxEffect, *p).outputs({}, p)["effect"] == pytest.approx(sigmoid, rel=SAME)
    assert use(EmaxEffect, *p).outputs({}, p | {"concentration": 0.0})["effect"] == p["e0"]


def test_inhibition():
    p = random_values(2, "concentration", "imax", "ic50", "e0", "hill")
    c = p["concentration"]
    plain = use(InhibitoryEffect, "concentration", "e0", "imax", "ic50")
    assert plain.outputs({}, p)["effect"] == pytest.approx(p["e0"] - p["e0"] * p["imax"] * c / (p["ic50"] + c), rel=SAME)
    assert use(InhibitoryEffect, *p).outputs({}, p | {"concentration": p["ic50"]})["effect"] == pytest.approx(p["e0"] * (1 - p["imax"] / 2))
    assert plain.outputs({}, p | {"concentration": 0.0})["effect"] == p["e0"]


def test_effect_compartment():
    equations = use(EffectCompartment, "concentration", "ke0")
    values = {"concentration": 3.0, "ke0": 0.4}
    assert equations.slopes({"effect_site": 1.0}, values) == {"effect_site": pytest.approx(0.8)}
    assert equations.slopes({"effect_site": 3.0}, values) == {"effect_site": 0.0}
    assert equations.outputs({"effect_site": 1.7}, values) == {"concentration": 1.7}
    assert equations.start(values) == {"effect_site": 0.0}
    times = np.array([0.0, 1.0, 5.0])
    assert equations.solve(times, values)["concentration"] == pytest.approx(3 * (1 - np.exp(-0.4 * times)), rel=1e-8)  # the solver's error


@every_model
@pytest.mark.parametrize("hill", [(), ("hill",)], ids=["plain", "sigmoid"])
def test_indirect_response_by_hand(model, hill):
    most, of = MODELS[model]
    p = random_values(3, "concentration", "kin", "kout", most, HALF[most], "hill")
    h = p["hill"] if hill else 1
    drug = p[most] * p["concentration"] ** h / (p[HALF[most]] ** h + p["concentration"] ** h)
    factor = 1 - drug if most == "imax" else 1 + drug
    gain, loss = (factor, 1) if of == "production" else (1, factor)
    equations = use(IndirectResponse, "concentration", "kin", "kout", most, HALF[most], *hill, of=of)
    expected = p["kin"] * gain - p["kout"] * loss * 1.7
    assert equations.slopes({"response": 1.7}, p) == {"response": pytest.approx(expected, rel=1e-11)}


@every_model
@pytest.mark.parametrize("pair", [("kin", "kout"), ("baseline", "kout"), ("kin", "baseline")], ids="-".join)
def test_turnover_is_given_by_two_of_three(model, pair):
    most, of = MODELS[model]
    p = random_values(4, "concentration", "kin", "kout", most, HALF[most])
    p["baseline"] = p["kin"] / p["kout"]
    equations = use(IndirectResponse, "concentration", *pair, most, HALF[most], of=of)
    reference = use(IndirectResponse, "concentration", "kin", "kout", most, HALF[most], of=of)
    state = {"response": 0.6}
    assert equations.slopes(state, p) == pytest.approx(reference.slopes(state, p), rel=1e-11)
    assert equations.start(p) == {"response": pytest.approx(p["baseline"])}
    at_rest = equations.slopes({"response": p["baseline"]}, p | {"concentration": 0.0})
    assert at_rest == {"response": pytest.approx(0, abs=1e-14)}


@every_model
def test_direction_of_the_response(model):
    most, of = MODELS[model]
    p = {"concentration": 1.0, "baseline": 10.0, "kout": 1.0, most: 0.5, HALF[most]: 1.0}
    slope = use(IndirectResponse, *p, of=of).slopes({"response": 10.0}, p)["response"]
    assert slope == pytest.approx({"I": -2.5, "II": 2.5, "III": 2.5, "IV": -2.5}[model])


CELLS = ("proliferating", "transit1", "transit2", "transit3", "circulating")


@pytest.mark.parametrize("drug", [("slope",), ("emax", "ec50")], ids="-".join)
def test_myelosuppression_by_hand(drug):
    p, s = random_values(6, "concentration", "circ0", "mtt", "gamma", *drug), random_values(7, *CELLS)
    c = p["concentration"]
    effect = p["slope"] * c if "slope" in p else p["emax"] * c / (p["ec50"] + c)
    ktr = 4 / p["mtt"]
    feedback = (p["circ0"] / s["circulating"]) ** p["gamma"]
    expected = {"proliferating": ktr * s["proliferating"] * (1 - effect) * feedback - ktr * s["proliferating"]}
    expected |= {after: ktr * s[before] - ktr * s[after] for before, after in pairwise(CELLS)}
    equations = use(FribergMyelosuppression, *p)
    assert equations.slopes(s, p) == pytest.approx(expected, rel=1e-11)
    assert equations.start(p) == dict.fromkeys(CELLS, p["circ0"])
    assert equations.slopes(equations.start(p), p | {"concentration": 0.0}) == dict.fromkeys(CELLS, 0.0)
