"""The certificate of a fit: what it finds where something is wrong, and where nothing is."""

import numpy as np
import polars as pl
import pytest
from shared_models import Bolus, bolus_data

import popmix
from popmix import *


class Means(Model):
    """Linear and Gaussian: every approximation is exact."""

    mu = Theta(4.0)
    M = Normal(mu, iiv=1.5)
    DV = Observation(M, additive=0.7)


class Product(Model):
    """Only the product of two parameters is known."""

    a = Theta(2.0, lower=0)
    b = Theta(3.0, lower=0)
    M = LogNormal(a * b, iiv=0.3)
    DV = Observation(M, additive=0.7)


class Answers(Model):
    """Few yes and no of each: Laplace's approximation is off."""

    base = Theta(0.3)
    B = Normal(base, iiv=2.5)
    DV = Observation(Bernoulli(expit(B)))


def groups() -> pl.DataFrame:
    rng = np.random.default_rng(8)
    return pl.DataFrame(
        [
            {"ID": g, "TIME": float(k), "DV": level + 0.7 * rng.normal()}
            for g in range(12)
            for level in [6 + 1.5 * rng.normal()]
            for k in range(5)
        ]
    )


def answers() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for subject in range(80):
        p = 1 / (1 + np.exp(-(0.3 + 2.5 * rng.normal())))
        rows += [{"ID": subject, "TIME": float(k), "DV": float(rng.random() < p)} for k in range(4)]
    return pl.DataFrame(rows)


def test_a_sound_fit_is_called_sound():
    found = popmix.fit(Means, groups()).certificate()
    assert found.verdict.word == "sound" and found.verdict.remarks == ()
    assert 0 <= found.to_gain < 1e-4 and abs(found.steepest[1]) < 0.02
    # exact on a linear Gaussian model, at any order
    assert found.approximation == pytest.approx(0.0, abs=1e-8)


def test_what_can_still_be_gained_is_what_is_gained():
    """At values near the minimum the quadratic promise is the fall of the OFV, to third order."""
    best = popmix.fit(Bolus, bolus_data())
    near = popmix.evaluate(Bolus, bolus_data(), at=best.parameters.as_dict() | {"tvCL": 1.01 * best.parameters["tvCL"]})
    assert near.certificate().to_gain == pytest.approx(near.ofv - best.ofv, rel=0.05)


def test_a_flat_direction_makes_a_fit_doubtful():
    found = popmix.fit(Product, groups()).certificate()
    assert found.verdict.word == "not to be trusted"
    assert {name for name, _ in found.flattest.parts} == {"a", "b"} and "does not change" in found.flat


def test_the_error_of_laplace_is_that_of_a_high_order():
    found = popmix.fit(Answers, answers(), popmix.Laplace())
    exact = popmix.evaluate(Answers, answers(), popmix.AGQ(order=31), at=found.parameters)
    got = found.certificate()
    # the ladder stops when a rung changes less than 0.01
    assert got.approximation == pytest.approx(found.ofv - exact.ofv, abs=0.1)
    assert got.ladder["order"][0] == 3 and abs(got.approximation) > 1
    assert got.verdict.word == "sound, with reservations" and any("AGQ" in remark for remark in got.verdict.remarks)


def test_a_vanished_variability_is_at_the_edge():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(10, 4))
    noise -= noise.mean(axis=1, keepdims=True)
    data = pl.DataFrame([{"ID": g, "TIME": float(k), "DV": 4 + noise[g, k]} for g in range(10) for k in range(4)])
    fit = popmix.fit(Means, data)
    assert "iiv_M" in fit.certificate().at_edge and "at the edge iiv_M" in str(fit)


def test_what_was_not_estimated_is_said_so():
    got = popmix.evaluate(Means, groups()).certificate()
    assert got.verdict.word == "not to be trusted" and "nothing was estimated" in got.verdict.remarks[0]


def test_levels_above_have_no_ladder_and_it_is_told():
    class Sites(Model):
        SITE = Level()
        mu = Theta(6.0)
        site = Eta(0.4, level=SITE)
        M = Normal(mu + site, iiv=1.0)
        DV = Observation(M, additive=0.7)

    data = groups().with_columns(SITE=(pl.col("ID") // 3).cast(pl.String))
    got = popmix.fit(Sites, data).certificate()
    assert np.isnan(got.approximation) and "levels above" in str(got)


def test_the_block_of_a_printed_fit():
    text = str(popmix.fit(Means, groups()))
    assert "Trust: scaled gradient" in text and "fit.certificate()" in text
