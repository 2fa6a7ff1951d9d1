"""What the methods that approximate the marginal likelihood share: the path from start values to a minimum."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from popmix.data.findings import counted
from popmix.engine import stamp
from popmix.errors import FitError, OptionError
from popmix.estimate.blame import blame, blame_vanishing
from popmix.estimate.boundary import LEAST_GAIN, better_at_boundary, off_bounds
from popmix.estimate.convergence import Convergence
from popmix.estimate.descent import Descent, Point, minimise
from popmix.estimate.extremes import vanishing
from popmix.estimate.method import Method, Outcome, Setting
from popmix.estimate.objective import Objective
from popmix.estimate.progress import Progress
from popmix.estimate.scale import Scale
from popmix.estimate.support import MIXTURE_ABOVE, Feature
from popmix.likelihood import Evaluation, Problem, Quadrature
from popmix.likelihood.priors import Priors
from popmix.model.parameters import Parameters
from popmix.table import Table

# a better mode, or place near a bound, found at the end restarts the search at most so often
_MOST_RESTARTS = 10


class Marginal(Method):
    """A method that maximises an approximation of the marginal likelihood; what it is, says its `rule`.

    `tolerance`: the fall of the OFV that the quadratic model may still promise at the end; `iterations`: the most allowed; with `prior`
    the priors that the model declares count, and the estimates are the mode of the posterior (MAP).
    """

    tolerance: float
    iterations: int
    prior: bool

    def _check_options(self) -> None:
        if not isinstance(self.tolerance, numbers.Real) or not 0 < self.tolerance < math.inf:
            raise OptionError(f"tolerance must be a positive number, not {self.tolerance!r}.")
        if not isinstance(self.iterations, numbers.Integral) or self.iterations < 1:
            raise OptionError(f"iterations must be a whole number of at least 1, not {self.iterations!r}.")
        if not isinstance(self.prior, bool):
            raise OptionError(f"prior must be True or False, not {self.prior!r}: priors themselves are declared in the model.")

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the engine that the method needs."""
        return (stamp.QUADRATURE,) if isinstance(self.rule, Quadrature) else ()

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour, with what to do instead."""
        return {MIXTURE_ABOVE: "leave one of them out"}

    def evaluate(self, problem: Problem, parameters: Parameters, threads: int | None) -> Evaluation:
        """Return the objective at given parameters, with modes searched globally. Raises FitError for subjects that fail."""
        evaluation = problem.evaluate(parameters, self.rule, globally=True, threads=threads)
        if len(evaluation.failed):
            raise FitError(blame(problem, evaluation))
        priors = self.priors(problem, parameters)
        return replace(evaluation, prior=priors.value(parameters.values)) if priors else evaluation

    def priors(self, problem: Problem, parameters: Parameters) -> Priors | None:
        """Return the priors that count, None without any."""
        return (Priors.of(problem.model, parameters) or None) if self.prior else None

    def estimate(self, problem: Problem, start: Parameters, setting: Setting) -> Outcome:
        """Return the minimum of the objective reached from `start`. Raises as `minimise` does."""
        found = self.minimise(problem, start, setting.threads, setting.progress)
        largest = float(np.max(np.abs(found.point.gradient), initial=0.0))
        reason = f"{counted(found.iterations, 'iteration')}, {counted(found.evaluations, 'evaluation')}; {_ending(found, start)}"
        trace = Table({"iteration": np.arange(len(found.history)), "ofv": np.array(found.history)})
        convergence = Convergence(found.converged, reason, largest, found.iterations, found.evaluations)
        return Outcome(found.point.state, convergence, trace, found.interrupted)

    def minimise(self, problem: Problem, start: Parameters, threads: int | None, progress: Progress) -> Descent:
        """Return the minimum reached from `start`.

        Raises FitError when the objective does not exist there, or has no minimum because a residual SD falls without end.
        """
        start = off_bounds(start)
        scale = Scale.of(start)
        objective = Objective(problem, scale, self.rule, threads, self.priors(problem, start))
        coordinates = scale.pack(start)
        point = objective.point(coordinates, self.evaluate(problem, start, threads))
        found = self._descend(objective, point, progress, self.iterations)
        try:
            for restart in range(_MOST_RESTARTS + 1):
                left = self.iterations - found.iterations
                finished = found.converged or left > 0
                better = self._better(objective, found.point, coordinates) if finished and not found.interrupted else None
                if better is None:
                    break
                if left <= 0 or restart == _MOST_RESTARTS:
                    found.stop("a better place is known, but the most iterations allowed were used")
                    break
                progress.update("fit", None, f"a better place lowers the objective to {better.value:.3f}")
                found = self._descend(objective, better, progress, left).after(found)
        except KeyboardInterrupt:
            found.interrupt()
        return found

    def _better(self, objective: Objective, point: Point, start: np.ndarray) -> Point | None:
        """Return a lower point that a descent does not see: other modes of subjects, or beyond a flat stretch near a bound."""
        gain = max(LEAST_GAIN, 10 * self.tolerance)
        other = objective.at(point.x, point, globally=True)
        if other is not None and other.value < point.value - gain:
            return other
        return better_at_boundary(objective, point, start, gain)

    def _descend(self, objective: Objective, start: Point, progress: Progress, iterations: int) -> Descent:
        if len(start.x) == 0:
            return Descent(start, np.zeros((0, 0)), converged=True, decrement=0.0, history=[start.value])

        def report(iteration: int, point: Point, decrement: float) -> None:
            endless = vanishing(objective.scale.template, point.state.parameters, point.gradient)
            if endless:
                raise FitError(blame_vanishing(objective.problem, point.state, endless))
            progress.update("fit", None, f"iteration {iteration}: OFV {point.value:.3f}, to gain about {decrement:.2g}")

        return minimise(objective.at, objective.curvature, start, tolerance=self.tolerance, most_iterations=iterations, report=report)


def _ending(found: Descent, start: Parameters) -> str:
    """Say what is left to gain, and along which parameter where a search ended badly."""
    if found.converged:
        return f"the OFV can fall by no more than {found.decrement:.1g} more."
    free = np.flatnonzero(~start.fixed)
    if not len(free):
        return f"{found.reason}; nothing was to be estimated."
    steepest = start.names[free[np.argmax(np.abs(found.point.gradient))]]
    left = f"might still fall by about {found.decrement:.2g}, and slopes" if np.isfinite(found.decrement) else "still slopes"
    return f"{found.reason}; the OFV {left} most along {steepest}. Try other start values or more iterations."
