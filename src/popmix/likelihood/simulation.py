"""Simulation of the random effects of every subject from their conditional distribution, by the Markov chains of `popmix.engine.saem`."""

import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np

from popmix.engine.bundle import Bundle
from popmix.engine.saem import Chains, Moves, move_chains, new_chains, new_tools, report_chains
from popmix.likelihood.problem import Problem

# a call that takes less is not worth sharing between threads; one that takes longer than the other is cut, so that it can be interrupted
_WORTH_SHARING, _LONGEST_CALL = 4e-4, 0.1


class Simulation:
    """Chains of the subjects at `subjects` (positions), to be moved one iteration after the other; a context, which ends its threads.

    `chains` holds their state for all subjects. Neither the number of threads nor the split of the work changes a number.
    """

    def __init__(self, problem: Problem, subjects: np.ndarray, chains: Chains, moves: Moves, threads: int | None) -> None:
        self.problem, self.subjects, self.chains = problem, subjects, chains
        self.threads = min(threads or os.cpu_count() or 1, max(len(subjects), 1))
        self._moves, self._bundle, self._stack = Bundle(moves), Bundle(chains), ExitStack()
        self._pool = None
        self._idle: deque = deque()
        self._seconds = 0.0
        self._parts = [subjects]

    @classmethod
    def of(cls, problem: Problem, subjects: np.ndarray, n_chains: int, n_points: int, omega: np.ndarray, moves: Moves, threads: int | None):
        """Return chains that begin at zero, with the moments of the prior N(0, omega)."""
        n_etas, n_endpoints = problem.code.n_etas, len(problem.code.is_free)
        chains = new_chains(problem.n_subjects, n_chains, n_etas, n_endpoints, n_points, omega)
        return cls(problem, subjects, chains, moves, threads)

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._stack.close()

    def move(
        self,
        iteration: int,
        fixed: np.ndarray,
        precision: np.ndarray,
        root: np.ndarray,
        points: np.ndarray,
        shifts: np.ndarray,
        *,
        gain: float,
        step: float,
    ) -> None:
        """Move all chains by one iteration; arguments as in `move_chains`."""
        given = (iteration, gain, step, np.ascontiguousarray(fixed), precision, root, points, shifts, self._moves)

        def task(subjects: np.ndarray) -> None:
            own = self._lent()
            move_chains(subjects, *given, *own, self._bundle)
            self._idle.append(own)

        started = time.perf_counter()
        if self._pool is None:
            for part in self._parts:
                task(part)
        else:
            for done in [self._pool.submit(task, part) for part in self._parts]:
                done.result()
        self._share(time.perf_counter() - started)

    def reported(self, fixed: np.ndarray) -> np.ndarray:
        """Return the individual parameters [subjects, chains, parameters] at the places of the chains."""
        compiled, shape = self.problem.compiled, self.chains.eta.shape[:2]
        found = np.full((*shape, len(compiled.reported)), np.nan)
        if len(compiled.reported):
            own = self._lent()
            report_chains(self.subjects, np.ascontiguousarray(fixed), compiled.address("reported"), *own[:4], self._bundle, found)
            self._idle.append(own)
        return found

    def _lent(self) -> tuple[Bundle, ...]:
        try:
            return self._idle.pop()
        except IndexError:
            memory = self._stack.enter_context(self.problem._memory())
            return (*memory, Bundle(new_tools(self.problem.code.n_etas, len(self.problem.code.is_free))))

    def _share(self, seconds: float) -> None:
        """Decide from the time of the last iteration how the next one is split; what it is decides no number."""
        if self._pool is None and self.threads > 1 and seconds > _WORTH_SHARING:
            self._pool = ThreadPoolExecutor(self.threads)
        self._seconds = seconds
        lanes = 1 if self._pool is None else self.threads
        wanted = min(len(self.subjects), lanes * max(1, int(np.ceil(seconds / _LONGEST_CALL))))
        if wanted > len(self._parts) or (wanted < len(self._parts) // 4 and wanted >= lanes):
            self._parts = np.array_split(self.subjects, wanted)
