"""`report`: a fit, what is known of it, and its pictures on one page."""

import importlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from popmix.diagnose.curves import curves
from popmix.diagnose.gallery import Gallery
from popmix.errors import PopmixError
from popmix.estimate import Certificate, Fit
from popmix.report import sections as made
from popmix.report.blocks import Section
from popmix.uncertainty import Covariance

_HERE = Path(__file__).parent / "page"


def report(
    fit: Fit,
    path: str | Path,
    *,
    gallery: Gallery,
    covariance: Covariance | None = None,
    certificate: Certificate | None = None,
    command: Sequence[str] = (),
    notes: Sequence[str] = (),
    title: str | None = None,
) -> Path:
    """Write the report of a fit as one HTML file and return its path.

    gallery: the pictures, made by `popmix.gallery(fit)`; command: the words that repeat the fit; notes: what is to be said of where it
    comes from. The file holds all it needs (equations as MathML, pictures with plotly's script). Raises PopmixError when it can't be
    written.
    """
    target = Path(path)
    text = page(fit, gallery, covariance, certificate, command, notes, title or f"{fit.model.name}: {Path(fit.data.source).name}")
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PopmixError(f"the report {target} can't be written: {error.strerror or error}.") from error
    return target


def page(
    fit: Fit,
    gallery: Gallery,
    covariance: Covariance | None,
    certificate: Certificate | None,
    command: Sequence[str],
    notes: Sequence[str],
    title: str,
) -> str:
    """Return the HTML text of a report."""
    drawings: dict[str, dict] = {}
    pictures = [name for name in gallery if name != "Data"]
    parts: list[Section] = [
        made.summary_section(fit, certificate),
        made.estimates_section(fit, covariance),
        made.certificate_section(certificate),
        made.model_section(fit),
        made.data_section(fit, made.drawn("data", gallery.get("Data", []), drawings)),
        *(made.picture_section(name, gallery[name], gallery.notes.get(name, ()), drawings) for name in pictures),
        made.individuals_section(fit),
        made.provenance_section(fit, command, notes),
    ]
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_file("report.html")).render(
        title=title,
        subtitle=f"{fit.method.name.upper()}, OFV {fit.ofv:.3f}",
        sections=parts,
        ids=[str(one) for one in fit.individuals_table["ID"].tolist()],
        drawings={key: _json(value) for key, value in drawings.items()},
        subjects=_json(made.subjects_of(fit, curves(fit))),
        style=Markup(_file("report.css")),
        script=Markup(_file("report.js")),
        plotly=Markup(_plotly()),
        version=fit.versions.get("popmix", ""),
    )


def _json(value: object) -> Markup:
    """Return JSON that may stand in a script element: no tag can end it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """Return plotly's script. Raises PopmixError where plotly is not installed."""
    try:
        return importlib.import_module("plotly.offline").get_plotlyjs()
    except ImportError as error:
        raise PopmixError("a report needs plotly: `pip install plotly`.") from error
