"""Sheets drawn by matplotlib, for print."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from popmix.plot.layers import Band, Bars, Boxes, Layer, Lines, Panel, Points, Rule, Shade, Sheet, Texts, Ticks, Whiskers
from popmix.plot.parts_of_layers import finite_pairs, has_data, limits_of, runs
from popmix.plot.style import style_of

# inches: for the title, for each further line above or below, for a line of the legend, its mark and each letter, and the narrowest sheet
_HEAD, _LINE, _LEGEND, _MARK, _LETTER, _NARROWEST = 0.34, 0.2, 0.24, 0.5, 0.052, 4.6
_TICK = 0.035  # length of ticks as a share of the panel
_FEW_LABELS, _LONG_LABEL = 8, 9
# points of text and of titles, and inches of a letter of these
_FONT, _TITLE, _BOLD = 8, 11, 0.092


def printed(sheet: Sheet) -> Figure:
    """Return a matplotlib figure of a sheet."""
    columns = max(1, min(sheet.columns, len(sheet.panels) or 1))
    rows = max(1, math.ceil(len(sheet.panels) / columns))
    wide = max(sheet.panel_size[0] * columns, _NARROWEST)
    above = (_HEAD if sheet.title else 0.05) + (_LINE if sheet.subtitle else 0)
    below = _LINE if sheet.caption else 0.03
    beside, lines = _legend_shape(sheet, wide)
    foot = below + _LEGEND * lines
    high = sheet.panel_size[1] * rows + above + foot
    figure = Figure(figsize=(wide, high), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(rect=(0.005, foot / high, 0.99, 1 - (above + foot) / high))
    for place, panel in enumerate(sheet.panels):
        _draw(figure.add_subplot(rows, columns, place + 1), panel)
    _words(figure, sheet, high)
    _legend(figure, below / high, beside)
    return figure


def _legend_shape(sheet: Sheet, wide: float) -> tuple[int, int]:
    """Return how many entries of the legend stand beside each other, and in how many lines."""
    labels = list(dict.fromkeys(layer.label for panel in sheet.panels for layer in panel.layers if getattr(layer, "label", "")))
    if not labels:
        return 0, 0
    beside = max(1, min(len(labels), int(wide / (_MARK + _LETTER * max(map(len, labels))))))
    return beside, math.ceil(len(labels) / beside)


def _words(figure: Figure, sheet: Sheet, height: float) -> None:
    if sheet.title:
        size = min(_TITLE, _TITLE * figure.get_figwidth() / (_BOLD * len(sheet.title)))
        figure.text(0.01, 1 - 0.08 / height, sheet.title, ha="left", va="top", fontsize=size, fontweight="bold")
    if sheet.subtitle:
        figure.text(0.01, 1 - 0.3 / height, sheet.subtitle, ha="left", va="top", fontsize=8.5, color="#555555")
    if sheet.caption:
        figure.text(0.99, 0.03 / height, sheet.caption, ha="right", va="bottom", fontsize=7.5, color="#777777")


def _legend(figure: Figure, below: float, beside: int) -> None:
    handles: dict[str, object] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="lower center",
            bbox_to_anchor=(0.5, below),
            ncols=beside,
            frameon=False,
            fontsize=_FONT,
        )


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, fontsize=9, loc="center", color="#222222")
    axes.set_xlabel(panel.x_label, fontsize=8.5)
    axes.set_ylabel(panel.y_label, fontsize=8.5)
    axes.tick_params(labelsize=_FONT, colors="#333333")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#888888")
    if panel.x_log:
        axes.set_xscale("log", nonpositive="mask")
    if panel.y_log:
        axes.set_yscale("log", nonpositive="mask")
    if not has_data(panel):
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color="#777777", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.minorticks_off()
        return
    if all(isinstance(layer, Texts) and layer.inside for layer in panel.layers):
        axes.set_axis_off()
    for order, layer in enumerate(panel.layers):
        _DRAWN[type(layer)](axes, layer, 2 + order)
    _limit(axes, panel)
    _name(axes, panel)


def _limit(axes: Axes, panel: Panel) -> None:
    across, up = limits_of(panel)
    if across:
        axes.set_xlim(*across)
    if up:
        axes.set_ylim(*up)
    if panel.square:
        axes.set_box_aspect(1)
    for is_log, axis in ((panel.x_log, axes.xaxis), (panel.y_log, axes.yaxis)):
        if is_log:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            low, high = axis.get_view_interval()
            if high / low > 30:
                axis.set_minor_formatter(NullFormatter())
            else:
                axis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))
            axis.set_tick_params(which="minor", labelsize=_FONT)


def _name(axes: Axes, panel: Panel) -> None:
    if panel.x_names:
        words = list(panel.x_names.values())
        long = len(words) > _FEW_LABELS or max(map(len, words), default=0) > _LONG_LABEL
        axes.set_xticks(list(panel.x_names), words, rotation=35 if long else 0, ha="right" if long else "center")
        axes.minorticks_off()
    if panel.y_names:
        axes.set_yticks(list(panel.y_names), list(panel.y_names.values()))
        axes.minorticks_off()


def _line_look(style: object) -> dict[str, object]:
    return {"color": style.colour, "alpha": style.alpha, "lw": style.width, "ls": style.dash}


def _points(axes: Axes, layer: Points, order: int) -> None:
    style = style_of(layer.style)
    x, y = finite_pairs(layer.x, layer.y)
    face = "none" if style.hollow else style.colour
    edge = {"markeredgecolor": style.colour, "markeredgewidth": 1.0 if style.hollow else 0.0}
    axes.plot(x, y, style.marker, ms=style.size, mfc=face, alpha=style.alpha, ls="none", zorder=order, label=layer.label or None, **edge)


def _lines(axes: Axes, layer: Lines, order: int) -> None:
    label = layer.label or None
    for x, y in runs(layer):
        axes.plot(
            x, y, drawstyle="steps-post" if layer.steps else "default", zorder=order, label=label, **_line_look(style_of(layer.style))
        )
        label = None


def _band(axes: Axes, layer: Band, order: int) -> None:
    style = style_of(layer.style)
    area = {"color": style.colour, "alpha": style.fill, "lw": 0, "step": "post" if layer.steps else None}
    axes.fill_between(layer.x, layer.low, layer.high, zorder=order, label=layer.label or None, **area)


def _bars(axes: Axes, layer: Bars, order: int) -> None:
    style = style_of(layer.style)
    wide = np.asarray(layer.right) - np.asarray(layer.left)
    look = {"color": style.colour, "alpha": style.fill, "edgecolor": "white", "lw": style.width}
    axes.bar(layer.left, layer.height, wide, align="edge", zorder=order, label=layer.label or None, **look)


def _whiskers(axes: Axes, layer: Whiskers, order: int) -> None:
    style = style_of(layer.style)
    draw = axes.vlines if layer.vertical else axes.hlines
    look = {"colors": style.colour, "alpha": style.alpha, "lw": style.width, "ls": style.dash}
    draw(layer.place, layer.low, layer.high, zorder=order, label=layer.label or None, **look)


def _boxes(axes: Axes, layer: Boxes, order: int) -> None:
    style = style_of(layer.style)
    kept = [(place, values[np.isfinite(values)]) for place, values in zip(layer.place, layer.values, strict=True)]
    kept = [(place, values) for place, values in kept if len(values)]
    if not kept:
        return
    places, values = zip(*kept, strict=True)
    gap = min(np.diff(np.unique(np.asarray(layer.place, dtype=float))), default=1.0)
    found = axes.boxplot(
        values,
        positions=places,
        widths=0.6 * gap,
        patch_artist=True,
        showfliers=False,
        manage_ticks=False,
        zorder=order,
        medianprops={"color": style.colour, "lw": 1.8},
        **{name: {"color": style.colour, "lw": style.width} for name in ("whiskerprops", "capprops")},
    )
    for box in found["boxes"]:
        box.set(facecolor=style.colour, alpha=style.fill, edgecolor=style.colour)
    if layer.label:
        found["boxes"][0].set_label(layer.label)


def _rule(axes: Axes, layer: Rule, order: int) -> None:
    look = _line_look(style_of(layer.style)) | {"zorder": order, "label": layer.label or None}
    if layer.kind == "identity":
        axes.axline((0.5, 0.5), (1.0, 1.0), **look) if axes.get_xscale() == "log" else axes.axline((0, 0), slope=1, **look)
    elif layer.kind == "vertical":
        axes.axvline(layer.at, **look)
    else:
        axes.axhline(layer.at, **look)


def _shade(axes: Axes, layer: Shade, order: int) -> None:
    style = style_of(layer.style)
    draw = axes.axvspan if layer.vertical else axes.axhspan
    draw(layer.low, layer.high, color=style.colour, alpha=style.fill, lw=0, zorder=order, label=layer.label or None)


def _ticks(axes: Axes, layer: Ticks, order: int) -> None:
    style = style_of(layer.style)
    x = np.asarray(layer.x, dtype=float)
    low, high = (1 - _TICK, 1.0) if layer.upper else (0.0, _TICK)
    look = {"colors": style.colour, "alpha": style.alpha, "lw": style.width}
    axes.vlines(x[np.isfinite(x)], low, high, transform=axes.get_xaxis_transform(), zorder=order, label=layer.label or None, **look)


def _texts(axes: Axes, layer: Texts, order: int) -> None:
    style = style_of(layer.style)
    where = axes.transAxes if layer.inside else axes.transData
    for x, y, words in zip(layer.x, layer.y, layer.words, strict=True):
        side = "left" if layer.inside and x >= 0.95 else "center" if layer.inside else "left"
        axes.annotate(
            words,
            (x, y),
            xycoords=where,
            xytext=(0, 0) if layer.inside else (3, 3),
            textcoords="offset points",
            ha=side,
            va="center" if layer.inside else "bottom",
            fontsize=style.size,
            color=style.colour,
            zorder=order + 10,
            annotation_clip=False,
        )


_DRAWN: dict[type[Layer], Callable[[Axes, Layer, int], None]] = {
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
