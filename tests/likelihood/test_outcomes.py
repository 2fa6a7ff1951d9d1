"""Outcomes given random effects: what is drawn has the distribution function, and that is the one of the likelihood."""

import numpy as np
import pytest
import scipy.stats

import popmix
from popmix import *
from popmix.likelihood import bind
from popmix.likelihood.outcomes import Outcomes, random_effects
from popmix.model.parameters import parameters_of

DRAWS = 4000


class Bernoullis(Model):
    a = Theta(0.4)
    u = Eta(sd=0.8)
    DV = Observation(Bernoulli(expit(a + u + 0.1 * T)))


class Binomials(Model):
    a = Theta(-0.3)
    u = Eta(sd=0.5)
    DV = Observation(Binomial(7, expit(a + u)))


class Poissons(Model):
    a = Theta(1.1)
    u = Eta(sd=0.4)
    DV = Observation(Poisson(exp(a + u + 0.05 * T)))


class NegativeBinomials(Model):
    a = Theta(1.0)
    k = Theta(1.7, lower=0)
    u = Eta(sd=0.4)
    DV = Observation(NegativeBinomial(exp(a + u), k))


class ZeroInflatedPoissons(Model):
    a = Theta(1.0)
    z = Theta(0.3, lower=0, upper=1)
    u = Eta(sd=0.4)
    DV = Observation(ZeroInflatedPoisson(exp(a + u), z))


class ZeroInflatedNegativeBinomials(Model):
    a = Theta(1.0)
    k = Theta(1.7, lower=0)
    z = Theta(0.3, lower=0, upper=1)
    u = Eta(sd=0.4)
    DV = Observation(ZeroInflatedNegativeBinomial(exp(a + u), k, z))


class Ordinals(Model):
    a = Theta(0.2)
    c1 = Theta(-1.0)
    c2 = Theta(0.5)
    c3 = Theta(1.5)
    u = Eta(sd=0.7)
    DV = Observation(Ordinal(a + u, cutpoints=(c1, c2, c3)))


class Categories(Model):
    a = Theta(0.2)
    u = Eta(sd=0.7)
    p0 = 0.5 * expit(a + u)
    DV = Observation(Categorical(p0, 0.3, 0.7 - p0))


class Chains(Model):
    a = Theta(0.4)
    u = Eta(sd=0.6)
    stay = expit(a + u)
    DV = Observation(
        Markov(initial=(0.5, 0.3, 0.2), transitions=((stay, 0.6 * (1 - stay), 0.4 * (1 - stay)), (0.2, 0.5, 0.3), (0.1, 0.1, 0.8)))
    )


class Plain(Model):
    a = Theta(5.0)
    u = Eta(sd=0.3)
    DV = Observation(a * exp(u), additive=0.4, proportional=0.1)


class Logarithmic(Model):
    a = Theta(5.0, lower=0)
    u = Eta(sd=0.3)
    DV = Observation(a * exp(u), log_additive=0.2)


class Transformed(Model):
    a = Theta(5.0, lower=0)
    shape = Theta(0.4)
    u = Eta(sd=0.3)
    DV = Observation(a * exp(u), additive=0.3, box_cox=shape)


class Students(Model):
    a = Theta(5.0)
    df = Theta(4.0, lower=2.1)
    u = Eta(sd=0.3)
    DV = Observation(a * exp(u), additive=0.4, student=df)


class Truncated(Model):
    a = Theta(0.6)
    u = Eta(sd=0.3)
    DV = Observation(a * exp(u), additive=0.8, censoring="M4", lloq=0.1)


DISCRETE = [
    Bernoullis, Binomials, Poissons, NegativeBinomials, ZeroInflatedPoissons, ZeroInflatedNegativeBinomials, Ordinals, Categories, Chains,
]  # fmt: skip
CONTINUOUS = [Plain, Logarithmic, Transformed, Students, Truncated]


def data(values):
    """Return two subjects with the values, at times 0, 1, ..."""
    n = len(values)
    return {"ID": [1] * n + [2] * n, "TIME": [*range(n), *range(n)], "DV": [*values, *values]}


def made(model, values, n=DRAWS):
    problem = bind(model, data(values))
    parameters = parameters_of(model)
    at = parameters.values[None]
    etas, group = random_effects(problem, parameters, at, n, (1,))
    outcomes = Outcomes.of(problem)
    return problem, parameters, outcomes, at, etas, outcomes.arguments(at, etas, group)


@pytest.mark.parametrize("model", DISCRETE, ids=lambda model: model.name)
def test_the_distribution_function_is_that_of_the_likelihood(model):
    """P(DV <= y) - P(DV < y) at the effects of a draw is exp(-nll) of the compiled density."""
    values = (
        [0, 1, 0, 2, 1, 0] if model in (Ordinals, Categories, Chains) else [0, 1, 1, 0, 1, 0] if model is Bernoullis else [0, 1, 5, 2, 4, 0]
    )
    problem, parameters, outcomes, at, etas, arguments = made(model, values, 3)
    ((name, rows),) = outcomes.rows()
    low, high = outcomes.family(name, at).below(
        np.array(values * 2, dtype=float), outcomes.chosen(name, arguments, rows), outcomes.previous(rows)
    )
    for draw in range(3):
        nll = problem.predictions(parameters, etas[draw], likelihood=True).f
        # sums of probabilities carry the rounding of their terms
        assert np.allclose(high[draw] - low[draw], np.exp(-nll), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", DISCRETE, ids=lambda model: model.name)
def test_what_is_drawn_has_the_distribution_function(model):
    """The share of draws up to k is the mean of P(DV <= k | effects), within five standard errors."""
    values = [0, 1, 0, 0]
    _, _, outcomes, at, _, arguments = made(model, values)
    ((name, rows),) = outcomes.rows()
    drawn = outcomes.drawn(at, arguments, outcomes.generators((2,)))
    assert np.all(np.isfinite(drawn)) and np.all(drawn == np.rint(drawn))
    # a first record, whose place in a chain has no history
    for k in range(int(drawn[:, 0].max()) + 1):
        at_k = np.full(len(rows), float(k))
        _, high = outcomes.family(name, at).below(at_k, outcomes.chosen(name, arguments, rows), outcomes.previous(rows))
        share, expected = np.mean(drawn[:, 0] <= k), np.mean(high[:, 0])
        assert abs(share - expected) < 5 * np.sqrt(max(expected * (1 - expected), 1 / DRAWS) / DRAWS)


def test_a_chain_follows_its_transitions():
    _, _, outcomes, at, _, arguments = made(Chains, [0] * 6)
    drawn = outcomes.drawn(at, arguments, outcomes.generators((3,)))[:, :6]
    before, after = drawn[:, :-1].ravel(), drawn[:, 1:].ravel()
    for row, shares in ((1, (0.2, 0.5, 0.3)), (2, (0.1, 0.1, 0.8))):
        own = after[before == row]
        found = np.array([np.mean(own == k) for k in range(3)])
        assert np.all(np.abs(found - shares) < 5 * np.sqrt(0.25 / len(own)))


@pytest.mark.parametrize("model", CONTINUOUS, ids=lambda model: model.name)
def test_continuous_draws_are_uniform_in_their_distribution_function(model):
    _, _, outcomes, at, _, arguments = made(model, [5.0, 4.0])
    ((name, rows),) = outcomes.rows()
    family, own = outcomes.family(name, at), outcomes.chosen(name, arguments, rows)
    drawn = outcomes.drawn(at, arguments, outcomes.generators((4,)))
    uniform = np.array([family.below(drawn[k], own[:, k : k + 1], None)[1][0, 0] for k in range(DRAWS)])
    assert scipy.stats.kstest(uniform, "uniform").pvalue > 1e-4
    if model is Truncated:
        assert drawn.min() > 0


@pytest.mark.parametrize("model", [Plain, Students, Transformed], ids=lambda model: model.name)
def test_the_distribution_function_is_the_integral_of_the_density(model):
    """dF/dy by differences is exp(-nll), also where the density is of a transformed value."""
    values = [4.0, 5.0, 6.5]
    problem, parameters, outcomes, at, etas, arguments = made(model, values, 1)
    ((name, rows),) = outcomes.rows()
    family, own = outcomes.family(name, at), outcomes.chosen(name, arguments, rows)
    y, h = np.array(values * 2), 1e-5
    slope = (family.below(y + h, own, None)[1] - family.below(y - h, own, None)[1])[0] / (2 * h)
    told = problem.predictions(parameters, etas[0], likelihood=True)
    is_free = np.array([one.is_free for one in problem.compiled.endpoints])[problem.timeline.endpoint]
    with np.errstate(all="ignore"):
        gaussian = 0.5 * (np.log(2 * np.pi * told.variance) + (problem.timeline.y - told.f) ** 2 / told.variance)
    assert np.allclose(slope, np.exp(-np.where(is_free, told.f, gaussian)), rtol=1e-6)


def test_residuals_that_hang_together_have_their_correlation():
    class Correlated(Model):
        a = Theta(5.0)
        u = Eta(sd=0.3)
        DV = Observation(a + u, additive=0.5, autocorrelation=0.6)

    _, _, outcomes, at, etas, arguments = made(Correlated, [5.0] * 4)
    left = outcomes.drawn(at, arguments, outcomes.generators((5,))) - 5.0 - np.repeat(etas[:, :, 0], 4, axis=1)
    found = np.corrcoef(left[:, :4], rowvar=False)
    expected = 0.6 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    # a correlation has an error of about 1 / sqrt(draws)
    assert np.all(np.abs(found - expected) < 5 / np.sqrt(DRAWS))
    assert abs(left[:, :4].std() - 0.5) < 5 * 0.5 / np.sqrt(2 * 4 * DRAWS)


def test_subjects_of_a_group_share_its_effects():
    class Sites(Model):
        SITE = Level("SITE")
        a = Theta(5.0)
        A = Normal(a, iiv=0.2)
        s = Eta(sd=0.7, level=SITE)
        DV = Observation(A + s, additive=0.1)

    rows = {"ID": [1, 2, 3, 4], "TIME": [0] * 4, "DV": [5.0, 5.1, 5.2, 5.3], "SITE": ["a", "a", "b", "b"]}
    problem = bind(Sites, rows)
    parameters = parameters_of(Sites)
    etas, _ = random_effects(problem, parameters, parameters.values[None], 2000, (1,))
    shared = np.flatnonzero(problem.effects.level == "SITE")[0]
    assert np.array_equal(etas[:, 0, shared], etas[:, 1, shared])
    assert not np.array_equal(etas[:, 0, shared], etas[:, 2, shared])
    assert abs(etas[:, 0, shared].std() - 0.7) < 5 * 0.7 / np.sqrt(4000)


def test_latent_groups_have_their_shares():
    class Two(Model):
        share = Theta(0.3, lower=0, upper=1)
        low = Theta(2.0)
        high = Theta(8.0)
        group = Mixture(share, 1 - share)
        u = Eta(sd=0.1)
        DV = Observation(where(group == 1, low, high) + u, additive=0.1)

    problem, _, outcomes, at, _, _ = made(Two, [2.0])
    etas, group = random_effects(problem, parameters_of(Two), at, DRAWS, (1,))
    drawn = outcomes.drawn(at, outcomes.arguments(at, etas, group), outcomes.generators((2,)))
    assert abs(np.mean(drawn < 5) - 0.3) < 5 * np.sqrt(0.21 / (2 * DRAWS))
    assert np.array_equal(drawn < 5, group == 0)


def test_neither_threads_nor_more_draws_change_a_number():
    _, _, outcomes, at, etas, _ = made(Poissons, [0, 1, 2], 500)
    alone, together = (outcomes.arguments(at, etas, None, threads) for threads in (1, 2))
    assert np.array_equal(alone, together)
    parameters = parameters_of(Poissons)
    few, _ = random_effects(outcomes.problem, parameters, at, 20, (1,))
    many, _ = random_effects(outcomes.problem, parameters, at, 50, (1,))
    assert np.array_equal(few, many[:20])


def test_a_free_density_is_refused_by_name():
    class Free(Model):
        a = Theta(1.0)
        u = Eta(sd=0.3)
        Pain = Observation(LogLikelihood(-((Y - a - u) ** 2)))

    problem = bind(Free, data([1.0, 2.0]))
    with pytest.raises(popmix.SupportError, match=r"Pain is a LogLikelihood.*can't be simulated"):
        Outcomes.of(problem).refuse_free()


@pytest.mark.parametrize("model", [*DISCRETE, *CONTINUOUS], ids=lambda model: model.name)
def test_the_first_draws_do_not_depend_on_how_many_follow(model):
    one, more = (popmix.simulate(model, data([1.0] * 3), n, seed=8)["DV"].to_numpy() for n in (1, 5))
    assert np.array_equal(one, more[:6])
