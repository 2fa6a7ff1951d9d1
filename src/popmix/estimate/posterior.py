"""Posterior: the draws of a sampler, with what they say about their own worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from popmix.data import EventTable
from popmix.engine.bundle import Bundle
from popmix.engine.population import Plan, new_space
from popmix.engine.posterior import unravel
from popmix.estimate import pointwise, posterior_summary
from popmix.estimate.chains import Chain, optional
from popmix.estimate.finishing import Clock, versions_of
from popmix.likelihood import Problem
from popmix.likelihood.units import numbered_names
from popmix.model.model import Model
from popmix.model.parameters import Parameters
from popmix.table import Table


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """Draws of population parameters and random effects from their posterior.

    `draws`: [chains, draws] by name, of the parameters that are not fixed, on the natural scale; `effects` [chains, draws, subjects,
    effects]: the random effects, called `effect_names`, of the subjects with a weight, `subjects` their identifiers. `statistics`
    [chains, draws] of the sampler. `centred` [subjects, effects]: the coordinates it used. `mode`: the estimates that the chains started
    from. `timing`: seconds by phase.
    """

    problem: Problem
    method: Any
    draws: dict[str, np.ndarray]
    effects: np.ndarray
    effect_names: tuple[str, ...]
    subjects: tuple[str, ...]
    statistics: dict[str, np.ndarray]
    centred: np.ndarray
    mode: Parameters
    seed: int
    timing: dict[str, float]
    versions: dict[str, str]

    @property
    def model(self) -> Model:
        """The model."""
        return self.problem.model

    @property
    def data(self) -> EventTable:
        """The data."""
        return self.problem.data

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return len(self.effects)

    @property
    def n_draws(self) -> int:
        """Number of draws of each chain."""
        return self.effects.shape[1]

    @property
    def n_divergences(self) -> int:
        """Number of draws whose trajectory diverged."""
        return int(np.sum(self.statistics["diverging"]))

    @property
    def parameters(self) -> Parameters:
        """The posterior means, and the values of fixed parameters."""
        return self.mode.with_values({name: float(np.mean(values)) for name, values in self.draws.items()})

    def parameter_draws(self, n: int, seed: int = 1) -> np.ndarray:
        """Return n draws [n, V] of all parameters, taken from those of all chains (without repetition while there are enough)."""
        known = self.values()
        return known[np.random.default_rng(seed).choice(len(known), n, replace=n > len(known))]

    def values(self) -> np.ndarray:
        """Return all parameters of every draw, fixed ones included, [chains * draws, parameters]."""
        found = np.tile(self.mode.values, (self.n_chains * self.n_draws, 1))
        for name, values in self.draws.items():
            found[:, self.mode.index(name)] = values.ravel()
        return found

    def summary(self) -> Table:
        """Return one row per parameter: mean, SD, 5% and 95% quantiles, R-hat, effective numbers of draws. Needs ArviZ (popmix[bayes])."""
        arviz = optional("arviz", "for R-hat and effective numbers of draws")
        rows = {name: _described(arviz, values) for name, values in self.draws.items()}
        columns = ("mean", "sd", "q5", "q95", "rhat", "ess_bulk", "ess_tail")
        names = np.array(list(rows), dtype=object)
        return Table({"name": names} | {column: np.array([row[k] for row in rows.values()]) for k, column in enumerate(columns)})

    def log_likelihood(self) -> np.ndarray:
        """Return the log density of every observation given its subject's effects, [chains, draws, observations]."""
        found = pointwise.log_likelihood(self.problem, self.values(), self._stacked())
        return found.reshape(self.n_chains, self.n_draws, -1)

    def predictive(self) -> np.ndarray | None:
        """Return a simulated observation for every draw and record, [chains, draws, observations]; None for events and LogLikelihood."""
        found = pointwise.predictive(self.problem, self.values(), self._stacked(), self.seed)
        return None if found is None else found.reshape(self.n_chains, self.n_draws, -1)

    def loo(self, by: str = "observation", *, draws: int = 1000) -> Any:
        """Return the expected log predictive density of what is left out, by Pareto-smoothed importance sampling (ArviZ's ELPDData).

        by="observation": of one observation, given the subject's others; by="subject": of a whole subject, with its random effects
        integrated out by Laplace's approximation at `draws` of the draws. Needs ArviZ (popmix[bayes]).
        Source: Vehtari, Gelman and Gabry (Stat Comput 27:1413, 2017). Raises OptionError for another `by`.
        """
        return pointwise.loo(self, by, draws)

    def to_arviz(self) -> Any:
        """Return ArviZ InferenceData: posterior (with `eta` by subject), sample_stats, log_likelihood, posterior_predictive, observed_data.

        posterior_predictive is left out for events and LogLikelihood. Needs ArviZ (popmix[bayes]).
        """
        return pointwise.to_arviz(self)

    def _stacked(self) -> np.ndarray:
        return np.ascontiguousarray(self.effects.reshape(-1, *self.effects.shape[2:]))

    def __repr__(self) -> str:
        return posterior_summary.as_text(self)


def _described(arviz: Any, values: np.ndarray) -> tuple[float, ...]:
    low, high = np.quantile(values, (0.05, 0.95))
    moments = float(np.mean(values)), float(np.std(values, ddof=1)), float(low), float(high)
    return (*moments, float(arviz.rhat(values)), float(arviz.ess(values, method="bulk")), float(arviz.ess(values, method="tail")))


def posterior_of(problem: Problem, method: Any, plan: Plan, mode: Parameters, chains: list[Chain], seed: int, clock: Clock) -> Posterior:
    """Return the posterior that chains make: their positions as parameters and effects."""
    position = np.concatenate([chain.position for chain in chains])
    values, etas = np.zeros((len(position), len(mode))), np.zeros((len(position), *plan.centred.shape))
    unravel(position, Bundle(plan), Bundle(new_space(plan, problem.code.n_fixed, problem.code.n_directions)), values, etas)
    shape = len(chains), len(chains[0].position)
    draws = {mode.names[k]: values[:, k].reshape(shape) for k in np.flatnonzero(~mode.fixed)}
    statistics = {name: np.stack([chain.statistics[name] for chain in chains]) for name in chains[0].statistics}
    subjects = tuple(str(problem.data.ids[k]) for k in plan.subjects)
    clock.lap("draws")
    return Posterior(
        problem, method, draws, etas.reshape(*shape, *etas.shape[1:]), numbered_names(problem, mode.eta_names), subjects, statistics,
        plan.centred.astype(bool), mode, seed, dict(clock.laps), versions_of("nutpie", "arviz"),
    )  # fmt: skip
