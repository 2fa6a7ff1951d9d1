"""The joint posterior density in the engine: its gradient by differences, its value by scipy's densities and numerical Jacobians."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from tests.differences import slopes

from popmix.engine.bundle import Bundle
from popmix.engine.link import link_posterior
from popmix.engine.population import new_space
from popmix.engine.posterior import posterior, unravel
from popmix.likelihood import bind
from popmix.likelihood.joint import Layout, plan_of
from popmix.likelihood.priors import Priors
from popmix.model import *
from popmix.model.parameters import parameters_of


class Every(Model):
    """Every prior, bounds of every kind, blocks with and without a band, effects of occasions."""

    a = Theta(1.2, lower=0, prior=priors.LogNormal(0.3, 0.4))
    b = Theta(0.4, upper=3, prior=priors.Normal(0.5, 0.2))
    c = Theta(2.0, lower=0, upper=5, prior=priors.HalfNormal(3))
    d = Theta(1.5)
    e = Theta(-0.5)
    held = Theta(0.3, fixed=True)
    both = priors.JointNormal(d, e, mean=(1, 0), covariance=((0.5, 0.1), (0.1, 0.2)))
    OCC = Occasion(breaks=(4,))
    A = LogNormal(a, iiv=Estimate(0.3, prior=priors.HalfStudentT(3, 0.5)), iov=0.2)
    B = Normal(b, iiv=0.4, iov=Estimate(0.3, prior=priors.HalfNormal(1)))
    C = LogNormal(c, iiv=0.2)
    D = Normal(d, iiv=0.3)
    E = Normal(e, iiv=Estimate(0.6, prior=priors.InverseWishart(4, 0.3)))
    F = Normal(held, iiv=0.5)
    G = Normal(e, iiv=0.5)
    H = Normal(e, iiv=Fixed(0.5))
    J = Normal(e, iiv=0.5)
    first = Block(B, A, correlation=0.2, prior=priors.LKJ(2.5))
    between = Block(B, A, correlation=Fixed(-0.2), level=OCC)
    second = Block(C, D, F, correlation=0.3, prior=priors.InverseWishart(6, ((0.2, 0.05, 0), (0.05, 0.3, 0), (0, 0, 0.4))))
    third = Block(G, H, J, correlation=0.3, band=1)
    DV = Observation(A + B * T + C + D + E + F + (G + J) * T + H, additive=Estimate(0.2, prior=priors.LogNormal(-1, 1)), proportional=0.1)


class Infused(Model):
    """Two compartments with absorption, doses at once and infused."""

    tvCL, tvV, tvKa = Theta(1.0, lower=0), Theta(8.0, lower=0), Theta(0.8, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.3)
    pk = TwoCompartments(cl=CL, v1=V, q=2, v2=V * 2, ka=Ka)
    DV = Observation(pk.concentration, additive=0.3, proportional=0.1)


class Counted(Model):
    """An outcome that is not Gaussian."""

    rate = Theta(1.0, lower=0)
    R = LogNormal(rate, iiv=0.5)
    DV = Observation(Poisson(R * T))


class Equations(Model):
    """Differential equations."""

    vmax, km = Theta(2.0, lower=0), Theta(1.0, lower=0)
    V = LogNormal(vmax, iiv=0.3)
    x = State()
    x.dt = -V * x / (km + x)
    DV = Observation(x, additive=0.3)


def simple(n: int = 3) -> dict:
    """Return a few records of `n` subjects."""
    generator = np.random.default_rng(1)
    times = np.tile([0.5, 1.0, 5.0, 6.0], n)
    return {"ID": np.repeat(np.arange(n), 4), "TIME": times, "DV": generator.normal(3, 1, 4 * n)}


def dosed() -> pl.DataFrame:
    """Return doses into the depot, and infusions into the central compartment, with observations."""
    rows = []
    for subject in range(2):
        rows.append((subject, 0.0, 100.0, 0.0, 1, 1, None))
        rows.append((subject, 4.0, 50.0, 25.0, 2, 1, None))
        rows += [(subject, time, 0.0, 0.0, 2, 0, 3.0 + time / 10) for time in (0.5, 1.0, 4.5, 5.0, 6.5, 9.0)]
        rows.append((subject, 10.0, 80.0, 0.0, 2, 1, None))
        rows += [(subject, time, 0.0, 0.0, 2, 0, 2.0) for time in (10.5, 18.0)]
    return pl.DataFrame(rows, schema=["ID", "TIME", "AMT", "RATE", "CMT", "EVID", "DV"], orient="row").sort("ID", "TIME")


class Subject:
    """A density of a model on data with arbitrary coordinates of the sampler."""

    def __init__(self, model, data) -> None:
        link_posterior()
        generator = np.random.default_rng(2)
        self.parameters, self.problem = parameters_of(model), bind(model, data)
        n_effects = len(self.problem.effects.pattern)
        centred = generator.random((self.problem.n_subjects, n_effects)) < 0.5
        plan = plan_of(self.problem, self.parameters, Layout.of(self.problem, self.parameters), centred)
        n = self.n = len(plan.centre)
        t = np.tril(generator.normal(0, 0.1, plan.t.shape), -1) + 0.3 * np.eye(len(plan.t))
        c = np.tril(generator.normal(0, 0.1, plan.c.shape), -1) + 0.5 * np.eye(n_effects)
        centre = generator.normal(0, 0.2, n)
        centre[: len(plan.kind)] = np.where(plan.kind == 0, 1.0, centre[: len(plan.kind)])
        self.plan = plan._replace(centre=centre, t=t, m=generator.normal(0, 0.1, plan.m.shape), c=c)
        self.space = new_space(self.plan, self.problem.code.n_fixed, self.problem.code.n_directions)
        self.bundles = Bundle(self.plan), Bundle(self.space)
        self.at = generator.normal(0, 0.4, n)

    def density(self, position: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = np.zeros(self.n)
        with self.problem.lent() as engine:
            assert posterior(position, gradient, self.bundles[0], *engine[:3], self.bundles[1]) == 0
        return float(self.space.value[0]), gradient

    def natural(self, position: np.ndarray) -> np.ndarray:
        """Return all parameters, then all effects."""
        values, etas = np.zeros((1, len(self.parameters))), np.zeros((1, *self.plan.centred.shape))
        unravel(position[None], *self.bundles, values, etas)
        return np.concatenate([values[0], etas.ravel()])


@pytest.mark.parametrize(
    ("model", "data"),
    [(Every, pl.DataFrame(simple())), (Infused, dosed()), (Counted, pl.DataFrame(simple() | {"DV": [2, 1, 4, 9] * 3}))],
    ids=["every", "infused", "counted"],
)
def test_the_gradient_is_exact(model, data):
    own = Subject(model, data)
    gradient = own.density(own.at)[1]
    # differences of fourth order of a smooth function
    np.testing.assert_allclose(gradient, slopes(lambda x: own.density(x)[0], own.at, 1e-3), rtol=1e-6, atol=1e-6 * np.max(np.abs(gradient)))


def test_the_gradient_of_equations_is_that_of_the_exact_solution():
    data = pl.DataFrame(simple() | {"AMT": [0.0] * 12})
    doses = pl.DataFrame({"ID": [0, 1, 2], "TIME": [0.0] * 3, "DV": [None] * 3, "AMT": [5.0] * 3}, schema=data.schema | {"DV": pl.Float64})
    own = Subject(Equations, pl.concat([doses, data.with_columns(pl.col("ID").cast(pl.Int64))]).sort("ID", "TIME"))
    gradient = own.density(own.at)[1]
    # the integration has a tolerance of 1e-8, of which differences over 1e-2 leave 1e-6
    np.testing.assert_allclose(gradient, slopes(lambda x: own.density(x)[0], own.at, 1e-2), rtol=1e-4, atol=1e-4)


def test_the_value_is_the_joint_density_with_the_jacobian():
    own = Subject(Every, pl.DataFrame(simple()))
    other = own.at + np.random.default_rng(3).normal(0, 0.1, own.n)
    expected = reference(own, other) - reference(own, own.at)
    assert own.density(other)[0] - own.density(own.at)[0] == pytest.approx(expected, abs=1e-6)


def reference(own: Subject, position: np.ndarray) -> float:
    """Return the log density from its parts; the Jacobian is a determinant of differences."""
    problem, n_values = own.problem, len(own.parameters)
    found = own.natural(position)
    parameters = own.parameters.unchecked(found[:n_values])
    etas = found[n_values:].reshape(own.plan.centred.shape)
    shown = problem.predictions(parameters, etas, slopes=False, likelihood=True)
    total = stats.norm.logpdf(problem.timeline.y, shown.f, np.sqrt(shown.variance)).sum()
    total += stats.multivariate_normal.logpdf(etas, cov=problem.omega(parameters)).sum()
    total -= 0.5 * Priors.of(problem.model, own.parameters).value(found[:n_values])
    # the inverse Wishart is a density of covariances: each SD comes in as often as there are effects in its block
    total += np.log([parameters["iiv_E"], *(parameters[f"iiv_{name}"] ** 3 for name in "CDF")]).sum()
    free = np.concatenate([np.flatnonzero(~own.parameters.fixed), np.arange(n_values, len(found))])
    return float(total + np.linalg.slogdet(slopes(own.natural, position, 1e-3)[free])[1])
