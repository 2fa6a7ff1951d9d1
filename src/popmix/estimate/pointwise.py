"""What a posterior says of every observation: log densities, simulated values, leave-one-out, and ArviZ data made of them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from popmix.engine.bundle import Bundle
from popmix.engine.posterior import outcomes
from popmix.errors import OptionError
from popmix.estimate.chains import optional
from popmix.estimate.default import default_method
from popmix.likelihood import Problem
from popmix.likelihood.joint import Layout, plan_of
from popmix.likelihood.outcomes import Outcomes
from popmix.model.parameters import Parameters, parameters_of

if TYPE_CHECKING:
    from popmix.estimate.posterior import Posterior

_LOG_2_PI = float(np.log(2 * np.pi))
_DV = 2  # the column of a record's times that holds DV


def log_likelihood(problem: Problem, values: np.ndarray, etas: np.ndarray) -> np.ndarray:
    """Return log densities of DV [draws, observations] with all constants, at parameters [draws, V] and effects [draws, S, N]."""
    timeline = problem.timeline
    f, variance = _outcomes(problem, values, etas)
    is_free, on_log = (_flags(problem, name) for name in ("is_free", "log_scale"))
    with np.errstate(invalid="ignore", divide="ignore"):
        gaussian = -0.5 * (_LOG_2_PI + np.log(variance) + (timeline.y - f) ** 2 / variance)
        jacobian = np.where(on_log, np.log(np.where(on_log, timeline.times[timeline.observed_row, _DV], 1.0)), 0.0)
    return np.where(is_free, -f, gaussian) - jacobian


def predictive(problem: Problem, values: np.ndarray, etas: np.ndarray, seed: int) -> np.ndarray | None:
    """Return simulated DV [draws, observations], None where an outcome can't be drawn by record (events, any LogLikelihood)."""
    given = Outcomes.of(problem)
    if any(given.family(name, values) is None for name in given.names):
        return None
    everybody = np.zeros((len(values), problem.n_subjects, problem.code.n_etas))
    everybody[:, np.flatnonzero(problem.weights > 0)] = etas
    return given.drawn(values, given.arguments(values, everybody), given.generators((seed, len(values))))


def _flags(problem: Problem, name: str) -> np.ndarray:
    """Return a flag of the endpoint of every observation; that of the logarithmic scale only where DV itself counts."""
    lowered = [one.lowered for one in problem.compiled.endpoints]
    told = [bool(getattr(one, name)) and (name != "log_scale" or one.side == "") for one in lowered]
    return np.array(told, dtype=bool)[problem.timeline.endpoint]


def _outcomes(problem: Problem, values: np.ndarray, etas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two outputs of the likelihood [draws, observations]."""
    parameters = parameters_of(problem.model)
    plan = Bundle(plan_of(problem, parameters, Layout.of(problem, parameters), np.zeros(etas.shape[1:], dtype=bool)))
    f, variance = (np.full((len(values), problem.n_observations), np.nan) for _ in range(2))
    with problem.lent() as engine:
        outcomes(np.ascontiguousarray(values), etas, plan, *engine[:3], f, variance)
    return f, variance


def loo(posterior: Posterior, by: str, draws: int) -> Any:
    """Return ArviZ's PSIS-LOO by observation or by subject: see `Posterior.loo`."""
    if by not in ("observation", "subject"):
        raise OptionError(f'by={by!r} doesn\'t exist: leave out by="observation" or by="subject".')
    arviz = optional("arviz", "for leave-one-out cross-validation")
    if by == "observation":
        told = posterior.log_likelihood()
        told = told[:, :, np.isfinite(told).all(axis=(0, 1))]
    else:
        told = _of_subjects(posterior, draws)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = {
            name: values[:, :: max(1, values.shape[1] // told.shape[1])][:, : told.shape[1]] for name, values in posterior.draws.items()
        }
        return arviz.loo(arviz.from_dict(posterior=kept, log_likelihood={"DV": told}), pointwise=True)


def _of_subjects(posterior: Posterior, draws: int) -> np.ndarray:
    """Return log likelihoods of subjects, their effects integrated out, [chains, some draws, subjects]."""
    problem, rule = posterior.problem, default_method(posterior.model).rule
    step = max(1, posterior.n_chains * posterior.n_draws // max(draws, 1))
    values = posterior.values().reshape(posterior.n_chains, posterior.n_draws, -1)[:, ::step]
    etas = np.zeros((problem.n_subjects, len(posterior.effect_names)))
    counted = np.flatnonzero(problem.weights > 0)
    etas[counted] = posterior.effects.mean(axis=(0, 1))
    found = np.full((*values.shape[:2], len(counted)), np.nan)
    for place in np.ndindex(values.shape[:2]):
        at: Parameters = posterior.mode.unchecked(values[place])
        evaluation = problem.evaluate(at, rule, modes=etas)
        found[place] = -0.5 * (evaluation.individual + problem.n_gaussian * _LOG_2_PI)[counted]
    return found[:, :, np.isfinite(found).all(axis=(0, 1))]


def to_arviz(posterior: Posterior) -> Any:
    """Return ArviZ InferenceData: see `Posterior.to_arviz`."""
    arviz = optional("arviz", "for InferenceData")
    problem, data = posterior.problem, posterior.data
    rows = problem.timeline.observed_row
    coords = {
        "subject": list(posterior.subjects),
        "effect": list(posterior.effect_names),
        "observation": np.arange(problem.n_observations),
    }
    simulated = posterior.predictive()
    groups = {
        "posterior": dict(posterior.draws) | ({"eta": posterior.effects} if posterior.effect_names else {}),
        "sample_stats": dict(posterior.statistics),
        "log_likelihood": {"DV": posterior.log_likelihood()},
        "observed_data": {"DV": problem.timeline.times[rows, _DV]},
        "constant_data": {
            "ID": np.array([str(data.ids[k]) for k in data.subject[rows]]),
            "TIME": data.time[rows],
        },
    }
    if simulated is not None:
        groups["posterior_predictive"] = {"DV": simulated}
    dims = {"eta": ["subject", "effect"], "DV": ["observation"], "ID": ["observation"], "TIME": ["observation"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return arviz.from_dict(**groups, coords=coords, dims=dims)
