"""A picture: a sheet of panels with the tables it was made of, drawn by matplotlib for print or by plotly for looking closer."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from popmix.errors import OptionError
from popmix.plot.interactive import plotly_document, plotly_figure
from popmix.plot.layers import Sheet
from popmix.plot.printed import printed
from popmix.table import Table

_PRINTED, _DPI = ("png", "pdf", "svg"), 150


@dataclass(frozen=True, eq=False, repr=False)
class Picture(Sheet):
    """A picture and, in `data`, the tables behind it by name."""

    data: Mapping[str, Table] = field(default_factory=dict)

    def titled(self, title: str, subtitle: str = "", caption: str = "") -> Picture:
        """Return the picture with another title, subtitle and caption."""
        return replace(self, title=title, subtitle=subtitle, caption=caption)

    def to_matplotlib(self) -> Any:
        """Return a matplotlib figure."""
        return printed(self)

    def to_plotly(self) -> Any:
        """Return a plotly figure. Raises PopmixError where plotly is not installed."""
        return plotly_figure(self)

    def document(self) -> dict[str, Any]:
        """Return the plotly figure as a dictionary that JSON can hold: `data` and `layout`."""
        return plotly_document(self)

    def save(self, path: str | Path) -> Path:
        """Write the picture and return its path; the suffix names the format (png, pdf, svg), html the interactive one in one file.

        Raises OptionError for another suffix.
        """
        target = Path(path)
        kind = target.suffix.lower().lstrip(".")
        if kind == "html":
            target.write_text(page(self), encoding="utf-8")
        elif kind in _PRINTED:
            self.to_matplotlib().savefig(target, dpi=_DPI)
        else:
            raise OptionError(f"{target.name}: a picture is written as {', '.join(_PRINTED)} or html, told by the suffix.")
        return target

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.to_matplotlib().savefig(stream, format="png", dpi=_DPI)
        return stream.getvalue()

    def __repr__(self) -> str:
        tables = ", ".join(f"{name} ({table.n_rows} rows)" for name, table in self.data.items())
        return f"Picture {self.name}: {self.title}; data: {tables or 'none'}; save(path) writes it"


def page(picture: Picture) -> str:
    """Return an HTML page with a picture that needs nothing from outside. Raises PopmixError where plotly is not installed."""
    figure = picture.to_plotly()
    return figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False})
