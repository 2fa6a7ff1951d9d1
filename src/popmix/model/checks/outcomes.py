"""Checks of observations: residual errors, labels, limits of quantification."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from popmix.model.declarations import Broken, Covariate, Declaration, Distribution, Observation
from popmix.model.expression import Attribute, Expression, Number, Operation, Reference, Text
from popmix.model.mistakes import Problem, listed
from popmix.model.places import Culprit

_GAUSSIAN = ("additive", "proportional", "power", "log_additive", "sd")
_CONTINUOUS = ("box_cox", "combined", "autocorrelation", "student", "censoring", "lloq", "uloq")


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
        extra = [*given, *(part for part in _CONTINUOUS if getattr(observation, part) is not None)]
        for part in extra:
            what = "a residual error " if part in given else ""
            message = f"{name} has the distribution {observation.prediction.kind} and {what}{part}="
            help = (
                "a distribution has its own variance: leave the residual error out"
                if what
                else "only continuous outcomes have it: leave it out"
            )
            yield Problem(name, message, help, Culprit("keyword", part))
        yield from _cutpoints(name, observation.prediction)
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
    if observation.combined is not None and not {"additive", "proportional"} <= set(given):
        message = f"{name} has combined= without both additive= and proportional="
        yield Problem(name, message, "it says how the two are added", Culprit("keyword", "combined"))
    if "power" in given and "proportional" in given:
        help = "power=(c, 1) is proportional=c: use one"
        yield Problem(name, f"{name} has both proportional= and power=", help, Culprit("keyword", "power"))


def _cutpoints(name: str, distribution: Distribution) -> Iterator[Problem]:
    """Yield cutpoints that are numbers and do not increase."""
    points = distribution.arguments.get("cutpoints", ())
    values = [point.value for point in points if isinstance(point, Number)]
    if len(values) == len(points) and any(later <= earlier for earlier, later in pairwise(values)):
        help = "a lower category comes first: cutpoints=(-1, 0, 2)"
        yield Problem(name, f"the cutpoints of {name} do not increase", help, Culprit("keyword", "cutpoints"))


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
