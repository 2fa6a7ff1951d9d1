"""A problem: a compiled model bound to a population, and its marginal likelihoods."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from popmix.compiler.build import CompiledModel
from popmix.compiler.lowered import Circumstances
from popmix.data import EventTable
from popmix.engine.bundle import Bundle
from popmix.engine.code import Code
from popmix.engine.curvature import curvatures
from popmix.engine.density import new_density
from popmix.engine.events import Timeline
from popmix.engine.foce import Marginal, new_marginal
from popmix.engine.information import Information, informations, new_information, new_stack
from popmix.engine.link import showing_code
from popmix.engine.members import Members, members, new_members, trace_members
from popmix.engine.mode import new_prior, precision_of
from popmix.engine.predict import Predictions, arrivals, new_predictions, predictions
from popmix.engine.work import new_work
from popmix.errors import Status
from popmix.likelihood.candidates import candidates
from popmix.likelihood.effects import Effects
from popmix.likelihood.grouped import Groups, tree_of
from popmix.likelihood.groupings import Groupings
from popmix.likelihood.mixture import Shares, mixed, shares_of
from popmix.likelihood.rules import Conditional, Rule
from popmix.likelihood.solver import Solver
from popmix.likelihood.threads import on_threads
from popmix.model.model import Model
from popmix.model.parameters import Parameters

# below this many subjects a second thread costs more than it brings
_SUBJECTS_PER_THREAD = 8
_CHUNKS_PER_THREAD = 4
# a compiled call can't be interrupted, so it never takes more subjects than this; values alone are computed ten times faster
_MOST_PER_CALL = 100
_MOST_VALUES_PER_CALL = 1000


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The objective at given parameters: per subject (`marginal`), constants of the data included in `ofv`; nan where one failed.

    `groups`: the same for each latent group (one without a Mixture); `membership` [subjects, groups]: the probabilities of the groups.
    `prior`: what the priors of parameters add to the objective where a method counts them; `ofv` is without it.
    """

    parameters: Parameters
    marginal: Marginal
    ofv: float
    individual: np.ndarray
    groups: tuple[Marginal, ...]
    membership: np.ndarray
    prior: float = 0.0

    @property
    def group(self) -> np.ndarray:
        """The most probable group of each subject, from 0."""
        return np.argmax(np.nan_to_num(self.membership), axis=1)

    @property
    def failed(self) -> np.ndarray:
        """Positions of subjects whose density could not be evaluated."""
        return np.flatnonzero(self.marginal.status != Status.OK)


@dataclass(frozen=True, eq=False)
class Problem:
    """A compiled model with the arrays of its population; `weights` multiply the objectives of subjects.

    By subject: `constants`, what the objective has beyond the engine, and `n_gaussian`, the number of observations whose log 2 pi it
    leaves out. `groupings` are the levels of the model, `effects` those of a subject; `circumstances` what the data decided about the
    compiled model.
    """

    model: Model
    data: EventTable
    compiled: CompiledModel
    code: Code
    timeline: Timeline
    groupings: Groupings
    effects: Effects
    constants: np.ndarray
    n_gaussian: np.ndarray
    weights: np.ndarray
    circumstances: Circumstances
    solver: Solver

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.constants)

    @property
    def n_observations(self) -> int:
        """Number of observations."""
        return len(self.timeline.y)

    def over_subjects(
        self,
        task: Callable[[np.ndarray], None],
        threads: int | None = None,
        *,
        everybody: bool = False,
        most: int = _MOST_PER_CALL,
    ) -> None:
        """Run `task(positions)` for all subjects (with a weight, or `everybody`), at most `most` in one call, on threads.

        The split changes no number.
        """
        active = np.flatnonzero((self.weights > 0) | everybody)
        threads = min(threads or os.cpu_count() or 1, max(1, len(active) // _SUBJECTS_PER_THREAD))
        n_chunks = max(-(-len(active) // most), threads * _CHUNKS_PER_THREAD if threads > 1 else 1)
        chunks = np.array_split(active, n_chunks) if n_chunks > 1 else [active]
        on_threads(task, chunks, threads)

    def foce(self, parameters: Parameters, *, interaction: bool = True, **options: Any) -> Evaluation:
        """Evaluate the FOCE objective and its derivatives; options as in `evaluate`."""
        return self.evaluate(parameters, Conditional(interaction), **options)

    def evaluate(
        self,
        parameters: Parameters,
        rule: Rule,
        *,
        modes: np.ndarray | Sequence[np.ndarray] | None = None,
        globally: bool = False,
        threads: int | None = None,
    ) -> Evaluation:
        """Evaluate an approximation of the marginal likelihood and its derivatives.

        `modes` [subjects, etas], for all latent groups or one for each, starts the mode searches (default: zero); `globally` also searches
        from other places.
        """
        starts = modes if isinstance(modes, (list, tuple)) else [modes] * self.n_groups
        groups = tuple(self._marginal(parameters, rule, start, globally, threads, group) for group, start in enumerate(starts))
        return self.gathered(parameters, groups)

    def gathered(self, parameters: Parameters, groups: tuple[Marginal, ...]) -> Evaluation:
        """Return the objective from what is known of every latent group."""
        marginal, membership = groups[0], np.ones((self.n_subjects, 1))
        if self.n_groups > 1:
            marginal, membership = mixed(groups, self.shares(parameters))
        individual = np.where(marginal.status == Status.OK, marginal.ofv + self.constants, np.nan)
        counted = self.weights > 0
        total = float(np.dot(self.weights[counted], individual[counted]))
        return Evaluation(parameters, marginal, total, individual, groups, membership)

    def _marginal(
        self,
        parameters: Parameters,
        rule: Rule,
        modes: np.ndarray | None,
        globally: bool,
        threads: int | None,
        group: int,
    ) -> Marginal:
        code = self.code
        if self.effects.n_above:
            return self._groups(parameters, rule, threads).marginal(
                np.zeros((self.n_subjects, code.n_etas)) if modes is None else modes.copy()
            )
        result = new_marginal(self.n_subjects, code.n_fixed, code.n_etas)
        if modes is not None:
            result.eta[:] = modes
        omega, fixed = self.omega(parameters), self.fixed(parameters)
        points, found, evaluator = candidates(code.n_etas), Bundle(result), rule.evaluator(code, group)

        def task(subjects: np.ndarray) -> None:
            with self._memory(group) as memory:
                evaluator(subjects, globally, fixed, Bundle(new_prior(omega, points)), memory, found)

        self.over_subjects(task, threads, most=rule.most_per_call(code.n_etas))
        return result

    def _groups(self, parameters: Parameters, rule: Rule, threads: int | None) -> Groups:
        """Return the groups of subjects that share random effects, evaluated by the engine."""
        code, fixed, omega = self.code, self.fixed(parameters), self.omega(parameters)
        is_conditional, frozen = not rule.is_exact, rule.frozen
        tree = tree_of(self.effects.level, self.effects.n_above, {one.name: one.group for one in self.groupings.above})
        precision = np.zeros_like(omega)
        own = slice(0, tree.n_own)
        precision[own, own] = precision_of(omega[own, own])

        def evaluated(order: int, etas: np.ndarray) -> Members:
            result = new_members(self.n_subjects, code.n_fixed, code.n_etas)
            found = Bundle(result)

            def task(subjects: np.ndarray) -> None:
                with self._memory() as memory:
                    members(order, subjects, frozen, fixed, etas, precision, *memory, found)

            self.over_subjects(task, threads, everybody=True)
            return result

        def traced(etas: np.ndarray, weights: np.ndarray, result: Members) -> None:
            found = Bundle(result)

            def task(subjects: np.ndarray) -> None:
                with self._memory() as memory:
                    trace_members(subjects, is_conditional, frozen, fixed, etas, precision, weights, *memory, found)

            self.over_subjects(task, threads, everybody=True)

        return Groups(tree, code.n_fixed, omega, is_conditional, evaluated, traced)

    @property
    def n_groups(self) -> int:
        """Number of latent groups, 1 without a Mixture."""
        return max(1, len(self.compiled.lowered.shares))

    def shares(self, parameters: Parameters) -> Shares:
        """Return the shares of the latent groups by subject."""
        first = self.timeline.first_row
        return shares_of(self.compiled, self.fixed(parameters), self.timeline.at[first], self.timeline.times[first])

    def minus2ll(self, evaluation: Evaluation) -> float:
        """Return -2 log likelihood with all constants: the objective and log 2 pi for every Gaussian observation, by weight."""
        return evaluation.ofv + float(self.weights @ self.n_gaussian) * float(np.log(2 * np.pi))

    def omega(self, parameters: Parameters) -> np.ndarray:
        """Return the variance-covariance matrix of the random effects of a subject."""
        return self.effects.spread(parameters.omega())

    def fixed(self, parameters: Parameters) -> np.ndarray:
        """Return the values of thetas, sigmas, and of SDs that stand in expressions, as the engine takes them."""
        return np.ascontiguousarray(parameters.values[self.compiled.positions])

    @property
    def has_expectation(self) -> bool:
        """Whether every outcome has an expected curvature."""
        return all(one.lowered.has_root for one in self.compiled.endpoints)

    def information(self, evaluation: Evaluation, rule: Rule, *, threads: int | None = None) -> Information:
        """Return the information of every subject at the modes of an evaluation (natural scale, omega as a matrix).

        That of FOCE is the expected one, that of quadrature the exact curvature of the joint density with the modes following.
        """
        parameters = evaluation.parameters
        made = self._observed_information if not self.has_expectation or self.effects.n_above else self._expected_information
        groups = [made(marginal, rule, parameters, threads, group) for group, marginal in enumerate(evaluation.groups)]
        if len(groups) == 1:
            return groups[0]
        parts = (np.stack(part, axis=1) for part in zip(*groups, strict=True))
        return Information(*(np.einsum("ng,ng...->n...", evaluation.membership, part) for part in parts))

    def _expected_information(self, marginal: Marginal, rule: Rule, parameters: Parameters, threads: int | None, group: int) -> Information:
        code, precision, fixed = self.code, precision_of(self.omega(parameters)), self.fixed(parameters)
        result = new_information(self.n_subjects, code.n_fixed, code.n_etas)
        most, found = int(np.max(np.diff(self.timeline.first_observation), initial=1)), Bundle(result)
        etas = np.zeros_like(marginal.eta) if rule.at_zero else marginal.eta

        def task(subjects: np.ndarray) -> None:
            stack = Bundle(new_stack(most, code.n_fixed, code.n_etas))
            with self._memory(group) as memory:
                informations(subjects, rule.frozen, fixed, etas, precision, *memory, stack, found)

        self.over_subjects(task, threads)
        return result

    def _observed_information(self, marginal: Marginal, rule: Rule, parameters: Parameters, threads: int | None, group: int) -> Information:
        precision, fixed = precision_of(self.omega(parameters)), self.fixed(parameters)
        n_fixed, n_unknowns = self.code.n_fixed, self.code.n_fixed + self.code.n_etas
        second = np.zeros((self.n_subjects, n_unknowns, n_unknowns))

        def task(subjects: np.ndarray) -> None:
            with self._memory(group) as memory:
                curvatures(subjects, fixed, marginal.eta, precision, *memory, second)

        self.over_subjects(task, threads)
        # with the modes following: d2l/(dx dz) + d2l/(dx deta) deta/dz; of omega P - P A P, A the conditional covariance of the effects
        crossed = np.einsum("nkx,nkz->nxz", second[:, n_fixed:, :n_fixed], marginal.mode_by_fixed)
        if self.effects.n_above:
            told = self._groups(parameters, rule, threads).information(marginal.eta, marginal.inverse_curvature)
        else:
            told = precision - precision @ marginal.inverse_curvature @ precision
            told[np.diff(self.timeline.first_observation) == 0] = 0.0
        own = 2.0 * (second[:, :n_fixed, :n_fixed] + crossed)
        return Information(own, told, np.zeros((self.n_subjects, n_fixed, *precision.shape)))

    def predictions(
        self,
        parameters: Parameters,
        etas: np.ndarray | None = None,
        *,
        slopes: bool = True,
        likelihood: bool = False,
        group: np.ndarray | None = None,
        threads: int | None = None,
    ) -> Predictions:
        """Return what tables show of outcomes, mean and variance, at `etas` [subjects, etas] (default: zero).

        `group`: the latent group of each subject (default: the first). With `likelihood` the outputs of endpoints as the likelihood has
        them. Values of endpoints with `log_additive` are on the log scale. Without `slopes` only f and variance are computed, which is ten
        times faster.
        """
        code = self.code
        result = new_predictions(self.n_subjects, self.n_observations, code.n_etas, len(self.compiled.reported), slopes)
        etas = np.zeros((self.n_subjects, code.n_etas)) if etas is None else np.ascontiguousarray(etas)
        fixed = self.fixed(parameters)
        reported, order = self.compiled.address("reported"), 1 if slopes else 0

        def task(subjects: np.ndarray) -> None:
            with self._memory(0 if group is None else group, shown=not likelihood) as memory:
                predictions(order, subjects, fixed, etas, reported, *memory, *result)

        self.over_subjects(task, threads, everybody=True, most=_MOST_PER_CALL if slopes else _MOST_VALUES_PER_CALL)
        return result

    def arrivals(
        self, parameters: Parameters, etas: np.ndarray | None = None, *, group: np.ndarray | None = None, threads: int | None = None
    ) -> np.ndarray:
        """Return when every event happens at `etas` [subjects, etas] (default: zero), lags counted; nan where that can't be told."""
        etas = np.zeros((self.n_subjects, self.code.n_etas)) if etas is None else np.ascontiguousarray(etas)
        fixed = self.fixed(parameters)
        if not self.timeline.moving:
            return self.timeline.time.copy()
        arrival = np.full(len(self.timeline.time), np.nan)

        def task(subjects: np.ndarray) -> None:
            with self._memory(0 if group is None else group) as memory:
                arrivals(subjects, fixed, etas, *memory, arrival)

        self.over_subjects(task, threads, everybody=True)
        return arrival

    @cached_property
    def _codes(self) -> tuple[Code, Code]:
        """Codes for the likelihood and for what tables show, one and the same where all outcomes are Gaussian."""
        if self.compiled.shown == self.compiled.endpoints:
            return self.code, self.code
        return self.code, showing_code(self.compiled, self.solver.code, self.code.tolerance)

    @cached_property
    def _codes_as_bundles(self) -> tuple[Bundle, Bundle]:
        """The two codes as the engine takes them."""
        return tuple(Bundle(code) for code in self._codes)

    @cached_property
    def _timelines(self) -> tuple[Bundle, ...]:
        """The timeline as the engine takes it, for every latent group."""
        if self.n_groups == 1:
            return (Bundle(self.timeline),)
        return tuple(Bundle(self._grouped(np.full(self.n_subjects, group))) for group in range(self.n_groups))

    def _grouped(self, group: np.ndarray) -> Timeline:
        """Return the timeline with every subject in a group, in the last column of its covariates."""
        at, between = self.timeline.at.copy(), self.timeline.between.copy()
        at[:, -1] = between[:, -1] = group[self.data.subject]
        return self.timeline._replace(at=at, between=between)

    @cached_property
    def _idle(self) -> tuple[deque[tuple[Bundle, Bundle]], ...]:
        """Working memories that no thread uses now, for each code: compiled functions write only what is not always zero."""
        return deque(), deque()

    def lent(self, group: int = 0, *, shown: bool = False) -> AbstractContextManager[tuple[Bundle, Bundle, Bundle, Bundle]]:
        """Lend code, timeline and the working memory of one thread to a method that calls the engine itself; `shown` for tables."""
        return self._memory(group, shown)

    @contextmanager
    def _memory(self, group: int | np.ndarray = 0, shown: bool = False) -> Iterator[tuple[Bundle, Bundle, Bundle, Bundle]]:
        """Lend code, timeline and the working memory of one thread, as the engine takes them; `shown` for tables.

        `group` is that of all subjects, or of each.
        """
        which = int(shown and self._codes[1] is not self._codes[0])
        code = self._codes[which]
        try:
            own = self._idle[which].pop()
        except IndexError:
            density = new_density(code.n_etas, code.n_fixed + code.n_etas, code.n_directions)
            own = Bundle(new_work(code, self.timeline)), Bundle(density)
        timeline = Bundle(self._grouped(group)) if isinstance(group, np.ndarray) and self.n_groups > 1 else self._timelines[np.max(group)]
        yield self._codes_as_bundles[which], timeline, *own
        self._idle[which].append(own)
