"""From the cells of a column to numbers and labels. Blank, `.`, NA and NaN are missing, never zero."""

import re
from collections.abc import Sequence

import numpy as np

MISSING = frozenset({"", ".", "NA", "NaN", "nan", "na", "NAN", "Na", "N/A", "<NA>"})
_KNOWN = {text: np.nan for text in MISSING}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?", re.ASCII)
_PLAIN_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0\d+", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_LARGEST_EXACT = 2.0**53

Cells = list[str] | np.ndarray


def is_number(text: str) -> bool:
    """Tell whether a cell is a finite or overflowing decimal number (an exponent may be written with E or D)."""
    return _NUMBER.fullmatch(text) is not None


def numbers(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a column (nan where missing) and a mask of the cells that hold text instead of a number."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iufb":
        return cells.astype(np.float64), np.zeros(len(cells), dtype=bool)
    cells = texts(cells)
    known = _KNOWN
    try:
        values = np.array([known[cell] if cell in known else float(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        return _slow_numbers(cells)
    if "_" in "".join(cells):  # Python reads 1_000 as a number; a data file means text by it
        return _slow_numbers(cells)
    return values, np.zeros(len(values), dtype=bool)


def _slow_numbers(cells: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    table = {cell: _one(cell) for cell in set(cells)}
    values = np.array([table[cell][0] for cell in cells], dtype=np.float64)
    text = np.array([table[cell][1] for cell in cells], dtype=bool)
    return values, text


def _one(cell: str) -> tuple[float, bool]:
    if cell in MISSING:
        return np.nan, False
    if is_number(cell):
        return float(cell.replace("D", "e").replace("d", "e")), False
    if _INFINITE.fullmatch(cell):
        return float(cell), False
    return np.nan, True


def texts(cells: Cells) -> list[str]:
    """Return a column as text, each cell stripped; missing cells of any kind become ""."""
    if isinstance(cells, list):
        return cells
    kind = cells.dtype.kind
    if kind in "iub":
        return [str(int(value)) for value in cells.tolist()]
    if kind == "f":
        return ["" if value != value else repr(value) for value in cells.tolist()]
    return ["" if value is None or value != value else str(value).strip() for value in cells.tolist()]


def label(cell: str) -> str:
    """Return the normalised label of a cell: "110" for 110, 110.0 and 1.1000E+02; "" when missing; other text as it is.

    An integer with leading zeros ("007") is a text of its own.
    """
    if _PLAIN_INTEGER.fullmatch(cell):
        return cell
    if cell in MISSING:
        return ""
    if not is_number(cell) or _LEADING_ZERO.fullmatch(cell):
        return cell
    value = float(cell.replace("D", "e").replace("d", "e"))
    if not np.isfinite(value):
        return cell
    return str(int(value)) if value.is_integer() and abs(value) <= _LARGEST_EXACT else repr(value)


def labels(cells: Cells) -> np.ndarray:
    """Return the normalised labels of a column as an object array of str."""
    cells = texts(cells)
    table = {cell: label(cell) for cell in set(cells)}
    return objects([table[cell] for cell in cells])


def objects(values: Sequence) -> np.ndarray:
    """Return a one-dimensional object array (also of things that numpy would take for a sequence)."""
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def shown(cells: Sequence[str], most: int = 3) -> str:
    """Return the first different cells in quotes: 'BLQ', '<0.5'."""
    different = list(dict.fromkeys(cells))
    text = ", ".join(repr(cell if len(cell) <= 30 else cell[:27] + "...") for cell in different[:most])
    return f"{text}, ..." if len(different) > most else text
