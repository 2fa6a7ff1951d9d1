"""Expressions of the model language: immutable trees of numbers, references and operations.

Operators and functions build trees; nothing is evaluated. `==` and `<` build conditions for `where`, so two trees are
compared by their `key()`, never by `==`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from popmix.model.mistakes import report

FUNCTIONS = ("exp", "log", "sqrt", "expit", "logit", "erf", "lgamma", "abs", "sin", "cos", "tanh")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
CONNECTIVES = ("and", "or", "not")
UFUNCS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "true_divide": "/", "power": "**", "negative": "neg", "absolute": "abs",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
    "exp": "exp", "log": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tanh": "tanh",
}  # fmt: skip


class Expression:
    """A node of a symbolic tree; arithmetic on it makes larger trees."""

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: object, **options: object) -> Expression:
        """Take numpy's functions of expressions, as in np.exp(x) and np.float64(2) * x, for the language's own."""
        name = UFUNCS.get(getattr(ufunc, "__name__", ""))
        if name is None or method != "__call__" or options:
            help = f"use one of {', '.join(FUNCTIONS)}"
            report(f"numpy's function {ufunc.__name__} is not part of the language", help, outside=TypeError)
            return Unknown(tuple(each for each in inputs if isinstance(each, Expression)))
        return operation(name, *inputs)

    def key(self) -> tuple:
        """Return the tree as nested tuples: equal keys mean the same expression."""
        raise TypeError(f"{type(self).__name__} has no structure yet")

    def children(self) -> tuple[Expression, ...]:
        """Return the direct operands."""
        return ()

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        report(
            "a condition of the model has no truth value while the model is defined",
            "write where(condition, a, b) in place of if, min and max, and & | ~ in place of and, or, not",
            outside=TypeError,
            uses=(self,),
            tangled=True,
        )
        return True

    def __getitem__(self, index: object) -> Expression:
        report("an expression of the model is a single value and has no items", outside=TypeError, uses=(self,))
        return Unknown((self,))

    def __float__(self) -> float:
        report(
            "an expression of the model is no number while the model is defined",
            "use popmix's own functions (exp, log, sqrt, ...), not those of math",
            outside=TypeError,
            uses=(self,),
        )
        return 1.0

    def __iter__(self) -> Iterator[Expression]:
        report("an expression of the model is a single value and can't be unpacked", outside=TypeError, uses=(self,))
        return iter(())

    def __add__(self, other):
        return operation("+", self, other)

    def __radd__(self, other):
        return operation("+", other, self)

    def __sub__(self, other):
        return operation("-", self, other)

    def __rsub__(self, other):
        return operation("-", other, self)

    def __mul__(self, other):
        return operation("*", self, other)

    def __rmul__(self, other):
        return operation("*", other, self)

    def __truediv__(self, other):
        return operation("/", self, other)

    def __rtruediv__(self, other):
        return operation("/", other, self)

    def __pow__(self, other):
        return operation("**", self, other)

    def __rpow__(self, other):
        return operation("**", other, self)

    def __mod__(self, other):
        return _no_operator("%", self, other)

    def __floordiv__(self, other):
        return _no_operator("//", self, other)

    def __neg__(self):
        return operation("neg", self)

    def __pos__(self):
        return self

    def __abs__(self):
        return operation("abs", self)

    def __lt__(self, other):
        return operation("<", self, other)

    def __le__(self, other):
        return operation("<=", self, other)

    def __gt__(self, other):
        return operation(">", self, other)

    def __ge__(self, other):
        return operation(">=", self, other)

    def __eq__(self, other):
        return operation("==", self, other)

    def __ne__(self, other):
        return operation("!=", self, other)

    def __and__(self, other):
        return operation("and", self, other)

    def __or__(self, other):
        return operation("or", self, other)

    def __rand__(self, other):
        return operation("and", other, self)

    def __ror__(self, other):
        return operation("or", other, self)

    def __invert__(self):
        return operation("not", self)


@dataclass(frozen=True, eq=False)
class Number(Expression):
    """A constant."""

    value: float

    def key(self) -> tuple:
        return ("number", self.value)


@dataclass(frozen=True, eq=False)
class Text(Expression):
    """A text that a covariate is compared with."""

    value: str

    def key(self) -> tuple:
        return ("text", self.value)


@dataclass(frozen=True, eq=False)
class Reference(Expression):
    """A declared name, or one of the words T (time), TAD (time after dose) and Y (the value observed)."""

    name: str

    def key(self) -> tuple:
        return ("name", self.name)


@dataclass(frozen=True, eq=False)
class Attribute(Expression):
    """A part of a declared structure, as in `pk.concentration`."""

    owner: str
    name: str

    def key(self) -> tuple:
        return ("attribute", self.owner, self.name)


@dataclass(frozen=True, eq=False)
class Operation(Expression):
    """An operator or function applied to expressions.

    `operator` is one of + - * / ** neg, a name in FUNCTIONS, a comparison, a connective, or where(condition, yes, no).
    """

    operator: str
    arguments: tuple[Expression, ...]

    def children(self) -> tuple[Expression, ...]:
        return self.arguments

    def key(self) -> tuple:
        return (self.operator, *(argument.key() for argument in self.arguments))


class Unknown(Expression):
    """Stands where a mistake has been reported, so that the rest of the body can be read; never in a finished model."""

    is_refused = True

    def __init__(self, uses: tuple[Expression, ...] = ()) -> None:
        object.__setattr__(self, "uses", uses)

    def key(self) -> tuple:
        return ("unknown",)

    def children(self) -> tuple[Expression, ...]:
        return self.uses

    def __call__(self, *arguments: object, **keywords: object) -> Unknown:
        return Unknown(tuple(value for value in (*arguments, *keywords.values()) if isinstance(value, Expression)))

    def __getattr__(self, name: str) -> Unknown:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(self.uses)

    def __setattr__(self, name: str, value: object) -> None:
        """Take `undeclared.dt = ...` in silence: the name has been reported."""


def as_expression(value: object) -> Expression:
    """Turn a number or text into a node; expressions pass unchanged.

    Anything else is a mistake: recorded in a class body, a TypeError elsewhere.
    """
    if isinstance(value, Expression):
        return value
    if isinstance(value, str):
        return Text(value)
    if is_refused(value):
        return Unknown(getattr(value, "uses", ()))
    try:
        return Number(float(value))
    except (TypeError, ValueError):
        report(*_unfit(value), outside=TypeError)
        return Unknown()


def is_refused(value: object) -> bool:
    """Return whether a value stands for something that has been reported as a mistake."""
    return getattr(value, "is_refused", False) is True


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all its parts, from the root down and from left to right."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children()))


def names_in(expression: Expression) -> Iterator[str]:
    """Yield the declared names that an expression reads, in order, with repetitions."""
    for node in walk(expression):
        if isinstance(node, Reference):
            yield node.name
        elif isinstance(node, Attribute):
            yield node.owner


def operation(operator: str, *arguments: object) -> Operation:
    """Build an operation from expressions, numbers and texts."""
    return Operation(operator, tuple(as_expression(argument) for argument in arguments))


def _unfit(value: object) -> tuple[str, str]:
    kind = type(value).__name__
    if callable(value) and hasattr(value, "__name__"):
        return f"{value.__name__} is a function, not a value", f"call it, as in {value.__name__}(x), or declare the name in the model"
    if hasattr(value, "word"):
        return f"a {value.word} stands inside an expression", f"give the {value.word} its own statement, then use its name"
    return f"a value of type {kind} can't stand in an expression", "use numbers and declared names"


def _no_operator(operator: str, *arguments: object) -> Unknown:
    report(f"the operator {operator} is not part of the language", "use + - * / **", outside=TypeError)
    return Unknown(tuple(as_expression(argument) for argument in arguments))


def exp(x: object) -> Operation:
    """The exponential function."""
    return operation("exp", x)


def log(x: object) -> Operation:
    """The natural logarithm."""
    return operation("log", x)


def sqrt(x: object) -> Operation:
    """The square root."""
    return operation("sqrt", x)


def expit(x: object) -> Operation:
    """The logistic function 1 / (1 + exp(-x))."""
    return operation("expit", x)


def logit(p: object) -> Operation:
    """The log odds log(p / (1 - p))."""
    return operation("logit", p)


def erf(x: object) -> Operation:
    """The error function."""
    return operation("erf", x)


def lgamma(x: object) -> Operation:
    """The logarithm of the gamma function, for x > 0."""
    return operation("lgamma", x)


def gamma(x: object) -> Operation:
    """The gamma function, for x > 0: exp(lgamma(x))."""
    return exp(lgamma(x))


def sin(x: object) -> Operation:
    """The sine."""
    return operation("sin", x)


def cos(x: object) -> Operation:
    """The cosine."""
    return operation("cos", x)


def tanh(x: object) -> Operation:
    """The hyperbolic tangent."""
    return operation("tanh", x)


def where(condition: object, yes: object, no: object) -> Operation:
    """`yes` where the condition holds, `no` elsewhere; only the value chosen is used."""
    return operation("where", condition, yes, no)
