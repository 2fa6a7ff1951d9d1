"""Pictures of uncertainty: forests of effects, densities of draws, quantiles of objective differences, likelihood profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from popmix.errors import OptionError
from popmix.plot.layers import Layer, Lines, Panel, Points, Rule, Shade, Texts, Whiskers
from popmix.plot.parts import axis, chosen, column, columns_for, drawn, finite, kernel_density, numbers, ordered, without_empty, words
from popmix.plot.picture import Picture
from popmix.table import Table

_ROW = 0.3  # inches for each line of a forest
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_SMALL = 0.1  # ratios below it need significant digits
_MOST_RATIOS = 9
_WORDS_FROM = 1.0  # where the numbers of a forest begin, as a fraction of the panel


def forest(table: Table, *, reference: tuple[float, float] | None = (0.8, 1.25), log: bool = True, x_label: str = "") -> Picture:
    """Draw estimates with intervals in rows, a shaded band of no relevant difference, a line at none, the numbers at the right.

    `table`: NAME, ESTIMATE, LOWER, UPPER, perhaps GROUP (rows of a group stand together under its name); the first row is on top.
    `log`: ratios on a logarithmic axis (none is 1), otherwise differences (none is 0). Raises OptionError for missing columns, an empty
    band, and ratios that are not positive.
    """
    for name in ("ESTIMATE", "LOWER", "UPPER"):
        numbers(table, name)
    if reference is not None and not reference[0] < reference[1]:
        raise OptionError(f"reference needs its lower end first, not {reference}.")
    own = finite(table, "ESTIMATE")
    if log and np.any(numbers(own, "ESTIMATE") <= 0):
        raise OptionError("a forest of ratios needs positive estimates; pass log=False for differences.")
    rows, place = _places(own)
    count = len(rows)
    estimate, lower, upper = (numbers(own, name) for name in ("ESTIMATE", "LOWER", "UPPER"))
    lines = np.isfinite(lower) & np.isfinite(upper) & ((lower > 0) if log else True)
    layers: list[Layer] = (
        [] if reference is None else [Shade(*reference, "shade", vertical=True, label=f"{reference[0]:g} to {reference[1]:g}")]
    )
    layers.append(Rule("vertical", 1.0 if log else 0.0, "zero"))
    names = words(own, "NAME")
    layers.append(Whiskers(place[lines], lower[lines], upper[lines], "whiskers", key=names[lines]))
    layers.append(Points(estimate, place, "estimate", names))
    ranges = (-0.7, count - 0.3)
    layers.append(_written(place, ranges, np.stack([estimate, lower, upper], axis=1), log))
    reach = _reach(np.concatenate([estimate, lower[lines], upper[lines], np.array(reference or ())]), log)
    label = x_label or ("ratio to reference" if log else "difference from reference")
    panel = Panel(
        layers if count else [],
        "",
        label,
        "",
        x_log=log,
        x_range=reach,
        y_range=ranges if count else None,
        x_names=_ratios(reach) if log else None,
        y_names=dict(rows),
    )
    return Picture(
        "forest", [panel], "Effects with their intervals", panel_size=(6.0, max(1.6, _ROW * count + 0.6)), data={"effects": table}
    )


def _places(own: Table) -> tuple[list[tuple[float, str]], np.ndarray]:
    """Return place and word of every line from the bottom, and the place of each row of the table."""
    names = words(own, "NAME")
    groups = words(own, "GROUP") if "GROUP" in own else np.full(own.n_rows, "", dtype=object)
    lines: list[tuple[int, str]] = []
    for group in dict.fromkeys(groups.tolist()):
        lines += [(-1, f"{group}:")] if group else []
        lines += [(int(row), names[row]) for row in np.flatnonzero(groups == group)]
    place = np.zeros(own.n_rows)
    rows = []
    for line, (row, name) in enumerate(lines):
        height = float(len(lines) - 1 - line)
        rows.append((height, name))
        if row >= 0:
            place[row] = height
    return rows, place


def _written(place: np.ndarray, ranges: tuple[float, float], values: np.ndarray, log: bool) -> Texts:
    """Return the numbers beside each line."""
    heights = (place - ranges[0]) / (ranges[1] - ranges[0])
    # ratios near 1 line up with two digits behind the point
    digits = ".2f" if log and np.all((values >= _SMALL) | ~np.isfinite(values)) else ".3g"
    told = [f"{middle:{digits}} [{low:{digits}}, {high:{digits}}]" for middle, low, high in values.tolist()]
    return Texts(np.full(len(place), _WORDS_FROM), heights, told, inside=True)


def _ratios(reach: tuple[float, float] | None) -> dict[float, str] | None:
    """Return ratios that mark an axis, None where there would be fewer than two or too many."""
    shown = [one for one in _RATIOS if reach is not None and reach[0] <= one <= reach[1]]
    return {one: f"{one:g}" for one in shown} if 2 <= len(shown) <= _MOST_RATIOS else None


def _reach(values: np.ndarray, log: bool) -> tuple[float, float] | None:
    """Return limits around values."""
    values = values[np.isfinite(values) & ((values > 0) if log else True)]
    if len(values) == 0:
        return None
    values = np.log(values) if log else values
    room = 0.08 * (float(np.ptp(values)) or 1.0)
    low, high = float(np.min(values)) - room, float(np.max(values)) + room
    return (float(np.exp(low)), float(np.exp(high))) if log else (low, high)


def parameter_densities(
    draws: Table, estimates: Mapping[str, float] | None = None, intervals: Mapping[str, tuple[float, float]] | None = None
) -> Picture:
    """Draw the density of every column of draws (bootstrap, importance resampling, posterior) with the estimate and an interval.

    `draws`: a column for each parameter, a row for each draw; `estimates`: by parameter; `intervals`: lower and upper end by parameter.
    The density is a Gaussian kernel estimate. Raises OptionError for a table without columns and for columns of words.
    """
    names = [name for name in draws if draws[name].dtype.kind in "fiu"]
    if not names:
        raise OptionError("the draws have no column of numbers: there is no parameter to draw.")
    panels = []
    for name in names:
        at, height = kernel_density(numbers(draws, name))
        layers: list[Layer] = [Lines(at, height, "density")] if len(at) else []
        ends = (intervals or {}).get(name)
        if ends is not None:
            layers += [Rule("vertical", float(end), "dashed") for end in ends if np.isfinite(end)]
        if estimates is not None and np.isfinite(estimates.get(name, np.nan)):
            layers.append(Rule("vertical", float(estimates[name]), "estimate"))
        panels.append(Panel(layers, axis(draws, name), "", "density", y_range=(0.0, 1.06 * float(np.max(height))) if len(at) else None))
    return Picture(
        "parameter_densities",
        panels,
        "Densities of parameters",
        columns=columns_for(len(panels), most=4),
        panel_size=(2.9, 2.3),
        data={"draws": draws, "densities": drawn(panels, "density")},
    )


def objective_quantiles(differences: Sequence[float], expected: Sequence[float], df: float) -> Picture:
    """Draw ordered differences in objective of draws from the optimum beside quantiles of chi-squared.

    `differences`: OFV(draw) - OFV(estimate); `expected`: chi-squared quantiles with `df` degrees of freedom at (i - 0.5) / n, one for each
    difference. A line below that of chi-squared tells draws that spread too little. Their mean estimates the degrees of freedom.
    Raises OptionError for different lengths. Source: Dosne et al. (2016), J Pharmacokinet Pharmacodyn 43, 583-596.
    """
    differences, expected = np.asarray(differences, dtype=float), np.sort(np.asarray(expected, dtype=float))
    if len(differences) != len(expected):
        raise OptionError(f"each difference needs its quantile: there are {len(differences)} differences and {len(expected)} quantiles.")
    known = np.isfinite(differences)
    differences, expected = (
        np.sort(differences[known]),
        expected if np.all(known) else np.interp(_levels(np.sum(known)), _levels(len(known)), expected),
    )
    level = _levels(len(differences))
    layers: list[Layer] = [
        Lines(level, expected, "dashed", label=f"chi-squared, {df:g} df"),
        Lines(level, differences, "estimate", label=f"draws, mean {np.mean(differences):.3g}" if len(differences) else "draws"),
    ]
    panel = Panel(layers if len(differences) else [], "", "quantile", "difference in OFV", x_range=(0.0, 1.0))
    table = Table({"LEVEL": level, "DIFFERENCE": differences, "EXPECTED": expected})
    return Picture("objective_quantiles", [panel], "Differences in objective", panel_size=(4.6, 3.6), data={"quantiles": table})


def _levels(count: int) -> np.ndarray:
    """Return (i - 0.5) / n."""
    return (np.arange(count) + 0.5) / count


def profile_curves(points: Table, intervals: Table | None = None, level: float = 3.84) -> Picture:
    """Draw the profile of the objective over each parameter with the line that cuts off its interval.

    `points`: NAME, VALUE, DELTA_OFV (from the minimum), perhaps PARABOLA (what the standard error promises, dashed); `intervals`: NAME,
    LOWER, UPPER. Raises OptionError for missing columns.
    """
    for name in ("VALUE", "DELTA_OFV"):
        numbers(points, name, "points")
    panels = []
    for name in ordered(column(points, "NAME", "points")):
        own = finite(chosen(points, words(points, "NAME") == name), "VALUE", "DELTA_OFV")
        own = chosen(own, np.argsort(numbers(own, "VALUE"), kind="stable"))
        value, delta = numbers(own, "VALUE"), numbers(own, "DELTA_OFV")
        layers: list[Layer] = [Rule("horizontal", level, "limit", label=f"{level:.3g}")]
        if intervals is not None:
            ends = chosen(intervals, words(intervals, "NAME", "intervals") == name)
            both = np.concatenate([numbers(ends, "LOWER", "intervals"), numbers(ends, "UPPER", "intervals")])
            layers += [Rule("vertical", float(end), "dashed") for end in both[np.isfinite(both)]]
        if "PARABOLA" in own:
            known = np.isfinite(numbers(own, "PARABOLA"))
            layers.append(Lines(value[known], numbers(own, "PARABOLA")[known], "dashed", label="parabola"))
        layers += [Lines(value, delta, "line", label="profile"), Points(value, delta, "points")]
        top = 1.15 * max(level, min(float(np.max(delta, initial=level)), 2.5 * level))
        panels.append(
            Panel(layers if len(value) else [], name, "", "ΔOFV", y_range=(min(0.0, float(np.min(delta, initial=0.0))) - 0.03 * top, top))
        )
    columns = columns_for(len(panels))
    data = without_empty({"points": points, "intervals": intervals})
    return Picture("profiles", panels or [Panel([])], "Likelihood profiles", columns=columns, panel_size=(3.2, 2.6), data=data)
