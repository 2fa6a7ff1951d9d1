"""Sampling importance resampling: the theory of normal targets, and likelihoods whose distribution is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from lines import Line, line
from worlds import frame

import popmix
from popmix import *
from popmix.errors import OptionError
from popmix.uncertainty.proposal import Proposal
from popmix.uncertainty.resampling import resample

TABLE = Path(__file__).parents[3] / "shared" / "reference" / "methods" / "sir_analytic.json"


@pytest.mark.parametrize(("p", "c", "share"), [(1, 1.5, 0.9428090415820634), (2, 2.0, 0.75), (7, 1.5, 0.6621649235802693)])
def test_the_effective_size_for_a_normal_target_and_a_wider_proposal(p, c, share):
    """ESS / M = ((2 c - 1) / c^2)^(p / 2); within 5 % for 40000 vectors."""
    generator = np.random.default_rng(p)
    wide = Proposal.normal(np.zeros(p), c * np.eye(p))
    drawn = wide.draw(40000, generator)
    dofv = np.sum(drawn**2, axis=1)
    kept, iteration = resample(dofv, wide.log_density(drawn), 400, generator)
    assert share == pytest.approx(((2 * c - 1) / c**2) ** (p / 2), rel=1e-12)
    assert iteration.effective / 40000 == pytest.approx(share, rel=0.05)
    # dOFV of draws from the target follows chi-square with p degrees of freedom: 4 standard errors
    assert iteration.mean_dofv == pytest.approx(p, abs=4 * np.sqrt(2 * p / 400))
    assert len(set(kept.tolist())) == 400


@pytest.mark.skipif(not TABLE.is_file(), reason="the reference numbers are not there")
def test_the_table_of_effective_sizes_is_the_formula():
    for row in json.loads(TABLE.read_text())["table"]:
        assert row["ESS_frac"] == pytest.approx(((2 * row["c"] - 1) / row["c"] ** 2) ** (row["p"] / 2), rel=1e-9)


def test_transformed_proposals_have_the_density_that_they_draw_from():
    """Of skewed vectors: E[w] under the proposal is the integral of the target over the normalised proposal; here target = proposal."""
    generator = np.random.default_rng(2)
    skewed = np.exp(0.6 * generator.standard_normal((4000, 2)) @ np.array([[1.0, 0.4], [0.0, 0.9]]))
    proposal = Proposal.of(skewed, np.zeros(2), np.full(2, np.inf))
    assert np.abs(proposal.power) == pytest.approx([0.0, 0.0], abs=0.15)
    low, high = np.quantile(skewed[:, 0], [0.2, 0.6])
    grid = np.linspace(low, high, 400)
    # the marginal density of a slice against the fraction of draws in it, for the first parameter alone
    alone = Proposal(proposal.mean[:1], proposal.covariance[:1, :1], proposal.power[:1], proposal.shift[:1])
    height = np.exp(alone.log_density(grid[:, None])) / np.sqrt(2 * np.pi * alone.covariance[0, 0])
    drawn = alone.draw(40000, generator)[:, 0]
    assert np.trapezoid(height, grid) == pytest.approx(np.mean((drawn > low) & (drawn < high)), abs=0.01)


def test_of_a_normal_likelihood_sir_is_the_covariance():
    """Ordinary regression with a known SD: the SDs of 1000 resamples are exact to 1 / sqrt(2000), 4 of which are allowed."""
    found = popmix.fit(Line, line(), popmix.FOCE())
    known = popmix.covariance(found, "r")
    got = popmix.sir(found, known, samples=(1000, 4000), resamples=(300, 1000), seed=3)
    for k, name in enumerate(got.names):
        assert np.std(got.resamples[:, k], ddof=1) == pytest.approx(known.se[name], rel=4 / np.sqrt(2000))
        assert np.mean(got.resamples[:, k]) == pytest.approx(found.parameters[name], abs=4 * known.se[name] / np.sqrt(1000))
    assert np.mean(got.dofv) == pytest.approx(2, abs=4 * np.sqrt(4 / 1000)) and got.trouble == ""
    assert got.errors()["lower"][0] == pytest.approx(known.interval("a")[0], abs=0.2 * known.se["a"])


class Spread(Model):
    """The SD of one sample, whose likelihood is skewed."""

    DV = Observation(0.0 * T, additive=1.0)


def test_of_a_skewed_likelihood_sir_gives_its_quantiles():
    """With a flat prior on s the posterior of sum(y^2) / s^2 is chi-square with n - 1 degrees of freedom."""
    stats = pytest.importorskip("scipy.stats")
    y = np.random.default_rng(6).normal(size=8)
    found = popmix.fit(Spread, frame([{"ID": k + 1, "TIME": 0.0, "DV": value} for k, value in enumerate(y)]), popmix.FOCE())
    got = popmix.sir(found, popmix.covariance(found, "r"), samples=(2000, 8000), resamples=(500, 1000), inflation=2.0)
    exact = np.sqrt(np.sum(y**2) / stats.chi2.ppf([0.75, 0.25], 7))
    assert np.quantile(got.resamples[:, 0], [0.25, 0.75]) == pytest.approx(exact, rel=0.05)


def test_threads_and_splits_change_nothing_and_the_seed_does():
    found = popmix.fit(Line, line(), popmix.FOCE())
    known = popmix.covariance(found, "r")
    short = {"samples": (60, 60), "resamples": (20, 20)}
    one, two, other = (popmix.sir(found, known, **short, threads=threads, seed=seed) for threads, seed in ((1, 1), (2, 1), (1, 2)))
    assert np.array_equal(one.resamples, two.resamples) and not np.array_equal(one.resamples, other.resamples)


def test_a_proposal_that_is_far_too_narrow_is_told():
    found = popmix.fit(Line, line(), popmix.FOCE())
    got = popmix.sir(found, 1e-4 * popmix.covariance(found, "r").matrix, samples=(200,), resamples=(100,))
    assert "Doubt" not in repr(got) or "worth" in got.trouble
    wide = popmix.sir(found, 400 * popmix.covariance(found, "r").matrix, samples=(200,), resamples=(100,))
    assert "too wide" in wide.trouble or "worth" in wide.trouble


def test_options_that_make_no_sense():
    found = popmix.fit(Line, line(), popmix.FOCE())
    known = popmix.covariance(found, "r")
    with pytest.raises(OptionError, match="without replacement"):
        popmix.sir(found, known, samples=(100,), resamples=(100,))
    with pytest.raises(OptionError, match="a matrix for a, b"):
        popmix.sir(found, np.eye(3))
