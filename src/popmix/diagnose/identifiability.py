"""Whether data can tell the parameters of a model apart: before a fit at its start values, or after it at the estimates.

Before: the expected information of the OFV (at the modes of the effects, on the unconstrained scale). After: its second derivatives. With
D the diagonal, the eigenvalues of D^-1/2 I D^-1/2 say how much is known of combinations of parameters, 1 where all are independent:

    0 on the diagonal        the parameter never reaches a prediction of an observation
    eigenvalue below 1e-7    a combination that the data do not determine at all
    below 0.02               one that is weak: correlations of estimates of about 0.98 and more, told where its error is large too

The predicted standard errors are the square roots of the diagonal of (I / 2)^-1, carried to the natural scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from popmix.data.findings import some
from popmix.errors import OptionError
from popmix.estimate import Fit, evaluate
from popmix.estimate.binding import bound
from popmix.estimate.directions import Direction
from popmix.estimate.method import Method
from popmix.estimate.objective import Objective
from popmix.estimate.observed import observed_information
from popmix.estimate.progress import Progress
from popmix.estimate.scale import Scale
from popmix.likelihood import Problem
from popmix.model.model import Model
from popmix.table import Table

_NONE, _WEAK = 1e-7, 0.02
# a weak combination is told where a parameter of it has at least this error on the unconstrained scale (of a logarithm: relative)
_LARGE = 0.5
_LEAST_PART = 0.15


@dataclass(frozen=True, eq=False, repr=False)
class Identifiability:
    """What data can say of the parameters of a model. `after`: at the estimates of a fit, else at start values.

    `unreached`: parameters that never reach a prediction; `flat`, `weak`: combinations that are not determined, and hardly; `rank` of
    `n` parameters; `condition_number`: largest over smallest eigenvalue of the correlation matrix of the estimates; `table`: NAME, VALUE,
    SE and RSE (percent) as predicted, nan where not determined. `sentences`: all of it in words, with what to do.
    """

    after: bool
    unreached: tuple[str, ...]
    flat: tuple[Direction, ...]
    weak: tuple[Direction, ...]
    rank: int
    n: int
    condition_number: float
    table: Table
    sentences: tuple[str, ...]

    @property
    def is_fine(self) -> bool:
        """Whether every parameter is determined, and none weakly."""
        return not (self.unreached or self.flat or self.weak)

    def document(self) -> dict[str, Any]:
        """Return the machine form."""
        found = {"rank": self.rank, "parameters": self.n, "condition_number": self.condition_number, "unreached": self.unreached}
        directions = {name: [dict(one.parts) for one in getattr(self, name)] for name in ("flat", "weak")}
        return found | directions | {"sentences": self.sentences, "table": list(self.table.rows())}

    def __repr__(self) -> str:
        where = "at the estimates" if self.after else "at the start values"
        head = f"Identifiability {where}: rank {self.rank} of {self.n} parameters, condition number {self.condition_number:.3g}"
        return "\n".join([head, *(f"- {sentence}" for sentence in self.sentences), repr(self.table)])


def identifiability(
    model: Model | Fit,
    data: Any = None,
    method: Method | None = None,
    *,
    at: Mapping[str, float] | None = None,
    columns: Mapping[str, str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Identifiability:
    """Return what data can say of the parameters of a model, before any fit at its start values (or `at`), or of a Fit at its estimates.

    Raises OptionError for a model without data; otherwise as `popmix.evaluate` does.
    """
    if isinstance(model, Fit):
        return _judged(model, True, threads, progress)
    if data is None:
        raise OptionError("identifiability is judged from data: identifiability(model, data), or identifiability(fit).")
    found = evaluate(model, data, method, at=at, columns=columns, threads=threads, progress=progress)
    return _judged(found, False, threads, progress)


def _judged(fit: Fit, after: bool, threads: int | None, progress: Progress | None) -> Identifiability:
    problem, method = bound(fit, progress), fit.method.judge
    scale = Scale.of(fit.parameters)
    rule, priors = method.rule_at(problem, fit.parameters, threads), method.priors(problem, fit.parameters)
    objective = Objective(problem, scale, rule, threads, priors)
    point = objective.point(scale.pack(fit.parameters), method.evaluate(problem, fit.parameters, threads))
    information = observed_information(objective, point, progress) if after else objective.curvature(point).information
    return judged(information, scale, point.x, _window(problem), after=after)


def judged(information: np.ndarray, scale: Scale, x: np.ndarray, window: str, *, after: bool) -> Identifiability:
    """Return what an information matrix [free, free] on the unconstrained scale says. `window`: when samples were taken, in words."""
    names, diagonal = np.array(scale.names, dtype=object), np.diag(information)
    tiny = 1e-12 * max(float(np.nanmax(np.abs(diagonal), initial=0.0)), 1e-300)
    reached = np.abs(diagonal) > tiny
    unreached = tuple(names[~reached].tolist())
    own = np.flatnonzero(reached & (diagonal > 0))
    values, vectors, errors = _decomposed(information, own)
    flat = tuple(_direction(values[k], vectors[:, k], names[own]) for k in np.flatnonzero(values < _NONE))
    weak = []
    for k in np.flatnonzero((values >= _NONE) & (values < _WEAK)):
        found = _direction(values[k], vectors[:, k], names[own])
        involved = [errors[names[own].tolist().index(name)] for name, _ in found.parts]
        if not np.all(np.isfinite(involved)) or max(involved, default=0.0) > _LARGE:
            weak.append(found)
    se = np.full(len(names), np.nan)
    if not flat:
        se[own] = errors
    natural = scale.jacobian(x)[scale.free]
    table = _table(scale, x, se, natural)
    condition = float("inf") if flat or unreached else float(values[-1] / values[0]) if len(values) else float("nan")
    negative = tuple(names[np.flatnonzero(reached & (diagonal < 0))].tolist())
    return Identifiability(
        after=after,
        unreached=unreached,
        flat=flat,
        weak=tuple(weak),
        rank=int(np.count_nonzero(values >= _NONE)),
        n=len(names),
        condition_number=condition,
        table=table,
        sentences=tuple(_sentences(unreached, negative, flat, tuple(weak), window)),
    )


def _decomposed(information: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return eigenvalues and vectors of the information scaled to unit diagonal, and errors on the unconstrained scale."""
    if not len(own):
        return np.zeros(0), np.zeros((0, 0)), np.zeros(0)
    part = information[np.ix_(own, own)]
    root = np.sqrt(np.diag(part))
    values, vectors = np.linalg.eigh(part / np.outer(root, root))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.einsum("ik,k->i", vectors**2, np.where(values > _NONE, 1.0 / values, np.inf)) if len(values) else values
    return values, vectors, np.sqrt(2.0 * np.where(np.isfinite(spread), spread, np.nan)) / root


def _direction(value: float, vector: np.ndarray, names: np.ndarray) -> Direction:
    ranked = sorted(zip(names.tolist(), vector.tolist(), strict=True), key=lambda part: -abs(part[1]))
    sign = 1.0 if ranked[0][1] > 0 else -1.0
    return Direction(float(value), tuple((name, sign * weight) for name, weight in ranked if abs(weight) >= _LEAST_PART))


def _table(scale: Scale, x: np.ndarray, se: np.ndarray, natural: np.ndarray) -> Table:
    values = scale.unpack(x)[scale.free]
    # correlations of a block hang together on the unconstrained scale; the diagonal is what a table of single errors shows
    errors = np.abs(np.diag(natural)) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(values == 0, np.nan, 100 * errors / np.abs(values))
    return Table({"NAME": np.array(scale.names, dtype=object), "VALUE": values, "SE": errors, "RSE": relative})


def _sentences(
    unreached: tuple[str, ...], negative: tuple[str, ...], flat: tuple[Direction, ...], weak: tuple[Direction, ...], window: str
) -> list[str]:
    found = []
    if unreached:
        verb = "never reaches" if len(unreached) == 1 else "never reach"
        found.append(f"{some(unreached, most=8)} {verb} a prediction of an observation {window}: fix, drop, or observe what depends on it.")
    if negative:
        found.append(f"The OFV falls on both sides of {some(negative, most=8)}: these are no estimates of a minimum.")
    for one in flat:
        mend = "Fix one of them, put a prior on one, or sample where they act differently"
        if len(one.parts) == 1:
            found.append(f"{one.parts[0][0]} is not determined {window}. Fix it, put a prior on it, or sample where it acts.")
        else:
            found.append(f"{_listed(one)} can't be told apart {window}: along {one} nothing changes. {mend}.")
    for one in weak:
        found.append(
            f"{_listed(one)} can hardly be told apart {window} ({100 * one.curvature:.2g} % of the information of independent ones)."
        )
    return found or ["Every parameter is determined by the data."]


def _listed(direction: Direction) -> str:
    *first, last = [name for name, _ in direction.parts]
    return f"{', '.join(first)} and {last}" if first else last


def _window(problem: Problem) -> str:
    """Return when samples were taken, in words: by endpoint where there are several."""
    names = np.array([one.lowered.name for one in problem.compiled.endpoints], dtype=object)[problem.timeline.endpoint]
    time = problem.data.time[problem.timeline.observed_row]
    parts = []
    for name in dict.fromkeys(names.tolist()):
        own = time[names == name]
        span = f"at time {own.min():g}" if own.min() == own.max() else f"from time {own.min():g} to {own.max():g}"
        parts.append(span if len(set(names.tolist())) == 1 else f"of {name} {span}")
    return f"with samples {', '.join(parts)}"
