"""Tables as text for a page."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from popmix.report.blocks import Rows
from popmix.table import Table


def shown(value: Any, digits: int = 4) -> str:
    """Return a number with so many significant digits, "" where it is not known; words as they are."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value == int(value) and abs(value) < 1e6 else f"{value:.{digits}g}"
    return "" if value is None else str(value)


def rows_of(
    table: Table, names: Sequence[str] | None = None, *, caption: str = "", by_subject: bool = False, most: int | None = None
) -> Rows:
    """Return columns of a table as rows of text; with `by_subject` each row belongs to the subject in ID."""
    names = [name for name in (names or list(table)) if name in table]
    n = table.n_rows if most is None else min(most, table.n_rows)
    cells = [[shown(value) for value in table[name][:n].tolist()] for name in names]
    numeric = [table[name].dtype.kind in "fiu" for name in names]
    subjects = [str(one) for one in table["ID"][:n].tolist()] if by_subject else None
    units = [f"{name} [{table.units[name]}]" if table.units.get(name) else name for name in names]
    return Rows(units, [list(row) for row in zip(*cells, strict=True)], numeric, caption, subjects)
