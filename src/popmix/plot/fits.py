"""Pictures of a fit beside its data: observed against predicted values, and the curves of every subject."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from popmix.errors import OptionError
from popmix.plot.layers import Layer, Lines, Panel, Points, Rule, Ticks, Whiskers
from popmix.plot.parts import (
    axis,
    by_value,
    chosen,
    column,
    columns_for,
    drawn,
    finite,
    keys,
    marks,
    numbers,
    picked,
    places,
    smoothed,
    without_empty,
    words,
)
from popmix.plot.picture import Picture
from popmix.table import Table

_ABOVE, _BELOW = 1.25, 0.8  # room around the values of a logarithmic axis
_DECADE = 10.0


def observed_predicted(observations: Table, prediction: str = "IPRED", *, log: bool = False, by: str | None = None) -> Picture:
    """Draw observed values against a prediction on equal axes: points, a faint line for each subject, the identity and a loess.

    `observations`: ID, DV, the prediction (PRED, IPRED ...), perhaps CENSORED ("" for a measured value); `log`: both axes logarithmic;
    `by`: a panel for each value of this column. Raises OptionError for a missing column.
    """
    panels = predicted_panels(observations, prediction, log=log, by=by)
    points = finite(observations, prediction, "DV", what="observations")
    return Picture(
        f"dv_{prediction.lower()}",
        panels,
        f"DV vs. {prediction}",
        columns=columns_for(len(panels)),
        panel_size=(4.2, 4.2) if len(panels) == 1 else (3.2, 3.2),
        data={"points": picked(points, ["ID", "TIME", prediction, "DV", "CENSORED", by or "ID"]), "smooth": drawn(panels, "smooth")},
    )


def predicted_panels(observations: Table, prediction: str, *, log: bool = False, by: str | None = None) -> list[Panel]:
    """Return the panels of `observed_predicted`."""
    return [_predicted(own, prediction, title, log) for title, own in by_value(observations, by, "observations")]


def _predicted(observations: Table, prediction: str, title: str, log: bool) -> Panel:
    """Return observed against predicted values of some rows."""
    own = finite(observations, prediction, "DV", what="observations", positive=log)
    x, y, who = numbers(own, prediction), numbers(own, "DV"), keys(own)
    layers: list[Layer] = [] if who is None else [Lines(x, y, "subject", who)]
    layers += [*marks(x, y, own), Rule("identity", style="identity"), *smoothed(x, y, log=log)]
    return Panel(layers, title, axis(own, prediction), axis(own, "DV"), x_log=log, y_log=log, square=True)


def individual_fits(
    observations: Table,
    curves: Table,
    doses: Table | None = None,
    *,
    per_page: int = 9,
    log: bool = False,
    limits: float | Mapping[str, float] | None = None,
) -> list[Picture]:
    """Draw every subject's observations with the curves of IPRED and PRED: pages of panels, one for each subject (and endpoint).

    `observations`: ID, TIME, DV, perhaps DVID, OFV (told in the strip) and CENSORED with LOW and HIGH (between which a censored value
    lies, nan for an open side; drawn as a bar); `curves`: ID, TIME, PRED, IPRED on a fine grid, perhaps DVID; `doses`: ID, TIME.
    `log`: logarithmic DV; `limits`: a limit of quantification, or one for each endpoint, drawn as a line.
    Raises OptionError for missing columns and fewer than one panel on a page.
    """
    if per_page < 1:
        raise OptionError(f"per_page has to be at least 1, not {per_page}.")
    for name in ("ID", "TIME", "DV"):
        column(observations, name, "observations")
    for name in ("ID", "TIME", "PRED", "IPRED"):
        column(curves, name, "curves")
    panels = [_individual(*one, log=log) for one in _subjects(observations, curves, doses, limits)]
    pages = max(1, math.ceil(len(panels) / per_page))
    columns = columns_for(per_page, most=per_page)
    data = without_empty({"observations": observations, "curves": curves, "doses": doses})
    return [
        Picture(
            f"individual_fits_{page + 1}",
            panels[page * per_page : (page + 1) * per_page] or [Panel([], y_label="DV", x_label="TIME")],
            "Individual fits" + (f" (page {page + 1} of {pages})" if pages > 1 else ""),
            columns=columns,
            panel_size=(2.8, 2.2),
            data=data,
        )
        for page in range(pages)
    ]


def _subjects(observations: Table, curves: Table, doses: Table | None, limits: float | Mapping[str, float] | None) -> list[tuple]:
    """Return title, observations, curves, doses and limit of every panel: subjects in order of appearance, endpoints within."""
    several = "DVID" in observations and len(set(words(observations, "DVID").tolist())) > 1
    who = words(observations, "ID")
    endpoint = words(observations, "DVID") if several else np.full(len(who), "", dtype=object)
    apart = several and "DVID" in curves
    curve_rows = places(words(curves, "ID"), words(curves, "DVID")) if apart else places(words(curves, "ID"))
    taken = None if doses is None else finite(doses, "TIME", what="doses")
    dose_rows = {} if taken is None else places(words(taken, "ID", "doses"))
    none = np.zeros(0, dtype=np.int64)
    order = {name: place for place, name in enumerate(dict.fromkeys(endpoint.tolist()))}
    first = {name: place for place, name in enumerate(dict.fromkeys(who.tolist()))}
    found = []
    for (one, name), rows in sorted(places(who, endpoint).items(), key=lambda item: (first[item[0][0]], order[item[0][1]])):
        own = chosen(observations, rows)
        lines = chosen(curves, curve_rows.get((one, name) if apart else (one,), none))
        given = None if taken is None else chosen(taken, dose_rows.get((one,), none))
        limit = limits.get(name) if isinstance(limits, Mapping) else limits
        found.append((_strip(one, name, own), own, lines, given, limit))
    return found


def _strip(subject: str, endpoint: str, own: Table) -> str:
    """Return the title of a subject's panel."""
    title = f"ID {subject}" + (f", {endpoint}" if endpoint else "")
    value = float(numbers(own, "OFV")[0]) if "OFV" in own else math.nan
    return f"{title} (OFV {value:.1f})" if math.isfinite(value) else title


def _individual(title: str, own: Table, curves: Table, doses: Table | None, limit: float | None, *, log: bool) -> Panel:
    """Return the panel of one subject and endpoint."""
    own = finite(own, "TIME", "DV", positive=False)
    curves = finite(curves, "TIME")
    curves = chosen(curves, np.argsort(numbers(curves, "TIME"), kind="stable"))
    at = numbers(curves, "TIME")
    hidden = words(own, "CENSORED") != "" if "CENSORED" in own else np.zeros(own.n_rows, dtype=bool)
    time, dv, who = numbers(own, "TIME"), numbers(own, "DV"), keys(own)
    drawn_values = np.concatenate([numbers(curves, "IPRED"), numbers(curves, "PRED"), dv])
    low, high = _extent(drawn_values, dv, log)
    layers: list[Layer] = []
    if limit is not None and math.isfinite(limit):
        layers.append(Rule("horizontal", limit, "limit", label="limit"))
    layers += _censored(chosen(own, hidden), low, high)
    layers += [_curve(at, curves, "PRED", log), _curve(at, curves, "IPRED", log)]
    layers.append(Points(time[~hidden], dv[~hidden], "data", who[~hidden], label="DV"))
    if doses is not None and doses.n_rows:
        layers.append(Ticks(numbers(doses, "TIME"), "dose", label="dose"))
    limits = (low, high) if log and high > low else None
    return Panel(layers, title, axis(own, "TIME"), axis(own, "DV"), y_log=log, y_range=limits)


def _curve(at: np.ndarray, curves: Table, name: str, log: bool) -> Lines:
    """Return a predicted curve without what can't be drawn."""
    values = numbers(curves, name)
    kept = np.isfinite(values) & ((values > 0) if log else True)
    return Lines(at[kept], values[kept], name.lower(), label=name)


def _extent(values: np.ndarray, dv: np.ndarray, log: bool) -> tuple[float, float]:
    """Return the limits of DV in a panel; a logarithmic axis stops a decade below the data, however low the curves run."""
    values, dv = values[np.isfinite(values)], dv[np.isfinite(dv)]
    if not log:
        return min(0.0, float(np.min(values, initial=0.0))), float(np.max(values, initial=0.0))
    values, dv = values[values > 0], dv[dv > 0]
    if len(values) == 0:
        return 0.0, 0.0
    low = float(np.min(values))
    if len(dv):
        low = max(low, float(np.min(dv)) / _DECADE)
    return low * _BELOW, float(np.max(values)) * _ABOVE


def _censored(hidden: Table, low: float, high: float) -> list[Layer]:
    """Return bars over where censored values may lie: to the edge of the panel on an open side, marks at DV without LOW and HIGH."""
    if hidden.n_rows == 0:
        return []
    time, dv, who = numbers(hidden, "TIME"), numbers(hidden, "DV"), keys(hidden)
    marked = Points(time, dv, "censored", who, label="censored")
    if "LOW" not in hidden and "HIGH" not in hidden:
        return [marked]
    missing = np.full(hidden.n_rows, np.nan)
    lower, upper = (numbers(hidden, name) if name in hidden else missing for name in ("LOW", "HIGH"))
    left = words(hidden, "CENSORED") == "left"
    lower = np.where(np.isfinite(lower), lower, np.where(left, low, dv))
    upper = np.where(np.isfinite(upper), upper, np.where(left, dv, high))
    return [Whiskers(time, np.minimum(np.maximum(lower, low), upper), upper, "censored", vertical=True, key=who), marked]
