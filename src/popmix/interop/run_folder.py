"""The run folder: what is needed to look at a fit again and to repeat it.

`fit.json` holds the numbers (docs/run-folder.md lists its keys), `predictions.csv` and `individuals.csv` the tables, `trace.csv` the
iterations, `model.py` the model's source. The data stay where they are: their name and SHA-256 are in `fit.json`.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from popmix.errors import Interrupted, PopmixError
from popmix.estimate import Fit, Posterior
from popmix.interop import posterior_folder
from popmix.interop.documents import to_json
from popmix.interop.exchange import recover, replace_file, replace_folder
from popmix.interop.posterior_folder import posterior_contents, posterior_document
from popmix.model import write
from popmix.uncertainty import Covariance

FORMAT = "popmix run 1"
FILES = ("fit.json", "predictions.csv", "individuals.csv", "trace.csv", "model.py")
# what a long estimation keeps in the folder while it works: a killed one leaves it, and goes on from it
CHECKPOINT = "checkpoint.npz"


def save(
    fit: Fit | Posterior, folder: str | Path, *, overwrite: bool = False, command: Sequence[str] = (), covariance: Covariance | None = None
) -> Path:
    """Write the run folder of a fit (with the `covariance` of its estimates) or of a posterior and return its path.

    A run that is killed leaves either the whole new folder or what was there before. An interrupt from the keyboard does not lose
    the fit: the folder is written all the same, and a second interrupt stops it. Raises PopmixError when the folder exists and may
    not be replaced, or when the disk refuses, and Interrupted (the folder is complete) after an interrupt.
    """
    target = Path(folder)
    interrupted = _insist(lambda: check_folder(target, overwrite=overwrite))
    interrupted |= _insist(lambda: _save(fit, target, command, covariance))
    if interrupted:
        raise Interrupted(f"interrupted while {target} was written; it is complete all the same.", kept=fit)
    return target


def _insist(task: Callable[[], None]) -> bool:
    """Do a task, from its beginning again when it is interrupted; return whether it was."""
    try:
        task()
    except KeyboardInterrupt:
        task()
        return True
    return False


def _save(fit: Fit | Posterior, target: Path, command: Sequence[str], covariance: Covariance | None) -> None:
    if isinstance(fit, Posterior):
        _write(target, posterior_contents(fit, command))
        return
    contents = {
        "fit.json": to_json(fit_document(fit, command, covariance)),
        "predictions.csv": fit.predictions_table.to_csv(),
        "individuals.csv": fit.individuals_table.to_csv(),
        "trace.csv": fit.trace.to_csv(),
        "model.py": write(fit.model),
    }
    _write(target, contents)


def _write(target: Path, contents: dict[str, str]) -> None:
    try:
        replace_folder(target.resolve(), contents)
    except OSError as error:
        raise PopmixError(f"the run folder {target} can't be written: {error.strerror or error}.") from error


def add_npde(folder: str | Path, npde: np.ndarray) -> Path:
    """Write NPDE into the predictions of a run folder, which keeps everything else, and return the file. Raises PopmixError."""
    path = Path(folder) / "predictions.csv"
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        column = rows[0].index("NPDE")
        for row, value in zip(rows[1:], npde.tolist(), strict=True):
            row[column] = repr(value) if np.isfinite(value) else ""
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(rows)
        replace_file(path, stream.getvalue())
    except OSError as error:
        raise PopmixError(f"{path} can't be written: {error.strerror or error}.") from error
    except ValueError as error:
        raise PopmixError(f"{path} is not the table that this run wrote: {error}.") from error
    return path


def check_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Raise PopmixError when a run folder of this name can't be made: asked before long work, not after it.

    An earlier run that a killed process had moved aside is put back first, so that it is not taken for absent.
    """
    target = Path(folder)
    _refuse_unwritable(target)
    try:
        recover(target.resolve())
    except OSError as error:
        told = f"an earlier run that was moved aside can't be put back: {error.strerror or error}"
        raise PopmixError(f"the run folder {target} can't be made: {told}.") from error
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir():
        raise PopmixError(f"{target} is a file: give the run folder another name.")
    inside = {entry.name for entry in target.iterdir() if not entry.name.startswith(f".{CHECKPOINT}.")}
    if inside <= {CHECKPOINT}:
        return
    inside -= {CHECKPOINT}
    if not any(inside <= set(files) and files[0] in inside for files in (FILES, posterior_folder.FILES)):
        raise PopmixError(f"{target} is no run folder of popmix and is left alone: give the run folder another name.")
    if not overwrite:
        raise PopmixError(f"{target} holds an earlier run: give another name, or add --overwrite to replace it.")


def _refuse_unwritable(target: Path) -> None:
    """Raise PopmixError where no folder can be made beside the target: what a file system allows is known by trying only."""
    nearest = next(parent for parent in target.resolve().parents if parent.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".popmix-", dir=nearest):
            return
    except OSError as error:
        raise PopmixError(f"the run folder {target} can't be made in {nearest}: {error.strerror or error}.") from error


def fit_document(fit: Fit | Posterior, command: Sequence[str] = (), covariance: Covariance | None = None) -> dict[str, Any]:
    """Return the content of `fit.json`, or `posterior.json`: the keys of the contract, then what is needed to repeat the fit."""
    if isinstance(fit, Posterior):
        return posterior_document(fit, command)
    names, matrix = fit.parameters.eta_names, fit.parameters.omega()
    data = fit.data
    return {
        "format": FORMAT,
        "method": fit.method.name,
        "ofv": fit.ofv,
        "prior": fit.prior,
        "minus2ll": fit.minus2ll,
        "aic": fit.aic,
        "bic": fit.bic,
        "converged": fit.convergence.converged,
        "gradient_norm": fit.convergence.gradient_norm,
        "n_subjects": fit.n_subjects,
        "n_observations": fit.n_observations,
        "estimates": _estimates(fit, covariance),
        "covariance": None if covariance is None else _covariance(covariance),
        "omega": {"names": names, "matrix": matrix},
        "individuals": _individuals(fit),
        "shrinkage": fit.shrinkage,
        "timing": fit.timing,
        "seed": fit.seed,
        "versions": fit.versions,
        "model": fit.model.name,
        "options": vars(fit.method),
        "start": fit.start.as_dict(),
        "convergence": {
            "reason": fit.convergence.reason,
            "iterations": fit.convergence.iterations,
            "evaluations": fit.convergence.evaluations,
        },
        "solution": {"route": fit.solution.route, "solver": vars(fit.solution.solver), "change": fit.solution.change},
        "messages": fit.messages,
        "command": command,
        "weights": None if np.all(fit.weights == 1) else fit.weights,
        "data": {
            "source": data.source,
            "sha256": data.sha256,
            "n_records": data.n_read,
            "excluded": dict(data.excluded),
            "interpolation": data.interpolation,
        },
    }


def _estimates(fit: Fit, covariance: Covariance | None) -> dict[str, dict[str, Any]]:
    keys = ("value", "se", "rse", "lower", "upper", "fixed", "unit")
    rows = fit.estimates(covariance).rows()
    return {str(row["name"]): {key: row[key] or None if key == "unit" else row[key] for key in keys} for row in rows}


def _covariance(covariance: Covariance) -> dict[str, Any]:
    return {
        "kind": covariance.kind,
        "names": covariance.names,
        "matrix": covariance.matrix if covariance.exists else None,
        "condition_number": covariance.condition_number,
        "held": covariance.held,
        "trouble": covariance.trouble,
    }


def _individuals(fit: Fit) -> list[dict[str, Any]]:
    """Return objective and random effects by subject; effects between occasions as kappa_<parameter>_<occasion>, where it has that one."""
    table = fit.individuals_table
    effects = [name for name in table if name.startswith(("eta_", "kappa_"))]
    return [
        {"id": row["ID"], "ofv": row["OFV"], "eta": {name.removeprefix("eta_"): row[name] for name in effects if not _is_absent(name, row)}}
        for row in table.rows()
    ]


def _is_absent(name: str, row: dict[str, Any]) -> bool:
    return name.startswith("kappa_") and bool(np.isnan(row[name])) and not np.isnan(row["OFV"])
