"""The trap of shrinkage: modes hide a covariate that conditional samples show.

Each animal is challenged once with one of several doses and reacts or not: it tells on which side of the dose its tolerance lies, and
nothing else. Its conditional distribution is half a normal one. The mode stays where the prior has it or goes to the edge; the mean moves.
"""

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.diagnose.random_effects import effect_pictures, effects_of

TREND = 0.8  # of log tolerance by a unit of the covariate


class Challenge(Model):
    """Reactions to a single dose, steep in its ratio to the tolerance of the animal; the covariate X is not in the model."""

    DOSE = Covariate(unit="mg")
    X = Covariate()
    tv = Theta(1.0, lower=0, unit="mg", label="tolerance")
    tolerance = LogNormal(tv, iiv=0.9)
    REACTION = Observation(Bernoulli(expit(25 * log(DOSE / tolerance) + 0 * X)))


@pytest.fixture(scope="module")
def fitted():
    random, n = np.random.default_rng(3), 300
    x = random.uniform(-1, 1, n)
    tolerance = np.exp(TREND * x + 0.6 * random.standard_normal(n))
    dose = np.exp(random.uniform(-0.7, 0.7, n))
    reaction = random.random(n) < 1 / (1 + (tolerance / dose) ** 25)
    rows = {"ID": np.arange(n), "TIME": np.zeros(n), "DV": reaction.astype(float), "DOSE": dose, "X": x}
    fit = popmix.fit(Challenge, {name: values.tolist() for name, values in rows.items()}, popmix.AGQ(order=15))
    return fit, effects_of(fit)


def slope(covariates, effects):
    x = dict(zip(covariates["ID"].tolist(), covariates["X"].tolist(), strict=True))
    return np.polyfit([x[one] for one in effects["ID"].tolist()], effects["eta_tolerance"], 1)[0]


def test_the_modes_are_shrunken(fitted):
    fit, _ = fitted
    assert fit.shrinkage["tolerance"] > 60


def test_modes_hide_the_trend_and_samples_show_it(fitted):
    """Of the true slope the modes show less than two fifths, the samples more than two thirds; a single answer can't tell the rest."""
    own = fitted[1].levels[0]
    hidden, seen = slope(own.covariates, own.modes), slope(own.covariates, own.samples)
    assert hidden < 0.4 * TREND and seen > 0.67 * TREND


def test_the_picture_shows_both(fitted):
    fit, found = fitted
    against = effect_pictures(fit, found)[1]
    told = against.data["association"]
    own = {one: value for covariate, one, value in zip(told["COVARIATE"], told["OF"], told["VALUE"], strict=True) if covariate == "X"}
    assert len(own) == 2 and min(own.values()) > 0.3
    styles = {layer.style for panel in against.panels for layer in panel.layers}
    assert {"first", "samples"} <= styles


def test_modes_make_a_trend_with_the_dose_that_samples_do_not_show(fitted):
    """A surprising reaction puts the mode at the edge, and where the edge is the dose tells: a trend without any effect of the dose."""
    fit, found = fitted
    told = effect_pictures(fit, found)[1].data["association"]
    own = {one: value for covariate, one, value in zip(told["COVARIATE"], told["OF"], told["VALUE"], strict=True) if covariate == "DOSE"}
    assert own["EBE"] > 0.3 and abs(own["samples"]) < 0.1


def test_without_a_trend_samples_make_none(fitted):
    """Of a covariate that has nothing to do with the effects the samples' slope is zero within its error."""
    found = fitted[1].levels[0]
    random = np.random.default_rng(5)
    other = popmix.Table({"ID": found.covariates["ID"], "X": random.uniform(-1, 1, found.covariates.n_rows)})
    assert abs(slope(other, found.samples)) < 4 * 0.9 / np.sqrt(300 / 3)
