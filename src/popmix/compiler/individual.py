"""Individual parameters as expressions of their typical value and their random effects."""

from collections.abc import Callable
from dataclasses import dataclass

import symengine

from popmix.compiler.program import Program, Symbolic
from popmix.errors import SupportError
from popmix.model.declarations import IndividualParameter


@dataclass(frozen=True)
class Ingredients:
    """What a distribution is made of: the typical value, the sum of the effects, and expressions of `shape`, `df` and the SD of the effect.

    `sd` is called for only where it stands in the expression.
    """

    program: Program
    name: str
    declared: IndividualParameter
    typical: Symbolic
    eta: Symbolic
    shape: Symbolic | None
    df: Symbolic | None
    sd: Callable[[], Symbolic]


def individual(given: Ingredients) -> Symbolic:
    """Return an individual parameter. Raises SupportError for degrees of freedom that are no number."""
    return _FAMILIES[given.declared.family](given)


def _normal(given: Ingredients) -> Symbolic:
    return given.typical + given.eta


def _log_normal(given: Ingredients) -> Symbolic:
    return given.typical * symengine.exp(given.eta)


def _logit_normal(given: Ingredients) -> Symbolic:
    lower, width = _bounds(given.declared)
    share = (given.typical - lower) / width
    return lower + width * given.program.apply("expit", symengine.log(share / (1 - share)) + given.eta)


def _probit_normal(given: Ingredients) -> Symbolic:
    lower, width = _bounds(given.declared)
    place = given.program.apply("normal_quantile", (given.typical - lower) / width)
    return lower + width * given.program.apply("normal_cdf", place + given.eta)


def _box_cox(given: Ingredients) -> Symbolic:
    return given.typical * symengine.exp(given.program.exponential_slope(given.shape, given.eta))


def _student(given: Ingredients) -> Symbolic:
    if not given.df.is_Number:
        raise SupportError(f"{given.name}: df= must be a number, since quantiles of Student's t have no derivative by it here.")
    sd = given.sd()
    return given.typical * symengine.exp(sd * given.program.apply("student_quantile", given.eta / sd, given.df))


def _bounds(declared: IndividualParameter) -> tuple[Symbolic, Symbolic]:
    """Return the lower bound and the distance to the upper one."""
    lower, upper = declared.lower or 0.0, 1.0 if declared.upper is None else declared.upper
    return as_number(lower), as_number(upper) - as_number(lower)


def as_number(value: float) -> Symbolic:
    """Return whole numbers as integers, so that a square is a product and not a call of pow."""
    return symengine.Integer(int(value)) if float(value).is_integer() and abs(value) < 1e9 else symengine.RealDouble(value)


_FAMILIES = {
    "Normal": _normal,
    "LogNormal": _log_normal,
    "LogitNormal": _logit_normal,
    "ProbitNormal": _probit_normal,
    "BoxCox": _box_cox,
    "StudentT": _student,
}
