"""The records of an event table as events in time: doses, additional doses, infusions, steady states, resets and other changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from popmix.data import EventTable, Expectation
from popmix.engine.events import (
    AT_ONCE,
    BOLUS,
    CONSTANT,
    DURATION_GIVEN,
    DURATION_MODELLED,
    MULTIPLY,
    OFF,
    RATE_GIVEN,
    RATE_MODELLED,
    RECORD,
    REPLACE,
    RESET,
    START,
    STEADY,
    STOP,
)

# ranks of events of one record at the same time: reset, steady state, record, dose; implied doses come before all records, and
# ends of infusions last, so that one without duration ends after it has begun
_PER_RECORD, _IMPLIED, _LAST = 4, -1, 2**62
_RESET_RANK, _STEADY_RANK, _RECORD_RANK, _DOSE_RANK = range(_PER_RECORD)


@dataclass(frozen=True, eq=False)
class Doses:
    """Doses of all subjects, additional ones expanded: record, time, compartment, form, amount, infusion rate (0: none or modelled).

    `implied` marks additional doses; `steady` and `constant` records that bring a steady state, of repeated doses or of a constant
    infusion, which itself is no dose.
    """

    row: np.ndarray
    time: np.ndarray
    compartment: np.ndarray
    form: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    interval: np.ndarray
    implied: np.ndarray
    steady: np.ndarray
    constant: np.ndarray

    def take(self, chosen: np.ndarray) -> Doses:
        """Return the chosen doses."""
        return Doses(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @classmethod
    def none(cls) -> Doses:
        """Return no doses."""
        kinds = {"row": np.int64, "compartment": np.int64, "form": np.int64, "implied": bool, "steady": bool, "constant": bool}
        return cls(*(np.zeros(0, dtype=kinds.get(name, float)) for name in cls.__dataclass_fields__))


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
    form: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    infused: np.ndarray
    interval: np.ndarray
    time_after_dose: np.ndarray
    n_subjects: int

    def columns(self, observation_of_row: np.ndarray) -> dict[str, np.ndarray]:
        """Return the event columns of the timeline."""
        others = ("subject", "time_after_dose", "n_subjects")
        columns = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in others}
        columns["first_event"] = np.searchsorted(self.subject, np.arange(self.n_subjects + 1)).astype(np.int64)
        columns["observation"] = np.where(self.kind == RECORD, observation_of_row[self.row], -1).astype(np.int64)
        return columns

    @property
    def n_trains(self) -> int:
        """The largest number of infusions at steady state of a subject."""
        steady = (self.kind == STEADY) & (self.form != AT_ONCE)
        return int(np.bincount(self.subject[steady], minlength=1).max())


def doses_of(table: EventTable, expectation: Expectation, positions: Mapping[str, int]) -> Doses:
    """Return the doses of a table, additional doses expanded up to the last record of their segment.

    `positions`: the number by which the engine knows each compartment.
    """
    rows = np.flatnonzero(table.dosing)
    if len(rows) == 0:
        return Doses.none()
    amount = np.nan_to_num(table.amt[rows])
    names = [expectation.compartment_of(label) for label in table.compartment[rows]]
    form, rate = _forms(table, expectation, rows, names)
    steady = table.ss[rows] > 0
    interval = table.ii[rows]
    most = np.where(interval > 0, np.floor((last_times(table)[rows] - table.time[rows]) / np.where(interval > 0, interval, 1.0) + 1e-9), 0)
    repeats = np.minimum(table.addl[rows], np.maximum(most, 0)).astype(np.int64)
    index = np.repeat(np.arange(len(rows)), repeats + 1)
    number = np.arange(len(index)) - np.repeat(np.cumsum(repeats + 1) - (repeats + 1), repeats + 1)
    return Doses(
        row=rows[index],
        time=table.time[rows][index] + number * interval[index],
        compartment=np.array([positions[name] for name in names], dtype=np.int64)[index],
        form=form[index],
        amount=amount[index],
        rate=rate[index],
        interval=interval[index],
        implied=number > 0,
        steady=steady[index] & (number == 0),
        constant=(steady & (amount == 0) & np.isin(form, (RATE_GIVEN, RATE_MODELLED)))[index],
    )


def _forms(table: EventTable, expectation: Expectation, rows: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return how the doses enter, and the infusion rates that the data give (AMT / DUR where they give the duration)."""
    told = not (np.all(np.isnan(table.rate)) and np.all(np.isnan(table.duration)))
    code, duration, amount = (np.nan_to_num(column[rows]) for column in (table.rate, table.duration, table.amt))
    by_rate, by_duration = (np.array([name in having for name in names]) for having in (expectation.rates, expectation.durations))
    form = np.full(len(rows), AT_ONCE)
    form[code > 0] = RATE_GIVEN
    given = (code == 0) & (duration > 0)
    form[given] = DURATION_GIVEN
    form[(code == -1) | (by_rate & (not told))] = RATE_MODELLED
    form[(code == -2) | (by_duration & (not told))] = DURATION_MODELLED
    rate = np.where(code > 0, code, 0.0)
    rate[given] = amount[given] / duration[given]
    return form, rate


def timeline_events(
    table: EventTable,
    doses: Doses,
    positions: Mapping[str, int],
    expectation: Expectation,
    hidden: Mapping[int, np.ndarray] | None = None,
    opening: np.ndarray | None = None,
) -> Events:
    """Return the sorted events of records, resets, steady states, doses, and other changes of amounts.

    `hidden`: by the compartment that cumulates a hazard the rows of its endpoint; it is emptied after each of them. `opening`: the records
    of events that are the first of their subjects, before which hazards are cumulated from time 0.
    """
    position = np.arange(table.n_rows) - table.starts[table.subject]
    segment = segments(table)
    rows = np.arange(table.n_rows)
    resets = rows[_resets(table)]
    steady, dosed = doses.take(doses.steady), doses.take(~doses.constant)
    infused = dosed.form != AT_ONCE
    parts = [
        _part(RECORD, table, segment, rows, table.time, _PER_RECORD * position + _RECORD_RANK, rows),
        _part(RESET, table, segment, resets, table.time[resets], _PER_RECORD * position[resets] + _RESET_RANK, None),
        _dose_part(STEADY, table, segment, position, steady.take(~steady.constant)),
        _dose_part(CONSTANT, table, segment, position, steady.take(steady.constant)),
        _dose_part(BOLUS, table, segment, position, dosed.take(~infused)),
        _dose_part(START, table, segment, position, dosed.take(infused)),
        _dose_part(STOP, table, segment, position, dosed.take(infused)),
        *(_rewritten(kind, table, segment, position, positions, expectation) for kind in (REPLACE, MULTIPLY, OFF)),
        *(part for one, own in (hidden or {}).items() for part in _risks(table, segment, position, one, own, opening)),
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["rank"], columns["time"], columns["segment"], columns["subject"]))
    columns = {name: values[order] for name, values in columns.items()}
    return Events(**columns, time_after_dose=_time_after_dose(table.n_rows, columns), n_subjects=table.n_subjects)


def _part(
    kind: int, table: EventTable, segments: np.ndarray, rows: np.ndarray, time: np.ndarray, rank: np.ndarray, row: np.ndarray | None
) -> dict:
    n = len(rows)
    zeros = {name: np.zeros(n) for name in ("amount", "rate", "infused", "interval")}
    return zeros | {
        "subject": table.subject[rows],
        "kind": np.full(n, kind, dtype=np.int64),
        "time": np.asarray(time, dtype=float),
        "segment": segments[rows],
        "rank": np.asarray(rank, dtype=np.int64),
        "row": np.full(n, -1, dtype=np.int64) if row is None else row.astype(np.int64),
        "dose_row": rows.astype(np.int64),
        "compartment": np.zeros(n, dtype=np.int64),
        "form": np.full(n, AT_ONCE, dtype=np.int64),
    }


def _dose_part(kind: int, table: EventTable, segments: np.ndarray, position: np.ndarray, doses: Doses) -> dict:
    rows, time = doses.row, doses.time
    rank = np.where(doses.implied, _IMPLIED, _PER_RECORD * position[rows] + _DOSE_RANK)
    if kind in (STEADY, CONSTANT):
        rank = _PER_RECORD * position[rows] + _STEADY_RANK
    if kind == STOP:
        modelled = (doses.form == RATE_MODELLED) | (doses.form == DURATION_MODELLED)
        lasting = doses.amount / np.where(modelled, 1.0, doses.rate)
        time, rank = time + np.where(modelled, 0.0, lasting), np.full(len(rows), _LAST)
    part = _part(kind, table, segments, rows, time, rank, None)
    part |= {"compartment": doses.compartment, "form": doses.form, "rate": doses.rate, "infused": doses.amount}
    part["amount"] = np.where(doses.form == AT_ONCE, doses.amount, 0.0)
    part["interval"] = doses.interval if kind == STEADY else np.zeros(len(rows))
    return part


def _rewritten(
    kind: int, table: EventTable, segments: np.ndarray, position: np.ndarray, positions: Mapping[str, int], expectation: Expectation
) -> dict:
    """Return the events of records that replace or multiply an amount, or switch a compartment off."""
    off = np.array([label.startswith("-") for label in table.compartment.tolist()], dtype=bool)
    chosen = {REPLACE: table.evid == 5, MULTIPLY: table.evid == 6, OFF: (table.evid == 2) & off}[kind] & bool(positions)
    rows = np.flatnonzero(chosen)
    part = _part(kind, table, segments, rows, table.time[rows], _PER_RECORD * position[rows] + _DOSE_RANK, None)
    names = [expectation.compartment_of(label.removeprefix("-")) for label in table.compartment[rows]]
    part["compartment"] = np.array([positions[name] for name in names], dtype=np.int64)
    part["amount"] = np.zeros(len(rows)) if kind == OFF else np.nan_to_num(table.amt[rows])
    return part


def _risks(
    table: EventTable, segments: np.ndarray, position: np.ndarray, compartment: int, rows: np.ndarray, opening: np.ndarray | None
) -> list[dict]:
    """Return the events that empty a cumulated hazard after each record of its event, and at time 0 before `opening` records."""
    after = _part(OFF, table, segments, rows, table.time[rows], _PER_RECORD * position[rows] + _DOSE_RANK, None)
    early = np.zeros(0, dtype=np.int64) if opening is None else opening[table.time[opening] > 0]
    before = _part(OFF, table, segments, early, np.zeros(len(early)), np.full(len(early), _IMPLIED), None)
    for part in (after, before):
        part["compartment"] = np.full(len(part["time"]), compartment, dtype=np.int64)
    return [after, before]


def _resets(table: EventTable) -> np.ndarray:
    """Mask of the records at which everything begins anew: EVID 3 and 4, and doses with SS = 1."""
    return (table.evid == 3) | (table.evid == 4) | (table.dosing & (table.ss == 1))


def segments(table: EventTable) -> np.ndarray:
    """Return for each record how many resets its subject has had, its own included."""
    resets = _resets(table)
    counts = np.cumsum(resets)
    starts = table.starts[:-1]
    return (counts - (counts[starts] - resets[starts])[table.subject]).astype(np.int64)


def last_times(table: EventTable) -> np.ndarray:
    """Return for each record the time of the last record of its segment."""
    key = np.cumsum(np.concatenate([[1], (np.diff(table.subject) != 0) | (np.diff(segments(table)) != 0)]))
    ends = np.flatnonzero(np.concatenate([np.diff(key) != 0, [True]]))
    return table.time[ends][key - 1]


def _time_after_dose(n_rows: int, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Return for each record the time since the last dose of its segment, 0 before the first one."""
    index = np.arange(len(columns["kind"]))
    is_dose = np.isin(columns["kind"], (BOLUS, START, CONSTANT))
    last_dose = np.maximum.accumulate(np.where(is_dose, index, -1))
    key = columns["subject"] * (1 + columns["segment"].max(initial=0)) + columns["segment"]
    valid = (last_dose >= 0) & (key[np.maximum(last_dose, 0)] == key)
    after = np.where(valid, columns["time"] - columns["time"][np.maximum(last_dose, 0)], 0.0)
    records = columns["kind"] == RECORD
    result = np.zeros(n_rows)
    result[columns["row"][records]] = after[records]
    return result
