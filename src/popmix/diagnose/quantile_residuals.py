"""Randomised quantile residuals of outcomes that have no density, or are censored: counts, categories, events.

With F the distribution function of a record given its random effects, and weights w_k of K draws of these from N(0, omega),

    u_j ~ U(a_j, b_j),   a_j = sum_k w_k F_k(y_j -),   b_j = sum_k w_k F_k(y_j),    r_j = Phi^-1(u_j)

npd takes w_k = 1 / K, the population's distribution of every record. npde takes w_k proportional to the likelihood of the subject's records
before j (of the same endpoint): the distribution of a record given those before it, whose u are independent and uniform under the model
(Rosenblatt). An event at its time has u = 1 - S, one that has not happened u ~ U(1 - S, 1), S the probability of none since the record
before. Sources: Dunn and Smyth (J Comput Graph Stat 5:236, 1996); Rosenblatt (Ann Math Stat 23:470, 1952).
"""

from dataclasses import dataclass

import numpy as np
import scipy

from popmix.likelihood import Problem
from popmix.likelihood.outcomes import Outcomes
from popmix.model.declarations import Distribution
from popmix.simulate import Replicates

_LEAST = 1e-12  # u stays this far from 0 and 1, where Phi^-1 is infinite


@dataclass(frozen=True, eq=False)
class QuantileResiduals:
    """npde (given the records before) and npd (population) of the records at `rows` (positions among the observations)."""

    rows: np.ndarray
    npde: np.ndarray
    npd: np.ndarray


def quantile_residuals(simulated: Replicates, name: str, rows: np.ndarray, seed: int, threads: int | None = None) -> QuantileResiduals:
    """Return the residuals of an endpoint that is not continuous, with the draws of effects of simulated data."""
    low, high, log_density = _given_effects(simulated, name, rows, threads)
    uniform = np.random.default_rng((seed, *map(ord, name))).random(len(rows))
    problem = simulated.problem
    subject = problem.data.subject[problem.timeline.observed_row[rows]]
    before = _before(log_density, subject)
    weights = np.exp(before - before.max(axis=0))
    weights /= weights.sum(axis=0)
    npde = _normal(np.sum(weights * low, axis=0), np.sum(weights * high, axis=0), uniform)
    return QuantileResiduals(rows, npde, _normal(low.mean(axis=0), high.mean(axis=0), uniform))


def effective_share(simulated: Replicates, name: str, rows: np.ndarray, threads: int | None = None) -> float:
    """Return the smallest share of the draws that count in a weighted mean of npde: 1 / (K sum w^2)."""
    _, _, log_density = _given_effects(simulated, name, rows, threads)
    problem = simulated.problem
    before = _before(log_density, problem.data.subject[problem.timeline.observed_row[rows]])
    weights = np.exp(before - before.max(axis=0))
    return float(np.min(np.sum(weights, axis=0) ** 2 / np.sum(weights**2, axis=0)) / len(weights))


def _normal(low: np.ndarray, high: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    return scipy.special.ndtri(np.clip(low + (high - low) * uniform, _LEAST, 1.0 - _LEAST))


def _before(log_density: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Return the log likelihood [draws, records] of the records of the same subject before each."""
    total = np.concatenate([np.zeros((len(log_density), 1)), np.cumsum(log_density, axis=1)], axis=1)
    first = np.searchsorted(subject, subject)
    return total[:, :-1] - total[:, first]


def _given_effects(simulated: Replicates, name: str, rows: np.ndarray, threads: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return P(DV < y), P(DV <= y) and log p(y) [draws, records] given the effects of every draw."""
    outcomes, problem = simulated.outcomes, simulated.problem
    y = problem.timeline.times[problem.timeline.observed_row[rows], 2]
    declared = problem.model.observations[name].prediction
    if isinstance(declared, Distribution) and declared.kind == "TimeToEvent":
        return _events(outcomes, simulated, rows, y, is_interval=declared.arguments.get("interval") is not None, threads=threads)
    family = outcomes.family(name, simulated.values)
    low, high = family.below(y, outcomes.chosen(name, simulated.arguments, rows), outcomes.previous(rows))
    with np.errstate(divide="ignore"):
        return low, high, np.log(np.maximum(high - low, 1e-300))


def _events(
    outcomes: Outcomes, simulated: Replicates, rows: np.ndarray, y: np.ndarray, *, is_interval: bool, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    none = simulated.arguments[0][:, rows]
    happened = y == 1
    low = np.where(happened & is_interval, 0.0, 1.0 - none)
    high = np.where(happened, 1.0 - none, 1.0)
    log_density = outcomes.event_densities(simulated.values, simulated.etas, simulated.group, threads)[:, rows]
    return low, high, np.maximum(np.nan_to_num(log_density, nan=-700.0), -700.0)


def is_continuous(problem: Problem, name: str) -> bool:
    """Whether an endpoint has a density on the scale of DV that tells how it is simulated."""
    return not isinstance(problem.model.observations[name].prediction, Distribution)
