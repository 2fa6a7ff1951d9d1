"""NUTS: known posteriors, the same numbers for any threads and after a kill, data for ArviZ, refusals in words."""

import numpy as np
import polars as pl
import pytest
from killed import kill_once_kept

import popmix
from popmix.app.theophylline import Theophylline
from popmix.data import datasets
from popmix.errors import Interrupted, OptionError, SupportError
from popmix.estimate import chains
from popmix.model import *

pytest.importorskip("nutpie")
pytest.importorskip("arviz")


class Level(Model):
    """A mean with known variances: the posterior is normal."""

    mean = Theta(1.0, prior=priors.Normal(0.0, 2.0))
    slope = Theta(0.1)
    A = Normal(mean, iiv=Fixed(0.8))
    DV = Observation(A + slope * T, additive=Fixed(0.5))


def level_data(n: int = 12) -> pl.DataFrame:
    """Return `n` subjects with one to four observations."""
    generator, rows = np.random.default_rng(5), []
    for subject in range(n):
        level = 1.5 + 0.8 * generator.standard_normal()
        rows += [(subject, float(t), level + 0.2 * t + 0.5 * generator.standard_normal()) for t in range(1 + subject % 4)]
    return pl.DataFrame(rows, schema=["ID", "TIME", "DV"], orient="row")


def known(data: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of (mean, slope): generalised least squares with the prior of the mean."""
    precision, right = np.diag([1 / 4.0, 0.0]), np.zeros(2)
    for _, own in data.group_by("ID"):
        design = np.column_stack([np.ones(len(own)), own["TIME"].to_numpy()])
        inverse = np.linalg.inv(0.64 * np.ones((len(own), len(own))) + 0.25 * np.eye(len(own)))
        precision += design.T @ inverse @ design
        right += design.T @ inverse @ own["DV"].to_numpy()
    covariance = np.linalg.inv(precision)
    return covariance @ right, covariance


@pytest.mark.parametrize("centred", [None, True, False, {"A": True}])
def test_a_normal_posterior_is_known(centred):
    data = level_data()
    found = popmix.fit(Level, data, popmix.NUTS(draws=1000, tune=200, centred=centred))
    mean, covariance = known(data)
    for k, name in enumerate(("mean", "slope")):
        sd = np.sqrt(covariance[k, k])
        # 4000 draws with at least 2000 effective ones: four standard errors of a mean, and of an SD
        assert np.mean(found.draws[name]) == pytest.approx(mean[k], abs=4 * sd / np.sqrt(2000))
        assert np.std(found.draws[name]) == pytest.approx(sd, rel=4 / np.sqrt(2 * 2000))
    assert np.corrcoef(found.draws["mean"].ravel(), found.draws["slope"].ravel())[0, 1] == pytest.approx(
        covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]), abs=0.1
    )
    assert "Mixed: R-hat" in repr(found) and "flat on the natural scale of slope" in repr(found)


def test_effects_are_drawn_given_everything():
    data = level_data()
    held = Level.fix(mean=1.5, slope=0.2)
    found = popmix.fit(held, data, popmix.NUTS(draws=1000, tune=200))
    for k, (_, own) in enumerate(data.group_by("ID", maintain_order=True)):
        residual = (own["DV"] - 1.5 - 0.2 * own["TIME"]).to_numpy()
        variance = 1 / (1 / 0.64 + len(own) / 0.25)
        drawn = found.effects[:, :, k, 0]
        assert np.mean(drawn) == pytest.approx(variance * residual.sum() / 0.25, abs=4 * np.sqrt(variance / 2000))
        assert np.std(drawn) == pytest.approx(np.sqrt(variance), rel=4 / np.sqrt(2 * 2000))


SHORT = popmix.NUTS(chains=2, draws=60, tune=100)


def test_the_same_seed_gives_the_same_draws_on_any_number_of_threads():
    data = datasets.load("theophylline")
    one, two = (popmix.fit(Theophylline, data, SHORT, threads=threads, seed=7) for threads in (1, 2))
    other = popmix.fit(Theophylline, data, SHORT, seed=8)
    for name, drawn in one.draws.items():
        np.testing.assert_array_equal(drawn, two.draws[name])
        assert not np.array_equal(drawn, other.draws[name])
    np.testing.assert_array_equal(one.effects, two.effects)


def test_chains_that_had_ended_are_kept(tmp_path, monkeypatch):
    data, path = datasets.load("theophylline"), tmp_path / "state"
    whole = popmix.fit(Theophylline, data, SHORT, threads=1)
    begin = chains._begin

    def stopped(nutpie, density, method, seed):
        if seed[1] == 1:
            raise KeyboardInterrupt
        return begin(nutpie, density, method, seed)

    monkeypatch.setattr(chains, "_begin", stopped)
    with pytest.raises(Interrupted) as caught:
        popmix.fit(Theophylline, data, SHORT, threads=1, checkpoint=path)
    assert caught.value.kept.n_chains == 1 and path.exists()
    begun = []
    monkeypatch.setattr(chains, "_begin", lambda *given: begun.append(given[3][1]) or begin(*given))
    again = popmix.fit(Theophylline, data, SHORT, threads=1, checkpoint=path)
    assert begun == [1] and not path.exists()
    for name, drawn in whole.draws.items():
        np.testing.assert_array_equal(drawn, again.draws[name])


def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(tmp_path):
    """The kill comes once the first of three chains, one after the other, is on disk."""
    path, data, method = tmp_path / "state.npz", datasets.load("theophylline"), popmix.NUTS(chains=3, draws=300, tune=300)
    script = f"demo = popmix.demo()\npopmix.fit(demo.model, demo.data, popmix.{method}, threads=1, seed=3, checkpoint={str(path)!r})"
    kill_once_kept(script, path)
    assert 1 <= sum(name.startswith("position_") for name in np.load(path).files) < 3
    demo = popmix.demo()
    resumed, whole = (popmix.fit(demo.model, data, method, seed=3, checkpoint=one) for one in (path, None))
    assert not path.exists()
    for name, drawn in whole.draws.items():
        np.testing.assert_array_equal(drawn, resumed.draws[name])


def test_arviz_gets_what_it_needs():
    found = popmix.fit(Theophylline, datasets.load("theophylline"), popmix.NUTS(chains=2, draws=100, tune=100))
    data = found.to_arviz()
    assert {"posterior", "sample_stats", "log_likelihood", "posterior_predictive", "observed_data"} <= set(data.groups())
    assert data.posterior["eta"].dims == ("chain", "draw", "subject", "effect")
    assert list(data.posterior["subject"].values[:2]) == ["1", "2"] and list(data.posterior["effect"].values) == ["Ka", "CL", "V"]
    assert data.log_likelihood["DV"].shape == (2, 100, 132) and data.observed_data["DV"].shape == (132,)
    # simulated values are those of a normal distribution around the predictions
    covered = np.mean(data.observed_data["DV"].values < np.quantile(data.posterior_predictive["DV"].values, 0.9, axis=(0, 1)))
    assert covered == pytest.approx(0.9, abs=0.06)
    assert found.loo().elpd_loo > found.loo("subject", draws=100).elpd_loo
    with pytest.raises(OptionError, match="by='site'"):
        found.loo("site")


def test_values_of_counts_are_simulated_too():
    """In three draws of a posterior of Poisson counts the mean of simulated counts is that of the data, within its own error."""

    class Counts(Model):
        a = Theta(1.0)
        A = Normal(a, iiv=0.5)
        DV = Observation(Poisson(exp(A)))

    random = np.random.default_rng(1)
    rows = {"ID": np.repeat(np.arange(20), 5).tolist(), "TIME": [0, 1, 2, 3, 4] * 20, "DV": random.poisson(3.0, 100).tolist()}
    drawn = popmix.fit(Counts, rows, popmix.NUTS(chains=2, draws=200, tune=200)).predictive()
    assert drawn.shape == (2, 200, 100) and np.array_equal(drawn, np.rint(drawn))
    assert drawn.mean() == pytest.approx(np.mean(rows["DV"]), abs=0.4)


def test_the_likelihood_of_subjects_is_that_of_the_marginal():
    """Of a linear Gaussian model Laplace's approximation is exact, and so is the average over draws of the effects."""
    found = popmix.fit(Level, level_data(), popmix.NUTS(chains=2, draws=200, tune=100))
    conditional = found.log_likelihood()
    assert conditional.shape == (2, 200, found.problem.n_observations)
    f = np.array([popmix.evaluate(Level, level_data(), at=found.parameters).minus2ll])
    assert f / -2 > conditional.sum(axis=-1).mean() - 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chains": 0}, "chains must be a whole number of at least 1"),
        ({"tune": 3}, "tune must be a whole number of at least 50"),
        ({"target_accept": 1.0}, "target_accept must lie between 0.5 and 1"),
        ({"centred": "CL"}, "centred must be True, False, None"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(OptionError, match=message):
        popmix.NUTS(**options)


def test_what_it_can_not_do_is_refused_in_words():
    class Mixed(Model):
        share = Theta(0.4, lower=0, upper=1)
        group = Mixture(share, 1 - share)
        a = Theta(1.0)
        A = Normal(where(group == 1, a, 2 * a), iiv=0.3)
        DV = Observation(A, additive=0.5)

    data = level_data()
    with pytest.raises(SupportError, match="Mixture"):
        popmix.fit(Mixed, data, popmix.NUTS())
    free = Level.with_(A=Normal(Level["mean"], iiv=0.5))
    with pytest.raises(SupportError, match="there is no posterior"):
        popmix.fit(free, data.filter(pl.col("ID") == 3), popmix.NUTS())
    with pytest.raises(SupportError, match="weights other than 0 and 1"):
        popmix.fit(Level, data, popmix.NUTS(), weights=np.full(12, 2.0))
    with pytest.raises(SupportError, match="no objective to evaluate"):
        popmix.evaluate(Level, data, popmix.NUTS())
    with pytest.raises(OptionError, match="centred= names 'B'"):
        popmix.fit(Level, data, popmix.NUTS(centred={"B": True}))


def test_without_random_effects_it_is_the_posterior_of_the_parameters():
    class Line(Model):
        a = Theta(1.0)
        b = Theta(0.1)
        DV = Observation(a + b * T, additive=Fixed(0.9))

    found = popmix.fit(Line, level_data(), popmix.NUTS(chains=2, draws=500, tune=100))
    fitted = popmix.fit(Line, level_data())
    assert np.mean(found.draws["a"]) == pytest.approx(fitted.parameters["a"], abs=0.05)
    assert "no random effects" in repr(found)
