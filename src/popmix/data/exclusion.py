"""Rules that leave records out: "EVID == 0 & BLQ == 1", also in NM-TRAN's form "FLAG.EQ.1"."""

import ast
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from popmix.data.cells import label, labels, numbers
from popmix.data.raw import RawTable
from popmix.errors import OptionError

_TRAN = {
    "EQ": "==",
    "NE": "!=",
    "GT": ">",
    "GE": ">=",
    "LT": "<",
    "LE": "<=",
    "AND": " and ",
    "OR": " or ",
    "NOT": " not ",
    "EQN": "==",
    "NEN": "!=",
}
_TRAN_WORD = re.compile(r"\.(" + "|".join(_TRAN) + r")\.", re.IGNORECASE)
_ORDER: dict[type, Callable] = {ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal}

Exclusion = str | Sequence[str] | Mapping[str, str] | None


class UnknownColumn(Exception):
    """A rule names a column that the data do not have."""


def rules(exclude: Exclusion) -> dict[str, str]:
    """Return reason -> rule; a rule given alone is its own reason.

    Raises OptionError when `exclude` is neither a rule, nor a sequence of rules, nor a mapping from reasons to rules.
    """
    if exclude is None:
        return {}
    if isinstance(exclude, str):
        return {exclude: exclude}
    if isinstance(exclude, Mapping):
        return {str(reason): str(rule) for reason, rule in exclude.items()}
    if isinstance(exclude, Sequence) and all(isinstance(rule, str) for rule in exclude):
        return {rule: rule for rule in exclude}
    raise OptionError(f"exclude={exclude!r}: give a rule such as 'BLQ == 1', a list of rules, or {{reason: rule}}.")


def matches(rule: str, raw: RawTable) -> np.ndarray:
    """Return a mask of the records that a rule speaks of. A missing cell equals nothing and is not unequal to anything.

    Raises OptionError when the rule can't be read; UnknownColumn when it names an absent column.
    """
    text = _TRAN_WORD.sub(lambda found: _TRAN[found[1].upper()], rule).replace("/=", "!=")
    text = re.sub(r"&+", " and ", re.sub(r"\|+", " or ", text))
    text = re.sub(r"!(?!=)", " not ", re.sub(r"(?<![=!<>])=(?!=)", "==", text)).strip()
    try:
        tree = ast.parse(text, mode="eval").body
        return _truth(tree, raw)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise OptionError(f"exclude={rule!r} can't be read: write comparisons such as EVID == 0 & BLQ == 1.") from error


def _truth(node: ast.AST, raw: RawTable) -> np.ndarray:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(value, raw) for value in node.values]
        return np.logical_and.reduce(parts) if isinstance(node.op, ast.And) else np.logical_or.reduce(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_truth(node.operand, raw)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.left, ast.Name):
        return _compared(_position(node.left.id, raw), node.ops[0], _values(node.comparators[0]), raw)
    raise ValueError("not a comparison")


def _values(node: ast.AST) -> list:
    if isinstance(node, ast.Name):
        return [node.id]  # a bare word is text: SEX == F
    value = ast.literal_eval(node)
    values = list(value) if isinstance(value, list | tuple | set) else [value]
    if not all(isinstance(value, int | float | str) for value in values):
        raise ValueError("not a number or text")
    return values


def _position(name: str, raw: RawTable) -> int:
    same = [at for at, other in enumerate(raw.names) if other == name] or [
        at for at, other in enumerate(raw.names) if other.lower() == name.lower()
    ]
    if not same:
        raise UnknownColumn(name)
    return same[0]


def _compared(position: int, operator: ast.cmpop, values: list, raw: RawTable) -> np.ndarray:
    cells = raw.columns[position]
    if type(operator) in _ORDER and len(values) == 1 and not isinstance(values[0], str):
        return _ORDER[type(operator)](numbers(cells)[0], values[0])
    wanted = {label(str(value)) for value in values}
    present = labels(cells)
    equal = np.array([cell in wanted and cell != "" for cell in present], dtype=bool)
    if isinstance(operator, ast.Eq | ast.In):
        return equal
    if isinstance(operator, ast.NotEq | ast.NotIn):
        return ~equal & np.array([cell != "" for cell in present], dtype=bool)
    raise ValueError("this comparison needs a number")
