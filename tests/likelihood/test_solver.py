"""How equations are solved: what a Solver accepts, and the route that a model takes with it."""

import polars as pl
import pytest

from popmix.engine.equations import ALGEBRAIC, CLOSED_FORM, EQUATIONS
from popmix.errors import OptionError, SupportError
from popmix.likelihood import AUTOMATIC, Problem, Solver, bind
from popmix.model import read
from popmix.model.parameters import parameters_of

METHODS = ("auto", "nonstiff", "stiff", "exponential")
MODEL = "from popmix import *\nclass Any(Model):\n    CL = LogNormal(2.0, iiv=0.3)\n{}\n    DV = Observation({}, additive=1)\n"
KINDS = {
    "algebraic": ("", "exp(-CL * T)"),
    "structure": ("    pk = TwoCompartments(cl=CL, v1=9, q=1, v2=20, ka=1.3)", "pk.concentration"),
    "written structure": ("    x = State()\n    y = State()\n    x.dt = -CL * x\n    y.dt = CL * x - y / 3", "y"),
    "linear": ("    x = State(init=3.0)\n    x.dt = 1 - CL * x", "x"),
    "any": ("    x = State(init=3.0)\n    x.dt = -CL * x / (1 + x)", "x"),
    "slowly absorbed": ("    pk = OneCompartment(cl=CL, v=9, profile=transit_profile(2, 3))", "pk.concentration"),
    "two structures": ("    pk = OneCompartment(cl=CL, v=9)\n    x = State(init=1.0)\n    x.dt = 1 - x * pk.concentration", "x"),
}


def bound(kind: str, solver: Solver | None = None) -> Problem:
    data = pl.DataFrame({"ID": [1, 1, 1], "TIME": [0.0, 1.0, 3.0], "AMT": [10.0, None, None], "DV": [None, 1.0, 2.0], "EVID": [1, 0, 0]})
    data = data.filter(pl.col("EVID") == 0).drop("AMT", "EVID") if kind == "algebraic" else data
    options = {} if solver is None else {"solver": solver}
    return bind(read(MODEL.format(*KINDS[kind])), data, **options)


def test_a_solver_is_automatic_and_exact_to_1e_8():
    assert Solver() == AUTOMATIC == Solver("auto", 1e-8)
    assert hash(Solver("stiff")) == hash(Solver("stiff", 1e-8))


@pytest.mark.parametrize("method", ["Stiff", "", "lsoda", "automatic", None])
def test_methods_that_do_not_exist(method):
    with pytest.raises(OptionError) as caught:
        Solver(method)
    assert f"Solver(method={method!r})" in str(caught.value) and all(repr(one) in str(caught.value) for one in METHODS)


@pytest.mark.parametrize("tolerance", [0.0, -1e-8, 9e-14, 0.0101, 1.0, float("nan"), float("inf")])
def test_tolerances_out_of_range(tolerance):
    with pytest.raises(OptionError, match=r"between 1e-13 and 1e-2") as caught:
        Solver(tolerance=tolerance)
    assert repr(tolerance) in str(caught.value)


@pytest.mark.parametrize("tolerance", [1e-13, 1e-6, 1e-2])
def test_tolerances_in_range_reach_the_engine(tolerance):
    assert bound("any", Solver("stiff", tolerance)).code.tolerance == tolerance


def test_only_the_automatic_choice_takes_closed_forms():
    assert [Solver(name).as_equations for name in METHODS] == [False, True, True, True]
    assert [Solver(name).code for name in METHODS] == [0, 1, 2, 3]


ROUTES = [
    ("algebraic", ALGEBRAIC, False, False),
    ("structure", CLOSED_FORM, True, False),
    ("written structure", CLOSED_FORM, True, False),
    ("linear", EQUATIONS, False, True),
    ("any", EQUATIONS, False, False),
    ("slowly absorbed", EQUATIONS, False, True),
    ("two structures", EQUATIONS, False, False),
]


@pytest.mark.parametrize(("kind", "route", "has_shape", "is_linear"), ROUTES, ids=[one[0] for one in ROUTES])
def test_the_route_of_a_model(kind, route, has_shape, is_linear):
    problem = bound(kind)
    assert problem.solver == AUTOMATIC and problem.code.method == 0
    assert problem.code.route == route
    assert (problem.compiled.shape is not None) == has_shape
    assert bool(problem.code.linear) == is_linear


LINEAR = ("structure", "written structure", "linear")


def methods_of(kind: str) -> tuple[str, ...]:
    return METHODS[1:] if kind in LINEAR or kind == "algebraic" else METHODS[1:3]


@pytest.mark.parametrize(("kind", "method"), [(kind, method) for kind in KINDS for method in methods_of(kind)])
def test_a_chosen_method_leaves_closed_forms_aside(kind, method):
    problem = bound(kind, Solver(method, 1e-9))
    assert problem.solver == Solver(method, 1e-9)
    assert problem.code.method == METHODS.index(method)
    assert problem.code.route == (ALGEBRAIC if kind == "algebraic" else EQUATIONS)
    assert problem.compiled.shape is None
    assert bool(problem.code.linear) == (kind in (*LINEAR, "slowly absorbed"))


@pytest.mark.parametrize("kind", KINDS)
def test_all_methods_find_the_same(kind):
    """Each to its own tolerance."""
    first = bound(kind)
    expected = first.predictions(parameters_of(first.model)).f
    for method in methods_of(kind):
        problem = bound(kind, Solver(method, 1e-10))
        assert problem.predictions(parameters_of(problem.model)).f == pytest.approx(expected, rel=1e-7, abs=1e-12), method


@pytest.mark.parametrize("kind", ["any", "slowly absorbed", "two structures"])
def test_the_exponential_is_for_linear_equations(kind):
    with pytest.raises(SupportError, match="not linear"):
        bound(kind, Solver("exponential"))


def test_lags_and_times_after_dose_are_refused_together_in_equations():
    source = MODEL.format("    x = State()\n    into = Dose(x, lag=0.5)\n    x.dt = -CL * x * exp(-TAD)", "x")
    data = pl.DataFrame({"ID": [1, 1], "TIME": [0.0, 1.0], "AMT": [10.0, None], "DV": [None, 1.0], "EVID": [1, 0]})
    with pytest.raises(SupportError, match="TAD"):
        bind(read(source), data)
