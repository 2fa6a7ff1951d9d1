"""Values beyond a limit of quantification: flagged in the data, or by the limit that a model gives."""

from dataclasses import dataclass

import numpy as np

from popmix.data.expectation import Expectation, Kind
from popmix.data.table import EventTable


@dataclass(frozen=True, eq=False)
class Censoring:
    """By record: `code` 1 below dv, -1 above dv, 0 as observed; `dv`, for a censored one the limit; `limit`, the other bound or nan."""

    code: np.ndarray
    dv: np.ndarray
    limit: np.ndarray


def censoring_of(table: EventTable, expectation: Expectation) -> Censoring:
    """Return what is censored: rows with CENS as they are, others whose DV lies below the endpoint's lloq or above its uloq.

    Outcomes that are not continuous are never censored.
    """
    code, dv, limit = np.where(table.scored, table.cens, 0), table.dv.astype(float), table.limit.astype(float)
    named = np.array([expectation.endpoint_of(label) for label in table.endpoint], dtype=object)
    for name, outcome in expectation.outcomes.items():
        if outcome.kind is not Kind.CONTINUOUS:
            code = np.where(named == name, 0, code)
    for sign, limits in ((1, expectation.lloq), (-1, expectation.uloq)):
        for name, given in limits.items():
            bound = table.covariates[given].astype(float) if isinstance(given, str) else np.full(table.n_rows, float(given))
            with np.errstate(invalid="ignore"):
                beyond = (named == name) & table.scored & (code == 0) & (sign * (bound - table.dv) > 0)
            code, dv = np.where(beyond, sign, code), np.where(beyond, bound, dv)
    return Censoring(code, dv, limit)
