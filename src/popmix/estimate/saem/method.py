"""SAEM: stochastic approximation of the EM algorithm."""

import math
import numbers
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from popmix.engine import stamp
from popmix.engine.saem import Moves
from popmix.errors import OptionError, SupportError
from popmix.estimate.convergence import Convergence
from popmix.estimate.importance import IMPMAP
from popmix.estimate.marginal import Marginal
from popmix.estimate.method import Method, Outcome, Setting
from popmix.estimate.objective import natural_scores
from popmix.estimate.quadrature import Laplace
from popmix.estimate.saem.phases import LAST, STEADY
from popmix.estimate.saem.run import Plan, Run
from popmix.estimate.sampled import drawn
from popmix.estimate.scale import Scale
from popmix.estimate.support import ABOVE, MIXTURE, MIXTURE_ABOVE, NO_EFFECTS, PRIORS, Feature
from popmix.likelihood import Evaluation, Problem, Rule, Sampling
from popmix.model.parameters import Parameters

_FEWEST_CHAINS, _SUBJECTS_TIMES_CHAINS = 3, 50
_STEPS = ("prior_steps", "conditional_steps", "together_steps", "single_steps")


@dataclass(frozen=True)
class SAEM(Method):
    """Stochastic approximation EM: the maximum of the likelihood itself, without an approximation of its integral.

    `chains` of every subject: default 3, or as many more as make 50 together with the subjects. `exploration` and `smoothing`: the most
    iterations of the phases; with `automatic` each ends when it has done its work, else they are as long as that. `annealing`: in the
    first half of the exploration no variance falls below this share of its last value (1: none falls, 0: no annealing). `prior_steps`,
    `conditional_steps`, `together_steps`: Metropolis-Hastings steps of an iteration that propose from the prior, around the conditional
    mean, and by a random walk of all effects; `single_steps`: sweeps of random walks of one effect after the other. `objective`: the
    method by which the objective is evaluated at the estimates, as AGQ(9) or FOCE() (default: IMPMAP(), importance sampling).

    Source: Kuhn and Lavielle (Comput Stat Data Anal 49:1020, 2005); see `popmix.estimate.saem.maximisation` and `popmix.engine.saem`.
    """

    chains: int | None = None
    exploration: int = 300
    smoothing: int = 200
    automatic: bool = True
    annealing: float = 0.95
    prior_steps: int = 1
    conditional_steps: int = 1
    together_steps: int = 1
    single_steps: int = 1
    objective: Marginal | None = None

    is_random = True

    def __post_init__(self) -> None:
        least = {"exploration": 0, "smoothing": 1} | dict.fromkeys(_STEPS, 0) | ({} if self.chains is None else {"chains": 1})
        for name, low in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < low:
                raise OptionError(f"{name} must be a whole number of at least {low}, not {value!r}.")
        if not any(getattr(self, name) for name in _STEPS):
            raise OptionError(f"one of {', '.join(_STEPS)} must be more than 0: the chains would never move.")
        if not isinstance(self.annealing, numbers.Real) or not 0 <= self.annealing <= 1:
            raise OptionError(f"annealing must be a number from 0 (none) to 1, not {self.annealing!r}.")
        if not isinstance(self.automatic, bool):
            raise OptionError(f"automatic must be True or False, not {self.automatic!r}.")
        if self.objective is not None and not isinstance(self.objective, Marginal):
            raise OptionError(f"objective must be a method such as AGQ(5) or FOCE(), or None for IMPMAP(), not {self.objective!r}.")

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "saem"

    @property
    def judge(self) -> Marginal:
        """The method by which the objective is evaluated."""
        return IMPMAP() if self.objective is None else self.objective

    @property
    def rule(self) -> Rule:
        """How the random effects are integrated out where the objective is evaluated."""
        return self.judge.rule

    def rule_at(self, problem: Problem, parameters: Parameters, threads: int | None) -> Rule:
        """Return the rule of the objective at given parameters."""
        return self.judge.rule_at(problem, parameters, threads)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the engine that the method needs."""
        return stamp.QUADRATURE, stamp.SAEM

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour: without random effects there is nothing to simulate."""
        return {
            ABOVE: "use Laplace() or FOCE()",
            MIXTURE: "use Laplace() or AGQ()",
            NO_EFFECTS: "use FOCE() or Laplace()",
            MIXTURE_ABOVE: "leave one of them out",
            PRIORS: "use FOCE() or Laplace()",
        }

    def check(self, problem: Problem, apart: Collection[Feature] = ()) -> None:
        """Raise SupportError where the method can't honour what the model and the data hold, but for the features `apart`."""
        super().check(problem, apart)
        parameters = problem.compiled.lowered.parameters
        linked = {parameters.index(name) for name in problem.compiled.lowered.linked}
        wrong = [parameters.names[k] for block in parameters.blocks if block.correlations for k in block.sds if k in linked]
        if wrong:
            raise SupportError(f"saem can't honour {', '.join(wrong)} of a StudentT parameter in a Block: use Laplace() or FOCE().")

    def evaluate(self, problem: Problem, parameters: Parameters, threads: int | None) -> Evaluation:
        """Return the objective at given parameters, with modes searched globally. Raises FitError for subjects that fail."""
        return self.judge.evaluate(problem, parameters, threads)

    def estimate(self, problem: Problem, start: Parameters, setting: Setting) -> Outcome:
        """Return the estimates reached from `start`. Raises FitError for subjects whose density exists at none of the places tried."""
        subjects = np.flatnonzero((problem.weights > 0) & (np.diff(problem.timeline.first_observation) > 0))
        moves = Moves(setting.seed, *self.steps)
        plan = Plan(self.exploration, self.smoothing, self.automatic, self.annealing)
        run = Run.of(problem, start, subjects, self.chains_for(len(subjects)), moves, plan, setting.threads)
        with run.simulation:
            kept = setting.checkpoint.load()
            if kept is not None:
                run.restore(kept)
            else:
                self._place(run, start, setting.threads)
            finished = run.go(setting)
        if finished:
            setting.checkpoint.remove()
        return self._outcome(run, start, setting, finished)

    @property
    def steps(self) -> tuple[int, int, int, int]:
        """Steps of an iteration of the chains, by kind."""
        return self.prior_steps, self.conditional_steps, self.together_steps, self.single_steps

    def chains_for(self, n_subjects: int) -> int:
        """Return the number of chains of every subject."""
        if self.chains is not None:
            return self.chains
        return max(_FEWEST_CHAINS, math.ceil(_SUBJECTS_TIMES_CHAINS / max(n_subjects, 1)))

    def _place(self, run: Run, start: Parameters, threads: int | None) -> None:
        """Begin at the conditional modes where a density does not exist at zero effects."""
        chains, problem = run.simulation.chains, run.problem
        values = problem.predictions(start, slopes=False, threads=threads)
        lost = np.flatnonzero(values.status[run.simulation.subjects] != 0)
        if len(lost):
            evaluation = Laplace().evaluate(problem, start, threads)
            chains.eta[:] = evaluation.marginal.eta[:, None]

    def _outcome(self, run: Run, start: Parameters, setting: Setting, finished: bool) -> Outcome:
        problem, parameters = run.problem, start.unchecked(run.estimates)
        modes = np.where(run.maximisation.centres.present, run.simulation.chains.mean, 0.0)
        rule, appraisal = self.rule_at(problem, parameters, setting.threads), None
        if isinstance(rule, Sampling):
            # the value alone: slopes of draws cost more than the value, and the certificate has them
            evaluation, *appraisal = drawn(problem, parameters, rule, [modes], setting.threads)
            steepest = math.nan
        else:
            evaluation = problem.evaluate(parameters, rule, modes=modes, globally=True, threads=setting.threads)
            steepest = _steepest(problem, start, evaluation)
        steady, reason = _ending(run, finished)
        convergence = Convergence(finished and steady, reason, steepest, run.iteration, run.iteration)
        return Outcome(evaluation, convergence, run.trace(), not finished, appraisal)


def _ending(run: Run, finished: bool) -> tuple[bool, str]:
    """Return whether the means have settled, and how the run ended in words."""
    explored = run.iteration if run.explored < 0 else run.explored
    told = f"{explored} iterations of exploration, {run.iteration - explored} of smoothing"
    if not finished:
        return False, f"interrupted; {told}"
    moved = run.movement()
    if not len(moved):
        return True, f"{told}; nothing was to be estimated."
    most = int(np.argmax(moved))
    name, still = run.maximisation.start.names[run.free[most]], float(moved[most])
    what = f"over the last {LAST} the mean of {name} moved by {100 * still:.2g}% of its SE"
    if still <= 2 * STEADY:
        return True, f"{told}; {what}, no other by more."
    return False, f"{told}; {what}, which is too much: allow more iterations of smoothing."


def _steepest(problem: Problem, start: Parameters, evaluation: Evaluation) -> float:
    """Return the largest gradient of the objective on the unconstrained scale, nan where a subject failed."""
    if len(evaluation.failed):
        return math.nan
    scale = Scale.of(start)
    jacobian = scale.jacobian(scale.pack(evaluation.parameters))
    return float(np.max(np.abs(problem.weights @ natural_scores(problem, evaluation) @ jacobian), initial=0.0))
