"""How groupings of records nest: levels above subjects, and levels within them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from popmix.data.table import EventTable


@dataclass(frozen=True, eq=False)
class Nesting:
    """Levels from the outermost in. above: name -> the group of every subject, from 0; below: name -> for every record the number of its
    group within its subject, from 0 in order of appearance.
    """

    above: Mapping[str, np.ndarray]
    below: Mapping[str, np.ndarray]


def nesting(table: EventTable) -> Nesting:
    """Return how the levels of a table nest. A level whose label changes within some subject lies within subjects."""
    above, below = {}, {}
    for name, labels in table.levels.items():
        if is_above(table.subject, labels):
            above[name] = numbered(labels[table.starts[:-1]])
        else:
            below[name] = numbered_within(table.subject, labels)
    return Nesting(
        dict(sorted(above.items(), key=lambda one: int(one[1].max(initial=0)))),
        dict(sorted(below.items(), key=lambda one: int(one[1].max(initial=0)))),
    )


def occasions(table: EventTable) -> np.ndarray:
    """Return for every record the number of its occasion within its subject, from 0 in order of appearance."""
    return numbered_within(table.subject, table.occasion)


def is_above(subject: np.ndarray, labels: np.ndarray) -> bool:
    """Whether labels are constant within every subject."""
    same = subject[1:] == subject[:-1]
    return not bool(np.any(same & (labels[1:] != labels[:-1]).astype(bool)))


def numbered(labels: np.ndarray) -> np.ndarray:
    """Return the number of each label, from 0 in order of appearance."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(label, len(known)) for label in labels.tolist()], dtype=np.int64)


def numbered_within(subject: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the number of each label within its subject, from 0 in order of appearance."""
    numbers, known, last = np.zeros(len(labels), dtype=np.int64), {}, -1
    for k, (one, label) in enumerate(zip(subject.tolist(), labels.tolist(), strict=True)):
        if one != last:
            known, last = {}, one
        numbers[k] = known.setdefault(label, len(known))
    return numbers
