"""The path of estimates over the iterations of an estimation."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from popmix.errors import OptionError
from popmix.table import Table

_LINE, _SHADE, _END = "#12355b", "#e3ebf5", "#b0413e"
_WIDTH, _HEIGHT, _MOST_COLUMNS = 2.9, 1.8, 4
_PLAIN = ("iteration", "phase")


def convergence_plot(fit: Any, path: str | Path | None = None) -> Figure:
    """Draw how every estimate moved over the iterations; with `path` also write the picture (its suffix names the format).

    `fit`: a Fit, or its `trace`, a table with the column `iteration` and one for each estimated parameter (of SAEM) or for the objective
    (`ofv`); the column `phase`, where there is one, parts the iterations: the last phase is shaded, a dot marks where each estimate ended.
    Raises OptionError for a table without iterations.
    """
    trace = fit if isinstance(fit, Table) else getattr(fit, "trace", None)
    if not isinstance(trace, Table) or "iteration" not in trace or trace.n_rows == 0:
        raise OptionError("a picture of convergence needs a fit, or the table fit.trace with a column 'iteration' and at least one row.")
    names = [name for name in trace if name not in _PLAIN]
    if not names:
        raise OptionError("the trace has no column besides the iterations: nothing was estimated.")
    columns = min(_MOST_COLUMNS, math.ceil(math.sqrt(len(names))))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(_WIDTH * columns, _HEIGHT * rows + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    for place, name in enumerate(names):
        _draw(figure.add_subplot(rows, columns, place + 1), trace, name)
    figure.supxlabel("iteration", fontsize=9)
    if path is not None:
        figure.savefig(path, dpi=120)
    return figure


def _draw(axes: Any, trace: Table, name: str) -> None:
    """Draw one estimate."""
    iteration, values = trace["iteration"], trace[name]
    unit = trace.units.get(name)
    axes.set_title(f"{name} [{unit}]" if unit else name, fontsize=9)
    if "phase" in trace:
        last = iteration[trace["phase"] == trace["phase"][-1]]
        if len(last) < len(iteration):
            axes.axvspan(last[0] - 0.5, last[-1] + 0.5, color=_SHADE, lw=0)
    axes.plot(iteration, values, color=_LINE, lw=1)
    axes.plot(iteration[-1:], values[-1:], "o", color=_END, ms=4, clip_on=False)
    axes.set_xlim(iteration[0] - 0.5, iteration[-1] + 0.5)
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    spread = np.ptp(values[np.isfinite(values)]) if np.any(np.isfinite(values)) else 0.0
    if spread == 0.0 and len(values):
        # a parameter that never moved has no range of its own
        axes.set_ylim(values[-1] - 0.5 * (abs(values[-1]) or 1.0), values[-1] + 0.5 * (abs(values[-1]) or 1.0))
