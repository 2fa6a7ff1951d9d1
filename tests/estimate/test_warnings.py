"""The warnings of a fit: what they name, where they are shown, and that they agree with the marks of the summary."""

import json

import numpy as np
import polars as pl
import pytest

import popmix
from popmix import *
from popmix.errors import FitError
from popmix.estimate.extremes import is_near_one, is_near_zero, vanishing
from popmix.interop import run_folder
from popmix.model.parameters import parameters_of


class Line(Model):
    """A straight line for everybody."""

    a = Theta(0.5)
    b = Theta(0.5)
    DV = Observation(a + b * T, additive=1.0)


def points(count: int) -> pl.DataFrame:
    times = np.arange(1.0, count + 1)
    return pl.DataFrame({"ID": np.arange(1, count + 1), "TIME": times, "DV": 1.0 + times + 0.5 * np.cos(9 * times)})


def about_counts(fit) -> list[str]:
    return [message for message in fit.messages if "observation" in message and "parameter" in message]


def test_as_few_observations_as_parameters_are_told_with_both_counts(tmp_path):
    found = popmix.fit(Line, points(3))
    told = "3 parameters estimated from 3 observations"
    assert told in found.messages[0] and about_counts(found) == [found.messages[0]]
    assert f"Warning: {told}" in str(found)
    run_folder.save(found, tmp_path / "run")
    assert told in json.loads((tmp_path / "run" / "fit.json").read_text())["messages"][0]


def test_only_estimated_parameters_and_observations_that_count_are_counted():
    assert not about_counts(popmix.fit(Line, points(4)))
    assert not about_counts(popmix.fit(Line.fix("b"), points(3)))
    without_one = popmix.fit(Line, points(4), weights=np.array([1.0, 1.0, 1.0, 0.0]))
    assert "3 parameters estimated from 3 observations" in without_one.messages[0]


def test_an_evaluation_estimates_nothing_and_is_not_warned_of():
    assert not about_counts(popmix.evaluate(Line, points(2)))

    class Small(Model):
        a = Theta(1.0)
        A = Normal(a, iiv=1e-6)
        DV = Observation(A * T, additive=1.0)

    assert not popmix.evaluate(Small, points(4)).messages


def test_a_line_through_two_points_has_no_residual_error():
    with pytest.raises(FitError) as caught:
        popmix.fit(Line, points(2))
    told = str(caught.value)
    assert "as additive_DV goes to zero" in told and "rows 2, 3 of subjects 1, 2" in told
    assert "3 parameters estimated from 2 observations" in told


class Several(Model):
    """Every kind of parameter."""

    t, u = Theta(1.0), Theta(1.0, fixed=True)
    A, B, C = LogNormal(t, iiv=0.3), LogNormal(u, iiv=0.3), Normal(0, iiv=Fixed(0.3))
    both = Block(A, B, correlation=0.1)
    DV = Observation((A + B + C) * T, power=(20.0, 0.5))


@pytest.mark.parametrize(
    ("name", "inside", "beyond"),
    [("iiv_A", 1.01e-3, 0.99e-3), ("power_DV", 20.2e-3, 19.8e-3), ("corr_A_B", 0.9989, 0.9991), ("corr_A_B", -0.9989, -0.9991)],
)
def test_the_mark_and_the_warning_have_one_threshold(make_fit, name, inside, beyond):
    start = parameters_of(Several)
    for value, expected in ((inside, False), (beyond, True)):
        changed = start.with_values({name: value})
        position = start.index(name)
        assert (is_near_zero(changed, start, position) or is_near_one(changed, position)) == expected
        text = str(popmix.estimate.summary.as_text(make_fit(Several, parameters=changed, shrinkage={})))
        marked = [line.startswith(name) for line in text.splitlines() if line.rstrip().endswith(("near zero", "near ±1"))]
        assert marked == ([True] if expected else [])


@pytest.mark.parametrize("name", ["t", "u", "iiv_C", "exponent_DV"])
def test_what_can_not_vanish_is_not_near_zero(name):
    start = parameters_of(Several)
    values = start.values.copy()
    values[start.index(name)] = 1e-9
    assert not is_near_zero(start.unchecked(values), start, start.index(name))


def test_a_residual_sd_that_falls_without_end_is_told_from_one_that_is_not_needed():
    start = parameters_of(Line)
    tiny = start.with_values({"additive_DV": 1e-13})
    assert vanishing(start, tiny, np.array([0.0, 0.0, 2.0])) == "additive_DV"
    assert not vanishing(start, tiny, np.array([2.0, 2.0, 1e-9]))
    assert not vanishing(start, start, np.array([0.0, 0.0, 2.0]))
