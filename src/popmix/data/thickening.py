"""An event table with more records between those it has: a fine grid of times for curves and for simulated events."""

from dataclasses import replace

import numpy as np

from popmix.data.table import EventTable


def with_observations(
    table: EventTable, after: np.ndarray, time: np.ndarray, endpoint: np.ndarray, dv: np.ndarray
) -> tuple[EventTable, np.ndarray]:
    """Return a table with observations added, each behind the record at position `after`, at a `time`, of an `endpoint`; and their mask.

    Additions behind the same record keep their order. Covariates follow the rule of the table between records (that of the record before
    with "locf", of the next one with "nocb", in proportion with "linear"; behind the last record its own), occasions and levels are those
    of the next record, whose interval it is. `dv` means nothing, but must be a value that the endpoint allows.
    """
    following = np.minimum(after + 1, table.n_rows - 1)
    ends = (after + 1 >= table.n_rows) | (table.subject[following] != table.subject[after])
    following = np.where(ends, after, following)
    new = {
        **dict.fromkeys(("amt", "rate", "duration", "limit"), np.nan),
        **dict.fromkeys(("evid", "mdv", "addl", "ss", "cens", "ii"), 0),
        "dv": dv,
        "time": time,
        "endpoint": endpoint,
        "compartment": "",
        "subject": table.subject[after],
        "row": table.row[after],
    }
    if table.occasion is not None:
        new["occasion"] = table.occasion[following]
    arrays = {name: np.insert(getattr(table, name), after + 1, value) for name, value in new.items()}
    levels = {name: np.insert(values, after + 1, values[following]) for name, values in table.levels.items()}
    covariates = {
        name: np.insert(values, after + 1, _between(values, table, name, after, following, time))
        for name, values in table.covariates.items()
    }
    added = np.insert(np.zeros(table.n_rows, dtype=bool), after + 1, True)
    return replace(table, **arrays, levels=levels, covariates=covariates), added


def preceded(table: EventTable, rows: np.ndarray, time: np.ndarray) -> EventTable:
    """Return a table with a copy of each of some records in front of it, as a record without observation at an earlier `time` [rows]."""
    arrays = {name: np.insert(values, rows, values[rows]) for name, values in vars(table).items() if isinstance(values, np.ndarray)}
    levels, covariates = (
        {name: np.insert(values, rows, values[rows]) for name, values in own.items()} for own in (table.levels, table.covariates)
    )
    copies = rows + np.arange(len(rows))
    for name, value in (("time", time), ("evid", 2), ("mdv", 1), ("dv", np.nan)):
        arrays[name][copies] = value
    return replace(table, **arrays, levels=levels, covariates=covariates)


def _between(values: np.ndarray, table: EventTable, name: str, after: np.ndarray, following: np.ndarray, time: np.ndarray) -> np.ndarray:
    rule = table.interpolation.get(name, "nocb")
    if rule == "locf":
        return values[after]
    if rule == "nocb" or values.dtype.kind != "f":
        return values[following]
    span = table.time[following] - table.time[after]
    share = np.where(span > 0, (time - table.time[after]) / np.where(span > 0, span, 1.0), 0.0)
    return values[after] + share * (values[following] - values[after])
