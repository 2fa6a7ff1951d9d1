"""The outcomes of a problem given random effects, for many draws of these at once: arguments, simulated values, distribution functions."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from popmix.engine.predict import predictions
from popmix.errors import SupportError
from popmix.likelihood.bind import bind
from popmix.likelihood.outcomes.exposed import AS_DECLARED, arguments_of, exposed
from popmix.likelihood.outcomes.families import DISCRETE, Family, Random, Residual, Sequence
from popmix.likelihood.problem import Problem
from popmix.likelihood.threads import on_threads
from popmix.model.declarations import Distribution, Observation
from popmix.model.parameters import Parameters, parameters_of

_SINCE = 5  # the column of a record's times that holds the time since the endpoint's record before it
_PREVIOUS = 4  # and the one that holds its DV
# a task of a thread solves so many subjects at least: a shorter one costs more to hand over than it brings
_LEAST_PER_TASK = 2000


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcomes of a problem given random effects. `showing`: problems whose predictions are the arguments of the outcomes."""

    problem: Problem
    showing: tuple[Problem, ...]

    @classmethod
    def of(cls, problem: Problem) -> "Outcomes":
        """Return the outcomes of a problem; models are compiled again only where an outcome is not Gaussian."""
        own = (problem.model, problem.data, problem.solver, problem.weights)
        models = exposed(own[0])
        return cls(problem, tuple(problem if one is own[0] else bind(one, own[1], solver=own[2], weights=own[3]) for one in models))

    @cached_property
    def endpoint(self) -> np.ndarray:
        """The name of every observation's endpoint."""
        names = np.array([one.lowered.name for one in self.problem.compiled.endpoints], dtype=object)
        return names[self.problem.timeline.endpoint]

    @property
    def names(self) -> tuple[str, ...]:
        """The endpoints that are observed, in the order of the model."""
        observed = set(self.endpoint.tolist())
        return tuple(name for name in self.problem.model.observations if name in observed)

    def family(self, name: str, values: np.ndarray) -> Family | None:
        """Return the kind of an endpoint, at parameters [draws, V]; None for events and free densities, which are not drawn by record."""
        declared = self.problem.model.observations[name]
        if isinstance(declared.prediction, Distribution):
            return DISCRETE.get(declared.prediction.kind)
        residual = _residual(name, declared, self._values(values, name))
        return Family("continuous", residual.draw, residual.below, is_continuous=True)

    def _values(self, values: np.ndarray, name: str) -> np.ndarray | None:
        known = parameters_of(self.problem.model).names
        wanted = f"autocorrelation_{name}"
        return values[:, known.index(wanted)] if wanted in known else None

    def arguments(self, values: np.ndarray, etas: np.ndarray, group: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Return the arguments of the outcomes [arguments, draws, observations]; nan where a subject can't be computed.

        `values` [draws, V] are parameters (one draw stands for all), `etas` [draws, subjects, N], `group` [draws, subjects] latent groups.
        A continuous endpoint has prediction and variance first, events the probability of none since the record before.
        """
        found = []
        for number, problem in enumerate(self.showing):
            f, variance = shown(problem, self._aligned(problem, values), etas, group, threads)
            found += [f, np.sqrt(variance) if number else self._second(variance)]
        return np.stack(found)

    def _second(self, variance: np.ndarray) -> np.ndarray:
        """Return the second argument: a variance of continuous endpoints and events, what was shown as an SD of others."""
        declared = self.problem.model.observations
        is_sd = {
            name: isinstance(one.prediction, Distribution) and one.prediction.kind not in AS_DECLARED for name, one in declared.items()
        }
        with np.errstate(invalid="ignore"):
            return np.where(np.array([is_sd[name] for name in self.endpoint.tolist()], dtype=bool), np.sqrt(variance), variance)

    def _aligned(self, problem: Problem, values: np.ndarray) -> np.ndarray:
        """Return thetas, sigmas and SDs [draws, X] as the engine takes them of another model with the same parameters, or some of them."""
        known, own = parameters_of(self.problem.model).names, parameters_of(problem.model).names
        return np.ascontiguousarray(values[:, [known.index(own[k]) for k in problem.compiled.positions.tolist()]])

    def rows(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield every endpoint with the positions of its observations."""
        for name in self.names:
            yield name, np.flatnonzero(self.endpoint == name)

    def chosen(self, name: str, arguments: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the arguments of one endpoint [arguments, draws, records]."""
        declared = self.problem.model.observations[name]
        n = 2 if not isinstance(declared.prediction, Distribution) else 0
        return arguments[: max(len(arguments_of(declared)), n)][:, :, rows]

    def sequence(self, rows: np.ndarray) -> Sequence:
        """Return how the records of one endpoint follow each other."""
        timeline, subject = self.problem.timeline, self.problem.data.subject
        records = timeline.observed_row[rows]
        since = timeline.times[records, _SINCE]
        starts = np.concatenate([[True], np.diff(subject[records]) != 0]) if len(rows) else np.zeros(0, dtype=bool)
        return Sequence(starts | (since < 0), since)

    def previous(self, rows: np.ndarray) -> np.ndarray:
        """Return the DV of the endpoint's record before each, -1 where there is none."""
        return self.problem.timeline.times[self.problem.timeline.observed_row[rows], _PREVIOUS]

    @property
    def are_continuous(self) -> bool:
        """Whether all endpoints that are observed are continuous."""
        return not any(isinstance(self.problem.model.observations[name].prediction, Distribution) for name in self.names)

    def generators(self, seed: tuple[int, ...]) -> list[Random]:
        """Return the random numbers of each endpoint that is observed."""
        return [np.random.default_rng((*seed, index)) for index in range(len(self.names))]

    def drawn(self, values: np.ndarray, arguments: np.ndarray, generators: list[Random]) -> np.ndarray:
        """Draw DV [draws, observations]; nan for events. Raises SupportError for a LogLikelihood, which tells no way to draw from it."""
        self.refuse_free()
        found = np.full(arguments.shape[1:], np.nan)
        for (name, rows), random in zip(self.rows(), generators, strict=True):
            family = self.family(name, values)
            if family is None:
                continue
            own = self.chosen(name, arguments, rows)
            usable = np.all(np.isfinite(own), axis=(0, 2))
            if np.any(usable):
                # all draws are made even where some can't be computed, so that these change no other number
                told = family.draw(np.where(usable[:, None], own, own[:, np.flatnonzero(usable)[:1]]), random, self.sequence(rows))
                found[:, rows] = np.where(usable[:, None], told, np.nan)
        return found

    def event_densities(
        self, values: np.ndarray, etas: np.ndarray, group: np.ndarray | None = None, threads: int | None = None
    ) -> np.ndarray:
        """Return log densities of the records [draws, observations] of events as the likelihood has them; nan for continuous endpoints."""
        problem = self.problem
        f, _ = shown(problem, self._aligned(problem, values), etas, group, threads, likelihood=True)
        is_free = np.array([one.is_free for one in problem.compiled.endpoints])[problem.timeline.endpoint]
        return np.where(is_free, -f, np.nan)

    def refuse_free(self) -> None:
        """Raise SupportError where an outcome can't be drawn."""
        for name, declared in self.problem.model.observations.items():
            if isinstance(declared.prediction, Distribution) and declared.prediction.kind == "LogLikelihood":
                raise SupportError(
                    f"{name} is a LogLikelihood, a formula that says nothing of how values come about: it can't be simulated, so VPC and "
                    "NPDE don't exist for it. Write it as one of the outcomes (Poisson, Ordinal, TimeToEvent, ...) where it is one."
                )


def _residual(name: str, declared: Observation, correlation: np.ndarray | None) -> Residual:
    scale = "log" if declared.log_additive is not None else "box_cox" if declared.box_cox is not None else "plain"
    return Residual(scale, declared.student is not None, declared.censoring == "M4", correlation)


def shown(
    problem: Problem,
    fixed: np.ndarray,
    etas: np.ndarray,
    group: np.ndarray | None = None,
    threads: int | None = None,
    *,
    likelihood: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what tables show, mean and variance [draws, observations], at thetas and sigmas [draws or 1, X], etas [draws, subjects, N].

    With `likelihood` the two outputs of the likelihood instead. The number of threads changes no number.
    """
    n_draws = len(etas)
    f, variance = (np.full((n_draws, problem.n_observations), np.nan) for _ in range(2))
    subjects, reported = np.arange(problem.n_subjects), problem.compiled.address("reported")
    slopes, phi, status = np.zeros((0, problem.code.n_etas)), np.zeros((0, 0)), np.zeros(problem.n_subjects, dtype=np.int64)

    def task(draws: np.ndarray) -> None:
        for draw in draws.tolist():
            own = fixed[draw] if len(fixed) > 1 else fixed[0]
            with problem.lent(0 if group is None else group[draw], shown=not likelihood) as memory:
                codes = status.copy()
                predictions(0, subjects, own, etas[draw], reported, *memory, f[draw], variance[draw], slopes, codes, phi)

    workers = min(threads or os.cpu_count() or 1, max(1, n_draws * problem.n_subjects // _LEAST_PER_TASK))
    on_threads(task, np.array_split(np.arange(n_draws), 4 * workers if workers > 1 else 1), workers)
    return f, variance


def random_effects(
    problem: Problem, parameters: Parameters, values: np.ndarray, n_draws: int, seed: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Draw random effects [draws, subjects, N] from N(0, omega) and latent groups [draws, subjects] (None: there is one).

    `values` [draws or 1, V]: parameters of every draw. Subjects of one group of a level above them share its effects.
    """
    random = np.random.default_rng((*seed, 0))
    n_subjects, n_etas = problem.n_subjects, problem.code.n_etas
    noise = random.standard_normal((n_draws, n_subjects, n_etas))
    roots = np.stack([_root(problem.omega(parameters.unchecked(one))) for one in values])
    etas = np.einsum("dij,dsj->dsi", roots, noise) if len(roots) > 1 else noise @ roots[0].T
    for level in problem.groupings.above:
        own = np.flatnonzero(problem.effects.level == level.name)
        first = np.unique(level.group, return_index=True)[1]
        etas[:, :, own] = etas[:, first[level.group]][:, :, own]
    return np.ascontiguousarray(etas), _groups(problem, parameters, values, n_draws, seed)


def _root(omega: np.ndarray) -> np.ndarray:
    """Return the Cholesky root of omega, whose vanished variances have no effect."""
    alive = np.diag(omega) > 0
    root = np.zeros_like(omega)
    root[np.ix_(alive, alive)] = np.linalg.cholesky(omega[np.ix_(alive, alive)])
    return root


def _groups(problem: Problem, parameters: Parameters, values: np.ndarray, n_draws: int, seed: tuple[int, ...]) -> np.ndarray | None:
    if problem.n_groups == 1:
        return None
    shares = np.stack([problem.shares(parameters.unchecked(one)).values for one in values])
    uniform = np.random.default_rng((*seed, 1)).random((n_draws, problem.n_subjects))
    return np.sum(uniform[:, :, None] >= np.cumsum(shares, axis=2)[:, :, :-1], axis=2)


__all__ = ["Outcomes", "Random", "random_effects", "shown"]
