"""Times of events as a model makes them: drawn from the hazard that each subject has along its own record of doses and covariates.

With H(t) the cumulated hazard since the beginning of the time at risk and E_1, E_2, ... exponential with mean 1, the events are at
H(t_k) = E_1 + ... + E_k: every event starts the next. H is computed on a grid and is linear between its points.
"""

from dataclasses import dataclass

import numpy as np

from popmix.errors import SupportError
from popmix.likelihood import Problem
from popmix.likelihood.outcomes.conditional import shown
from popmix.likelihood.thick import Thick, as_other_records, label_of, thickened
from popmix.simulate.follow_up import FollowUp
from popmix.simulate.replicates import Replicates, blocks

_GRID = 100
_NOISE = 3  # the stream of random numbers
_FIRST_MOST, _MOST_EVENTS = 16, 4096  # of a subject


@dataclass(frozen=True, eq=False)
class EventTimes:
    """Simulated times of one endpoint. `times` [replicates, subjects, M]: of the first M events, inf after the last record of all."""

    times: np.ndarray
    followed: FollowUp

    @property
    def censored(self) -> np.ndarray:
        """The times that would be seen: those until the end of each subject's follow-up, at records where these tell of intervals."""
        seen = self.followed.seen(self.times)
        return np.where(seen <= self.followed.ends[:, None], seen, np.inf)


def event_times(
    simulated: Replicates, name: str, most: int = 1, *, points: int = _GRID, seed: int = 1, threads: int | None = None
) -> EventTimes:
    """Draw the times of the first `most` events of every subject and replicate, until the last record of the endpoint in the data.

    points: of the grid from the beginning of the time at risk to its end. The time at risk begins as in the likelihood (`FollowUp`).
    """
    problem, followed = simulated.problem, FollowUp.of(simulated.problem, name)
    thick = _on_grid(problem, name, followed, points)
    chosen = _observations(thick, name)
    subject = thick.problem.data.subject[thick.problem.timeline.observed_row[chosen]]
    time = thick.problem.data.time[thick.problem.timeline.observed_row[chosen]]
    targets = _targets(simulated, (seed, _NOISE, list(problem.model.observations).index(name)), most)
    found = np.full(targets.shape, np.inf)
    fixed = np.ascontiguousarray(simulated.values[:, thick.problem.compiled.positions])
    for block in blocks(simulated.n, thick.problem.n_observations):
        own = fixed if len(fixed) == 1 else fixed[block]
        group = None if simulated.group is None else simulated.group[block]
        none, _ = shown(thick.problem, own, simulated.etas[block], group, threads)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = -np.log(none[:, chosen])
        found[block] = _inverted(steps, subject, time, followed.begins, targets[block])
    return EventTimes(found, followed)


def all_event_times(simulated: Replicates, name: str, *, points: int = _GRID, seed: int = 1, threads: int | None = None) -> EventTimes:
    """Draw the times of all events until the last record of the endpoint. Raises SupportError where they do not come to an end."""
    most = _FIRST_MOST
    while True:
        found = event_times(simulated, name, most, points=points, seed=seed, threads=threads)
        if np.all(np.isinf(found.times[..., -1])):
            return found
        if most >= _MOST_EVENTS:
            raise SupportError(f"{name}: a subject has more than {most} events by {found.followed.until:g}, too many to simulate.")
        most *= 4


def _targets(simulated: Replicates, stream: tuple[int, ...], most: int) -> np.ndarray:
    """Return the cumulated hazards [replicates, subjects, M] of the events; those of the first do not depend on how many there are."""
    shape = simulated.n, simulated.problem.n_subjects
    steps = [np.random.default_rng((*stream, number)).exponential(size=shape) for number in range(most)]
    return np.cumsum(np.stack(steps, axis=2), axis=2)


def _on_grid(problem: Problem, name: str, followed: FollowUp, points: int) -> Thick:
    """Return the problem with the event observed on a grid, its own records being no observations."""
    until = followed.until
    bare = as_other_records(problem, [label_of(problem.model, problem.data, name)], followed.begins)
    step = (until - float(np.nanmin(followed.begins))) / points

    def places(start: float, end: float, after_dose: bool) -> np.ndarray:
        n = max(1, int(np.ceil((min(end, until) - start) / step)))
        return np.linspace(start, min(end, until), n + 1)[1:] if start < until else np.zeros(0)

    return thickened(bare, [name], places, until)


def _names(problem: Problem) -> np.ndarray:
    return np.array([one.lowered.name for one in problem.compiled.endpoints], dtype=object)[problem.timeline.endpoint]


def _observations(thick: Thick, name: str) -> np.ndarray:
    return np.flatnonzero((_names(thick.problem) == name) & thick.added)


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
