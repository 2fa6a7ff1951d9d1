"""Checks of covariates: change within a subject, odd values, unknown categories."""

import numpy as np

from popmix.data.cells import label
from popmix.data.covariates import is_missing
from popmix.data.expectation import Expectation
from popmix.data.findings import Collector, first, some
from popmix.data.records import Records

_CONSTANT = frozenset({"SEX", "GENDER", "RACE", "ETHNIC", "ETHNICITY", "GENOTYPE"})
_RANGES = {
    ("WT", "WGT", "WEIGHT", "BW", "BWT", "WTKG"): (0.0, 700.0, "kg", False),
    ("AGE", "AGEY"): (0.0, 130.0, "years", True),
    ("HT", "HGT", "HEIGHT"): (0.0, 275.0, "cm", False),
    ("BMI",): (0.0, 200.0, "kg/m2", False),
    ("CRCL", "CLCR"): (0.0, 1000.0, "mL/min", True),
}
_WEIGHTS = ("WT", "WGT", "WEIGHT", "BW", "BWT", "WTKG")
_ADULT, _LIGHT = 18.0, 20.0


def constancy(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D043: a characteristic of a person that changes, or a covariate that is declared time-varying and never varies."""
    declared = dict(expectation.interpolation) if expectation else {}
    for name, values in records.covariates.items():
        changes = _changes(values, records.subject)
        if name.upper() in _CONSTANT:
            told = f"{name} changes within <who> (<at>)."
            collector.mark("D043", "W", name, changes, told, "Correct it, unless it is meant to vary in time.")
        if declared.get(name) and not len(changes) and len(records.ids) < records.n:
            message = f"{name} has the rule {declared[name]!r} between records but is constant in every subject."
            collector.add("D043", "I", name, message, "Nothing to do.")


def _changes(values: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Return the positions where a value differs from the record before it of the same subject."""
    missing = is_missing(values)
    differs = np.array(values[1:] != values[:-1], dtype=bool) & ~missing[1:] & ~missing[:-1]
    return np.flatnonzero(differs & (subject[1:] == subject[:-1])) + 1


def odd_values(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D044: values outside what a body can have, by the covariate's name, and adults as light as children."""
    by_upper = {name.upper(): (name, values) for name, values in records.covariates.items() if values.dtype.kind == "f"}
    for names, (lower, upper, unit, zero) in _RANGES.items():
        for name, values in (by_upper[key] for key in names if key in by_upper):
            odd = (values < lower) | (values > upper) | ((values == lower) & (not zero))
            told = f"{name}={first(values, odd)} for <who> (<at>)."
            within = f"between {lower:g} and {upper:g} {unit}" if zero else f"above {lower:g} and up to {upper:g} {unit}"
            collector.mark("D044", "W", name, odd, told, f"{name} is expected {within}: another unit, a code for missing, or a misprint?")
    if "AGE" not in by_upper:
        return
    age = by_upper["AGE"][1]
    for name, weight in (by_upper[key] for key in _WEIGHTS if key in by_upper):
        light = (age >= _ADULT) & (age <= 130) & (weight > 0) & (weight < _LIGHT)
        told = f"{name}={first(weight, light)} for an adult (AGE {first(age, light)}), <who>."
        collector.mark("D044", "W", name, light, told, "Grams, stones, or a missing digit?")


def categories(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D045: a value that is none of the declared categories; where these are texts it has no meaning for the model."""
    if expectation is None:
        return
    for name, allowed in expectation.covariates.items():
        values = records.covariates.get(name)
        if not allowed or values is None:
            continue
        known = {label(str(category)) for category in allowed} | {str(category) for category in allowed}
        texts = np.array([label(f"{value:g}" if values.dtype.kind == "f" else value) for value in values], dtype=object)
        odd = np.array([text not in known for text in texts], dtype=bool) & ~is_missing(values)
        told = f"{name} has {some(dict.fromkeys(texts[odd]), 'value')} (<who>) not in {{{', '.join(map(str, allowed))}}}."
        severity = "E" if all(isinstance(category, str) for category in allowed) else "W"
        collector.mark("D045", severity, name, odd, told, "Correct the cells, or declare the category.")


CHECKS = (constancy, odd_values, categories)
