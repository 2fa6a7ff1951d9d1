"""Replicates of a population: the same subjects, doses, times and covariates with outcomes as a model makes them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from popmix.errors import OptionError
from popmix.likelihood import Problem
from popmix.likelihood.outcomes import Outcomes, random_effects
from popmix.model.parameters import Parameters

_BLOCK = 4_000_000  # numbers held at once
_OUTCOMES = 2  # the stream of random numbers behind those of effects and of latent groups


@dataclass(frozen=True, eq=False)
class Replicates:
    """Simulated data of a problem. `dv` [replicates, observations], nan for events and where a subject can't be computed.

    `values` [replicates or 1, V]: the parameters of each; `etas` [replicates, subjects, N] and `group` [replicates, subjects] (None: there
    are no latent groups): what they were simulated with; `arguments` [arguments, replicates, observations]: those of the outcomes given
    these, not kept (None) where all outcomes are continuous, which need them no more.
    """

    outcomes: Outcomes
    values: np.ndarray
    etas: np.ndarray
    group: np.ndarray | None
    arguments: np.ndarray | None
    dv: np.ndarray

    @property
    def problem(self) -> Problem:
        """What was simulated."""
        return self.outcomes.problem

    @property
    def n(self) -> int:
        """Number of replicates."""
        return len(self.dv)

    @property
    def failures(self) -> np.ndarray:
        """In how many replicates each observation could not be simulated."""
        return np.count_nonzero(~np.isfinite(self.dv if self.arguments is None else self.arguments[0]), axis=0)


def replicates(
    problem: Problem,
    parameters: Parameters,
    n: int = 1000,
    *,
    values: np.ndarray | None = None,
    seed: int = 1,
    threads: int | None = None,
) -> Replicates:
    """Simulate a population n times: effects from N(0, omega), then outcomes given these.

    `values` [n, V]: parameters of every replicate (draws that tell their uncertainty); without it all have `parameters`. The first k of n
    replicates are those of n = k, whatever the number of threads. Raises OptionError, and SupportError for a LogLikelihood, from which
    nothing can be drawn.
    """
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise OptionError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    taken = parameters.values[None, :] if values is None else np.asarray(values, dtype=float)
    if taken.ndim != 2 or taken.shape[1] != len(parameters) or len(taken) not in (1, n):
        raise OptionError(
            f"values must be an array [{n}, {len(parameters)}], a row of all parameters for each replicate, not {taken.shape}."
        )
    outcomes = Outcomes.of(problem)
    outcomes.refuse_free()
    etas, group = random_effects(problem, parameters, taken, n, (seed,))
    generators, kept, dv = outcomes.generators((seed, _OUTCOMES)), [], np.full((n, problem.n_observations), np.nan)
    for block in blocks(n, problem.n_observations):
        own = taken if len(taken) == 1 else taken[block]
        arguments = outcomes.arguments(own, etas[block], None if group is None else group[block], threads)
        dv[block] = outcomes.drawn(own, arguments, generators)
        kept += [] if outcomes.are_continuous else [arguments]
    return Replicates(outcomes, taken, etas, group, np.concatenate(kept, axis=1) if kept else None, dv)


def blocks(n: int, width: int) -> Iterator[slice]:
    """Return parts of n replicates whose numbers, `width` for each, can be held beside each other."""
    size = max(1, _BLOCK // max(width, 1))
    return (slice(first, min(first + size, n)) for first in range(0, n, size))
