"""SAEM: exact answers of linear Gaussian models, other programs, and what a run must keep: threads, seeds, a kill, the edge of support."""

import numpy as np
import polars as pl
import pytest
from killed import kill_once_kept
from shared_models import Bolus, bolus_data

import popmix
from popmix import *
from popmix.errors import OptionError, SupportError


class Lines(Model):
    """Linear and Gaussian: FOCE is exact."""

    DOSE = Covariate()
    a, b, effect = Theta(1.0), Theta(0.2), Theta(0.0)
    A = Normal(a + effect * DOSE, iiv=0.7)
    B = Normal(b, iiv=0.2)
    omega = Block(A, B, correlation=0.0)
    DV = Observation(A + B * T, additive=0.7)


def lines(n_subjects: int = 60) -> pl.DataFrame:
    rng, rows = np.random.default_rng(7), []
    for subject in range(n_subjects):
        dose = float(subject % 3)
        e = rng.multivariate_normal([0, 0], [[1.0, 0.12], [0.12, 0.09]])
        for time_ in np.arange(6.0):
            rows.append(
                {"ID": subject, "TIME": time_, "DOSE": dose, "DV": 2 + 0.4 * dose + e[0] + (0.5 + e[1]) * time_ + 0.5 * rng.normal()}
            )
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def exact():
    found = popmix.fit(Lines, lines())
    return found, popmix.covariance(found, "r")


def test_of_a_linear_model_the_maximum_is_the_exact_one(exact):
    """Within a tenth of a standard error: the noise of 200 averaged iterations."""
    found, errors = exact
    got = popmix.fit(Lines, lines(), popmix.SAEM(chains=5, automatic=False, smoothing=400))
    for name in errors.names:
        assert got.parameters[name] == pytest.approx(found.parameters[name], abs=0.1 * errors.se[name]), name
    assert got.ofv == pytest.approx(found.ofv, abs=0.05)


def test_its_errors_and_certificate_are_those_of_the_likelihood(exact):
    """R of the objective by draws: within 3 % of the exact one, for estimates a tenth of one away; draws agree with the OFV."""
    found, errors = exact
    got = popmix.fit(Lines, lines(), popmix.SAEM(chains=5))
    own = popmix.covariance(got, "r")
    for name in errors.names:
        assert own.se[name] == pytest.approx(errors.se[name], rel=0.03), name
    certificate = got.certificate()
    assert 0 <= certificate.to_gain < 0.1 and certificate.importance is not None
    assert abs(certificate.importance.ofv - found.ofv) < 0.1 + 4 * certificate.importance.error < 0.5


class Fixed1(Model):
    """Some of it held: an SD, and a theta without a random effect that is found by slopes."""

    a, b = Theta(1.0), Theta(0.2)
    A = Normal(a, iiv=Fixed(1.0))
    DV = Observation(A + b * T, additive=0.7)


def test_what_is_fixed_stays_and_what_has_no_effect_is_found():
    found, errors = popmix.fit(Fixed1, lines()), None
    errors = popmix.covariance(found, "r")
    got = popmix.fit(Fixed1, lines(), popmix.SAEM(chains=4, automatic=False))
    assert got.parameters["iiv_A"] == 1.0
    for name in errors.names:
        assert got.parameters[name] == pytest.approx(found.parameters[name], abs=0.15 * errors.se[name]), name


class Occasions(Model):
    OCC = Occasion()
    a = Theta(1.0)
    A = Normal(a, iiv=0.7, iov=0.4)
    DV = Observation(A, additive=0.7)


def test_variability_between_occasions():
    rng = np.random.default_rng(3)
    rows = []
    for subject in range(60):
        level = 2 + rng.normal()
        for occasion in range(3):
            own = level + 0.5 * rng.normal()
            rows += [{"ID": subject, "OCC": occasion, "TIME": 10.0 * occasion + k, "DV": own + 0.4 * rng.normal()} for k in range(4)]
    data = pl.DataFrame(rows)
    found = popmix.fit(Occasions, data)
    errors, got = popmix.covariance(found, "r"), popmix.fit(Occasions, data, popmix.SAEM(chains=4, automatic=False))
    for name in errors.names:
        assert got.parameters[name] == pytest.approx(found.parameters[name], abs=0.15 * errors.se[name]), name


class Counts(Model):
    tvB = Theta(1.0, lower=0)
    B = LogNormal(tvB, iiv=0.3)
    DV = Observation(Poisson(B))


def test_counts_end_where_high_order_quadrature_does():
    rng = np.random.default_rng(5)
    rows = [
        {"ID": s, "TIME": float(k), "DV": float(rng.poisson(level))}
        for s in range(80)
        for level in [3 * np.exp(0.5 * rng.normal())]
        for k in range(4)
    ]
    data = pl.DataFrame(rows)
    found = popmix.fit(Counts, data, popmix.AGQ(order=11))
    errors = popmix.covariance(found, "r")
    got = popmix.fit(Counts, data, popmix.SAEM(chains=5, automatic=False))
    for name in errors.names:
        assert got.parameters[name] == pytest.approx(found.parameters[name], abs=0.15 * errors.se[name]), name


SHORT = popmix.SAEM(chains=3, exploration=30, smoothing=20, automatic=False)


def test_threads_change_nothing_and_the_seed_does():
    data = pl.concat([bolus_data().with_columns(ID=pl.col("ID") + 100 * k) for k in range(3)])
    one, two, other = (popmix.fit(Bolus, data, SHORT, threads=threads, seed=seed) for threads, seed in ((1, 5), (2, 5), (1, 6)))
    assert np.array_equal(one.parameters.values, two.parameters.values)
    assert not np.array_equal(one.parameters.values, other.parameters.values)


def test_the_trace_has_every_iteration_and_can_be_drawn(tmp_path):
    found = popmix.fit(Bolus, bolus_data(), SHORT)
    assert found.trace.n_rows == 50 and found.trace["tvCL"][-1] == pytest.approx(found.parameters["tvCL"], rel=1e-12)


def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(tmp_path):
    """The kill comes in the exploration, which would go on for several seconds more."""
    method = popmix.SAEM(chains=3, exploration=4000, smoothing=200, automatic=False)
    path = tmp_path / "checkpoint.npz"
    script = "from shared_models import Bolus, bolus_data\n"
    kill_once_kept(script + f"popmix.fit(Bolus, bolus_data(), popmix.{method}, seed=3, checkpoint={str(path)!r})", path, times=20)
    resumed = popmix.fit(Bolus, bolus_data(), method, seed=3, checkpoint=path)
    whole = popmix.fit(Bolus, bolus_data(), method, seed=3)
    assert np.array_equal(resumed.parameters.values, whole.parameters.values) and resumed.ofv == whole.ofv
    assert not path.exists()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    np.savez(path, identity="another")
    with pytest.raises(OptionError, match="another model, data, start, options or seed"):
        popmix.fit(Bolus, bolus_data(), SHORT, checkpoint=path)
    path.write_bytes(b"not a file of arrays")
    with pytest.raises(OptionError, match="no checkpoint that can be read"):
        popmix.fit(Bolus, bolus_data(), SHORT, checkpoint=path)


def test_conditional_means_of_a_linear_model_are_the_modes():
    """Normal posteriors: mean and mode agree; the SD is that of the conditional covariance."""
    found = popmix.fit(Lines, lines(20))
    got = popmix.conditional(found, n_samples=200, seed=2)
    for name in ("A", "B"):
        samples = got.effects[:, :, got.effect_names.index(f"eta_{name}")]
        error = samples.std(axis=1) / np.sqrt(200)
        away = np.abs(got.table[f"eta_{name}"] - found.individuals_table[f"eta_{name}"])
        # 4 standard errors of independent samples, doubled for their correlation
        assert np.all(away < 8 * error + 1e-9)


def test_the_conditional_distribution_of_a_fit_with_priors_is_that_of_its_estimates():
    """Priors move the estimates, not the effects given them."""

    class Believed(Model):
        a = Theta(1.0, prior=priors.Normal(2.0, 0.1))
        A = Normal(a, iiv=Fixed(0.7))
        DV = Observation(A, additive=Fixed(0.7))

    class Given(Model):
        a = Theta(1.0)
        A = Normal(a, iiv=Fixed(0.7))
        DV = Observation(A, additive=Fixed(0.7))

    found = popmix.fit(Believed, lines(20))
    same = popmix.evaluate(Given, lines(20), at={"a": found.parameters["a"]})
    one, two = (popmix.conditional(fit, n_samples=20, seed=2) for fit in (found, same))
    assert np.array_equal(one.effects, two.effects)


def test_what_it_can_not_do_and_options_that_make_no_sense():
    class Alone(Model):
        a = Theta(1.0)
        DV = Observation(a + 0.0 * T, additive=0.7)

    with pytest.raises(SupportError, match="saem can't honour Alone without random effects: use FOCE"):
        popmix.fit(Alone, lines(), popmix.SAEM())
    with pytest.raises(OptionError, match="chains"):
        popmix.SAEM(chains=0)
