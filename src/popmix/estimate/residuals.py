"""Tables of a fit: individual parameters, predictions and weighted residuals by NONMEM's definitions.

With G the slopes of the predictions in the etas and R the residual variances:

    WRES  = C0^-1/2 (y - f(0)),                 C0 = G0 omega G0' + R(0)
    CWRES = C^-1/2 (y - f(eta*) + G eta*),      C = G omega G' + R, G at the mode; R at the mode, or at eta = 0 without interaction
    IWRES = (y - f(eta*)) / sqrt R

with the symmetric root of C (NONMEM's default). Endpoints with `log_additive` have WRES, CWRES and IWRES on the log scale, with `box_cox`
on the transformed one; PRED, IPRED, RES and IRES are on the scale of DV. For outcomes that are not continuous PRED and IPRED are the mean
of DV (of an event the probability of none so far), and IWRES = (y - IPRED) / sqrt(Var DV) are Pearson's residuals; they and values
beyond a limit have no WRES and CWRES. Source: Hooker, Staatz and Karlsson (Pharm Res 24:2187, 2007).
"""

import numpy as np

from popmix.engine.predict import Predictions
from popmix.likelihood import Evaluation, Problem, Rule
from popmix.likelihood.units import labelled_columns, units_of
from popmix.table import Table


def predictions_table(problem: Problem, evaluation: Evaluation, individual: Predictions, typical: Predictions, rule: Rule) -> Table:
    """Return one row per observation: ID, TIME, DV, PRED, IPRED, RES, IRES, WRES, IWRES, CWRES, NPDE and covariates.

    individual: what tables show at the modes; typical: the same at eta = 0.
    """
    data, rows = problem.data, problem.timeline.observed_row
    pred, ipred = (_on_data_scale(problem, found.f) for found in (typical, individual))
    weighted = _weighted(problem, evaluation, individual, typical, rule)
    columns = {
        "ID": np.array(data.ids, dtype=object)[data.subject[rows]],
        "TIME": data.time[rows],
        "DV": data.dv[rows],
        "PRED": pred,
        "IPRED": ipred,
        "RES": data.dv[rows] - pred,
        "IRES": data.dv[rows] - ipred,
        **weighted,
        "NPDE": np.full(len(rows), np.nan),
    }
    endpoints = [one.lowered for one in problem.compiled.endpoints]
    names = np.array([one.name for one in endpoints], dtype=object)[problem.timeline.endpoint]
    if len(problem.model.observations) > 1:
        columns["DVID"] = names
    if any(one.side for one in endpoints):
        columns["CENSORED"] = np.array([one.side for one in endpoints], dtype=object)[problem.timeline.endpoint]
    return Table(columns | {name: values[rows] for name, values in data.covariates.items() if name in problem.compiled.covariates})


def _weighted(problem: Problem, evaluation: Evaluation, individual: Predictions, typical: Predictions, rule: Rule) -> dict[str, np.ndarray]:
    """Return WRES, IWRES and CWRES; shifted and autocorrelated endpoints are looked at as the likelihood has them."""
    parameters, etas = evaluation.parameters, evaluation.marginal.eta
    endpoints = [one.lowered for one in problem.compiled.endpoints]
    is_free, side = (np.array([getattr(one, flag) for one in endpoints])[problem.timeline.endpoint] for flag in ("is_free", "side"))
    if any(one.is_shifted or one.memory is not None for one in endpoints):
        group = evaluation.group
        individual = problem.predictions(parameters, etas, group=group, likelihood=True)
        typical = problem.predictions(parameters, group=group, likelihood=True)
    y = np.where(is_free, problem.data.dv[problem.timeline.observed_row], problem.timeline.y)
    variance = individual.variance if rule.interaction else typical.variance
    omega, usable = problem.omega(parameters), ~is_free
    with np.errstate(invalid="ignore", divide="ignore"):
        iwres = np.where(side == "", (y - individual.f) / np.sqrt(variance), np.nan)
    shifted = y - individual.f + _shifts(problem, individual, etas)
    return {
        "WRES": _whitened(problem, omega, typical, typical.variance, y - typical.f, usable),
        "IWRES": iwres,
        "CWRES": _whitened(problem, omega, individual, variance, shifted, usable),
    }


def individuals_table(problem: Problem, evaluation: Evaluation, individual: Predictions) -> Table:
    """Return one row per subject: ID, OFV, STATUS, the random effects at the mode and the individual parameters at the first record.

    Between-occasion effects stand in a column for each label of an occasion, nan where a subject has no such occasion.
    """
    marginal = evaluation.marginal
    columns = {"ID": np.array(problem.data.ids, dtype=object), "OFV": evaluation.individual, "STATUS": marginal.status}
    columns |= labelled_columns(problem, evaluation.parameters.eta_names, marginal.eta) | _group_columns(problem, evaluation)
    return Table(columns | {name: individual.reported[:, k] for k, name in enumerate(problem.compiled.reported)})


def _group_columns(problem: Problem, evaluation: Evaluation) -> dict[str, np.ndarray]:
    """Return the most probable latent group, numbered from 1, and the probability of each."""
    if problem.n_groups == 1:
        return {}
    (name,) = problem.model.mixtures
    return {name: evaluation.group + 1} | {f"P_{name}_{g + 1}": evaluation.membership[:, g] for g in range(problem.n_groups)}


def shrinkage_of(problem: Problem, evaluation: Evaluation) -> dict[str, float]:
    """Return 100 (1 - SD(eta*) / omega) in percent by effect, with the divisor n - 1 about the mean (NONMEM up to 7.4).

    Effects within subjects are counted for every occasion (or jar, ...) that a subject has, those above once for every group.
    """
    parameters, counted = evaluation.parameters, problem.weights > 0
    sds, found = np.sqrt(np.diag(parameters.omega())), {}
    for units in units_of(problem):
        own = units.of(evaluation.marginal.eta)[counted[units.subject]]
        spread = np.std(own, axis=0, ddof=1) if len(own) > 1 else np.full(len(units.pattern), np.nan)
        percent = 100 * (1 - spread / sds[units.pattern])
        found |= dict(zip(units.pattern.tolist(), percent.tolist(), strict=True))
    return {name: found[pattern] for pattern, name in enumerate(parameters.eta_names)}


def _on_data_scale(problem: Problem, f: np.ndarray) -> np.ndarray:
    on_log = np.array([one.lowered.log_scale for one in problem.compiled.endpoints])[problem.timeline.endpoint]
    return np.where(on_log, np.exp(np.where(on_log, f, 0.0)), f)


def _shifts(problem: Problem, found: Predictions, etas: np.ndarray) -> np.ndarray:
    """Return G eta of every observation."""
    subjects = problem.data.subject[problem.timeline.observed_row]
    return np.einsum("jk,jk->j", found.slopes, etas[subjects])


def _whitened(
    problem: Problem, omega: np.ndarray, found: Predictions, variance: np.ndarray, residual: np.ndarray, usable: np.ndarray
) -> np.ndarray:
    """Return C^-1/2 residual subject by subject for usable observations, C = G omega G' + diag(variance); nan for others."""
    result = np.full(len(residual), np.nan)
    first = problem.timeline.first_observation
    for subject in range(problem.n_subjects):
        own = first[subject] + np.flatnonzero(usable[first[subject] : first[subject + 1]])
        slopes = found.slopes[own]
        covariance = slopes @ omega @ slopes.T + np.diag(variance[own])
        if covariance.size == 0 or not np.all(np.isfinite(covariance)):
            continue
        values, vectors = np.linalg.eigh(covariance)
        if values[0] > 0:
            result[own] = vectors @ ((vectors.T @ residual[own]) / np.sqrt(values))
    return result
