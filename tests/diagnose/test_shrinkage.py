"""Shrinkage by the rules of the tools that print it."""

import json
from pathlib import Path

import numpy as np
import pytest

import popmix
from popmix.diagnose.shrinkage import relative_information, shrinkage, shrinkages, spread
from popmix.model import load

FOLDER = Path(__file__).parents[3] / "shared" / "reference"


def evaluated(case):
    if not (FOLDER / case).is_dir():
        pytest.skip("needs the folder of reference cases beside the checkout")
    at = json.loads((FOLDER / case / "expected.json").read_text())["evaluations"][0]["at"]
    return popmix.evaluate(load(FOLDER / case / "model.py"), FOLDER / case / "data.csv", popmix.FOCE(), at=at)


def test_what_nonmem_prints_for_phenobarbital():
    """NONMEM 7.4.2's ETASHRINKSD, EBVSHRINKSD and EPSSHRINKSD to the digits that it prints."""
    found = shrinkage(evaluated("pheno_real"), convention="7.4")
    told = json.loads((FOLDER / "methods" / "shrinkage_rules.json").read_text())["pheno_real"]
    assert np.allclose(found.effects["ebe_sd"], told["ETASHRINKSD"], atol=5e-4)
    assert np.allclose(found.effects["ebv_sd"], told["EBVSHRINKSD"], atol=5e-4)
    assert np.isclose(found.residuals["epsilon_sd"][0], told["EPSSHRINKSD"], atol=5e-4)
    assert "about the mean, divisor n - 1" in repr(found)


def test_the_conventions():
    values = np.array([0.3, -0.1, 0.5, 0.1])
    assert np.isclose(spread(values, "n-1"), np.std(values, ddof=1)) and np.isclose(spread(values, "n"), np.std(values))
    assert np.isclose(spread(values, "zero"), np.sqrt(np.mean(values**2)))
    told = shrinkages(values, np.full(4, 0.02), 0.4, "n")
    assert np.isclose(told["ebe_sd"], 100 * (1 - np.std(values) / 0.4))
    assert np.isclose(told["ebe_variance"], 100 * (1 - np.var(values) / 0.16))
    assert np.isclose(told["ebv_variance"], 12.5) and np.isclose(told["ebv_sd"], 100 * (1 - np.sqrt(0.875)))
    assert np.isclose(told["se"], np.std(values) / 2)


def test_a_shrunken_fit_and_its_samples():
    """Var(modes) + mean conditional variance = omega^2 at a maximum: the two kinds agree on the variance scale, and samples have none."""
    fit = popmix.fit(load(Path(__file__).parents[2] / "examples" / "theophylline.py"), popmix.datasets.path("theophylline"))
    drawn = popmix.conditional(fit, 200)
    found = shrinkage(fit, convention="zero", samples=drawn.effects).effects
    assert np.all(np.abs(found["ebe_variance"] - found["ebv_variance"]) < 6)
    # twelve subjects: the variance of their conditional distributions is omega^2 but for the approximation of FOCEI
    assert np.all(np.abs(found["samples_sd"]) < 8)


def test_relative_information_goes_to_all_without_doubt():
    omega = np.diag([0.1, 0.2])
    assert np.allclose(relative_information(np.zeros((2, 2)), omega), 100)
    assert np.allclose(relative_information(0.25 * omega, omega), 75)


def test_another_convention_is_refused():
    fit = popmix.evaluate(load(Path(__file__).parents[2] / "examples" / "theophylline.py"), popmix.datasets.path("theophylline"))
    with pytest.raises(popmix.OptionError, match=r"convention='7.3' doesn't exist: it is one of 'n-1'"):
        shrinkage(fit, convention="7.3")
