"""Influence by one step against refits, and against what an outlier does."""

from pathlib import Path

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.diagnose.influence import influence
from popmix.model import load


class Straight(Model):
    a = Theta(2.0)
    b = Theta(0.5)
    A = Normal(a, iiv=0.7)
    DV = Observation(A + b * T, additive=0.4)


def data(n, outlier=None):
    random = np.random.default_rng(3)
    times = np.arange(5.0)
    rows = {"ID": np.repeat(np.arange(1, n + 1), 5).tolist(), "TIME": np.tile(times, n).tolist(), "DV": []}
    for one in range(1, n + 1):
        high = 3.5 if one == outlier else 0.0
        rows["DV"] += (2 + 0.7 * random.standard_normal() + high + 0.5 * times + 0.4 * random.standard_normal(5)).tolist()
    return rows


@pytest.fixture(scope="module")
def fitted():
    fit = popmix.fit(Straight, data(60))
    return fit, popmix.covariance(fit, "r")


def test_one_step_is_what_a_refit_finds(fitted):
    """With 60 subjects the OFV without one is nearly quadratic: what is left is of second order, a share of 1/60 of shifts up to 2 SE."""
    fit, covariance = fitted
    quick, slow = influence(fit, covariance), influence(fit, covariance, refit=True)
    assert not quick.failed and not slow.failed
    for name in ("a", "b", "additive_DV", "iiv_A"):
        assert np.max(np.abs(quick.table[f"d_{name}"] - slow.table[f"d_{name}"])) < 0.06
    # the curvature is that at the estimates of all: an outlier's ratio comes out too high
    assert np.median(np.abs(quick.table["COVARIANCE_RATIO"] - slow.table["COVARIANCE_RATIO"])) < 0.03
    assert np.max(np.abs(quick.table["COOK"] - slow.table["COOK"])) < 0.06


def test_a_refit_is_the_fit_of_the_other_subjects(fitted):
    """Weight 0 is deletion: the same estimates as from data without the subject, to what a search leaves (1e-3 standard errors)."""
    fit, covariance = fitted
    found = influence(fit, covariance, refit=True)
    rows = data(60)
    kept = [k for k, one in enumerate(rows["ID"]) if one != 7]
    again = popmix.fit(Straight, {name: [values[k] for k in kept] for name, values in rows.items()})
    row = found.table["ID"].tolist().index("7")
    smaller = popmix.covariance(again, "r")
    ratio = np.sqrt(np.linalg.det(smaller.matrix) / np.linalg.det(covariance.matrix))
    assert np.isclose(found.table["COVARIANCE_RATIO"][row], ratio, rtol=1e-3)
    for name, error in covariance.se.items():
        assert abs((again.parameters[name] - fit.parameters[name]) / error - found.table[f"d_{name}"][row]) < 1e-3


def test_shifts_of_all_subjects_add_up_to_nothing(fitted):
    """The scores do at a maximum, so that the shifts do to first order: to the share that one of 60 subjects is of the information."""
    fit, covariance = fitted
    table = influence(fit, covariance).table
    for name in covariance.names:
        own = table[f"d_{name}"]
        assert abs(own.sum()) < 0.1 * np.abs(own).sum()


def test_an_outlier_is_found_first():
    fit = popmix.fit(Straight, data(40, outlier=13))
    found = influence(fit, popmix.covariance(fit, "r"))
    assert found.table["ID"][np.argmax(found.table["COOK"])] == "13"
    assert "13" in repr(found).splitlines()[2]
    assert "influence" in found.picture().name


def test_subjects_of_a_site_are_left_out_together():
    class Sites(Model):
        SITE = Level("SITE")
        a = Theta(2.0)
        b = Theta(0.5)
        A = Normal(a, iiv=0.7)
        s = Eta(sd=0.5, level=SITE)
        DV = Observation(A + s + b * T, additive=0.4)

    rows = data(40)
    rows["SITE"] = [f"s{(one - 1) // 4}" for one in rows["ID"]]
    fit = popmix.fit(Sites, rows)
    found = influence(fit, popmix.covariance(fit, "r"))
    assert found.table.n_rows == 10 and found.table["ID"][0] == "1, 2, 3, 4"


def test_what_can_not_be_measured_is_said(fitted):
    class Nothing:
        exists, trouble = False, "R has no inverse."

    with pytest.raises(popmix.OptionError, match=r"measured in standard errors, and there are none: R has no inverse"):
        influence(fitted[0], Nothing())


def test_a_subject_that_holds_everything_up_is_told_about():
    """Of theophylline's twelve subjects the first can't be taken from the curvature: the others' OFV bends the other way."""
    model = load(Path(__file__).parents[2] / "examples" / "theophylline.py")
    fit = popmix.fit(model, popmix.datasets.path("theophylline"))
    found = influence(fit, popmix.covariance(fit, "r"))
    assert "refit=True" in found.failed["1"] and np.isfinite(found.table["COOK"]).all()
