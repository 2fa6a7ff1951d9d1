"""From a model file and a data file to a fit and its run folder: what `popmix fit` and `popmix evaluate` do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popmix.errors import Interrupted, OptionError, PopmixError
from popmix.estimate import Fit, Posterior, evaluate, fit
from popmix.interop import run_folder
from popmix.likelihood import AUTOMATIC, Solver
from popmix.model import Model, load


@dataclass(frozen=True)
class Request:
    """How work on files is to be done, and where its results go.

    out: the run folder to make, None for none; overwrite: an earlier run folder of that name may be replaced;
    threads: None for all cores; command: the words that asked for the work, kept in the run folder; progress: has
    `update`; columns: roles and covariates by the name of their column; solver: None for the default one.
    """

    out: Path | None = None
    overwrite: bool = False
    seed: int | None = None
    threads: int | None = None
    command: tuple[str, ...] = ()
    progress: Any = None
    columns: Mapping[str, str] | None = None
    solver: Solver | None = None

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise OptionError(f"--jobs {self.threads}: the number of threads must be at least 1.")

    @property
    def common(self) -> dict[str, Any]:
        """The keywords that `fit` and `evaluate` share."""
        solver = self.solver or AUTOMATIC
        return {"columns": self.columns, "threads": self.threads, "progress": self.progress, "solver": solver}


def fit_file(model: str | Path | Model, data: str | Path, method: Any, request: Request | None = None) -> Fit | Posterior:
    """Fit the model of a file (`path` or `path:Name`) to the data of a file, and write the run folder when one is asked for.

    The run folder's name is checked before the work begins. When the user interrupts, what was reached is written and the
    exception goes on. Raises PopmixError: ModelError, DataError, SupportError, FitError, or for an unusable folder.
    """
    request = request or Request()
    _refuse_folder(request)
    loaded = _loaded(model)
    try:
        result = fit(loaded, data, method, seed=request.seed, **request.common)
    except Interrupted as interruption:
        raise _kept(interruption, request) from interruption
    _save(result, request)
    return result


def evaluate_file(
    model: str | Path | Model, data: str | Path, method: Any, at: Mapping[str, float] | None = None, request: Request | None = None
) -> Fit:
    """Evaluate the objective at given values (the start values for what `at` leaves out), without estimation.

    Raises PopmixError as `fit_file` does.
    """
    request = request or Request()
    _refuse_folder(request)
    result = evaluate(_loaded(model), data, method, at=at, **request.common)
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


def _save(result: Fit | Posterior, request: Request) -> None:
    if request.out is not None:
        run_folder.save(result, request.out, overwrite=request.overwrite, command=request.command)


def _kept(interruption: Interrupted, request: Request) -> Interrupted:
    if interruption.kept is None or request.out is None:
        return interruption
    _save(interruption.kept, request)
    return Interrupted(f"{str(interruption).removesuffix('.')}: see {request.out}.", interruption.kept)
