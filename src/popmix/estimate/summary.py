"""A fit in words: the text of `print(fit)` and its HTML, made from the same sections."""

import html
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from popmix.data.findings import counted
from popmix.estimate.extremes import is_near_one, is_near_zero
from popmix.likelihood.priors import Priors

if TYPE_CHECKING:
    from popmix.estimate.result import Fit

_MOST_LINES = 40
_MOST_MESSAGES = 6
_MOST_WIDTH = 132
_AT_BOUND = 1e-5  # relative distance to a bound below which an estimate is said to lie on it


@dataclass(frozen=True)
class Section:
    """A part of the parameter table: a title over the names, column titles, and rows of cells; "" where nothing is known."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def as_text(fit: "Fit", covariance: Any = None) -> str:
    """Return at most 40 lines: what was fitted, objective, convergence, parameters, warnings and time.

    Variability is shown as SD, variance and, for log-normal parameters, CV% = 100 sqrt(exp(sd²) - 1).
    """
    head, tail = [*heading(fit), *_about(covariance)], closing(fit)
    room = _MOST_LINES - len(head) - len(tail) - 2
    return "\n".join(line.rstrip() for line in [*head, "", *_fitted_in(sections(fit, covariance), room), "", *tail])


def as_html(fit: "Fit") -> str:
    """Return the same content as an HTML fragment with one table per section, all rows shown."""
    parts = [f"<p><b>{html.escape(heading(fit)[0])}</b></p>", *(f"<p>{html.escape(line)}</p>" for line in heading(fit)[1:])]
    parts += [_html_table(section) for section in sections(fit)]
    parts += [f"<p>{html.escape(line)}</p>" for line in closing(fit)]
    return "\n".join(["<div>", *parts, "</div>"])


def heading(fit: "Fit") -> list[str]:
    """Return the lines above the table: model, data, method, sizes; objective and criteria; convergence in words."""
    sizes = f"{counted(fit.n_subjects, 'subject')}, {counted(fit.n_observations, 'observation')}"
    if not np.all(fit.weights == 1):
        sizes += f" (weighted: {np.sum(fit.weights):g} subjects)"
    criteria = {"OFV": fit.ofv, "-2LL": fit.minus2ll, "AIC": fit.aic, "BIC": fit.bic}
    state = fit.convergence
    word = "Evaluated" if state.evaluated_only else "Converged" if state.converged else "NOT CONVERGED"
    return [
        f"{fit.model.name} on {Path(fit.data.source).name}: {fit.method.name.upper()}, {sizes}",
        "   ".join(f"{name} {_fixed(value, 3)}" + (_prior(fit) if name == "OFV" else "") for name, value in criteria.items()),
        *_wrapped(f"{word}: {state.reason}" if state.reason else word)[:_MOST_MESSAGES],
        *_wrapped(f"Equations: {fit.solution.sentence}" if fit.solution.sentence else ""),
    ]


def _prior(fit: "Fit") -> str:
    """Say what the priors add to the OFV, or that they were left out."""
    declared = Priors.of(fit.model, fit.parameters)
    if not declared:
        return ""
    return f" (prior {_fixed(fit.prior, 3)})" if getattr(fit.method, "prior", False) else " (priors left out)"


def closing(fit: "Fit") -> list[str]:
    """Return the lines below the table: warnings (the first six) and timing."""
    messages = [line for message in fit.messages[:_MOST_MESSAGES] for line in _wrapped(f"Warning: {message}")]
    messages = messages[: 2 * _MOST_MESSAGES]
    if len(fit.messages) > _MOST_MESSAGES:
        messages.append(f"... {len(fit.messages) - _MOST_MESSAGES} more warnings: see fit.messages")
    messages += _wrapped(_trust(fit))
    times = ", ".join(f"{phase} {seconds:.3g} s" for phase, seconds in fit.timing.items())
    return [*messages, f"Time: {times}"] if times else messages


def _about(covariance: Any) -> list[str]:
    """Return a line about the covariance of the estimates, or about why there is none."""
    if covariance is None:
        return []
    if not covariance.exists:
        return _wrapped(f"No standard errors ({covariance.kind}): {covariance.trouble}")
    return _wrapped(
        f"Standard errors: {covariance.kind}; condition number {covariance.condition_number:.3g}. {covariance.trouble}".rstrip()
    )


def _trust(fit: "Fit") -> str:
    """Return what is known at once of how far a fit can be trusted, and where the rest of the evidence is."""
    if fit.convergence.evaluated_only or not fit.parameters.n_estimated:
        return ""
    known = [f"scaled gradient {fit.convergence.gradient_norm:.1g}"] if math.isfinite(fit.convergence.gradient_norm) else []
    shrunken = {name: value for name, value in fit.shrinkage.items() if math.isfinite(value)}
    if shrunken:
        most = max(shrunken, key=shrunken.get)
        known.append(f"shrinkage up to {shrunken[most]:.0f} % ({most})")
    edge = [name for name in fit.parameters.names if _mark(fit, name) not in ("", "fixed")]
    known.append(f"at the edge {', '.join(edge)}" if edge else "nothing at an edge")
    return f"Trust: {', '.join(known)}; more: fit.certificate()"


def sections(fit: "Fit", covariance: Any = None) -> list[Section]:
    """Return the parameter table: fixed effects, between-subject variability, correlations and residual error, if any."""
    known = {str(row["name"]): row for row in fit.estimates(covariance).rows()}
    makers = (_thetas, _variability, _occasions, _correlations, _residuals)
    made = [maker(fit, known) for maker in makers]
    return [_without_empty_columns(section) for section in made if section.rows]


def _thetas(fit: "Fit", known: dict[str, dict[str, Any]]) -> Section:
    own = fit.parameters
    rows = []
    for name in own.of_kind("theta"):
        index = own.index(name)
        unit, label = own.units[index] or "", own.labels[index] or ""
        rows.append((name, _short(own[name]), unit, *_errors(known[name]), label, _mark(fit, name)))
    return Section("Fixed effects", ("estimate", "unit", "SE", "RSE%", "label", ""), tuple(rows))


def _variability(fit: "Fit", known: dict[str, dict[str, Any]]) -> Section:
    return _spreads(fit, known, "Between subjects", "iiv", "")


def _occasions(fit: "Fit", known: dict[str, dict[str, Any]]) -> Section:
    return _spreads(fit, known, "Between occasions", "iov", "kappa_")


def _spreads(fit: "Fit", known: dict[str, dict[str, Any]], title: str, kind: str, prefix: str) -> Section:
    rows = []
    for name in fit.parameters.of_kind(kind):
        sd, member = fit.parameters[name], name.removeprefix(f"{kind}_")
        shrinkage = fit.shrinkage.get(f"{prefix}{member}", math.nan)
        cells = (_short(sd), _short(sd**2), _cv(fit, member, sd), _percent(shrinkage))
        rows.append((name, *cells, *_errors(known[name]), _mark(fit, name)))
    return Section(title, ("SD", "variance", "CV%", "shrinkage%", "SE", "RSE%", ""), tuple(rows))


def _correlations(fit: "Fit", known: dict[str, dict[str, Any]]) -> Section:
    names = fit.parameters.of_kind("corr")
    rows = tuple((name, _short(fit.parameters[name]), *_errors(known[name]), _mark(fit, name)) for name in names)
    return Section("Correlations", ("estimate", "SE", "RSE%", ""), rows)


def _residuals(fit: "Fit", known: dict[str, dict[str, Any]]) -> Section:
    rows = []
    for name in fit.parameters.of_kind("sigma"):
        sd = fit.parameters[name]
        variance = "" if name.startswith(("exponent_", "autocorrelation_")) else _short(sd**2)
        rows.append((name, _short(sd), variance, *_errors(known[name]), _mark(fit, name)))
    return Section("Residual error", ("SD", "variance", "SE", "RSE%", ""), tuple(rows))


def _errors(row: dict[str, Any]) -> tuple[str, str]:
    return _short(row["se"]), _percent(row["rse"])


def _cv(fit: "Fit", effect: str, sd: float) -> str:
    declared = fit.model.parameters.get(effect)
    if declared is None or declared.family != "LogNormal":
        return ""
    return _percent(100 * math.sqrt(math.expm1(sd**2))) if sd < 10 else ">1e20"


def _mark(fit: "Fit", name: str) -> str:
    own = fit.parameters
    index = own.index(name)
    if own.fixed[index]:
        return "fixed"
    if own.kinds[index] != "theta":
        return "near ±1" if is_near_one(own, index) else "near zero" if is_near_zero(own, fit.start, index) else ""
    value = own[name]
    for bound, word in ((own.lower[index], "at its lower bound"), (own.upper[index], "at its upper bound")):
        if np.isfinite(bound) and abs(value - bound) <= _AT_BOUND * max(abs(bound), abs(float(fit.start.values[index]))):
            return word
    return ""


def _without_empty_columns(section: Section) -> Section:
    kept = [0] + [1 + column for column in range(len(section.columns)) if any(row[1 + column] for row in section.rows)]
    columns = tuple(section.columns[index - 1] for index in kept[1:])
    return Section(section.title, columns, tuple(tuple(row[index] for index in kept) for row in section.rows))


def _fitted_in(parts: Sequence[Section], room: int) -> list[str]:
    """Return the sections as aligned lines; rows that find no room are counted in a note."""
    needed = sum(1 + len(part.rows) for part in parts)
    room_for_rows = room - len(parts) - (1 if needed > room else 0)
    lines, cut = [], 0
    width = max((len(text) for part in parts for text in (part.title, *(row[0] for row in part.rows))), default=0)
    for part in parts:
        shown = part.rows[: max(0, room_for_rows)]
        cut += len(part.rows) - len(shown)
        room_for_rows -= len(shown)
        if shown:
            lines += _aligned(Section(part.title, part.columns, shown), width)
    if cut:
        lines.append(f"... {counted(cut, 'more parameter')}: see fit.estimates()")
    return lines


def _aligned(section: Section, first: int) -> list[str]:
    table = [(section.title, *section.columns), *section.rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(section.columns) + 1)]
    words = {index for index, title in enumerate(section.columns, start=1) if title in ("unit", "label", "")}
    lines = []
    for row in table:
        cells = [row[0].ljust(first)]
        cells += [row[k].ljust(widths[k]) if k in words else row[k].rjust(widths[k]) for k in range(1, len(row))]
        lines.append("  ".join(cells)[:_MOST_WIDTH])
    return lines


def _html_table(section: Section) -> str:
    titles = "".join(f"<th>{html.escape(title)}</th>" for title in (section.title, *section.columns))
    rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in section.rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _wrapped(text: str) -> list[str]:
    lines = []
    for paragraph in text.splitlines():
        lines += textwrap.wrap(paragraph, _MOST_WIDTH, subsequent_indent="  ") or [""]
    return lines


def _short(value: float) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:#.4g}".rstrip(".")


def _percent(value: float) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.1f}"


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "not finite"
