"""Checks of observations: residual errors, labels, limits of quantification."""

from collections.abc import Iterator, Mapping

from popmix.model.declarations import Broken, Covariate, Declaration, Distribution, Observation
from popmix.model.expression import Attribute, Expression, Number, Operation, Reference, Text
from popmix.model.mistakes import Problem, listed
from popmix.model.places import Culprit

_GAUSSIAN = ("additive", "proportional", "power", "log_additive", "sd")


def problems(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield what is wrong with observations, or that there is none."""
    observations = {name: each for name, each in declarations.items() if isinstance(each, Observation)}
    if not observations and not any(isinstance(each, Broken) for each in declarations.values()):
        help = "as in DV = Observation(pk.concentration, proportional=0.1)"
        yield Problem("", "the model has no Observation, so nothing is compared with data", help)
    for name, each in observations.items():
        yield from _error(name, each)
        yield from _limits(name, each, declarations)
    yield from _labels(observations)


def _error(name: str, observation: Observation) -> Iterator[Problem]:
    given = [part for part in _GAUSSIAN if getattr(observation, part) is not None]
    if isinstance(observation.prediction, Distribution):
        extra = [*given, *(["box_cox"] if observation.box_cox is not None else [])]
        for part in extra:
            message = f"{name} has the distribution {observation.prediction.kind} and a residual error {part}="
            yield Problem(name, message, "a distribution has its own variance: leave the residual error out", Culprit("keyword", part))
        return
    if not given and _is_complete(observation):
        help = f"add additive=, proportional=, power=, log_additive= or sd=: {name} = Observation(..., proportional=0.1)"
        yield Problem(name, f"{name} has no residual error", help)
    for alone in ("sd", "log_additive"):
        others = [part for part in given if part != alone]
        if alone in given and others:
            help = f"write the whole standard deviation as sd=, or use {listed(f'{each}=' for each in others)} without it"
            if alone == "log_additive":
                help = "an error on the log scale stands alone"
            message = f"{name} has {alone}= together with {listed(f'{each}=' for each in others)}"
            yield Problem(name, message, help, Culprit("keyword", alone))
            return
    if "power" in given and "proportional" in given:
        help = "power=(c, 1) is proportional=c: use one"
        yield Problem(name, f"{name} has both proportional= and power=", help, Culprit("keyword", "power"))


def _is_complete(observation: Observation) -> bool:
    """Whether the prediction was understood (a refused one has been reported)."""
    return isinstance(observation.prediction, (Reference, Attribute, Operation, Number))


def _labels(observations: Mapping[str, Observation]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, each in observations.items():
        label = each.dvid if each.dvid is not None else name
        if label in first:
            help = "give each endpoint its own label in the DVID column"
            culprit = Culprit("keyword", "dvid") if each.dvid is not None else None
            yield Problem(name, f'{first[label]} and {name} have the same dvid "{label}"', help, culprit)
        first.setdefault(label, name)


def _limits(name: str, observation: Observation, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    for side in ("lloq", "uloq"):
        yield from _limit(name, side, getattr(observation, side), declarations)
    low, high = observation.lloq, observation.uloq
    if isinstance(low, Number) and isinstance(high, Number) and low.value >= high.value:
        yield Problem(name, f"lloq {low.value:g} of {name} is not below its uloq {high.value:g}", "", Culprit("keyword", "lloq"))


def _limit(name: str, side: str, limit: Expression | None, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    if limit is None or isinstance(limit, (Number, Text)):
        return
    declared = declarations.get(limit.name) if isinstance(limit, Reference) else None
    if isinstance(limit, Reference) and (declared is None or isinstance(declared, (Covariate, Broken))):
        return
    if isinstance(limit, (Reference, Attribute, Operation)):
        help = f'as in {side}=0.1, or {side}="{side.upper()}"'
        yield Problem(name, f"{side} must be a number or a column", help, Culprit("keyword", side))
