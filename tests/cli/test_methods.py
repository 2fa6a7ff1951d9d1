"""The table of methods and the reading of their options."""

from dataclasses import dataclass

import pytest

import popmix
from popmix.cli import methods
from popmix.cli.methods import METHODS, Method, make_method, make_solver, pairs
from popmix.errors import OptionError


@dataclass(frozen=True)
class Toy:
    order: int = 5
    tolerance: float = 1e-4
    adaptive: bool = True
    rule: str = "gauss"
    preset: int = 0


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(methods.METHODS, "toy", Method(lambda: Toy, {"preset": 9}))


def test_options_take_the_type_of_their_default(toy):
    made = make_method("toy", ["order=25", "tolerance=1", "adaptive=False", "rule=7"])
    assert made == Toy(25, 1.0, False, "7", 9)
    assert isinstance(made.tolerance, float)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("order=2.5", "a whole number"),
        ("order=many", "a whole number"),
        ("order=true", "a whole number"),
        ("tolerance=small", "a number"),
        ("adaptive=1", "true or false"),
        ("ordre=3", "Did you mean 'order'? Options of toy: order, tolerance, adaptive, rule."),
        ("preset=3", "no option 'preset'"),
    ],
)
def test_options_that_cant_be_used(toy, option, told):
    with pytest.raises(OptionError) as caught:
        make_method("toy", [option])
    assert told in str(caught.value)


def test_every_name_in_the_table_makes_its_method():
    made = {
        "fo": popmix.FO(),
        "focei": popmix.FOCE(),
        "foce": popmix.FOCE(interaction=False),
        "laplace": popmix.Laplace(),
        "agq": popmix.AGQ(),
        "saem": popmix.SAEM(),
        "imp": popmix.IMP(),
        "impmap": popmix.IMPMAP(),
        "nuts": popmix.NUTS(),
    }
    assert {name: make_method(name) for name in METHODS} == made
    assert make_method("agq", ["order=25"]) == popmix.AGQ(order=25) and make_method(None) is None
    assert all(make_method(name).name == name for name in METHODS)


def test_columns_are_pairs():
    assert pairs(["time=TAFD", "WT=BW=2"]) == {"time": "TAFD", "WT": "BW=2"} and pairs(None) is None and pairs([]) is None


@pytest.mark.parametrize(
    ("texts", "told"),
    [(["time=A", "time=B"], "gives a role twice: time=A, time=B"), (["time"], "write ROLE=NAME"), (["=A"], "write ROLE=NAME")],
)
def test_columns_that_can_not_be_used(texts, told):
    with pytest.raises(OptionError) as caught:
        pairs(texts)
    assert "--column" in str(caught.value) and told in str(caught.value)


def test_the_objective_of_saem_is_a_method_by_name():
    assert make_method("saem", ["objective=agq", "chains=4"]) == popmix.SAEM(chains=4, objective=popmix.AGQ())
    with pytest.raises(OptionError, match=r"unknown method 'aqg'\. Did you mean 'agq'"):
        make_method("saem", ["objective=aqg"])


def test_a_solver_is_made_of_its_options():
    assert make_solver(["method=stiff", "tolerance=1e-9"]) == popmix.Solver("stiff", 1e-9)
    assert make_solver(["tolerance=1e-6"]) == popmix.Solver(tolerance=1e-6) and make_solver(["method=auto"]) == popmix.Solver()
    assert make_solver(None) is None and make_solver([]) is None


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("methd=stiff", "solver has no option 'methd'. Did you mean 'method'? Options of solver: method, tolerance."),
        ("tolerence=1e-9", "Did you mean 'tolerance'?"),
        ("method=stif", "Solver(method='stif') doesn't exist. Did you mean stiff? Methods:"),
        ("method=euler", "Solver(method='euler') doesn't exist. Methods: 'auto', 'nonstiff', 'stiff', 'exponential'."),
        ("tolerance=tight", "--solver tolerance=tight: the value must be a number."),
        ("tolerance=1", "must lie between 1e-13 and 1e-2"),
        ("stiff", "--solver stiff: write NAME=VALUE."),
    ],
)
def test_solvers_that_can_not_be_made(option, told):
    with pytest.raises(OptionError) as caught:
        make_solver([option])
    assert told in str(caught.value)


def test_an_option_given_twice_is_refused():
    with pytest.raises(OptionError, match="--solver method= is given twice"):
        make_solver(["method=stiff", "tolerance=1e-9", "method=nonstiff"])
    with pytest.raises(OptionError, match="--option iterations= is given twice"):
        make_method("focei", ["iterations=3", "iterations=4"])
