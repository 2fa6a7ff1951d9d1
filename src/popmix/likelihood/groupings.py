"""Which levels of a model lie within subjects and which above them, by the labels in the data."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from popmix.data import EventTable
from popmix.data.levels import nesting, occasions
from popmix.model.model import Model


@dataclass(frozen=True, eq=False)
class Within:
    """A level within subjects: the number of each record's occasion (or jar, ...) within its subject, from 0, and the labels by subject."""

    name: str
    number: np.ndarray
    labels: list[list[str]]

    @property
    def most(self) -> int:
        """The most that a subject has."""
        return int(self.number.max(initial=0)) + 1


@dataclass(frozen=True, eq=False)
class Above:
    """A level above subjects: the number of each subject's group, from 0, and the labels of the groups."""

    name: str
    group: np.ndarray
    labels: list[str]


@dataclass(frozen=True, eq=False)
class Groupings:
    """The levels of a model: within subjects, the Occasion first, and above them from the outermost in."""

    below: tuple[Within, ...]
    above: tuple[Above, ...]


def groupings_of(model: Model, table: EventTable) -> Groupings:
    """Return the levels of a model by their labels in the data: constant within every subject, or not."""
    below, above = [], []
    if model.occasion is not None:
        below.append(_within(model.occasion, occasions(table), table.occasion, table))
    if model.levels:
        found = nesting(table)
        below += [_within(name, number, table.levels[name], table) for name, number in found.below.items()]
        for name, group in found.above.items():
            labels = table.levels[name][table.starts[:-1]]
            first = np.unique(group, return_index=True)[1]
            above.append(Above(name, group, [str(labels[k]) for k in first.tolist()]))
    return Groupings(tuple(below), tuple(above))


def _within(name: str, number: np.ndarray, labels: np.ndarray, table: EventTable) -> Within:
    starts = table.starts.tolist()
    own = [list(dict.fromkeys(labels[first:last].tolist())) for first, last in pairwise(starts)]
    return Within(name, number, own)
