"""Covariates of records as numbers: at the record, and for the interval that ends there."""

from dataclasses import dataclass

import numpy as np

from popmix.compiler.lower import added_columns, number_column
from popmix.data import EventTable
from popmix.errors import DataError
from popmix.likelihood.groupings import Groupings
from popmix.model.model import Model


@dataclass(frozen=True, eq=False)
class Records:
    """Covariate values [rows, covariates]: `at` the record, `between` the previous record and it; names that vary in a subject.

    `positive`: names of those that are positive in every record. Columns follow for the number of the occasion, and of a Level, within its
    subject, and for the latent group, where a model has them.
    """

    at: np.ndarray
    between: np.ndarray
    varying: frozenset[str]
    positive: frozenset[str]


def records_of(model: Model, table: EventTable, groupings: Groupings) -> Records:
    """Return the covariates that a model declares, text coded by the position of its category.

    Interval values: "nocb" takes the later record's (NONMEM's rule), "locf" the earlier one's, "linear" the mean of both,
    which is the value at the middle of the interval. Raises DataError for a missing value or an unknown category.
    """
    columns, between, varying = [], [], set()
    numbers = {number_column(one.name): one.number.astype(float) for one in groupings.below}
    starts = table.starts
    same = np.zeros(table.n_rows, dtype=bool)
    same[1:] = table.subject[1:] == table.subject[:-1]
    for name, covariate in model.covariates.items():
        values = _numbers(name, covariate.categories if covariate.holds_text else None, table)
        if np.any(values != values[starts[:-1]][table.subject]):
            varying.add(name)
        earlier = np.where(same, np.concatenate([values[:1], values[:-1]]), values)
        rule = table.interpolation.get(name, "nocb")
        columns.append(values)
        between.append({"nocb": values, "locf": earlier, "linear": 0.5 * (values + earlier)}[rule])
    for name in added_columns(model):
        # the interval between two records belongs to the occasion of the later one; the group follows for each
        number = numbers.get(name, np.zeros(table.n_rows))
        columns.append(number)
        between.append(number)
    shape = (table.n_rows, len(columns))
    return Records(
        np.ascontiguousarray(np.array(columns).T).reshape(shape) if columns else np.zeros((table.n_rows, 0)),
        np.ascontiguousarray(np.array(between).T).reshape(shape) if columns else np.zeros((table.n_rows, 0)),
        frozenset(varying),
        frozenset(name for name, values in zip(model.covariates, columns, strict=False) if np.all(values > 0)),
    )


def _numbers(name: str, categories: tuple | None, table: EventTable) -> np.ndarray:
    values = table.covariates[name]
    if categories is not None:
        codes = {category: float(code) for code, category in enumerate(categories)}
        numbers = np.array([codes.get(str(value), np.nan) for value in values])
    else:
        numbers = np.array([_number(value) for value in values]) if values.dtype == object else values.astype(float)
    missing = np.flatnonzero(~np.isfinite(numbers))
    if len(missing):
        shown = ", ".join(str(row) for row in table.row[missing[:3]])
        raise DataError(f"{name} has no usable value in {len(missing)} rows (rows {shown}): fill or exclude them.")
    return numbers


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return np.nan
