"""What is asked of differential equations and can't be had is refused at the gate; compartments go by their names."""

import polars as pl
import pytest

from popmix.errors import ModelError, OptionError, SupportError
from popmix.likelihood import Problem, Solver, bind
from popmix.model import read
from popmix.model.parameters import parameters_of

HEAD = "from popmix import *\nclass Any(Model):\n    CL = LogNormal(2.0, iiv=0.3)\n"
SEEN = {"TIME": 1.0, "EVID": 0, "DV": 1.0}
STEADY = {"TIME": 0.0, "AMT": 10.0, "II": 12.0, "SS": 1, "EVID": 1}
LINEAR = "    a = State()\n    a.dt = -CL * a\n    DV = Observation(a, additive=1)\n"


def bound(body: str, *rows: dict, **options) -> Problem:
    columns = sorted({name for row in rows for name in row} | {"AMT"})
    table = pl.DataFrame([{"ID": 1} | dict.fromkeys(columns) | row for row in rows], infer_schema_length=None)
    return bind(read(HEAD + body), table, **options)


def predicted(problem: Problem) -> float:
    found = problem.predictions(parameters_of(problem.model))
    assert not found.status.any()
    return float(found.f[0])


def test_equations_that_read_the_clock_have_no_steady_state():
    clock = "    a = State()\n    a.dt = -CL * (1 + 0.5 * sin(T)) * a\n    DV = Observation(a, additive=1)\n"
    with pytest.raises(SupportError, match=r"T have no steady state.*row 2"):
        bound(clock, STEADY, SEEN)
    predicted(bound(clock, STEADY | {"SS": 0}, SEEN))
    # the time after a dose is the same in every interval
    predicted(bound(clock.replace("sin(T)", "exp(-TAD)"), STEADY, SEEN))


@pytest.mark.parametrize(
    ("label", "expected"), [("pk.central", 0.8187307530779818), ("central", 0.8187307530779818), ("2", 0.8187307530779818)]
)
def test_a_compartment_of_a_structure_has_a_full_name(label, expected):
    """10 exp(-0.2) / 10."""
    body = "    pk = OneCompartment(cl=CL, v=10, ka=1)\n    DV = Observation(pk.concentration, additive=1)\n"
    assert predicted(bound(body, {"TIME": 0.0, "AMT": 10.0, "EVID": 1, "CMT": label}, SEEN)) == pytest.approx(0.8187307530779818, rel=1e-12)


def test_a_state_keeps_its_name_beside_a_structure():
    """exp(-1) of the dose, and nothing in the structure."""
    body = "    pk = OneCompartment(cl=CL, v=10)\n    central = State()\n    central.dt = -central\n    DV = Observation({}, additive=1)\n"
    dose = {"TIME": 0.0, "AMT": 10.0, "EVID": 1, "CMT": "central"}
    assert predicted(bound(body.format("central + 0 * pk.central"), dose, SEEN)) == pytest.approx(3.6787944117144233, rel=1e-8)
    assert predicted(bound(body.format("0 * central + pk.central"), dose, SEEN)) == 0.0


@pytest.mark.parametrize("part", ["f", "lag", "duration", "rate"])
def test_doses_do_not_depend_on_states(part):
    body = LINEAR.replace("    a.dt", f"    into = Dose(a, {part}=0.1 + a / 50)\n    a.dt")
    with pytest.raises(ModelError, match=f"the {part} of into depends on a"):
        read(HEAD + body)


@pytest.mark.parametrize(
    "profile", ["transit_profile(mtt=-1, n=2)", "weibull_profile(scale=2, shape=0)", "inverse_gaussian_profile(mat=1, cv2=-0.1)"]
)
def test_arguments_of_profiles_are_positive(profile):
    with pytest.raises(ModelError, match="must be positive"):
        read(HEAD + LINEAR.replace("    a.dt", f"    into = Dose(a, profile={profile})\n    a.dt"))


def test_a_solver_is_an_object_with_a_number():
    with pytest.raises(OptionError, match=r"Solver\('stiff'"):
        bound(LINEAR, SEEN, solver="stiff")
    for tolerance in ("1e-8", None, True):
        with pytest.raises(OptionError, match="must be a number"):
            Solver("stiff", tolerance)


@pytest.mark.parametrize("loss", [0.1, 1e-4])
def test_a_constant_infusion_from_a_state_of_rest(loss):
    """The slope of the second state is flat where Newton's method begins: ex = sqrt(R / k)."""
    body = f"    c = State()\n    ex = State()\n    c.dt = -CL * c / 10\n    ex.dt = CL * c / 10 - {loss} * ex * ex\n"
    rows = {"TIME": 0.0, "AMT": 0.0, "RATE": 10.0, "SS": 1, "EVID": 1}, SEEN | {"TIME": 0.0}
    assert predicted(bound(body + "    DV = Observation(ex, additive=1)\n", *rows)) == pytest.approx((10 / loss) ** 0.5, rel=1e-8)
