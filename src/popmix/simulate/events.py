"""Times of events as a model makes them: drawn from the hazard that each subject has along its own record of doses and covariates.

With H(t) the cumulated hazard since the beginning of the time at risk and E_1, E_2, ... exponential with mean 1, the events are at
H(t_k) = E_1 + ... + E_k: every event starts the next. H is computed on a grid and is linear between its points.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from popmix.likelihood import Problem
from popmix.likelihood.outcomes.conditional import shown
from popmix.likelihood.thick import Thick, as_other_records, label_of, thickened
from popmix.simulate.replicates import Replicates

_GRID = 100  # points from the beginning of the time at risk to its end
_BLOCK = 4_000_000  # numbers held at once
_NOISE = 3  # the stream of random numbers


@dataclass(frozen=True, eq=False)
class EventTimes:
    """Simulated times of one endpoint. `times` [replicates, subjects, M]: of the first M events, inf after `until`; `begins` [subjects]."""

    times: np.ndarray
    begins: np.ndarray
    until: float


def event_times(simulated: Replicates, name: str, most: int = 1, *, seed: int = 1, threads: int | None = None) -> EventTimes:
    """Draw the times of the first `most` events of every subject and replicate, until the last record of the endpoint in the data.

    Times at risk of a subject begin with its first record (or time 0 where the event's record is the first), as in the likelihood.
    """
    problem = simulated.problem
    begins = _begins(problem, name)
    thick, until = _on_grid(problem, name, begins)
    chosen = _observations(thick, name)
    subject = thick.problem.data.subject[thick.problem.timeline.observed_row[chosen]]
    time = thick.problem.data.time[thick.problem.timeline.observed_row[chosen]]
    random = np.random.default_rng((seed, _NOISE))
    targets = np.cumsum(random.exponential(size=(simulated.n, problem.n_subjects, most)), axis=2)
    found = np.full(targets.shape, np.inf)
    fixed = np.ascontiguousarray(simulated.values[:, thick.problem.compiled.positions])
    for block in _blocks(simulated.n, thick.problem.n_observations):
        own = fixed if len(fixed) == 1 else fixed[block]
        group = None if simulated.group is None else simulated.group[block]
        none, _ = shown(thick.problem, own, simulated.etas[block], group, threads)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = -np.log(none[:, chosen])
        found[block] = _inverted(steps, subject, time, begins, targets[block])
    return EventTimes(found, begins, until)


def _blocks(n: int, width: int) -> Iterator[slice]:
    size = max(1, _BLOCK // max(width, 1))
    return (slice(first, min(first + size, n)) for first in range(0, n, size))


def _on_grid(problem: Problem, name: str, begins: np.ndarray) -> tuple[Thick, float]:
    """Return the problem with the event observed on a grid, its own records being no observations, and the end of the grid."""
    rows = problem.timeline.observed_row[_names(problem) == name]
    until = float(np.max(problem.data.time[rows]))
    bare = as_other_records(problem, [label_of(problem.model, problem.data, name)], begins)
    step = (until - float(np.nanmin(begins))) / _GRID

    def places(start: float, end: float, after_dose: bool) -> np.ndarray:
        n = max(1, int(np.ceil((min(end, until) - start) / step)))
        return start + (min(end, until) - start) * np.arange(1, n + 1) / n if start < until else np.zeros(0)

    return thickened(bare, [name], places, until), until


def _names(problem: Problem) -> np.ndarray:
    return np.array([one.lowered.name for one in problem.compiled.endpoints], dtype=object)[problem.timeline.endpoint]


def _observations(thick: Thick, name: str) -> np.ndarray:
    return np.flatnonzero((_names(thick.problem) == name) & thick.added)


def _begins(problem: Problem, name: str) -> np.ndarray:
    """Return when the time at risk of every subject begins."""
    records = problem.timeline.observed_row[_names(problem) == name]
    starts, first = problem.data.starts[:-1], np.full(problem.n_subjects, np.nan)
    for row in records.tolist():
        subject = problem.data.subject[row]
        if np.isnan(first[subject]):
            own = starts[subject]
            first[subject] = min(0.0, problem.data.time[row]) if row == own else problem.data.time[own]
    return first


def _inverted(steps: np.ndarray, subject: np.ndarray, time: np.ndarray, begins: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the times [draws, subjects, M] at which the cumulated hazard, given by its steps [draws, points], reaches targets."""
    found = np.full(targets.shape, np.inf)
    for one in np.unique(subject).tolist():
        own = np.flatnonzero(subject == one)
        hazard = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps[:, own], axis=1)], axis=1)
        grid = np.concatenate([[begins[one]], time[own]])
        for k in range(targets.shape[2]):
            wanted = targets[:, one, k]
            place = np.sum(hazard < wanted[:, None], axis=1)
            inside = (place > 0) & (place < len(grid))
            at = np.clip(place, 1, len(grid) - 1)
            rows = np.arange(len(steps))
            low, high = hazard[rows, at - 1], hazard[rows, at]
            share = (wanted - low) / np.where(high > low, high - low, 1.0)
            found[:, one, k] = np.where(inside, grid[at - 1] + share * (grid[at] - grid[at - 1]), np.inf)
    return found
