"""Who a record belongs to: subject labels, and the grouping of records by subject."""

from collections import defaultdict

import numpy as np

from popmix.data.cells import is_number, labels
from popmix.data.columns import Columns
from popmix.data.findings import Collector, some
from popmix.data.raw import RawTable


def drop_without_id(raw: RawTable, found: Columns, collector: Collector) -> RawTable:
    """Return the records that name a subject; the others are reported (D008)."""
    names = labels(raw.columns[found.roles["id"]])
    empty = np.array([name == "" for name in names], dtype=bool)
    if not empty.any():
        return raw
    title = raw.names[found.roles["id"]]
    message = f"{title} is empty in <at>."
    collector.mark("D008", "E", title, empty, message, "Fill in the subject, or drop the rows.")
    raw = raw.take(np.flatnonzero(~empty))
    collector.locate(raw.rows)
    return raw


def group_by_subject(raw: RawTable, found: Columns, collector: Collector) -> tuple[RawTable, tuple[str, ...], np.ndarray]:
    """Return the records grouped by subject (file order kept within), the labels, and int64[n] subject indices."""
    position = found.roles["id"]
    names = labels(raw.columns[position]).tolist()
    index = {name: at for at, name in enumerate(dict.fromkeys(names))}
    subject = np.array([index[name] for name in names], dtype=np.int64)
    ids = tuple(index)
    _report_spellings(raw, position, names, collector)
    _report_persons(raw, found, names, collector)
    order = np.argsort(subject, kind="stable")
    if (order[1:] > order[:-1]).all():
        return raw, ids, subject
    _report_split(raw, raw.names[position], names, subject, collector)
    return raw.take(order), ids, subject[order]


def _report_split(raw: RawTable, title: str, names: list[str], subject: np.ndarray, collector: Collector) -> None:
    """Report subjects whose records are not contiguous (D009)."""
    begins = np.flatnonzero(np.diff(subject, prepend=-1))
    seen: set[int] = set()
    returns = np.array([at for at in begins.tolist() if subject[at] in seen or seen.add(subject[at])], dtype=np.int64)
    first = int(returns[0])
    collector.locate(raw.rows, names)
    others = len({names[at] for at in returns.tolist()}) - 1
    message = f"ID {names[first]} returns at row {raw.rows[first]} after ID {names[first - 1]}."
    message += f" So do {others} more subjects." if others else ""
    message += " Each is treated as one subject (NONMEM would make several)."
    collector.mark("D009", "W", title, returns, message, "Sort by subject, or give separate subjects separate IDs.")


def _report_spellings(raw: RawTable, position: int, names: list[str], collector: Collector) -> None:
    """Report IDs that differ by leading zeros only, and IDs written in several ways (D010)."""
    different = dict.fromkeys(names)
    by_value = defaultdict(list)
    for name in different:
        if is_number(name):
            by_value[float(name.replace("D", "e").replace("d", "e"))].append(name)
    title = raw.names[position]
    alike = [group for group in by_value.values() if len(group) > 1]
    if alike:
        told = some([" and ".join(repr(name) for name in group) for group in alike])
        where = np.array([name in {one for group in alike for one in group} for name in names], dtype=bool)
        collector.locate(raw.rows, names)
        message = f"{title} {told} both occur; they are kept as different subjects (NONMEM would read one number)."
        collector.mark("D010", "W", title, where, message, "If they are one subject, write the ID in one way.")


def _report_persons(raw: RawTable, found: Columns, names: list[str], collector: Collector) -> None:
    """Report persons (USUBJID) with several IDs (D011)."""
    if not found.has("usubjid"):
        return
    persons = defaultdict(dict)
    for person, name in zip(raw.texts(found.roles["usubjid"]), names, strict=True):
        if person:
            persons[person][name] = None
    several = {person: list(ids) for person, ids in persons.items() if len(ids) > 1}
    if not several:
        return
    told = some([f"{person} has IDs {', '.join(ids)}" for person, ids in several.items()])
    where = np.array([person in several for person in raw.texts(found.roles["usubjid"])], dtype=bool)
    collector.locate(raw.rows, names)
    collector.mark(
        "D011", "W", found.name("usubjid"), where, f"{found.name('usubjid')} {told}.", "Give one person one ID, and occasions OCC."
    )
