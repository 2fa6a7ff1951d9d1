"""The records of a data set while they are read and checked: numbers by role, grouped by subject."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from popmix.data import clock
from popmix.data.cells import labels, numbers, objects, shown
from popmix.data.columns import Columns
from popmix.data.findings import Collector
from popmix.data.raw import RawTable

NUMERIC = ("dv", "evid", "mdv", "amt", "rate", "dur", "addl", "ii", "ss", "cens", "limit", "lloq")


@dataclass
class Records:
    """Parsed records, n rows grouped by subject; a role without a column has nan everywhere.

    values: role -> float[n]; bad: role -> mask of the cells that could not be read or are not finite (already reported, so that checks
    leave them alone). evid and mdv hold what was read; `event` and `unscored` what follows from them.
    """

    raw: RawTable
    columns: Columns
    ids: tuple[str, ...]
    subject: np.ndarray
    values: dict[str, np.ndarray] = field(default_factory=dict)
    bad: dict[str, np.ndarray] = field(default_factory=dict)
    time: np.ndarray = field(default_factory=lambda: np.zeros(0))
    from_clock: bool = False
    event: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    unscored: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    compartment: np.ndarray = field(default_factory=lambda: objects([]))
    endpoint: np.ndarray = field(default_factory=lambda: objects([]))
    occasion: np.ndarray | None = None
    levels: dict[str, np.ndarray] = field(default_factory=dict)
    covariates: dict[str, np.ndarray] = field(default_factory=dict)
    interpolation: dict[str, str] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, role: str) -> np.ndarray:
        return self.values[role]

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.subject)

    @cached_property
    def labels(self) -> list[str]:
        """Subject label of each record."""
        return [self.ids[index] for index in self.subject.tolist()]

    def ok(self, *roles: str) -> np.ndarray:
        """Mask of the records whose cells of these roles were all readable."""
        return ~np.logical_or.reduce([self.bad[role] for role in roles])

    def any_by_subject(self, mask: np.ndarray) -> np.ndarray:
        """Return for every subject whether any of its records is marked."""
        return np.bincount(self.subject, weights=mask, minlength=len(self.ids)) > 0

    def largest_by_subject(self, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the largest marked value of every subject, -inf where there is none."""
        result = np.full(len(self.ids), -np.inf)
        usable = mask & ~np.isnan(values)
        np.maximum.at(result, self.subject[usable], values[usable])
        return result

    @cached_property
    def first_rows(self) -> np.ndarray:
        """Position of the first record of every subject."""
        return np.searchsorted(self.subject, np.arange(len(self.ids)))

    @property
    def doses(self) -> np.ndarray:
        """Mask of dose records (EVID 1, 4, and the extensions 5 and 6)."""
        return np.isin(self.event, (1, 4, 5, 6))

    @property
    def constant(self) -> np.ndarray:
        """Mask of constant infusions at steady state, of a given or a modelled rate, which have no amount."""
        rate = self["rate"]
        return (self["ss"] > 0) & ((rate > 0) | (rate == -1)) & (np.nan_to_num(self["amt"]) == 0)

    @property
    def observations(self) -> np.ndarray:
        """Mask of observation records, scored or not."""
        return self.event == 0

    @property
    def scored(self) -> np.ndarray:
        """Mask of the observations that enter the likelihood."""
        return (self.event == 0) & (self.unscored == 0)

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """First and one-past-last position of every subject."""
        edges = np.searchsorted(self.subject, np.arange(len(self.ids) + 1)).tolist()
        return list(pairwise(edges))


def parse(
    raw: RawTable, columns: Columns, ids: tuple[str, ...], subject: np.ndarray, collector: Collector, *, time_needed: bool = True
) -> Records:
    """Return the records with every role read as numbers or labels; text and infinities are reported.

    Where time is not needed, a time that can't be read is 0.
    """
    records = Records(raw, columns, ids, subject)
    nothing = np.full(records.n, np.nan)
    clean = np.zeros(records.n, dtype=bool)
    for role in NUMERIC:
        records.values[role], records.bad[role] = nothing, clean
        if columns.has(role):
            values, bad = read_numbers(raw, columns.roles[role], collector, fix=_DV_FIX if role == "dv" else "")
            records.values[role], records.bad[role] = values, bad
    records.compartment = _labels(records, "cmt", default={"0": ""})
    records.endpoint = _labels(records, "dvid")
    records.occasion = _labels(records, "occ") if columns.has("occ") else None
    unheard = Collector()
    unheard.locate(raw.rows)
    _read_time(records, collector if time_needed else unheard)
    if not time_needed:
        records.time = np.nan_to_num(records.time)
    _derive_events(records)
    return records


_DV_FIX = "Values below the limit of quantification: set CENS=1 with DV=LLOQ. Otherwise correct the cells, or leave them empty with MDV=1."


def read_numbers(raw: RawTable, position: int, collector: Collector, fix: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return a column's numbers and a mask of cells that are text or infinite; both are reported (D001, D003)."""
    values, text = numbers(raw.columns[position])
    name = raw.names[position]
    if text.any():
        report_text(raw, position, text, collector, fix)
    infinite = np.isinf(values)
    collector.mark("D003", "E", name, infinite, f"{name}: <at> <is|are> infinite.", "Correct or empty the cells.")
    values[infinite] = np.nan
    return values, text | infinite


def report_text(raw: RawTable, position: int, text: np.ndarray, collector: Collector, fix: str = "") -> None:
    """Report the cells of a numeric column that hold text (D001)."""
    name = raw.names[position]
    cells = [cell for cell, is_text in zip(raw.texts(position), text.tolist(), strict=True) if is_text]
    if all(cell.count(",") == 1 and cell.replace(",", "").lstrip("+-").isdecimal() for cell in cells):
        fix = "These look like decimal commas: write numbers with a decimal point."
    message = f"{name}: <n> <cell is|cells are> text ({shown(cells)}), at <at>."
    collector.mark("D001", "E", name, text, message, fix or "Write numbers, or leave the cells empty where the value is missing.")


def _labels(records: Records, role: str, default: dict[str, str] | None = None) -> np.ndarray:
    if not records.columns.has(role):
        return objects([""] * records.n)
    result = labels(records.raw.columns[records.columns.roles[role]])
    for label, replacement in (default or {}).items():
        result[result == label] = replacement
    return result


def _read_time(records: Records, collector: Collector) -> None:
    columns, raw = records.columns, records.raw
    records.time, records.bad["time"] = np.zeros(records.n), np.zeros(records.n, dtype=bool)
    dated = next((role for role in clock.ORDERS if columns.has(role)), None)
    if not columns.has("time"):
        if dated:
            _read_clock(records, [""] * records.n, dated, collector)
        return
    cells = raw.columns[columns.roles["time"]]
    if isinstance(cells, list) and clock.looks_like_clock(cells):
        _read_clock(records, cells, dated, collector)
        return
    name = columns.name("time")
    records.time, records.bad["time"] = read_numbers(raw, columns.roles["time"], collector)
    _report_empty_time(records, name, collector)
    if dated:
        date_name = columns.name(dated)
        message = f"{name} holds numbers, so {date_name} is not used. (NONMEM would add the days to {name}.)"
        collector.add("D015", "W", date_name, message, f"If {name} is a time of day, write it as hh:mm; if not, drop {date_name}.")


def _report_empty_time(records: Records, name: str, collector: Collector) -> None:
    empty = np.isnan(records.time) & ~records.bad["time"]
    message = f"{name}: <at> <is|are> empty."
    collector.mark("D003", "E", name, empty, message, "Give every record a time, or drop it.")
    records.bad["time"] |= empty


def _read_clock(records: Records, cells: list[str], dated: str | None, collector: Collector) -> None:
    name = records.columns.name("time" if records.columns.has("time") else dated)
    hours, bad = clock.hours_of_times(cells)
    _report_clock(
        name,
        [cell for cell, wrong in zip(cells, bad, strict=True) if wrong],
        bad,
        "hh:mm",
        "Write clock times as hh:mm, 00:00 to 24:00.",
        collector,
    )
    if not records.columns.has("time"):
        hours = np.zeros(records.n)
    if dated:
        position = records.columns.roles[dated]
        days_text = records.raw.texts(position)
        order = clock.ORDERS[dated]
        days, wrong = clock.hours_of_dates(days_text, order)
        other = clock.other_order(days_text, order) if wrong.any() else None
        fix = f"Name the column {other}: that order fits all cells." if other else "Write dates as y-m-d in a column named DAT2."
        title = records.raw.names[position]
        _report_clock(
            title,
            [cell for cell, at in zip(days_text, wrong, strict=True) if at],
            wrong,
            f"{clock.WORDS[order]} ({dated.upper()})",
            fix,
            collector,
        )
        hours, bad = hours + days, bad | wrong
    records.from_clock = True
    records.time, records.bad["time"] = clock.relative_to_first(hours, records.subject), bad
    _report_empty_time(records, name, collector)


def _report_clock(name: str, cells: list[str], wrong: np.ndarray, form: str, fix: str, collector: Collector) -> None:
    message = f"{name}: {shown(cells)} at <at> is not {form}."
    collector.mark("D014", "E", name, wrong, message, fix)


def _derive_events(records: Records) -> None:
    """Set event and unscored by the rules: AMT other than 0 is a dose; then MDV = 1 makes another event; the rest is observed."""
    amount, given, flag = records["amt"], records["evid"], records["mdv"]
    dosed = (np.nan_to_num(amount) != 0) | records.constant
    derived = np.where(dosed, 1, np.where(flag == 1, 2, 0))
    usable = np.isin(given, (0, 1, 2, 3, 4, 5, 6))
    records.event = np.where(usable, np.nan_to_num(given), derived).astype(np.int64)
    records.unscored = np.where((records.event != 0) | (flag == 1), 1, 0)
