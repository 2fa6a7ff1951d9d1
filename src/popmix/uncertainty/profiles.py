"""Profiles of the likelihood: how the OFV rises when one parameter is held away from its estimate and all others are fitted again.

    dOFV(x) = min over the others of OFV(x, others) - OFV(estimates)

The ends of the interval are where dOFV reaches the quantile of chi-square with one degree of freedom (3.84 for 95 %). Source: Venzon and
Moolgavkar (Appl Stat 37:87, 1988); PsN's llp.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from popmix.errors import FitError, OptionError
from popmix.estimate.binding import bound
from popmix.estimate.objective import Objective
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.result import Fit
from popmix.estimate.scale import Scale
from popmix.likelihood import Problem
from popmix.model.parameters import Parameters
from popmix.table import Table
from popmix.uncertainty.quantiles import normal_quantile

# the end of an interval is found when dOFV is as near as this to the quantile: three digits of it
_NEAR = 0.01
_MOST_TRIES = 12
# beyond so many standard errors the likelihood is said to have no end
_FARTHEST = 20.0
# an OFV lower than that of the fit by more than this is another optimum
_LOWER = 0.01
# a first step on a flat likelihood, in units of the unconstrained scale
_LARGEST_STEP = 2.0


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """Profiles of parameters. points: parameter, value, dofv; intervals: parameter, value, lower, upper, note.

    An end is infinite (or the bound) where dOFV does not reach the quantile: the data set no limit there.
    """

    level: float
    points: Table
    intervals: Table

    def interval(self, name: str) -> tuple[float, float]:
        """Return the interval of a parameter. Raises OptionError for one that was not profiled."""
        names = self.intervals["name"].tolist()
        if name not in names:
            raise OptionError(f"{name} was not profiled: there are {', '.join(names)}.")
        row = names.index(name)
        return float(self.intervals["lower"][row]), float(self.intervals["upper"][row])

    def __repr__(self) -> str:
        return f"Profiles of the likelihood, {100 * self.level:g} % intervals\n{self.intervals!r}"


def profile(
    fit: Fit,
    names: str | Sequence[str] | None = None,
    *,
    level: float = 0.95,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Profile:
    """Return profiles of some parameters of a fit (default: all that were estimated).

    Correlations of blocks of more than two effects can't be held one by one and are refused; without names they are left out. Raises
    OptionError for names that were not estimated, and for a wrong level.
    """
    limit = normal_quantile(level) ** 2
    chosen = _chosen(fit.parameters, names)
    problem, told = bound(fit, progress), progress or Silent()
    point = _Reference.of(problem, fit, threads)
    points: list[tuple[str, float, float]] = []
    rows = []
    for k, name in enumerate(chosen):
        told.update("profile", k / len(chosen), f"profile of {name}")
        search = _Search(problem, fit, point, name, limit, threads)
        (low, below), (high, above) = search.end(-1.0), search.end(1.0)
        points += sorted([(name, fit.parameters[name], 0.0), *search.points], key=lambda one: one[1])
        rows.append((name, fit.parameters[name], low, high, "; ".join(filter(None, dict.fromkeys((below, above))))))
    return Profile(level, _table(points, ("name", "value", "dofv")), _table(rows, ("name", "value", "lower", "upper", "note")))


def _table(rows: list[tuple], names: tuple[str, ...]) -> Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    kinds = {"name": object, "note": object}
    return Table({name: np.array(column, dtype=kinds.get(name, float)) for name, column in zip(names, columns, strict=True)})


def _chosen(own: Parameters, names: str | Sequence[str] | None) -> list[str]:
    crowded = {own.names[position] for block in own.blocks if len(block.etas) > 2 for _, _, position in block.correlations}
    if names is None:
        return [name for name, fixed in zip(own.names, own.fixed, strict=True) if not fixed and name not in crowded]
    chosen = [names] if isinstance(names, str) else list(names)
    fixed = [name for name in chosen if own.fixed[own.index(name)]]
    if fixed:
        raise OptionError(f"{', '.join(fixed)} was not estimated and has no profile.")
    refused = sorted(crowded.intersection(chosen))
    if refused:
        raise OptionError(f"{', '.join(refused)}: correlations of more than two effects have no profile; use sir().")
    return chosen


@dataclass(frozen=True, eq=False)
class _Reference:
    """The estimates: OFV, coordinates and standard errors on the unconstrained scale by the expected information."""

    ofv: float
    scale: Scale
    x: np.ndarray
    errors: np.ndarray

    @classmethod
    def of(cls, problem: Problem, fit: Fit, threads: int | None) -> "_Reference":
        scale = Scale.of(fit.parameters)
        method = fit.method.judge
        rule, priors = method.rule_at(problem, fit.parameters, threads), method.priors(problem, fit.parameters)
        objective = Objective(problem, scale, rule, threads, priors)
        point = objective.point(scale.pack(fit.parameters), method.evaluate(problem, fit.parameters, threads))
        information = 0.5 * objective.curvature(point).information
        errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(information)), 0.0))
        return cls(point.value, scale, point.x, np.where(errors > 0, np.minimum(errors, _LARGEST_STEP), _LARGEST_STEP))


class _Search:
    """The search for the two ends of one profile; `points` are the values tried."""

    def __init__(self, problem: Problem, fit: Fit, reference: _Reference, name: str, limit: float, threads: int | None) -> None:
        self.problem, self.fit, self.reference, self.limit, self.threads = problem, fit, reference, limit, threads
        self.name, self.k = name, reference.scale.names.index(name)
        self.position = fit.parameters.index(name)
        self.points: list[tuple[str, float, float]] = []
        self.last = fit.parameters

    def end(self, sign: float) -> tuple[float, str]:
        """Return where dOFV reaches the limit on one side, and a note where it does not."""
        root, self.last = np.sqrt(self.limit), self.fit.parameters
        error = self.reference.errors[self.k]
        inner, outer, value, distance = (0.0, 0.0), None, np.nan, root * error
        for _ in range(_MOST_TRIES):
            value, rise = self.at(sign * distance)
            if not np.isfinite(rise):
                return value, f"can't be fitted at {value:.4g}"
            if rise < -_LOWER:
                return value, f"the OFV is lower by {-rise:.3g} at {value:.4g}: the fit was not at the minimum"
            if abs(rise - self.limit) < _NEAR:
                return value, ""
            signed = np.sqrt(max(rise, 0.0))
            inner, outer = (inner, (distance, signed)) if rise > self.limit else ((distance, signed), outer)
            if outer is None and distance >= _FARTHEST * error:
                break
            distance = self._next(inner, outer, root, error)
        return (value, "the search for the end stopped early") if outer else (self._edge(sign), "the data set no limit")

    def _next(self, inner: tuple[float, float], outer: tuple[float, float] | None, root: float, error: float) -> float:
        """Return the next distance: the root of dOFV is nearly linear in it."""
        if outer is None:
            return min(inner[0] * min(max(root / max(inner[1], 1e-3), 1.3), 3.0), _FARTHEST * error)
        share = (root - inner[1]) / (outer[1] - inner[1])
        return inner[0] + min(max(share, 0.05), 0.95) * (outer[0] - inner[0])

    def _edge(self, sign: float) -> float:
        own = self.fit.parameters
        return float((own.lower if sign < 0 else own.upper)[self.position])

    def at(self, shift: float) -> tuple[float, float]:
        """Return the value at a distance on the unconstrained scale, and dOFV there."""
        x = self.reference.x.copy()
        x[self.k] += shift
        value = float(self.reference.scale.unpack(x)[self.position])
        held = self.fit.parameters.fixed.copy()
        held[self.position] = True
        start = self.last.values.copy()
        start[self.position] = value
        try:
            found = self.fit.method.judge.minimise(self.problem, self.last.with_fixed(held).unchecked(start), self.threads, Silent())
        except FitError:
            return value, np.nan
        self.last = replace(found.point.state.parameters, fixed=self.fit.parameters.fixed)
        rise = found.point.value - self.reference.ofv
        self.points.append((self.name, value, rise))
        return value, rise
