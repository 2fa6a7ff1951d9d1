"""Symbolic programs: SymEngine expressions plus functions that SymEngine can't differentiate safely.

`expit`, `where`, comparisons, powers with a symbolic exponent and the gamma functions become *auxiliary symbols* with
their own rules of differentiation, so that 0 * inf never arises from a branch that was not chosen or from 0 ** slope.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import symengine

Symbolic = symengine.Basic
ZERO = symengine.Integer(0)
ONE = symengine.Integer(1)


@dataclass(frozen=True)
class Auxiliary:
    """One application of a function that has its own symbol: `symbol = function(*arguments)`."""

    symbol: Symbolic
    function: str
    arguments: tuple[Symbolic, ...]


@dataclass(frozen=True)
class Copies:
    """The random effects of a level within subjects: `selector` holds the number of a record's occasion (or jar, ...) within its subject.

    `becomes`: for every number what the effects that expressions hold become there.
    """

    selector: Symbolic
    becomes: tuple[dict[Symbolic, Symbolic], ...]


class Program:
    """A growing set of auxiliary symbols, and total differentiation through them."""

    def __init__(self) -> None:
        self.auxiliaries: dict[Symbolic, Auxiliary] = {}
        self._interned: dict[tuple, Symbolic] = {}
        self._derivatives: dict[tuple[Symbolic, Symbolic], Symbolic] = {}

    def apply(self, function: str, *arguments: Symbolic) -> Symbolic:
        """Return the symbol that stands for `function(*arguments)`; the same application gives the same symbol."""
        if function in _FOLDS and (folded := _FOLDS[function](*arguments)) is not None:
            return folded
        identity = (function, arguments)
        if identity not in self._interned:
            symbol = symengine.Symbol(f"%{len(self._interned)}")
            self._interned[identity] = symbol
            self.auxiliaries[symbol] = Auxiliary(symbol, function, arguments)
        return self._interned[identity]

    def power(self, base: Symbolic, exponent: Symbolic) -> Symbolic:
        """Return base ** exponent, guarded at base = 0 when the exponent is not a number."""
        return base**exponent if exponent.is_Number else self.apply("power", base, exponent)

    def exponential_slope(self, shape: Symbolic, x: Symbolic) -> Symbolic:
        """Return (exp(shape x) - 1) / shape, which is x at shape = 0."""
        return x * self.apply("phi_1", shape * x)

    def named(self, expression: Symbolic) -> Symbolic:
        """Return a symbol that stands for an expression as a whole, so that it can be found again inside others."""
        return expression if expression.is_Number else self.apply("named", expression)

    def is_named(self, expression: Symbolic) -> bool:
        """Whether an expression is a symbol of `named`."""
        return expression in self.auxiliaries and self.auxiliaries[expression].function == "named"

    def holds_named(self, expression: Symbolic) -> bool:
        """Whether symbols of `named` occur in an expression, at any depth."""
        inside = [symbol for symbol in expression.free_symbols if symbol in self.auxiliaries]
        return any(self.is_named(symbol) or any(map(self.holds_named, self.auxiliaries[symbol].arguments)) for symbol in inside)

    def leaves(self, expression: Symbolic) -> set[Symbolic]:
        """Return the input symbols that an expression depends on, through its auxiliaries."""
        found, stack = set(), [expression]
        seen = set()
        while stack:
            for symbol in stack.pop().free_symbols:
                if symbol in seen:
                    continue
                seen.add(symbol)
                if symbol in self.auxiliaries:
                    stack.extend(self.auxiliaries[symbol].arguments)
                else:
                    found.add(symbol)
        return found

    def substitute(self, expression: Symbolic, replacements: Mapping[Symbolic, Symbolic]) -> Symbolic:
        """Return an expression with input symbols replaced, inside of auxiliaries too."""
        inside = {}
        for symbol in expression.free_symbols:
            if symbol in replacements:
                inside[symbol] = replacements[symbol]
            elif symbol in self.auxiliaries and not self.leaves(symbol).isdisjoint(replacements):
                auxiliary = self.auxiliaries[symbol]
                arguments = (self.substitute(argument, replacements) for argument in auxiliary.arguments)
                inside[symbol] = self.apply(auxiliary.function, *arguments)
        return expression.xreplace(inside) if inside else expression

    def choose(self, selector: Symbolic, options: Sequence[Symbolic]) -> Symbolic:
        """Return the option whose number, from 0, the selector holds."""
        chosen = options[-1]
        for number in range(len(options) - 2, -1, -1):
            chosen = self.apply("where", self.apply("==", selector, symengine.Integer(number)), options[number], chosen)
        return chosen

    def pick(self, selector: Symbolic, symbols: Sequence[Symbolic]) -> Symbolic:
        """Return the symbol whose number, from 0, the selector holds: `choose` for plain symbols, with a slope of 1 or 0 in each."""
        return symbols[0] if len(symbols) == 1 else self.apply("pick", selector, *symbols)

    def differentiate(self, expression: Symbolic, variable: Symbolic) -> Symbolic:
        """Return the total derivative of an expression, with the chain rule through auxiliaries."""
        total = expression.diff(variable)
        for symbol in expression.free_symbols:
            if symbol in self.auxiliaries:
                total += expression.diff(symbol) * self._derivative_of(symbol, variable)
        return total

    def _derivative_of(self, symbol: Symbolic, variable: Symbolic) -> Symbolic:
        identity = (symbol, variable)
        if identity not in self._derivatives:
            auxiliary = self.auxiliaries[symbol]
            changes = [self.differentiate(argument, variable) for argument in auxiliary.arguments]
            self._derivatives[identity] = ZERO if not any(changes) else _RULES[auxiliary.function](self, auxiliary, changes)
        return self._derivatives[identity]


def _where_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return program.apply("where", auxiliary.arguments[0], changes[1], changes[2])


def _expit_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return auxiliary.symbol * program.apply("expit", -auxiliary.arguments[0]) * changes[0]


def _power_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    base, exponent = auxiliary.arguments
    by_base = ZERO if changes[0] == 0 else _at_zero(program, base, changes[0], exponent * program.power(base, exponent - 1) * changes[0])
    by_exponent = ZERO if changes[1] == 0 else program.apply("power_log", base, exponent, ONE) * changes[1]
    return by_base + by_exponent


def _at_zero(program: Program, base: Symbolic, change: Symbolic, slope: Symbolic) -> Symbolic:
    """Return a slope, and 0 where the base is 0 and does not move: (T / life) ** 0.7 at T = 0 does not change with life."""
    if base.is_Symbol:
        return slope
    both = program.apply("and", program.apply("==", base, ZERO), program.apply("==", change, ZERO))
    return program.apply("where", both, ZERO, slope)


def _power_log_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    base, exponent, degree = auxiliary.arguments
    total = ZERO if changes[1] == 0 else program.apply("power_log", base, exponent, degree + 1) * changes[1]
    if changes[0] == 0:
        return total
    lower = program.power(base, exponent - 1) if degree == 1 else program.apply("power_log", base, exponent - 1, degree - 1)
    return total + (exponent * program.apply("power_log", base, exponent - 1, degree) + degree * lower) * changes[0]


def _abs_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    negative = program.apply("<", auxiliary.arguments[0], ZERO)
    return program.apply("where", negative, -changes[0], changes[0])


def _lgamma_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return _digamma(auxiliary.arguments[0]) * changes[0]


def _digamma(x: Symbolic) -> Symbolic:
    """Return psi(x) for x > 0 as an expression: its recurrence up to x + 10, then the asymptotic series (DLMF 5.11.2).

    The first omitted term is below 1e-15 at 10; the derivative of the expression is the trigamma function as accurately.
    """
    shift = 10
    far = x + shift
    series = symengine.log(far) - ONE / (2 * far)
    for power, coefficient in enumerate(_DIGAMMA_COEFFICIENTS, start=1):
        series -= symengine.Rational(*coefficient) / far ** (2 * power)
    return series - sum(ONE / (x + k) for k in range(shift))


def _pick_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    chosen = [(number, change) for number, change in enumerate(changes[1:]) if change != 0]
    return sum((program.apply("==", auxiliary.arguments[0], symengine.Integer(number)) * change for number, change in chosen), ZERO)


def _log1p_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return changes[0] / (1 + auxiliary.arguments[0])


def _expm1_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return symengine.exp(auxiliary.arguments[0]) * changes[0]


def _softplus_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return program.apply("expit", auxiliary.arguments[0]) * changes[0]


def _phi_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    """phi_k' = phi_k - k phi_(k+1)."""
    order = int(auxiliary.function.removeprefix("phi_"))
    return (auxiliary.symbol - order * program.apply(f"phi_{order + 1}", auxiliary.arguments[0])) * changes[0]


def _log_normal_cdf_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return program.apply("mills", auxiliary.arguments[0]) * changes[0]


def _mills_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    """With m = density / cumulated and g = x + m, which cancel in the far tail: m' = -m g."""
    return -auxiliary.symbol * program.apply("mills_gap", auxiliary.arguments[0]) * changes[0]


def _mills_gap_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return (1 - program.apply("mills", auxiliary.arguments[0]) * auxiliary.symbol) * changes[0]


def _censored_root_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    """The root of the curvature of -log Phi: sqrt(m g)."""
    return program.apply("censored_slope", auxiliary.arguments[0]) * changes[0]


def _censored_slope_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    """sqrt(m g)' = sqrt(m / g) (1 - m g - g^2) / 2, which is 0 where m is."""
    m, g = (program.apply(name, auxiliary.arguments[0]) for name in ("mills", "mills_gap"))
    return symengine.sqrt(m) / symengine.sqrt(g) * (1 - m * g - g**2) / 2 * changes[0]


def _log_normal_interval_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    lower, upper = (symengine.exp(-(x**2) / 2 - _LOG_ROOT_2PI - auxiliary.symbol) for x in auxiliary.arguments)
    return upper * changes[1] - lower * changes[0]


def _normal_cdf_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return symengine.exp(-(auxiliary.arguments[0] ** 2) / 2 - _LOG_ROOT_2PI) * changes[0]


def _normal_quantile_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return symengine.exp(auxiliary.symbol**2 / 2 + _LOG_ROOT_2PI) * changes[0]


def _student_quantile_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    """Normal density at z over Student's at t; degrees of freedom are a number."""
    z, df = auxiliary.arguments
    freedom = float(df)
    constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    log_student = constant - (freedom + 1) / 2 * program.apply("log1p", auxiliary.symbol**2 / freedom)
    return symengine.exp(-(z**2) / 2 - _LOG_ROOT_2PI - log_student) * changes[0]


def _named_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return changes[0]


def _flat_rule(program: Program, auxiliary: Auxiliary, changes: list[Symbolic]) -> Symbolic:
    return ZERO


_LOG_ROOT_2PI = symengine.RealDouble(0.5 * math.log(2 * math.pi))
# B_2k / 2k of the asymptotic series of psi
_DIGAMMA_COEFFICIENTS = ((1, 12), (-1, 120), (1, 252), (-1, 240), (1, 132), (-691, 32760), (1, 12))
_COMPARISONS = ("<", "<=", "==", "!=", "and", "or", "not")
_RULES = {
    "where": _where_rule,
    "expit": _expit_rule,
    "power": _power_rule,
    "power_log": _power_log_rule,
    "abs": _abs_rule,
    "lgamma": _lgamma_rule,
    "named": _named_rule,
    "pick": _pick_rule,
    "log1p": _log1p_rule,
    "expm1": _expm1_rule,
    "log1p_exp": _softplus_rule,
    **dict.fromkeys(("phi_1", "phi_2", "phi_3", "phi_4"), _phi_rule),
    "log_normal_cdf": _log_normal_cdf_rule,
    "mills": _mills_rule,
    "mills_gap": _mills_gap_rule,
    "censored_root": _censored_root_rule,
    "censored_slope": _censored_slope_rule,
    "log_normal_interval": _log_normal_interval_rule,
    "normal_cdf": _normal_cdf_rule,
    "normal_quantile": _normal_quantile_rule,
    "student_quantile": _student_quantile_rule,
    **dict.fromkeys(_COMPARISONS, _flat_rule),
}


def _fold_where(condition: Symbolic, yes: Symbolic, no: Symbolic) -> Symbolic | None:
    if yes == no:
        return yes
    if condition.is_Number:
        return yes if condition != 0 else no
    return None


_FOLDS = {"where": _fold_where}
