"""How the subjects of a data set are followed for an event: from when, until when, and what was seen."""

from dataclasses import dataclass

import numpy as np

from popmix.errors import SupportError
from popmix.likelihood import Problem

_DV, _BEGINS = 2, 3
_RESETS = (3, 4)


@dataclass(frozen=True, eq=False)
class FollowUp:
    """The records of one event. By record: `subject` (index), `time`, `happened`, `row` (position in the data).

    By subject, nan for those without a record: `begins`, the beginning of the time at risk (the first record of the subject; time 0 where
    that is one of events), `ends`, when it would have been censored: its last record where that says that nothing happened, otherwise
    `until`, the last record of all, since who was followed to an event alone would have been followed to the end of the study without it.
    `by_interval`: whether a record tells that something happened since the one before it.
    """

    subject: np.ndarray
    time: np.ndarray
    happened: np.ndarray
    row: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    by_interval: bool

    @classmethod
    def of(cls, problem: Problem, name: str) -> "FollowUp":
        """Return the follow-up of an endpoint. Raises SupportError where a reset (EVID 3 or 4) begins the time at risk anew."""
        data, timeline = problem.data, problem.timeline
        names = np.array([one.lowered.name for one in problem.compiled.endpoints], dtype=object)
        own = np.flatnonzero(names[timeline.endpoint] == name)
        row = timeline.observed_row[own]
        resets = np.flatnonzero(np.isin(data.evid, _RESETS) & np.isin(data.subject, data.subject[row]))
        if len(resets):
            raise SupportError(
                f"{name} can't be simulated: row {data.row[resets[0]]} has EVID {data.evid[resets[0]]}, and simulated events do not begin "
                "anew after a reset. Give each part of the record an ID of its own."
            )
        subject, time, happened = data.subject[row], data.time[row], timeline.times[row, _DV] == 1
        begins, ends = np.full((2, problem.n_subjects), np.nan)
        for one in np.unique(subject).tolist():
            mine = np.flatnonzero(subject == one)
            last = float(np.max(time[mine]))
            begins[one] = timeline.times[row[mine[0]], _BEGINS]
            ends[one] = last if np.any(~happened[mine] & (time[mine] == last)) else np.max(time)
        by_interval = problem.model.observations[name].prediction.arguments.get("interval") is not None
        return cls(subject, time, happened, row, begins, ends, by_interval)

    @property
    def until(self) -> float:
        """The last record of all."""
        return float(np.max(self.time))

    @property
    def subjects(self) -> np.ndarray:
        """Indices of the subjects that have records."""
        return np.unique(self.subject)

    @property
    def goes_on(self) -> bool | None:
        """Whether subjects have further events after one: a subject has records after its first. None where nothing happened at all."""
        if not np.any(self.happened):
            return None
        first = np.full(len(self.begins), np.inf)
        np.minimum.at(first, self.subject[self.happened], self.time[self.happened])
        return bool(np.any(self.time > first[self.subject]))

    def event(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return when each of the `subjects` had its event of a number, its last record for those without; and who had it."""
        subjects = self.subjects
        at, has = np.zeros(len(subjects)), np.zeros(len(subjects), dtype=bool)
        for k, one in enumerate(subjects.tolist()):
            mine = self.subject == one
            events = np.sort(self.time[mine & self.happened])
            has[k] = len(events) >= number
            at[k] = events[number - 1] if has[k] else np.max(self.time[mine])
        return at, has

    def seen(self, times: np.ndarray) -> np.ndarray:
        """Return times [..., subjects, M] of events as records show them: by interval at the records that end those with an event."""
        if not self.by_interval:
            return times
        found = np.full(times.shape, np.inf)
        for one in self.subjects.tolist():
            records = np.append(np.sort(self.time[self.subject == one]), np.inf)
            own = records[np.minimum(np.searchsorted(records, times[..., one, :]), len(records) - 1)]
            # a record tells of one event at least, not of how many
            own[..., 1:] = np.where(own[..., 1:] == own[..., :-1], np.inf, own[..., 1:])
            found[..., one, :] = np.sort(own, axis=-1)
        return found
