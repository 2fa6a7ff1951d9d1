"""Checks of random effects: blocks and their correlations, occasions and levels."""

import math
from collections.abc import Iterator, Mapping, Sequence

from popmix.model.declarations import Block, Broken, Declaration, Eta, IndividualParameter, Level, Occasion
from popmix.model.effects import occasion_of
from popmix.model.mistakes import Problem, article
from popmix.model.places import Culprit


def problems(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield what is wrong with blocks, occasions and levels."""
    taken: dict[tuple[str, str | None], str] = {}
    for name, each in declarations.items():
        if isinstance(each, Block):
            yield from _level(name, each.level, declarations)
            yield from _members(name, each, declarations, taken)
            yield from _matrix(name, each.correlation)
        elif isinstance(each, Eta):
            yield from _level(name, each.level, declarations)
    yield from _occasions(declarations)


def _members(name: str, block: Block, declarations: Mapping[str, Declaration], taken: dict) -> Iterator[Problem]:
    if len(block.members) < 2 and len(block.correlation) == len(block.members):
        yield Problem(name, f"{name} has fewer than two members, so nothing is correlated", "as in Block(CL, V, correlation=0.3)")
    for member in block.members:
        culprit = Culprit("name", member)
        if block.members.count(member) > 1:
            yield Problem(name, f"{member} is in {name} more than once", "", culprit)
        elif (member, block.level) in taken:
            help = "put all effects that are correlated with each other into one Block"
            yield Problem(name, f"{member} is already in the Block {taken[member, block.level]}", help, culprit)
        else:
            taken[member, block.level] = name
        yield from _member(name, member, block.level, occasion_of(declarations), declarations.get(member), culprit)


def _member(
    name: str, member: str, level: str | None, occasion: str | None, declared: Declaration | None, culprit: Culprit
) -> Iterator[Problem]:
    wanted = "iiv" if level is None else "iov"
    match declared:
        case IndividualParameter() if level is not None and level != occasion:
            help = f"declare the effect by itself, as in effect = Eta(0.2, level={level}), and use it in the typical value"
            yield Problem(name, f"{member} does not vary on the level {level}: only a free Eta does", help, culprit)
        case IndividualParameter() if getattr(declared, wanted) is None:
            help = f"give {member} an {wanted}=, or take it out of the Block"
            yield Problem(name, f"{member} has no {wanted}, so it has no random effect to be correlated", help, culprit)
        case Eta() if declared.level != level:
            yield Problem(name, f"the Eta {member} belongs to another level than {name}", "", culprit)
        case IndividualParameter() | Eta() | Broken() | None:
            return
        case _:
            help = "a Block holds individual parameters and etas"
            yield Problem(name, f"{member} is {article(declared.word)} and has no random effect", help, culprit)


def _matrix(name: str, matrix: Sequence[Sequence[float | None]]) -> Iterator[Problem]:
    culprit = Culprit("keyword", "correlation")
    size = len(matrix)
    values = [value for row in matrix for value in row]
    if None in values or any(value != value for value in values):
        return
    if any(matrix[k][k] != 1 for k in range(size)):
        yield Problem(name, "the diagonal of the correlation matrix must be 1", "give correlations here and the SDs as iiv=", culprit)
    elif any(abs(matrix[i][j] - matrix[j][i]) > 1e-12 for i in range(size) for j in range(i)):
        yield Problem(name, "the correlation matrix is not symmetric", "", culprit)
    elif any(abs(matrix[i][j]) >= 1 for i in range(size) for j in range(i)):
        yield Problem(name, "a correlation must lie between -1 and 1", "correlations go here, not covariances", culprit)
    elif not is_positive_definite(matrix):
        help = "bring the correlations nearer to zero, or give a matrix that fits together"
        yield Problem(name, f"the correlations of {name} do not make a positive definite matrix", help, culprit)


def is_positive_definite(matrix: Sequence[Sequence[float]]) -> bool:
    """Return whether a symmetric matrix has a Cholesky factor."""
    factor: list[list[float]] = []
    for i, row in enumerate(matrix):
        line: list[float] = []
        for j in range(i):
            line.append((row[j] - sum(a * b for a, b in zip(line, factor[j], strict=False))) / factor[j][j])
        pivot = row[i] - sum(value * value for value in line)
        if pivot <= 1e-12:
            return False
        factor.append([*line, math.sqrt(pivot)])
    return True


def _level(name: str, level: str | None, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    declared = declarations.get(level) if level else None
    if level and not isinstance(declared, (Occasion, Level, Broken)):
        help = "as in OCC = Occasion() and level=OCC"
        yield Problem(name, f"level must be an Occasion or a Level, which {level} is not", help, Culprit("keyword", "level"))


def _occasions(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    occasions = [name for name, each in declarations.items() if isinstance(each, Occasion)]
    broken = any(isinstance(each, Broken) for each in declarations.values())
    varying = [name for name, each in declarations.items() if isinstance(each, IndividualParameter) and each.iov is not None]
    for name in varying:
        if not occasions and not broken:
            help = "declare the column of the occasions first: OCC = Occasion()"
            yield Problem(name, f"{name} varies between occasions, but the model has no Occasion", help, Culprit("keyword", "iov"))
    for name in occasions[1:]:
        yield Problem(name, "a model has one Occasion", f"{occasions[0]} is the occasion already; other groupings are a Level")
