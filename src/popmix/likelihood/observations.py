"""The observed records of an event table as the engine takes them: values, endpoints, and what else a record holds."""

from dataclasses import dataclass

import numpy as np

from popmix.compiler.build import CompiledModel
from popmix.data import EventTable, Expectation
from popmix.data.censoring import censoring_of
from popmix.data.expectation import Kind
from popmix.errors import DataError
from popmix.likelihood.timeline import segments
from popmix.model.model import Model

_SIDES = {(1, False): "left", (-1, False): "right", (1, True): "between", (-1, True): "between"}
_NONE_BEFORE = -1.0


@dataclass(frozen=True, eq=False)
class Observed:
    """Scored records: their rows, endpoint by name, side ("" as observed, or censored), DV and the other bound of a censored one."""

    rows: np.ndarray
    endpoint: np.ndarray
    side: np.ndarray
    dv: np.ndarray
    limit: np.ndarray

    @property
    def censored(self) -> frozenset[tuple[str, str]]:
        """Endpoints with records censored on a side."""
        return frozenset((name, side) for name, side in zip(self.endpoint.tolist(), self.side.tolist(), strict=True) if side)


def observed_records(model: Model, expectation: Expectation, table: EventTable) -> Observed:
    """Return the records that enter the likelihood; with `censoring="M1"` those beyond a limit are left out.

    A value below (above) its limit whose other bound is given lies between both. Raises DataError for an unknown DVID.
    """
    rows = np.flatnonzero(table.scored)
    names = _names(model, expectation, table, rows)
    found = censoring_of(table, expectation)
    code, limit = found.code[rows], found.limit[rows]
    on_log = np.array([model.observations[name].log_additive is not None for name in names.tolist()], dtype=bool)
    # below a bound of zero there is nothing on a logarithmic scale
    bounded = np.isfinite(limit) & ~(on_log & (limit <= 0))
    side = np.array([_SIDES.get((c, b), "") for c, b in zip(code.tolist(), bounded.tolist(), strict=True)], dtype=object)
    kept = np.array([not side or model.observations[name].censoring != "M1" for name, side in zip(names, side, strict=True)], dtype=bool)
    return Observed(rows[kept], names[kept], side[kept], found.dv[rows][kept].astype(float), np.nan_to_num(limit[kept]))


def _names(model: Model, expectation: Expectation, table: EventTable, rows: np.ndarray) -> np.ndarray:
    labels = {label: expectation.endpoint_of(label) for label in set(table.endpoint[rows])}
    unknown = sorted(label for label, name in labels.items() if name is None)
    if unknown:
        raise DataError(f"DVID {', '.join(map(repr, unknown))} belongs to no endpoint of the model ({', '.join(model.observations)}).")
    return np.array([labels[label] for label in table.endpoint[rows]], dtype=object)


@dataclass(frozen=True, eq=False)
class Scored:
    """What the timeline holds of observations; `values` [rows, 4]: DV, LIMIT, the DV before and the time since.

    By subject: the Jacobian that the objective gets (2 log DV of log-scale endpoints), and the number of Gaussian observations.
    """

    rows: np.ndarray
    endpoint: np.ndarray
    y: np.ndarray
    values: np.ndarray
    constants: np.ndarray
    n_gaussian: np.ndarray


def scored_records(compiled: CompiledModel, expectation: Expectation, table: EventTable, observed: Observed) -> Scored:
    """Return the observations of a compiled model. Raises DataError for DV that have no logarithm where one is needed."""
    lowered = [one.lowered for one in compiled.endpoints]
    index = {(one.name, one.side): k for k, one in enumerate(lowered)}
    endpoint = np.array([index[key] for key in zip(observed.endpoint.tolist(), observed.side.tolist(), strict=True)], dtype=np.int64)
    on_log, is_free, is_shifted = (
        np.array([getattr(one, flag) for one in lowered])[endpoint] for flag in ("log_scale", "is_free", "is_shifted")
    )
    _require_positive(table, observed.rows[on_log & ~is_free], "log_additive= is a density of log(DV)")
    _require_positive(table, observed.rows[is_shifted], "box_cox= is a density of a power of DV")
    y = observed.dv.copy()
    taken = on_log & ~is_free
    y[taken] = np.log(y[taken])
    subjects = table.subject[observed.rows]
    jacobian = np.zeros(len(y))
    as_observed = np.array([one.side == "" for one in lowered])[endpoint]
    jacobian[on_log & as_observed] = 2.0 * np.log(observed.dv[on_log & as_observed])
    y[is_free | is_shifted] = 0.0
    return Scored(
        rows=observed.rows,
        endpoint=endpoint,
        y=y,
        values=_record_values(expectation, table, observed),
        constants=np.bincount(subjects, weights=jacobian, minlength=table.n_subjects),
        n_gaussian=np.bincount(subjects[~is_free], minlength=table.n_subjects),
    )


def _record_values(expectation: Expectation, table: EventTable, observed: Observed) -> np.ndarray:
    """Return DV, LIMIT, the endpoint's DV before and the time since then [rows, 4]; of an event, LIMIT is when its time at risk begins.

    The time since begins anew with a reset.
    """
    values = np.zeros((table.n_rows, 4))
    values[:, 2:] = _NONE_BEFORE
    segment, event_rows = segments(table), rows_of_events(expectation, observed)
    values[observed.rows, 0], values[observed.rows, 1] = observed.dv, observed.limit
    for name, outcome in expectation.outcomes.items():
        own = observed.rows[observed.endpoint == name]
        same = np.concatenate([[False], np.diff(table.subject[own]) == 0]) if len(own) else np.zeros(0, dtype=bool)
        before = np.concatenate([[_NONE_BEFORE], table.dv[own][:-1]]) if len(own) else np.zeros(0)
        values[own, 2] = np.where(same, before, _NONE_BEFORE)
        if len(own) > 1:
            follows = same & np.concatenate([[False], np.diff(segment[own]) == 0])
            values[own, 3] = np.where(follows, np.concatenate([[0.0], np.diff(table.time[own])]), _NONE_BEFORE)
        if outcome.kind is Kind.EVENT:
            values[own, 1] = risk_begins(table, own, event_rows)
    return values


def rows_of_events(expectation: Expectation, observed: Observed) -> np.ndarray:
    """Return the rows of all endpoints that are events."""
    names = [name for name, outcome in expectation.outcomes.items() if outcome.kind is Kind.EVENT]
    return observed.rows[np.isin(observed.endpoint, names)]


def risk_begins(table: EventTable, rows: np.ndarray, event_rows: np.ndarray) -> np.ndarray:
    """Return for each record of an event endpoint the time from which its hazard counts.

    That is the endpoint's record before it, otherwise the first record of the subject (after the last reset), or time 0 where that first
    record is one of `event_rows`, those of all endpoints that are events.
    """
    segment = segments(table)
    key = table.subject * (1 + segment.max(initial=0)) + segment
    first = np.searchsorted(key, key[rows])
    begins = np.where(np.isin(first, event_rows), np.minimum(0.0, table.time[first]), table.time[first])
    if len(rows) > 1:
        follows = np.concatenate([[False], key[rows][1:] == key[rows][:-1]])
        begins = np.where(follows, np.concatenate([[0.0], table.time[rows][:-1]]), begins)
    return begins


def _require_positive(table: EventTable, rows: np.ndarray, reason: str) -> None:
    wrong = rows[~(table.dv[rows] > 0)]
    if len(wrong):
        shown = ", ".join(str(row) for row in table.row[wrong[:3]])
        raise DataError(f"{len(wrong)} DV are zero or negative (rows {shown}): {reason}. Exclude them or use another error model.")
