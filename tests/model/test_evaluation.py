"""Values of expressions."""

import math

import pytest

from popmix.model import TAD, T, exp, expit, lgamma, log, where
from popmix.model.declarations import IndividualParameter, Named, Theta
from popmix.model.evaluation import value_at_start, value_of
from popmix.model.expression import Attribute, Reference

A, B = Reference("a"), Reference("b")
DECLARED = {"a": Theta(2.0), "b": Named(A * 3), "P": IndividualParameter("LogNormal", B + 1)}


def test_at_given_values():
    expression = exp(A) * lgamma(B) + expit(Attribute("pk", "central")) - T + TAD
    values = {"a": 1.0, "b": 4.0, "pk.central": 0.0, "T": 10.0, "TAD": 2.0}
    assert value_of(expression, values) == pytest.approx(math.e * math.log(6) + 0.5 - 8)


def test_a_name_without_a_value():
    with pytest.raises(KeyError, match=r"pk\.central"):
        value_of(Attribute("pk", "central") + 1, {})


def test_only_the_value_chosen_is_used():
    assert value_of(where(A > 0, 1 / A, 7), {"a": 0.0}) == 7
    with pytest.raises(ZeroDivisionError):
        value_of(1 / A, {"a": 0.0})


def test_at_the_start():
    assert value_at_start(Reference("P"), DECLARED) == 7
    assert value_at_start(Reference("WT"), DECLARED) is None
    assert value_at_start(Attribute("pk", "central"), DECLARED) is None
    assert value_at_start(log(A - A), DECLARED) is None


def test_at_a_time_after_dose():
    assert value_at_start(TAD * B, DECLARED) is None
    assert value_at_start(TAD * B, DECLARED, tad=0.5) == 3
