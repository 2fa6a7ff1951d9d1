"""What both renderers ask of layers: what is finite, lines one by one, and the limits of a panel."""

from collections.abc import Iterator

import numpy as np

from popmix.plot.layers import Band, Bars, Boxes, Layer, Lines, Panel, Points, Rule, Shade, Texts, Ticks, Whiskers

_ROOM = 0.04  # around the data, as a share of their range


def finite_pairs(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of which both are finite."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]


def runs(layer: Lines) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield x and y of every line of a layer, without what is not finite."""
    if layer.group is None:
        x, y = finite_pairs(layer.x, layer.y)
        if len(x):
            yield x, y
        return
    for one in dict.fromkeys(np.asarray(layer.group).tolist()):
        own = np.asarray(layer.group) == one
        x, y = finite_pairs(np.asarray(layer.x)[own], np.asarray(layer.y)[own])
        if len(x):
            yield x, y


def extent(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Return all x and all y that a layer brings to its panel; rules, shades and words bring none."""
    nothing = np.zeros(0)
    if isinstance(layer, (Points, Lines)):
        return finite_pairs(layer.x, layer.y)
    if isinstance(layer, Band):
        x, low, high = (np.asarray(one, dtype=float) for one in (layer.x, layer.low, layer.high))
        known = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
        return x[known], np.concatenate([low[known], high[known]])
    if isinstance(layer, Bars):
        return np.concatenate([layer.left, layer.right]), np.append(np.asarray(layer.height, dtype=float), 0.0)
    if isinstance(layer, Whiskers):
        ends = np.concatenate([layer.low, layer.high]).astype(float)
        ends, place = ends[np.isfinite(ends)], np.asarray(layer.place, dtype=float)
        return (place, ends) if layer.vertical else (ends, place)
    if isinstance(layer, Boxes):
        values = np.concatenate([np.asarray(one, dtype=float) for one in layer.values]) if len(layer.values) else nothing
        place = np.asarray(layer.place, dtype=float)
        return np.concatenate([place - 0.5, place + 0.5]), values[np.isfinite(values)]
    if isinstance(layer, Ticks):
        x = np.asarray(layer.x, dtype=float)
        return x[np.isfinite(x)], nothing
    return nothing, nothing


def has_data(panel: Panel) -> bool:
    """Whether anything in a panel has a place; words inside count."""
    return any(len(extent(layer)[1]) or (isinstance(layer, Texts) and len(layer.words)) for layer in panel.layers)


def limits_of(panel: Panel) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Return the limits of both axes: those given, else those of the data with a little room, the same on both where it is square."""
    across, up = (_joined(panel, axis) for axis in (0, 1))
    across, up = (values[values > 0] if is_log else values for values, is_log in ((across, panel.x_log), (up, panel.y_log)))
    if panel.square and panel.x_range is None and panel.y_range is None:
        both = _with_room(np.concatenate([across, up]), panel.x_log)
        return both, both
    starts_at_zero = any(isinstance(layer, Bars) for layer in panel.layers)
    x = panel.x_range or _with_room(across, panel.x_log)
    return x, panel.y_range or _with_room(up, panel.y_log, floor=starts_at_zero)


def _joined(panel: Panel, axis: int) -> np.ndarray:
    parts = [extent(layer)[axis] for layer in panel.layers]
    rules = {0: "vertical", 1: "horizontal"}[axis]
    parts += [np.array([layer.at]) for layer in panel.layers if isinstance(layer, Rule) and layer.kind == rules]
    parts += [np.array([layer.low, layer.high]) for layer in panel.layers if isinstance(layer, Shade) and layer.vertical == (axis == 0)]
    values = np.concatenate([np.asarray(part, dtype=float) for part in parts]) if parts else np.zeros(0)
    return values[np.isfinite(values)]


def _with_room(values: np.ndarray, is_log: bool, floor: bool = False) -> tuple[float, float] | None:
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if is_log:
        ratio = (high / low) ** _ROOM if high > low else 2.0
        return low / ratio, high * ratio
    room = _ROOM * (high - low) if high > low else 0.5 * (abs(high) or 1.0)
    return (low if floor and low >= 0 else low - room), high + room
