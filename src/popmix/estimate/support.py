"""What methods honour: features of models and data, and which of them a method refuses, with the alternative.

Every method declares what it refuses; from these declarations come its check before the work and the table of support.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from popmix.engine.equations import EQUATIONS
from popmix.likelihood import Problem
from popmix.likelihood.priors import Priors
from popmix.model.parameters import parameters_of


@dataclass(frozen=True, eq=False)
class Feature:
    """A feature of models and data: what the table calls it, where a problem has it, and how a refusal speaks of it.

    names: the declarations of a problem that have the feature, none where it lacks it; phrase: with {names} for them.
    """

    title: str
    phrase: str
    names: Callable[[Problem], list[str]]


def _endpoints(test: Callable) -> Callable[[Problem], list[str]]:
    return lambda problem: list(dict.fromkeys(one.lowered.name for one in problem.compiled.endpoints if test(one.lowered)))


def _when(test: Callable[[Problem], bool], names: Callable[[Problem], list[str]]) -> Callable[[Problem], list[str]]:
    return lambda problem: names(problem) if test(problem) else []


def _above(problem: Problem) -> list[str]:
    return [level.name for level in problem.groupings.above]


CLOSED_FORMS = Feature(
    "closed-form compartments",
    "the compartments of {names}",
    _when(lambda one: one.code.route != EQUATIONS and one.code.n_states > 0, lambda one: [one.model.name]),
)
DIFFERENTIAL = Feature(
    "differential equations", "the equations of {names}", _when(lambda one: one.code.route == EQUATIONS, lambda one: [one.model.name])
)
DISCRETE = Feature(
    "counts, categories, events, free likelihoods", "{names}, which is no Gaussian outcome", _endpoints(lambda one: not one.has_root)
)
LIMITS = Feature("values beyond a limit (M3, M4)", "values of {names} beyond a limit", _endpoints(lambda one: one.is_free and one.has_root))
MEMORY = Feature("autocorrelated residuals", "autocorrelation= of {names}", _endpoints(lambda one: one.memory is not None))
NO_EFFECTS = Feature(
    "no random effects", "{names} without random effects", _when(lambda one: one.code.n_etas == 0, lambda one: [one.model.name])
)
WITHIN = Feature(
    "effects between occasions or within subjects", "effects of {names}", lambda problem: [one.name for one in problem.groupings.below]
)
ABOVE = Feature(
    "effects of levels above subjects",
    "effects of {names}, a level above subjects",
    _when(lambda one: one.effects.n_above > 0, _above),
)
MIXTURE = Feature("mixtures of subpopulations", "the Mixture {names}", lambda problem: list(problem.model.mixtures))
MIXTURE_ABOVE = Feature(
    "a mixture with levels above subjects",
    "a Mixture together with effects of {names}, a level above subjects",
    _when(lambda one: one.effects.n_above > 0 and one.n_groups > 1, _above),
)
PRIORS = Feature(
    "priors (MAP)",
    "the priors of {names}",
    _when(lambda one: bool(Priors.of(one.model, parameters_of(one.model))), lambda one: [one.model.name]),
)
FEATURES = (CLOSED_FORMS, DIFFERENTIAL, DISCRETE, LIMITS, MEMORY, NO_EFFECTS, WITHIN, ABOVE, MIXTURE, MIXTURE_ABOVE, PRIORS)


def refusal(method: str, refused: Mapping[Feature, str], problem: Problem) -> str:
    """Return what a method says to a problem that it can't honour, all features at once; "" where it can."""
    told = []
    for feature, alternative in refused.items():
        names = feature.names(problem)
        if names:
            told.append(f"{method} can't honour {feature.phrase.format(names=', '.join(names))}: {alternative}.")
    return "\n".join(told)
