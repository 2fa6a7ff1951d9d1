"""Pictures of exposure: bands of predicted or simulated profiles with targets and doses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from popmix.errors import OptionError
from popmix.plot.layers import Band, Layer, Lines, Panel, Rule, Shade, Ticks
from popmix.plot.parts import axis, by_value, chosen, columns_for, finite, numbers, without_empty, words
from popmix.plot.picture import Picture
from popmix.table import Table

_LOW = re.compile(r"LOW(_[0-9.]+)?")
_Target = float | tuple[float, float]


def exposure_bands(
    table: Table,
    *,
    targets: _Target | Mapping[str, _Target] | None = None,
    doses: Table | None = None,
    log: bool = False,
    y_label: str = "concentration",
) -> Picture:
    """Draw the median of profiles over time in bands that hold given shares of them, with a target and the doses.

    `table`: TIME, MEDIAN, LOW and HIGH (or several, as LOW_90, HIGH_90, LOW_50, HIGH_50), perhaps GROUP (a panel for each); `targets`: a
    value that counts (a line) or a range (a stripe), for all or by group; `doses`: TIME, perhaps GROUP; `log`: logarithmic y.
    Raises OptionError for missing columns and a target range upside down.
    """
    pairs = _pairs(table)
    panels = []
    limits = _limits(table, pairs, log)
    for group, rows in by_value(table, "GROUP" if "GROUP" in table else None):
        target = targets.get(group) if isinstance(targets, Mapping) else targets
        panels.append(_profile(rows, pairs, group, target, _doses(doses, group), log, y_label))
    panels = [replace(panel, y_range=limits) for panel in panels]
    return Picture(
        "exposure",
        panels or [Panel([])],
        "Exposure over time",
        columns=columns_for(len(panels)),
        panel_size=(5.0, 3.4) if len(panels) == 1 else (3.6, 2.8),
        data=without_empty({"bands": table, "doses": doses}),
    )


def _pairs(table: Table) -> list[tuple[str, str, str]]:
    """Return lower and upper column and share of every band, the widest first."""
    lows = [name for name in table if _LOW.fullmatch(name)]
    if not lows:
        raise OptionError(f"the table has no band: columns LOW and HIGH (or LOW_90, HIGH_90 ...) are needed; there are {', '.join(table)}.")
    shares = [(name, name.replace("LOW", "HIGH"), name.partition("_")[2]) for name in lows]
    for _, high, _ in shares:
        numbers(table, high)
    return sorted(shares, key=lambda pair: -float(pair[2] or 100))


def _limits(table: Table, pairs: list[tuple[str, str, str]], log: bool) -> tuple[float, float] | None:
    """Return the limits of y that groups share, None where there is nothing to take them from."""
    values = np.concatenate([numbers(table, name) for pair in pairs for name in pair[:2]])
    values = values[np.isfinite(values) & ((values > 0) if log else True)]
    if len(values) == 0 or np.ptp(values) == 0:
        return None
    low, high = float(np.min(values)), float(np.max(values))
    return (low * 0.8, high * 1.25) if log else (min(0.0, 1.05 * low), max(0.0, 1.05 * high))


def _doses(doses: Table | None, group: str) -> np.ndarray:
    """Return the times of doses of a group."""
    if doses is None:
        return np.zeros(0)
    own = chosen(doses, words(doses, "GROUP") == group) if "GROUP" in doses and group else doses
    return np.unique(numbers(finite(own, "TIME", what="doses"), "TIME"))


def _profile(
    rows: Table, pairs: list[tuple[str, str, str]], title: str, target: _Target | None, doses: np.ndarray, log: bool, label: str
) -> Panel:
    """Return the panel of one group."""
    own = chosen(rows, np.argsort(numbers(rows, "TIME"), kind="stable"))
    layers: list[Layer] = [*_target(target)]
    drawn_values = np.concatenate([numbers(own, name) for name in ("MEDIAN", *(name for pair in pairs for name in pair[:2]))])
    floor = float(np.min(drawn_values[drawn_values > 0], initial=np.inf))  # a logarithmic axis has no zero
    for place, (low, high, share) in enumerate(pairs):
        kept = finite(own, "TIME", low, high)
        kept = chosen(kept, numbers(kept, high) > 0) if log else kept
        lower = np.maximum(numbers(kept, low), floor) if log else numbers(kept, low)
        style = "band_median" if place == len(pairs) - 1 and len(pairs) > 1 else "band_outer" if len(pairs) > 1 else "band"
        named = f"{share} %" if share else "interval"
        layers.append(Band(numbers(kept, "TIME"), lower, numbers(kept, high), style, label=named))
    kept = finite(own, "TIME", "MEDIAN")
    kept = chosen(kept, numbers(kept, "MEDIAN") > 0) if log else kept
    layers.append(Lines(numbers(kept, "TIME"), numbers(kept, "MEDIAN"), "median", label="median"))
    if len(doses):
        layers.append(Ticks(doses, "dose", label="dose"))
    return Panel(layers if own.n_rows else [], title, axis(rows, "TIME"), label, y_log=log)


def _target(target: _Target | None) -> list[Layer]:
    """Return a target as a stripe or a line."""
    if target is None:
        return []
    if not isinstance(target, tuple):
        return [Rule("horizontal", float(target), "limit", label="target")]
    if not target[0] < target[1]:
        raise OptionError(f"a target range needs its lower end first, not {target}.")
    return [Shade(*target, "target", label="target")]
