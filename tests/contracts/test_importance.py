"""Importance sampling: exact answers, quadrature, calibrated errors, tails, and what a run must keep: threads, seeds, a kill."""

import math

import arviz
import numpy as np
import polars as pl
import pytest
from killed import kill_once_kept
from shared_models import Bolus, bolus_data
from test_quadrature import Logistic, Mixed, yes_and_no

import popmix
from popmix import *
from popmix.errors import OptionError, SupportError
from popmix.likelihood import bind
from popmix.likelihood.examination import adapted, examine
from popmix.likelihood.pareto import pareto_shape
from popmix.likelihood.sampling import Sampling
from popmix.model.parameters import parameters_of


class Lines(Model):
    """Linear and Gaussian: the conditional distribution is normal."""

    a, b = Theta(1.0), Theta(0.2)
    A = Normal(a, iiv=0.7)
    B = Normal(b, iiv=0.2)
    omega = Block(A, B, correlation=0.3)
    DV = Observation(A + B * T, additive=0.7)


def lines() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    rows = [{"ID": k, "TIME": t, "DV": 1 + rng.normal() + 0.2 * t + rng.normal()} for k in range(9) for t in (0.0, 1.0, 3.0)]
    return pl.DataFrame(rows)


@pytest.mark.parametrize("method", [popmix.IMPMAP(freedom=math.inf), popmix.IMPMAP(draws=140, freedom=math.inf, seed=9)])
def test_normal_proposals_are_exact_for_a_normal_distribution(method):
    """Every draw has the same weight: value and gradient are those of FOCE to rounding, and the error is none."""
    found, exact = popmix.fit(Lines, lines(), method), popmix.fit(Lines, lines())
    assert found.ofv == pytest.approx(exact.ofv, abs=2e-6)  # what two searches leave
    assert found.parameters.values == pytest.approx(exact.parameters.values, rel=2e-3)
    assert popmix.evaluate(Lines, lines(), method, at=exact.parameters).ofv == pytest.approx(exact.ofv, abs=1e-9)
    sampled = popmix.importance(exact, draws=200, freedom=math.inf, defence=0)
    assert sampled.ofv == pytest.approx(exact.ofv, abs=1e-9) and sampled.error < 1e-9
    assert sampled.by_subject["effective"] == pytest.approx(100.0) and np.all(sampled.by_subject["rounds"] == 1)


def student_efficiency(n: int, freedom: float) -> float:
    """1 / E[w^2] for a standard normal target and a Student proposal in n dimensions, by quadrature along the radius."""
    r = np.linspace(0, 40, 400_001)[1:]
    log_t = math.lgamma((freedom + n) / 2) - math.lgamma(freedom / 2) - n / 2 * math.log(freedom * math.pi)
    log_t = log_t - (freedom + n) / 2 * np.log1p(r**2 / freedom)
    sphere = math.log(2) + n / 2 * math.log(math.pi) - math.lgamma(n / 2)
    return 1 / np.trapezoid(np.exp(-n * math.log(2 * math.pi) - r**2 - log_t + sphere + (n - 1) * np.log(r)), r)


def test_effective_draws_of_a_normal_distribution_are_those_of_theory():
    """Within the noise of 20,000 stratified draws."""
    found = popmix.importance(popmix.fit(Lines, lines()), draws=20_000, freedom=5.0, defence=0)
    assert found.by_subject["effective"] == pytest.approx(100 * student_efficiency(2, 5.0), rel=0.005)


@pytest.mark.parametrize("adaptive", [False, True])
def test_it_is_unbiased_and_its_error_is_the_one_it_tells(adaptive):
    """40 seeds against quadrature of order 40; z has mean 0 and SD 1 within four standard errors of 40 values of them."""
    problem, at = bind(Logistic, yes_and_no()), parameters_of(Logistic)
    exact = problem.evaluate(at, popmix.AGQ(order=40).rule, globally=True)
    modes, z = [exact.marginal.eta], []
    for seed in range(40):
        rule = Sampling(400, 5.0, seed)
        found = examine(problem, at, rule, modes, 1)
        found = examine(problem, at, adapted(rule, found), modes, 1) if adaptive else found
        z.append((found.evaluation.ofv - exact.ofv) / np.sqrt(np.sum(found.error**2)))
    assert abs(np.mean(z)) < 4 / np.sqrt(40) and abs(np.std(z) - 1) < 4 / np.sqrt(80)


@pytest.mark.parametrize("defence", [0.02, 0.5, 0.9])
def test_draws_without_data_change_nothing_but_the_error(defence):
    """Of a linear Gaussian model, whose likelihood is known: the weights of the mixture are right whatever its share."""
    exact = popmix.fit(Lines, lines())
    found = popmix.importance(exact, draws=20_000, defence=defence, rounds=2)
    assert abs(found.ofv - exact.ofv) < 4 * found.error < 0.2


@pytest.mark.parametrize("shape", [-0.3, 0.2, 0.6, 1.1])
def test_pareto_shapes_of_simulated_tails(shape):
    """Weights that are generalised Pareto themselves: k within four of its standard errors, (1 + k) / sqrt(tail), and the prior's pull."""
    uniform = np.random.default_rng(3).random((40, 4000))
    with np.errstate(divide="ignore"):
        weights = ((1 - uniform) ** -shape - 1) / shape
    found, n = pareto_shape(np.log(weights)), math.ceil(3 * math.sqrt(4000))
    expected = (n * shape + 5) / (n + 10)
    assert np.mean(found) == pytest.approx(expected, abs=4 * (1 + abs(shape)) / math.sqrt(n * 40) + 0.02)


def test_pareto_shapes_are_those_of_arviz():
    log_weights = np.random.default_rng(1).standard_t(4, (6, 1000))
    _, expected = arviz.psislw(log_weights)
    assert pareto_shape(log_weights) == pytest.approx(np.asarray(expected), abs=1e-10)


def test_pareto_shapes_at_the_edges():
    assert np.all(pareto_shape(np.zeros((2, 100))) == -1.0)  # bounded
    assert np.all(np.isnan(pareto_shape(np.zeros((2, 10)))))  # too few
    some = np.concatenate([np.random.default_rng(0).normal(size=500), np.full(500, -np.inf)])
    assert np.isfinite(pareto_shape(some))


def test_a_distribution_far_from_the_proposal_is_said_to_be_so_and_drawn_again():
    """Two modes, four of their SDs apart, proposals around one: the weights tell, and a second round is right. The truth by a fine grid."""

    class TwoModes(Model):
        mu = Theta(0.0)
        B = Normal(mu, iiv=4.0)
        DV = Observation(B**2, additive=1.0)

    dv, b = (1.0, 2.0), np.linspace(-40, 40, 800_001)
    joint = [np.exp(-0.5 * (y - b * b) ** 2 - 0.5 * b * b / 16) / np.sqrt(2 * np.pi * 16) for y in dv]
    truth = sum(-2 * np.log(np.trapezoid(one, b)) for one in joint)
    data = pl.DataFrame({"ID": [1, 2], "TIME": [0.0, 0.0], "DV": dv})
    found = popmix.evaluate(TwoModes, data, popmix.IMPMAP(draws=2000))
    assert any("Pareto k above 0.7" in message for message in found.messages)
    again = popmix.importance(popmix.evaluate(TwoModes, data, popmix.Laplace()), draws=4000)
    assert abs(again.ofv - truth) < 5 * again.error < 0.05
    assert not again.warnings and np.all(again.by_subject["rounds"] > 1)


def test_it_agrees_with_quadrature_in_a_mixture_and_between_occasions():
    class Occasions(Model):
        OCC = Occasion(breaks=(2.5,))
        a = Theta(0.4)
        A = Normal(a, iiv=0.8, iov=0.5)
        DV = Observation(Bernoulli(expit(A)))

    for model in (Mixed, Occasions):
        exact = popmix.evaluate(model, yes_and_no(), popmix.AGQ(order=15))
        found = popmix.importance(exact, draws=4000)
        assert abs(found.ofv - exact.ofv) < 5 * found.error < 0.2
        assert popmix.evaluate(model, yes_and_no(), popmix.IMP(draws=4000)).ofv == pytest.approx(exact.ofv, abs=5 * found.error)


@pytest.mark.parametrize("method", [popmix.IMP(draws=300), popmix.IMPMAP(draws=300)])
def test_the_maximum_is_that_of_quadrature(method):
    """Within a tenth of a standard error: 300 draws a subject."""
    exact = popmix.fit(Bolus, bolus_data(), popmix.AGQ(order=9))
    errors = popmix.covariance(exact, "r")
    found = popmix.fit(Bolus, bolus_data(), method)
    assert found.convergence.converged
    for name in errors.names:
        assert found.parameters[name] == pytest.approx(exact.parameters[name], abs=0.1 * errors.se[name]), name
    again = popmix.evaluate(Bolus, bolus_data(), method, at=found.parameters)
    assert again.ofv == pytest.approx(found.ofv, abs=1e-7)
    own = popmix.covariance(found, "r")
    assert own.se == pytest.approx(errors.se, rel=0.1)


def test_seeds_and_threads():
    one, two = (popmix.fit(Bolus, bolus_data(), popmix.IMP(draws=100), threads=threads) for threads in (1, 4))
    assert np.array_equal(one.parameters.values, two.parameters.values) and one.ofv == two.ofv and one.seed == 1
    given, other = (popmix.fit(Bolus, bolus_data(), popmix.IMP(draws=100), seed=seed) for seed in (1, 2))
    assert given.ofv == one.ofv != other.ofv and other.method.seed == 2
    assert one.method == popmix.IMP(draws=100) and popmix.IMP(draws=110).rule.draws == 120


def test_subjects_without_weight_or_observations_cost_nothing_and_tell_nothing():
    data = bolus_data().filter((pl.col("ID") != 3) | (pl.col("EVID") == 1))
    weights = np.ones(12)
    weights[5] = 0
    found = popmix.importance(popmix.fit(Bolus, data, weights=weights), draws=200)
    table = found.subjects()
    assert table.height == 11 and "6" not in table["ID"].to_list()
    empty = table.filter(pl.col("ID") == "3")
    assert empty["ofv"].item() == 0 and empty["error"].item() == 0


def test_what_it_can_not_do_and_options_that_make_no_sense():
    class Sites(Model):
        SITE = Level()
        mu = Theta(1.0)
        site = Eta(0.3, level=SITE)
        B = Normal(mu + site, iiv=0.5)
        DV = Observation(B, additive=0.3)

    data = lines().with_columns(SITE=pl.col("ID") % 3)
    with pytest.raises(SupportError, match="imp can't honour effects of SITE"):
        popmix.fit(Sites, data, popmix.IMP())
    with pytest.raises(SupportError, match="importance sampling can't honour effects of levels above subjects"):
        popmix.importance(popmix.fit(Sites, data))
    for options, told in (({"draws": 10}, "draws must be"), ({"freedom": 0}, "freedom must be"), ({"seed": -1}, "seed must be")):
        with pytest.raises(OptionError, match=told):
            popmix.IMP(**options)
        with pytest.raises(OptionError, match=told):
            popmix.importance(popmix.fit(Lines, lines()), **options)
    for options, told in (({"rounds": 0}, "rounds must be"), ({"defence": 1.0}, "defence must be")):
        with pytest.raises(OptionError, match=told):
            popmix.importance(popmix.fit(Lines, lines()), **options)


def test_without_random_effects_it_is_the_likelihood():
    class Alone(Model):
        b = Theta(2.0)
        DV = Observation(b, additive=0.7)

    exact, found = (popmix.fit(Alone, lines(), method) for method in (popmix.FOCE(), popmix.IMP(draws=100)))
    assert found.ofv == pytest.approx(exact.ofv, abs=2e-6)  # what two searches leave


def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(tmp_path):
    """The kill comes once a second state is on disk; the search would go on for some iterations more."""
    path, method = tmp_path / "checkpoint.npz", popmix.IMP(draws=20_000)
    script = "from shared_models import Bolus, bolus_data\n"
    kill_once_kept(script + f"popmix.fit(Bolus, bolus_data(), popmix.IMP(draws=20_000), seed=3, checkpoint={str(path)!r})", path, times=2)
    assert np.load(path)["counts"][0] >= 1  # it goes on, it does not begin anew
    resumed = popmix.fit(Bolus, bolus_data(), method, seed=3, checkpoint=path)
    whole = popmix.fit(Bolus, bolus_data(), method, seed=3)
    assert np.array_equal(resumed.parameters.values, whole.parameters.values) and resumed.ofv == whole.ofv
    assert resumed.convergence == whole.convergence and np.array_equal(resumed.trace["ofv"], whole.trace["ofv"])
    assert not path.exists()
