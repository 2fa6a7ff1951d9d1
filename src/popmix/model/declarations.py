"""Declarations of a model: frozen values whose expressions are trees of names, numbers and operations.

The words that a user writes (`popmix.model.words`) make them. Two declarations are equal when their contents are:
expressions are compared by their keys, since `==` on expressions builds conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar

from popmix.model.blueprint import BLUEPRINTS
from popmix.model.expression import Expression, Unknown, names_in
from popmix.model.mistakes import article, report

_NEVER_PARTS = ("kind", "arguments")  # asked for while a structure is being made or unpickled


class Content:
    """A frozen value compared by its content."""

    word: ClassVar[str] = "value"

    def key(self) -> tuple:
        """Return the content as nested tuples."""
        return (type(self).__name__, *(_key(getattr(self, field.name)) for field in fields(self)))

    def __eq__(self, other: object) -> bool:
        return self.key() == other.key() if isinstance(other, Content) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key())

    def expressions(self) -> Iterator[Expression]:
        """Yield the expressions that this value holds, at any depth."""
        for field in fields(self):
            yield from expressions_in(getattr(self, field.name))

    def names(self) -> Iterator[str]:
        """Yield the declared names that this value reads."""
        for expression in self.expressions():
            yield from names_in(expression)


class Declaration(Content):
    """A statement of a model; its name is the attribute that it is assigned to."""

    is_value: ClassVar[bool] = False  # can its name stand in an expression

    def _inside(self, *others: object) -> Unknown:
        help = f"give the {self.word} its own statement, then use its name"
        report(f"a {self.word} stands inside an expression", help, outside=TypeError)
        return Unknown(tuple(self.expressions()))

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _inside
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _inside


@dataclass(frozen=True, eq=False)
class StartValue(Content):
    """A start value of a standard deviation or another parameter of variability (natural scale), with the prior of the parameter."""

    value: float
    fixed: bool = False
    prior: Prior | None = None


@dataclass(frozen=True, eq=False)
class Prior(Content):
    """A prior distribution with its arguments: numbers, or a matrix as tuples of its rows."""

    word: ClassVar[str] = "prior"
    kind: str
    arguments: dict[str, float | tuple[tuple[float, ...], ...]]


@dataclass(frozen=True, eq=False)
class Distribution(Content):
    """The distribution of an outcome that is not Gaussian, with its arguments."""

    word: ClassVar[str] = "distribution"
    kind: str
    arguments: dict[str, Expression | tuple[Expression, ...] | bool]


@dataclass(frozen=True, eq=False)
class Theta(Declaration):
    """A fixed effect."""

    word: ClassVar[str] = "Theta"
    is_value: ClassVar[bool] = True
    start: float
    lower: float | None = None
    upper: float | None = None
    fixed: bool = False
    unit: str | None = None
    label: str | None = None
    prior: Prior | None = None


@dataclass(frozen=True, eq=False)
class Covariate(Declaration):
    """A column of the data."""

    word: ClassVar[str] = "Covariate"
    is_value: ClassVar[bool] = True
    unit: str | None = None
    label: str | None = None
    categories: tuple[str | float, ...] | None = None
    interpolation: str | None = None

    @property
    def holds_text(self) -> bool:
        """Whether its categories are texts."""
        return bool(self.categories) and all(isinstance(each, str) for each in self.categories)


@dataclass(frozen=True, eq=False)
class IndividualParameter(Declaration):
    """A parameter of the subject, linked to a normal random effect eta with SD `iiv`.

    Normal: typical + eta; LogNormal: typical * exp(eta); LogitNormal: lower + (upper - lower) expit(logit(u) + eta) with
    u = (typical - lower) / (upper - lower); ProbitNormal likewise with the normal distribution function; BoxCox: typical *
    exp((exp(shape eta) - 1) / shape); StudentT: typical * exp(t).
    """

    is_value: ClassVar[bool] = True
    family: str
    typical: Expression
    iiv: StartValue | None = None
    lower: float | None = None
    upper: float | None = None
    iov: StartValue | None = None
    shape: Expression | None = None
    df: Expression | None = None

    @property
    def word(self) -> str:
        """The word that declares it."""
        return self.family


@dataclass(frozen=True, eq=False)
class Eta(Declaration):
    """A free random effect: normal with mean zero; `level` names an Occasion or Level (None: the subject)."""

    word: ClassVar[str] = "Eta"
    is_value: ClassVar[bool] = True
    sd: StartValue
    level: str | None = None


@dataclass(frozen=True, eq=False)
class Block(Declaration):
    """Correlated random effects: member names and the full matrix of start correlations; beyond the `band` (None: none) they are 0."""

    word: ClassVar[str] = "Block"
    members: tuple[str, ...]
    correlation: tuple[tuple[float, ...], ...]
    fixed: bool = False
    level: str | None = None
    prior: Prior | None = None
    band: int | None = None


@dataclass(frozen=True, eq=False)
class JointNormal(Declaration):
    """A multivariate normal prior of several thetas: their names, the mean and the covariance matrix."""

    word: ClassVar[str] = "JointNormal"
    members: tuple[str, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, eq=False)
class Structure(Declaration):
    """A structure of the library: its kind, and only the arguments that were given. `library.expand` says what it stands for."""

    kind: str
    arguments: dict[str, Expression]

    @property
    def word(self) -> str:
        """The word that declares it."""
        return self.kind

    @property
    def compartments(self) -> tuple[str, ...]:
        """Names of the compartments (its states) in their order."""
        return tuple(BLUEPRINTS[self.kind].expand("", self.arguments).states)

    @property
    def route(self) -> tuple[str, ...]:
        """Names of the arguments that say how doses enter the first compartment, in use or not; none where it takes no doses."""
        return BLUEPRINTS[self.kind].route

    def compartment(self, part: str | None) -> str:
        """Return the compartment that a part of the structure is: the first one for None, and peripheral1 for peripheral of two."""
        if part is None:
            return self.compartments[0]
        return "peripheral1" if part == "peripheral" and "peripheral1" in self.compartments else part

    def __getattr__(self, attribute: str) -> Unknown:
        if attribute in _NEVER_PARTS or attribute.startswith("_") or attribute not in self._known_parts():
            raise AttributeError(attribute)
        help = f"write pk = {self.kind}(...) and then pk.{attribute}"
        report(f"a part of {article(self.kind)} is used before it has a name", help, outside=AttributeError)
        return Unknown(tuple(self.expressions()))

    def _known_parts(self) -> tuple[str, ...]:
        return (*BLUEPRINTS[self.kind].expand("", self.arguments).parts, "depot", "peripheral")


@dataclass(frozen=True, eq=False)
class State(Declaration):
    """A quantity with a differential equation; `init` is its value at the start (None: zero)."""

    word: ClassVar[str] = "State"
    is_value: ClassVar[bool] = True
    init: Expression | None = None
    derivative: Expression | None = None


@dataclass(frozen=True, eq=False)
class Dose(Declaration):
    """How doses enter a compartment: target (state, None) or (structure, compartment).

    profile: the density of the time from dose to arrival, an expression of TAD, here the time since the dose in question: an amount enters
    with the rate f AMT profile(TAD), added over all doses.
    """

    word: ClassVar[str] = "Dose"
    target: tuple[str, str | None]
    f: Expression | None = None
    lag: Expression | None = None
    duration: Expression | None = None
    rate: Expression | None = None
    profile: Expression | None = None

    def names(self) -> Iterator[str]:
        """Yield the declared names that this declaration reads, its target first."""
        yield self.target[0]
        yield from super().names()


@dataclass(frozen=True, eq=False)
class Observation(Declaration):
    """What is measured: a prediction with its residual error, or a distribution of the outcome.

    Var = additive^2 + (proportional f)^2 + (power[0] f^power[1])^2; with combined="sd" SD = additive + proportional f;
    `log_additive` is the SD of log(DV) around log(f); `sd` an expression. `student`: degrees of freedom of Student's t in place of the
    normal distribution. `autocorrelation`: correlation of residuals a unit of time apart.
    `censoring`: what values beyond a limit tell, "M1" (nothing), "M3" or "M4".
    """

    word: ClassVar[str] = "Observation"
    prediction: Expression | Distribution
    additive: StartValue | None = None
    proportional: StartValue | None = None
    power: tuple[StartValue, StartValue] | None = None
    log_additive: StartValue | None = None
    box_cox: Expression | None = None
    sd: Expression | None = None
    dvid: str | None = None
    lloq: Expression | None = None
    uloq: Expression | None = None
    combined: str | None = None
    autocorrelation: StartValue | None = None
    student: Expression | None = None
    censoring: str | None = None


@dataclass(frozen=True, eq=False)
class Named(Declaration):
    """An intermediate expression under a name."""

    word: ClassVar[str] = "expression"
    is_value: ClassVar[bool] = True
    expression: Expression


@dataclass(frozen=True, eq=False)
class Occasion(Declaration):
    """The occasions of a subject: by a column (None: the declaration's own name), with every dose, or at times at which new ones begin."""

    word: ClassVar[str] = "Occasion"
    column: str | None = None
    dose: bool = False
    breaks: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class Level(Declaration):
    """A column that groups subjects or records, above or below the subject (None: the declaration's own name)."""

    word: ClassVar[str] = "Level"
    column: str | None = None


@dataclass(frozen=True, eq=False)
class Mixture(Declaration):
    """A latent group, numbered from 1, with the share of each."""

    word: ClassVar[str] = "Mixture"
    is_value: ClassVar[bool] = True
    shares: tuple[Expression, ...]


@dataclass(frozen=True, eq=False)
class Reserved(Declaration):
    """Stands behind T, TAD and Y, which the language declares itself; never among the declarations of a model."""

    word: ClassVar[str] = "word of the language"
    is_value: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class Broken(Declaration):
    """Stands for a declaration with a reported mistake; never in a finished model."""

    is_refused: ClassVar[bool] = True
    is_value: ClassVar[bool] = True
    uses: tuple[Expression, ...] = ()


def _key(value: object) -> object:
    if isinstance(value, (Expression, Content)):
        return value.key()
    if isinstance(value, dict):
        return tuple((name, _key(each)) for name, each in value.items())
    if isinstance(value, (tuple, list)):
        return tuple(_key(each) for each in value)
    return value


def expressions_in(value: object) -> Iterator[Expression]:
    """Yield the expressions in a value, at any depth."""
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, Content):
        yield from value.expressions()
    elif isinstance(value, dict):
        for each in value.values():
            yield from expressions_in(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from expressions_in(each)
