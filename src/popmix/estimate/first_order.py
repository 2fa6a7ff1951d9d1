"""The first-order method."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from popmix.engine import stamp
from popmix.errors import Status
from popmix.estimate.marginal import Marginal
from popmix.estimate.method import Outcome, Setting
from popmix.estimate.support import ABOVE, DISCRETE, LIMITS, MEMORY, Feature
from popmix.likelihood import Conditional, Evaluation, FirstOrder, Problem
from popmix.model.parameters import Parameters


@dataclass(frozen=True)
class FO(Marginal):
    """First-order estimation: the model is linearised in the random effects at zero.

    OFV = sum over subjects of log det C + r' C^-1 r with C = G omega G' + R(0) and r = y - f(0), in NONMEM's convention (METHOD=0). Fast,
    and biased where effects are large or the model bends: for start values, and to repeat old analyses. Random effects in tables are the
    modes of the joint density with the residual variances of eta = 0, as NONMEM's POSTHOC finds them.
    `tolerance`: the fall of the OFV that the quadratic model may still promise at the end; `iterations`: the most allowed; with `prior`
    the priors of the model count (MAP).
    """

    tolerance: float = 1e-6
    iterations: int = 300
    prior: bool = True

    def __post_init__(self) -> None:
        self._check_options()

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "fo"

    @property
    def rule(self) -> FirstOrder:
        """How the random effects are integrated out."""
        return FirstOrder()

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the engine that the method needs."""
        return (stamp.FIRST_ORDER,)

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour: they can't be linearised, or not subject by subject."""
        others = (DISCRETE, LIMITS, MEMORY, ABOVE)
        return {**super().refused, **dict.fromkeys(others, "use FOCE() or Laplace()"), DISCRETE: "use Laplace() or AGQ()"}

    def evaluate(self, problem: Problem, parameters: Parameters, threads: int | None) -> Evaluation:
        """Return the objective at given parameters, with the modes found afterwards. Raises FitError for subjects that fail."""
        return _with_modes(problem, super().evaluate(problem, parameters, threads), threads)

    def estimate(self, problem: Problem, start: Parameters, setting: Setting) -> Outcome:
        """Return the minimum reached from `start`, with the modes found afterwards."""
        found = super().estimate(problem, start, setting)
        return replace(found, evaluation=_with_modes(problem, found.evaluation, setting.threads))


def _with_modes(problem: Problem, evaluation: Evaluation, threads: int | None) -> Evaluation:
    """Put the conditional modes in the place of the linearised ones, nan where there is none."""
    starts = [group.eta for group in evaluation.groups]
    found = problem.evaluate(evaluation.parameters, Conditional(interaction=False), modes=starts, globally=True, threads=threads)
    etas = np.where((found.marginal.status == Status.OK)[:, None], found.marginal.eta, np.nan)
    return replace(evaluation, marginal=evaluation.marginal._replace(eta=etas))
