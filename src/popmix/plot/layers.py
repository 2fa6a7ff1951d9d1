"""The specification of a picture: panels of layers in data coordinates, drawn alike by matplotlib (print) and plotly (interactive).

A layer says what is shown and names a style (`popmix.plot.style`), never a colour. `popmix.plot.picture` has the picture that users get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Points:
    """Marks at (x, y). `key`: whom each belongs to (a subject), shown on hover and passed on by a click; `label`: for a legend."""

    x: np.ndarray
    y: np.ndarray
    style: str = "points"
    key: np.ndarray | None = None
    label: str = ""


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines through (x, y), one for each value of `group` (one line without it); `steps` holds each y until the next x."""

    x: np.ndarray
    y: np.ndarray
    style: str = "line"
    group: np.ndarray | None = None
    steps: bool = False
    label: str = ""


@dataclass(frozen=True, eq=False)
class Band:
    """An area between low and high over x; `steps` as for lines."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    style: str = "band"
    steps: bool = False
    label: str = ""


@dataclass(frozen=True, eq=False)
class Bars:
    """Upright bars from 0 to `height` between `left` and `right`."""

    left: np.ndarray
    right: np.ndarray
    height: np.ndarray
    style: str = "bars"
    label: str = ""


@dataclass(frozen=True, eq=False)
class Whiskers:
    """Intervals from low to high at given places of the other axis; `vertical` tells which axis they run along."""

    place: np.ndarray
    low: np.ndarray
    high: np.ndarray
    style: str = "whiskers"
    vertical: bool = False
    key: np.ndarray | None = None
    label: str = ""


@dataclass(frozen=True, eq=False)
class Boxes:
    """Box plots of values at given places: box from the first to the third quartile, whiskers to 1.5 box lengths (Tukey)."""

    place: np.ndarray
    values: Sequence[np.ndarray]
    style: str = "box"
    label: str = ""


@dataclass(frozen=True, eq=False)
class Rule:
    """A straight line over the whole panel: at a value across ("horizontal"), upright ("vertical"), or y = x ("identity")."""

    kind: str
    at: float = 0.0
    style: str = "rule"
    label: str = ""


@dataclass(frozen=True, eq=False)
class Shade:
    """A stripe over the whole panel between two values of x (`vertical`) or of y."""

    low: float
    high: float
    style: str = "shade"
    vertical: bool = False
    label: str = ""


@dataclass(frozen=True, eq=False)
class Ticks:
    """Short marks at x along the lower edge of a panel, or the upper one: doses, bins, single values."""

    x: np.ndarray
    style: str = "rug"
    upper: bool = False
    label: str = ""


@dataclass(frozen=True, eq=False)
class Texts:
    """Words at (x, y); with `inside` the coordinates are fractions of the panel."""

    x: np.ndarray
    y: np.ndarray
    words: Sequence[str]
    style: str = "text"
    inside: bool = False


Layer = Points | Lines | Band | Bars | Whiskers | Boxes | Rule | Shade | Ticks | Texts


@dataclass(frozen=True, eq=False)
class Panel:
    """Layers on one pair of axes, the first at the back.

    `x_log`, `y_log`: logarithmic axes (what is not positive is left out); `x_range`, `y_range`: limits, None for those of the data;
    `square`: the same limits on both axes; `x_names`, `y_names`: words at given places instead of numbers.
    """

    layers: Sequence[Layer]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    x_log: bool = False
    y_log: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    square: bool = False
    x_names: Mapping[float, str] | None = None
    y_names: Mapping[float, str] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Sheet:
    """Panels in rows of `columns`, with title, subtitle and caption; `panel_size`: width and height of a panel in inches."""

    name: str
    panels: Sequence[Panel]
    title: str = ""
    subtitle: str = ""
    caption: str = ""
    columns: int = 1
    panel_size: tuple[float, float] = (4.6, 3.4)
