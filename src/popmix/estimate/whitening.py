"""Coordinates in which a posterior is nearly a standard normal, from a fit: the metric of a sampler and where its chains start.

The joint curvature at a mode is that of an arrow: the population coordinates x have the curvature H of the marginal posterior, and the
coordinates w_i of the effects of subject i follow their mode, which moves with x, with their conditional covariance:

    x = x* + T y,  T T' = H^-1;      w_i = w_i* + M_i (x - x*) + C_i y_i,  C_i C_i' = W_i A_i W_i',  M_i = W_i deta_i*/dx + dw_i/dx

where A_i is the inverse curvature of the density of subject i in its effects eta, and W_i = dw_i/deta_i (w is eta where an effect is
centred, otherwise L^-1 eta).
"""

from collections.abc import Mapping

import numpy as np

from popmix.engine.population import ANGLE, FREE, Plan
from popmix.errors import OptionError
from popmix.estimate.descent import Point, positive
from popmix.estimate.objective import Objective
from popmix.likelihood import Evaluation, Problem
from popmix.likelihood.joint import Layout, counted_subjects, partial_correlations, plan_of
from popmix.model.parameters import Parameters

# an effect is centred where the data tell more than this part of its variance, in the mean of the subjects: tried on sparse and rich
# concentrations, counts, yes-or-no outcomes and a saturable elimination, where the better choice had 3 to 90 times the effective draws
_TOLD = 0.4
# differences in coordinates: of smooth functions, and, in standard errors, of the objective
_STEP, _STEP_OF_OBJECTIVE = 1e-4, 0.05
# what is added to the curvature of coordinates that are logarithms: a standard deviation of 2
_LEAST = 0.25
# a standard deviation of effects that has vanished in the fit begins at this part of its start value
_REVIVED = 0.1


def whitened(
    problem: Problem, objective: Objective, point: Point, start: Parameters, centred: bool | Mapping[str, bool] | None
) -> tuple[Plan, Layout]:
    """Return the plan of the posterior with the coordinates of the sampler, from the minimum `point` of an objective."""
    evaluation = point.state
    parameters = _revived(evaluation.parameters, start)
    layout, subjects = Layout.of(problem, parameters), counted_subjects(problem)
    etas, spread = _conditional(problem, evaluation, parameters)
    vanished = parameters.values != evaluation.parameters.values
    chosen = _centred(problem, parameters, spread[subjects], vanished, centred)
    plan = plan_of(problem, parameters, layout, chosen)
    x = _pack(objective, parameters, layout, plan)
    t = np.linalg.cholesky(np.linalg.inv(_curvature(objective, point, plan)))
    etas, spread = etas[subjects], spread[subjects]
    _, factor = _moved(problem, parameters, plan, layout, x)
    w = _coordinates(etas, factor, layout, chosen)
    linear = np.zeros((*etas.shape, etas.shape[1]))
    for k, unit in enumerate(np.eye(etas.shape[1])):
        linear[:, :, k] = _coordinates(unit[None], factor, layout, chosen)
    m = _following(problem, evaluation, parameters, plan, layout, x, etas, linear, chosen)
    covariance = linear @ spread @ np.swapaxes(linear, 1, 2)
    c = np.linalg.cholesky(covariance) if etas.shape[1] else covariance
    return plan._replace(centre=np.concatenate([x, w.ravel()]), t=t, m=m, c=np.ascontiguousarray(c)), layout


def _revived(parameters: Parameters, start: Parameters) -> Parameters:
    """Return parameters in which no SD of random effects has vanished: a chain would begin where there is no posterior to speak of."""
    values = parameters.values.copy()
    for position, kind in enumerate(parameters.kinds):
        if kind in ("iiv", "iov", "sigma") and np.isinf(parameters.upper[position]) and not parameters.fixed[position]:
            least = _REVIVED * abs(start.values[position])
            values[position] = values[position] if kind == "sigma" and parameters.lower[position] < 0 else max(values[position], least)
    return parameters.unchecked(values)


def _conditional(problem: Problem, evaluation: Evaluation, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return modes and conditional covariances of the effects of all subjects; those without data have the population's."""
    omega, spread = problem.omega(parameters), evaluation.marginal.inverse_curvature.copy()
    without = np.diff(problem.timeline.first_observation) == 0
    spread[without] = omega
    # a curvature at a variance that has vanished since says too little
    for k, matrix in enumerate(spread):
        if not np.all(np.isfinite(matrix)) or (len(matrix) and np.linalg.eigvalsh(matrix)[0] <= 0):
            spread[k] = omega
    return np.nan_to_num(evaluation.marginal.eta), spread


def _centred(
    problem: Problem, parameters: Parameters, spread: np.ndarray, vanished: np.ndarray, wanted: bool | Mapping[str, bool] | None
) -> np.ndarray:
    """Return [subjects, effects]: whether the coordinate of an effect is the effect itself; where its SD has `vanished` never."""
    variance = np.diag(problem.omega(parameters))
    if isinstance(wanted, bool):
        return np.full(spread.shape[:2], wanted)
    told = 1.0 - np.mean(np.diagonal(spread, axis1=1, axis2=2), axis=0) / variance
    gone = {block.etas[k] for block in parameters.blocks for k, position in enumerate(block.sds) if vanished[position]}
    chosen = np.tile((told > _TOLD) & ~np.isin(problem.effects.pattern, list(gone)), (len(spread), 1))
    names = np.array(parameters.eta_names, dtype=object)[problem.effects.pattern]
    for name, choice in (wanted or {}).items():
        if name not in parameters.eta_names:
            known = ", ".join(parameters.eta_names)
            raise OptionError(f"centred= names {name!r}, which is no random effect of the model. Random effects: {known}.")
        chosen[:, names == name] = bool(choice)
    return chosen


def _pack(objective: Objective, parameters: Parameters, layout: Layout, plan: Plan) -> np.ndarray:
    """Return the coordinates of the population: those of the optimiser, but partial correlations for angles."""
    x = objective.scale.pack(parameters)
    place = {int(position): p for p, position in enumerate(plan.place)}
    for block in layout.blocks:
        turned = partial_correlations(block, parameters.values) if block.correlations else None
        for row, column, position in block.correlations:
            if position in place:
                x[place[position]] = turned[row, column]
    return x


def _curvature(objective: Objective, point: Point, plan: Plan) -> np.ndarray:
    """Return the curvature of minus the log of the marginal posterior, from differences of gradients at the minimum."""
    told = 0.5 * objective.curvature(point).information
    steps = _STEP_OF_OBJECTIVE / np.sqrt(np.maximum(np.diag(told), _LEAST if len(told) else 0.0))
    matrix = np.zeros_like(told)
    for p, step in enumerate(steps):
        ends = [objective.at(point.x + sign * step * np.eye(len(steps))[p], point) for sign in (-1.0, 1.0)]
        if None in ends:
            matrix = told
            break
        matrix[p] = 0.25 * (ends[1].gradient - ends[0].gradient) / step
    matrix = 0.5 * (matrix + matrix.T)
    # angles become the inverse hyperbolic tangents of their sines: da/dy = cos a
    slope = np.where(plan.kind == ANGLE, np.cos(point.x), 1.0)
    matrix = matrix * np.outer(slope, slope) + np.diag(np.where(plan.kind == FREE, 0.0, _LEAST))
    return positive(matrix)


def _values(parameters: Parameters, plan: Plan, layout: Layout, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the parameters at coordinates (correlations left out), and the factors L of the blocks."""
    values = plan.values.copy()
    low, high = plan.low, plan.high
    with np.errstate(over="ignore", invalid="ignore"):
        made = [x, low + np.exp(x), high - np.exp(-x), low + (high - low) / (1.0 + np.exp(-x))]
    for p, kind in enumerate(plan.kind):
        if kind != ANGLE:
            values[plan.place[p]] = made[kind][p]
    factors = []
    for b, block in enumerate(layout.blocks):
        size = len(block.etas)
        y = np.where(plan.angle[b] >= 0, np.append(x, 0.0)[plan.angle[b]], plan.held[b])[:size, :size]
        u = np.eye(size)
        for row in range(size):
            left = np.concatenate([[1.0], np.cumprod(1.0 / np.cosh(y[row, :row]))])
            u[row, : row + 1] = left * np.append(np.tanh(y[row, :row]), 1.0)
        factors.append(values[list(block.sds)][:, None] * u)
    return values, factors


def _moved(
    problem: Problem, parameters: Parameters, plan: Plan, layout: Layout, x: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], list[np.ndarray]]:
    """Return thetas and sigmas, and the precision of the effects, at coordinates; and the factors of blocks."""
    values, factors = _values(parameters, plan, layout, x)
    n = len(problem.effects.pattern)
    precision = np.zeros((n, n))
    for b, places in layout.copies:
        precision[np.ix_(places, places)] = np.linalg.inv(factors[b] @ factors[b].T)
    return (values[problem.compiled.positions], precision), factors


def _coordinates(etas: np.ndarray, factors: list[np.ndarray], layout: Layout, centred: np.ndarray) -> np.ndarray:
    """Return the coordinates w [subjects, effects] of effects: the effect itself, or its entry of z = L^-1 eta."""
    etas = np.broadcast_to(etas, centred.shape)
    w = etas.copy()
    for b, places in layout.copies:
        z = np.linalg.solve(factors[b], etas[:, list(places)].T).T
        w[:, list(places)] = np.where(centred[:, list(places)], etas[:, list(places)], z)
    return w


def _following(
    problem: Problem, evaluation: Evaluation, parameters: Parameters, plan: Plan, layout: Layout, x: np.ndarray,
    etas: np.ndarray, linear: np.ndarray, centred: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return M [subjects, effects, population]: how the coordinates of the modes move with those of the population."""
    subjects = plan.subjects
    by_fixed, spread = evaluation.marginal.mode_by_fixed[subjects], evaluation.marginal.inverse_curvature[subjects]
    m = np.zeros((len(subjects), etas.shape[1], len(x)))
    for p in range(len(x)):
        ends = [_moved(problem, parameters, plan, layout, x + sign * _STEP * np.eye(len(x))[p]) for sign in (-1.0, 1.0)]
        fixed, precision = ((after - before) / (2 * _STEP) for before, after in zip(ends[0][0], ends[1][0], strict=True))
        shift = by_fixed @ fixed - np.einsum("nij,jk,nk->ni", spread, precision, etas)
        own = [_coordinates(etas, factors, layout, centred) for _, factors in ends]
        m[:, :, p] = np.einsum("nij,nj->ni", linear, shift) + (own[1] - own[0]) / (2 * _STEP)
    return np.where(np.isfinite(m), m, 0.0)
