"""Checks of observations: missing values, ties, duplicates, subjects without any, censoring."""

import numpy as np

from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, first, some
from popmix.data.records import Records

_MOST_REPLICATED = 0.05  # more repeats than this are a design with replicates, not a slip


def missing_values(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D002: an observation without a value that is not marked as such."""
    name = records.columns.name("dv")
    censored = np.nan_to_num(records["cens"]) != 0  # these are D038
    where = records.scored & np.isnan(records["dv"]) & records.ok("dv") & ~censored

    message = f"{name}: <n> <observation row is|observation rows are> empty and not marked MDV=1 (<at>)."
    collector.mark("D002", "E", name, where, message, "Set MDV=1 or drop them.")


def ties(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D020: observations and doses at one time, some before and some after in the file."""
    if not records.columns.has("time") or (expectation and not (expectation.time_needed and expectation.has_dosing)):
        return
    before, after = _tied(records)
    if not before.any() and not after.any():
        return
    total, n_before = int(np.count_nonzero(before | after)), int(np.count_nonzero(before))
    observed = int(np.count_nonzero(records.observations))
    message = f"{total} of {observed} observations share {records.columns.name('time')} with a dose; "
    message += f"{n_before} come before it in the file and are taken before the dose, {total - n_before} after it."
    mixed = bool(before.any() and after.any())
    fix = "The order of the file decides: sort the records as they happened." if mixed else ""
    collector.mark("D020", "W" if mixed else "I", records.columns.name("time"), before | after, message, fix)


def _tied(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of the observations followed by, and preceded by, a dose at their own time."""
    change = (np.diff(records.subject) != 0) | (np.diff(records.time) != 0)
    group = np.concatenate([[0], np.cumsum(change)]) if records.n else np.zeros(0, dtype=np.int64)
    position = np.arange(records.n)
    count = int(group[-1]) + 1 if records.n else 0
    first, last = np.full(count, records.n), np.full(count, -1)
    doses = np.flatnonzero(records.doses)
    np.minimum.at(first, group[doses], doses)
    np.maximum.at(last, group[doses], doses)
    observed = records.observations & ~np.isnan(records.time)
    before = observed & (position < last[group])
    after = observed & (position > first[group]) & ~before
    return before, after


def duplicates(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D021: several observations of one endpoint at one time."""
    if not records.columns.has("time") or (expectation and not expectation.has_dosing) or not records.doses.any():
        return
    pairs = _repeated(records)
    if not pairs or len(pairs) > max(3.0, _MOST_REPLICATED * np.count_nonzero(records.scored)):
        return
    rows, dv, labels = records.raw.rows, records["dv"], records.labels

    def one(first: int, second: int) -> str:
        return f"ID {labels[first]} at TIME={records.time[first]:g} (rows {rows[first]}, {rows[second]}: {dv[first]:g}, {dv[second]:g})"

    message = f"Two observations of one thing at one time: {some([one(*pair) for pair in pairs])}."
    where = np.array([second for _, second in pairs], dtype=np.int64)
    collector.mark("D021", "W", records.columns.name("dv"), where, message, "Drop one of each pair unless they are replicates.")


def _repeated(records: Records) -> list[tuple[int, int]]:
    """Return pairs of scored observations of one subject, endpoint, compartment and time with no other event between them."""
    index = np.flatnonzero(records.scored & ~np.isnan(records.time))
    endpoint = np.unique(records.endpoint.astype(str), return_inverse=True)[1]
    compartment = np.unique(records.compartment.astype(str), return_inverse=True)[1]
    period = np.cumsum(records.event != 0)
    keys = [part[index] for part in (period, compartment, endpoint, records.time, records.subject)]
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    return sorted((int(index[order[at]]), int(index[order[at + 1]])) for at in np.flatnonzero(same).tolist())


def lonely_subjects(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D025: subjects without a dose while others have some. D026: subjects without an observation."""
    dosed, observed = records.doses.any(), records.scored.any()
    has_value = records.any_by_subject(records.scored)
    without_dose = records.first_rows[has_value & ~records.any_by_subject(records.doses)]
    without_value = records.first_rows[~has_value]
    if dosed and (expectation is None or expectation.has_dosing):
        told = "<who> <who:has|have> observations but no dose: predictions are those without a drug."
        collector.mark("D025", "W", records.columns.name("amt"), without_dose, told, "Placebo? Otherwise add the doses.")
    if not observed:
        collector.add(
            "D026",
            "W",
            records.columns.name("dv"),
            "No observation at all enters the likelihood.",
            "Predictions only? Then nothing is to do.",
        )
        return
    told = "<who> <who:has|have> no observation and <who:adds|add> nothing to the likelihood."
    collector.mark("D026", "W", records.columns.name("dv"), without_value, told, "Nothing to do, or exclude them.")


def censoring(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D038: CENS is no code or has no DV. D039: LIMIT is on the wrong side of DV. D040: values below LLOQ that are not flagged."""
    code, dv, name = records["cens"], records["dv"], records.columns.name("cens")
    wrong = ~np.isin(code, (-1, 0, 1)) & ~np.isnan(code) & records.observations
    told = f"{name}={first(code, wrong)} at <at>."
    collector.mark("D038", "E", name, wrong, told, f"{name} is 1 (below DV), -1 (above DV) or 0.")
    flagged = records.scored & np.isin(code, (-1, 1))
    empty = flagged & np.isnan(dv) & records.ok("dv")
    told = f"{name}={first(code, empty)} but DV is empty at <at>."
    collector.mark("D038", "E", name, empty, told, "Put the limit of quantification in DV.")
    _limits(records, flagged, collector)
    limits = records["lloq"]
    stated = records.columns.has("lloq") and not (expectation and expectation.lloq)
    below = records.scored & (dv < limits) & (np.nan_to_num(code) == 0) & stated
    told = f"<n> DV <is|are> below {records.columns.name('lloq')} and not flagged by CENS (<at>)."
    collector.mark(
        "D040", "W", records.columns.name("dv"), below, told, "Use Observation(..., lloq=...) or CENS=1 with DV=LLOQ for the M3 likelihood."
    )


def _limits(records: Records, flagged: np.ndarray, collector: Collector) -> None:
    limit, dv, code = records["limit"], records["dv"], records["cens"]
    wrong = flagged & (((code == 1) & (limit >= dv)) | ((code == -1) & (limit <= dv)))
    name = records.columns.name("limit")

    equal = wrong & (limit == dv)
    fix = "With CENS=1 the value lies between LIMIT and DV, with CENS=-1 between DV and LIMIT."
    collector.mark("D039", "E", name, equal, f"{name} {first(limit, equal)} = DV at <at>: the interval is empty.", fix)
    for sign, side in ((1, "above"), (-1, "below")):
        swapped = wrong & ~equal & (code == sign)
        told = f"{name} {first(limit, swapped)} is {side} DV {first(dv, swapped)} at <at>: swapped?"
        collector.mark("D039", "E", name, swapped, told, fix)


CHECKS = (missing_values, ties, duplicates, lonely_subjects, censoring)
