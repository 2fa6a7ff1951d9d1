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
from popmix.estimate.checkpoint import Checkpoint
from popmix.estimate.convergence import Convergence
from popmix.estimate.descent import Descent, Point, minimise, started
from popmix.estimate.extremes import vanishing
from popmix.estimate.keeping import Search, search_of, state_of
from popmix.estimate.method import Method, Outcome, Setting
from popmix.estimate.objective import Objective
from popmix.estimate.progress import Progress
from popmix.estimate.scale import Scale
from popmix.estimate.support import MIXTURE_ABOVE, Feature
from popmix.likelihood import Evaluation, Problem, Rule
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
    def judge(self) -> "Marginal":
        """The method whose objective says how good parameters are: itself."""
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the engine that the method needs."""
        return (stamp.QUADRATURE,) if self.rule.is_exact else ()

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour, with what to do instead."""
        return {MIXTURE_ABOVE: "leave one of them out"}

    def evaluate(self, problem: Problem, parameters: Parameters, threads: int | None) -> Evaluation:
        """Return the objective at given parameters, with modes searched globally. Raises FitError for subjects that fail."""
        return self._evaluated(problem, parameters, self.rule_at(problem, parameters, threads), threads)

    def _evaluated(self, problem: Problem, parameters: Parameters, rule: Rule, threads: int | None) -> Evaluation:
        evaluation = problem.evaluate(parameters, rule, globally=True, threads=threads)
        if len(evaluation.failed):
            raise FitError(blame(problem, evaluation))
        priors = self.priors(problem, parameters)
        return replace(evaluation, prior=priors.value(parameters.values)) if priors else evaluation

    def priors(self, problem: Problem, parameters: Parameters) -> Priors | None:
        """Return the priors that count, None without any."""
        return (Priors.of(problem.model, parameters) or None) if self.prior else None

    def estimate(self, problem: Problem, start: Parameters, setting: Setting) -> Outcome:
        """Return the minimum of the objective reached from `start`. Raises as `minimise` does."""
        found = self.minimise(problem, start, setting.threads, setting.progress, setting.checkpoint)
        largest = float(np.max(np.abs(found.point.gradient), initial=0.0))
        reason = f"{counted(found.iterations, 'iteration')}, {counted(found.evaluations, 'evaluation')}; {_ending(found, start)}"
        trace = Table({"iteration": np.arange(len(found.history)), "ofv": np.array(found.history)})
        convergence = Convergence(found.converged, reason, largest, found.iterations, found.evaluations)
        return Outcome(found.point.state, convergence, trace, found.interrupted)

    def minimise(
        self, problem: Problem, start: Parameters, threads: int | None, progress: Progress, checkpoint: Checkpoint | None = None
    ) -> Descent:
        """Return the minimum reached from `start`; `checkpoint` keeps how far the search is.

        Raises FitError when the objective does not exist there, or has no minimum because a residual SD falls without end.
        """
        start, checkpoint = off_bounds(start), checkpoint or Checkpoint()
        scale, rule = Scale.of(start), self.rule_at(problem, start, threads)
        objective = Objective(problem, scale, rule, threads, self.priors(problem, start))
        coordinates, kept = scale.pack(start), checkpoint.load()
        if kept is None:
            point = objective.point(coordinates, self._evaluated(problem, start, rule, threads))
            search = Search(self._started(objective, point))
        else:
            search = search_of(kept, problem, start)
        try:
            self._go(objective, search, coordinates, progress, checkpoint)
        except KeyboardInterrupt:
            search.descent.interrupt()
        except FitError:
            checkpoint.remove()
            raise
        if not search.descent.interrupted:
            checkpoint.remove()
        return search.whole()

    def _go(self, objective: Objective, search: Search, coordinates: np.ndarray, progress: Progress, checkpoint: Checkpoint) -> None:
        """Descend, and again from every better place that a descent does not see."""
        while True:
            earlier = 0 if search.before is None else search.before.iterations
            self._descend(objective, search, progress, checkpoint, self.iterations - earlier)
            found = search.descent
            left = self.iterations - earlier - found.iterations
            finished = found.converged or left > 0
            better = self._better(objective, found.point, coordinates) if finished and not found.interrupted else None
            if better is None:
                return
            if left <= 0 or search.restarts == _MOST_RESTARTS:
                return found.stop("a better place is known, but the most iterations allowed were used")
            progress.update("fit", None, f"a better place lowers the objective to {better.value:.3f}")
            search.before, search.descent = search.whole(), self._started(objective, better)
            search.restarts += 1

    def _better(self, objective: Objective, point: Point, start: np.ndarray) -> Point | None:
        """Return a lower point that a descent does not see: other modes of subjects, or beyond a flat stretch near a bound."""
        gain = max(LEAST_GAIN, 10 * self.tolerance)
        other = objective.at(point.x, point, globally=True)
        if other is not None and other.value < point.value - gain:
            return other
        return better_at_boundary(objective, point, start, gain)

    def _started(self, objective: Objective, point: Point) -> Descent:
        if len(point.x) == 0:
            return Descent(point, np.zeros((0, 0)), history=[point.value])
        return started(objective.curvature, point)

    def _descend(self, objective: Objective, search: Search, progress: Progress, checkpoint: Checkpoint, iterations: int) -> None:
        def report(found: Descent) -> None:
            endless = vanishing(objective.scale.template, found.point.state.parameters, found.point.gradient)
            if endless:
                raise FitError(blame_vanishing(objective.problem, found.point.state, endless))
            if checkpoint.is_due():
                checkpoint.save(state_of(search))
            told = f"iteration {found.iterations}: OFV {found.point.value:.3f}, to gain about {found.decrement:.2g}"
            progress.update("fit", None, told)

        if len(search.descent.point.x) == 0:
            search.descent.converged, search.descent.decrement = True, 0.0
            return
        minimise(objective.at, objective.curvature, search.descent, tolerance=self.tolerance, most_iterations=iterations, report=report)


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
