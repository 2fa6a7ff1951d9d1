"""What pictures are put together from: checked columns, parts of tables, smooths, histograms and densities."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist

import numpy as np

from popmix.errors import OptionError
from popmix.plot.layers import Bars, Layer, Lines, Panel, Points
from popmix.plot.smooth import loess
from popmix.table import Table

NORMAL = NormalDist()
TWO_SIDED = NORMAL.inv_cdf(0.975)
_FEWEST_SMOOTHED, _FEWEST_PLACES, _FEW_PLACES, _WIDE = 8, 4, 10, 1.5
_FEWEST_BINS, _MOST_BINS = 8, 40
_MOST_PANELS = 36
_NARROWEST_SPREAD = 1e-12  # relative to the values; closer than that, they are the same but for rounding
FEW_VALUES = 6


def column(table: Table, name: str, what: str = "the table") -> np.ndarray:
    """Return a column as it is. Raises OptionError with the names there are when it is missing."""
    if name not in table:
        raise OptionError(f"{what} has no column {name!r}; there are {', '.join(table) or 'none'}.")
    return table[name]


def numbers(table: Table, name: str, what: str = "the table") -> np.ndarray:
    """Return a column as floats. Raises OptionError when it is missing or holds words."""
    values = column(table, name, what)
    try:
        return values.astype(float)
    except (TypeError, ValueError) as error:
        raise OptionError(f"the column {name!r} of {what} has to hold numbers, not {values.ravel()[0]!r}.") from error


def words(table: Table, name: str, what: str = "the table") -> np.ndarray:
    """Return a column as text (object array of str); a whole number is written without its point."""
    return np.array([worded(value) for value in column(table, name, what)], dtype=object)


def worded(value: object) -> str:
    """Return a value as text: 1.0 is "1"."""
    if not isinstance(value, (float, np.floating)):
        return str(value)
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:g}"


def keys(table: Table) -> np.ndarray | None:
    """Return the subjects of rows as text, None without a column ID."""
    return words(table, "ID") if "ID" in table else None


def chosen(table: Table, where: np.ndarray) -> Table:
    """Return the rows at a mask or an index array."""
    return Table({name: values[where] for name, values in table.items()}, table.units)


def finite(table: Table, *names: str, what: str = "the table", positive: bool = False) -> Table:
    """Return the rows with finite (`positive`: and positive) numbers in all named columns. Raises OptionError when one is missing."""
    kept = np.ones(table.n_rows, dtype=bool)
    for name in names:
        values = numbers(table, name, what)
        kept &= np.isfinite(values) & ((values > 0) if positive else True)
    return chosen(table, kept)


def by_value(table: Table, by: str | None, what: str = "the table") -> Iterator[tuple[str, Table]]:
    """Yield a title and the rows for each value of a column (numbers by size, words as they appear); all rows, untitled, for None.

    Raises OptionError for a missing column, and for one with too many values to give each a panel.
    """
    if by is None:
        yield "", table
        return
    values = words(table, by, what)
    levels = ordered(column(table, by, what))
    if len(levels) > _MOST_PANELS:
        raise OptionError(
            f"{by!r} has {len(levels)} different values, more than a picture has panels ({_MOST_PANELS}): make classes of it."
        )
    for level in levels:
        yield level if by in ("DVID", "STRATUM", "GROUP") else f"{by}: {level}", chosen(table, values == level)


def ordered(values: np.ndarray) -> list[str]:
    """Return the different values as text: numbers by size, words in order of appearance; missing ones are left out."""
    if values.dtype.kind in "fiub":
        own = np.unique(values[np.isfinite(values)]) if values.dtype.kind == "f" else np.unique(values)
        return [worded(value) for value in own.tolist()]
    present = [value for value in values.tolist() if value is not None and value == value]
    return list(dict.fromkeys(worded(value) for value in present))


def places(*values: np.ndarray) -> dict[tuple, np.ndarray]:
    """Return the row numbers of every combination of equally long text columns, in order of appearance."""
    found: dict[tuple, list[int]] = {}
    for row, one in enumerate(zip(*(column.tolist() for column in values), strict=True)):
        found.setdefault(one, []).append(row)
    return {one: np.array(rows) for one, rows in found.items()}


def axis(table: Table, name: str) -> str:
    """Return the label of an axis: the name of the column with its unit."""
    unit = table.units.get(name)
    return f"{name} [{unit}]" if unit else name


def columns_for(count: int, most: int = 3) -> int:
    """Return how many panels stand side by side."""
    return max(1, min(most, math.ceil(math.sqrt(count))))


def smoothed(x: np.ndarray, y: np.ndarray, *, log: bool = False, style: str = "smooth", label: str = "", span: float = 0.75) -> list[Layer]:
    """Return a loess line in a list, an empty list for too few points; with `log` it is fitted to the logarithms of both."""
    kept = np.isfinite(x) & np.isfinite(y) & (((x > 0) & (y > 0)) if log else True)
    x, y = x[kept], y[kept]
    different = len(np.unique(x))
    if len(x) < _FEWEST_SMOOTHED or different < _FEWEST_PLACES:
        return []
    # the nearest part of values that share a few places changes by leaps, and the line with it: all of them are taken, the farthest too
    span = span if different > _FEW_PLACES else max(span, _WIDE)
    if not log:
        at, fitted = loess(x, y, span=span)
        return [Lines(at, fitted, style, label=label)]
    at, fitted = loess(np.log(x), np.log(y), span=span)
    return [Lines(np.exp(at), np.exp(fitted), style, label=label)]


def marks(x: np.ndarray, y: np.ndarray, table: Table, style: str = "points") -> list[Layer]:
    """Return the points of rows, those with a word in CENSORED in their own style."""
    who = keys(table)
    hidden = words(table, "CENSORED") != "" if "CENSORED" in table else np.zeros(table.n_rows, dtype=bool)
    found: list[Layer] = [Points(x[~hidden], y[~hidden], style, None if who is None else who[~hidden])]
    if np.any(hidden):
        found.append(Points(x[hidden], y[hidden], "censored", None if who is None else who[hidden], label="censored"))
    return found


def runs(kept: np.ndarray) -> list[np.ndarray]:
    """Return the index arrays of unbroken runs of True."""
    index = np.flatnonzero(kept)
    return [run for run in np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if len(run)]


def broken_line(x: np.ndarray, y: np.ndarray, style: str, label: str = "") -> Lines:
    """Return a line with gaps where y is missing."""
    parts = runs(np.isfinite(x) & np.isfinite(y))
    index = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    group = np.repeat(np.arange(len(parts)), [len(part) for part in parts]) if len(parts) > 1 else None
    return Lines(x[index], y[index], style, group, label=label)


def histogram(values: np.ndarray, bins: int | None = None) -> Bars:
    """Return bars of unit area; without `bins` the width is that of Freedman and Diaconis, 2 IQR n^(-1/3), for 8 to 40 bars."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return Bars(np.zeros(0), np.zeros(0), np.zeros(0))
    if bins is None:
        quartiles = np.percentile(values, [25, 75])
        width = 2 * (quartiles[1] - quartiles[0]) / np.cbrt(len(values))
        bins = int(np.clip(np.ceil(np.ptp(values) / width), _FEWEST_BINS, _MOST_BINS)) if width > 0 else _FEWEST_BINS
    low, high = np.min(values), np.max(values)
    if high - low <= _NARROWEST_SPREAD * max(abs(low), abs(high), 1e-300):
        # equal values have no spread to cut into bins
        half = 0.5 * (abs(low) or 1.0)
        low, high = low - half, high + half
    height, edges = np.histogram(values, bins=bins, range=(low, high), density=True)
    return Bars(edges[:-1], edges[1:], height)


def normal_curve(sd: float = 1.0, reach: float = 3.5) -> tuple[np.ndarray, np.ndarray]:
    """Return places and densities of N(0, sd^2) within `reach` SD."""
    at = np.linspace(-reach, reach, 141)
    return at * sd, np.exp(-0.5 * at**2) / (sd * math.sqrt(2 * math.pi))


def kernel_density(values: np.ndarray, count: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Return places and the Gaussian kernel density; bandwidth 0.9 min(SD, IQR / 1.34) n^(-1/5).

    Values without spread have no density: two empty arrays. Source: Silverman, Density Estimation (1986), eq. 3.31.
    """
    values = values[np.isfinite(values)]
    if len(values) < 2 or np.ptp(values) <= _NARROWEST_SPREAD * np.max(np.abs(values)):
        return np.zeros(0), np.zeros(0)
    sd = np.std(values, ddof=1)
    quartiles = np.percentile(values, [25, 75])
    robust = (quartiles[1] - quartiles[0]) / 1.34
    width = 0.9 * (min(sd, robust) if robust > 0 else sd) * len(values) ** -0.2
    at = np.linspace(np.min(values) - 3 * width, np.max(values) + 3 * width, count)
    height = np.zeros(count)
    for part in np.array_split(values, math.ceil(len(values) / 2000)):  # a bounded number of distances at a time
        height += np.sum(np.exp(-0.5 * ((at[:, None] - part) / width) ** 2), axis=1)
    return at, height / (len(values) * width * math.sqrt(2 * math.pi))


def normal_quantiles(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the normal quantiles at p = (i - 0.5) / n and the SD of the order statistics, sqrt(p (1 - p) / n) / phi(z)."""
    p = (np.arange(count) + 0.5) / count
    z = np.array([NORMAL.inv_cdf(value) for value in p])
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return z, np.sqrt(p * (1 - p) / max(count, 1)) / density


def normal_probability(z: np.ndarray) -> np.ndarray:
    """Return Phi(z)."""
    return np.array([NORMAL.cdf(value) for value in z])


def symmetric(values: Sequence[np.ndarray] | np.ndarray, least: float) -> tuple[float, float]:
    """Return limits symmetric about zero that hold all finite values and +-least."""
    flat = np.concatenate([np.ravel(np.asarray(own, dtype=float)) for own in values]) if len(values) else np.zeros(0)
    reach = 1.06 * max(least, float(np.max(np.abs(flat[np.isfinite(flat)]), initial=0.0)))
    return -reach, reach


def drawn(panels: Sequence[Panel], style: str) -> Table:
    """Return the lines of a style as a table: PANEL (title), X, Y."""
    found = [(panel.title, layer) for panel in panels for layer in panel.layers if isinstance(layer, Lines) and layer.style == style]
    titles = [np.full(len(layer.x), title, dtype=object) for title, layer in found]
    empty = [np.zeros(0)]
    return Table(
        {
            "PANEL": np.concatenate(titles) if titles else np.zeros(0, dtype=object),
            "X": np.concatenate([layer.x for _, layer in found] or empty),
            "Y": np.concatenate([layer.y for _, layer in found] or empty),
        }
    )


def picked(table: Table, names: Sequence[str]) -> Table:
    """Return those of the named columns that there are."""
    return Table({name: table[name] for name in dict.fromkeys(names) if name in table}, table.units)


def without_empty(tables: Mapping[str, Table | None]) -> dict[str, Table]:
    """Return the tables that there are."""
    return {name: table for name, table in tables.items() if table is not None}
