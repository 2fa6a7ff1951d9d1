"""Pictures of residuals: against time and predictions, their size, their distribution, and the classic panel of four."""

from __future__ import annotations

import numpy as np

from popmix.plot.fits import predicted_panels
from popmix.plot.layers import Band, Layer, Lines, Panel, Points, Rule, Texts, Ticks
from popmix.plot.parts import (
    TWO_SIDED,
    axis,
    by_value,
    chosen,
    columns_for,
    drawn,
    finite,
    histogram,
    keys,
    marks,
    normal_curve,
    normal_probability,
    normal_quantiles,
    numbers,
    picked,
    smoothed,
    symmetric,
    words,
)
from popmix.plot.picture import Picture
from popmix.table import Table

FLAGGED_FROM = 5.0  # residuals in SD; one in 1.7 million is beyond by chance
_ROOM = 1.06
_WHAT = "observations"


def residuals_against(observations: Table, residual: str = "CWRES", against: str = "TIME", *, by: str | None = None) -> Picture:
    """Draw residuals against time or a prediction: points, the zero line, dashed lines at +-1.96, a loess; beyond +-5 the ID is told.

    `observations`: ID, the residual (in SD), the column `against`; `by`: a panel for each value of this column, all with the same limits,
    symmetric about zero. Raises OptionError for a missing column.
    """
    panels = residual_panels(observations, residual, against, by=by)
    points = finite(observations, against, residual, what=_WHAT)
    far = chosen(points, np.abs(numbers(points, residual)) > FLAGGED_FROM)
    names = ["ID", "TIME", against, residual, "CENSORED", by or "ID"]
    return Picture(
        f"{residual.lower()}_{against.lower()}",
        panels,
        f"{residual} vs. {against}",
        columns=columns_for(len(panels)),
        panel_size=(4.8, 3.4) if len(panels) == 1 else (3.4, 2.7),
        data={"points": picked(points, names), "flagged": picked(far, names), "smooth": drawn(panels, "smooth")},
    )


def residual_panels(observations: Table, residual: str, against: str, *, by: str | None = None) -> list[Panel]:
    """Return the panels of `residuals_against`."""
    everything = finite(observations, against, residual, what=_WHAT)
    limits = symmetric(numbers(everything, residual), TWO_SIDED * 1.3)
    return [_residuals(own, residual, against, title, limits) for title, own in by_value(observations, by, _WHAT)]


def _residuals(observations: Table, residual: str, against: str, title: str, limits: tuple[float, float]) -> Panel:
    """Return residuals of some rows."""
    own = finite(observations, against, residual)
    x, y = numbers(own, against), numbers(own, residual)
    layers: list[Layer] = [Rule("horizontal", 0.0, "zero")]
    layers += [Rule("horizontal", sign * TWO_SIDED, "dashed") for sign in (-1, 1)]
    layers += marks(x, y, own)
    far = np.abs(y) > FLAGGED_FROM
    if np.any(far):
        who = keys(own)
        layers.append(Points(x[far], y[far], "flagged", None if who is None else who[far]))
        if who is not None:
            layers.append(Texts(x[far], y[far], who[far].tolist()))
    layers += smoothed(x, y)
    return Panel(layers, title, axis(own, against), axis(own, residual), y_range=limits)


def absolute_residuals(observations: Table, residual: str = "IWRES", against: str = "IPRED", *, by: str | None = None) -> Picture:
    """Draw the size of residuals with a loess: a slope shows a residual error model that does not fit.

    `observations`: ID, the residual, the column `against`; `by`: a panel for each value. Raises OptionError for a missing column.
    """
    panels = absolute_panels(observations, residual, against, by=by)
    points = finite(observations, against, residual, what=_WHAT)
    return Picture(
        f"absolute_{residual.lower()}_{against.lower()}",
        panels,
        f"|{residual}| vs. {against}",
        columns=columns_for(len(panels)),
        panel_size=(4.8, 3.4) if len(panels) == 1 else (3.4, 2.7),
        data={"points": picked(points, ["ID", "TIME", against, residual, "CENSORED", by or "ID"]), "smooth": drawn(panels, "smooth")},
    )


def absolute_panels(observations: Table, residual: str, against: str, *, by: str | None = None) -> list[Panel]:
    """Return the panels of `absolute_residuals`."""
    everything = finite(observations, against, residual, what=_WHAT)
    top = _ROOM * float(np.max(np.abs(numbers(everything, residual)), initial=TWO_SIDED))
    panels = []
    for title, rows in by_value(observations, by, _WHAT):
        own = finite(rows, against, residual)
        x, y = numbers(own, against), np.abs(numbers(own, residual))
        layers = [*marks(x, y, own), *smoothed(x, y)]
        panels.append(Panel(layers, title, axis(own, against), f"|{residual}|", y_range=(0.0, top)))
    return panels


def residual_distribution(observations: Table, residual: str = "CWRES", *, by: str | None = None) -> Picture:
    """Draw the histogram of residuals (unit area) with the density of N(0, 1) and a mark for each value.

    `observations`: the residual; `by`: a panel for each value of this column. Raises OptionError for a missing column.
    """
    panels = [distribution_panel(own, residual, title) for title, own in by_value(observations, by, _WHAT)]
    return Picture(
        f"{residual.lower()}_distribution",
        panels,
        f"Distribution of {residual}",
        columns=columns_for(len(panels)),
        panel_size=(4.6, 3.4) if len(panels) == 1 else (3.4, 2.7),
        data={"values": picked(finite(observations, residual, what=_WHAT), ["ID", residual, by or "ID"]), "bars": _bars(panels)},
    )


def distribution_panel(observations: Table, residual: str, title: str = "") -> Panel:
    """Return the histogram of a column with N(0, 1)."""
    values = numbers(finite(observations, residual, what=_WHAT), residual)
    layers: list[Layer] = [histogram(values), Lines(*normal_curve(), "normal", label="N(0, 1)"), Ticks(values, "rug")]
    return Panel(layers if len(values) else [], title, residual, "density", x_range=symmetric(values, 3.5))


def _bars(panels: list[Panel]) -> Table:
    """Return the bars of histograms as a table."""
    found = [(panel.title, panel.layers[0]) for panel in panels if panel.layers]
    empty = [np.zeros(0)]
    return Table(
        {
            "PANEL": np.array([title for title, bars in found for _ in bars.left], dtype=object),
            "LEFT": np.concatenate([bars.left for _, bars in found] or empty),
            "RIGHT": np.concatenate([bars.right for _, bars in found] or empty),
            "DENSITY": np.concatenate([bars.height for _, bars in found] or empty),
        }
    )


def residual_quantiles(observations: Table, residual: str = "CWRES", *, by: str | None = None) -> Picture:
    """Draw ordered residuals against quantiles of N(0, 1), with the identity and an envelope that holds each point with 95 %.

    Envelope: z +- 1.96 sqrt(p (1 - p) / n) / phi(z) at p = (i - 0.5) / n, the normal approximation of an order statistic.
    `observations`: the residual, perhaps ID; `by`: a panel for each value. Raises OptionError for a missing column.
    """
    parts = [(title, quantile_table(own, residual)) for title, own in by_value(observations, by, _WHAT)]
    panels = [quantile_panel(table, residual, title) for title, table in parts]
    return Picture(
        f"{residual.lower()}_quantiles",
        panels,
        f"Quantiles of {residual}",
        columns=columns_for(len(panels)),
        panel_size=(4.2, 4.2) if len(panels) == 1 else (3.2, 3.2),
        data={title or "quantiles": table for title, table in parts},
    )


def quantile_table(observations: Table, residual: str) -> Table:
    """Return the ordered values of a column beside normal quantiles: ID, NORMAL, OBSERVED, LOW, HIGH."""
    own = finite(observations, residual, what=_WHAT)
    own = chosen(own, np.argsort(numbers(own, residual), kind="stable"))
    z, sd = normal_quantiles(own.n_rows)
    who = {"ID": words(own, "ID")} if "ID" in own else {}
    return Table({**who, "NORMAL": z, "OBSERVED": numbers(own, residual), "LOW": z - TWO_SIDED * sd, "HIGH": z + TWO_SIDED * sd})


def quantile_panel(table: Table, residual: str, title: str = "") -> Panel:
    """Return the quantile plot of a table of `quantile_table`."""
    z = table["NORMAL"]
    layers: list[Layer] = [
        Band(z, table["LOW"], table["HIGH"], "band"),
        Rule("identity", style="identity"),
        Points(z, table["OBSERVED"], "points", keys(table)),
    ]
    return Panel(layers if len(z) else [], title, "quantile of N(0, 1)", residual, square=True)


def cumulative_panel(observations: Table, residual: str, title: str = "") -> Panel:
    """Return the empirical distribution function of a column with Phi and Phi +- 1.96 sqrt(Phi (1 - Phi) / n)."""
    values = np.sort(numbers(finite(observations, residual, what=_WHAT), residual))
    limits = symmetric(values, 3.5)
    if len(values) == 0:
        return Panel([], title, residual, "cumulative probability", x_range=limits, y_range=(0.0, 1.0))
    at = np.linspace(*limits, 141)
    expected = normal_probability(at)
    reach = TWO_SIDED * np.sqrt(expected * (1 - expected) / len(values))
    x = np.concatenate([limits[:1], values, limits[1:]])
    y = np.concatenate([[0.0], np.arange(1, len(values) + 1) / len(values), [1.0]])
    layers: list[Layer] = [
        Band(at, np.maximum(expected - reach, 0.0), np.minimum(expected + reach, 1.0), "band"),
        Lines(at, expected, "normal"),
        Lines(x, y, "line", steps=True),
    ]
    return Panel(layers, title, residual, "cumulative probability", x_range=limits, y_range=(0.0, 1.0))


def gof_panel(observations: Table) -> Picture:
    """Draw the classic four: DV vs. PRED, DV vs. IPRED, |IWRES| vs. IPRED, CWRES vs. TIME.

    `observations`: ID, TIME, DV, PRED, IPRED, IWRES, CWRES. Raises OptionError for a missing column.
    """
    panels = [
        *predicted_panels(observations, "PRED"),
        *predicted_panels(observations, "IPRED"),
        *absolute_panels(observations, "IWRES", "IPRED"),
        *residual_panels(observations, "CWRES", "TIME"),
    ]
    names = ["ID", "TIME", "DV", "PRED", "IPRED", "IWRES", "CWRES", "CENSORED"]
    return Picture("gof", panels, "Goodness of fit", columns=2, panel_size=(3.6, 3.1), data={"points": picked(observations, names)})
