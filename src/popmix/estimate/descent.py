"""Minimisation of -2 log L: Fisher scoring from afar, quasi-Newton near the minimum.

The caller supplies the expected information of a point (positive semidefinite). While the quadratic model promises a large
fall it is evaluated afresh at every step; then damped BFGS updates (Nocedal and Wright 2006, section 18.3) add what the
expectation does not know. Steps are shortened until the objective falls enough (Armijo) and never change a coordinate by more
than a bound. Convergence: the Newton decrement g' B^-1 g, the fall that the model still promises, is below a tolerance; or it is
negligible and no step gains any more, for rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

_ARMIJO = 1e-4
# a step that promises less than this part of the objective can show no gain beyond rounding
_POINTLESS = 1e-12
_MOST_HALVINGS = 25
# coordinates are logarithms mostly: one step changes none by more than a factor e
_LONGEST = 1.0
# eigenvalues of the information below this fraction of the largest (after scaling to unit diagonal) are raised to it
_FLOOR = 1e-6
# a step of a cautious coordinate by more than this is not taken on the word of the information alone
_TRUSTED = 0.5
# scoring ends when the model promises a fall below this, or after so many steps
_NEAR = 0.5
_MOST_SCORING = 30
# and when so many steps in turn have redeemed less than this part of the promise: what is expected is not what is there
_MOST_POOR, _REDEEMED = 5, 0.03
# a promise below this that no step redeems is no reason for doubt
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, eq=False)
class Point:
    """Objective and gradient at one place; `state` is the caller's own."""

    x: np.ndarray
    value: float
    gradient: np.ndarray
    state: object


@dataclass(frozen=True, eq=False)
class Curvature:
    """Expected information, and what to add to its diagonal where a step would go too far."""

    information: np.ndarray
    caution: np.ndarray


@dataclass(eq=False)
class Descent:
    """What a minimisation came to, or how far it is.

    `history` holds the objective of every iteration; `decrement` is nan where no step gains; `fresh`: the Hessian is the information at
    this point; `scoring`: it will be at the next one; `poor`: how many steps in turn have redeemed
    little of what was promised.
    """

    point: Point
    hessian: np.ndarray
    converged: bool = False
    decrement: float = np.inf
    iterations: int = 0
    evaluations: int = 0
    reason: str = ""
    interrupted: bool = False
    history: list[float] = field(default_factory=list)
    fresh: bool = True
    scoring: bool = True
    poor: int = 0

    def after(self, before: "Descent") -> "Descent":
        """Count the iterations and evaluations of an earlier search as well, and the one that found where to go on."""
        self.iterations += before.iterations
        self.evaluations += before.evaluations + 1
        self.history = before.history + self.history
        return self

    def interrupt(self) -> None:
        """Mark the search as ended by the user: what it reached is kept, and is no minimum that was made sure of."""
        self.interrupted = True
        self.stop("interrupted")

    def stop(self, reason: str) -> None:
        """Mark the search as ended before a minimum was made sure of."""
        self.converged, self.reason = False, reason


def started(curvature: Callable[[Point], Curvature], point: Point) -> Descent:
    """Return a descent that has made no step yet."""
    return Descent(point, _scoring(curvature(point), point), history=[point.value])


def minimise(
    evaluate: Callable[[np.ndarray, Point | None], Point | None],
    curvature: Callable[[Point], Curvature],
    found: Descent,
    *,
    tolerance: float,
    most_iterations: int,
    report: Callable[[Descent], None] = lambda found: None,
) -> Descent:
    """Go on with a descent, in place; `evaluate(x, near)` returns a Point, or None where the objective does not exist.

    An interrupt from the keyboard ends the search at the best point so far.
    """
    try:
        _iterate(evaluate, curvature, found, tolerance, most_iterations, report)
    except KeyboardInterrupt:
        found.interrupt()
    return found


def _iterate(evaluate: Callable, curvature: Callable, found: Descent, tolerance: float, most_iterations: int, report: Callable) -> None:
    while True:
        if not np.all(np.isfinite(found.hessian)):
            found.reason, found.decrement = "the curvature of the objective is not a finite number", np.nan
            return
        steps, found.decrement = _steps(found)
        report(found)
        if found.decrement < tolerance:
            found.converged = True
            return
        if found.iterations >= most_iterations:
            found.reason = "the most iterations allowed were used"
            return
        new = _lowest([_search(evaluate, found, step) for step in steps])
        if new is None and found.fresh:
            return _give_up(found)
        if new is None:
            found.hessian, found.fresh = _scoring(curvature(found.point), found.point), True
            continue
        found.poor = 0 if found.point.value - new.value > _REDEEMED * found.decrement else found.poor + 1
        _update(found, new)
        found.iterations += 1
        found.history.append(new.value)
        found.fresh = found.scoring
        if found.scoring:
            found.hessian = _scoring(curvature(new), new)
            found.scoring = found.decrement > _NEAR and found.iterations < _MOST_SCORING and found.poor < _MOST_POOR


def _give_up(found: Descent) -> None:
    """End a search whose steps gain nothing: it has converged if next to nothing was promised, else the promise was empty."""
    found.converged = found.decrement < _NEGLIGIBLE
    if not found.converged:
        found.reason, found.decrement = "no step lowers the objective any further", np.nan


def _scoring(curvature: Curvature, point: Point) -> np.ndarray:
    """Return the information, with caution added where its step would go beyond what a quadratic model can know.

    What is not finite is returned as it is.
    """
    if not np.all(np.isfinite(curvature.information)):
        return curvature.information
    plain = positive(curvature.information)
    step = np.linalg.solve(plain, -point.gradient)
    if np.all(np.abs(step[curvature.caution > 0]) <= _TRUSTED):
        return plain
    return positive(curvature.information + np.diag(curvature.caution))


def positive(matrix: np.ndarray) -> np.ndarray:
    """Return a symmetric matrix with the eigenvalues of its unit-diagonal form raised to a floor."""
    diagonal = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    largest = diagonal.max(initial=0.0)
    scale = np.where(diagonal > 1e-6 * largest, diagonal, max(1e-6 * largest, 1e-6))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    values = np.maximum(values, _FLOOR * max(values[-1], 1.0)) if len(values) else values
    return (vectors * values) @ vectors.T * np.outer(scale, scale)


def _steps(found: Descent) -> tuple[list[np.ndarray], float]:
    """Return the steps to try, none longer than the bound, and the decrement of the Newton step.

    A Newton step beyond the bound is shortened as a whole and, as another try, cut off in the coordinates that run away, with the
    others at the minimum of the quadratic model given those.
    """
    hessian, gradient = positive(found.hessian), found.point.gradient
    step = -np.linalg.solve(hessian, gradient)
    decrement = float(-step @ gradient)
    longest = np.max(np.abs(step), initial=0.0)
    if longest <= _LONGEST:
        return [step], decrement
    boxed = _boxed(hessian, gradient, step)
    shortened = step * (_LONGEST / longest)
    return ([shortened, boxed] if boxed @ gradient < 0 else [shortened]), decrement


def _boxed(hessian: np.ndarray, gradient: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return a step within the box: the worst offender is held at the bound and the rest solved again, until all fit."""
    step = step.copy()
    held = np.zeros(len(step), dtype=bool)
    while np.any(np.abs(step[~held]) > _LONGEST):
        worst = int(np.argmax(np.where(held, 0.0, np.abs(step))))
        held[worst] = True
        step[worst] = np.clip(step[worst], -_LONGEST, _LONGEST)
        free = ~held
        right = -(gradient[free] + hessian[np.ix_(free, held)] @ step[held])
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], right)
    return step


def _lowest(points: list[Point | None]) -> Point | None:
    return min((point for point in points if point is not None), key=lambda point: point.value, default=None)


def _search(evaluate: Callable, found: Descent, step: np.ndarray) -> Point | None:
    """Return a point along the step with enough descent: the step itself, then quadratic interpolation."""
    slope = float(found.point.gradient @ step)
    length = 1.0
    for _ in range(_MOST_HALVINGS):
        new = evaluate(found.point.x + length * step, found.point)
        found.evaluations += 1
        if new is not None and new.value < found.point.value + min(0.0, _ARMIJO * length * slope):
            return new
        if -length * slope < _POINTLESS * (1.0 + abs(found.point.value)):
            return None
        if new is None:
            length *= 0.25
            continue
        curvature = new.value - found.point.value - length * slope
        best = -0.5 * slope * length * length / curvature if curvature > 0 else 0.5 * length
        length = min(max(best, 0.1 * length), 0.5 * length)
    return None


def _update(found: Descent, new: Point) -> None:
    """Damped BFGS: the update keeps at least a fifth of the curvature along the step."""
    s, y = new.x - found.point.x, new.gradient - found.point.gradient
    bs = found.hessian @ s
    sbs, sy = float(s @ bs), float(s @ y)
    if sbs > 0:
        if sy < 0.2 * sbs:
            share = 0.8 * sbs / (sbs - sy)
            y = share * y + (1 - share) * bs
            sy = float(s @ y)
        found.hessian = found.hessian - np.outer(bs, bs) / sbs + np.outer(y, y) / sy
    found.point = new
