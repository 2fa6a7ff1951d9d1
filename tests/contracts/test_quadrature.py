"""Quadrature and mixtures against integrals and sums that are computed otherwise."""

import numpy as np
import polars as pl
import pytest
from scipy import special, stats

import popmix
from popmix import *
from popmix.errors import FitError, OptionError, SupportError
from popmix.likelihood.rules import Quadrature


class Logistic(Model):
    """A random intercept and slope of yes and no."""

    a = Theta(0.4)
    b = Theta(-0.3)
    A = Normal(a, iiv=1.5)
    B = Normal(b, iiv=0.6)
    both = Block(A, B, correlation=0.4)
    DV = Observation(Bernoulli(expit(A + B * T)))


def yes_and_no() -> pl.DataFrame:
    rng = np.random.default_rng(2)
    rows = [{"ID": k, "TIME": float(t), "DV": float(rng.random() < 0.5)} for k in range(1, 5) for t in range(k + 2)]
    return pl.DataFrame(rows)


def integral(own: pl.DataFrame) -> float:
    """Return the likelihood of one subject by the trapezoidal rule over both effects, exact to rounding for what dies off at both ends."""
    y, t = own["DV"].to_numpy(), own["TIME"].to_numpy()
    root = np.linalg.cholesky([[2.25, 0.36], [0.36, 0.36]])
    grid = np.linspace(-9, 9, 401)
    u, v = np.meshgrid(grid, grid)
    eta = np.einsum("ij,jab->iab", root, np.stack([u, v]))
    p = special.expit((0.4 + eta[0])[..., None] + (-0.3 + eta[1])[..., None] * t)
    density = np.prod(np.where(y == 1, p, 1 - p), axis=-1) * stats.norm.pdf(u) * stats.norm.pdf(v)
    return float(density.sum() * (grid[1] - grid[0]) ** 2)


def test_two_effects_against_another_rule():
    data = yes_and_no()
    expected = sum(-2 * np.log(integral(own)) for _, own in data.group_by("ID", maintain_order=True))
    errors = [abs(popmix.evaluate(Logistic, data, popmix.AGQ(order=order)).minus2ll - expected) for order in (1, 5, 11, 25)]
    assert errors[0] > errors[1] > errors[2] and errors[3] < 1e-7


def test_a_gaussian_density_is_exact_at_any_order():
    class Linear(Model):
        a = Theta(1.0)
        A = Normal(a, iiv=0.7)
        B = Normal(0, iiv=0.2)
        DV = Observation(A + B * T, additive=0.5)

    found = [popmix.evaluate(Linear, yes_and_no(), popmix.AGQ(order=order)).ofv for order in (1, 2, 5, 12)]
    assert found == pytest.approx([popmix.evaluate(Linear, yes_and_no()).ofv] * 4, rel=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5])
def test_rules_integrate_polynomials(n):
    """Moments of the standard normal density: 1, 0 and 1; beyond three effects nodes of 1e-6 of the weight are left out."""
    grid = Quadrature(5).grid(n)
    nodes = grid.nodes[0]
    weights = np.exp(grid.log_weights[0] - 0.5 * np.sum(nodes**2, axis=1))
    close = 1e-13 if n <= 3 else 5e-5
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(weights @ nodes, np.zeros(n), atol=1e-12)
    np.testing.assert_allclose(weights @ nodes**2, np.ones(n), atol=close)
    assert len(nodes) == 5**n if n <= 3 else len(nodes) < 5**n


def test_pruned_rules_change_an_objective_little():
    """Four effects: against the full tensor product of the same order, by a model with a fourth effect that does nothing."""

    class Four(Model):
        a = Theta(0.4)
        b = Theta(-0.3)
        A = Normal(a, iiv=1.5)
        B = Normal(b, iiv=0.6)
        both = Block(A, B, correlation=0.4)
        u = Eta(0.5)
        v = Eta(0.5)
        DV = Observation(Bernoulli(expit(A + B * T + 1e-9 * u + 1e-9 * v)))

    four, two = (popmix.evaluate(model, yes_and_no(), popmix.AGQ(order=9)).ofv for model in (Four, Logistic))
    assert four == pytest.approx(two, abs=1e-3)


def test_too_many_nodes_are_refused():
    with pytest.raises(SupportError, match=r"needs 25\^4 nodes: take a lower order, or Laplace"):
        Quadrature(25).grid(4)
    with pytest.raises(OptionError, match="order must be a whole number from 1 to 100"):
        popmix.AGQ(order=0)


class Mixed(Model):
    """Two groups of yes-or-no outcomes."""

    share = Theta(0.3, lower=0, upper=1)
    a = Theta(0.4)
    group = Mixture(share, 1 - share)
    A = Normal(where(group == 1, a, a - 2), iiv=0.8)
    DV = Observation(Bernoulli(expit(A)))


def test_a_mixture_is_the_sum_over_its_groups():
    class Alone(Model):
        a = Theta(0.4)
        A = Normal(a, iiv=0.8)
        DV = Observation(Bernoulli(expit(A)))

    data = yes_and_no()
    found = popmix.evaluate(Mixed, data, popmix.Laplace())
    one, two = (popmix.evaluate(Alone, data, popmix.Laplace(), at={"a": a}).individuals_table["OFV"] for a in (0.4, -1.6))
    parts = np.array([0.3 * np.exp(-one / 2), 0.7 * np.exp(-two / 2)])
    np.testing.assert_allclose(found.individuals_table["OFV"], -2 * np.log(parts.sum(axis=0)), rtol=1e-12)
    np.testing.assert_allclose(found.individuals_table["P_group_1"], parts[0] / parts.sum(axis=0), rtol=1e-11)
    assert np.array_equal(found.individuals_table["group"], 1 + (parts[1] > parts[0]))


def test_a_mixture_of_equal_groups_is_one_group():
    class Mixed(Model):
        share = Theta(0.3, lower=0, upper=1)
        a = Theta(0.4)
        group = Mixture(share, 1 - share)
        A = Normal(where(group == 1, a, a), iiv=0.8)
        DV = Observation(Bernoulli(expit(A + 0 * share)))

    class Alone(Model):
        a = Theta(0.4)
        A = Normal(a, iiv=0.8)
        DV = Observation(Bernoulli(expit(A)))

    one, two = (popmix.evaluate(model, yes_and_no(), popmix.AGQ(order=7)).ofv for model in (Mixed, Alone))
    assert one == pytest.approx(two, rel=1e-12)


def test_shares_that_are_no_probabilities_are_refused():
    class Mixed(Model):
        W = Covariate()
        share = Theta(0.3, lower=0, upper=1)
        a = Theta(0.4)
        group = Mixture(share * W, 1 - share)
        A = Normal(where(group == 1, a, a - 2), iiv=0.8)
        DV = Observation(Bernoulli(expit(A)))

    with pytest.raises(FitError, match=r"add up to 1, .*: they are 0.6, 0.7 .subject 1 and 3 more"):
        popmix.fit(Mixed, yes_and_no().with_columns(W=2.0))
