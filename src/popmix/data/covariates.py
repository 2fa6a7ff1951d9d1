"""Covariates: numbers or text categories, and what fills a cell that is empty on some of a subject's records."""

import numpy as np

from popmix.data.cells import label, labels, numbers, objects
from popmix.data.columns import did_you_mean
from popmix.data.expectation import Expectation
from popmix.data.findings import Collector
from popmix.data.records import Records, read_numbers
from popmix.data.table import INTERPOLATIONS
from popmix.errors import OptionError

Interpolation = str | dict[str, str] | None


def read_covariates(records: Records, expectation: Expectation | None, interpolation: Interpolation, collector: Collector) -> None:
    """Read every covariate, settle its rule between records, and carry values into empty cells (D042 where there is none to carry)."""
    _refuse_unknown(interpolation, {*records.raw.names, *records.columns.covariates})
    for name, position in records.columns.covariates.items():
        declared = expectation is not None
        categories = expectation.wanted[name] if declared else None
        values, bad = _values(records, position, categories, declared, collector)
        rule = _rule(name, records, expectation, interpolation)
        records.interpolation[name] = rule
        records.missing[name] = max(int(np.count_nonzero(is_missing(values))), (records.raw.missing or {}).get(name, 0))
        records.covariates[name] = _carried(name, values, bad, rule, records, declared, collector)


def _refuse_unknown(interpolation: Interpolation, names: set[str]) -> None:
    """Raise OptionError for a rule or a name that is none: it would be passed over, and the numbers would be others."""
    by_name = interpolation if isinstance(interpolation, dict) else {}
    rules = {f"interpolation of {name}": rule for name, rule in by_name.items()} or {"interpolation": interpolation}
    for what, rule in rules.items():
        if rule not in (*INTERPOLATIONS, None) and rule != {}:
            raise OptionError(f"{what} is {rule!r}: use one of {', '.join(INTERPOLATIONS)}.")
    for name in by_name:
        if name not in names:
            raise OptionError(f"interpolation names {name}, which is no covariate.{did_you_mean(str(name), sorted(names))}")


def _values(
    records: Records, position: int, categories: tuple | None, declared: bool, collector: Collector
) -> tuple[np.ndarray, np.ndarray]:
    raw = records.raw
    if categories and not all(isinstance(category, int | float) for category in categories):
        return _category_texts(raw.texts(position), categories), np.zeros(records.n, dtype=bool)
    if declared:
        return read_numbers(raw, position, collector, fix="Text needs declared categories: Covariate(categories=(...)).")
    values, text = numbers(raw.columns[position])
    if text.any():
        return labels(raw.columns[position]), np.zeros(records.n, dtype=bool)
    return values, np.zeros(records.n, dtype=bool)


def _category_texts(cells: list[str], categories: tuple) -> np.ndarray:
    """Return text as it stands; a number is written as its category is ("1" for 1.0); a declared category is never missing."""
    allowed = {str(category) for category in categories}
    return objects([cell if cell in allowed else label(cell) for cell in cells])


def _rule(name: str, records: Records, expectation: Expectation | None, interpolation: Interpolation) -> str:
    """The model's rule wins, then the caller's, then that of an earlier reading, then the source's own."""
    stated = expectation.interpolation.get(name) if expectation else None
    if stated is None:
        stated = interpolation.get(name) if isinstance(interpolation, dict) else interpolation
    if stated is None and records.raw.interpolation:
        stated = records.raw.interpolation.get(name)
    return stated or ("nocb" if records.raw.nonmem else "locf")


def is_missing(values: np.ndarray) -> np.ndarray:
    """Return a mask of missing values: nan, or "" in text."""
    return np.isnan(values) if values.dtype.kind == "f" else np.array([value == "" for value in values], dtype=bool)


def _carried(
    name: str, values: np.ndarray, bad: np.ndarray, rule: str, records: Records, declared: bool, collector: Collector
) -> np.ndarray:
    missing = is_missing(values)
    if not missing.any():
        return values
    result = values.copy()
    lost = np.zeros(records.n, dtype=bool)
    for start, stop in records.runs:
        known = np.flatnonzero(~missing[start:stop])
        gaps = np.flatnonzero(missing[start:stop])
        if not len(known):
            lost[start:stop] = not bad[start:stop].any()
        elif len(gaps):
            result[start + gaps] = _filled(values[start:stop], records.time[start:stop], known, gaps, rule)
    if declared:
        _report_missing(name, lost, missing & ~lost & ~bad, rule, collector)
    return result


def _filled(values: np.ndarray, time: np.ndarray, known: np.ndarray, gaps: np.ndarray, rule: str) -> np.ndarray:
    """Return values for the gaps; before the first and after the last known record the nearest one holds."""
    after = np.searchsorted(known, gaps)
    following, preceding = known[np.minimum(after, len(known) - 1)], known[np.maximum(after - 1, 0)]
    if rule == "nocb":
        return values[following]
    if rule == "locf" or values.dtype.kind != "f":
        return values[preceding]
    inside = (after > 0) & (after < len(known))
    span = time[following] - time[preceding]
    share = np.where(inside & (span > 0), (time[gaps] - time[preceding]) / np.where(span > 0, span, 1.0), 0.0)
    return values[preceding] + np.clip(share, 0.0, 1.0) * (values[following] - values[preceding])


def _report_missing(name: str, lost: np.ndarray, carried: np.ndarray, rule: str, collector: Collector) -> None:
    whole = f"{name} is empty in all rows of <who>. (NONMEM would use 0.)"
    partly = f"{name} is empty in <n> of the rows of <who> (<at>); it is carried from the subject's other rows by {rule}."
    collector.mark("D042", "E", name, lost, whole, f"Fill in {name} (an imputation is yours to choose), or exclude the subjects.")
    collector.mark("D059", "W", name, carried, partly, f"Fill the cells, or choose the rule: interpolation={{{name!r}: ...}}.")
