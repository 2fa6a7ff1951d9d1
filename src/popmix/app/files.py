"""From a model file and a data file to a fit and its run folder: what `popmix fit` and `popmix evaluate` do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from popmix.diagnose.residuals import residuals
from popmix.errors import Interrupted, OptionError, PopmixError
from popmix.estimate import Certificate, Fit, Posterior, evaluate, fit
from popmix.interop import run_folder
from popmix.likelihood import AUTOMATIC, Solver
from popmix.model import Model, load
from popmix.table import Table
from popmix.uncertainty import Covariance, covariance


@dataclass(frozen=True)
class Request:
    """How work on files is to be done, and where its results go.

    out: the run folder to make, None for none; overwrite: an earlier run folder of that name may be replaced;
    threads: None for all cores; command: the words that asked for the work, kept in the run folder; progress: has
    `update`; columns: roles and covariates by the name of their column; solver: None for the default one; covariance: the kind of that of
    the estimates, None for none; start: values by name, or "auto"; n_starts: how many estimations; certificate: whether it is wanted;
    npde: replicates behind the NPDE in the run folder's predictions, 0 for none.
    """

    out: Path | None = None
    overwrite: bool = False
    seed: int | None = None
    threads: int | None = None
    command: tuple[str, ...] = ()
    progress: Any = None
    columns: Mapping[str, str] | None = None
    solver: Solver | None = None
    covariance: str | None = None
    start: Mapping[str, float] | str | None = None
    n_starts: int = 1
    certificate: bool = False
    npde: int = 0

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise OptionError(f"--jobs {self.threads}: the number of threads must be at least 1.")

    @property
    def common(self) -> dict[str, Any]:
        """The keywords that `fit` and `evaluate` share."""
        solver = self.solver or AUTOMATIC
        return {"columns": self.columns, "threads": self.threads, "progress": self.progress, "solver": solver}

    @property
    def estimation(self) -> dict[str, Any]:
        """The keywords that `fit` has besides. What a long estimation keeps against a kill lies in the run folder."""
        checkpoint = None if self.out is None else self.out / run_folder.CHECKPOINT
        return {"seed": self.seed, "start": self.start, "n_starts": self.n_starts, "checkpoint": checkpoint}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit with what was asked for besides: the covariance of its estimates and its certificate, None where they were not."""

    fit: Fit | Posterior
    covariance: Covariance | None = None
    certificate: Certificate | None = None

    def document(self, command: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the machine form."""
        told = {} if self.certificate is None else {"certificate": self.certificate.document()}
        return run_folder.fit_document(self.fit, command, self.covariance) | told

    def __str__(self) -> str:
        certificate = [] if self.certificate is None else ["", str(self.certificate)]
        shown = str(self.fit) if self.covariance is None else self.fit.summary(self.covariance)
        return "\n".join([shown, *certificate])


def fit_file(model: str | Path | Model, data: str | Path, method: Any, request: Request | None = None) -> Fitted:
    """Fit the model of a file (`path` or `path:Name`) to the data of a file, and write the run folder when one is asked for.

    The run folder's name is checked before the work begins. When the user interrupts, what was reached is written and the
    exception goes on. Raises PopmixError: ModelError, DataError, SupportError, FitError, or for an unusable folder.
    """
    request = request or Request()
    _refuse_folder(request)
    loaded = _loaded(model)
    try:
        result = fit(loaded, data, method, **request.common, **request.estimation)
    except Interrupted as interruption:
        raise _kept(interruption, request) from interruption
    if isinstance(result, Posterior):
        found = Fitted(result)
        _save(found, request)
        return found
    told = {"threads": request.threads, "progress": request.progress}
    known = covariance(result, request.covariance, **told) if request.covariance else None
    found = Fitted(result, known, result.certificate(**told) if request.certificate else None)
    _save(found, request)
    return found


def evaluate_file(
    model: str | Path | Model, data: str | Path, method: Any, at: Mapping[str, float] | None = None, request: Request | None = None
) -> Fitted:
    """Evaluate the objective at given values (the start values for what `at` leaves out), without estimation.

    Raises PopmixError as `fit_file` does.
    """
    request = request or Request()
    _refuse_folder(request)
    result = Fitted(evaluate(_loaded(model), data, method, at=at, **request.common))
    _save(result, request)
    return result


def read_values(path: str | Path) -> dict[str, float]:
    """Read parameter values by name from a JSON file: `{"tvCL": 0.04, ...}`, or the `fit.json` of a run folder.

    Raises PopmixError when the file can't be read or a value is no number.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise PopmixError(f"{path} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise PopmixError(f"{path} is no JSON file: {error}.") from error
    if isinstance(content, dict) and isinstance(content.get("estimates"), dict):
        content = {name: entry.get("value") for name, entry in content["estimates"].items()}
    if not isinstance(content, dict):
        raise PopmixError(f'{path} must hold one object with a number for each parameter: {{"tvCL": 0.04, ...}}.')
    wrong = [name for name, value in content.items() if isinstance(value, bool) or not isinstance(value, (int, float))]
    if wrong:
        raise PopmixError(f"{path}: no number is given for {', '.join(wrong)}.")
    return {name: float(value) for name, value in content.items()}


def _loaded(model: str | Path | Model) -> Model:
    return model if isinstance(model, Model) else load(model)


def _refuse_folder(request: Request) -> None:
    if request.out is not None:
        run_folder.check_folder(request.out, overwrite=request.overwrite)


def _save(result: Fitted, request: Request) -> None:
    """Write the run folder. An interrupt while NPDE are simulated does not lose the fit: the folder is written without them."""
    if request.out is None:
        return
    own = {"overwrite": request.overwrite, "command": request.command, "covariance": result.covariance}
    try:
        found = result.fit if isinstance(result.fit, Posterior) else with_npde(result.fit, request)
    except KeyboardInterrupt:
        run_folder.save(result.fit, request.out, **own)
        told = f"interrupted while NPDE were simulated; {request.out} is complete but for these (popmix npde {request.out})."
        raise Interrupted(told, kept=result.fit) from None
    run_folder.save(found, request.out, **own)


def with_npde(fit: Fit, request: Request) -> Fit:
    """Return a fit whose table of predictions has NPDE from the replicates that are asked for; as it was where there are none."""
    if request.npde == 0:
        return fit
    seed = 1 if request.seed is None else request.seed
    found = residuals(fit, request.npde, seed=seed, threads=request.threads, progress=request.progress)
    table = fit.predictions_table
    filled = Table({name: found.table["NPDE"] if name == "NPDE" else values for name, values in table.items()}, table.units)
    return replace(fit, predictions_table=filled)


def _kept(interruption: Interrupted, request: Request) -> Interrupted:
    if interruption.kept is None or request.out is None:
        return interruption
    # the user wants it to end: what takes time is left out
    _save(Fitted(interruption.kept), replace(request, npde=0))
    return Interrupted(f"{str(interruption).removesuffix('.')}: see {request.out}.", interruption.kept)
