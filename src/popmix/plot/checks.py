"""Pictures of checks by simulation: visual predictive checks of every kind, NPDE, numerical checks, survival."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from popmix.plot.layers import Band, Layer, Lines, Panel, Points, Rule, Ticks
from popmix.plot.parts import axis, broken_line, chosen, column, columns_for, finite, keys, numbers, ordered, runs, without_empty, words
from popmix.plot.picture import Picture
from popmix.plot.residuals import cumulative_panel, distribution_panel, quantile_panel, quantile_table, residual_panels
from popmix.table import Table

_BINS, _OBSERVED = "bins", "observations"
_MOST_BESIDE = 3
_MARGIN = 0.03


def vpc_picture(
    bins: Table,
    observations: Table,
    *,
    limit: float | None = None,
    log: bool = False,
    y_label: str = "DV",
    x_label: str = "TIME",
    corrected: bool = False,
    below: Table | None = None,
    ribbon: bool = True,
) -> Picture:
    """Draw a visual predictive check: percentiles of the observations over the intervals that simulation gives them, by stratum.

    `bins`: BIN, LEFT, RIGHT, X (middle), STRATUM, PERCENTILE, OBSERVED, LOW, MEDIAN, HIGH; `observations`: X, DV, STRATUM, ID (corrected
    already where `corrected` says so); `below`: BIN, X, STRATUM, OBSERVED, LOW, MEDIAN, HIGH of the fraction below `limit`, for panels
    of their own. `log`: logarithmic y; `ribbon`: bands through the middles of bins instead of a rectangle for each bin.
    Raises OptionError for missing columns.
    """
    for name in ("LEFT", "RIGHT", "X", "PERCENTILE", "OBSERVED", "LOW", "MEDIAN", "HIGH"):
        numbers(bins, name, _BINS)
    for name in ("X", "DV"):
        numbers(observations, name, _OBSERVED)
    strata = _strata(bins)
    label = f"prediction-corrected {y_label}" if corrected and "corrected" not in y_label else y_label
    names = (f"{x_label} [{bins.units['X']}]" if bins.units.get("X") else x_label, label)
    main = [_percentiles(_of(bins, one), _of(observations, one), one, names, limit, log, ribbon) for one in strata]
    panels, columns = main, columns_for(len(main))
    if below is not None:
        lower = [
            replace(_fractions(_of(below, one), one, (names[0], "fraction below limit"), told=False), x_range=panel.x_range)
            for one, panel in zip(strata, main, strict=True)
        ]
        # each panel of fractions stands below its stratum, beside it where there are too many strata for one row
        beneath = len(main) <= _MOST_BESIDE
        panels = [*main, *lower] if beneath else [panel for pair in zip(main, lower, strict=True) for panel in pair]
        columns = len(main) if beneath else 2
    return Picture(
        "pcvpc" if corrected else "vpc",
        panels,
        "Prediction-corrected visual predictive check" if corrected else "Visual predictive check",
        columns=columns,
        panel_size=(5.2, 3.6) if columns == 1 else (3.8, 3.0),
        data=without_empty({"bins": bins, "observations": observations, "below": below}),
    )


def _strata(table: Table) -> list[str]:
    """Return the strata of a table in order of appearance, [""] without any."""
    return list(dict.fromkeys(words(table, "STRATUM").tolist())) or [""] if "STRATUM" in table else [""]


def _of(table: Table, stratum: str) -> Table:
    """Return the rows of a stratum."""
    return table if "STRATUM" not in table and not stratum else chosen(table, words(table, "STRATUM") == stratum)


def _percentiles(
    bins: Table, observations: Table, title: str, names: tuple[str, str], limit: float | None, log: bool, ribbon: bool
) -> Panel:
    """Return the panel of one stratum of a visual predictive check."""
    points = finite(chosen(observations, numbers(observations, "DV") > 0) if log else observations, "X", "DV")
    bins = _lifted(bins, points) if log else bins
    levels = np.unique(numbers(bins, "PERCENTILE"))
    middle = levels[np.argmin(np.abs(levels - 50))] if len(levels) else 50.0
    bands: list[Layer] = []
    lines: list[Layer] = []
    for level in levels:
        own = chosen(bins, numbers(bins, "PERCENTILE") == level)
        own = chosen(own, np.argsort(numbers(own, "X"), kind="stable"))
        role = "median" if level == middle else "outer"
        first = level in (middle, levels[0])
        bands += _intervals(own, f"band_{role}", _band_label(levels, level, middle) if first else "", ribbon)
        lines.append(broken_line(*_through(own, "OBSERVED"), f"observed_{role}", _line_label(levels, level, middle) if first else ""))
    layers: list[Layer] = [*bands, Points(numbers(points, "X"), numbers(points, "DV"), "points", keys(points)), *lines]
    edges = np.unique(np.concatenate([numbers(bins, "LEFT"), numbers(bins, "RIGHT")]))
    layers.append(Ticks(edges[np.isfinite(edges)], "rug", upper=True))
    if limit is not None:
        layers.append(Rule("horizontal", limit, "limit", label="limit of quantification"))
    return Panel(layers, title, *names, y_log=log, x_range=_reach(points, bins))


def _lifted(bins: Table, points: Table) -> Table:
    """Return bins whose intervals reach down to the smallest positive value in place of zero, which a logarithmic axis has not."""
    low, high = numbers(bins, "LOW"), numbers(bins, "HIGH")
    values = np.concatenate([low, high, numbers(bins, "OBSERVED"), numbers(points, "DV")])
    smallest = float(np.min(values[values > 0], initial=np.inf))
    return Table({**dict(bins), "LOW": np.where((low <= 0) & (high > 0), smallest, low)}, bins.units)


def _band_label(levels: np.ndarray, level: float, middle: float) -> str:
    """Return what a band is, for the legend."""
    return f"simulated {level:g}th percentile" if level == middle else f"simulated {_outer(levels, middle)} percentiles"


def _line_label(levels: np.ndarray, level: float, middle: float) -> str:
    """Return what a line is, for the legend."""
    return f"observed {level:g}th percentile" if level == middle else f"observed {_outer(levels, middle)} percentiles"


def _outer(levels: np.ndarray, middle: float) -> str:
    """Return the percentiles besides the middle one in words."""
    return ", ".join(f"{level:g}th" for level in levels if level != middle)


def _reach(points: Table, bins: Table) -> tuple[float, float] | None:
    """Return the limits of x over points and bins."""
    x = np.concatenate([numbers(points, "X"), numbers(bins, "LEFT"), numbers(bins, "RIGHT"), numbers(bins, "X")])
    x = x[np.isfinite(x)]
    if len(x) == 0 or np.ptp(x) == 0:
        return None
    room = _MARGIN * float(np.ptp(x))
    return float(np.min(x)) - room, float(np.max(x)) + room


def _through(own: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a line through the middles of bins, over the whole bin when there is only one."""
    x, y = numbers(own, "X"), numbers(own, name)
    if len(x) == 1 and "LEFT" in own:
        return np.array([numbers(own, "LEFT")[0], numbers(own, "RIGHT")[0]]), np.repeat(y, 2)
    return x, y


def _intervals(own: Table, style: str, label: str, ribbon: bool) -> list[Layer]:
    """Return simulated intervals as bands over unbroken runs of bins."""
    low, high = numbers(own, "LOW"), numbers(own, "HIGH")
    known = np.isfinite(low) & np.isfinite(high)
    if (ribbon and own.n_rows > 1) or "LEFT" not in own:
        x = numbers(own, "X")
        parts = [(x[run], low[run], high[run]) for run in runs(known & np.isfinite(x))]
    else:
        left, right = numbers(own, "LEFT"), numbers(own, "RIGHT")
        parts = [part for run in runs(known) for part in _rectangles(left[run], right[run], low[run], high[run])]
    return [Band(*part, style, label=label if place == 0 else "") for place, part in enumerate(parts)]


def _rectangles(left: np.ndarray, right: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return x, low and high of stairs over bins, cut where one bin does not begin at the end of the one before."""
    cuts = np.flatnonzero(~np.isclose(left[1:], right[:-1])) + 1
    pairs = np.stack([left, right], axis=1)
    parts = zip(np.split(pairs, cuts), np.split(low, cuts), np.split(high, cuts), strict=True)
    return [(edges.ravel(), np.repeat(lower, 2), np.repeat(upper, 2)) for edges, lower, upper in parts]


def _fractions(own: Table, title: str, names: tuple[str, str], *, told: bool = True) -> Panel:
    """Return observed fractions over the intervals that simulation gives them; `told`: with words for a legend."""
    own = chosen(own, np.argsort(numbers(own, "X"), kind="stable"))
    layers: list[Layer] = [*_intervals(own, "band_median", "simulated" if told else "", ribbon=True)]
    layers.append(broken_line(*_through(own, "MEDIAN"), "simulated_median"))
    layers.append(broken_line(*_through(own, "OBSERVED"), "observed_median", "observed" if told else ""))
    known = finite(own, "X", "OBSERVED")
    layers.append(Points(numbers(known, "X"), numbers(known, "OBSERVED"), "points"))
    return Panel(layers, title, *names, y_range=(-_MARGIN, 1 + _MARGIN))


def category_vpc(table: Table, *, y_label: str = "proportion", x_label: str = "TIME") -> Picture:
    """Draw the observed proportion of every category over the interval that simulation gives it.

    `table`: CATEGORY, X, STRATUM, OBSERVED, LOW, MEDIAN, HIGH: a row of panels for each stratum. Raises OptionError for missing columns.
    """
    for name in ("X", "OBSERVED", "LOW", "MEDIAN", "HIGH"):
        numbers(table, name)
    categories, strata = ordered(column(table, "CATEGORY")), _strata(table)
    panels = []
    for stratum in strata:
        own = _of(table, stratum)
        for category in categories:
            title = f"{stratum}: {category}" if stratum else category
            panels.append(_fractions(chosen(own, words(own, "CATEGORY") == category), title, (x_label, y_label)))
    columns = len(categories) if len(categories) <= _MOST_BESIDE + 1 else columns_for(len(panels))
    title = "Visual predictive check of categories"
    return Picture(
        "category_vpc", panels or [Panel([])], title, columns=max(columns, 1), panel_size=(3.2, 2.6), data={"proportions": table}
    )


def survival_vpc(observed: Table, simulated: Table, *, y_label: str = "survival") -> Picture:
    """Draw the Kaplan-Meier estimate of the observations over the interval of those of simulated data sets, by stratum.

    `observed`: TIME, SURVIVAL, perhaps LOW and HIGH (its confidence interval), CENSORED (number censored at a time), STRATUM;
    `simulated`: TIME, LOW, MEDIAN, HIGH, STRATUM. Raises OptionError for missing columns.
    """
    for name in ("TIME", "LOW", "MEDIAN", "HIGH"):
        numbers(simulated, name, "simulated")
    panels = [_survival(_of(observed, one), _of(simulated, one), one, y_label) for one in _strata(observed)]
    data = {"observed": observed, "simulated": simulated}
    title = "Visual predictive check of survival"
    return Picture("survival_vpc", panels, title, columns=columns_for(len(panels)), panel_size=_size(panels), data=data)


def cumulative_vpc(observed: Table, simulated: Table, *, y_label: str = "events per subject") -> Picture:
    """Draw the mean cumulative number of events over the interval of those of simulated data sets, by stratum.

    `observed`: TIME, CUMULATIVE, perhaps LOW and HIGH (its confidence interval), CENSORED (number censored at a time), STRATUM;
    `simulated`: TIME, LOW, MEDIAN, HIGH, STRATUM. Raises OptionError for missing columns.
    """
    for name in ("TIME", "LOW", "MEDIAN", "HIGH"):
        numbers(simulated, name, "simulated")
    panels = [_steps("CUMULATIVE", _of(observed, one), _of(simulated, one), one, y_label) for one in _strata(observed)]
    data = {"observed": observed, "simulated": simulated}
    title = "Visual predictive check of the number of events"
    return Picture("cumulative_vpc", panels, title, columns=columns_for(len(panels)), panel_size=_size(panels), data=data)


def kaplan_meier(observed: Table, *, y_label: str = "survival") -> Picture:
    """Draw the Kaplan-Meier estimate as steps with its confidence interval and a mark where subjects were censored, by stratum.

    `observed`: TIME, SURVIVAL, perhaps LOW, HIGH, CENSORED (number censored at a time), STRATUM. Raises OptionError for missing columns.
    """
    panels = [_survival(_of(observed, one), None, one, y_label) for one in _strata(observed)]
    title = "Kaplan-Meier estimate"
    return Picture("kaplan_meier", panels, title, columns=columns_for(len(panels)), panel_size=_size(panels), data={"observed": observed})


def _size(panels: list[Panel]) -> tuple[float, float]:
    """Return the size of a panel in inches: one alone is larger."""
    return (5.0, 3.6) if len(panels) == 1 else (3.6, 2.9)


def _survival(observed: Table, simulated: Table | None, title: str, label: str) -> Panel:
    """Return the survival of one stratum."""
    return replace(_steps("SURVIVAL", observed, simulated, title, label), y_range=(-_MARGIN, 1 + _MARGIN))


def _steps(name: str, observed: Table, simulated: Table | None, title: str, label: str) -> Panel:
    """Return an observed step function over the interval of simulated ones."""
    own = finite(observed, "TIME", name, what="observed")
    own = chosen(own, np.argsort(numbers(own, "TIME"), kind="stable"))
    time, level = numbers(own, "TIME"), numbers(own, name)
    layers: list[Layer] = []
    if simulated is not None:
        band = finite(simulated, "TIME", "LOW", "HIGH")
        band = chosen(band, np.argsort(numbers(band, "TIME"), kind="stable"))
        at = numbers(band, "TIME")
        layers.append(Band(at, numbers(band, "LOW"), numbers(band, "HIGH"), "band_median", steps=True, label="simulated"))
        layers.append(Lines(at, numbers(band, "MEDIAN"), "simulated_median", steps=True))
    for side in ("LOW", "HIGH"):
        if side in own:
            bound = numbers(own, side)
            known = np.isfinite(bound)
            layers.append(Lines(time[known], bound[known], "dashed", steps=True, label="confidence interval" if side == "LOW" else ""))
    layers.append(Lines(time, level, "observed_median", steps=True, label="observed"))
    if "CENSORED" in own:
        lost = numbers(own, "CENSORED") > 0
        layers.append(Points(time[lost], level[lost], "censored", label="censored"))
    return Panel(layers if len(time) or simulated is not None else [], title, axis(observed, "TIME"), label)


def npc_picture(table: Table) -> Picture:
    """Draw the coverage of prediction intervals: observed over expected number of values beyond each, in its simulated interval.

    `table`: INTERVAL (in percent), SIDE ("below" or "above"), OBSERVED, EXPECTED, LOW, HIGH: a panel for each side.
    Raises OptionError for missing columns.
    """
    panels = []
    ratios: list[Table] = []
    for side in ordered(column(table, "SIDE")):
        own = finite(chosen(table, words(table, "SIDE") == side), "INTERVAL", "OBSERVED", "EXPECTED", "LOW", "HIGH")
        own = chosen(own, (numbers(own, "EXPECTED") > 0))
        own = chosen(own, np.argsort(numbers(own, "INTERVAL"), kind="stable"))
        at, expected = numbers(own, "INTERVAL"), numbers(own, "EXPECTED")
        low, ratio, high = (numbers(own, name) / expected for name in ("LOW", "OBSERVED", "HIGH"))
        ratios.append(Table({"SIDE": words(own, "SIDE"), "INTERVAL": at, "RATIO": ratio, "LOW": low, "HIGH": high}))
        outside = (ratio < low) | (ratio > high)
        layers: list[Layer] = [Band(at, low, high, "band_median", label="simulated"), Rule("horizontal", 1.0, "zero")]
        layers += [Lines(at, ratio, "observed_median", label="observed"), Points(at[~outside], ratio[~outside], "points")]
        layers.append(Points(at[outside], ratio[outside], "flagged", label="outside"))
        panels.append(Panel(layers, side, "prediction interval [%]", "observed / expected"))
    # both sides on one scale
    tops = [np.concatenate([own["RATIO"], own["HIGH"]]) for own in ratios]
    top = 1.06 * float(np.max(np.concatenate([*tops, np.ones(1)])))
    panels = [replace(panel, y_range=(0.0, top)) for panel in panels]
    data = {"counts": table} | {f"ratios_{own['SIDE'][0]}": own for own in ratios if own.n_rows}
    title = "Numerical predictive check"
    return Picture("npc", panels or [Panel([])], title, columns=columns_for(len(panels)), panel_size=(3.8, 3.0), data=data)


def npde_panel(observations: Table, bands: Table | None = None, *, residual: str = "NPDE") -> Picture:
    """Draw normalised prediction distribution errors: against TIME and PRED, quantiles, histogram, distribution function.

    `observations`: ID, TIME, PRED, the residual, perhaps TAD (one panel more); `bands`: X_OF ("TIME" or "PRED"), LEFT, RIGHT, PERCENTILE,
    OBSERVED, LOW, HIGH: observed percentiles by bin with their simulated interval, in place of the loess.
    Raises OptionError for missing columns.
    """
    against = ["TIME", "PRED", *(["TAD"] if "TAD" in observations else [])]
    panels = []
    for name in against:
        own = None if bands is None else chosen(bands, words(bands, "X_OF", "bands") == name)
        [panel] = residual_panels(observations, residual, name)
        panels.append(panel if own is None or own.n_rows == 0 else _banded(panel, own))
    quantiles = quantile_table(observations, residual)
    rest = [quantile_panel(quantiles, residual), distribution_panel(observations, residual), cumulative_panel(observations, residual)]
    data = without_empty({"observations": observations, "bands": bands, "quantiles": quantiles})
    panels += rest
    return Picture(f"{residual.lower()}_panel", panels, f"Distribution of {residual}", columns=3, panel_size=(3.3, 2.8), data=data)


def _banded(panel: Panel, bands: Table) -> Panel:
    """Return a panel of residuals with observed percentiles over their simulated intervals."""
    middles = (numbers(bands, "LEFT", "bands") + numbers(bands, "RIGHT", "bands")) / 2
    bands = Table({**dict(bands), "X": bands.get("X", middles)})
    levels = np.unique(numbers(bands, "PERCENTILE", "bands"))
    back: list[Layer] = []
    front: list[Layer] = []
    for level in levels:
        own = chosen(bands, numbers(bands, "PERCENTILE") == level)
        own = chosen(own, np.argsort(numbers(own, "LEFT"), kind="stable"))
        role = "median" if level == levels[np.argmin(np.abs(levels - 50))] else "outer"
        back += _intervals(own, f"band_{role}", "", ribbon=False)
        front.append(broken_line(*_through(own, "OBSERVED"), f"observed_{role}"))
    kept = [layer for layer in panel.layers if layer.style not in ("smooth", "dashed")]
    return replace(panel, layers=[*back, *kept, *front])
