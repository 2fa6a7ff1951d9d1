"""The two-stage method against what is known of it: means, covariances, and subjects that can't be fitted alone."""

import numpy as np
import polars as pl
import pytest

import popmix
from popmix import *
from popmix.errors import FitError, OptionError, SupportError

TIMES = np.arange(8.0)


class Lines(Model):
    """A straight line for each subject, with a known error."""

    a = Theta(1.0)
    b = Theta(0.1)
    A = Normal(a, iiv=0.5)
    B = Normal(b, iiv=0.2)
    DV = Observation(A + B * T, additive=Fixed(0.7))


def lines(n: int = 40, seed: int = 1) -> pl.DataFrame:
    rng, rows = np.random.default_rng(seed), []
    for subject in range(1, n + 1):
        own = rng.normal(2.0, 0.6), rng.normal(0.5, 0.3)
        rows += [{"ID": subject, "TIME": t, "DV": own[0] + own[1] * t + 0.7 * rng.standard_normal()} for t in TIMES]
    return pl.DataFrame(rows)


def fitted_alone(data: pl.DataFrame) -> np.ndarray:
    return np.array([np.polyfit(own["TIME"], own["DV"], 1)[::-1] for _, own in data.group_by("ID", maintain_order=True)])


def test_the_standard_summary_is_mean_and_covariance_of_the_individual_fits():
    data = lines()
    found, alone = popmix.two_stage(Lines, data), fitted_alone(data)
    # each fit ends where the OFV can fall by 1e-6: to about a thousandth of a standard error
    np.testing.assert_allclose(found.phi, alone, atol=1e-3)
    assert found.estimates()["A"] == pytest.approx(alone[:, 0].mean(), abs=1e-3)
    np.testing.assert_allclose(found.population["sd"], alone.std(axis=0, ddof=1), atol=1e-3)
    assert found.n_failed == 0 and list(found.individuals["ID"][:2]) == ["1", "2"]


def test_covariances_are_those_of_least_squares():
    design = np.column_stack([np.ones(8), TIMES])
    np.testing.assert_allclose(popmix.two_stage(Lines, lines()).covariances[5], 0.49 * np.linalg.inv(design.T @ design), rtol=1e-6)


def test_the_global_summary_is_the_maximum_likelihood_of_a_balanced_linear_model():
    """With known, equal errors the global summary maximises the same likelihood as FOCE, which is exact here."""

    class Correlated(Model):
        a = Theta(1.0)
        b = Theta(0.1)
        A = Normal(a, iiv=0.5)
        B = Normal(b, iiv=0.2)
        both = Block(A, B)
        DV = Observation(A + B * T, additive=Fixed(0.7))

    data = lines()
    found, fitted = popmix.two_stage(Lines, data, summary="global"), popmix.fit(Correlated, data)
    assert found.estimates()["A"] == pytest.approx(fitted.parameters["a"], abs=2e-3)
    assert found.estimates()["iiv_A"] == pytest.approx(fitted.parameters["iiv_A"], rel=0.01)
    assert found.estimates()["iiv_B"] == pytest.approx(fitted.parameters["iiv_B"], rel=0.01)
    # the errors of the individual fits are not counted as variability
    assert np.all(found.population["sd"] < popmix.two_stage(Lines, data).population["sd"])


def test_subjects_that_can_not_be_fitted_alone_are_told_with_the_reason():
    class Deaths(Model):
        DOSE = Covariate()
        N = Covariate()
        tvED50 = Theta(8.0, lower=0)
        slope = Theta(2.0, lower=0)
        ED50 = LogNormal(tvED50, iiv=0.3)
        DV = Observation(Binomial(n=N, p=DOSE**slope / (ED50**slope + DOSE**slope)))

    rows = []
    for subject, deaths in enumerate(([0, 1, 4, 8, 10], [0, 2, 5, 9, 10], [0, 0, 0, 10, 10], [0, 0, 0, 0, 0]), 1):
        rows += [{"ID": subject, "DOSE": float(dose), "N": 10, "DV": float(d)} for dose, d in zip((2, 4, 8, 16, 32), deaths, strict=True)]
    found = popmix.two_stage(Deaths, pl.DataFrame(rows))
    assert found.individuals["fitted"].tolist() == [True, True, False, False] and found.n_failed == 2
    assert all(found.individuals["reason"][2:])


def test_too_few_observations_are_told():
    class Free(Model):
        a = Theta(1.0)
        A = Normal(a, iiv=0.5)
        DV = Observation(A, additive=0.7)

    data = lines(6).filter((pl.col("ID") > 1) | (pl.col("TIME") < 2))
    found = popmix.two_stage(Free, data)
    assert found.individuals["reason"][0] == "2 observations for 2 parameters"


def test_what_can_not_be_done():
    class Visits(Model):
        OCC = Occasion()
        a = Theta(1.0)
        A = Normal(a, iiv=0.5, iov=0.2)
        DV = Observation(A, additive=0.7)

    with pytest.raises(SupportError, match="a subject alone can't have A"):
        popmix.two_stage(Visits, lines().with_columns(OCC=1))
    with pytest.raises(OptionError, match="'standard' or 'global'"):
        popmix.two_stage(Lines, lines(), summary="mean")
    with pytest.raises(FitError, match="1 of 2 subjects can be fitted alone, which is too few"):
        popmix.two_stage(Lines, lines(2).filter((pl.col("ID") > 1) | (pl.col("TIME") < 1)))
