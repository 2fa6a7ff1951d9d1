"""The table of support: which method honours which feature of models and data, from what the methods declare."""

from collections.abc import Mapping

import numpy as np

from popmix.estimate.method import Method
from popmix.estimate.support import FEATURES
from popmix.table import Table


def support_table(methods: Mapping[str, Method]) -> Table:
    """Return a row for every feature and a column for every method: "yes", or what to do instead."""
    columns = {"feature": np.array([feature.title for feature in FEATURES], dtype=object)}
    for name, method in methods.items():
        refused = method.refused
        columns[name] = np.array([refused.get(feature, "yes") for feature in FEATURES], dtype=object)
    return Table(columns)


def support_text(table: Table) -> str:
    """Return the table as text: a dash for what is refused, and below what to do instead."""
    methods = [name for name in table if name != "feature"]
    width = max(len(title) for title in table["feature"])
    lines = ["  ".join(["feature".ljust(width), *methods])]
    notes: dict[str, list[str]] = {}
    for row in table.rows():
        cells = []
        for name in methods:
            honoured = row[name] == "yes"
            cells.append(("yes" if honoured else "-").center(len(name)))
            if not honoured:
                notes.setdefault(f"{row['feature']}: {row[name]}", []).append(name)
        lines.append("  ".join([row["feature"].ljust(width), *cells]).rstrip())
    return "\n".join([*lines, "", *(f"{', '.join(names)} refuse{'s' if len(names) == 1 else ''} {note}" for note, names in notes.items())])
