"""Simulated data sets: as a frame that can be fitted again, with the model's own moments."""

import numpy as np
import pytest

import popmix
from popmix import *


class Straight(Model):
    a = Theta(2.0)
    b = Theta(0.5)
    A = Normal(a, iiv=0.7)
    DV = Observation(A + b * T, additive=0.4)


ROWS = {"ID": np.repeat([1, 2, 3], 4).tolist(), "TIME": [0, 1, 2, 3] * 3, "DV": [1.0] * 12}


def test_moments_are_those_of_the_model():
    """Mean a + b t, variance iiv^2 + additive^2, covariance iiv^2 between the times of a subject: within five standard errors."""
    n = 4000
    found = popmix.simulate(Straight, ROWS, n)["DV"].to_numpy().reshape(n * 3, 4)
    expected = 0.49 * np.ones((4, 4)) + 0.16 * np.eye(4)
    assert np.all(np.abs(found.mean(axis=0) - (2 + 0.5 * np.arange(4))) < 5 * np.sqrt(0.65 / len(found)))
    assert np.all(np.abs(np.cov(found, rowvar=False) - expected) < 5 * 0.65 * np.sqrt(2 / len(found)))


def test_the_frame_is_a_data_set():
    found = popmix.simulate(Straight, ROWS, 2, seed=5)
    assert found["REP"].to_list() == [1] * 12 + [2] * 12
    assert popmix.fit(Straight, found.filter(found["REP"] == 2).drop("REP")).n_observations == 12


def test_values_may_be_given():
    low, high = (popmix.simulate(Straight, ROWS, at={"a": a}, seed=3)["DV"].to_numpy() for a in (2.0, 12.0))
    assert np.allclose(high - low, 10.0)


def test_the_seed_decides_and_more_sets_change_no_number():
    one, more = (popmix.simulate(Straight, ROWS, n, seed=8)["DV"].to_numpy() for n in (1, 3))
    assert np.array_equal(one, more[:12])
    assert not np.array_equal(one, popmix.simulate(Straight, ROWS, seed=9)["DV"].to_numpy())


def test_a_fit_finds_what_was_simulated():
    rows = {"ID": np.repeat(np.arange(300), 4).tolist(), "TIME": [0, 1, 2, 3] * 300, "DV": [1.0] * 1200}
    fit = popmix.fit(Straight, popmix.simulate(Straight, rows, seed=2).drop("REP"))
    errors = popmix.covariance(fit).se
    assert all(abs(fit.parameters[name] - value) < 4 * errors[name] for name, value in fit.start.as_dict().items())


def test_wrong_numbers_are_refused():
    with pytest.raises(popmix.OptionError, match="n must be a whole number of at least 1, not 0"):
        popmix.simulate(Straight, ROWS, 0)
