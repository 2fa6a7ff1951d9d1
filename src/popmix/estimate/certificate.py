"""The certificate of a fit: evidence on how far it can be trusted, and a verdict in words.

The minimum: the gradient g and the exact second derivatives H of the OFV say how much could still be gained, g' H^-1 g / 2, and along which
combination of parameters the data say least. The approximation: the marginal likelihood is computed again by adaptive quadrature of rising
order, first for all subjects, then for those for whom it matters, until it no longer changes. The rest is what the fit knows already:
shrinkage, parameters at the edge of the possible, and how the OFV depends on the tolerance of an integration. Importance sampling, which
needs no grid, is a third opinion, and the only one where there are too many random effects for quadrature.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from popmix.engine import stamp
from popmix.errors import Status
from popmix.estimate.binding import bound, load_part
from popmix.estimate.directions import Direction, flattest
from popmix.estimate.extremes import is_near_one, is_near_zero
from popmix.estimate.objective import Objective
from popmix.estimate.observed import observed_information
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.sampled import DEFENCE, ROUNDS, Importance, importance_of
from popmix.estimate.scale import Scale
from popmix.estimate.verdict import Verdict, verdict_of
from popmix.likelihood import Evaluation, Problem, Quadrature, Sampling
from popmix.table import Table

if TYPE_CHECKING:
    from popmix.estimate.result import Fit

# orders of the ladder: the first for everybody, the others for the subjects that matter
_ORDERS = (3, 5, 9, 15, 25)
# the ladder ends when the sum changes by less than this
_SETTLED = 0.01
# nodes per subject that a rung may have, and of all subjects together
_MOST_NODES, _ALL_NODES = 3000, 200_000
# of importance sampling
_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Certificate:
    """Evidence about a fit.

    to_gain: what the quadratic model with exact second derivatives promises, in OFV; steepest: (parameter, gradient in standard errors).
    flattest: the combination of parameters that the data say least about, None where nothing was estimated; flat: what to say of it.
    ladder: order, subjects it was used for (those that still changed), OFV with what is known by then, and its change; approximation: by
    how much the OFV of the method lies above the one by quadrature (nan without a ladder: `no_ladder` says why), by_subject: (id,
    difference) where most. importance: -2 log L by importance sampling with its error, None where it can't be had. shrinkage in percent;
    at_edge: estimates at a bound, at zero or at 1; solution: how exactly equations were solved, in words.
    """

    method: str
    to_gain: float
    steepest: tuple[str, float]
    flattest: Direction | None
    flat: str
    ladder: Table
    approximation: float
    by_subject: tuple[tuple[str, float], ...]
    no_ladder: str
    importance: Importance | None
    shrinkage: dict[str, float]
    at_edge: tuple[str, ...]
    solution: str
    verdict: Verdict

    def document(self) -> dict[str, Any]:
        """Return the machine form."""
        flat = None if self.flattest is None else {"curvature": self.flattest.curvature, "parts": dict(self.flattest.parts)}
        return {
            "verdict": self.verdict.word,
            "remarks": self.verdict.remarks,
            "to_gain": self.to_gain,
            "steepest": {"name": self.steepest[0], "standard_errors": self.steepest[1]},
            "flattest": flat,
            "approximation": self.approximation,
            "ladder": [{name: value.item() for name, value in row.items()} for row in self.ladder.rows()],
            "by_subject": dict(self.by_subject),
            "importance": None if self.importance is None else {"ofv": self.importance.ofv, "error": self.importance.error},
            "shrinkage": self.shrinkage,
            "at_edge": self.at_edge,
        }

    def __str__(self) -> str:
        name, slope = self.steepest
        lines = [f"Certificate: {self.verdict.word}"]
        lines.append(f"  minimum        OFV can fall by {self.to_gain:.1g}; steepest along {name} ({slope:.1g} standard errors)")
        if self.flattest is not None:
            lines.append(f"  curvature      least along {self.flattest} ({self.flattest.curvature:.2g} of that of independent parameters)")
        lines.append(f"  approximation  {self._approximation()}")
        lines += [f"  importance     OFV {self.importance.ofv:.2f}; {self.importance.sentence}"] if self.importance is not None else []
        lines += [f"  equations      {self.solution}"] if self.solution else []
        known = [f"{effect} {value:.0f} %" for effect, value in self.shrinkage.items() if np.isfinite(value)]
        lines += [f"  shrinkage      {', '.join(known)}"] if known else []
        lines += [f"  at the edge    {', '.join(self.at_edge)}"] if self.at_edge else []
        return "\n".join([*lines, *(f"- {remark}" for remark in self.verdict.remarks)])

    __repr__ = __str__

    def _approximation(self) -> str:
        if self.no_ladder:
            return self.no_ladder
        most = ", ".join(f"{label} {difference:+.2f}" for label, difference in self.by_subject)
        told = f"; most for subjects {most}" if most else ""
        order, side = int(self.ladder["order"][-1]), "higher" if self.approximation > 0 else "lower"
        return f"the OFV by {self.method} is {abs(self.approximation):.2f} {side} than by quadrature of order {order}{told}"


def certify(fit: "Fit", *, threads: int | None = None, progress: Progress | None = None) -> Certificate:
    """Return the certificate of a fit by a method with an objective; see `Fit.certificate`."""
    told, method = progress or Silent(), fit.method
    problem = bound(fit, told)
    evaluation = method.evaluate(problem, fit.parameters, threads)
    to_gain, steepest, direction, flat = _minimum(fit, problem, evaluation, threads, told)
    ladder, approximation, by_subject, no_ladder = _ladder(problem, evaluation, threads, told)
    sampled = _sampled(problem, evaluation, threads, told)
    at_edge = _at_edge(fit)
    own = Certificate(
        method=method.name,
        to_gain=to_gain,
        steepest=steepest,
        flattest=direction,
        flat=flat,
        ladder=ladder,
        approximation=approximation,
        by_subject=by_subject,
        no_ladder=no_ladder,
        importance=sampled,
        shrinkage=dict(fit.shrinkage),
        at_edge=at_edge,
        solution=fit.solution.sentence,
        verdict=Verdict("", ()),
    )
    return replace(own, verdict=verdict_of(fit, own))


def _minimum(
    fit: "Fit", problem: Problem, evaluation: Evaluation, threads: int | None, told: Progress
) -> tuple[float, tuple[str, float], Direction | None, str]:
    scale = Scale.of(fit.parameters.with_fixed(fit.parameters.fixed | _edges(fit)))
    method = fit.method.judge
    if not len(scale.free):
        return np.nan, ("nothing", np.nan), None, ""
    rule, priors = method.rule_at(problem, fit.parameters, threads), method.priors(problem, fit.parameters)
    objective = Objective(problem, scale, rule, threads, priors)
    point = objective.point(scale.pack(fit.parameters), evaluation)
    hessian = observed_information(objective, point, told)
    direction, flat = flattest(0.5 * hessian, scale.names)
    if direction is not None and direction.is_flat:
        return np.nan, (scale.names[int(np.argmax(np.abs(point.gradient)))], np.nan), direction, flat
    errors = np.sqrt(2.0 * np.diag(np.linalg.inv(hessian)))
    slopes = point.gradient * errors
    k = int(np.argmax(np.abs(slopes)))
    return float(0.5 * point.gradient @ np.linalg.solve(hessian, point.gradient)), (scale.names[k], float(slopes[k])), direction, flat


def _edges(fit: "Fit") -> np.ndarray:
    own = fit.parameters
    return np.array([is_near_zero(own, fit.start, k) or is_near_one(own, k) for k in range(len(own))], dtype=bool)


def _at_edge(fit: "Fit") -> tuple[str, ...]:
    own, edges = fit.parameters, _edges(fit)
    for k, kind in enumerate(own.kinds):
        span = max(abs(own.values[k]), 1e-8)
        at_bound = kind == "theta" and (own.values[k] - own.lower[k] < 1e-5 * span or own.upper[k] - own.values[k] < 1e-5 * span)
        edges[k] |= at_bound and not own.fixed[k]
    return tuple(name for name, edge in zip(own.names, edges, strict=True) if edge)


def _sampled(problem: Problem, evaluation: Evaluation, threads: int | None, told: Progress) -> Importance | None:
    """Return the likelihood by importance sampling, None with effects of levels above subjects or without random effects."""
    if problem.effects.n_above or not problem.code.n_etas:
        return None
    load_part(told, stamp.QUADRATURE)
    told.update("certificate", None, "importance sampling")
    return importance_of(problem, evaluation, Sampling(_DRAWS, defence=DEFENCE), ROUNDS, threads, told)


def _ladder(
    problem: Problem, evaluation: Evaluation, threads: int | None, told: Progress
) -> tuple[Table, float, tuple[tuple[str, float], ...], str]:
    """Return the rungs, the error of the approximation, the subjects that differ most, and why there is no ladder."""
    orders = [order for order in _ORDERS if order**problem.code.n_etas <= _MOST_NODES]
    nothing = Table({"order": np.zeros(0, dtype=int), "subjects": np.zeros(0, dtype=int), "ofv": np.zeros(0), "change": np.zeros(0)})
    if problem.effects.n_above:
        return nothing, np.nan, (), "not checked: quadrature can't honour levels above subjects"
    if not problem.code.n_etas:
        return nothing, np.nan, (), "exact: there are no random effects"
    if not orders:
        return nothing, np.nan, (), f"not checked: {problem.code.n_etas} random effects of a subject are too many for quadrature"
    load_part(told, stamp.QUADRATURE)
    modes = [group.eta for group in evaluation.groups]
    active = np.flatnonzero(problem.weights > 0)
    best, rows = evaluation.individual.copy(), []
    for order in orders:
        told.update("certificate", None, f"quadrature of order {order} for {len(active)} subjects")
        own = replace(problem, weights=np.where(np.isin(np.arange(len(best)), active), problem.weights, 0.0))
        found = own.evaluate(evaluation.parameters, Quadrature(order), modes=modes, threads=threads)
        usable = active[found.marginal.status[active] == Status.OK]
        changes = problem.weights[usable] * (found.individual[usable] - best[usable])
        best[usable] = found.individual[usable]
        rows.append((order, len(usable), float(problem.weights @ np.nan_to_num(best)), float(changes.sum())))
        if np.sum(np.abs(changes)) < _SETTLED:
            break
        # who still changes goes on, those who change most first
        most = max(1, _ALL_NODES // (2 * order) ** problem.code.n_etas)
        ranked = np.argsort(-np.abs(changes), kind="stable")[:most]
        active = np.sort(usable[ranked[np.abs(changes[ranked]) > _SETTLED / (10 * len(usable))]])
    differences = problem.weights * np.nan_to_num(evaluation.individual - best)
    worst = [k for k in np.argsort(-np.abs(differences), kind="stable")[:3] if abs(differences[k]) > _SETTLED]
    columns = zip(("order", "subjects", "ofv", "change"), zip(*rows, strict=True), strict=True)
    table = Table({name: np.array(column) for name, column in columns})
    return table, float(differences.sum()), tuple((problem.data.ids[k], float(differences[k])) for k in worst), ""
