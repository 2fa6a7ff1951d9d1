"""Dates and clock times as hours: NONMEM's DATE, DAT1, DAT2, DAT3 and hh:mm, and ISO 8601."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np

from popmix.data.cells import MISSING, is_number

LAST20 = 50
ORDERS = {"date": "mdy", "dat1": "dmy", "dat2": "ymd", "dat3": "ydm"}
WORDS = {"mdy": "m/d/y", "dmy": "d/m/y", "ymd": "y/m/d", "ydm": "y/d/m"}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*", re.ASCII)
_SEPARATORS = re.compile(r"[/.\-]")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?", re.ASCII)
_LEAP_YEAR = 2000  # stands in where a date has no year, so that 29 February exists
_HOURS = 24.0


def looks_like_clock(cells: Sequence[str]) -> bool:
    """Tell whether a time column holds clock times or dates: any cell with a digit, then a colon or ISO date."""
    return any((":" in cell and cell[:1].isdigit()) or _ISO.fullmatch(cell) for cell in cells)


def hours_of_times(cells: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return hours of clock times (hh:mm, hh:mm:ss), decimal hours and ISO date-times; nan where missing; a mask of unreadable cells."""
    return _converted(cells, _hours_of_time)


def hours_of_dates(cells: Sequence[str], order: str) -> tuple[np.ndarray, np.ndarray]:
    """Return hours of dates in an order of components ("mdy", ...), and a mask of unreadable cells.

    One component is a day, two leave the year out.
    Two-digit years above `LAST20` belong to 19xx, as NM-TRAN has it. Dates that begin with four digits are read as y-m-d in any order.
    """
    return _converted(cells, lambda cell: _hours_of_date(cell, order))


def other_order(cells: Sequence[str], order: str) -> str | None:
    """Return the name of the date column whose order fits all cells, None when none does."""
    for name, candidate in ORDERS.items():
        if candidate != order and not hours_of_dates(cells, candidate)[1].any():
            return name.upper()
    return None


def _converted(cells: Sequence[str], convert) -> tuple[np.ndarray, np.ndarray]:
    table = {}
    for cell in set(cells):
        try:
            table[cell] = (np.nan if cell in MISSING else convert(cell), False)
        except (ValueError, OverflowError):
            table[cell] = (np.nan, True)
    return np.array([table[cell][0] for cell in cells], dtype=np.float64), np.array([table[cell][1] for cell in cells], dtype=bool)


def _hours_of_time(cell: str) -> float:
    if is_number(cell):
        return float(cell)
    if _ISO.fullmatch(cell):
        moment = datetime.fromisoformat(cell)
        return (moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta(0)) - datetime(1, 1, 1)).total_seconds() / 3600
    found = _CLOCK.fullmatch(cell)
    if not found:
        raise ValueError(cell)
    hour, minute, second = int(found[1]), int(found[2]), float(found[3] or 0)
    if hour > 24 or minute > 59 or second >= 60 or (hour == 24 and minute + second > 0):
        raise ValueError(cell)
    return hour + minute / 60 + second / 3600


def _hours_of_date(cell: str, order: str) -> float:
    if is_number(cell) and len(cell) < 6:
        return float(cell) * _HOURS
    pieces = [int(piece) for piece in _SEPARATORS.split(cell.split("T")[0].split(" ")[0])]
    if len(pieces) == 3 and re.match(r"\d{4}\D", cell) and order != "ydm":
        order = "ymd"
    if len(pieces) == 2:
        order, pieces = order.replace("y", "") + "y", [*pieces, _LEAP_YEAR]
    if len(pieces) != 3:
        raise ValueError(cell)
    parts = dict(zip(order, pieces, strict=True))
    return date(_full_year(parts["y"]), parts["m"], parts["d"]).toordinal() * _HOURS


def _full_year(year: int) -> int:
    if year > 99:
        return year
    return year + (1900 if year > LAST20 else 2000)


def relative_to_first(hours: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Return hours since the first readable record of each subject (records grouped by subject)."""
    result = hours.copy()
    for start, stop in _runs(subject):
        known = hours[start:stop][~np.isnan(hours[start:stop])]
        if len(known):
            result[start:stop] -= known[0]
    return np.round(result, 9)  # minutes and seconds are rational: rounding removes only the dust of subtraction


def _runs(subject: np.ndarray) -> list[tuple[int, int]]:
    cuts = np.flatnonzero(np.diff(subject)) + 1
    edges = [0, *cuts.tolist(), len(subject)]
    return list(pairwise(edges))
