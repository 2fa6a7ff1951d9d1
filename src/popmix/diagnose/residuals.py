"""Residuals of every kind in one table: those of a fit, and those by simulation from it."""

from dataclasses import dataclass

import numpy as np

from popmix.diagnose.npde import DECORRELATIONS, Limits, Normality, errors_of, normality
from popmix.diagnose.quantile_residuals import is_continuous, quantile_residuals
from popmix.errors import OptionError, SupportError
from popmix.estimate import Fit
from popmix.estimate.binding import bound
from popmix.estimate.progress import Progress, Silent
from popmix.likelihood import Problem
from popmix.simulate import Replicates, replicates
from popmix.table import Table

_DV, _LIMIT, _TAD = 2, 3, 1  # columns of a record's times
_IMPUTING = 7  # the stream of random numbers for values beyond a limit


@dataclass(frozen=True, eq=False, repr=False)
class Residuals:
    """Predictions and residuals of every observation of a fit.

    `table`: ID, TIME, TAD, DV, PRED, IPRED, RES, IRES, WRES, IWRES, CWRES, EPRED, EWRES, NPDE, NPD, DVID (with several endpoints),
    CENSORED, LOW and HIGH (between which a censored value lies), covariates. `n`: number of replicates, 0 without simulation;
    `decorrelation`: of NPDE and EWRES. `notes`: what could not be computed, in words.
    """

    table: Table
    n: int
    decorrelation: str
    seed: int
    notes: tuple[str, ...]

    def tests(self, column: str = "NPDE") -> dict[str, Normality]:
        """Return by endpoint ("" when there is one) whether a column of residuals is standard normal. Raises OptionError without it."""
        if column not in self.table:
            raise OptionError(f"there is no column {column!r}; there are {', '.join(self.table)}.")
        labels = self.table["DVID"] if "DVID" in self.table else np.full(self.table.n_rows, "", dtype=object)
        return {name: normality(self.table[column][labels == name].astype(float)) for name in dict.fromkeys(labels.tolist())}

    def __repr__(self) -> str:
        lines = [f"Residuals of {self.table.n_rows} observations" + (f", {self.n} replicates" if self.n else "")]
        for name, own in (self.tests("NPDE") if self.n else {}).items():
            lines.append(f"NPDE{f' of {name}' if name else ''}: {described(own)}")
        return "\n".join([*lines, *self.notes, repr(self.table)])


def described(own: Normality) -> str:
    """Return moments and adjusted p-values in a line."""
    if own.n < 3 or np.isnan(own.variance):
        return f"{own.n} values, too few (or too alike) for tests"
    mean, variance, shape = own.adjusted
    return (
        f"mean {own.mean:.3g} (SE {own.se_mean:.2g}), variance {own.variance:.3g} (SE {own.se_variance:.2g}); adjusted p of mean "
        f"{mean:.3g}, variance {variance:.3g}, normality {shape:.3g}; global p {own.p_global:.3g}"
    )


def residuals(
    fit: Fit,
    n: int = 1000,
    *,
    decorrelation: str = "cholesky",
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Residuals:
    """Return all residuals of a fit; those by simulation (EPRED, EWRES, NPDE, NPD) from `n` replicates.

    NPDE and EWRES take the observations of a subject and an endpoint together; see `popmix.diagnose.npde` for continuous outcomes and
    `popmix.diagnose.quantile_residuals` for others. n=0 leaves the simulation out. Raises OptionError for wrong arguments.
    """
    if decorrelation not in DECORRELATIONS:
        raise OptionError(f"decorrelation={decorrelation!r} doesn't exist: it is {' or '.join(map(repr, DECORRELATIONS))}.")
    told = progress or Silent()
    problem = bound(fit, told)
    if n == 0:
        return Residuals(_table(fit, problem, {}), 0, decorrelation, seed, ())
    told.update("simulate", None, f"{n} replicates")
    try:
        simulated = replicates(problem, fit.parameters, n, seed=seed, threads=threads)
    except SupportError as error:
        return Residuals(_table(fit, problem, {}), 0, decorrelation, seed, (f"No NPDE: {error}",))
    return residuals_from(fit, simulated, decorrelation=decorrelation, seed=seed, threads=threads)


def residuals_from(
    fit: Fit, simulated: Replicates, *, decorrelation: str = "cholesky", seed: int = 1, threads: int | None = None
) -> Residuals:
    """Return all residuals of a fit from replicates that are there already."""
    problem, nothing = simulated.problem, np.full(simulated.problem.n_observations, np.nan)
    columns = {name: nothing.copy() for name in ("EPRED", "EWRES", "NPDE", "NPD")}
    for name, rows in simulated.outcomes.rows():
        if is_continuous(problem, name):
            _add_errors(columns, simulated, name, rows, decorrelation, seed)
            continue
        found = quantile_residuals(simulated, name, rows, seed, threads)
        columns["NPDE"][rows], columns["NPD"][rows] = found.npde, found.npd
        if simulated.outcomes.family(name, simulated.values) is not None:
            columns["EPRED"][rows] = simulated.dv[:, rows].mean(axis=0)
    return Residuals(_table(fit, problem, columns), simulated.n, decorrelation, seed, tuple(_lost(simulated, np.isnan(columns["NPDE"]))))


def _lost(simulated: Replicates, missing: np.ndarray) -> list[str]:
    """Return why some observations have no NPDE."""
    problem, notes = simulated.problem, []
    subject = problem.data.subject[problem.timeline.observed_row]
    missing = missing & (problem.weights[subject] > 0)
    failures = simulated.failures
    failed, rest = np.count_nonzero(missing & (failures > 0)), np.count_nonzero(missing & (failures == 0))
    if failed:
        worst = int(np.argmax(np.where(missing, failures, 0)))
        notes.append(
            f"{failed} of {len(missing)} observations have no NPDE: they can't be computed in some replicates (those of subject "
            f"{problem.data.ids[subject[worst]]} in {failures[worst]} of {simulated.n}). Random effects that are drawn may make a "
            "parameter impossible: one that must not be negative is better a LogNormal than a Normal."
        )
    if rest:
        notes.append(
            f"{rest} of {len(missing)} observations have no NPDE: their subjects have too many (or too similar) observations for "
            f"{simulated.n} replicates."
        )
    return notes


def _add_errors(columns: dict[str, np.ndarray], simulated: Replicates, name: str, rows: np.ndarray, decorrelation: str, seed: int) -> None:
    problem = simulated.problem
    subject = problem.data.subject[problem.timeline.observed_row[rows]]
    y = problem.timeline.times[problem.timeline.observed_row[rows], _DV]
    limits = limits_of(problem, name, rows)
    for one in np.unique(subject).tolist():
        own = np.flatnonzero(subject == one)
        usable = own[np.all(np.isfinite(simulated.dv[:, rows[own]]), axis=0)]
        if problem.weights[one] == 0 or not len(usable):
            continue
        cut = Limits(limits.low[usable], limits.high[usable], limits.side[usable])
        random = np.random.default_rng((seed, _IMPUTING, one, *map(ord, name)))
        found = errors_of(y[usable], simulated.dv[:, rows[usable]], decorrelation, cut, random)
        for column, values in (("EPRED", found.epred), ("EWRES", found.ewres), ("NPDE", found.npde), ("NPD", found.npd)):
            columns[column][rows[usable]] = values


def limits_of(problem: Problem, name: str, rows: np.ndarray) -> Limits:
    """Return the limits of quantification of an endpoint's observations.

    A censored observation has its own; others have the one that the model declares, else the commonest of the censored ones.
    """
    endpoints = problem.compiled.endpoints
    side = np.array([one.lowered.side for one in endpoints], dtype=object)[problem.timeline.endpoint[rows]]
    records = problem.timeline.observed_row[rows]
    y, other = problem.timeline.times[records, _DV], problem.timeline.times[records, _LIMIT]
    declared = problem.model.observations[name]
    low, high = (_declared(problem, one, records) for one in (declared.lloq, declared.uloq))
    for bound_of, which in ((low, "left"), (high, "right")):
        own = side == which
        if np.any(own):
            values, counts = np.unique(y[own], return_counts=True)
            bound_of[np.isnan(bound_of)] = values[np.argmax(counts)]
            bound_of[own] = y[own]
    between = side == "between"
    low, high = (np.where(between, edge(y, other), bound_of) for edge, bound_of in ((np.minimum, low), (np.maximum, high)))
    return Limits(low, high, side)


def _declared(problem: Problem, limit: object, records: np.ndarray) -> np.ndarray:
    """Return a declared limit, a number or a column, for records; nan where there is none."""
    value = getattr(limit, "value", None)
    if isinstance(value, float):
        return np.full(len(records), value)
    column = problem.data.covariates.get(value if isinstance(value, str) else getattr(limit, "name", ""))
    return np.full(len(records), np.nan) if column is None else column[records].astype(float)


def _table(fit: Fit, problem: Problem, columns: dict[str, np.ndarray]) -> Table:
    """Return the table of a fit with more columns in their places."""
    own, rows = fit.predictions_table, problem.timeline.observed_row
    after = dict(columns)
    found: dict[str, np.ndarray] = {}
    for name in own:
        found[name] = columns.get(name, own[name]) if name == "NPDE" else own[name]
        if name == "TIME":
            since = problem.timeline.times[rows, _TAD]
            found["TAD"] = np.where(since < 0, np.nan, since)
        if name == "CWRES":
            found |= {one: after[one] for one in ("EPRED", "EWRES") if one in after}
        if name == "NPDE" and "NPD" in after:
            found["NPD"] = after["NPD"]
    if "CENSORED" in found:
        found |= _bounds(problem)
    return Table(found, own.units)


def _bounds(problem: Problem) -> dict[str, np.ndarray]:
    """Return between what censored values lie: LOW is nan for those below a limit, HIGH for those above one."""
    side = np.array([one.lowered.side for one in problem.compiled.endpoints], dtype=object)[problem.timeline.endpoint]
    records = problem.timeline.observed_row
    y, other = problem.timeline.times[records, _DV], problem.timeline.times[records, _LIMIT]
    between = side == "between"
    low = np.where(between, np.minimum(y, other), np.where(side == "right", y, np.nan))
    return {"LOW": low, "HIGH": np.where(between, np.maximum(y, other), np.where(side == "left", y, np.nan))}
