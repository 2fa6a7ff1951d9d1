"""Directions: the few quantities of a subject through which its predictions depend on thetas, sigmas and etas.

An expression that uses time, amounts or covariates that change within a subject is evaluated at every record. The
largest parts of it that are constant within a subject and depend on unknowns are cut out and become *directions*
d = d(theta, sigma, eta). First and second derivatives are then propagated in these directions only, and the chain rule
through d(.) gives every gradient (CL/V, ka and V for an oral one-compartment model, say, however many covariates
stand behind them).
"""

from collections.abc import Iterable

import symengine

from popmix.compiler.program import Program, Symbolic


class Directions:
    """The cut between subject level and record level; `expressions` lists the directions found so far."""

    def __init__(self, program: Program, unknowns: Iterable[Symbolic], record_level: Iterable[Symbolic]) -> None:
        self.program = program
        self.unknowns = set(unknowns)
        self.record_level = set(record_level)
        self.expressions: list[Symbolic] = []
        self.symbols: list[Symbolic] = []
        self._known: dict[Symbolic, Symbolic] = {}

    def cut(self, expression: Symbolic) -> Symbolic:
        """Return the expression with its subject-level parts replaced by direction symbols."""
        leaves = self.program.leaves(expression)
        if not leaves & self.unknowns:
            return expression
        if not leaves & self.record_level:
            return self._direction(expression)
        if expression in self.program.auxiliaries:
            auxiliary = self.program.auxiliaries[expression]
            return self.program.apply(auxiliary.function, *(self.cut(argument) for argument in auxiliary.arguments))
        if isinstance(expression, (symengine.Mul, symengine.Add)):
            return self._cut_group(expression)
        return expression.func(*(self.cut(argument) for argument in expression.args))

    def _cut_group(self, expression: Symbolic) -> Symbolic:
        """Cut a sum or product: its constant operands become one direction, the others are cut one by one."""
        constant, changing = [], []
        for argument in expression.args:
            (changing if self.program.leaves(argument) & self.record_level else constant).append(argument)
        parts = [self.cut(argument) for argument in changing]
        if constant:
            parts.append(self.cut(expression.func(*constant)))
        return expression.func(*parts)

    def _direction(self, expression: Symbolic) -> Symbolic:
        if expression not in self._known:
            symbol = symengine.Symbol(f"d_{len(self.symbols)}")
            self._known[expression] = symbol
            self.symbols.append(symbol)
            self.expressions.append(expression)
        return self._known[expression]
