"""fit and evaluate: from a model and data to a Fit."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from popmix.errors import FitError, Interrupted, OptionError
from popmix.estimate.binding import load_engine
from popmix.estimate.checkpoint import Checkpoint
from popmix.estimate.convergence import Convergence
from popmix.estimate.default import default_method
from popmix.estimate.finishing import Clock, result_of
from popmix.estimate.late import refuse_late_doses
from popmix.estimate.method import Method, Outcome, Setting
from popmix.estimate.multistart import check_starts, estimate_from, no_starts
from popmix.estimate.nuts import NUTS
from popmix.estimate.posterior import Posterior
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.result import Fit
from popmix.estimate.starting import automatic_start
from popmix.likelihood import AUTOMATIC, Problem, Solver, bind
from popmix.likelihood.mixture import impossible_shares
from popmix.likelihood.solver import check_solver
from popmix.model.model import Model
from popmix.model.parameters import Parameters, parameters_of
from popmix.model.writing import write
from popmix.table import Table

# what random methods start from when nobody chooses
_DEFAULT_SEED = 1


def fit(
    model: Model,
    data: Any,
    method: Method | None = None,
    *,
    weights: np.ndarray | None = None,
    start: Mapping[str, float] | Parameters | str | None = None,
    n_starts: int = 1,
    columns: Mapping[str, str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    seed: int | None = None,
    solver: Solver = AUTOMATIC,
    checkpoint: str | Path | None = None,
) -> Fit | Posterior:
    """Estimate the parameters of a model from data (a path, a data frame or an EventTable): a Fit, of NUTS a Posterior.

    `method` defaults to FOCE(interaction=True), for models with outcomes that are not continuous to Laplace(); `weights` count subjects
    (2 = twice); `columns` maps roles and covariates to other column names ({"time": "TAFD", "WT": "BW"}); `start` replaces start values
    by name, or is "auto", which finds them in the data; `n_starts` estimations are done from there and from values spread around (thetas by
    factors up to 5), the best is returned, and `starts` of the Fit tells what each led to; `seed` decides what random methods and starts
    draw (default: always the same); `solver` says how differential equations are solved. `checkpoint`: a file in which long estimations
    keep their state: after a kill the same call goes on from there. Numbers do not depend on `threads`.
    Raises DataError, SupportError and ModelError before anything is computed, FitError when the start values make no sense, and
    Interrupted, with the Fit reached so far in `kept`, when the user stops it.
    """
    method, told = _checked(model, method, threads), progress or Silent()
    check_starts(n_starts)
    clock, auto = Clock(), _is_auto(start)
    problem, begin = _prepared(model, method, data, columns, weights, None if auto else start, told, clock, solver)
    if auto:
        begin = automatic_start(problem, begin, default_method(model), threads, told)
        clock.lap("start")
    seed = _DEFAULT_SEED if seed is None and method.is_random else seed
    method = method if seed is None else method.seeded(seed)
    kept = Checkpoint(None if checkpoint is None else Path(checkpoint), _identity(problem, method, begin, seed))
    setting = Setting(threads, told, seed or 0, kept)
    if isinstance(method, NUTS):
        return method.sample(problem, begin, setting, clock)
    found, starts = estimate_from(method, problem, begin, setting, n_starts)
    clock.lap("fit")
    interrupted = found.interrupted
    try:
        result = result_of(problem, method, begin, found, starts, threads, seed, clock)
    except KeyboardInterrupt:
        # the estimation had ended, the tables take a moment: they are made all the same, and a second interrupt stops them
        interrupted = True
        stopped = replace(found.convergence, converged=False, reason="interrupted")
        result = result_of(problem, method, begin, replace(found, convergence=stopped), starts, threads, seed, clock)
    if interrupted:
        raise Interrupted("the fit was interrupted; what it had reached is kept", kept=result)
    return result


def evaluate(
    model: Model,
    data: Any,
    method: Method | None = None,
    *,
    at: Mapping[str, float] | Parameters | None = None,
    weights: np.ndarray | None = None,
    columns: Mapping[str, str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    solver: Solver = AUTOMATIC,
) -> Fit:
    """Compute the objective at given values (default: the start values) without estimation. Raises as `fit` does."""
    method, told = _checked(model, method, threads), progress or Silent()
    clock = Clock()
    problem, begin = _prepared(model, method, data, columns, weights, at, told, clock, solver)
    evaluation = method.evaluate(problem, begin, threads)
    clock.lap("evaluate")
    convergence = Convergence(None, "the objective at given values; nothing was estimated.", float("nan"), 0, 1, evaluated_only=True)
    nothing = Table({"iteration": np.zeros(0, dtype=int), "ofv": np.zeros(0)})
    return result_of(problem, method, begin, Outcome(evaluation, convergence, nothing), no_starts(), threads, None, clock)


def _is_auto(start: Any) -> bool:
    """Whether start values are to be found in the data. Raises OptionError for another word."""
    if isinstance(start, str) and start != "auto":
        raise OptionError(f"start={start!r} doesn't exist: give values by name, or 'auto' to find them in the data.")
    return isinstance(start, str)


def _checked(model: Model, method: Method | None, threads: int | None) -> Method:
    if not isinstance(model, Model):
        raise OptionError(f"the model must be a Model, not {type(model).__name__}: write class Name(Model), or popmix.load(path).")
    if method is not None and not isinstance(method, Method):
        raise OptionError(f"the method must be an object such as FOCE(interaction=True) or Laplace(), not {method!r}.")
    if threads is not None and not (isinstance(threads, int) and threads >= 1):
        raise OptionError(f"threads must be a whole number of at least 1, or None for all cores, not {threads!r}.")
    return method or default_method(model)


def _prepared(
    model: Model,
    method: Method,
    data: Any,
    columns: Mapping[str, str] | None,
    weights: np.ndarray | None,
    start: Mapping | Parameters | None,
    progress: Progress,
    clock: Clock,
    solver: Solver,
) -> tuple[Problem, Parameters]:
    begin = parameters_of(model)
    if start is not None:
        if not isinstance(start, (Mapping, Parameters)):
            raise OptionError(f"values of parameters are given by name, {{{begin.names[0]!r}: 1.0}}, not as {type(start).__name__}.")
        begin = begin.with_values(start.as_dict() if isinstance(start, Parameters) else start)
    begin.check()
    check_solver(solver)
    load_engine(progress, model, method, solver)
    clock.lap("engine")
    progress.update("compile", None, f"preparing {model.name}")
    problem = bind(model, data, columns=columns, weights=weights, solver=solver)
    method.check(problem)
    _check_shares(problem, begin)
    refuse_late_doses(problem, begin)
    clock.lap("model and data")
    return problem, begin


def _identity(problem: Problem, method: Method, start: Parameters, seed: int | None) -> dict[str, Any]:
    """Return what a checkpoint belongs to."""
    return {
        "model": write(problem.model),
        "data": problem.data.sha256,
        "weights": problem.weights.tolist(),
        "method": [method.name, asdict(method)],
        "start": start.as_dict(),
        "seed": seed,
        "solver": asdict(problem.solver),
    }


def _check_shares(problem: Problem, begin: Parameters) -> None:
    """Raise FitError where the shares of latent groups are no probabilities."""
    wrong = impossible_shares(problem.shares(begin), problem.data.ids) if problem.n_groups > 1 else ""
    if wrong:
        raise FitError(f"the shares of the Mixture must be positive and add up to 1, as in Mixture(share, 1 - share): they are {wrong}.")
