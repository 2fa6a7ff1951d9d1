"""Start values from the data (`start="auto"`): where to begin when the declared values are guesses.

Candidates are the declared values, those that a non-compartmental look at the data gives for compartments, and the best of a sweep: thetas
spread by factors of up to 5 around either, judged by the pooled likelihood with its residual error scaled to fit, the best few of them
fitted without random effects. Of all candidates the one with the lowest objective of the method itself is taken.
"""

from dataclasses import dataclass

import numpy as np

from popmix.engine.equations import EQUATIONS
from popmix.errors import PopmixError, SupportError
from popmix.estimate.marginal import Marginal
from popmix.estimate.noncompartmental import from_data
from popmix.estimate.pooling import pooled_model
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.scale import Scale
from popmix.likelihood import Problem, bind
from popmix.model.parameters import Parameters, parameters_of

_FACTOR = 5.0


@dataclass(frozen=True)
class _Effort:
    """How much is tried: points of the sweep for each theta and in all, how many are fitted, how many subjects are looked at."""

    points: int
    most_points: int
    fitted: int
    subjects: int


_CLOSED, _INTEGRATED = _Effort(64, 512, 4, 60), _Effort(16, 96, 2, 20)
# residual SDs of a pooled fit hold the differences between subjects as well
_RESIDUAL = 0.5


def automatic_start(problem: Problem, declared: Parameters, judge: Marginal, threads: int | None, progress: Progress) -> Parameters:
    """Return the best start values found, `declared` ones where nothing is better. Fixed parameters stay as they are."""
    progress.update("start", None, "start values from the data")
    candidates = [declared, _with(declared, from_data(problem.model, problem.data, _free_thetas(declared)))]
    candidates += _pooled_candidates(problem, candidates, judge, threads)
    judged = [(_judged(problem, judge, one, threads), k) for k, one in enumerate(candidates)]
    return candidates[min(judged)[1]]


def _judged(problem: Problem, judge: Marginal, candidate: Parameters, threads: int | None) -> float:
    found = problem.evaluate(candidate, judge.rule, globally=True, threads=threads)
    return found.ofv if not len(found.failed) and np.isfinite(found.ofv) else np.inf


def _free_thetas(own: Parameters) -> dict[str, float]:
    return {name: own[name] for name in own.of_kind("theta") if not own.fixed[own.index(name)]}


def _with(own: Parameters, values: dict[str, float]) -> Parameters:
    changed = own.values.copy()
    for name, value in values.items():
        position = own.index(name)
        if own.lower[position] <= value <= own.upper[position] and not own.fixed[position] and np.isfinite(value):
            changed[position] = value
    return own.unchecked(changed)


def _pooled_candidates(problem: Problem, begins: list[Parameters], judge: Marginal, threads: int | None) -> list[Parameters]:
    """Return the results of pooled fits from the best places of the sweep, none where pooling is not possible."""
    effort = _INTEGRATED if problem.code.route == EQUATIONS else _CLOSED
    try:
        model = pooled_model(problem.model)
        alone = bind(model, problem.data, weights=_some(problem.weights, effort.subjects), solver=problem.solver)
    except SupportError:
        return []
    template = parameters_of(model)
    centres = [_with(template, {name: begin[name] for name in template.names if name in begin.names}) for begin in begins]
    places = sorted((place for centre in centres for place in _sweep(alone, centre, effort, threads)), key=lambda one: one[0])
    found = []
    for _, place in places[: effort.fitted]:
        try:
            descent = judge.minimise(alone, place, threads, Silent())
        except PopmixError:
            continue  # a place from which nothing can be fitted is no start value
        found.append((descent.point.value, descent.point.state.parameters))
    return [_from_pooled(begins[0], best) for _, best in sorted(found, key=lambda one: one[0])[:2]]


def _some(weights: np.ndarray, most: int) -> np.ndarray:
    """Return weights that leave every n-th subject, at most so many."""
    counted = np.flatnonzero(weights > 0)
    kept = counted[:: -(-len(counted) // most)]
    return np.where(np.isin(np.arange(len(weights)), kept), weights, 0.0)


def _sweep(alone: Problem, centre: Parameters, effort: _Effort, threads: int | None) -> list[tuple[float, Parameters]]:
    """Return (criterion, place) for points around a centre, thetas spread on their unconstrained scale (R sequence of Roberts)."""
    scale = Scale.of(centre)
    moved = np.flatnonzero([centre.kinds[position] == "theta" for position in scale.free])
    n_points = min(effort.points * len(moved), effort.most_points)
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (len(moved) + 1))
    shares = (0.5 + np.outer(np.arange(n_points), root ** -np.arange(1, len(moved) + 1))) % 1.0
    middle, found = scale.pack(centre), []
    for share in shares:
        x = middle.copy()
        x[moved] += (2 * share - 1) * np.log(_FACTOR)
        place = centre.unchecked(scale.unpack(x))
        found.append((_criterion(alone, place, threads), place))
    return [one for one in found if np.isfinite(one[0])]


def _criterion(alone: Problem, place: Parameters, threads: int | None) -> float:
    """Return the pooled -2 log L with all residual variances multiplied by what fits best."""
    found = alone.predictions(place, slopes=False, likelihood=True, threads=threads)
    counted = (alone.weights > 0)[alone.data.subject[alone.timeline.observed_row]]
    free = np.array([one.lowered.is_free for one in alone.compiled.endpoints])[alone.timeline.endpoint]
    gaussian = counted & ~free
    with np.errstate(all="ignore"):
        value = 2.0 * float(np.sum(found.f[counted & free]))
        if np.any(gaussian):
            f, variance = found.f[gaussian], found.variance[gaussian]
            scaled = np.mean((alone.timeline.y[gaussian] - f) ** 2 / variance)
            value += float(np.sum(np.log(variance)) + np.sum(gaussian) * np.log(scaled))
    return value if np.isfinite(value) else np.inf


def _from_pooled(declared: Parameters, pooled: Parameters) -> Parameters:
    """Return start values with the thetas of a pooled fit, and half of its residual SDs."""
    shrunk = {name: pooled[name] * _RESIDUAL for name in pooled.of_kind("sigma") if not name.startswith(("exponent_", "autocorrelation_"))}
    thetas = {name: pooled[name] for name in pooled.of_kind("theta") if name in declared.names}
    return _with(declared, thetas | {name: value for name, value in shrunk.items() if value > 0})
