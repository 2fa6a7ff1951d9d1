"""Quantities derived from the estimates, with their standard errors by the delta method.

For g(estimates), with the gradient taken exactly from the expression, SE = sqrt(grad g' cov grad g). The interval of a quantity that is
positive is made on its logarithm, exp(log g -+ z SE / g), that of others is g -+ z SE.
"""

import re
from collections.abc import Mapping

import numpy as np
import symengine

from popmix.errors import OptionError
from popmix.model.mistakes import did_you_mean
from popmix.table import Table
from popmix.uncertainty.covariance import Covariance
from popmix.uncertainty.quantiles import normal_quantile

_NAME = re.compile(r"[A-Za-z_]\w*(?!\w*\s*\()")
_FUNCTION = re.compile(r"([A-Za-z_]\w*)\s*\(")
_FUNCTIONS = ("exp", "log", "sqrt", "abs", "sin", "cos", "tan", "tanh", "erf", "gamma")


def derived(covariance: Covariance, expressions: Mapping[str, str], *, level: float = 0.95) -> Table:
    """Return name, expression, value, se, rse (percent), lower and upper of quantities such as `{"half_life": "log(2) * tvV / tvCL"}`.

    Expressions are of the names of parameters, numbers, + - * / ** and functions (exp, log, sqrt, ...). Raises OptionError for expressions
    that can't be read or name what does not exist, all at once, and when there is no covariance.
    """
    z = normal_quantile(level)
    if not covariance.exists:
        raise OptionError(f"there is no covariance of the estimates: {covariance.trouble}")
    known = {name: symengine.Symbol(name) for name in covariance.parameters.names}
    read = {name: _read(name, text, known) for name, text in expressions.items()}
    complaints = [found for found in read.values() if isinstance(found, str)]
    if complaints:
        raise OptionError("\n".join(complaints))
    at = covariance.parameters.as_dict()
    values = {name: float(found.subs(at)) for name, found in read.items()}
    errors = {name: _error(found, covariance, at) for name, found in read.items()}
    ends = {name: _interval(values[name], errors[name], z) for name in read}
    return Table(
        {
            "name": np.array(list(read), dtype=object),
            "expression": np.array(list(expressions.values()), dtype=object),
            "value": np.array(list(values.values())),
            "se": np.array(list(errors.values())),
            "rse": np.array([100 * errors[name] / abs(values[name]) if values[name] else np.nan for name in read]),
            "lower": np.array([ends[name][0] for name in read]),
            "upper": np.array([ends[name][1] for name in read]),
        }
    )


def _read(name: str, text: str, known: Mapping[str, symengine.Symbol]) -> symengine.Expr | str:
    """Return an expression, or what is wrong with it."""
    functions = set(_FUNCTION.findall(str(text)))
    unknown = [word for word in functions if word not in _FUNCTIONS]
    if unknown:
        return f"{name} = {text}: there is no function {', '.join(unknown)}; there are {', '.join(_FUNCTIONS)}."
    try:
        found = symengine.sympify(text)
        symbols = {str(one) for one in found.free_symbols}
    except (RuntimeError, ValueError, TypeError, AttributeError, symengine.SympifyError) as error:
        return f"{name} = {text} can't be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}."
    strange = sorted(symbols - known.keys())
    if strange:
        hint = did_you_mean(strange[0], list(known)) or f"parameters: {', '.join(known)}."
        return f"{name} = {text}: there is no parameter {', '.join(strange)}; {hint}"
    return found


def _error(expression: symengine.Expr, covariance: Covariance, at: Mapping[str, float]) -> float:
    slopes = np.array([float(expression.diff(symengine.Symbol(name)).subs(at)) for name in covariance.names])
    return float(np.sqrt(slopes @ covariance.matrix @ slopes))


def _interval(value: float, error: float, z: float) -> tuple[float, float]:
    if value > 0:
        return value * float(np.exp(-z * error / value)), value * float(np.exp(z * error / value))
    return value - z * error, value + z * error
