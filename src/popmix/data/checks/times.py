"""Checks of time: order, sign, clocks and units."""

import numpy as np

from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, some
from popmix.data.records import Records

_FAR = 10.0  # a subject that starts later than this many times the usual length of observation has another clock
_FEW = 3


def back_in_time(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D012: time falls within a subject without a reset."""
    if not records.columns.has("time") or (expectation and not expectation.time_needed):
        return
    name, time = records.columns.name("time"), records.time
    same = np.flatnonzero(records.subject[1:] == records.subject[:-1]) + 1
    falls = same[(time[same] < time[same - 1]) & ~np.isin(records.event[same], (3, 4))]
    if not len(falls):
        return
    labels = records.labels

    def one(at: int) -> str:
        return f"ID {labels[at]}: {name} falls from {time[at - 1]:.6g} to {time[at]:.6g} at row {records.raw.rows[at]}"

    told = some([one(at) for at in falls.tolist()])
    severity = "E" if expectation is None or expectation.ordered else "W"
    if records.from_clock:
        fix = "Give the days in a column DATE (m/d/y), DAT1 (d/m/y) or DAT2 (y-m-d) when midnight lies between, or sort the records."
    else:
        fix = "Sort the subject's records by time, or mark the start of a new period with EVID 3 or 4."
    collector.mark("D012", severity, name, falls, f"{told}, with no EVID 3 or 4.", fix)


def negative_time(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D013: negative times are allowed, and told."""
    if records.from_clock:  # relative to the first record, so a negative time is one that falls: D012
        return
    name = records.columns.name("time")
    below = records.time < 0
    lowest = np.min(records.time[below], initial=0.0)
    message = f"{name} is negative in <n> <row|rows> of <who>, down to {lowest:.6g}. Compartments start at the first record."
    collector.mark("D013", "W", name, below, message, "Nothing to do when times before the first dose are meant.")


def mixed_clocks(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D015: some subjects start near zero, others very far from it."""
    if not records.columns.has("time") or len(records.ids) < 2 * _FEW:
        return
    known = ~np.isnan(records.time)
    latest, earliest = records.largest_by_subject(records.time, known), -records.largest_by_subject(-records.time, known)
    starts = np.where(np.isfinite(earliest), earliest, np.nan)
    lengths = np.where(np.isfinite(earliest), latest - earliest, np.nan)
    usual = np.nanmedian(lengths) if not np.isnan(lengths).all() else 0.0
    far = starts > _FAR * usual
    near = np.abs(starts) <= usual
    if usual <= 0 or np.count_nonzero(far) < _FEW or np.count_nonzero(near) < _FEW:
        return
    name = records.columns.name("time")
    where = records.first_rows[far]
    message = f"{name} starts near 0 for {np.count_nonzero(near)} subjects but at {np.nanmin(starts[far]):.6g} or later for <who>."
    collector.mark("D015", "W", name, where, message, "Bring all subjects to one clock, for example time since first dose.")


def time_unit(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D016: recorded doses follow each other much faster or more slowly than II says."""
    doses = np.flatnonzero(records.doses & (records["ii"] > 0) & ~np.isnan(records.time))
    pairs = doses[1:][records.subject[doses[1:]] == records.subject[doses[:-1]]]
    before = doses[:-1][records.subject[doses[1:]] == records.subject[doses[:-1]]]
    if len(pairs) < _FEW:
        return
    expected = records["ii"][before] * (1 + np.nan_to_num(records["addl"][before]))
    interval = records.time[pairs] - records.time[before]
    ratio = float(np.median(interval / expected))
    if not 0 < ratio < 0.1:
        return
    names = records.columns.name("time"), records.columns.name("ii")
    message = f"The median interval between doses is {np.median(interval):.4g} where {names[1]} says {np.median(expected):.4g}: "
    message += f"are {names[0]} (days?) and {names[1]} (hours?) in different units?"
    collector.mark("D016", "W", names[0], pairs, message, "Bring both columns to one unit.")


CHECKS = (back_in_time, negative_time, mixed_clocks, time_unit)
