"""Checks of names: words that are taken, names of results that collide, declarations that nothing uses."""

from collections.abc import Iterable, Iterator, Mapping

from popmix.model.blueprint import BLUEPRINTS, PROFILES
from popmix.model.declarations import (
    Block,
    Broken,
    Covariate,
    Declaration,
    Dose,
    Eta,
    IndividualParameter,
    JointNormal,
    Level,
    Observation,
    Occasion,
    State,
    Structure,
)
from popmix.model.expression import FUNCTIONS, Expression, names_in
from popmix.model.handles import first_part
from popmix.model.mistakes import Problem, article, listed
from popmix.model.places import Culprit
from popmix.model.results import result_pairs

WORDS = frozenset((
    "Model", "Theta", "Covariate", "Normal", "LogNormal", "LogitNormal", "ProbitNormal", "BoxCox", "StudentT", "Eta", "Block", "Fixed",
    "Estimate",
    "State", "Dose", "Observation", "Occasion", "Level", "Mixture",
    "Bernoulli", "Binomial", "Poisson", "NegativeBinomial", "ZeroInflatedPoisson", "Ordinal", "Categorical", "TimeToEvent",
    "LogLikelihood", "priors", "where", *FUNCTIONS, *BLUEPRINTS, *PROFILES,
))  # fmt: skip
_MEANINGS = {"T": "time", "TAD": "time after dose", "Y": "the value observed"}
_RECORD = {"ID": "the subject", "TIME": "the time", "EVID": "the kind of a record", "MDV": "missing values"}
_COLUMNS = ("DV", "PRED", "IPRED", "RES", "IRES", "WRES", "IWRES", "CWRES", "NPDE")
_TABLE = ("OFV", "STATUS")


def problems(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield names that can't be used."""
    for name, each in declarations.items():
        yield from _taken(name, each)
    yield from _results(declarations)


def _taken(name: str, declared: Declaration) -> Iterator[Problem]:
    if name in WORDS:
        yield Problem(name, f"{name} is a word of the language", f"choose another name, such as {name.lower()}_ or my_{name}")
    elif name in _MEANINGS:
        yield Problem(name, f"{name} is taken: it stands for {_MEANINGS[name]}", "choose another name")
    elif name in _RECORD:
        help = "write T in expressions" if name == "TIME" else "choose another name"
        yield Problem(name, f"{name} is taken: in the data it is {_RECORD[name]}", help)
    elif name in _COLUMNS and isinstance(declared, Covariate):
        yield Problem(name, f"{name} can't be a covariate: it is a column of popmix's own tables", "rename the column")
    elif name in _TABLE and isinstance(declared, (IndividualParameter, Eta)):
        yield Problem(name, f"{name} is taken: it is a column of the table of individuals", "choose another name")


def _results(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for _, result, slot in result_pairs(declarations):
        owner = first.setdefault(result, slot.declaration)
        if owner != slot.declaration:
            later = list(declarations).index(owner) < list(declarations).index(slot.declaration)
            name, other = (slot.declaration, owner) if later else (owner, slot.declaration)
            yield Problem(name, f"the name {result} in the results belongs to both {other} and {name}", "rename one of them")


def unused(declarations: Mapping[str, Declaration], also_used: Iterable[Expression], ignore: set[str]) -> Iterator[Problem]:
    """Yield declarations that reach neither an observation nor the dynamics.

    Of a chain that leads nowhere only the last link is named.
    """
    if not any(isinstance(each, (Observation, Broken)) for each in declarations.values()):
        return  # without an observation everything would be called unused
    elsewhere = {name for expression in also_used for name in names_in(expression)}
    read = {name: set(each.names()) for name, each in declarations.items() if not isinstance(each, Block)}
    read_by_any = set().union(*read.values(), elsewhere)
    grouping = _grouping(declarations)
    for name, each in declarations.items():
        if name in read_by_any or name in ignore or name in grouping:
            continue
        if not isinstance(each, (Observation, State, Dose, Block, JointNormal, Broken)):
            yield Problem(name, *_unused(name, each, declarations))


def _grouping(declarations: Mapping[str, Declaration]) -> set[str]:
    """Return the occasions and levels that some effect refers to."""
    used = {each.level for each in declarations.values() if isinstance(each, (Eta, Block)) and each.level}
    if any(isinstance(each, IndividualParameter) and each.iov is not None for each in declarations.values()):
        used |= {name for name, each in declarations.items() if isinstance(each, Occasion)}
    return used


def _unused(name: str, declared: Declaration, declarations: Mapping[str, Declaration]) -> tuple[str, str, Culprit | None]:
    kind = "a named expression" if declared.word == "expression" else article(declared.word)
    message = f"{name} is never used: {kind} must reach an observation or the dynamics"
    blocks = [other for other, each in declarations.items() if isinstance(each, Block) and name in each.members]
    if isinstance(declared, (Occasion, Level)):
        return f"{name} is never used: no effect varies over it", "give a parameter iov=, or an Eta level=", None
    if blocks:
        return message, f"being in {listed(blocks)} does not use it; use it in an expression, or leave it out", None
    if isinstance(declared, Structure):
        return message, f"use {name}.{first_part(declared)} or another part, or leave it out", None
    return message, "use it, or leave it out", None
