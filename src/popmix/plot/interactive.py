"""Sheets as plotly figures, for looking closer: hover tells whom a point belongs to, a click passes it on."""

import importlib
import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from popmix.errors import PopmixError
from popmix.plot.layers import Band, Bars, Boxes, Layer, Lines, Panel, Points, Rule, Shade, Sheet, Texts, Ticks, Whiskers
from popmix.plot.parts_of_layers import finite_pairs, has_data, limits_of, runs
from popmix.plot.style import Style, style_of

_DIGITS = 6  # significant digits of coordinates: more than a screen shows
_MANY = 3000  # points from which the graphics card draws them
_PIXELS = 96  # of an inch
_DASHES = {"solid": "solid", "dashed": "dash", "dotted": "dot"}
_MARKERS = {"o": "circle", "x": "x", "|": "line-ns-open"}
# room in pixels: above for titles, beside for labels of axes, and between panels
_HEAD, _LINE, _LEFT, _RIGHT, _BELOW, _GAP_X, _GAP_Y = 34, 18, 58, 14, 46, 62, 66
_ABOVE_TITLE, _LEGEND = 14, 26
_TICK = 0.04
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def plotly_module() -> ModuleType:
    """Return plotly.graph_objects. Raises PopmixError where plotly is not installed."""
    try:
        return importlib.import_module("plotly.graph_objects")
    except ImportError as error:
        raise PopmixError("plotly is not installed: `pip install plotly`, or draw with to_matplotlib().") from error


def plotly_figure(sheet: Sheet) -> Any:
    """Return a plotly figure. Raises PopmixError where plotly is not installed."""
    return plotly_module().Figure(plotly_document(sheet))


def plotly_document(sheet: Sheet) -> dict[str, Any]:
    """Return the plotly figure of a sheet as `data` and `layout`, in plain lists and numbers."""
    grid = _Grid(sheet)
    canvas = _Canvas(grid)
    for place, panel in enumerate(sheet.panels):
        canvas.add(panel, place)
    if sheet.caption:
        under = _BELOW + (16 if canvas.labels else -4)
        canvas.note(sheet.caption, 1.0, -under / grid.inner_height, size=10, colour="#777777", side="right", pinned=True)
    extra = _LEGEND if canvas.labels else 0
    head = [f"<b>{_escaped(sheet.title)}</b>"] if sheet.title else []
    head += [f"<span style='font-size:12px;color:#555'>{_escaped(sheet.subtitle)}</span>"] if sheet.subtitle else []
    layout = {
        "title": {
            "text": "<br>".join(head),
            "x": 0.0,
            "xref": "paper",
            "xanchor": "left",
            "y": round(1 - _ABOVE_TITLE / (grid.height + extra), 5),
            "yref": "container",
            "yanchor": "top",
            "font": {"size": 15},
        },
        "font": {"family": _FONT, "size": 11, "color": "#333333"},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": _LEFT, "r": _RIGHT, "t": grid.above, "b": _BELOW + extra},
        "height": grid.height + extra,
        "hovermode": "closest",
        "showlegend": bool(canvas.labels),
        "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -(_BELOW - 6) / grid.inner_height, "yanchor": "top"},
        "annotations": canvas.annotations,
        "shapes": canvas.shapes,
        **canvas.axes,
    }
    return {"data": canvas.traces, "layout": layout}


class _Grid:
    """Where panels stand: domains of their axes, in shares of the inner area."""

    def __init__(self, sheet: Sheet) -> None:
        self.columns = max(1, min(sheet.columns, len(sheet.panels) or 1))
        self.rows = max(1, math.ceil(len(sheet.panels) / self.columns))
        titled = any(panel.title for panel in sheet.panels)
        self.above = (_HEAD if sheet.title else 8) + (_LINE if sheet.subtitle else 0) + (_LINE if titled else 0)
        # panels share the width of the page, so that their height follows from the proportions of one that is a third of it
        wide, high = sheet.panel_size
        panel = min(_PIXELS * high, 900 / self.columns * high / wide) if self.columns > 1 else _PIXELS * high * 1.15
        self.inner_height = max(panel * self.rows + _GAP_Y * (self.rows - 1) - _BELOW, 120.0)
        self.height = round(self.inner_height + self.above + _BELOW)

    def domains(self, place: int) -> tuple[list[float], list[float]]:
        row, column = divmod(place, self.columns)
        across = _GAP_X / 830
        wide = (1 - across * (self.columns - 1)) / self.columns
        up = _GAP_Y / self.inner_height
        high = (1 - up * (self.rows - 1)) / self.rows
        left, top = column * (wide + across), 1 - row * (high + up)
        return [round(left, 5), round(left + wide, 5)], [round(max(top - high, 0.0), 5), round(top, 5)]


class _Canvas:
    """Traces, shapes, annotations and axes as they come together."""

    def __init__(self, grid: _Grid) -> None:
        self.grid = grid
        self.traces: list[dict[str, Any]] = []
        self.shapes: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.axes: dict[str, Any] = {}
        self.labels: set[str] = set()

    def add(self, panel: Panel, place: int) -> None:
        """Add a panel."""
        number = "" if place == 0 else str(place + 1)
        self.x, self.y, self.panel = f"x{number}", f"y{number}", panel
        across, up = self.grid.domains(place)
        limits = limits_of(panel) if has_data(panel) else ((0.0, 1.0), (0.0, 1.0))
        self.across, self.up = (own or (0.0, 1.0) for own in limits)
        for name, domain, is_log, own, label, words in (
            (f"xaxis{number}", across, panel.x_log, self.across, panel.x_label, panel.x_names),
            (f"yaxis{number}", up, panel.y_log, self.up, panel.y_label, panel.y_names),
        ):
            self.axes[name] = _axis(domain, is_log, own, label, words) | {"anchor": self.y if name.startswith("x") else self.x}
        if panel.title:
            self.note(_escaped(panel.title), 0.5 * (across[0] + across[1]), up[1], size=12, side="center", lift=3)
        if not has_data(panel):
            self.note("no data", 0.5 * (across[0] + across[1]), 0.5 * (up[0] + up[1]), size=12, colour="#777777", side="center")
            self.axes[f"xaxis{number}"]["showticklabels"] = self.axes[f"yaxis{number}"]["showticklabels"] = False
            # an axis without a trace is not drawn
            self.trace({"type": "scatter", "x": [], "y": [], "mode": "markers", "hoverinfo": "skip"}, "")
            return
        if all(isinstance(layer, Texts) and layer.inside for layer in panel.layers):
            self.axes[f"xaxis{number}"]["visible"] = self.axes[f"yaxis{number}"]["visible"] = False
            self.trace({"type": "scatter", "x": [], "y": [], "mode": "markers", "hoverinfo": "skip"}, "")
        for layer in panel.layers:
            _ADDED[type(layer)](self, layer)

    def trace(self, content: dict[str, Any], label: str) -> None:
        """Add a trace of the present panel; a label stands once in the legend."""
        named = {"name": label, "legendgroup": label, "showlegend": label not in self.labels} if label else {"showlegend": False}
        self.labels |= {label} if label else set()
        self.traces.append({"xaxis": self.x, "yaxis": self.y, **content, **named})

    def shape(self, content: dict[str, Any]) -> None:
        """Add a shape of the present panel."""
        self.shapes.append({"xref": self.x, "yref": self.y, "layer": "below", **content})

    def note(
        self,
        words: str,
        x: float,
        y: float,
        *,
        size: float,
        colour: str = "#222222",
        side: str = "left",
        lift: float = 0,
        pinned: bool = False,
    ) -> None:
        """Add words at a place of the whole sheet."""
        vertical = "top" if pinned else "bottom" if lift else "middle"
        look = {"showarrow": False, "font": {"size": size, "color": colour}, "xanchor": side, "yanchor": vertical, "yshift": lift}
        self.annotations.append({"text": words, "x": _number(x), "y": _number(y), "xref": "paper", "yref": "paper", **look})


def _axis(domain: list[float], is_log: bool, limits: tuple[float, float], label: str, words: Mapping[float, str] | None) -> dict[str, Any]:
    ends = [math.log10(max(one, 1e-300)) for one in limits] if is_log else limits
    found = {
        "domain": domain,
        "type": "log" if is_log else "linear",
        "range": [_number(one) for one in ends],
        "title": {"text": _escaped(label), "standoff": 6, "font": {"size": 11}},
        "showgrid": False,
        "zeroline": False,
        "linecolor": "#888888",
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "#888888",
        "nticks": 7,
    }
    if is_log and not words:
        found |= {"dtick": 1 if limits[1] / max(limits[0], 1e-300) > 30 else "D2", "exponentformat": "none"}
    if words:
        found |= {"tickvals": [_number(place) for place in words], "ticktext": [_escaped(one) for one in words.values()]}
    return found


def _number(value: float) -> float | None:
    value = float(value)
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _numbers(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in np.asarray(values, dtype=float).tolist()]


def _escaped(text: str) -> str:
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _rgba(style: Style, alpha: float) -> str:
    red, green, blue = (int(style.colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def _pen(style: Style) -> dict[str, Any]:
    return {"color": _rgba(style, style.alpha), "width": style.width * 1.25, "dash": _DASHES[style.dash]}


def _points(canvas: _Canvas, layer: Points) -> None:
    style = style_of(layer.style)
    known = np.isfinite(np.asarray(layer.x, dtype=float)) & np.isfinite(np.asarray(layer.y, dtype=float))
    x, y = finite_pairs(layer.x, layer.y)
    symbol = _MARKERS.get(style.marker, "circle") + ("-open" if style.hollow and style.marker == "o" else "")
    mark = {"color": style.colour, "opacity": style.alpha, "size": style.size * 1.5, "symbol": symbol}
    content = {"type": "scattergl" if len(x) > _MANY else "scatter", "mode": "markers", "x": _numbers(x), "y": _numbers(y), "marker": mark}
    if layer.key is None:
        content["hovertemplate"] = "%{x:.4g}, %{y:.4g}<extra></extra>"
    else:
        content["customdata"] = [str(one) for one in np.asarray(layer.key, dtype=object)[known].tolist()]
        content["hovertemplate"] = "ID %{customdata}<br>%{x:.4g}, %{y:.4g}<extra></extra>"
    canvas.trace(content, layer.label)


def _lines(canvas: _Canvas, layer: Lines) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    for own_x, own_y in runs(layer):
        # a gap parts the lines of one trace: hundreds of traces would be slow
        x += [*_numbers(own_x), None]
        y += [*_numbers(own_y), None]
    if not x:
        return
    pen = _pen(style_of(layer.style)) | ({"shape": "hv"} if layer.steps else {})
    canvas.trace({"type": "scatter", "mode": "lines", "x": x[:-1], "y": y[:-1], "line": pen, "hoverinfo": "skip"}, layer.label)


def _band(canvas: _Canvas, layer: Band) -> None:
    style = style_of(layer.style)
    x, low, high = (np.asarray(one, dtype=float) for one in (layer.x, layer.low, layer.high))
    known = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    x, low, high = x[known], low[known], high[known]
    if not len(x):
        return
    if layer.steps:
        x, low, high = np.repeat(x, 2)[1:], np.repeat(low, 2)[:-1], np.repeat(high, 2)[:-1]
    around = np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])
    content = {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": _rgba(style, style.fill), "hoverinfo": "skip"}
    canvas.trace(
        content | {"x": _numbers(around[0]), "y": _numbers(around[1]), "line": {"width": 0, "color": _rgba(style, 0)}}, layer.label
    )


def _bars(canvas: _Canvas, layer: Bars) -> None:
    style = style_of(layer.style)
    left, right = np.asarray(layer.left, dtype=float), np.asarray(layer.right, dtype=float)
    look = {"color": style.colour, "opacity": style.fill, "line": {"color": "#ffffff", "width": 1}}
    content = {
        "type": "bar",
        "x": _numbers(0.5 * (left + right)),
        "width": _numbers(right - left),
        "y": _numbers(layer.height),
        "marker": look,
    }
    canvas.trace(content | {"hovertemplate": "%{x:.4g}: %{y:.4g}<extra></extra>"}, layer.label)


def _whiskers(canvas: _Canvas, layer: Whiskers) -> None:
    along: list[float | None] = []
    place: list[float | None] = []
    for at, low, high in zip(_numbers(layer.place), _numbers(layer.low), _numbers(layer.high), strict=True):
        if None not in (at, low, high):
            along += [low, high, None]
            place += [at, at, None]
    if not along:
        return
    x, y = (place, along) if layer.vertical else (along, place)
    pen = _pen(style_of(layer.style))
    canvas.trace({"type": "scatter", "mode": "lines", "x": x[:-1], "y": y[:-1], "line": pen, "hoverinfo": "skip"}, layer.label)


def _boxes(canvas: _Canvas, layer: Boxes) -> None:
    style = style_of(layer.style)
    gap = min(np.diff(np.unique(np.asarray(layer.place, dtype=float))), default=1.0)
    label = layer.label
    for place, values in zip(_numbers(layer.place), layer.values, strict=True):
        own = np.asarray(values, dtype=float)
        own = own[np.isfinite(own)]
        if not len(own):
            continue
        look = {"fillcolor": _rgba(style, style.fill), "line": {"color": style.colour, "width": 1.2}, "boxpoints": False}
        canvas.trace({"type": "box", "x0": place, "y": _numbers(own), "width": 0.6 * gap, "hoverinfo": "y", **look}, label)
        label = ""


def _rule(canvas: _Canvas, layer: Rule) -> None:
    line = {"line": _pen(style_of(layer.style)), "type": "line", "layer": "above"}
    if layer.kind == "identity":
        low, high = max(canvas.across[0], canvas.up[0]), min(canvas.across[1], canvas.up[1])
        if low < high:
            ends = (_number(low), _number(high))
            canvas.shape(line | {"x0": ends[0], "y0": ends[0], "x1": ends[1], "y1": ends[1]})
    elif layer.kind == "vertical":
        canvas.shape(line | {"x0": _number(layer.at), "x1": _number(layer.at), "y0": 0, "y1": 1, "yref": f"{canvas.y} domain"})
    else:
        canvas.shape(line | {"y0": _number(layer.at), "y1": _number(layer.at), "x0": 0, "x1": 1, "xref": f"{canvas.x} domain"})
    if layer.label:
        canvas.trace({"type": "scatter", "mode": "lines", "x": [None], "y": [None], "line": line["line"], "hoverinfo": "skip"}, layer.label)


def _shade(canvas: _Canvas, layer: Shade) -> None:
    style = style_of(layer.style)
    limits = canvas.across if layer.vertical else canvas.up
    low, high = (_number(min(max(one, limits[0]), limits[1])) for one in (layer.low, layer.high))
    ends = {"x0": low, "x1": high, "y0": 0, "y1": 1, "yref": f"{canvas.y} domain"}
    if not layer.vertical:
        ends = {"y0": low, "y1": high, "x0": 0, "x1": 1, "xref": f"{canvas.x} domain"}
    canvas.shape({"type": "rect", "fillcolor": _rgba(style, style.fill), "line": {"width": 0}, **ends})
    if layer.label:
        mark = {"symbol": "square", "size": 11, "color": _rgba(style, style.fill)}
        canvas.trace({"type": "scatter", "mode": "markers", "x": [None], "y": [None], "marker": mark, "hoverinfo": "skip"}, layer.label)


def _ticks(canvas: _Canvas, layer: Ticks) -> None:
    style = style_of(layer.style)
    x = np.asarray(layer.x, dtype=float)
    low, high = canvas.up
    if canvas.panel.y_log:
        ratio = (high / low) ** _TICK
        ends = (high / ratio, high) if layer.upper else (low, low * ratio)
    else:
        ends = (high - _TICK * (high - low), high) if layer.upper else (low, low + _TICK * (high - low))
    known = _numbers(x[np.isfinite(x)])
    if not known:
        return
    across = [value for one in known for value in (one, one, None)][:-1]
    up = [value for _ in known for value in (_number(ends[0]), _number(ends[1]), None)][:-1]
    canvas.trace({"type": "scatter", "mode": "lines", "x": across, "y": up, "line": _pen(style), "hoverinfo": "skip"}, layer.label)


def _texts(canvas: _Canvas, layer: Texts) -> None:
    style = style_of(layer.style)
    look = {"showarrow": False, "font": {"size": style.size * 1.35, "color": style.colour}}
    for x, y, words in zip(layer.x, layer.y, layer.words, strict=True):
        if layer.inside:
            side = "left" if x >= 0.95 else "center"
            where = {"xref": f"{canvas.x} domain", "yref": f"{canvas.y} domain", "xanchor": side, "yanchor": "middle"}
            place = (x, y)
        else:
            where = {"xref": canvas.x, "yref": canvas.y, "xanchor": "left", "yanchor": "bottom"}
            # words stand at logarithms on a logarithmic axis
            place = (math.log10(x) if canvas.panel.x_log else x, math.log10(y) if canvas.panel.y_log else y)
        canvas.annotations.append({"text": _escaped(words), "x": _number(place[0]), "y": _number(place[1]), **where, **look})


_ADDED: dict[type[Layer], Callable[[_Canvas, Layer], None]] = {
    Points: _points,
    Lines: _lines,
    Band: _band,
    Bars: _bars,
    Whiskers: _whiskers,
    Boxes: _boxes,
    Rule: _rule,
    Shade: _shade,
    Ticks: _ticks,
    Texts: _texts,
}
