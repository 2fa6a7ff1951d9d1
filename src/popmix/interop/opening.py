"""Reading a run folder back: the fit as it was, with its tables made again from model, data and estimates, without estimation."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from popmix.errors import PopmixError, SupportError
from popmix.estimate import AGQ, FO, FOCE, IMP, IMPMAP, SAEM, Fit, Laplace, evaluate
from popmix.estimate.convergence import Convergence
from popmix.estimate.method import Method
from popmix.estimate.progress import Progress
from popmix.interop.run_folder import FORMAT
from popmix.likelihood import Solver
from popmix.model import load
from popmix.model.parameters import Parameters, parameters_of
from popmix.table import Table
from popmix.uncertainty import Covariance

_METHODS = {"fo": FO, "focei": FOCE, "foce": FOCE, "laplace": Laplace, "agq": AGQ, "saem": SAEM, "imp": IMP, "impmap": IMPMAP}
# an OFV that differs by more was not made by the same numbers; estimates are kept with all their digits
_SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Run:
    """A run folder read back.

    `fit`: what was fitted, with the convergence, warnings, times, seed and start values of the record; `covariance`: of its estimates, None
    where there was none; `command`: the words that made it; `document`: `fit.json`; `notes`: what does not agree with the record, in words.
    """

    folder: Path
    document: Mapping[str, Any]
    fit: Fit
    covariance: Covariance | None
    command: tuple[str, ...]
    notes: tuple[str, ...]


def open_run(folder: str | Path, data: str | Path | None = None, *, threads: int | None = None, progress: Progress | None = None) -> Run:
    """Return the run of a folder that `popmix fit --out` or `popmix.save` made.

    data: the data file, where it is no longer found beside the folder, in the working folder or where the command had it. Raises
    PopmixError for a folder that is no run or data that are not found, or not those of the run (by SHA-256), and SupportError for a
    posterior.
    """
    place = Path(folder)
    document = _document(place)
    model, command = load(place / "model.py"), tuple(document.get("command") or ())
    source = _data(place, document["data"], command, data)
    values = {name: one["value"] for name, one in document["estimates"].items()}
    weights = document.get("weights")
    found = evaluate(
        model,
        source,
        _method(document),
        at=values,
        weights=None if weights is None else np.array(weights, dtype=float),
        columns=_columns(command),
        threads=threads,
        progress=progress,
        solver=Solver(**document["solution"]["solver"]),
    )
    fit = _as_recorded(found, document, place)
    away = abs(found.ofv - document["ofv"]) if document["ofv"] is not None else 0.0
    notes = [f"The OFV computed again, {found.ofv:.4f}, is not the recorded {document['ofv']:.4f}."] if not away <= _SAME else []
    return Run(place, document, fit, _covariance(document, fit.parameters), command, tuple(notes))


def is_run(folder: str | Path) -> bool:
    """Whether a path is a run folder: whether it holds fit.json, or posterior.json."""
    return any((Path(folder) / name).is_file() for name in ("fit.json", "posterior.json"))


def _document(place: Path) -> dict[str, Any]:
    if (place / "posterior.json").is_file():
        raise SupportError(f"{place} holds a posterior (NUTS), which has no single fit to look at: fit by another method, or use ArviZ.")
    try:
        document = json.loads((place / "fit.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise PopmixError(f"{place} is no run folder: fit.json can't be read ({error.strerror}). Make one by popmix fit --out.") from error
    except ValueError as error:
        raise PopmixError(f"{place / 'fit.json'} is no JSON file: {error}.") from error
    if document.get("format") != FORMAT:
        raise PopmixError(f"{place / 'fit.json'} has the format {document.get('format')!r}; this popmix reads {FORMAT!r}.")
    return document


def _data(place: Path, told: Mapping[str, Any], command: Sequence[str], given: str | Path | None) -> Path:
    """Return the data file of a run, by its content."""
    name = told["source"]
    places = [Path(given)] if given is not None else _candidates(place, name, command)
    present = [path for path in places if path.is_file()]
    for path in present:
        if hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]:
            return path
    if given is not None and not present:
        raise PopmixError(f"there is no data file {given}.")
    help = "Give the file: popmix report RUN --data FILE, or open_run(folder, data=...)."
    if present:
        raise PopmixError(f"{present[0]} is not the data of this run: its content is another (SHA-256). {help}")
    raise PopmixError(f"the data of this run, {name}, are not found beside {place} nor in the working folder. {help}")


def _candidates(place: Path, name: str, command: Sequence[str]) -> list[Path]:
    words = [Path(word) for word in command if Path(word).name == name]
    return [*words, *(place.parent / word for word in words if not word.is_absolute()), Path(name), place / name, place.parent / name]


def _columns(command: Sequence[str]) -> dict[str, str] | None:
    pairs = [command[k + 1] for k, word in enumerate(command[:-1]) if word == "--column"]
    pairs += [word.split("=", 1)[1] for word in command if word.startswith("--column=")]
    return dict(pair.split("=", 1) for pair in pairs) or None


def _method(document: Mapping[str, Any]) -> Method:
    """Return the method of a run with its options; one inside another (of SAEM's objective) is told by its own text."""
    name = document["method"]
    if name not in _METHODS:
        raise PopmixError(f"the run was made by {name!r}, which this popmix does not know.")
    kind = _METHODS[name]
    known = {one.name for one in fields(kind) if one.init}
    options = {key: value for key, value in document["options"].items() if key in known}
    if isinstance(options.get("objective"), str):
        options["objective"] = _objective(options["objective"])
    method = kind(**options)
    return method if document["seed"] is None else method.seeded(document["seed"])


def _objective(text: str) -> Method:
    """Return the method that a text such as AGQ(order=3) tells."""
    name, _, inside = text.rstrip(")").partition("(")
    kind = next((one for one in _METHODS.values() if one.__name__ == name), None)
    if kind is None:
        raise PopmixError(f"objective={text!r} tells no method of this popmix.")
    pairs = (part.split("=", 1) for part in inside.split(", ") if "=" in part)
    return kind(
        **{key: json.loads(value.replace("True", "true").replace("False", "false").replace("None", "null")) for key, value in pairs}
    )


def _as_recorded(found: Fit, document: Mapping[str, Any], place: Path) -> Fit:
    told = document["convergence"]
    norm = document["gradient_norm"]
    convergence = Convergence(
        converged=document["converged"],
        reason=told["reason"],
        gradient_norm=float("nan") if norm is None else norm,
        iterations=told["iterations"],
        evaluations=told["evaluations"],
        evaluated_only=document["converged"] is None,
    )
    fixed = np.array([one["fixed"] for one in document["estimates"].values()], dtype=bool)
    return replace(
        found,
        parameters=found.parameters.with_fixed(fixed),
        start=_start(found, document),
        convergence=convergence,
        timing=dict(document["timing"]),
        seed=document["seed"],
        versions=dict(document["versions"]),
        messages=tuple(document["messages"]),
        trace=_trace(place, found),
    )


def _start(found: Fit, document: Mapping[str, Any]) -> Parameters:
    start = parameters_of(found.model)
    return start.unchecked(np.array([document["start"].get(name, np.nan) for name in start.names], dtype=float))


def _trace(place: Path, found: Fit) -> Table:
    """Return the iterations of a run, none where the folder has no record of them."""
    path = place / "trace.csv"
    if not path.is_file():
        return found.trace
    head, *rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    columns = {}
    for name, cells in zip(head, zip(*rows, strict=True), strict=True) if rows else ():
        try:
            columns[name] = np.array([float(cell) if cell else np.nan for cell in cells])
        except ValueError:
            columns[name] = np.array(cells, dtype=object)
    return Table(columns) if columns else found.trace


def _covariance(document: Mapping[str, Any], parameters: Parameters) -> Covariance | None:
    told = document.get("covariance")
    if told is None:
        return None
    names = tuple(told["names"])
    nothing = np.full((len(names), len(names)), np.nan)
    matrix = nothing if told["matrix"] is None else np.array(told["matrix"], dtype=float)
    return Covariance(told["kind"], parameters, names, tuple(told["held"]), matrix, nothing, nothing, told["trouble"], None)
