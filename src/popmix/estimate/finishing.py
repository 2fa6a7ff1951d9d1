"""From what an estimation came to, to the Fit that users see."""

import platform
import time
from dataclasses import replace
from importlib import metadata

import numpy as np

from popmix.estimate.late import late_doses
from popmix.estimate.method import Method, Outcome
from popmix.estimate.residuals import individuals_table, predictions_table, shrinkage_of
from popmix.estimate.result import Fit
from popmix.estimate.solution import solution_of
from popmix.estimate.warnings import warnings_of, without_predictions
from popmix.likelihood import Problem
from popmix.model.parameters import Parameters


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
    threads: int | None,
    seed: int | None,
    clock: Clock,
) -> Fit:
    """Return the Fit of an estimation: its tables, what its equations depend on, and its warnings."""
    evaluation = found.evaluation
    parameters = evaluation.parameters
    solution = solution_of(problem, evaluation, method.rule, threads)
    clock.lap("check")
    # subjects that do not count have no mode: nan in the tables, not a zero that looks like one
    evaluation.marginal.eta[problem.weights == 0] = np.nan
    evaluation.individual[problem.weights == 0] = np.nan
    etas, group = evaluation.marginal.eta, evaluation.group
    at_modes = problem.predictions(parameters, etas, group=group, threads=threads)
    typical = problem.predictions(parameters, group=group, threads=threads)
    late = filter(None, [late_doses(problem, parameters, etas, threads).sentence])
    warned = warnings_of(problem, parameters, start, estimated=not found.convergence.evaluated_only)
    result = Fit(
        model=problem.model,
        data=problem.data,
        method=method,
        parameters=parameters,
        start=start,
        ofv=evaluation.ofv + evaluation.prior,
        minus2ll=problem.minus2ll(evaluation),
        n_subjects=problem.n_subjects,
        n_observations=problem.n_observations,
        convergence=found.convergence,
        solution=solution,
        individuals_table=individuals_table(problem, evaluation, at_modes),
        predictions_table=predictions_table(problem, evaluation, at_modes, typical, method.rule),
        shrinkage=shrinkage_of(problem, evaluation),
        timing={},
        seed=seed,
        versions=versions_of(),
        trace=found.trace,
        messages=(*solution.warnings, *without_predictions(problem, typical), *late, *warned),
        weights=problem.weights,
    )
    clock.lap("tables")
    return replace(result, timing=dict(clock.laps))


def versions_of(*others: str) -> dict[str, str]:
    """Return the versions of Python, popmix, what it computes with, and other packages."""
    packages = ("popmix", "numpy", "numba", "llvmlite", "symengine", *others)
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
