"""fit and evaluate: from a model and data to a Fit."""

import platform
import time
from collections.abc import Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from popmix.compiler.lower import starts_as_equations
from popmix.data.findings import counted
from popmix.engine import stamp
from popmix.engine.foce import marginals
from popmix.engine.link import link, link_members, link_quadrature
from popmix.errors import FitError, Interrupted, OptionError
from popmix.estimate.descent import Descent
from popmix.estimate.foce import FOCE
from popmix.estimate.late import late_doses, refuse_late_doses
from popmix.estimate.marginal import Marginal
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.quadrature import Laplace
from popmix.estimate.residuals import individuals_table, predictions_table, shrinkage_of
from popmix.estimate.result import Convergence, Fit
from popmix.estimate.solution import solution_of
from popmix.estimate.warnings import warnings_of, without_predictions
from popmix.likelihood import AUTOMATIC, Evaluation, Problem, Quadrature, Solver, bind
from popmix.likelihood.mixture import impossible_shares
from popmix.likelihood.solver import check_solver
from popmix.model.declarations import Distribution, Level
from popmix.model.model import Model
from popmix.model.parameters import Parameters, parameters_of


def fit(
    model: Model,
    data: Any,
    method: Marginal | None = None,
    *,
    weights: np.ndarray | None = None,
    start: Mapping[str, float] | Parameters | None = None,
    columns: Mapping[str, str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    seed: int | None = None,
    solver: Solver = AUTOMATIC,
) -> Fit:
    """Estimate the parameters of a model from data (a path, a data frame or an EventTable).

    `method` defaults to FOCE(interaction=True), for models with outcomes that are not continuous to Laplace(); `weights` count subjects
    (2 = twice); `columns` maps roles and covariates to other column names ({"time": "TAFD", "WT": "BW"}); `start` replaces start values
    by name; `seed` is kept with the result (nothing is drawn); `solver` says how differential equations are solved. Numbers do not
    depend on `threads`.
    Raises DataError, SupportError and ModelError before anything is computed, FitError when the start values make no sense, and
    Interrupted, with the Fit reached so far in `kept`, when the user stops it.
    """
    method, told = _checked(model, method, threads), progress or Silent()
    clock = _Clock()
    problem, begin = _prepared(model, method, data, columns, weights, start, told, clock, solver)
    found = method.minimise(problem, begin, threads, told)
    clock.lap("fit")
    try:
        result = _fit(problem, method, begin, found, threads, seed, clock)
    except KeyboardInterrupt:
        # the search had ended, the tables take a moment: they are made all the same, and a second interrupt stops them
        found.interrupt()
        result = _fit(problem, method, begin, found, threads, seed, clock)
    if found.interrupted:
        raise Interrupted("the fit was interrupted; what it had reached is kept", kept=result)
    return result


def evaluate(
    model: Model,
    data: Any,
    method: Marginal | None = None,
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
    clock = _Clock()
    problem, begin = _prepared(model, method, data, columns, weights, at, told, clock, solver)
    evaluation = method.evaluate(problem, begin, threads)
    clock.lap("evaluate")
    convergence = Convergence(None, "the objective at given values; nothing was estimated.", float("nan"), 0, 1, evaluated_only=True)
    return _result(problem, method, begin, evaluation, convergence, threads, None, clock)


def _checked(model: Model, method: Marginal | None, threads: int | None) -> Marginal:
    if not isinstance(model, Model):
        raise OptionError(f"the model must be a Model, not {type(model).__name__}: write class Name(Model), or popmix.load(path).")
    if method is not None and not isinstance(method, Marginal):
        raise OptionError(f"the method must be an object such as FOCE(interaction=True) or Laplace(), not {method!r}.")
    if threads is not None and not (isinstance(threads, int) and threads >= 1):
        raise OptionError(f"threads must be a whole number of at least 1, or None for all cores, not {threads!r}.")
    return method or default_method(model)


def default_method(model: Model) -> Marginal:
    """Return FOCE where all outcomes are continuous, otherwise Laplace."""
    others = [one for one in model.observations.values() if isinstance(one.prediction, Distribution) or one.student is not None]
    return Laplace() if others else FOCE()


class _Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.laps[phase] = now - self._last
        self._last = now


def _prepared(
    model: Model,
    method: Marginal,
    data: Any,
    columns: Mapping[str, str] | None,
    weights: np.ndarray | None,
    start: Mapping | Parameters | None,
    progress: Progress,
    clock: _Clock,
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


def _check_shares(problem: Problem, begin: Parameters) -> None:
    """Raise FitError where the shares of latent groups are no probabilities."""
    wrong = impossible_shares(problem.shares(begin), problem.data.ids) if problem.n_groups > 1 else ""
    if wrong:
        raise FitError(f"the shares of the Mixture must be positive and add up to 1, as in Mixture(share, 1 - share): they are {wrong}.")


def load_engine(progress: Progress, model: Model, method: Marginal, solver: Solver = AUTOMATIC) -> None:
    """Load what a model and a method need of the engine, or compile it, which takes long enough to be announced.

    Raises SupportError for declarations that can't be fitted.
    """
    folder = Path(marginals.stats.cache_path) if marginals.stats.cache_path else None
    parts = [(stamp.ENGINE, "the engine", link)]
    if starts_as_equations(model, as_equations=solver.as_equations):
        parts.append((stamp.EQUATIONS, "the engine for differential equations", partial(link, equations=True)))
    if isinstance(method.rule, Quadrature):
        parts.append((stamp.QUADRATURE, "the engine for quadrature", link_quadrature))
    if any(isinstance(one, Level) for one in model.declarations.values()):
        parts.append((stamp.MEMBERS, "the engine for groups of subjects", link_members))
    for part, name, load in parts:
        cached = stamp.is_cached(folder, part)
        progress.update("compile", None, f"loading {name}" if cached else f"compiling {name} (once per installation)")
        load()
        if not cached:
            stamp.keep(folder, part)


def _fit(
    problem: Problem, method: Marginal, start: Parameters, found: Descent, threads: int | None, seed: int | None, clock: _Clock
) -> Fit:
    largest = float(np.max(np.abs(found.point.gradient), initial=0.0))
    reason = f"{counted(found.iterations, 'iteration')}, {counted(found.evaluations, 'evaluation')}; {_ending(found, start)}"
    convergence = Convergence(found.converged, reason, largest, found.iterations, found.evaluations)
    return _result(problem, method, start, found.point.state, convergence, threads, seed, clock)


def _ending(found: Descent, start: Parameters) -> str:
    """Say what is left to gain, and along which parameter where a search ended badly."""
    if found.converged:
        return f"the OFV can fall by no more than {found.decrement:.1g} more."
    free = np.flatnonzero(~start.fixed)
    if not len(free):
        return f"{found.reason}; nothing was to be estimated."
    steepest = start.names[free[np.argmax(np.abs(found.point.gradient))]]
    left = f"might still fall by about {found.decrement:.2g}, and slopes" if np.isfinite(found.decrement) else "still slopes"
    return f"{found.reason}; the OFV {left} most along {steepest}. Try other start values or more iterations."


def _result(
    problem: Problem,
    method: Marginal,
    start: Parameters,
    evaluation: Evaluation,
    convergence: Convergence,
    threads: int | None,
    seed: int | None,
    clock: _Clock,
) -> Fit:
    parameters = evaluation.parameters
    solution = solution_of(problem, evaluation, method.rule, threads)
    clock.lap("check")
    # subjects that do not count have no mode: nan in the tables, not a zero that looks like one
    evaluation.marginal.eta[problem.weights == 0] = np.nan
    evaluation.individual[problem.weights == 0] = np.nan
    etas, group = evaluation.marginal.eta, evaluation.group
    at_modes = problem.predictions(parameters, etas, group=group, threads=threads)
    typical = problem.predictions(parameters, group=group, threads=threads)
    individuals = individuals_table(problem, evaluation, at_modes)
    predicted = predictions_table(problem, evaluation, at_modes, typical, method.rule)
    late = filter(None, [late_doses(problem, parameters, etas, threads).sentence])
    warned = warnings_of(problem, parameters, start, estimated=not convergence.evaluated_only)
    clock.lap("tables")
    return Fit(
        model=problem.model,
        data=problem.data,
        method=method,
        parameters=parameters,
        start=start,
        ofv=evaluation.ofv,
        minus2ll=problem.minus2ll(evaluation),
        n_subjects=problem.n_subjects,
        n_observations=problem.n_observations,
        convergence=convergence,
        solution=solution,
        individuals_table=individuals,
        predictions_table=predicted,
        shrinkage=shrinkage_of(problem, evaluation),
        timing=dict(clock.laps),
        seed=seed,
        versions=_versions(),
        messages=(*solution.warnings, *without_predictions(problem, typical), *late, *warned),
        weights=problem.weights,
    )


def _versions() -> dict[str, str]:
    packages = ("popmix", "numpy", "numba", "llvmlite", "symengine")
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
