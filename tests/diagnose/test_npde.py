"""NPDE by their published definition, and their distribution under the model."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import popmix
from popmix.diagnose.npde import Limits, decorrelated, errors_of, normality, prediction_discrepancies

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "methods" / "npde_selfmade.json"


@pytest.fixture(scope="module")
def reference():
    if not REFERENCE.is_file():
        pytest.skip("needs the folder of reference numbers beside the checkout")
    return json.loads(REFERENCE.read_text())


def test_the_published_vector(reference):
    """An independent program's numbers, to rounding."""
    npde, npd = [], []
    for subject in reference["subjects"]:
        observed, simulated = np.array(subject["yobs"]), np.array(subject["ysim"])
        found, symmetric = errors_of(observed, simulated), errors_of(observed, simulated, "symmetric")
        assert np.allclose(found.npde, subject["npde_chol"], atol=1e-12)
        assert np.allclose(symmetric.npde, subject["npde_sym"], atol=1e-12)
        assert np.allclose(found.epred, subject["ypred"], atol=1e-12)
        assert np.allclose(prediction_discrepancies(observed, simulated), subject["pd"], atol=1e-12)
        assert np.allclose(decorrelated(observed, simulated)[0], subject["ydobs_chol"], atol=1e-12)
        npde.append(found.npde)
        npd.append(found.npd)
    for values, name in ((npde, "gof_npde_chol"), (npd, "gof_npd")):
        found, told = normality(np.concatenate(values)), reference[name]
        own = [found.mean, found.se_mean, found.variance, found.se_variance, found.skewness, found.kurtosis]
        assert np.allclose(own, [told[key] for key in ("mean", "se_mean", "var", "se_var", "skewness", "kurtosis")], rtol=1e-10)
        assert np.allclose([found.p_mean, found.p_variance, found.p_shape], told["p_raw"], rtol=1e-8)
        assert np.allclose(found.adjusted, told["p_adj"], rtol=1e-8) and np.isclose(found.p_global, told["p_global"])


def correlated(random, n, size):
    root = np.linalg.cholesky(0.25 * np.eye(size) + np.ones((size, size)))
    return random.standard_normal((n, size)) @ root.T + 3.0


@pytest.mark.parametrize("decorrelation", ["cholesky", "symmetric"])
def test_decorrelation_leaves_nothing(decorrelation):
    random = np.random.default_rng(1)
    simulated = correlated(random, 5000, 4)
    _, told = decorrelated(simulated[0], simulated, decorrelation)
    assert np.allclose(np.cov(told, rowvar=False), np.eye(4), atol=1e-10) and np.allclose(told.mean(axis=0), 0, atol=1e-12)


def test_the_scale_of_an_observation_has_no_say():
    """Late concentrations may be a billionth of the first ones: Cholesky's decorrelation does not see it."""
    random, scale = np.random.default_rng(7), np.array([1.0, 1e-4, 1e-9, 1e-12, 1e3])
    simulated, observed = correlated(random, 1000, 5), correlated(random, 1, 5)[0]
    own, other = errors_of(observed, simulated), errors_of(observed * scale, simulated * scale)
    assert np.all(np.isfinite(other.npde)) and np.allclose(own.npde, other.npde)


def test_errors_of_gaussian_data_are_standard_normal():
    """Kolmogorov's p-values of 100 data sets are uniform themselves; correlated data would fail without the decorrelation."""
    random, with_, without = np.random.default_rng(2), [], []
    simulated = correlated(random, 1000, 5)
    for _ in range(100):
        found = [errors_of(one, simulated) for one in correlated(random, 20, 5)]
        with_.append(scipy.stats.kstest(np.concatenate([one.npde for one in found]), "norm").pvalue)
        without.append(scipy.stats.kstest(np.concatenate([one.npd for one in found]), "norm").pvalue)
    assert scipy.stats.kstest(with_, "uniform").pvalue > 1e-3
    assert scipy.stats.kstest(without, "uniform").pvalue < 1e-3


def test_censored_values_have_the_distribution_of_those_that_are_not():
    """Replacing what lies below a limit changes no distribution: p-values stay uniform with a third of the data censored."""
    random, found = np.random.default_rng(3), []
    simulated, limit = correlated(random, 1000, 5), 2.5
    for _ in range(100):
        values = []
        for one in correlated(random, 20, 5):
            below = one < limit
            limits = Limits(np.full(5, limit), np.full(5, np.nan), np.where(below, "left", "").astype(object))
            values.append(errors_of(np.where(below, limit, one), simulated, "cholesky", limits, random).npd[:1])
        found.append(scipy.stats.kstest(np.concatenate(values), "norm").pvalue)
    assert scipy.stats.kstest(found, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(("side", "low", "high"), [("left", 2.5, np.nan), ("right", np.nan, 3.4), ("between", 2.6, 3.1)])
def test_a_censored_value_lies_where_it_is_known_to_lie(side, low, high):
    random = np.random.default_rng(4)
    simulated = correlated(random, 4000, 2)
    limits = Limits(np.array([low, np.nan]), np.array([high, np.nan]), np.array([side, ""], dtype=object))
    share = [scipy.stats.norm.cdf(errors_of(np.array([2.5, 3.0]), simulated, "cholesky", limits, random).npd[0]) for _ in range(400)]
    edges = [
        np.mean(simulated[:, 0] < (low if np.isfinite(low) else -np.inf)),
        np.mean(simulated[:, 0] < (high if np.isfinite(high) else np.inf)),
    ]
    if side == "left":
        edges = [0.0, edges[0]]
    if side == "right":
        edges = [edges[1], 1.0]
    assert min(share) >= edges[0] - 1e-3 and max(share) <= edges[1] + 1e-3
    assert scipy.stats.kstest((np.array(share) - edges[0]) / (edges[1] - edges[0]), "uniform").pvalue > 1e-3


def test_fewer_replicates_than_observations_have_no_decorrelation():
    found = errors_of(np.zeros(5), np.random.default_rng(5).standard_normal((4, 5)))
    assert np.all(np.isnan(found.npde)) and np.all(np.isfinite(found.npd))


def test_another_decorrelation_is_refused():
    with pytest.raises(popmix.OptionError, match=r"decorrelation='polar' doesn't exist: it is 'cholesky' or 'symmetric'"):
        decorrelated(np.zeros(2), np.zeros((3, 2)), "polar")


def test_too_few_values_have_no_tests():
    assert np.isnan(normality(np.array([1.0, np.nan])).p_mean) and np.isnan(normality(np.ones(5)).p_shape)
