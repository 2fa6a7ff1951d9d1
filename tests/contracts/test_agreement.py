"""All likelihood methods tell the same of one problem of each kind: a closed form, differential equations, a count.

Quadrature of rising order and importance sampling come to the same -2 log L; SAEM, importance sampling and quadrature end at the same
maximum; what NUTS draws with flat priors is distributed as that likelihood, whose mode is the same maximum.
"""

import math

import numpy as np
import polars as pl
import pytest
from shared_models import bolus_data, bolus_with

import popmix
from popmix import *
from popmix.estimate.objective import natural_scores
from popmix.estimate.scale import Scale
from popmix.likelihood import bind


class Saturable(Model):
    """Elimination that saturates: no closed form."""

    tvVmax, km, tvV = Theta(8.0, lower=0), Theta(4.0, lower=0), Theta(9.0, lower=0)
    Vmax = LogNormal(tvVmax, iiv=0.3)
    V = LogNormal(tvV, iiv=0.3)
    central = State()
    central.dt = -Vmax * (central / V) / (km + central / V)
    DV = Observation(central / V, proportional=0.15)


class Counts(Model):
    """Counts with a level and a trend of their own in every subject."""

    level, trend = Theta(1.0), Theta(-0.1)
    Level0 = Normal(level, iiv=0.6)
    Trend = Normal(trend, iiv=0.15)
    DV = Observation(Poisson(exp(Level0 + Trend * T)))


def saturable_data() -> pl.DataFrame:
    rng, rows = np.random.default_rng(11), []
    for subject in range(1, 25):
        vmax, v = 7.0 * math.exp(0.35 * rng.normal()), 10.0 * math.exp(0.25 * rng.normal())
        times, amount, now = (1.0, 5.0, 10.0, 15.0, 20.0, 28.0), 100.0, 0.0
        rows.append({"ID": subject, "TIME": 0.0, "AMT": 100.0, "DV": None, "EVID": 1})
        for time in times:
            steps = 400
            for _ in range(steps):  # midpoint rule, for data need no more
                half = amount - 0.5 * (time - now) / steps * vmax * amount / v / (3.0 + amount / v)
                amount -= (time - now) / steps * vmax * half / v / (3.0 + half / v)
            now = time
            rows.append({"ID": subject, "TIME": time, "AMT": None, "DV": amount / v * (1 + 0.1 * rng.normal()), "EVID": 0})
    return pl.DataFrame(rows, infer_schema_length=None)


def counts_data() -> pl.DataFrame:
    rng, rows = np.random.default_rng(12), []
    for subject in range(40):
        level, trend = 1.2 + 0.7 * rng.normal(), -0.15 + 0.2 * rng.normal()
        rows += [{"ID": subject, "TIME": float(t), "DV": float(rng.poisson(math.exp(level + trend * t)))} for t in range(6)]
    return pl.DataFrame(rows)


PROBLEMS = {
    "closed form": (bolus_with(proportional=0.15), bolus_data(20)),
    "equations": (Saturable, saturable_data()),
    "counts": (Counts, counts_data()),
}
every_problem = pytest.mark.parametrize("kind", PROBLEMS)


@pytest.fixture(scope="module")
def exact():
    """Fits by quadrature of order 9 with their standard errors, made when first asked for."""
    made = {}

    def get(kind: str) -> tuple[popmix.Fit, popmix.Covariance]:
        if kind not in made:
            found = popmix.fit(*PROBLEMS[kind], popmix.AGQ(order=9))
            made[kind] = found, popmix.covariance(found, "r")
        return made[kind]

    return get


@every_problem
def test_quadrature_of_rising_order_and_importance_sampling_come_to_one_likelihood(kind, exact):
    """Each order is nearer to the next; draws are within four of their errors, which are below 0.05."""
    fit, _ = exact(kind)
    orders = (3, 7, 13, 21)
    values = [popmix.evaluate(*PROBLEMS[kind], popmix.AGQ(order=order), at=fit.parameters).minus2ll for order in orders]
    changes = np.abs(np.diff(values))
    assert np.all(changes[1:] < changes[:-1]) and changes[-1] < 1e-2
    for seed in (1, 2, 3):
        sampled = popmix.importance(fit, draws=6000, seed=seed)
        assert abs(sampled.minus2ll - values[-1]) < 4 * sampled.error < 0.2


@every_problem
@pytest.mark.parametrize(
    ("method", "near"),
    [
        # what is left of quadrature of order 5, of 1000 draws, and of averages of simulations, in standard errors
        (popmix.AGQ(order=5), 0.03),
        (popmix.IMP(), 0.05),
        (popmix.IMPMAP(), 0.05),
        (popmix.SAEM(chains=10, automatic=False, smoothing=400, objective=popmix.AGQ(order=9)), 0.15),
    ],
    ids=["agq", "imp", "impmap", "saem"],
)
def test_the_maximum_is_the_same(kind, method, near, exact):
    fit, errors = exact(kind)
    found = popmix.fit(*PROBLEMS[kind], method)
    for name in errors.names:
        assert found.parameters[name] == pytest.approx(fit.parameters[name], abs=near * errors.se[name]), name
    # a fall of 0.15 standard errors along each of the parameters, at most
    level = popmix.evaluate(*PROBLEMS[kind], popmix.AGQ(order=9), at=found.parameters).ofv
    assert fit.ofv - 1e-6 <= level < fit.ofv + near**2 * len(errors.names)


@every_problem
def test_nuts_with_flat_priors_draws_from_the_likelihood(kind, exact):
    """Of a density p(x) prop. to L(x), x unconstrained with its Jacobian: E[d log p / dx] = 0 and E[(x - m) d log p / dx] = -1.

    The slopes are those of quadrature, the draws those of the joint density: both hold if NUTS draws from the likelihood that quadrature
    computes, so that its mode is the same maximum. Within four standard errors of 300 thinned draws; no draw lies above the maximum.
    """
    fit, _ = exact(kind)
    posterior = popmix.fit(*PROBLEMS[kind], popmix.NUTS(chains=2, draws=600, tune=300), seed=5)
    problem, scale, rule = bind(*PROBLEMS[kind]), Scale.of(fit.parameters), popmix.AGQ(order=5).rule
    places, slopes, heights = [], [], []
    for values in posterior.values()[::4]:
        parameters = fit.parameters.unchecked(values)
        x = scale.pack(parameters)
        found = problem.evaluate(parameters, rule, modes=fit_modes(problem, fit))
        score = problem.weights @ natural_scores(problem, found) @ scale.jacobian(x)
        places.append(x)
        # log |d value / dx| by its derivative: curvature over slope, coordinate by coordinate
        slopes.append(-0.5 * score + scale.curves(x) / np.diag(scale.jacobian(x)[scale.free]))
        heights.append(found.ofv)
    places, slopes = np.array(places), np.array(slopes)
    assert np.min(heights) > fit.ofv - 1e-2  # order 5 for order 9
    products = (places - places.mean(axis=0)) * slopes
    for k, name in enumerate(scale.names):
        for sample, expected in ((slopes[:, k], 0.0), (products[:, k], -1.0)):
            assert np.mean(sample) == pytest.approx(expected, abs=4 * np.std(sample) / np.sqrt(len(sample))), name


def fit_modes(problem, fit) -> np.ndarray:
    return np.column_stack([fit.individuals_table[f"eta_{name}"] for name in fit.parameters.eta_names])
