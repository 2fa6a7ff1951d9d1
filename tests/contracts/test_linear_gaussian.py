"""On a linear Gaussian model the FOCE approximation is exact: objective, gradient, information, and textbook estimates."""

import numpy as np
import pytest
from closed_form import linear_gaussian, slope_by_covariance
from shared_models import every_method
from worlds import frame

import popmix
from popmix import *
from popmix.estimate.objective import natural_information, natural_scores
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of


class Lines(Model):
    """Random intercept and slope, correlated, and a covariate."""

    DOSE = Covariate()
    tvA = Theta(1.5)
    tvB = Theta(-0.4)
    effect = Theta(0.3)
    A = Normal(tvA + effect * DOSE, iiv=0.9)
    B = Normal(tvB, iiv=0.5)
    omega = Block(A, B, correlation=-0.35)
    DV = Observation(A + B * T, additive=0.6)


class Means(Model):
    """One-way analysis of variance with random groups."""

    mu = Theta(4.0)
    M = Normal(mu, iiv=1.5)
    DV = Observation(M, additive=0.7)


def simulated() -> tuple:
    rng = np.random.default_rng(3)
    rows, y, x, z = [], [], [], []
    for subject in range(1, 16):
        times = np.sort(np.round(rng.uniform(0, 4, 1 + subject % 5), 2))
        dose = float(subject % 3)
        effects = rng.multivariate_normal([0, 0], [[1.0, -0.2], [-0.2, 0.3]])
        dv = 2.0 + 0.2 * dose + effects[0] + (effects[1] - 0.5) * times + 0.5 * rng.normal(size=len(times))
        rows += [{"ID": subject, "TIME": float(t), "DV": float(v), "DOSE": dose} for t, v in zip(times, dv, strict=True)]
        ones = np.ones_like(times)
        y.append(dv)
        x.append(np.column_stack([ones, times, dose * ones]))
        z.append(np.column_stack([ones, times]))
    return frame(rows), y, x, z


def omega_and_slopes(p: dict[str, float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    a, b, r = p["iiv_A"], p["iiv_B"], p["corr_A_B"]
    slopes = {
        "iiv_A": np.array([[2 * a, r * b], [r * b, 0]]),
        "iiv_B": np.array([[0, r * a], [r * a, 2 * b]]),
        "corr_A_B": np.array([[0, a * b], [a * b, 0]]),
    }
    return np.array([[a * a, r * a * b], [r * a * b, b * b]]), slopes


def changes_of_covariance(p: dict[str, float], effects: np.ndarray) -> dict[str, np.ndarray]:
    """Return the derivatives of V = Z omega Z' + s2 I by the SDs and the correlation."""
    changes = {name: effects @ slope @ effects.T for name, slope in omega_and_slopes(p)[1].items()}
    return changes | {"additive_DV": 2 * p["additive_DV"] * np.eye(len(effects))}


@every_method
def test_the_objective_and_its_gradient(method):
    data, y, x, z = simulated()
    problem, parameters = bind(Lines, data), parameters_of(Lines)
    p = parameters.as_dict()
    found = problem.foce(parameters, interaction=method.interaction, globally=True)
    beta = np.array([p["tvA"], p["tvB"], p["effect"]])
    objective, pieces = linear_gaussian(y, x, z, beta, omega_and_slopes(p)[0], p["additive_DV"] ** 2)
    assert found.individual == pytest.approx(objective, rel=1e-11, abs=1e-11)
    scores = natural_scores(problem, found)
    for subject, (residual, covariance) in enumerate(pieces):
        by_beta = -2 * x[subject].T @ np.linalg.solve(covariance, residual)
        assert scores[subject, :3] == pytest.approx(by_beta, rel=1e-9, abs=1e-9)
        for name, change in changes_of_covariance(p, z[subject]).items():
            expected = slope_by_covariance(residual, covariance, change)
            assert scores[subject, parameters.index(name)] == pytest.approx(expected, rel=1e-9, abs=1e-9), name


@every_method
def test_the_mode_is_the_posterior_mean(method):
    data, y, x, z = simulated()
    p = parameters_of(Lines).as_dict()
    found = popmix.evaluate(Lines, data, method)
    omega, beta = omega_and_slopes(p)[0], np.array([p["tvA"], p["tvB"], p["effect"]])
    _, pieces = linear_gaussian(y, x, z, beta, omega, p["additive_DV"] ** 2)
    means = np.array([omega @ effects.T @ np.linalg.solve(v, r) for effects, (r, v) in zip(z, pieces, strict=True)])
    own = np.column_stack([found.individuals_table["eta_A"], found.individuals_table["eta_B"]])
    assert own == pytest.approx(means, rel=1e-9, abs=1e-9)


@every_method
def test_weighted_residuals_are_whitened_residuals(method):
    """In a linear model WRES and CWRES are both V^-1/2 (y - X b), with the symmetric root."""
    data, y, x, z = simulated()
    p = parameters_of(Lines).as_dict()
    found = popmix.evaluate(Lines, data, method).predictions_table
    _, pieces = linear_gaussian(y, x, z, np.array([p["tvA"], p["tvB"], p["effect"]]), omega_and_slopes(p)[0], p["additive_DV"] ** 2)
    whitened = []
    for residual, covariance in pieces:
        values, vectors = np.linalg.eigh(covariance)
        whitened.append(vectors @ np.diag(values**-0.5) @ vectors.T @ residual)
    for name in ("WRES", "CWRES"):
        assert found[name] == pytest.approx(np.concatenate(whitened), rel=1e-8, abs=1e-8)


@every_method
def test_the_expected_information(method):
    """For -2 log L: 2 X' V^-1 X for the fixed effects, tr(V^-1 V_a V^-1 V_b) for the variances, nothing between them."""
    data, _, x, z = simulated()
    problem, parameters = bind(Lines, data), parameters_of(Lines)
    p, names = parameters.as_dict(), ("additive_DV", "iiv_A", "iiv_B", "corr_A_B")
    evaluation = problem.foce(parameters, interaction=method.interaction, globally=True)
    own = natural_information(problem, parameters, problem.information(evaluation, method.rule))
    expected = np.zeros_like(own)
    positions = [parameters.index(name) for name in names]
    omega = omega_and_slopes(p)[0]
    for design, effects in zip(x, z, strict=True):
        inverse = np.linalg.inv(effects @ omega @ effects.T + p["additive_DV"] ** 2 * np.eye(len(effects)))
        expected[:3, :3] += 2 * design.T @ inverse @ design
        changes = changes_of_covariance(p, effects)
        for a, row in zip(names, positions, strict=True):
            for b, column in zip(names, positions, strict=True):
                expected[row, column] += np.trace(inverse @ changes[a] @ inverse @ changes[b])
    assert own == pytest.approx(expected, rel=1e-9, abs=1e-9 * np.max(expected))


@every_method
def test_the_score_has_mean_zero_and_the_information_for_its_variance(method):
    """At the true values: E s = 0, Var s = 2 I (scores of -2 log L); 4000 simulated subjects, bounds of four standard errors."""
    rng = np.random.default_rng(8)
    parameters = parameters_of(Lines)
    p, n = parameters.as_dict(), 4000
    omega = omega_and_slopes(p)[0]
    effects = rng.multivariate_normal([0, 0], omega, n)
    times, dose = np.array([0.0, 1.0, 2.5]), np.arange(n) % 3
    means = p["tvA"] + p["effect"] * dose + effects[:, 0]
    dv = means[:, None] + (p["tvB"] + effects[:, 1:]) * times + p["additive_DV"] * rng.normal(size=(n, 3))
    columns = {"ID": np.repeat(np.arange(n), 3), "TIME": np.tile(times, n), "DV": dv.ravel(), "DOSE": np.repeat(dose, 3)}
    problem = bind(Lines, popmix.Table(columns).to_polars())
    evaluation = problem.foce(parameters, interaction=method.interaction)
    scores = natural_scores(problem, evaluation)
    information = natural_information(problem, parameters, problem.information(evaluation, method.rule))
    spread = np.sqrt(2 * np.diag(information))
    assert np.all(np.abs(scores.sum(axis=0)) < 4 * spread)
    correlation = (scores.T @ scores) / np.outer(spread, spread)
    # no tail is longer than that of a chi square of one degree about its mean, whose square has a mean of 2 and an SD of sqrt(60 - 4)
    assert np.all(np.abs(correlation - 2 * information / np.outer(spread, spread)) < 4 * np.sqrt(14 / n))


@every_method
def test_the_analysis_of_variance(method):
    """Balanced groups: the maximum likelihood estimates are means of squares."""
    rng = np.random.default_rng(21)
    groups, size = 10, 6
    dv = 5 + 2 * rng.normal(size=(groups, 1)) + rng.normal(size=(groups, size))
    rows = [{"ID": i + 1, "TIME": float(j), "DV": float(dv[i, j])} for i in range(groups) for j in range(size)]
    found = popmix.fit(Means, frame(rows), method)
    within = np.sum((dv - dv.mean(axis=1, keepdims=True)) ** 2) / (groups * (size - 1))
    between = np.mean((dv.mean(axis=1) - dv.mean()) ** 2)
    expected = {"mu": dv.mean(), "additive_DV": np.sqrt(within), "iiv_M": np.sqrt(between - within / size)}
    # a decrement of 1e-6 leaves 1e-3 standard errors, and quadratic convergence less than that
    assert found.parameters.as_dict() == pytest.approx(expected, rel=2e-4)
    v = within * np.eye(size) + (between - within / size)
    objective = groups * np.linalg.slogdet(v)[1] + sum(r @ np.linalg.solve(v, r) for r in dv - dv.mean())
    assert found.ofv == pytest.approx(objective, abs=1e-6)


@every_method
def test_variability_that_is_not_there_goes_to_zero_with_a_message(method):
    """Groups more alike than chance: the maximum lies at iiv = 0, and its objective is that of plain least squares."""
    dv = np.array([[1.0, 3.0, 2.0], [2.1, 1.0, 3.0], [3.0, 2.0, 1.05]])
    rows = [{"ID": i + 1, "TIME": float(j), "DV": float(dv[i, j])} for i in range(3) for j in range(3)]
    found = popmix.fit(Means, frame(rows), method)
    assert found.parameters["iiv_M"] < 1e-3 * found.parameters["additive_DV"]
    assert any("iiv_M went to zero" in message for message in found.messages)
    assert found.ofv == pytest.approx(dv.size * (np.log(dv.var()) + 1), abs=1e-5)
