"""From what an estimation came to, to the Fit that users see."""

import platform
import time
from importlib import metadata

import numpy as np

from popmix.engine.predict import Predictions
from popmix.estimate.late import late_doses
from popmix.estimate.method import Method, Outcome
from popmix.estimate.multistart import several_optima
from popmix.estimate.residuals import individuals_table, predictions_table, shrinkage_of
from popmix.estimate.result import Fit
from popmix.estimate.solution import solution_of
from popmix.estimate.warnings import flat_modes, warnings_of, without_predictions
from popmix.likelihood import Evaluation, Problem
from popmix.model.parameters import Parameters
from popmix.table import Table


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """End a phase."""
        now = time.perf_counter()
        self.laps[phase] = now - self._last
        self._last = now


def result_of(
    problem: Problem,
    method: Method,
    start: Parameters,
    found: Outcome,
    starts: Table,
    threads: int | None,
    seed: int | None,
    clock: Clock,
) -> Fit:
    """Return the Fit of an estimation: its tables, what its equations depend on, and its warnings."""
    evaluation, parameters = found.evaluation, found.evaluation.parameters
    solution = solution_of(problem, evaluation, method.rule, threads)
    clock.lap("check")
    note, doubts = found.appraisal or method.appraise(problem, evaluation, threads)
    # subjects that do not count have no mode: nan in the tables, not a zero that looks like one
    evaluation.marginal.eta[problem.weights == 0] = np.nan
    evaluation.individual[problem.weights == 0] = np.nan
    individuals, predicted, typical = _tables(problem, method, evaluation, threads)
    doubts = [*doubts, *(flat_modes(problem, evaluation) if method.rule.is_exact else [])]
    told = [*several_optima(starts), *doubts, *solution.warnings, *without_predictions(problem, typical)]
    told += _warned(problem, start, found, threads)
    clock.lap("tables")
    return Fit(
        model=problem.model,
        data=problem.data,
        method=method,
        parameters=parameters,
        start=start,
        ofv=evaluation.ofv + evaluation.prior,
        minus2ll=problem.minus2ll(evaluation),
        n_subjects=problem.n_subjects,
        n_observations=problem.n_observations,
        convergence=found.convergence.noted(note),
        solution=solution,
        individuals_table=individuals,
        predictions_table=predicted,
        shrinkage=shrinkage_of(problem, evaluation),
        timing=dict(clock.laps),
        seed=seed,
        versions=versions_of(),
        trace=found.trace,
        starts=starts,
        messages=tuple(told),
        weights=problem.weights,
    )


def _tables(problem: Problem, method: Method, evaluation: Evaluation, threads: int | None) -> tuple[Table, Table, Predictions]:
    """Return the tables of individuals and of predictions, and the predictions at eta = 0."""
    parameters, group = evaluation.parameters, evaluation.group
    at_modes = problem.predictions(parameters, evaluation.marginal.eta, group=group, threads=threads)
    typical = problem.predictions(parameters, group=group, threads=threads)
    predicted = predictions_table(problem, evaluation, at_modes, typical, method.rule)
    return individuals_table(problem, evaluation, at_modes), predicted, typical


def _warned(problem: Problem, start: Parameters, found: Outcome, threads: int | None) -> list[str]:
    parameters = found.evaluation.parameters
    late = late_doses(problem, parameters, found.evaluation.marginal.eta, threads).sentence
    warned = warnings_of(problem, parameters, start, estimated=not found.convergence.evaluated_only)
    return [*filter(None, [late]), *warned]


def versions_of(*others: str) -> dict[str, str]:
    """Return the versions of Python, popmix, what it computes with, and other packages."""
    packages = ("popmix", "numpy", "numba", "llvmlite", "symengine", *others)
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
