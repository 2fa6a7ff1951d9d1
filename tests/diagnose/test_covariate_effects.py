"""Ratios of a forest plot, and pictures of uncertainty."""

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.app.theophylline import Theophylline


class Allometric(Model):
    WT = Covariate(unit="kg")
    SEX = Covariate(categories=("F", "M"))
    tvCL = Theta(2.0, lower=0)
    power = Theta(0.75)
    male = Theta(0.3)
    tvV = Theta(20.0, lower=0)
    CL = LogNormal(tvCL * (WT / 70) ** power * exp(where(SEX == "M", male, 0)), iiv=0.2)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.1)


@pytest.fixture(scope="module")
def fitted():
    n, times = 40, (0.0, 1.0, 5.0, 12.0)
    rows = {"ID": np.repeat(np.arange(n), 4).tolist(), "TIME": list(times) * n, "AMT": [100.0, 0, 0, 0] * n, "EVID": [1, 0, 0, 0] * n}
    rows |= {"DV": [None, 1.0, 1.0, 1.0] * n, "WT": np.repeat(np.linspace(50, 110, n), 4).tolist()}
    rows["SEX"] = np.repeat(["F" if k % 3 else "M" for k in range(n)], 4).tolist()
    fit = popmix.fit(Allometric, popmix.simulate(Allometric, rows, seed=2).drop("REP"))
    return fit, popmix.covariance(fit, "r")


def test_ratios_are_those_of_the_formula(fitted):
    """(90 / 70)^power with the delta method's interval: quantiles of 4000 draws agree to three of their own errors."""
    fit, covariance = fitted
    found = popmix.covariate_effects(fit, covariance, {"WT": (90.0,)}, reference={"WT": 70.0}, n=4000)
    assert found.table["GROUP"].tolist() == ["CL"] and found.table["NAME"].tolist() == ["WT 90"]
    power, se = fit.parameters["power"], covariance.se["power"]
    assert np.isclose(found.table["ESTIMATE"][0], (90 / 70) ** power, rtol=1e-12)
    for end, z in (("LOWER", -1.6449), ("UPPER", 1.6449)):
        assert abs(np.log(found.table[end][0]) / np.log(90 / 70) - (power + z * se)) < 0.1 * se


def test_usual_values_and_categories(fitted):
    fit, covariance = fitted
    found = popmix.covariate_effects(fit, covariance, n=200)
    assert found.reference["SEX"] == "F" and found.table["NAME"].tolist() == ["WT 53", "WT 107", "SEX M"]
    assert np.isclose(found.table["ESTIMATE"][2], np.exp(fit.parameters["male"]))
    assert found.picture().panels and "SEX F" in repr(found)
    assert popmix.covariate_effects(fit, covariance, parameters=["V"], n=50).table["ESTIMATE"].tolist() == [1.0, 1.0, 1.0]


def test_unknown_names_are_refused(fitted):
    fit, covariance = fitted
    with pytest.raises(popmix.OptionError, match=r"no covariate 'AGE'; there are WT, SEX"):
        popmix.covariate_effects(fit, covariance, {"AGE": (3,)})
    with pytest.raises(popmix.OptionError, match="no individual parameter 'Q'; there are CL, V"):
        popmix.covariate_effects(fit, covariance, parameters=["Q"])
    theophylline = popmix.evaluate(Theophylline, popmix.datasets.path("theophylline"))
    with pytest.raises(popmix.OptionError, match="Theophylline has no covariates"):
        popmix.covariate_effects(theophylline, covariance)


def test_profiles_and_draws_have_pictures(fitted):
    fit, covariance = fitted
    profile = popmix.profile(fit, ["power", "male"])
    drawn = popmix.profile_picture(profile)
    assert [panel.title for panel in drawn.panels] == ["power", "male"] and np.isclose(drawn.panels[0].layers[0].at, 3.8415, atol=1e-4)
    (densities,) = popmix.draws_pictures(covariance, 200)
    assert len(densities.panels) == len(covariance.names)
    resampled = popmix.sir(fit, covariance, samples=(300,), resamples=(100,))
    both = popmix.draws_pictures(resampled, 100)
    assert [one.name for one in both] == [densities.name, "objective_quantiles"]
    with pytest.raises(popmix.OptionError, match="Profile has no draws"):
        popmix.draws_pictures(profile)
