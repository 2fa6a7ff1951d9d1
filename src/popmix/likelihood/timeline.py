"""The records of an event table as events in time: doses, additional doses, infusions, resets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from popmix.data import EventTable, Expectation
from popmix.engine.events import BOLUS, RECORD, RESET, START, STOP

# ranks of events of one record at the same time: reset, record, dose; implied doses come before all records
_PER_RECORD, _IMPLIED = 3, -1


@dataclass(frozen=True, eq=False)
class Doses:
    """Doses of all subjects, additional ones expanded: record, time, compartment, amount, infusion rate (0: bolus)."""

    row: np.ndarray
    time: np.ndarray
    compartment: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    implied: np.ndarray

    @classmethod
    def none(cls) -> Doses:
        """Return no doses."""
        whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(whole, real, whole, real, real, np.zeros(0, dtype=bool))


@dataclass(frozen=True, eq=False)
class Events:
    """Sorted events of all subjects; fields as in `popmix.engine.events.Timeline`, and TAD of every record."""

    subject: np.ndarray
    kind: np.ndarray
    time: np.ndarray
    segment: np.ndarray
    rank: np.ndarray
    row: np.ndarray
    dose_row: np.ndarray
    compartment: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    infused: np.ndarray
    time_after_dose: np.ndarray
    n_subjects: int

    def columns(self, observation_of_row: np.ndarray) -> dict[str, np.ndarray]:
        """Return the event columns of the timeline."""
        names = ("kind", "time", "segment", "rank", "row", "dose_row", "compartment", "amount", "rate", "infused")
        columns = {name: getattr(self, name) for name in names}
        columns["first_event"] = np.searchsorted(self.subject, np.arange(self.n_subjects + 1)).astype(np.int64)
        columns["observation"] = np.where(self.kind == RECORD, observation_of_row[self.row], -1).astype(np.int64)
        return columns


def doses_of(table: EventTable, expectation: Expectation, positions: tuple[str, ...]) -> Doses:
    """Return the doses of a table, additional doses expanded up to the last record of their segment."""
    rows = np.flatnonzero(table.dosing)
    if len(rows) == 0:
        return Doses.none()
    amount = np.nan_to_num(table.amt[rows])
    rate = np.nan_to_num(table.rate[rows])
    duration = np.nan_to_num(table.duration[rows])
    by_duration = (rate == 0) & (duration > 0)
    rate[by_duration] = amount[by_duration] / duration[by_duration]
    compartments = {label: positions.index(expectation.compartment_of(label)) for label in set(table.compartment[rows])}
    compartment = np.array([compartments[label] for label in table.compartment[rows]], dtype=np.int64)
    last = _last_times(table)[rows]
    interval = table.ii[rows]
    most = np.where(interval > 0, np.floor((last - table.time[rows]) / np.where(interval > 0, interval, 1.0) + 1e-9), 0)
    repeats = np.minimum(table.addl[rows], np.maximum(most, 0)).astype(np.int64)
    index = np.repeat(np.arange(len(rows)), repeats + 1)
    number = np.arange(len(index)) - np.repeat(np.cumsum(repeats + 1) - (repeats + 1), repeats + 1)
    time = table.time[rows][index] + number * interval[index]
    return Doses(rows[index], time, compartment[index], amount[index], rate[index], number > 0)


def timeline_events(table: EventTable, doses: Doses) -> Events:
    """Return the sorted events of records, resets and doses."""
    position = np.arange(table.n_rows) - table.starts[table.subject]
    segments = _segments(table)
    rows = np.arange(table.n_rows)
    resets = rows[(table.evid == 3) | (table.evid == 4)]
    infused = doses.rate > 0
    parts = [
        _part(RECORD, table, segments, rows, table.time, _PER_RECORD * position + 1, rows),
        _part(RESET, table, segments, resets, table.time[resets], _PER_RECORD * position[resets], np.full(len(resets), -1)),
        _dose_part(BOLUS, table, segments, position, doses, ~infused),
        _dose_part(START, table, segments, position, doses, infused),
        _dose_part(STOP, table, segments, position, doses, infused),
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["rank"], columns["time"], columns["segment"], columns["subject"]))
    columns = {name: values[order] for name, values in columns.items()}
    return Events(**columns, time_after_dose=_time_after_dose(table.n_rows, columns), n_subjects=table.n_subjects)


def _part(
    kind: int, table: EventTable, segments: np.ndarray, rows: np.ndarray, time: np.ndarray, rank: np.ndarray, row: np.ndarray
) -> dict:
    n = len(rows)
    return {
        "subject": table.subject[rows],
        "kind": np.full(n, kind, dtype=np.int64),
        "time": np.asarray(time, dtype=float),
        "segment": segments[rows],
        "rank": np.asarray(rank, dtype=np.int64),
        "row": np.asarray(row, dtype=np.int64),
        "dose_row": rows.astype(np.int64),
        "compartment": np.zeros(n, dtype=np.int64),
        "amount": np.zeros(n),
        "rate": np.zeros(n),
        "infused": np.zeros(n),
    }


def _dose_part(kind: int, table: EventTable, segments: np.ndarray, position: np.ndarray, doses: Doses, chosen: np.ndarray) -> dict:
    rows = doses.row[chosen]
    time, rank = doses.time[chosen], np.where(doses.implied[chosen], _IMPLIED, _PER_RECORD * position[rows] + 2)
    if kind == STOP:
        time, rank = time + doses.amount[chosen] / doses.rate[chosen], np.full(len(rows), _IMPLIED)
    part = _part(kind, table, segments, rows, time, rank, np.full(len(rows), -1))
    part["compartment"] = doses.compartment[chosen]
    part["amount"] = doses.amount[chosen] if kind == BOLUS else np.zeros(len(rows))
    part["rate"] = doses.rate[chosen]
    part["infused"] = doses.amount[chosen]
    return part


def _segments(table: EventTable) -> np.ndarray:
    """Return for each record how many resets its subject has had, its own included."""
    counts = np.cumsum((table.evid == 3) | (table.evid == 4))
    starts = table.starts[:-1]
    first_is_reset = ((table.evid == 3) | (table.evid == 4))[starts].astype(np.int64)
    return (counts - (counts[starts] - first_is_reset)[table.subject]).astype(np.int64)


def _last_times(table: EventTable) -> np.ndarray:
    """Return for each record the time of the last record of its segment."""
    key = np.cumsum(np.concatenate([[1], (np.diff(table.subject) != 0) | (np.diff(_segments(table)) != 0)]))
    ends = np.flatnonzero(np.concatenate([np.diff(key) != 0, [True]]))
    return table.time[ends][key - 1]


def _time_after_dose(n_rows: int, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Return for each record the time since the last dose of its segment, 0 before the first one."""
    index = np.arange(len(columns["kind"]))
    is_dose = (columns["kind"] == BOLUS) | (columns["kind"] == START)
    last_dose = np.maximum.accumulate(np.where(is_dose, index, -1))
    key = columns["subject"] * (1 + columns["segment"].max(initial=0)) + columns["segment"]
    valid = (last_dose >= 0) & (key[np.maximum(last_dose, 0)] == key)
    after = np.where(valid, columns["time"] - columns["time"][np.maximum(last_dose, 0)], 0.0)
    records = columns["kind"] == RECORD
    result = np.zeros(n_rows)
    result[columns["row"][records]] = after[records]
    return result
