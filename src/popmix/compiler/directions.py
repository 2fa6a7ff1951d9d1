"""Directions: the few quantities of a subject through which its predictions depend on thetas, sigmas and etas.

An expression that uses time, amounts or covariates that change within a subject is evaluated at every record. The
largest parts of it that are constant within a subject and depend on unknowns are cut out and become *directions*
d = d(theta, sigma, eta). First and second derivatives are then propagated in these directions only, and the chain rule
through d(.) gives every gradient (CL/V, ka and V for an oral one-compartment model, say, however many covariates
stand behind them).
"""

from collections.abc import Iterable, Sequence

import symengine

from popmix.compiler.program import Copies, Program, Symbolic

GRAINS = ("largest", "parameter", "symbol")


class Directions:
    """The cut between subject level and record level; `expressions` lists the directions found so far.

    `fixed` are the unknowns that no derivative is wanted for: parts that depend on no others are *passive*, plain numbers of the
    subject. `grain` says how large the parts are that become directions: "largest" as they come, "parameter" the individual
    parameters (named parts) apart from each other, "symbol" thetas apart as well. Smaller parts are fewer where they enter in many
    combinations. A part that depends on effects between occasions (`copies`) is a direction of its own for every occasion, of which a
    record takes that of its occasion.
    """

    def __init__(
        self,
        program: Program,
        unknowns: Iterable[Symbolic],
        record_level: Iterable[Symbolic],
        fixed: Iterable[Symbolic] = (),
        grain: str = "largest",
        copies: Sequence[Copies] = (),
    ) -> None:
        self.program = program
        self.copies = copies
        self.unknowns = set(unknowns).union(*(one.becomes[0] for one in copies))
        self.free = self.unknowns - set(fixed)
        self.record_level = set(record_level)
        self.grain = grain
        self.expressions: list[Symbolic] = []
        self.symbols: list[Symbolic] = []
        self.passive: dict[Symbolic, Symbolic] = {}
        # by direction, where it belongs to one occasion (or jar, ...): the number for each level
        self.numbers: dict[Symbolic, dict[Symbolic, int]] = {}
        self._known: dict[Symbolic, Symbolic] = {}

    def cut(self, expression: Symbolic) -> Symbolic:
        """Return the expression with its subject-level parts replaced by direction symbols."""
        leaves = self.program.leaves(expression)
        if not leaves & self.unknowns:
            return expression
        if not leaves & self.record_level and self._is_whole(expression):
            return self._direction(expression, bool(leaves & self.free))
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
            varies = self.program.leaves(argument) & self.record_level or not self._may_join(argument)
            (changing if varies else constant).append(argument)
        parts = [self.cut(argument) for argument in changing]
        if constant:
            parts.append(self.cut(expression.func(*constant)))
        return expression.func(*parts)

    def _is_whole(self, expression: Symbolic) -> bool:
        """Whether a part that is constant within a subject may be a direction."""
        is_input = expression.is_Symbol and expression not in self.program.auxiliaries
        return is_input or self.program.is_named(expression) or self._may_join(expression)

    def _may_join(self, expression: Symbolic) -> bool:
        """Whether a part may stand in one direction together with others."""
        if self.grain == "largest" or not self.program.leaves(expression) & self.unknowns:
            return True
        return self.grain == "parameter" and not self.program.holds_named(expression)

    def _direction(self, expression: Symbolic, is_free: bool) -> Symbolic:
        if expression in self._known:
            return self._known[expression]
        for one in self.copies:
            if not self.program.leaves(expression).isdisjoint(one.becomes[0]):
                own = [self._direction(self.program.substitute(expression, becomes), is_free) for becomes in one.becomes]
                self._known[expression] = self._picked(one.selector, own)
                return self._known[expression]
        if is_free:
            symbol = symengine.Symbol(f"d_{len(self.symbols)}")
            self.symbols.append(symbol)
            self.expressions.append(expression)
        else:
            symbol = symengine.Symbol(f"passive_{len(self.passive)}")
            self.passive[symbol] = expression
        self._known[expression] = symbol
        return symbol

    def _picked(self, selector: Symbolic, own: list[Symbolic]) -> Symbolic:
        for number, symbol in enumerate(own):
            for direction in self.program.leaves(symbol).intersection(self.symbols):
                self.numbers.setdefault(direction, {})[selector] = number
        return self.program.pick(selector, own)

    def never_together(self, one: Symbolic, other: Symbolic) -> bool:
        """Whether no record reads both directions, because they belong to different occasions."""
        first, second = self.numbers.get(one, {}), self.numbers.get(other, {})
        return any(second.get(selector, number) != number for selector, number in first.items())
