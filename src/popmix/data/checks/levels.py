"""Checks of groupings: occasions without an observation, and levels that do not nest."""

from itertools import combinations

import numpy as np

from popmix.data.expectation import Expectation
from popmix.data.findings import Collector
from popmix.data.levels import is_above
from popmix.data.records import Records


def occasions(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D047: occasions that are empty on some rows, without an observation, or one per subject only."""
    if records.occasion is None:
        return
    occasion = expectation.occasion if expectation else None
    name = records.columns.name("occ") if records.columns.has("occ") else occasion.name
    empty = np.array([text == "" for text in records.occasion], dtype=bool)
    collector.mark("D047", "E" if occasion else "W", name, empty, f"{name} is empty in <n> <row|rows> (<at>).", f"Fill in {name}.")
    if occasion is None:
        return
    pairs = list(zip(records.subject.tolist(), records.occasion.tolist(), strict=True))
    if len(set(pairs)) == len(records.ids):
        message = f"Each subject has one {name} only: variability between occasions can't be told from that between subjects."
        collector.add("D047", "W", name, message, "Leave out iov=, or label the occasions.")
    seen = {pair for pair, scored in zip(pairs, records.scored.tolist(), strict=True) if scored}
    alone = np.array([pair not in seen for pair in pairs], dtype=bool) & ~empty
    told = f"{name} has occasions without an observation (<who>, <at>): the data say nothing about their effects."
    collector.mark("D047", "W", name, alone, told, "Nothing to do, or give these records the label of the occasion they belong to.")


def nested(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """D066: two levels above subjects, or two within them, neither of which lies inside the other."""
    above = {name: labels for name, labels in records.levels.items() if is_above(records.subject, labels)}
    within = {name: labels for name, labels in records.levels.items() if name not in above}
    if expectation is not None and expectation.occasion is not None and records.occasion is not None and within:
        within[expectation.occasion.name] = records.occasion
    subjects = records.subject.astype(str)
    whole = {name: labels.astype(str) for name, labels in above.items()}
    parts = {name: np.char.add(np.char.add(subjects, "|"), labels.astype(str)) for name, labels in within.items()}
    for group in (whole, parts):
        for (one, first), (other, second) in combinations(group.items(), 2):
            across = _across(first, second)
            if across.any() and _across(second, first).any():
                told = f"{one} and {other} cross each other: groups of either hold records of several of the other (<at>)."
                collector.mark("D066", "E", one, across, told, "Levels must nest: each group of the finer one lies in one of the coarser.")


def _across(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Mask of the records whose inner group was met in another outer group before."""
    home: dict[str, str] = {}
    return np.array([home.setdefault(b, a) != a for a, b in zip(outer.tolist(), inner.tolist(), strict=True)], dtype=bool)


CHECKS = (occasions, nested)
