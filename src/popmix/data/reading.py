"""`read` and `check`: from a source of data to an event table, or to all that is wrong with it at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from popmix.data.cells import MISSING
from popmix.data.checks import CHECKS
from popmix.data.columns import Columns, header_is_numbers
from popmix.data.covariates import Interpolation, read_covariates
from popmix.data.exclusion import Exclusion, UnknownColumn, matches, rules
from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, Findings, counted, ordered, some
from popmix.data.groupings import read_groupings
from popmix.data.identity import drop_without_id, group_by_subject
from popmix.data.raw import RawTable
from popmix.data.records import Records, parse
from popmix.data.sources import load
from popmix.data.table import EventTable
from popmix.errors import DataError, OptionError


def read(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    expectation: Expectation | None = None,
    exclude: Exclusion = None,
    interpolation: Interpolation = None,
) -> EventTable:
    """Return the event table of a data set.

    source: path of a text file (comma, semicolon, tab or blanks between cells; plain or gzip) or of a Parquet file; a pandas, polars or
    pyarrow data frame; a dictionary of columns; or an EventTable, to be checked against another expectation.
    columns: role (id, time, dv, amt, ...) or covariate -> name in the source; other columns are found by name, ignoring case.
    expectation: what the model needs; without it all remaining columns are kept as covariates.
    exclude: a rule ("EVID == 0 & BLQ == 1"), several, or {reason: rule}; the records it fits are left out and counted.
    interpolation: the rule of time-varying covariates, for all or by name: "locf", "nocb", "linear". Without it text files follow NONMEM
    ("nocb": the values of a record hold for the interval that ends at it), everything else "locf".

    Raises DataError with all findings (`error.findings`) when one of them is an error; OptionError for arguments that can't be understood.
    """
    table, findings = _read(source, columns, expectation, exclude, interpolation)
    if table is None:
        raise DataError(_told(findings), findings)
    return table


def check(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    expectation: Expectation | None = None,
    exclude: Exclusion = None,
    interpolation: Interpolation = None,
) -> Findings:
    """Return all findings about a data set; the arguments are those of `read`. Raises OptionError as `read` does."""
    return _read(source, columns, expectation, exclude, interpolation)[1]


def _told(findings: Findings) -> str:
    return "\n".join([f"{findings.source} can't be used ({findings.summary()}):", *map(str, findings.errors)])


def _read(
    source: Any, columns: Mapping[str, str] | None, expectation: Expectation | None, exclude: Exclusion, interpolation: Interpolation
) -> tuple[EventTable | None, Findings]:
    if columns is not None and not isinstance(columns, Mapping):
        raise OptionError(f"columns={columns!r}: give a mapping such as {{'time': 'TAFD'}}.")
    chosen = rules(exclude)
    collector = Collector()
    raw = load(source, collector)
    if not raw.names and collector.items:
        return None, ordered(collector.items, raw.source)  # without columns there is nothing more to say
    collector.locate(raw.rows)
    raw, excluded = _exclude(raw, _comment_column(raw) | chosen, collector)
    collector.locate(raw.rows)
    if header_is_numbers(raw, collector):
        return None, ordered(collector.items, raw.source)
    found = Columns(raw, columns or {}, expectation, collector)
    if not _have_columns(found, expectation, collector) or not raw.n_rows:
        if not raw.n_rows and raw.names and not any(item.code in {"D004", "D051", "D052"} for item in collector.items):
            collector.add("D004", "E", "", f"{raw.source} holds a header but no records.", "Add records.")
        if not raw.n_rows and not raw.names and not collector.items:
            collector.add("D004", "E", "", f"{raw.source} holds no columns.", "Give columns and records.")
        return None, ordered(collector.items, raw.source)
    records = _records(raw, found, expectation is None or expectation.time_needed, collector)
    if records is None:
        return None, ordered(collector.items, raw.source)
    read_covariates(records, expectation, interpolation, collector)
    read_groupings(records, expectation, collector)
    with np.errstate(all="ignore"):  # absurd numbers may overflow in a product; they are still compared, and told
        for one in CHECKS:
            one(records, expectation, collector)
    findings = ordered(collector.items, raw.source)
    return (None if findings.errors else _event_table(records, findings, excluded)), findings


def _comment_column(raw: RawTable) -> dict[str, str]:
    """Return the rule of a column C that holds nothing but C or nothing, as NM-TRAN's IGNORE=C leaves marked records out."""
    if not raw.nonmem or not raw.names or raw.names[0].upper() != "C" or not raw.n_rows:
        return {}
    present = {cell for cell in set(raw.texts(0)) if cell not in MISSING}
    if not present <= {"C", "c"}:
        return {}
    name = raw.names[0]
    return {f"marked {mark} in column {name}": f"{name} == {mark}" for mark in sorted(present)}


def _exclude(raw: RawTable, chosen: dict[str, str], collector: Collector) -> tuple[RawTable, tuple[tuple[str, int], ...]]:
    """Return the records that no rule fits; a record counts for the first rule that fits it."""
    gone = np.zeros(raw.n_rows, dtype=bool)
    counts = []
    for reason, rule in chosen.items():
        try:
            hit = matches(rule, raw) & ~gone
        except UnknownColumn as missing:
            message = f"exclude={rule!r} names {missing}, which is not a column. Found: {some(raw.names, most=20) or 'no column at all'}."
            collector.add("D005", "E", str(missing), message, "Correct the rule.")
            continue
        counts.append((reason, int(np.count_nonzero(hit))))
        gone |= hit
    excluded = raw.excluded + tuple(counts)
    told = ", ".join(f"{reason} ({count})" for reason, count in excluded)
    if gone.all() and raw.n_rows:
        collector.add("D004", "E", "", f"All {raw.n_rows} rows were removed by exclude: {told}.", "Loosen the rules.", count=raw.n_rows)
        return raw.take(np.flatnonzero(~gone)), excluded
    if any(count for _, count in excluded):
        total = sum(count for _, count in excluded)
        collector.add(
            "D050", "I", "", f"{counted(raw.n_read, 'row')} read, {total} excluded: {told}.", rows=raw.rows[gone].tolist(), count=total
        )
    return raw.take(np.flatnonzero(~gone)) if gone.any() else raw, excluded


def _have_columns(found: Columns, expectation: Expectation | None, collector: Collector) -> bool:
    """Tell whether the records can be told apart and observed; report every column that is missing."""
    if not found.raw.names:
        return False
    usable = found.require("id")
    usable &= found.require("dv")
    dosing = found.has("amt") or found.has("evid")
    needed = expectation.time_needed if expectation else dosing
    dated = any(found.has(role) for role in ("date", "dat1", "dat2", "dat3"))
    if needed and not dated:
        usable &= found.require("time")
    elif not found.has("time") and not dated:
        collector.add("D055", "I", "TIME", "There is no time column: all times are 0 and the records keep their order.")
    if expectation is None:
        return usable
    for name in expectation.wanted:
        usable &= found.require_covariate(name)
    if len(expectation.endpoints) > 1:
        usable &= found.require(
            "dvid", f", though the model has {len(expectation.endpoints)} endpoints ({', '.join(expectation.endpoints)})"
        )
    if expectation.occasion and expectation.occasion.by_column:
        usable &= found.require("occ")
    for name, column in expectation.levels.items():
        usable &= found.require_level(name, column)
    return usable


def _records(raw: RawTable, found: Columns, time_needed: bool, collector: Collector) -> Records | None:
    raw = drop_without_id(raw, found, collector)
    if not raw.n_rows:
        return None
    raw, ids, subject = group_by_subject(raw, found, collector)
    found.raw = raw
    collector.locate(raw.rows, [ids[index] for index in subject.tolist()])
    return parse(raw, found, ids, subject, collector, time_needed=time_needed)


def _event_table(records: Records, findings: Findings, excluded: tuple[tuple[str, int], ...]) -> EventTable:
    meant = {"addl": records.doses, "ss": records.doses, "cens": records.observations}  # elsewhere these codes are ignored
    whole = {role: np.where(mask, np.nan_to_num(records[role]), 0).astype(np.int64) for role, mask in meant.items()}
    return EventTable(
        ids=records.ids,
        subject=records.subject,
        row=records.raw.rows,
        time=records.time,
        dv=records["dv"],
        evid=records.event,
        mdv=records.unscored.astype(np.int64),
        amt=records["amt"],
        rate=records["rate"].copy(),
        duration=records["dur"].copy(),
        ii=np.nan_to_num(records["ii"]),
        compartment=records.compartment,
        endpoint=records.endpoint,
        limit=records["limit"].copy(),
        occasion=records.occasion,
        levels=records.levels,
        covariates=records.covariates,
        interpolation=records.interpolation,
        missing=records.missing,
        source=records.raw.source,
        sha256=records.raw.sha256,
        n_read=records.raw.n_read,
        library=records.raw.library,
        excluded=excluded,
        findings=findings,
        **whole,
    )
