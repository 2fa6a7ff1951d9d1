"""The data card: what a data set holds, on one page of text."""

import numpy as np

from popmix.data.findings import counted, some
from popmix.data.table import EventTable

_MOST_LEVELS = 6


def card(table: EventTable) -> str:
    """Return a page of text about an event table.

    Subjects, observations and share below the limit of quantification for each endpoint; doses by compartment; the span of time; every
    covariate with its distribution over subjects, missing cells and rule between records; exclusions, findings, source and SHA-256.
    """
    other = table.n_rows - table.n_observations - table.n_doses
    sizes = [counted(table.n_subjects, "subject"), counted(table.n_observations, "observation"), counted(table.n_doses, "dose record")]
    sizes += [f"{other} other"] if other else []
    parts = [
        f"Data card of {table.source}",
        f"  {', '.join(sizes)}; {counted(table.n_read, 'row')} read",
        f"  time {_number(table.time.min())} to {_number(table.time.max())}" if table.n_rows else "  no records",
        f"  sha256 {table.sha256}",
        *_exclusions(table),
        *_endpoints(table),
        *_doses(table),
        *_covariates(table),
        "Findings: " + str(table.findings.summary()),
        *(f"  {line}" for finding in table.findings for line in str(finding).splitlines()),
    ]
    return "\n".join(parts)


def _exclusions(table: EventTable) -> list[str]:
    return [f"  excluded: {reason} ({count})" for reason, count in table.excluded]


def _number(value: float) -> str:
    return f"{value:.5g}"


def _spread(values: np.ndarray) -> str:
    """Return minimum, median and maximum in words."""
    values = values[~np.isnan(values)]
    if not len(values):
        return "no values"
    return f"{_number(values.min())} to {_number(values.max())}, median {_number(np.median(values))}"


def _endpoints(table: EventTable) -> list[str]:
    lines = ["Observations"]
    for endpoint in dict.fromkeys(table.endpoint[table.scored]):
        rows = table.scored & (table.endpoint == endpoint)
        n, below = np.count_nonzero(rows), np.count_nonzero(table.cens[rows] == 1)
        subjects = len(np.unique(table.subject[rows]))
        title = f"DVID {endpoint}" if endpoint else "DV"
        lines.append(f"  {title}: {n} in {counted(subjects, 'subject')}; {_spread(table.dv[rows])}; BLQ {100 * below / n:.1f} %")
    return lines if len(lines) > 1 else ["Observations", "  none"]


def _doses(table: EventTable) -> list[str]:
    if not table.n_doses:
        return []
    lines = ["Doses"]
    for compartment in dict.fromkeys(table.compartment[table.dosing]):
        rows = table.dosing & (table.compartment == compartment)
        amounts = table.amt[rows]
        levels = np.unique(amounts[~np.isnan(amounts)])
        told = some([_number(level) for level in levels], most=_MOST_LEVELS) if len(levels) <= _MOST_LEVELS else _spread(amounts)
        title = f"CMT {compartment}" if compartment else "first compartment"
        additional = int(table.addl[rows].sum())
        more = f", {additional} additional by ADDL" if additional else ""
        subjects = len(np.unique(table.subject[rows]))
        lines.append(f"  {title}: {np.count_nonzero(rows)}{more} in {counted(subjects, 'subject')}; amount {told}")
    return lines


def _covariates(table: EventTable) -> list[str]:
    if not table.covariates:
        return []
    lines = ["Covariates (over subjects, at their first record)"]
    for name, values in table.covariates.items():
        varies = _varies(table, values)
        rule = f"varies in time, {table.interpolation[name]}" if varies else "constant in every subject"
        empty = table.missing.get(name, 0)
        lines.append(f"  {name}: {_distribution(values[table.starts[:-1]])}; {rule}; {counted(empty, 'cell')} missing")
    return lines


def _varies(table: EventTable, values: np.ndarray) -> bool:
    same = table.subject[1:] == table.subject[:-1]
    changed = values[1:] != values[:-1]
    if values.dtype.kind == "f":
        changed = changed & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    return bool(np.any(same & changed.astype(bool)))


def _distribution(values: np.ndarray) -> str:
    different = np.unique(values.astype(str) if values.dtype.kind == "O" else values[~np.isnan(values)])
    if values.dtype.kind == "f" and len(different) > _MOST_LEVELS:
        return _spread(values)
    counts = [f"{_number(level) if values.dtype.kind == 'f' else level} ({np.count_nonzero(values == level)})" for level in different]
    return some(counts, most=_MOST_LEVELS) or "no values"
