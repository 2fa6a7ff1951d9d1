"""A problem: a compiled model bound to a population, and its marginal likelihoods."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from popmix.compiler.build import CompiledModel
from popmix.data import EventTable
from popmix.engine.bundle import Bundle
from popmix.engine.code import Code
from popmix.engine.density import new_density
from popmix.engine.events import Timeline
from popmix.engine.foce import Marginal, marginals, new_marginal
from popmix.engine.information import Information, informations, new_information, new_stack
from popmix.engine.mode import new_prior, precision_of
from popmix.engine.predict import Predictions, arrivals, new_predictions, predictions
from popmix.engine.work import new_work
from popmix.errors import Status
from popmix.likelihood.candidates import candidates
from popmix.likelihood.solver import Solver
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
    """The objective at given parameters: per subject (`marginal`), constants of the data included in `ofv`; nan where one failed."""

    parameters: Parameters
    marginal: Marginal
    ofv: float
    individual: np.ndarray

    @property
    def failed(self) -> np.ndarray:
        """Positions of subjects whose density could not be evaluated."""
        return np.flatnonzero(self.marginal.status != Status.OK)


@dataclass(frozen=True, eq=False)
class Problem:
    """A compiled model with the arrays of its population; `weights` multiply the objectives of subjects."""

    model: Model
    data: EventTable
    compiled: CompiledModel
    code: Code
    timeline: Timeline
    constants: np.ndarray
    weights: np.ndarray
    varying: tuple[str, ...]
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
        if threads == 1:
            for chunk in chunks:
                task(chunk)
            return
        with ThreadPoolExecutor(threads) as pool:
            waiting = [pool.submit(task, chunk) for chunk in chunks]
            try:
                for done in waiting:
                    done.result()
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise

    def foce(
        self,
        parameters: Parameters,
        *,
        interaction: bool = True,
        modes: np.ndarray | None = None,
        globally: bool = False,
        threads: int | None = None,
    ) -> Evaluation:
        """Evaluate the FOCE objective and its derivatives.

        `modes` [subjects, etas] starts the mode searches (default: zero); `globally` also searches from other places.
        """
        code = self.code
        result = new_marginal(self.n_subjects, code.n_fixed, code.n_etas)
        if modes is not None:
            result.eta[:] = modes
        omega = parameters.omega()
        fixed = np.ascontiguousarray(parameters.values[: code.n_fixed])
        points, found = candidates(code.n_etas), Bundle(result)

        def task(subjects: np.ndarray) -> None:
            prior = Bundle(new_prior(omega, points))
            with self._memory() as memory:
                marginals(subjects, not interaction, globally, fixed, prior, *memory, found)

        self.over_subjects(task, threads)
        individual = np.where(result.status == Status.OK, result.ofv + self.constants, np.nan)
        counted = self.weights > 0
        return Evaluation(parameters, result, float(np.dot(self.weights[counted], individual[counted])), individual)

    def information(self, evaluation: Evaluation, *, interaction: bool = True, threads: int | None = None) -> Information:
        """Return the expected information of every subject at the modes of an evaluation (natural scale, omega as a matrix)."""
        code, parameters = self.code, evaluation.parameters
        result = new_information(self.n_subjects, code.n_fixed, code.n_etas)
        precision = precision_of(parameters.omega())
        fixed = np.ascontiguousarray(parameters.values[: code.n_fixed])
        most, found = int(np.max(np.diff(self.timeline.first_observation), initial=1)), Bundle(result)

        def task(subjects: np.ndarray) -> None:
            stack = Bundle(new_stack(most, code.n_fixed, code.n_etas))
            with self._memory() as memory:
                informations(subjects, not interaction, fixed, evaluation.marginal.eta, precision, *memory, stack, found)

        self.over_subjects(task, threads)
        return result

    def predictions(
        self, parameters: Parameters, etas: np.ndarray | None = None, *, slopes: bool = True, threads: int | None = None
    ) -> Predictions:
        """Return predictions of all subjects at `etas` [subjects, etas] (default: zero), on the scale of each endpoint.

        Without `slopes` only f and variance are computed, which is ten times faster.
        """
        code = self.code
        result = new_predictions(self.n_subjects, self.n_observations, code.n_etas, len(self.compiled.reported), slopes)
        etas = np.zeros((self.n_subjects, code.n_etas)) if etas is None else np.ascontiguousarray(etas)
        fixed = np.ascontiguousarray(parameters.values[: code.n_fixed])
        reported, order = self.compiled.address("reported"), 1 if slopes else 0

        def task(subjects: np.ndarray) -> None:
            with self._memory() as memory:
                predictions(order, subjects, fixed, etas, reported, *memory, *result)

        self.over_subjects(task, threads, everybody=True, most=_MOST_PER_CALL if slopes else _MOST_VALUES_PER_CALL)
        return result

    def arrivals(self, parameters: Parameters, etas: np.ndarray | None = None, *, threads: int | None = None) -> np.ndarray:
        """Return when every event happens at `etas` [subjects, etas] (default: zero), lags counted; nan where that can't be told."""
        etas = np.zeros((self.n_subjects, self.code.n_etas)) if etas is None else np.ascontiguousarray(etas)
        fixed = np.ascontiguousarray(parameters.values[: self.code.n_fixed])
        if not self.timeline.moving:
            return self.timeline.time.copy()
        arrival = np.full(len(self.timeline.time), np.nan)

        def task(subjects: np.ndarray) -> None:
            with self._memory() as memory:
                arrivals(subjects, fixed, etas, *memory, arrival)

        self.over_subjects(task, threads, everybody=True)
        return arrival

    @cached_property
    def _fixtures(self) -> tuple[Bundle, Bundle]:
        """Code and timeline as the engine takes them."""
        return Bundle(self.code), Bundle(self.timeline)

    @cached_property
    def _idle(self) -> deque[tuple[Bundle, Bundle]]:
        """Working memories that no thread uses now."""
        return deque()

    @contextmanager
    def _memory(self) -> Iterator[tuple[Bundle, Bundle, Bundle, Bundle]]:
        """Lend code, timeline and the working memory of one thread, as the engine takes them."""
        code = self.code
        try:
            own = self._idle.pop()
        except IndexError:
            density = new_density(code.n_etas, code.n_fixed + code.n_etas, code.n_directions)
            own = Bundle(new_work(code, self.timeline)), Bundle(density)
        yield *self._fixtures, *own
        self._idle.append(own)
