"""Residual parameters with a closed form: the variance of an endpoint is proportional to their square, and they stand nowhere else."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import symengine

from popmix.compiler.program import Symbolic
from popmix.likelihood import Problem
from popmix.model.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Residuals:
    """Parameters x with R = x^2 g: their `positions`, and `chosen` [x, endpoints], the endpoints that each belongs to.

    `counts`: the weight of their observations. `widths` are all parameters on which variances alone depend, positions.
    """

    positions: np.ndarray
    chosen: np.ndarray
    counts: np.ndarray
    widths: np.ndarray

    @classmethod
    def of(cls, problem: Problem, parameters: Parameters, weights: np.ndarray) -> "Residuals":
        """Find them in a problem; `weights` by subject."""
        lowered = problem.compiled.lowered
        observed, elsewhere = _seen(problem), _elsewhere(problem)
        free = [(k, symbol) for k, symbol in enumerate((*lowered.thetas, *lowered.sigmas)) if not parameters.fixed[k]]
        widths = [k for k, symbol in free if symbol not in elsewhere]
        found: dict[int, list[int]] = {}
        taken: set[int] = set()
        for k, symbol in free:
            own = [e for e, leaves in enumerate(observed) if symbol in leaves]
            if k in widths and own and not taken.intersection(own) and all(_is_scale(problem, e, symbol) for e in own):
                found[k] = own
                taken.update(own)
        chosen = np.zeros((len(found), len(observed)))
        for row, own in enumerate(found.values()):
            chosen[row, own] = 1.0
        counts = chosen @ _observations(problem, weights)
        kept = counts > 0
        positions = np.array(list(found), dtype=np.int64)
        return cls(positions[kept], chosen[kept], counts[kept], np.array(widths, dtype=np.int64))


def _seen(problem: Problem) -> list[set[Symbolic]]:
    """Return the inputs of each endpoint."""
    program, lowered = problem.compiled.lowered.program, problem.compiled.lowered
    return [set().union(*(program.leaves(one) for one in each.outputs)) for each in lowered.endpoints]


def _elsewhere(problem: Problem) -> set[Symbolic]:
    """Return the inputs of everything but the variances of Gaussian endpoints."""
    program = problem.compiled.lowered.program
    return set().union(*(program.leaves(one) for one in _parts(problem)))


def _parts(problem: Problem) -> Iterator[Symbolic]:
    lowered = problem.compiled.lowered
    yield from (*lowered.rates, *lowered.dosing.values(), *lowered.profiles.values(), *lowered.reported.values(), *lowered.shares)
    yield from (one for one, _ in lowered.domain)
    if lowered.dynamics:
        yield from (*lowered.dynamics.derivatives, *lowered.dynamics.initial)
    for each in lowered.endpoints:
        yield from each.outputs if each.is_free or each.memory is not None else each.outputs[:1]


def _is_scale(problem: Problem, endpoint: int, symbol: Symbolic) -> bool:
    """Whether the variance of an endpoint is symbol^2 times something without it."""
    lowered = problem.compiled.lowered
    ratio = symengine.expand(lowered.endpoints[endpoint].outputs[1] / symbol**2)
    return symbol not in lowered.program.leaves(ratio)


def _observations(problem: Problem, weights: np.ndarray) -> np.ndarray:
    """Return the weight of the observations of each endpoint."""
    timeline = problem.timeline
    subject = np.repeat(np.arange(problem.n_subjects), np.diff(timeline.first_observation))
    return np.bincount(timeline.endpoint, weights=weights[subject], minlength=len(problem.compiled.endpoints))
