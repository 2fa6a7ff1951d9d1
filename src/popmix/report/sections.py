"""The sections of a report, from a fit and what is known of it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from markupsafe import Markup

from popmix.data import card
from popmix.data.findings import counted
from popmix.estimate import Certificate, Fit
from popmix.estimate.method import Method
from popmix.model import write
from popmix.plot import Picture
from popmix.report.blocks import Block, Code, Drawing, Formula, Rows, Section, Words
from popmix.report.maths import equations
from popmix.report.numbers import rows_of, shown
from popmix.table import Table
from popmix.uncertainty import Covariance

_TONES = {"sound": "good", "sound, with reservations": "caution", "not to be trusted": "alarm"}


def summary_section(fit: Fit, certificate: Certificate | None) -> Section:
    """Return what a reader wants to know first: whether it converged, the objective, sizes, warnings."""
    state = fit.convergence
    if state.evaluated_only:
        told = Words("Evaluated at given values: nothing was estimated.", "caution")
    elif state.converged:
        told = Words(f"Converged: {state.reason}", "good")
    else:
        told = Words(f"NOT CONVERGED: {state.reason} The estimates are those that the search had reached.", "alarm")
    verdict = [Words(f"Certificate: {certificate.verdict.word}.", _TONES[certificate.verdict.word])] if certificate is not None else []
    criteria = {"OFV": fit.ofv, "-2LL": fit.minus2ll, "AIC": fit.aic, "BIC": fit.bic}
    facts = [
        ("Model", fit.model.name),
        ("Data", Path(fit.data.source).name),
        ("Method", fit.method.name.upper()),
        ("Subjects", str(fit.n_subjects)),
        ("Observations", str(fit.n_observations)),
        ("Estimated parameters", str(fit.n_estimated)),
        *((name, f"{value:.3f}") for name, value in criteria.items()),
    ]
    few = [Words("There is one subject: variability between subjects can't be told from it.", "note")] if fit.n_subjects == 1 else []
    warnings = [Words(f"Warning: {message}", "caution") for message in fit.messages]
    return Section("summary", "Summary", [told, *verdict, *few, Rows(("", ""), facts, (False, False)), *warnings])


def model_section(fit: Fit) -> Section:
    """Return the equations and the source of the model."""
    about = [Words(fit.model.doc)] if fit.model.doc else []
    formula = Formula([[Markup(cell) for cell in row] for row in equations(fit.model.to_latex())])
    return Section("model", "Model", [*about, formula, Code(write(fit.model), "Source of the model")])


def data_section(fit: Fit, drawings: Sequence[Block]) -> Section:
    """Return the data card, with a word where an endpoint has nothing but censored values."""
    return Section("data", "Data", [Code(card(fit.data)), *drawings])


def estimates_section(fit: Fit, covariance: Covariance | None) -> Section:
    """Return the parameter table with what is known of its uncertainty."""
    table = fit.estimates(covariance)
    shrinkage = {f"{kind}_{name.removeprefix('kappa_')}": value for kind in ("iiv", "iov") for name, value in fit.shrinkage.items()}
    columns = {
        "parameter": table["name"],
        "estimate": table["value"],
        "unit": np.array([unit or "" for unit in table["unit"]], dtype=object),
        "SE": table["se"],
        "RSE %": table["rse"],
        "lower": table["lower"],
        "upper": table["upper"],
        "shrinkage %": np.array([shrinkage.get(str(name), np.nan) for name in table["name"]]),
        "start": fit.start.values,
        "": np.array(["fixed" if one else "" for one in table["fixed"]], dtype=object),
        "label": np.array([label or "" for label in table["label"]], dtype=object),
    }
    kept = {name: values for name, values in columns.items() if _says_something(values)}
    blocks: list[Block] = [rows_of(Table(kept), caption="Variability and residual error as standard deviations; 95 % Wald intervals.")]
    if covariance is None:
        blocks.append(Words("Standard errors were not asked for: popmix fit … --covariance sandwich.", "note"))
    elif not covariance.exists:
        blocks.append(Words(f"There are no standard errors ({covariance.kind}): {covariance.trouble}", "alarm"))
    else:
        blocks.append(
            Words(f"Standard errors: {covariance.kind}; condition number {covariance.condition_number:.3g}. {covariance.trouble}")
        )
    return Section("estimates", "Estimates", blocks)


def _says_something(values: np.ndarray) -> bool:
    return bool(np.any(np.isfinite(values))) if values.dtype.kind == "f" else any(bool(one) for one in values)


def certificate_section(certificate: Certificate | None) -> Section:
    """Return the evidence on how far the fit can be trusted."""
    if certificate is None:
        return Section("certificate", "Certificate", [Words("There is no certificate of this fit.", "note")])
    remarks = [Words(remark, "caution") for remark in certificate.verdict.remarks]
    return Section("certificate", "Certificate", [*remarks, Code(str(certificate))])


def picture_section(name: str, pictures: Sequence[Picture], notes: Sequence[str], drawings: dict[str, dict]) -> Section:
    """Return a section of pictures, which are added to `drawings` by their keys."""
    key = "".join(one if one.isalnum() else "-" for one in name.lower())
    return Section(key, name, [*(Words(note, "note") for note in notes), *drawn(key, pictures, drawings)])


def drawn(key: str, pictures: Sequence[Picture], drawings: dict[str, dict]) -> list[Drawing]:
    """Return drawings of pictures, which are added to `drawings` by their keys."""
    found = []
    for number, picture in enumerate(pictures, start=1):
        own = f"{key}-{number}"
        drawings[own] = picture.document()
        words = f"{picture.title}. {picture.subtitle}".strip()
        found.append(Drawing(own, picture.title, words, int(drawings[own]["layout"]["height"])))
    return found


def individuals_section(fit: Fit) -> Section:
    """Return the table of subjects."""
    table = fit.individuals_table
    caption = f"{counted(table.n_rows, 'subject')}; a click on a row shows the subject."
    return Section("individuals", "Subjects", [rows_of(table, caption=caption, by_subject=True)])


def provenance_section(fit: Fit, command: Sequence[str], notes: Sequence[str]) -> Section:
    """Return what is needed to repeat the fit."""
    data = fit.data
    facts = {
        "Data": data.source,
        "SHA-256 of the data": data.sha256,
        "Records read": str(data.n_read),
        "Records left out": ", ".join(f"{reason} ({count})" for reason, count in data.excluded) or "none",
        "Method": f"{fit.method.name.upper()} ({_options(fit.method)})",
        "Seed": shown(fit.seed) or "none needed",
        "Time": ", ".join(f"{phase} {seconds:.3g} s" for phase, seconds in fit.timing.items()),
        "Versions": ", ".join(f"{name} {version}" for name, version in fit.versions.items()),
    }
    told = shlex.join(command) if command else "This fit was made in Python, by popmix.fit(model, data, method)."
    blocks = [
        *(Words(note, "alarm") for note in notes),
        Rows(("", ""), list(facts.items()), (False, False)),
        Words("The command that repeats it:"),
    ]
    return Section("provenance", "Provenance", [*blocks, Code(told)])


def _options(method: Method) -> str:
    return ", ".join(f"{one.name}={getattr(method, one.name)}" for one in fields(method)) or "no options"


def subjects_of(fit: Fit, curves: Table, most: int = 2000) -> dict[str, dict]:
    """Return what the panel of a subject shows, by ID: parameters, observations and curves as plain lists.

    Curves are left out where there are more subjects than `most`.
    """
    individuals, observations = fit.individuals_table, fit.predictions_table
    names = [name for name in ("TIME", "DVID", "DV", "PRED", "IPRED", "CWRES", "CENSORED") if name in observations]
    found = {
        str(row["ID"]): {"facts": [[name, shown(value)] for name, value in row.items() if name not in ("ID", "STATUS")], "rows": []}
        for row in individuals.rows()
    }
    for row in observations.rows():
        found[str(row["ID"])]["rows"].append([shown(row[name], 5) for name in names])
    if individuals.n_rows <= most:
        _add_curves(found, curves)
    return {"columns": names, "subjects": found}


def _add_curves(found: Mapping[str, dict], curves: Table) -> None:
    """Add the curves of every subject and endpoint; rows of a subject stand together."""
    if curves.n_rows == 0:
        return
    names = ("TIME", "PRED", "IPRED")
    columns = {name: [float(f"{value:.5g}") if value == value else None for value in curves[name].tolist()] for name in names}
    ids, labels = curves["ID"].tolist(), [str(label) for label in curves["DVID"].tolist()]
    for k, (identity, label) in enumerate(zip(ids, labels, strict=True)):
        own = found[str(identity)].setdefault("curves", {}).setdefault(label, {name: [] for name in names})
        for name in names:
            own[name].append(columns[name][k])
