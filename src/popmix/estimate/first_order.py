"""The first-order method."""

from dataclasses import dataclass, replace

import numpy as np

from popmix.engine import stamp
from popmix.errors import Status, SupportError
from popmix.estimate.marginal import Marginal
from popmix.estimate.method import Outcome, Setting
from popmix.likelihood import Conditional, Evaluation, FirstOrder, Problem
from popmix.model.parameters import Parameters


@dataclass(frozen=True)
class FO(Marginal):
    """First-order estimation: the model is linearised in the random effects at zero.

    OFV = sum over subjects of log det C + r' C^-1 r with C = G omega G' + R(0) and r = y - f(0), in NONMEM's convention (METHOD=0). Fast,
    and biased where effects are large or the model bends: for start values, and to repeat old analyses. Random effects in tables are the
    modes of the joint density with the residual variances of eta = 0, as NONMEM's POSTHOC finds them.
    `tolerance`: the fall of the OFV that the quadratic model may still promise at the end; `iterations`: the most allowed.
    """

    tolerance: float = 1e-6
    iterations: int = 300

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

    def check(self, problem: Problem) -> None:
        """Raise SupportError for what can't be linearised: outcomes that are not Gaussian, censored values, levels above subjects."""
        super().check(problem)
        if problem.effects.n_above:
            above = ", ".join(level.name for level in problem.groupings.above)
            raise SupportError(f"fo can't honour effects of {above}, a level above subjects: use FOCE() or Laplace().")
        endpoints = [one.lowered for one in problem.compiled.endpoints]
        for what, names in {
            "which is no Gaussian outcome": [one.name for one in endpoints if not one.has_root],
            "which has values beyond a limit": [one.name for one in endpoints if one.is_free],
            "with its autocorrelation=": [one.name for one in endpoints if one.memory is not None],
        }.items():
            if names:
                raise SupportError(f"fo can't honour {', '.join(dict.fromkeys(names))}, {what}: use FOCE() or Laplace().")

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
