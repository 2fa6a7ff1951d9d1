"""A model in words: parameter table and structure, as text and as HTML."""

import html
import math
from collections.abc import Iterable, Iterator, Mapping

from popmix.model import declarations as made
from popmix.model.blueprint import BLUEPRINTS
from popmix.model.declarations import Declaration, StartValue
from popmix.model.expression import Expression
from popmix.model.results import result_names, slot_prior, slot_value
from popmix.model.writing import formula, number_text, statement

Row = tuple[str, ...]
_RESIDUAL = ("additive", "proportional", "power", "log_additive", "box_cox", "sd")


def as_text(model: object) -> str:
    """Return the model as text: a line of title, the parameter table, then the structure in words."""
    parts = [_title(model)]
    for heading, header, rows in tables(model.declarations):
        if rows:
            parts.append("\n".join([heading, *(f"  {line}" for line in _aligned([header, *rows]))]))
    parts += [f"{heading}\n" + "\n".join(f"  {line}" for line in lines) for heading, lines in sections(model.declarations) if lines]
    return "\n\n".join(parts)


def as_html(model: object) -> str:
    """Return the model as HTML for a notebook."""
    parts = [f"<h4>{html.escape(_title(model))}</h4>"]
    for heading, header, rows in tables(model.declarations):
        if rows:
            parts.append(f"<p><b>{html.escape(heading)}</b></p>{_html_table(header, rows)}")
    for heading, lines in sections(model.declarations):
        if lines:
            parts.append(f"<p><b>{html.escape(heading)}</b></p><pre>{html.escape(chr(10).join(lines))}</pre>")
    return "<div>" + "".join(parts) + "</div>"


def tables(declarations: Mapping[str, Declaration]) -> Iterator[tuple[str, Row, list[Row]]]:
    """Yield (heading, header, rows) of the tables of a model."""
    thetas = [_theta_row(name, each) for name, each in declarations.items() if isinstance(each, made.Theta)]
    yield "Fixed effects", ("name", "start", "bounds", "unit", "label", ""), thetas
    parameters = [_parameter_row(name, each) for name, each in declarations.items() if isinstance(each, made.IndividualParameter)]
    yield "Individual parameters", ("name", "distribution", "typical value", "iiv (SD)", "CV", "iov (SD)"), parameters
    others = [row for name, each in declarations.items() for row in _effect_rows(name, each, declarations)]
    yield "Other variability", ("name", "start", "meaning", ""), others
    several = {name: each for name, each in declarations.items() if isinstance(each, made.JointNormal)}
    joint = [(name, ", ".join(each.members), _numbers(each.mean)) for name, each in several.items()]
    yield "Joint normal priors", ("name", "of", "mean"), joint


def sections(declarations: Mapping[str, Declaration]) -> Iterator[tuple[str, list[str]]]:
    """Yield (heading, lines) of the structure of a model in words."""
    covariates = [_covariate(name, each) for name, each in declarations.items()]
    yield "Data columns", [line for line in covariates if line]
    yield "Expressions", [statement(name, each) for name, each in declarations.items() if isinstance(each, made.Named)]
    yield "Dynamics", [line for name, each in declarations.items() for line in _dynamics(name, each)]
    yield "Observations", [_observation(name, each) for name, each in declarations.items() if isinstance(each, made.Observation)]


def _title(model: object) -> str:
    first = model.doc.split("\n")[0]
    return f"{model.name}: {first}" if first else model.name


def _theta_row(name: str, theta: made.Theta) -> Row:
    low = "-inf" if theta.lower is None else _short(theta.lower)
    high = "inf" if theta.upper is None else _short(theta.upper)
    bounds = "" if theta.lower is None and theta.upper is None else f"({low}, {high})"
    marks = ["fixed"] if theta.fixed else []
    marks += [f"prior {_prior(theta.prior)}"] if theta.prior else []
    return name, _short(theta.start), bounds, theta.unit or "", theta.label or "", ", ".join(marks)


def _parameter_row(name: str, each: made.IndividualParameter) -> Row:
    family = each.family
    if each.lower is not None and each.upper is not None:
        family += f"({_short(each.lower)}, {_short(each.upper)})"
    for keyword in ("shape", "df"):
        if getattr(each, keyword) is not None:
            family += f", {keyword} {formula(getattr(each, keyword))}"
    return name, family, formula(each.typical), _sd(each.iiv), _cv(each), _sd(each.iov)


def _cv(each: made.IndividualParameter) -> str:
    """Return the coefficient of variation of a log-normal parameter, sqrt(exp(iiv^2) - 1), in percent."""
    if each.family != "LogNormal" or each.iiv is None:
        return ""
    return f"{100 * math.sqrt(math.expm1(min(each.iiv.value**2, 700))):.3g}%"


def _effect_rows(name: str, each: Declaration, declarations: Mapping[str, Declaration]) -> Iterator[Row]:
    if not isinstance(each, (made.Eta, made.Block, made.Observation)):
        return
    effect = "SD of a random effect"
    meanings = {"iiv": effect, "iov": effect, "corr": "correlation", "exponent": "exponent of the prediction"}
    meanings |= {"autocorrelation": "correlation of residuals a unit of time apart"}
    for result, slot in result_names(declarations).items():
        if slot.declaration == name:
            value, fixed = slot_value(declarations, slot)
            kind = result.split("_")[0]
            meaning = meanings.get(kind, "residual SD")
            if kind in ("iiv", "iov") and each.level:
                meaning += f" over {each.level}"
            prior = slot_prior(declarations, slot)
            marks = [*(["fixed"] if fixed else []), *([f"prior {_prior(prior)}"] if prior else [])]
            yield result, _short(value), meaning, ", ".join(marks)


def _covariate(name: str, each: Declaration) -> str:
    if isinstance(each, made.Covariate):
        notes = [each.label, f"in {each.unit}" if each.unit else None]
        notes += [f"one of {_values(each.categories)}" if each.categories else None]
        notes += [f"interpolation {each.interpolation}" if each.interpolation else None]
        shown = ", ".join(note for note in notes if note)
        return f"{name}: {shown}" if shown else name
    if isinstance(each, (made.Occasion, made.Level)):
        return ", ".join([f"{name}: {each.word.lower()}", *_how(each)])
    return ""


def _how(each: made.Occasion | made.Level) -> list[str]:
    """Say how groups are told apart."""
    told = [f"column {each.column}"] if each.column else []
    if isinstance(each, made.Occasion):
        told += ["a new one with every dose"] if each.dose else []
        told += [f"new ones at {', '.join(map(_short, each.breaks))}"] if each.breaks else []
    return told


def _values(categories: Iterable[str | float]) -> str:
    return ", ".join(each if isinstance(each, str) else _short(each) for each in categories)


def _dynamics(name: str, each: Declaration) -> list[str]:
    if isinstance(each, made.Structure):
        absorbed = " with first-order absorption" if "ka" in each.arguments else ""
        return [f"{name}: {BLUEPRINTS[each.kind].title}{absorbed}, {_listed(each.arguments)}"]
    if isinstance(each, made.State):
        start = f", starting at {formula(each.init)}" if each.init is not None else ""
        right = formula(each.derivative) if each.derivative is not None else "?"
        return [f"d{name}/dt = {right}{start}"]
    if isinstance(each, made.Dose):
        given = {part: getattr(each, part) for part in ("f", "lag", "duration", "rate", "profile") if getattr(each, part) is not None}
        owner, part = each.target
        into = f"{owner}.{part}" if part else owner
        return [f"{name}: doses into {into}" + (f", {_listed(given)}" if given else "")]
    if isinstance(each, made.Mixture):
        return [f"{name}: one of {len(each.shares)} groups with shares {', '.join(formula(share) for share in each.shares)}"]
    return []


def _observation(name: str, each: made.Observation) -> str:
    if isinstance(each.prediction, made.Distribution):
        what = statement("", made.Observation(each.prediction)).removeprefix(" = Observation(").removesuffix(")")
        text = f"{name} ~ {what}"
    else:
        text = f"{name} around {formula(each.prediction)}, error: {_error(each)}"
    labels = [f'dvid "{each.dvid}"'] if each.dvid else []
    labels += [f"beyond a limit {each.censoring}"] if each.censoring else []
    labels += [f"{side} {formula(getattr(each, side))}" for side in ("lloq", "uloq") if getattr(each, side) is not None]
    return ", ".join([text, *labels])


def _error(each: made.Observation) -> str:
    words = []
    for part in _RESIDUAL:
        value = getattr(each, part)
        if isinstance(value, StartValue):
            words.append(f"{part} {_sd(value)}")
        elif isinstance(value, tuple):
            words.append(f"power {_sd(value[0])} * f ** {_sd(value[1])}")
        elif value is not None:
            words.append(f"{part} = {formula(value)}")
    words += ["added as SDs"] if each.combined == "sd" else []
    words += [f"autocorrelation {_sd(each.autocorrelation)}"] if each.autocorrelation is not None else []
    words += [f"Student's t with {formula(each.student)} degrees of freedom"] if each.student is not None else []
    return ", ".join(words)


def _listed(arguments: Mapping[str, Expression]) -> str:
    return ", ".join(f"{name} = {formula(each)}" for name, each in arguments.items())


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(_short(value) for value in values)


def _prior(prior: made.Prior) -> str:
    shown = ("matrix" if isinstance(value, tuple) else _short(value) for value in prior.arguments.values())
    return f"{prior.kind}({', '.join(shown)})"


def _sd(value: StartValue | None) -> str:
    if value is None:
        return ""
    shown = f"{_short(value.value)} fixed" if value.fixed else _short(value.value)
    return f"{shown}, prior {_prior(value.prior)}" if value.prior else shown


def _short(value: float) -> str:
    text = f"{value:.5g}"
    return number_text(value) if float(text) == value else text


def _aligned(rows: Iterable[Row]) -> list[str]:
    rows = list(rows)
    used = [k for k in range(len(rows[0])) if any(row[k] for row in rows[1:])]
    widths = [max(len(row[k]) for row in rows) for k in used]
    return ["  ".join(row[k].ljust(width) for k, width in zip(used, widths, strict=True)).rstrip() for row in rows]


def _html_table(header: Row, rows: list[Row]) -> str:
    used = [k for k in range(len(header)) if any(row[k] for row in rows)]
    head = "".join(f"<th>{html.escape(header[k])}</th>" for k in used)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(row[k])}</td>" for k in used) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
