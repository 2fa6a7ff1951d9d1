"""Labels that group records: occasions, by a column, by doses or by times, and levels above and within subjects."""

import numpy as np

from popmix.data.cells import labels, objects
from popmix.data.expectation import Expectation
from popmix.data.findings import Collector
from popmix.data.records import Records


def read_groupings(records: Records, expectation: Expectation | None, collector: Collector) -> None:
    """Read the labels of levels, and make those of occasions that begin with doses or at given times."""
    for name, position in records.columns.levels.items():
        records.levels[name] = _carried(name, labels(records.raw.columns[position]), records, collector)
    occasion = expectation.occasion if expectation else None
    if occasion is not None and not occasion.by_column:
        records.occasion = _by_dose(records) if occasion.dose else _by_time(records, occasion.breaks)


def _carried(name: str, found: np.ndarray, records: Records, collector: Collector) -> np.ndarray:
    """Fill empty cells of a label that is constant in its subject; report those that can't be (D047)."""
    empty = np.array([text == "" for text in found], dtype=bool)
    if not empty.any():
        return found
    result, lost = found.copy(), empty.copy()
    for start, stop in records.runs:
        known = set(found[start:stop][~empty[start:stop]].tolist())
        if len(known) == 1:
            result[start:stop], lost[start:stop] = known.pop(), False
    collector.mark("D047", "E", name, lost, f"{name} is empty in <n> <row|rows> (<at>).", f"Fill in {name}.")
    return result


def _by_dose(records: Records) -> np.ndarray:
    """Return labels "1", "2", ... that change with every dose; doses at one time are one, records before the first belong to it."""
    doses, numbers = records.doses, np.zeros(records.n, dtype=np.int64)
    for start, stop in records.runs:
        times = np.where(doses[start:stop], records.time[start:stop], np.nan)
        begins = np.zeros(stop - start, dtype=np.int64)
        last = None
        for k in np.flatnonzero(doses[start:stop]).tolist():
            begins[k] = last is None or times[k] != last
            last = times[k]
        numbers[start:stop] = np.maximum(np.cumsum(begins), 1)
    return objects([str(number) for number in numbers.tolist()])


def _by_time(records: Records, breaks: tuple[float, ...]) -> np.ndarray:
    """Return labels "1", "2", ... that change at given times; a record at a break belongs to the later occasion."""
    numbers = 1 + np.searchsorted(np.array(breaks, dtype=float), records.time, side="right")
    return objects([str(number) for number in numbers.tolist()])
