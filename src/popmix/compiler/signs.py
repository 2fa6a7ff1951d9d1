"""Which expressions are positive whatever the unknowns: by the bounds of thetas, and by what the data say of covariates."""

from collections.abc import Set

import symengine

from popmix.compiler.program import Program, Symbolic

# functions with a symbol of their own: positive always, or where these of their arguments are
_ALWAYS = ("expit",)
_THROUGH = {"named": (0,), "power": (0,), "where": (1, 2)}


def is_positive(program: Program, expression: Symbolic, positive: Set[Symbolic]) -> bool:
    """Whether an expression is known to be positive where the symbols in `positive` are; False where that can't be told."""
    if expression.is_Number:
        return float(expression) > 0
    if expression in program.auxiliaries:
        auxiliary = program.auxiliaries[expression]
        through = _THROUGH.get(auxiliary.function, ())
        known = auxiliary.function in _ALWAYS or bool(through)
        return known and all(is_positive(program, auxiliary.arguments[k], positive) for k in through)
    if isinstance(expression, (symengine.Mul, symengine.Add)):
        return all(is_positive(program, one, positive) for one in expression.args)
    if isinstance(expression, symengine.Pow):
        base = expression.args[0]
        return base == symengine.E or is_positive(program, base, positive)
    return expression in positive
