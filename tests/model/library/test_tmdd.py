"""TMDD: the full model by hand, balances of drug and target, and how the approximations follow from it."""

import json
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from equations import random_values, use

from popmix.model import (
    TMDD,
    TMDDIrreversibleBinding,
    TMDDMichaelisMenten,
    TMDDQuasiSteadyState,
    TMDDRapidBinding,
    TMDDWagner,
    load,
)
from popmix.model.declarations import Named
from popmix.model.evaluation import value_of
from popmix.model.expression import Expression

SHARED = Path(__file__).parents[4] / "shared"
DRUG = ("cl", "v", "q", "v2", "ka", "r0", "kint")
POINTS = range(5)
SAME = 1e-12  # relative: a few roundings of doubles
FULL = use(TMDD, *DRUG, "kon", "koff", "kdeg")
STEADY = use(TMDDQuasiSteadyState, *DRUG, "kss", "kdeg")
every_point = pytest.mark.parametrize("seed", POINTS)


def values_at(seed: int) -> dict[str, float]:
    """Return random parameters, with kss and kd that belong to them."""
    values = random_values(seed, *DRUG, "kon", "koff", "kdeg")
    return values | {"kss": (values["koff"] + values["kint"]) / values["kon"], "kd": values["koff"] / values["kon"]}


def balanced(seed: int, constant: str) -> tuple[dict, dict, dict, float]:
    """Return parameters, a state of the full model with complex = total target C / (constant + C), that of the totals, and C."""
    values, point = values_at(seed), random_values(seed + 100, "depot", "peripheral", "free", "total_target")
    free, target = point["free"], point["total_target"]
    complex = target * free / (values[constant] + free)
    shared = {"depot": point["depot"], "peripheral": point["peripheral"]}
    full = shared | {"central": free * values["v"], "target": target - complex, "complex": complex}
    totals = shared | {"central": (free + complex) * values["v"], "total_target": target}
    return values, full, totals, free


@every_point
def test_full_model_by_hand(seed):
    p, s = values_at(seed), random_values(seed + 50, "depot", "central", "peripheral", "target", "complex")
    c = s["central"] / p["v"]
    on, off = p["kon"] * c * s["target"], p["koff"] * s["complex"]
    expected = {
        "depot": -p["ka"] * s["depot"],
        "central": p["ka"] * s["depot"]
        - (p["cl"] / p["v"] + p["q"] / p["v"]) * s["central"]
        + p["q"] / p["v2"] * s["peripheral"]
        + (off - on) * p["v"],
        "peripheral": p["q"] / p["v"] * s["central"] - p["q"] / p["v2"] * s["peripheral"],
        "target": p["kdeg"] * p["r0"] - p["kdeg"] * s["target"] - on + off,
        "complex": on - off - p["kint"] * s["complex"],
    }
    slopes = FULL.slopes(s, p)
    assert list(slopes) == list(expected)
    assert slopes == pytest.approx(expected, rel=1e-10)  # sums of terms of different sizes
    outputs = {"free": c, "total": c + s["complex"], "free_target": s["target"], "total_target": s["target"] + s["complex"]}
    assert FULL.outputs(s, p) == pytest.approx(outputs)


@every_point
def test_drug_and_target_are_conserved(seed):
    p, s = values_at(seed), random_values(seed + 50, "depot", "central", "peripheral", "target", "complex")
    slopes = FULL.slopes(s, p)
    drug = slopes["depot"] + slopes["central"] + slopes["peripheral"] + p["v"] * slopes["complex"]
    assert drug == pytest.approx(-p["cl"] * s["central"] / p["v"] - p["v"] * p["kint"] * s["complex"], rel=1e-10)
    target = slopes["target"] + slopes["complex"]
    assert target == pytest.approx(p["kdeg"] * (p["r0"] - s["target"]) - p["kint"] * s["complex"], rel=1e-10)


TARGETED = (TMDD, TMDDRapidBinding, TMDDQuasiSteadyState, TMDDIrreversibleBinding, TMDDWagner, TMDDMichaelisMenten)
CONSTANTS = {TMDD: ("kon", "koff"), TMDDRapidBinding: ("kd",), TMDDIrreversibleBinding: ("kon",)}


@pytest.mark.parametrize("kdeg", [(), ("kdeg",)], ids=["constant", "turnover"])
@pytest.mark.parametrize("word", TARGETED, ids=lambda word: word.__name__)
def test_without_drug_nothing_changes(word, kdeg):
    if word is TMDDWagner:
        kdeg = ()
    equations, values = use(word, *DRUG, *CONSTANTS.get(word, ("kss",)), *kdeg), values_at(7)
    start = equations.start(values)
    assert equations.slopes(start, values) == dict.fromkeys(start, 0.0)
    assert all(start[name] == values["r0"] for name in ("target", "total_target") if name in start)
    assert equations.outputs(start, values).get("free") == 0


@every_point
@pytest.mark.parametrize(("word", "constant"), [(TMDDQuasiSteadyState, "kss"), (TMDDRapidBinding, "kd")])
def test_totals_change_as_in_the_full_model_where_binding_is_balanced(word, constant, seed):
    values, full, totals, free = balanced(seed, constant)
    exact, equations = FULL.slopes(full, values), use(word, *DRUG, constant, "kdeg")
    slopes, outputs = equations.slopes(totals, values), equations.outputs(totals, values)
    # the root of the quadratic keeps 1e-14 or so of C
    assert outputs["free"] == pytest.approx(free, rel=1e-11)
    assert outputs["complex"] == pytest.approx(full["complex"], rel=1e-11)
    assert outputs["free_target"] == pytest.approx(full["target"], rel=1e-10)
    assert slopes["central"] == pytest.approx(exact["central"] + values["v"] * exact["complex"], rel=1e-9)
    assert slopes["peripheral"] == pytest.approx(exact["peripheral"], rel=1e-9)
    assert slopes["total_target"] == pytest.approx(exact["target"] + exact["complex"], rel=1e-9)


@every_point
@pytest.mark.parametrize(("word", "constant"), [(TMDDQuasiSteadyState, "kss"), (TMDDRapidBinding, "kd")])
def test_the_constant_may_be_given_by_its_rates(word, constant, seed):
    values, _, totals, _ = balanced(seed, constant)
    by_rates = use(word, *DRUG, "kon", "koff", "kdeg").slopes(totals, values)
    assert by_rates == pytest.approx(use(word, *DRUG, constant, "kdeg").slopes(totals, values), rel=SAME)


def test_kd_stands_for_koff():
    values, state = values_at(3), random_values(9, "depot", "central", "peripheral", "target", "complex")
    assert use(TMDD, *DRUG, "kon", "kd", "kdeg").slopes(state, values) == pytest.approx(FULL.slopes(state, values), rel=1e-10)


@every_point
def test_constant_target_is_the_case_of_equal_losses(seed):
    values = values_at(seed)
    values["kdeg"] = values["kint"]
    state = random_values(seed + 30, "depot", "central", "peripheral")
    bound = 0.4 * values["r0"]
    full = FULL.slopes(state | {"target": values["r0"] - bound, "complex": bound}, values)
    assert full["target"] + full["complex"] == pytest.approx(0, abs=1e-12 * values["kon"] * 30)
    constant = use(TMDD, *DRUG, "kon", "koff").slopes(state | {"complex": bound}, values)
    assert constant == pytest.approx({name: full[name] for name in constant}, rel=1e-9)
    total = STEADY.slopes(state | {"total_target": values["r0"]}, values)
    assert total.pop("total_target") == pytest.approx(0, abs=1e-12 * values["kdeg"] * values["r0"])
    assert use(TMDDQuasiSteadyState, *DRUG, "kss").slopes(state, values) == pytest.approx(total, rel=SAME)


@every_point
def test_free_drug_of_wagners_form_follows_his_equation(seed):
    p, equations = values_at(seed), use(TMDDWagner, *DRUG, "kss")
    s = random_values(seed + 20, "depot", "central", "peripheral")
    c = equations.outputs(s, p)["free"]
    slope = equations.slopes(s, p)["central"]
    step = 1e-5 * s["central"]
    sides = [equations.outputs(s | {"central": s["central"] + sign * step}, p)["free"] for sign in (1, -1)]
    change = (sides[0] - sides[1]) / (2 * step) * slope  # dC/dt by the chain rule, a central difference
    right = (
        p["ka"] * s["depot"] / p["v"]
        - p["cl"] / p["v"] * c
        - p["q"] / p["v"] * (c - s["peripheral"] / p["v2"])
        - p["kint"] * p["r0"] * c / (p["kss"] + c)
    )
    # the difference of the quadratic's root is good to 1e-7 of its terms or better
    assert change * (1 + p["r0"] * p["kss"] / (p["kss"] + c) ** 2) == pytest.approx(right, rel=1e-6, abs=1e-6)


@every_point
@pytest.mark.parametrize("kdeg", [(), ("kdeg",)], ids=["constant", "turnover"])
def test_irreversible_binding_is_the_full_model_without_release(seed, kdeg):
    values = values_at(seed) | {"koff": 0.0}
    full, equations = use(TMDD, *DRUG, "kon", "koff", *kdeg), use(TMDDIrreversibleBinding, *DRUG, "kon", *kdeg)
    state = random_values(seed + 20, *full.expansion.states)
    assert equations.slopes(state, values) == pytest.approx(full.slopes(state, values), rel=SAME)


@every_point
def test_michaelis_menten_is_what_a_target_in_its_steady_state_takes(seed):
    p = values_at(seed)
    c = random_values(seed + 11, "c")["c"]
    drug = {"depot": 0.0, "central": c * p["v"], "peripheral": c * p["v2"]}
    taken = p["cl"] * c + use(TMDDMichaelisMenten, *DRUG, "kss", "kdeg").slopes(drug, p)["central"]
    target = p["kdeg"] * p["r0"] / (p["kdeg"] + (p["kint"] - p["kdeg"]) * c / (p["kss"] + c))
    totals = drug | {"central": (c + target * c / (p["kss"] + c)) * p["v"], "total_target": target}
    slopes = STEADY.slopes(totals, p)
    assert slopes["total_target"] == pytest.approx(0, abs=1e-10)
    assert p["cl"] * c + slopes["central"] == pytest.approx(taken, rel=1e-9)
    constant = use(TMDDMichaelisMenten, *DRUG, "kss").slopes(drug, p)["central"]
    totals = drug | {"central": (c + p["r0"] * c / (p["kss"] + c)) * p["v"]}
    assert use(TMDDQuasiSteadyState, *DRUG, "kss").slopes(totals, p)["central"] == pytest.approx(constant, rel=1e-9)


@pytest.mark.parametrize("total", [1e-12, 1e-3, 1.0, 1e3, 1e9])
@pytest.mark.parametrize("target", [1e-6, 1.0, 1e6])
def test_free_drug_keeps_its_digits(total, target):
    equations = use(TMDDQuasiSteadyState, "cl", "v", "r0", "kint", "kss", "kdeg")
    values = {"cl": 1.0, "v": 1.0, "r0": target, "kint": 1.0, "kss": 0.5, "kdeg": 1.0}
    free = equations.outputs({"central": total, "total_target": target}, values)["free"]
    with localcontext() as context:
        context.prec = 60
        amount, bound, half = Decimal(total), Decimal(target), Decimal("0.5")
        gap = amount - bound - half
        exact = (gap + (gap * gap + 4 * half * amount).sqrt()) / 2
    assert free == pytest.approx(float(exact), rel=1e-13)  # nothing is subtracted: roundings alone


@pytest.fixture(scope="module")
def reference() -> dict:
    path = SHARED / "reference" / "methods" / "tmdd_reference.json"
    if not path.is_file():
        pytest.skip("no ../shared beside the checkout: the TMDD trajectories are not compared")
    return json.loads(path.read_text())


RUNS = {
    "full": (TMDD, ("kon", "koff", "kdeg")),
    "QE": (TMDDRapidBinding, ("kd", "kdeg")),
    "QSS": (TMDDQuasiSteadyState, ("kss", "kdeg")),
    "QSS_constRtot_R0": (TMDDQuasiSteadyState, ("kss",)),
    "Wagner": (TMDDWagner, ("kss",)),
    "MM_Vm_ksyn_KM_KSSkdeg_over_kint": (TMDDMichaelisMenten, ("kss", "kdeg")),
    "IB": (TMDDIrreversibleBinding, ("kon", "kdeg")),
}
OUTPUTS = {"L": "free", "Ltot": "total", "Rtot": "total_target", "Rfree": "free_target", "RC": "complex"}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("dose", [1.0, 10.0, 100.0, 300.0])
def test_trajectories_of_the_reference(reference, run, dose):
    given = reference["parameters"]
    names = {"cl": "CL", "v": "V1", "q": "Q", "v2": "V2", "r0": "R0", "kint": "kint", "kdeg": "kdeg", "kss": "KSS", "kd": "KD"}
    values = {name: given[key] for name, key in names.items()} | {name: given[name] for name in ("kon", "koff")}
    word, others = RUNS[run]
    equations = use(word, "cl", "v", "q", "v2", "r0", "kint", *others)
    expected = next(each for each in reference["runs"] if each["dose"] == dose)[run]
    found = equations.solve(np.array(reference["times"]), values, {"central": dose})
    for key, numbers in expected.items():
        assert found[OUTPUTS[key]] == pytest.approx(numbers, rel=1e-6), key  # the reference's solvers agreed to 1e-8


def test_quasi_steady_state_is_the_model_written_out():
    path = SHARED / "examples" / "tmdd.py"
    if not path.is_file():
        pytest.skip("no ../shared beside the checkout: the written-out model is not compared")
    model = load(path)
    p = values_at(2)
    s = random_values(5, "depot", "central", "peripheral", "total_target")
    known = {"CL": p["cl"], "V": p["v"], "Q": p["q"], "V2": p["v2"], "Ka": p["ka"], "R0": p["r0"], "Kss": p["kss"], "kint": p["kint"]}
    known |= {"kdeg": p["kdeg"], "Rtot": s["total_target"]} | {name: s[name] for name in ("depot", "central", "peripheral")}
    for name, each in model.declarations.items():
        if isinstance(each, Named):
            known[name] = value_of(each.expression, known)
    written = {name: value_of(state.derivative, known) for name, state in model.states.items()}
    slopes = STEADY.slopes(s, p)
    assert list(slopes.values()) == pytest.approx(list(written.values()), rel=1e-10)
    assert isinstance(model.states["Rtot"].init, Expression)
    assert STEADY.outputs(s, p)["total"] == pytest.approx(known["Ctot"])


@pytest.mark.parametrize("word", TARGETED, ids=lambda word: word.__name__)
def test_there_is_no_concentration_where_two_could_be_meant(word):
    parts = use(word, *DRUG, *CONSTANTS.get(word, ("kss",))).expansion.parts
    assert "concentration" not in parts
    assert "free" in parts
