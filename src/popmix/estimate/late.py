"""Doses whose lag moves them past the last record of their subject, or to a reset: they have no effect on any prediction."""

from dataclasses import dataclass

import numpy as np

from popmix.data.findings import counted
from popmix.engine.events import BOLUS, CONSTANT, START, STEADY
from popmix.errors import FitError
from popmix.likelihood import Problem
from popmix.likelihood.timeline import last_times
from popmix.model.parameters import Parameters

_MOST_NAMED = 3
_DOSES, _STEADY = (BOLUS, START), (STEADY, CONSTANT)


@dataclass(frozen=True, eq=False)
class LateDoses:
    """Events of doses that arrive after all records: positions in the timeline, arrivals, and the end of the records.

    everything: whether no dose of the whole population arrives in time.
    """

    problem: Problem
    events: np.ndarray
    arrival: np.ndarray
    end: np.ndarray
    everything: bool

    @property
    def sentence(self) -> str:
        """Which doses these are; empty without any."""
        if not len(self.events):
            return ""
        subjects = _subjects(self.problem)[self.events]
        named = "; ".join(self._named(position) for position in range(min(len(self.events), _MOST_NAMED)))
        more = "; ..." if len(self.events) > _MOST_NAMED else ""
        where = f"{counted(len(self.events), 'dose')} of {counted(len(set(subjects.tolist())), 'subject')}"
        return f"{where} {'arrive' if len(self.events) > 1 else 'arrives'} after the last record, by a lag: no effect ({named}{more})."

    def _named(self, position: int) -> str:
        event, timeline = self.events[position], self.problem.timeline
        label = self.problem.data.ids[_subjects(self.problem)[event]]
        time = f"dose at time {timeline.time[event]:.6g}"
        return f"subject {label}: {time} arrives at {self.arrival[position]:.6g}, records end at {self.end[position]:.6g}"


def late_doses(problem: Problem, parameters: Parameters, etas: np.ndarray | None = None, threads: int | None = None) -> LateDoses:
    """Return the doses that arrive after the last record, given before it, at `etas` [subjects, etas] (default: zero).

    Records end, for a dose, with those of its segment: what a reset cancels has no effect either. Doses at the last record do not count,
    nor do those of subjects without weight.
    """
    timeline = problem.timeline
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), False
    if not timeline.moving or not np.any(problem.code.lag_index >= 0):
        return LateDoses(problem, *nothing)
    arrival, end = problem.arrivals(parameters, etas, threads=threads), last_times(problem.data)[timeline.dose_row]
    expected = (problem.weights > 0)[_subjects(problem)] & (timeline.time < end)
    late = np.flatnonzero(expected & np.isin(timeline.kind, _DOSES) & (arrival > end))
    n_seen = int(np.sum(expected & np.isin(timeline.kind, (*_DOSES, *_STEADY))))
    return LateDoses(problem, late, arrival[late], end[late], 0 < n_seen == len(late))


def refuse_late_doses(problem: Problem, parameters: Parameters) -> None:
    """Raise FitError where lags of the typical subject are so long that no dose at all arrives."""
    late = late_doses(problem, parameters, threads=1)
    if late.everything:
        raise FitError(f"with these values no dose has any effect: {late.sentence}\nTake a smaller lag, in the unit of the data's time.")


def _subjects(problem: Problem) -> np.ndarray:
    """Return the subject of every event."""
    return np.repeat(np.arange(problem.n_subjects), np.diff(problem.timeline.first_event))
