"""How layers look: the house style of the field, by name.

White ground, grey20 points, blue smooths, black observed and blue simulated percentiles, as xpose, vpc and ggPMX draw them.
"""

from dataclasses import dataclass, replace

from popmix.errors import OptionError


@dataclass(frozen=True)
class Style:
    """The look of a layer. `size`, `width`: of marks and lines in points; `fill`: opacity of areas; `marker`: "o", "x", "|", ..."""

    colour: str = "#333333"
    alpha: float = 1.0
    width: float = 1.2
    dash: str = "solid"
    marker: str = "o"
    size: float = 4.0
    fill: float = 0.2
    hollow: bool = False


_POINT, _LINE = Style(alpha=0.7, size=4.0), Style(width=1.4)

STYLES: dict[str, Style] = {
    "points": _POINT,
    "faint": replace(_POINT, colour="#808080", alpha=0.35, size=3.0),
    "censored": replace(_POINT, colour="#b2182b", hollow=True, alpha=0.9),
    "flagged": replace(_POINT, colour="#b2182b", size=5.5),
    "data": replace(_POINT, colour="#666666", size=4.5, alpha=0.9),
    "line": _LINE,
    "subject": replace(_LINE, colour="#808080", alpha=0.3, width=0.7),
    "smooth": replace(_LINE, colour="#00a5e0", width=2.0),
    "identity": replace(_LINE, colour="#1a1a1a", width=1.0),
    "rule": replace(_LINE, colour="#7a7a7a", width=1.0),
    "zero": replace(_LINE, colour="#1a1a1a", width=1.0),
    "dashed": replace(_LINE, colour="#7a7a7a", width=0.9, dash="dashed"),
    "band": Style(colour="#3388cc", fill=0.22, width=0.0),
    "band_median": Style(colour="#3388cc", fill=0.30, width=0.0),
    "band_outer": Style(colour="#3388cc", fill=0.15, width=0.0),
    "observed_median": replace(_LINE, colour="#000000", width=1.6),
    "observed_outer": replace(_LINE, colour="#000000", width=1.2, dash="dashed"),
    "simulated_median": replace(_LINE, colour="#1f6fa8", width=1.1, dash="dotted"),
    "limit": replace(_LINE, colour="#8b0000", width=1.1, dash="dashed"),
    "target": Style(colour="#2e8b57", fill=0.14, width=1.1, dash="dashed"),
    "ipred": replace(_LINE, colour="#12355b", width=1.6),
    "pred": replace(_LINE, colour="#6fa8dc", width=1.3, dash="dashed"),
    "dose": Style(colour="#c77700", width=1.2),
    "bars": Style(colour="#9fb6cd", fill=0.85, width=0.6),
    "density": replace(_LINE, colour="#12355b", width=1.6),
    "normal": replace(_LINE, colour="#b2182b", width=1.4, dash="dashed"),
    "whiskers": replace(_LINE, colour="#333333", width=1.3),
    "box": Style(colour="#5b7c99", fill=0.25, width=1.1),
    "shade": Style(colour="#7a7a7a", fill=0.14, width=0.0),
    "rug": Style(colour="#555555", alpha=0.6, width=0.7),
    "text": Style(colour="#333333", size=8.0),
    "estimate": Style(colour="#12355b", size=6.0, width=1.4),
    "truth": Style(colour="#b2182b", size=6.0, width=1.4, dash="dashed"),
    "first": Style(colour="#0072b2", size=4.0, width=1.6, alpha=0.85, fill=0.2),
    "second": Style(colour="#d55e00", size=4.0, width=1.6, alpha=0.85, fill=0.2),
    "samples": Style(colour="#d55e00", size=2.6, alpha=0.22),
    "third": Style(colour="#009e73", size=4.0, width=1.6, alpha=0.85, fill=0.2),
    "median": replace(_LINE, colour="#000000", width=2.0),
}


def style_of(name: str) -> Style:
    """Return a style by its name. Raises OptionError with the names that there are."""
    if name not in STYLES:
        raise OptionError(f"there is no style {name!r}; there are {', '.join(STYLES)}.")
    return STYLES[name]
