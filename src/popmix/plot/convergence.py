"""The path of estimates over the iterations of an estimation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from popmix.errors import OptionError
from popmix.plot.layers import Layer, Lines, Panel, Points, Shade
from popmix.plot.picture import Picture
from popmix.table import Table

_MOST_COLUMNS = 4
_PLAIN = ("iteration", "phase")


def convergence_picture(trace: Table) -> Picture:
    """Draw how every estimate moved over the iterations: a panel for each column of the trace.

    `trace`: the column `iteration` and one for each estimated parameter (of SAEM) or for the objective (`ofv`) and the gradient; `phase`,
    where there is one, parts the iterations: the last phase is shaded. A dot marks where each ended. Raises OptionError for a table
    without iterations, or with nothing besides.
    """
    if not isinstance(trace, Table) or "iteration" not in trace or trace.n_rows == 0:
        raise OptionError("a picture of convergence needs a fit, or the table fit.trace with a column 'iteration' and at least one row.")
    names = [name for name in trace if name not in _PLAIN]
    if not names:
        raise OptionError("the trace has no column besides the iterations: nothing was estimated.")
    columns = min(_MOST_COLUMNS, math.ceil(math.sqrt(len(names))))
    panels = [_panel(trace, name) for name in names]
    return Picture("convergence", panels, "Estimates by iteration", columns=columns, panel_size=(2.9, 2.1), data={"trace": trace})


def convergence_plot(fit: Any, path: str | Path | None = None) -> Figure:
    """Return a matplotlib figure of `convergence_picture`; with `path` also write it (the suffix names the format).

    `fit`: a Fit, or its `trace`. Raises OptionError for a table without iterations.
    """
    picture = convergence_picture(fit if isinstance(fit, Table) else getattr(fit, "trace", None))
    if path is not None:
        picture.save(path)
    return picture.to_matplotlib()


def _panel(trace: Table, name: str) -> Panel:
    iteration, values = trace["iteration"].astype(float), trace[name].astype(float)
    unit = trace.units.get(name)
    layers: list[Layer] = []
    if "phase" in trace:
        last = iteration[trace["phase"] == trace["phase"][-1]]
        if len(last) < len(iteration):
            layers.append(Shade(last[0] - 0.5, last[-1] + 0.5, vertical=True))
    layers += [Lines(iteration, values, "ipred"), Points(iteration[-1:], values[-1:], "flagged")]
    known = values[np.isfinite(values)]
    # a parameter that never moved has no range of its own
    still = len(known) > 0 and np.ptp(known) == 0
    around = (known[0] - 0.5 * (abs(known[0]) or 1.0), known[0] + 0.5 * (abs(known[0]) or 1.0)) if still else None
    across = (iteration[0] - 0.5, iteration[-1] + 0.5)
    return Panel(layers, f"{name} [{unit}]" if unit else name, "iteration", x_range=across, y_range=around)
