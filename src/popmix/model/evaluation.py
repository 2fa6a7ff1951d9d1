"""The value of an expression: at the start values, as far as it depends on constants and thetas alone, or at given values."""

import math
import operator
from collections.abc import Callable, Mapping

from popmix.model.declarations import Declaration, IndividualParameter, Named, Theta
from popmix.model.expression import Attribute, Expression, Number, Operation, Reference

_BINARY: dict[str, Callable] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "and": lambda a, b: bool(a) and bool(b), "or": lambda a, b: bool(a) or bool(b),
}  # fmt: skip
_UNARY: dict[str, Callable] = {
    "neg": operator.neg, "not": operator.not_, "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "erf": math.erf, "lgamma": math.lgamma,
    "abs": abs, "sin": math.sin, "cos": math.cos, "tanh": math.tanh,
    "expit": lambda x: 0.5 * (1 + math.tanh(x / 2)), "logit": lambda p: math.log(p / (1 - p)),
}  # fmt: skip


def value_at_start(expression: Expression | None, declarations: Mapping[str, Declaration], tad: float | None = None) -> float | None:
    """Return the value with thetas at their starts, random effects at 0, and TAD (when given) at a number.

    None where the expression depends on anything else (covariates, time, states) or has no real, finite value.
    """
    if expression is None:
        return None
    try:
        value = _value(expression, lambda leaf: _declared_value(leaf, declarations, tad))
    except (ArithmeticError, ValueError, TypeError):
        return None
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def value_of(expression: Expression, values: Mapping[str, float]) -> float:
    """Return the value of an expression where names (T and TAD too) have given values, parts of structures as "pk.central".

    Raises KeyError for a name without a value, ArithmeticError or ValueError where the expression has no real value.
    """
    return float(_value(expression, lambda leaf: values[_full_name(leaf)]))


def _full_name(leaf: Expression) -> str:
    return f"{leaf.owner}.{leaf.name}" if isinstance(leaf, Attribute) else leaf.name


def _value(expression: Expression, lookup: Callable[[Expression], float]) -> float:
    if isinstance(expression, Number):
        return expression.value
    if not isinstance(expression, Operation):
        return lookup(expression)
    name, arguments = expression.operator, expression.arguments
    if name == "where":
        condition, yes, no = arguments
        return _value(yes if _value(condition, lookup) else no, lookup)
    values = [_value(argument, lookup) for argument in arguments]
    return _UNARY[name](*values) if len(values) == 1 else _BINARY[name](*values)


def _declared_value(leaf: Expression, declarations: Mapping[str, Declaration], tad: float | None) -> float:
    if isinstance(leaf, Reference) and leaf.name == "TAD" and tad is not None:
        return tad
    match declarations.get(leaf.name) if isinstance(leaf, Reference) else None:
        case Theta(start=float() as start):
            return start
        case Named(expression=inner) | IndividualParameter(typical=inner):
            return _value(inner, lambda other: _declared_value(other, declarations, tad))
    raise TypeError("not a constant")
