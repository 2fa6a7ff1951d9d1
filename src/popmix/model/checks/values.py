"""Checks of single values: bounds, start values, typical values, standard deviations."""

from collections.abc import Iterator, Mapping

from popmix.model.declarations import Declaration, Eta, IndividualParameter, Mixture, Observation, StartValue, Theta
from popmix.model.evaluation import value_at_start
from popmix.model.expression import Reference
from popmix.model.mistakes import Problem
from popmix.model.places import Culprit

_POSITIVE = ("LogNormal", "BoxCox", "StudentT")
_RESIDUAL = ("additive", "proportional", "log_additive")


def problems(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield the values that can't be."""
    for name, each in declarations.items():
        match each:
            case Theta():
                yield from _theta(name, each)
            case IndividualParameter():
                yield from _spread(name, each.iiv, "iiv")
                yield from _spread(name, each.iov, "iov")
                yield from _typical(name, each, declarations)
            case Eta():
                yield from _spread(name, each.sd, "sd", drop="leave the Eta out")
            case Observation():
                yield from _residual(name, each)
            case Mixture():
                yield from _shares(name, each, declarations)


def _theta(name: str, theta: Theta) -> Iterator[Problem]:
    start, lower, upper = theta.start, theta.lower, theta.upper
    if lower is not None and upper is not None and lower >= upper:
        yield Problem(name, f"the lower bound {lower:g} of {name} is not below its upper bound {upper:g}", "", Culprit("keyword", "lower"))
        return
    if start is None:
        return
    for side, bound, sign in (("lower", lower, 1), ("upper", upper, -1)):
        culprit = Culprit("keyword", side)
        if bound is None:
            continue
        if sign * start < sign * bound:
            yield Problem(name, f"the start value {start:g} of {name} is {_beyond(side)} its {side} bound {bound:g}", "", culprit)
        elif start == bound and not theta.fixed:
            help = "start inside the bounds, or hold the value with fixed=True"
            yield Problem(name, f"the start value {start:g} of {name} lies on its {side} bound", help, culprit)


def _beyond(side: str) -> str:
    return "below" if side == "lower" else "above"


def _spread(name: str, sd: StartValue | None, keyword: str, drop: str = "") -> Iterator[Problem]:
    if sd is None or sd.value > 0 or sd.value != sd.value:  # nan: reported where it was written
        return
    culprit = Culprit("keyword", keyword)
    if sd.value == 0:
        yield Problem(name, f"{keyword} is 0, which is no variability", f"to have none, {drop or f'leave {keyword}= out'}", culprit)
        return
    yield Problem(name, f"{keyword} is {sd.value:g}, but a standard deviation can't be negative", "", culprit)


def _typical(name: str, parameter: IndividualParameter, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    value = value_at_start(parameter.typical, declarations)
    where = Culprit("argument", "0")
    if parameter.family in _POSITIVE:
        if value is not None and value <= 0:
            message = f"the typical value of {name} starts at {value:g}, but a {parameter.family} parameter is positive"
            yield Problem(name, message, _positive_help(parameter), where)
        return
    lower, upper = parameter.lower, parameter.upper
    if lower is None or upper is None:
        return
    if lower >= upper:
        yield Problem(name, f"the lower limit {lower:g} of {name} is not below its upper limit {upper:g}")
    elif value is not None and not lower < value < upper:
        message = f"the typical value of {name} starts at {value:g}, outside its limits {lower:g} and {upper:g}"
        yield Problem(name, message, "the typical value is on the scale of the parameter, not on the logit scale", where)


def _positive_help(parameter: IndividualParameter) -> str:
    if isinstance(parameter.typical, Reference):
        theta = parameter.typical.name
        return f"if {theta} is a logarithm write {parameter.family}(exp({theta}), ...); for a parameter of any sign use Normal"
    return "for a parameter of any sign use Normal"


def _residual(name: str, observation: Observation) -> Iterator[Problem]:
    for part in _RESIDUAL:
        yield from _spread(name, getattr(observation, part), part)
    if observation.power is not None and observation.power[0] is not None:
        yield from _spread(name, observation.power[0], "power")


def _shares(name: str, mixture: Mixture, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    values = [value_at_start(share, declarations) for share in mixture.shares]
    if any(value is None for value in values):
        return
    if any(not 0 < value < 1 for value in values):
        yield Problem(name, f"a share of {name} starts outside 0 and 1", "the shares are proportions of the population")
    elif abs(sum(values) - 1) > 1e-9:
        yield Problem(name, f"the shares of {name} add up to {sum(values):g}, not to 1", "write the last one as 1 minus the others")
