"""Importance sampling: IMP and IMPMAP as estimators, and as a check on any fit."""

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from popmix.engine import stamp
from popmix.errors import OptionError
from popmix.estimate.binding import bound, load_part
from popmix.estimate.boundary import LEAST_GAIN, better_at_boundary
from popmix.estimate.checkpoint import Checkpoint
from popmix.estimate.descent import Descent, Point
from popmix.estimate.marginal import Marginal
from popmix.estimate.method import Outcome, Setting
from popmix.estimate.objective import Objective
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.quadrature import Laplace
from popmix.estimate.sampled import DEFENCE, ROUNDS, Importance, check_draws, importance_of, whole_sets
from popmix.estimate.support import ABOVE, Feature
from popmix.likelihood import Problem, Rule, Sampling
from popmix.likelihood.examination import adapted, examine
from popmix.model.parameters import Parameters

if TYPE_CHECKING:
    from popmix.estimate.result import Fit

# how near the search with Laplace's approximation comes to its minimum, from where the one with draws sets out
_NEAR = 1e-2


@dataclass(frozen=True)
class IMPMAP(Marginal):
    """The maximum of the likelihood by importance sampling around the conditional modes.

    For every subject `draws` (a multiple of 20, else the next one) from a Student distribution with `freedom` degrees of freedom (inf:
    normal), whose centre is the mode and whose shape is the exact curvature there, stratified by distance and in pairs. Sets out from
    the maximum of Laplace's approximation. The same draws, decided by `seed`, serve at all parameter values: the estimated OFV is a smooth
    function, its gradient exact, and its minimum is found as that of any other.
    NONMEM's METHOD=IMPMAP has the same draws and an EM algorithm, whose estimates go on moving by chance.
    `tolerance`: the fall of the OFV that the quadratic model may still promise at the end; `iterations`: the most allowed; with `prior`
    the priors of the model count (MAP).
    Source: Pinheiro and Bates (J Comput Graph Stat 4:12, 1995), importance sampling around the mode.
    """

    draws: int = 1000
    freedom: float = 5.0
    seed: int = 1
    tolerance: float = 1e-6
    iterations: int = 300
    prior: bool = True

    is_random = True

    def __post_init__(self) -> None:
        self._check_options()
        check_draws(self.draws, self.freedom, self.seed)

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "impmap"

    @cached_property
    def rule(self) -> Sampling:
        """How the random effects are integrated out."""
        return Sampling(whole_sets(self.draws), float(self.freedom), self.seed)

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour: draws for all subjects of a group at once would be too many."""
        return {**super().refused, ABOVE: "use Laplace() or FOCE()"}

    def seeded(self, seed: int) -> "IMPMAP":
        """Return the method with another seed."""
        return replace(self, seed=seed)

    def _better(self, objective: Objective, point: Point, start: np.ndarray) -> Point | None:
        """Return a lower point beyond a flat stretch near a bound; another mode of a subject would only move its draws."""
        return better_at_boundary(objective, point, start, max(LEAST_GAIN, 10 * self.tolerance))

    def minimise(
        self, problem: Problem, start: Parameters, threads: int | None, progress: Progress, checkpoint: Checkpoint | None = None
    ) -> Descent:
        """Return the minimum reached from `start` by way of that of Laplace's approximation. Raises as `Marginal.minimise`.

        The way is short beside the rest, and taken again where a `checkpoint` goes on.
        """
        first = Laplace(tolerance=max(_NEAR, self.tolerance), iterations=self.iterations, prior=self.prior)
        near = first.minimise(problem, start, threads, progress)
        if near.interrupted:
            return near
        return super().minimise(problem, near.point.state.parameters, threads, progress, checkpoint).after(near)


@dataclass(frozen=True)
class IMP(IMPMAP):
    """The maximum of the likelihood by importance sampling around the conditional means.

    As `IMPMAP`, but a first round of draws tells mean and covariance of the conditional distribution of every subject, and the draws that
    count are taken there: better where the mode says little, as with few outcomes that are no numbers. The proposals are made where the
    search with Laplace's approximation ended, and again for the OFV that is told (NONMEM's METHOD=IMP).
    """

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "imp"

    def rule_at(self, problem: Problem, parameters: Parameters, threads: int | None) -> Rule:
        """Return the rule whose proposals are made at given parameters."""
        found = problem.evaluate(parameters, Laplace().rule, globally=True, threads=threads)
        modes = [group.eta for group in found.groups]
        return adapted(self.rule, examine(problem, parameters, self.rule, modes, threads))

    def estimate(self, problem: Problem, start: Parameters, setting: Setting) -> Outcome:
        """Return the minimum reached from `start`, with the objective by proposals made there. Raises as `minimise` does."""
        found = super().estimate(problem, start, setting)
        return replace(found, evaluation=self.evaluate(problem, found.evaluation.parameters, setting.threads))


def importance(
    fit: "Fit",
    *,
    draws: int = 3000,
    freedom: float = 5.0,
    seed: int = 1,
    rounds: int = ROUNDS,
    defence: float = DEFENCE,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Importance:
    """Return the likelihood of any fit by importance sampling, with its Monte Carlo error and Pareto k by subject.

    For every subject `draws` from a Student distribution with `freedom` degrees of freedom (inf: normal) around the mode, as wide as the
    curvature there says; the share `defence` of them comes from the distribution of the effects without data instead, against modes that
    nobody knows. Subjects whose draws tell little (effective share below half, or k above 0.5) are drawn again, in at most
    `rounds`, around mean and covariance that their last draws had. Raises OptionError for options that make no sense, SupportError for
    effects of levels above subjects.
    """
    check_draws(draws, freedom, seed)
    if isinstance(rounds, bool) or not isinstance(rounds, numbers.Integral) or rounds < 1:
        raise OptionError(f"rounds must be a whole number of at least 1, not {rounds!r}.")
    if isinstance(defence, bool) or not isinstance(defence, numbers.Real) or not 0 <= defence < 1:
        raise OptionError(f"defence must be a number from 0 (none) to below 1, not {defence!r}.")
    told = progress or Silent()
    problem = bound(fit, told)
    load_part(told, stamp.QUADRATURE)
    evaluation = fit.method.evaluate(problem, fit.parameters, threads)
    return importance_of(
        problem, evaluation, Sampling(whole_sets(draws), float(freedom), seed, defence=float(defence)), rounds, threads, told
    )
