"""Covariance of the estimates, against textbook formulas, against scipy, and against laws."""

import numpy as np
import pytest
from shared_models import Bolus, bolus_data
from worlds import WORLDS, frame

import popmix
from popmix import *
from popmix.errors import OptionError
from popmix.estimate.directions import flattest


class Means(Model):
    """One-way analysis of variance with random groups."""

    mu = Theta(4.0)
    M = Normal(mu, iiv=1.5)
    DV = Observation(M, additive=0.7)


def groups(n_groups: int = 12, size: int = 5):
    rng = np.random.default_rng(8)
    rows = []
    for group in range(1, n_groups + 1):
        level = 4 + 1.5 * rng.normal()
        rows += [{"ID": group, "TIME": float(k), "DV": level + 0.7 * rng.normal()} for k in range(size)]
    return frame(rows)


def test_r_is_the_textbook_information_of_balanced_groups():
    """Var(mu) = (s2 + n t2) / (n k); by tau and sigma the inverse of n_groups / 2 times traces of V^-1 dV V^-1 dV, at the ML estimates."""
    found = popmix.fit(Means, groups(), popmix.FOCE())
    got = popmix.covariance(found, "r")
    n_groups, size = 12, 5
    tau, sigma = found.parameters["iiv_M"], found.parameters["additive_DV"]
    v = tau**2 * np.ones((size, size)) + sigma**2 * np.eye(size)
    assert got.se["mu"] == pytest.approx(np.sqrt((sigma**2 + size * tau**2) / (size * n_groups)), rel=1e-4)
    # at the maximum of balanced data the observed information is the expected one
    solved = [np.linalg.solve(v, one) for one in (2 * tau * np.ones((size, size)), 2 * sigma * np.eye(size))]
    information = n_groups / 2 * np.array([[np.trace(a @ b) for b in solved] for a in solved])
    expected = np.sqrt(np.diag(np.linalg.inv(information)))
    # differences of gradients, 1e-4 as documented
    assert [got.se["iiv_M"], got.se["additive_DV"]] == pytest.approx(expected, rel=1e-4)


def test_s_is_the_sum_of_squared_scores_and_the_sandwich_is_made_of_both():
    found = popmix.fit(Bolus, bolus_data(), popmix.FOCE())
    r, s, sandwich = (popmix.covariance(found, kind) for kind in ("r", "s", "sandwich"))
    assert np.linalg.inv(s.matrix) == pytest.approx(s.s, rel=1e-6, abs=1e-8 * np.max(np.abs(s.s)))
    expected = np.linalg.inv(r.r) @ s.s @ np.linalg.inv(r.r)
    assert sandwich.matrix == pytest.approx(expected, rel=1e-6, abs=1e-8 * np.max(np.abs(expected)))


def test_weight_two_halves_the_covariance_for_subjects_counted_twice():
    """All subjects twice: R and S double, so that every kind of covariance is half of what it was."""
    once = popmix.fit(Bolus, bolus_data(), popmix.FOCE())
    twice = popmix.fit(Bolus, bolus_data(), popmix.FOCE(), weights=np.full(12, 2.0))
    for kind in ("r", "s", "sandwich"):
        one, two = (popmix.covariance(fit, kind).matrix for fit in (once, twice))
        # both fits end within a decrement of 1e-6 of the minimum
        assert two == pytest.approx(one / 2, rel=5e-3, abs=1e-5 * np.max(np.abs(one)))


@pytest.mark.parametrize(("method", "world"), [(popmix.FO(), "oral"), (popmix.Laplace(), "growth"), (popmix.AGQ(order=3), "bolus")])
def test_the_hessian_is_that_of_differences_of_the_objective(method, world):
    """Second differences of the OFV alone, which are much noisier: 1 % of the diagonal."""
    model, data = WORLDS[world].model, WORLDS[world].data
    found = popmix.fit(model, data, method)
    got = popmix.covariance(found, "r")
    for name in got.names:
        # a step of a tenth of the standard error with all others held: what a curvature of r_kk needs for a change of the OFV of 0.01
        step = 0.1 / np.sqrt(got.r[got.names.index(name), got.names.index(name)])
        moved = [
            popmix.evaluate(model, data, method, at=found.parameters.as_dict() | {name: found.parameters[name] + sign * step}).ofv
            for sign in (-1, 1)
        ]
        curvature = 0.5 * (sum(moved) - 2 * found.ofv) / step**2
        assert got.r[got.names.index(name), got.names.index(name)] == pytest.approx(curvature, rel=0.03), name


class TwoShares(Model):
    """Only the product of two parameters is known."""

    a = Theta(2.0, lower=0)
    b = Theta(3.0, lower=0)
    M = LogNormal(a * b, iiv=0.3)
    DV = Observation(M, additive=0.7)


def test_a_flat_direction_is_named_with_what_to_try():
    found = popmix.fit(TwoShares, groups(), popmix.FOCE())
    got = popmix.covariance(found)
    assert not got.exists and np.all(np.isnan(got.matrix))
    assert {name for name, _ in got.flattest.parts} == {"a", "b"}
    weights = dict(got.flattest.parts)
    assert weights["a"] == pytest.approx(-weights["b"], rel=1e-3)
    assert "profile()" in got.trouble and "prior" in got.trouble and " a" in got.trouble
    assert "No standard errors (sandwich)" in found.summary(got)


def test_a_vanished_variability_is_held():
    """Groups that do not differ: their SD is zero, and the other standard errors are those of one sample."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(10, 4))
    noise -= noise.mean(axis=1, keepdims=True)
    data = frame([{"ID": g + 1, "TIME": float(k), "DV": 4 + noise[g, k]} for g in range(10) for k in range(4)])
    got = popmix.covariance(popmix.fit(Means, data, popmix.FOCE()), "r")
    assert got.held == ("iiv_M",) and set(got.names) == {"mu", "additive_DV"}
    assert got.se["mu"] == pytest.approx(np.sqrt(np.mean(noise**2) / 40), rel=1e-4)
    assert np.isnan(got.errors()["se"][got.parameters.index("iiv_M")])


def test_intervals_are_wald_on_the_natural_scale_or_carried_back():
    got = popmix.covariance(popmix.fit(Bolus, bolus_data(), popmix.FOCE()))
    value, se = got.parameters["iiv_CL"], got.se["iiv_CL"]
    assert got.interval("iiv_CL") == pytest.approx((value - 1.959964 * se, value + 1.959964 * se), rel=1e-6)
    low, high = got.interval("iiv_CL", unconstrained=True)
    assert np.log([low, high]) == pytest.approx(np.log(value) + np.array([-1, 1]) * 1.959964 * se / value, rel=1e-6)
    low, high = got.interval("corr_CL_V", unconstrained=True)
    assert -1 < low < got.parameters["corr_CL_V"] < high < 1
    row = got.errors(0.9)
    k = got.parameters.index("tvCL")
    assert row["upper"][k] - row["value"][k] == pytest.approx(1.644854 * row["se"][k], rel=1e-6)


def test_subjects_without_weight_change_nothing():
    data, ids = bolus_data(), np.arange(1, 13)
    weighted = popmix.fit(Bolus, data, popmix.FOCE(), weights=(ids != 4).astype(float))
    without = popmix.fit(Bolus, data.filter(data["ID"] != 4), popmix.FOCE())
    one, two = (popmix.covariance(fit).matrix for fit in (weighted, without))
    assert one == pytest.approx(two, rel=5e-3, abs=1e-5 * np.max(np.abs(two)))


def test_words_that_make_no_sense():
    found = popmix.fit(Means, groups(), popmix.FOCE())
    with pytest.raises(OptionError, match="'sandwich', 'r' or 's'"):
        popmix.covariance(found, "q")
    with pytest.raises(OptionError, match="between 0 and 1"):
        popmix.covariance(found).errors(95)


def test_directions_name_only_what_matters():
    matrix = np.diag([4.0, 9.0, 1.0])
    matrix[0, 1] = matrix[1, 0] = 5.9999999999
    direction, trouble = flattest(matrix, ["a", "b", "c"])
    assert direction.is_flat and [name for name, _ in direction.parts] in (["a", "b"], ["b", "a"]) and "a" in trouble
    direction, trouble = flattest(np.eye(2), ["a", "b"])
    assert not direction.is_flat and trouble == ""
    assert (
        "is not" not in flattest(np.diag([np.nan, 1.0]), ["a", "b"])[1]
        and "when a moves" in flattest(np.diag([np.nan, 1.0]), ["a", "b"])[1]
    )


def test_more_parameters_than_subjects_have_no_sandwich_but_an_r():
    """S has a rank below the number of subjects: without this the standard errors would be numbers near zero."""
    found = popmix.fit(Bolus, bolus_data(5))
    for kind in ("sandwich", "s"):
        got = popmix.covariance(found, kind)
        assert not got.exists and np.all(np.isnan(got.matrix))
        assert kind == "s" or "sandwich of 6 parameters needs more subjects than that, and 5 tell something" in got.trouble
    assert popmix.covariance(found, "r").exists
