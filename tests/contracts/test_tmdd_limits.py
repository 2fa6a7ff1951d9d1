"""Approximations of target-mediated disposition through the engine: each is a limit of the full model, and comes near it as theory says.

With drug L, target R, complex P (concentrations), binding is fast when kon (L + R) + koff is large beside every other rate constant. Then
kon L R - (koff + kint) P, less than all its terms, is nearly the change of P:

- quasi-steady state (Gibiansky et al. 2008): kon, koff -> infinity at KSS = (koff + kint) / kon. L R / P differs from KSS by
  P' / (kon P), so that the error falls like 1 / kon.
- rapid binding (Mager and Krzyzanski 2005): the same with KD = koff / kon in the place of KSS. KSS - KD = kint / kon: also like 1 / kon.
- Wagner: quasi-steady state with a constant total target, which is what kint = kdeg makes of it.
- irreversible binding: koff -> 0. The complex is lost before it dissociates, with an error proportional to koff / (koff + kint).
- Michaelis-Menten: drug in excess of the target, so that what is bound is little beside what is free: the target becomes an elimination
  of vmax = kint Rtot and km = KSS. The error is proportional to r0 at constant kint r0.

An error is the largest of free drug relative to the largest concentration, over the times after the fast phase, or to the dose.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from worlds import frame

from popmix.likelihood import Solver, bind
from popmix.model import read
from popmix.model.parameters import parameters_of

TIMES = (0.5, 1.0, 2.0, 4.0, 7.0, 10.0, 14.0, 21.0, 28.0)
DRUG = {"cl": 0.3, "v": 3.0, "q": 0.2, "v2": 3.0, "r0": 1.0, "kint": 0.2, "kdeg": 0.6}
FINEST = Solver("auto", 1e-11)


def trajectory(word: str, arguments: dict[str, float], dose: float, part: str = "free", times=TIMES, solver: Solver = FINEST) -> np.ndarray:
    """Return a part of a structure at times after a bolus into its central compartment."""
    given = ", ".join(f"{name}={float(value)!r}" for name, value in arguments.items())
    model = read(f"from popmix import *\n\n\nclass Bolus(Model):\n    pk = {word}({given})\n    DV = Observation(pk.{part}, additive=1)\n")
    rows = [{"ID": 1, "TIME": 0.0, "AMT": dose, "EVID": 1}, *({"ID": 1, "TIME": float(t), "DV": 1.0, "EVID": 0} for t in times)]
    found = bind(model, frame(rows), solver=solver).predictions(parameters_of(model), slopes=False)
    assert found.status[0] == 0
    return found.f


def distances(word: str, approximation: dict[str, float], full: list[dict[str, float]], dose: float, part: str = "free") -> np.ndarray:
    """Return the largest differences between an approximation and several full models, relative to the largest value."""
    limit = trajectory(word, approximation, dose, part)
    return np.array([np.max(np.abs(trajectory("TMDD", one, dose, part) - limit)) / np.max(limit) for one in full])


FAST = np.array([30.0, 100.0, 300.0, 1000.0, 3000.0])
doses = pytest.mark.parametrize("dose", [1.0, 10.0, 100.0])


@doses
@pytest.mark.parametrize("part", ["free", "total", "total_target"])
def test_quasi_steady_state_is_the_limit_of_fast_binding(dose, part):
    kss = 0.05
    full = [DRUG | {"kon": kon, "koff": kss * kon - DRUG["kint"]} for kon in FAST]
    errors = distances("TMDDQuasiSteadyState", DRUG | {"kss": kss}, full, dose, part)
    falls_inversely(errors)


@doses
@pytest.mark.parametrize("part", ["free", "total", "total_target"])
def test_rapid_binding_is_the_limit_of_fast_binding(dose, part):
    full = [DRUG | {"kon": kon, "kd": 0.05} for kon in FAST]
    errors = distances("TMDDRapidBinding", DRUG | {"kd": 0.05}, full, dose, part)
    falls_inversely(errors)


def falls_inversely(errors: np.ndarray) -> None:
    """Require errors that fall like 1 / kon in the end: second-order terms are below a tenth from a kon of 300 on."""
    products = errors * FAST
    assert errors[-1] < 1e-2 and products[-2:] == pytest.approx(products[-1], rel=0.1), errors


@doses
def test_wagner_is_quasi_steady_state_with_a_constant_target(dose):
    """What kint = kdeg makes of the turnover; the two systems take different steps."""
    own = {name: value for name, value in DRUG.items() if name != "kdeg"}
    wagner = trajectory("TMDDWagner", own | {"kss": 0.05}, dose)
    turnover = trajectory("TMDDQuasiSteadyState", DRUG | {"kss": 0.05, "kdeg": DRUG["kint"]}, dose)
    assert wagner == pytest.approx(turnover, rel=1e-9)
    full = [DRUG | {"kdeg": DRUG["kint"], "kon": kon, "koff": 0.05 * kon - DRUG["kint"]} for kon in FAST]
    falls_inversely(distances("TMDDWagner", own | {"kss": 0.05}, full, dose))


@doses
def test_irreversible_binding_is_the_limit_of_slow_release(dose):
    """To first order in koff; second-order terms are of the size of koff / kint."""
    koff = np.array([1e-2, 1e-3, 1e-4])
    errors = distances("TMDDIrreversibleBinding", DRUG | {"kon": 2.0}, [DRUG | {"kon": 2.0, "koff": one} for one in koff], dose)
    assert errors[-1] < 1e-3 and errors[1:] / koff[1:] == pytest.approx(errors[-1] / koff[-1], rel=0.01)


@doses
@pytest.mark.parametrize("turnover", [False, True], ids=["constant target", "turnover"])
def test_michaelis_menten_is_the_limit_of_little_target(dose, turnover):
    """r0 -> 0 at constant kint r0 (kdeg r0), with binding so fast (kon = 1e4) that it adds nothing to the errors that are left.

    Second-order terms are of the size of r0 / kss.
    """
    vmax, kss, kon, r0 = 0.2, 0.5, 1e4, np.array([0.1, 0.03, 0.01, 0.003])
    shared = {name: DRUG[name] for name in ("cl", "v", "q", "v2")}

    def target(r: float) -> dict[str, float]:
        return {"r0": r, "kint": 2 * vmax / r, "kdeg": vmax / r} if turnover else {"r0": r, "kint": vmax / r}

    full = [shared | target(r) | {"kon": kon, "koff": kss * kon - target(r)["kint"]} for r in r0]
    errors = distances("TMDDMichaelisMenten", shared | target(1.0) | {"kss": kss}, full, dose)
    assert errors[-1] < 1e-2 and errors[1:] / r0[1:] == pytest.approx(errors[-1] / r0[-1], rel=0.05)


def test_a_limit_is_no_limit_elsewhere():
    """Slow binding at a low dose, target that dissociates, much target: approximations that do not hold are off by more than a tenth."""
    slow = [DRUG | {"kon": 0.5, "koff": 0.1}]
    assert distances("TMDDRapidBinding", DRUG | {"kd": 0.2}, slow, 1.0)[0] > 0.1
    assert distances("TMDDQuasiSteadyState", DRUG | {"kss": 0.6}, slow, 1.0)[0] > 0.1
    assert distances("TMDDIrreversibleBinding", DRUG | {"kon": 2.0}, [DRUG | {"kon": 2.0, "koff": 2.0}], 10.0)[0] > 0.1
    fast = [DRUG | {"kon": 1000.0, "koff": 50.0}]
    assert distances("TMDDMichaelisMenten", DRUG | {"kss": 50.2 / 1000}, fast, 1.0)[0] > 0.1


FILE = Path(__file__).parents[3] / "shared" / "reference" / "methods" / "tmdd_reference.json"
REFERENCE = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"runs": []}
# by the name of a form there: the word, its constants, and its curves
FORMS = {
    "full": ("TMDD", ("kon", "koff", "kdeg"), {"L": "free", "Rfree": "free_target", "RC": "complex"}),
    "QE": ("TMDDRapidBinding", ("kd", "kdeg"), {"L": "free", "Ltot": "total", "Rtot": "total_target"}),
    "QSS": ("TMDDQuasiSteadyState", ("kss", "kdeg"), {"L": "free", "Ltot": "total", "Rtot": "total_target"}),
    "QSS_constRtot_R0": ("TMDDQuasiSteadyState", ("kss",), {"L": "free"}),
    "Wagner": ("TMDDWagner", ("kss",), {"L": "free"}),
    "MM_Vm_ksyn_KM_KSSkdeg_over_kint": ("TMDDMichaelisMenten", ("kss", "kdeg"), {"L": "free"}),
    "IB": ("TMDDIrreversibleBinding", ("kon", "kdeg"), {"L": "free"}),
}


@pytest.mark.skipif(not REFERENCE["runs"], reason=f"the trajectories are not there: {FILE}")
@pytest.mark.parametrize(("method", "error"), [("auto", 3e-9), ("stiff", 2e-8)])
@pytest.mark.parametrize("form", FORMS)
def test_trajectories_computed_elsewhere(form, method, error):
    """At concentrations over four orders of magnitude, to 30 or 200 times the tolerance of a step."""
    names = {"v1": "v"}
    known = {names.get(name.lower(), name.lower()): value for name, value in REFERENCE["parameters"].items()}
    word, constants, curves = FORMS[form]
    arguments = {name: known[name] for name in ("cl", "v", "q", "v2", "r0", "kint", *constants)}
    for run in REFERENCE["runs"]:
        for curve, part in curves.items():
            found = trajectory(word, arguments, run["dose"], part, REFERENCE["times"], Solver(method, 1e-10))
            # at time 0 the file has what is there after the bolus, an observation of ours what is there before or after it
            assert found[1:] == pytest.approx(run[form][curve][1:], rel=error), (run["dose"], curve)
