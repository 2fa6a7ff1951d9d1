"""What every estimation method is to `fit`: a name, what it refuses, how it evaluates, and how it estimates."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from popmix.errors import SupportError
from popmix.estimate.checkpoint import Checkpoint
from popmix.estimate.convergence import Convergence
from popmix.estimate.progress import Progress
from popmix.estimate.sampled import appraised
from popmix.estimate.support import Feature, refusal
from popmix.likelihood import Evaluation, Problem, Rule, Sampling
from popmix.model.parameters import Parameters
from popmix.table import Table


@dataclass(frozen=True, eq=False)
class Setting:
    """How the work is done: on how many threads (None: all cores), who is told of it, its seed, and where it is kept against a kill."""

    threads: int | None
    progress: Progress
    seed: int
    checkpoint: Checkpoint


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an estimation came to.

    `evaluation`: the objective at the estimates; `trace`: one row for each iteration; `interrupted`: the user stopped it, and this is what
    it had reached; `appraisal`: what `Method.appraise` would say of it, where that is known already.
    """

    evaluation: Evaluation
    convergence: Convergence
    trace: Table
    interrupted: bool = False
    appraisal: tuple[str, tuple[str, ...]] | None = None


class Method(ABC):
    """An estimation method with its options."""

    is_random = False  # whether numbers depend on the seed

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the method in results."""

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """How the random effects are integrated out where the objective is evaluated."""

    def rule_at(self, problem: Problem, parameters: Parameters, threads: int | None) -> Rule:
        """Return the rule at given parameters, where it depends on them."""
        return self.rule

    def seeded(self, seed: int) -> "Method":
        """Return the method with the seed of the work, where the method has one of its own."""
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the engine that the method needs besides what all models do: names in `popmix.engine.stamp`."""
        return ()

    @property
    @abstractmethod
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour, with what to do instead."""

    def check(self, problem: Problem, apart: Collection[Feature] = ()) -> None:
        """Raise SupportError where the method can't honour what the model and the data hold, all of it at once.

        `apart`: features that have no say in what the method is asked for.
        """
        refused = {feature: alternative for feature, alternative in self.refused.items() if feature not in apart}
        told = refusal(self.name, refused, problem)
        if told:
            raise SupportError(told)

    @abstractmethod
    def evaluate(self, problem: Problem, parameters: Parameters, threads: int | None) -> Evaluation:
        """Return the objective at given parameters. Raises FitError for subjects that fail."""

    def appraise(self, problem: Problem, evaluation: Evaluation, threads: int | None) -> tuple[str, tuple[str, ...]]:
        """Return what is to be said of the precision of an objective that was drawn, in words, and warnings; nothing of others."""
        rule = self.rule_at(problem, evaluation.parameters, threads)
        return appraised(problem, evaluation, rule, threads) if isinstance(rule, Sampling) else ("", ())

    @abstractmethod
    def estimate(self, problem: Problem, start: Parameters, setting: Setting) -> Outcome:
        """Return the estimates reached from `start`. Raises FitError when the objective does not exist there."""
