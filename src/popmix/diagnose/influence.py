"""Influence of subjects on the estimates: what becomes of them when one is left out.

With g_i the gradient and H_i the second derivatives of the OFV of subject i (weight w_i) at the estimates, on the unconstrained scale, and
H their weighted sum,

    x(-i) = x + (H - w_i H_i)^-1 w_i g_i          one step of Newton's method without the subject (exact where the OFV is quadratic)
    Cook's score = sqrt((theta - theta(-i))' cov^-1 (theta - theta(-i)))
    covariance ratio = sqrt(det cov(-i) / det cov),       cov = 2 H^-1

as PsN's cdd has them, on the natural scale; its scores come from refits: `refit=True`. One step takes the curvature of the others where
all have their estimates, so that its covariance ratio misses what the shift does to it. A score of 1 moves the estimates by a standard
error along some direction; a ratio above 1 says that the subject adds certainty. Subjects that share effects of a level above them are
left out together.
"""

from dataclasses import dataclass

import numpy as np

from popmix.data.findings import counted, some
from popmix.engine.equations import EQUATIONS
from popmix.errors import OptionError, PopmixError
from popmix.estimate import Fit
from popmix.estimate import fit as estimate
from popmix.estimate.binding import bound
from popmix.estimate.descent import Point
from popmix.estimate.objective import Objective, natural_scores
from popmix.estimate.observed import observed_information
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.scale import Scale
from popmix.likelihood import Problem
from popmix.plot import Picture, influence_picture
from popmix.table import Table

# distances of central differences in standard errors: those of the observed information, longer where integration adds noise
_STEP, _STEP_OF_EQUATIONS = 0.01, 0.06
_BENT = "the OFV of the others has no minimum near: the step is taken with the curvature of all, use refit=True"


@dataclass(frozen=True, eq=False, repr=False)
class Influence:
    """What leaving out each subject (or group of subjects) does. `refit`: whether estimates were found again, or by one step.

    `table`: ID, OFV (of the subject), COOK, COVARIANCE_RATIO, LARGEST (the parameter that moves most, in standard errors) and
    SHIFT (by how many), and for every parameter `d_NAME`, its change in standard errors. `failed`: subjects without which there was no
    estimate (nan), or no curvature to step with, and why.
    """

    refit: bool
    table: Table
    failed: dict[str, str]

    def picture(self) -> Picture:
        """Return Cook's score against the covariance ratio, extreme subjects named."""
        return influence_picture(self.table)

    def __repr__(self) -> str:
        how = "refits" if self.refit else "one step of Newton's method"
        order = np.argsort(-np.nan_to_num(self.table["COOK"], nan=np.inf), kind="stable")[:10]
        names = ("ID", "OFV", "COOK", "COVARIANCE_RATIO", "LARGEST", "SHIFT")
        shown = Table({name: self.table[name][order] for name in names})
        lost = [f"Without {one}: {why}" for one, why in self.failed.items()]
        what = "group" if any(", " in one for one in self.table["ID"].tolist()) else "subject"
        return "\n".join([f"Influence of {counted(self.table.n_rows, what)} by {how}; the largest first", repr(shown), *lost])


def influence(
    fit: Fit, covariance: object, *, refit: bool = False, threads: int | None = None, progress: Progress | None = None
) -> Influence:
    """Return the influence of every subject on the estimates of a fit.

    covariance: that of the estimates (`popmix.covariance(fit, "r")` or another kind), which scores are measured by; its standard errors are
    the unit of shifts. refit: estimate again without each subject, from the estimates, in place of one step. Raises OptionError for a
    covariance that does not exist.
    """
    if not covariance.exists:
        raise OptionError(f"influence is measured in standard errors, and there are none: {covariance.trouble}")
    told = progress or Silent()
    problem = bound(fit, told)
    method = fit.method.judge
    scale = Scale.of(fit.parameters.with_fixed(~np.isin(fit.parameters.names, covariance.names)))
    rule, priors = method.rule_at(problem, fit.parameters, threads), method.priors(problem, fit.parameters)
    objective = Objective(problem, scale, rule, threads, priors)
    point = objective.point(scale.pack(fit.parameters), method.evaluate(problem, fit.parameters, threads))
    units = _units(problem)
    hessian, by_unit = _second_derivatives(objective, point, units, told)
    if refit:
        found = _refitted(fit, problem, units, scale, hessian, threads, told)
    else:
        found = _one_step(problem, objective, point, units, hessian, by_unit)
    return Influence(refit, _table(fit, problem, units, covariance, scale, found), found.failed)


@dataclass(frozen=True, eq=False)
class _Found:
    """Values [units, parameters] of the free parameters without each unit, covariance ratios, and what failed by the name of the unit."""

    values: np.ndarray
    ratio: np.ndarray
    failed: dict[str, str]


def _units(problem: Problem) -> list[np.ndarray]:
    """Return the positions of the subjects that are left out together."""
    counted_ones = np.flatnonzero(problem.weights > 0)
    if not problem.effects.n_above:
        return [np.array([one]) for one in counted_ones.tolist()]
    group = problem.groupings.above[0].group
    return [counted_ones[group[counted_ones] == one] for one in np.unique(group[counted_ones]).tolist()]


def _name(problem: Problem, unit: np.ndarray) -> str:
    return some([problem.data.ids[one] for one in unit.tolist()], most=5)


def _second_derivatives(objective: Objective, point: Point, units: list[np.ndarray], told: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Return H [free, free] and the part [units, free, free] that each unit has in it, by differences of exact gradients."""
    problem, size = objective.problem, len(point.x)
    distance = _STEP_OF_EQUATIONS if problem.code.route == EQUATIONS else _STEP
    expected = np.maximum(np.diag(objective.curvature(point).information), 1e-8)
    reach = np.minimum(1.0 / np.sqrt(0.5 * expected), 0.5 * np.maximum(1.0, np.abs(point.x)))
    whole, parts = np.zeros((size, size)), np.zeros((len(units), size, size))
    for k in range(size):
        told.update("influence", k / size, f"second derivatives of {objective.scale.names[k]}")
        for sign in (1.0, -1.0):
            step = np.zeros(size)
            step[k] = sign * distance * reach[k]
            there = objective.at(point.x + step, point)
            if there is None:
                whole[k], parts[:, k] = np.nan, np.nan
                continue
            factor = sign / (2 * distance * reach[k])
            whole[k] += factor * there.gradient
            parts[:, k] += factor * _gradients(objective, there, units)
    return 0.5 * (whole + whole.T), 0.5 * (parts + parts.transpose(0, 2, 1))


def _gradients(objective: Objective, point: Point, units: list[np.ndarray]) -> np.ndarray:
    """Return the weighted gradient [units, free] of every unit."""
    problem = objective.problem
    scores = natural_scores(problem, point.state) @ objective.scale.jacobian(point.x) * problem.weights[:, None]
    return np.stack([scores[unit].sum(axis=0) for unit in units])


def _one_step(
    problem: Problem, objective: Objective, point: Point, units: list[np.ndarray], hessian: np.ndarray, by_unit: np.ndarray
) -> _Found:
    gradients, scale = _gradients(objective, point, units), objective.scale
    values, ratio, failed = np.full((len(units), len(scale.free)), np.nan), np.full(len(units), np.nan), {}
    for k, unit in enumerate(units):
        left = hessian - by_unit[k]
        fine = np.all(np.isfinite(left)) and np.linalg.eigvalsh(left)[0] > 0
        if not fine:
            failed[_name(problem, unit)] = _BENT
        there = point.x + np.linalg.solve(left if fine else hessian, gradients[k])
        values[k] = scale.unpack(there)[scale.free]
        ratio[k] = _spread(left, scale, there) / _spread(hessian, scale, point.x) if fine else np.nan
    return _Found(values, ratio, failed)


def _spread(information: np.ndarray, scale: Scale, x: np.ndarray) -> float:
    """Return sqrt(det cov) on the natural scale, but for a constant, from the second derivatives at coordinates x."""
    return float(np.exp(np.linalg.slogdet(scale.jacobian(x)[scale.free])[1] - 0.5 * np.linalg.slogdet(information)[1]))


def _refitted(
    fit: Fit, problem: Problem, units: list[np.ndarray], scale: Scale, hessian: np.ndarray, threads: int | None, told: Progress
) -> _Found:
    values, ratio, failed = np.full((len(units), len(scale.free)), np.nan), np.full(len(units), np.nan), {}
    x = scale.pack(fit.parameters)
    for k, unit in enumerate(units):
        told.update("influence", k / len(units), f"without {_name(problem, unit)}")
        weights = fit.weights.copy()
        weights[unit] = 0.0
        options = {"weights": weights, "start": fit.parameters, "threads": threads, "seed": fit.seed, "solver": fit.solution.solver}
        try:
            again = estimate(fit.model, fit.data, fit.method, **options)
        except PopmixError as error:
            failed[_name(problem, unit)] = str(error).splitlines()[0]
            continue
        if not again.convergence.converged:
            failed[_name(problem, unit)] = f"not converged: {again.convergence.reason}"
            continue
        values[k] = again.parameters.values[scale.free]
        ratio[k] = _spread(_information_of(again, scale, threads), scale, scale.pack(again.parameters)) / _spread(hessian, scale, x)
    return _Found(values, ratio, failed)


def _information_of(again: Fit, scale: Scale, threads: int | None) -> np.ndarray:
    """Return the second derivatives of the OFV of a fit in the coordinates of a scale."""
    problem, method = bound(again), again.method.judge
    own = Scale.of(again.parameters.with_fixed(scale.template.fixed))
    rule, priors = method.rule_at(problem, again.parameters, threads), method.priors(problem, again.parameters)
    objective = Objective(problem, own, rule, threads, priors)
    return observed_information(objective, objective.point(own.pack(again.parameters), method.evaluate(problem, again.parameters, threads)))


def _table(fit: Fit, problem: Problem, units: list[np.ndarray], covariance: object, scale: Scale, found: _Found) -> Table:
    names = scale.names
    order = [covariance.names.index(name) for name in names]
    matrix = covariance.matrix[np.ix_(order, order)]
    shift = found.values - fit.parameters.values[scale.free]
    errors = np.sqrt(np.diag(matrix))
    cook = np.sqrt(np.maximum(np.einsum("ui,ij,uj->u", shift, np.linalg.inv(matrix), shift), 0.0))
    in_errors = shift / errors
    largest = [names[int(np.argmax(np.abs(row)))] if np.all(np.isfinite(row)) else "" for row in in_errors]
    moved = [row[np.argmax(np.abs(row))] if np.all(np.isfinite(row)) else np.nan for row in in_errors]
    ofv = dict(zip(fit.individuals_table["ID"].tolist(), fit.individuals_table["OFV"].tolist(), strict=True))
    columns = {
        "ID": np.array([_name(problem, unit) for unit in units], dtype=object),
        "OFV": np.array([sum(ofv[problem.data.ids[one]] for one in unit.tolist()) for unit in units]),
        "COOK": cook,
        "COVARIANCE_RATIO": found.ratio,
        "LARGEST": np.array(largest, dtype=object),
        "SHIFT": np.array(moved),
    }
    return Table(columns | {f"d_{name}": in_errors[:, k] for k, name in enumerate(names)})
