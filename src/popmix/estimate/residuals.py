"""Tables of a fit: individual parameters, predictions and weighted residuals by NONMEM's definitions.

With G the slopes of the predictions in the etas and R the residual variances:

    WRES  = C0^-1/2 (y - f(0)),                 C0 = G0 omega G0' + R(0)
    CWRES = C^-1/2 (y - f(eta*) + G eta*),      C = G omega G' + R, G at the mode; R at the mode, or at eta = 0 without interaction
    IWRES = (y - f(eta*)) / sqrt R

with the symmetric root of C (NONMEM's default). Endpoints with `log_additive` have WRES, CWRES and IWRES on the log scale, PRED,
IPRED, RES and IRES on the scale of DV. Source: Hooker, Staatz and Karlsson (Pharm Res 24:2187, 2007).
"""

import numpy as np

from popmix.engine.predict import Predictions
from popmix.likelihood import Evaluation, Problem
from popmix.model.parameters import Parameters
from popmix.table import Table


def predictions_table(problem: Problem, evaluation: Evaluation, individual: Predictions, typical: Predictions, interaction: bool) -> Table:
    """Return one row per observation: ID, TIME, DV, PRED, IPRED, RES, IRES, WRES, IWRES, CWRES, NPDE and covariates.

    individual: the predictions at the modes; typical: those at eta = 0.
    """
    parameters, etas = evaluation.parameters, evaluation.marginal.eta
    data, rows = problem.data, problem.timeline.observed_row
    pred, ipred = (_on_data_scale(problem, found.f) for found in (typical, individual))
    y = problem.timeline.y
    variance = individual.variance if interaction else typical.variance
    omega = parameters.omega()
    nothing = np.full(len(y), np.nan)
    columns = {
        "ID": np.array(data.ids, dtype=object)[data.subject[rows]],
        "TIME": data.time[rows],
        "DV": data.dv[rows],
        "PRED": pred,
        "IPRED": ipred,
        "RES": data.dv[rows] - pred,
        "IRES": data.dv[rows] - ipred,
        "WRES": _whitened(problem, omega, typical, typical.variance, y - typical.f),
        "IWRES": (y - individual.f) / np.sqrt(variance),
        "CWRES": _whitened(problem, omega, individual, variance, y - individual.f + _shifts(problem, individual, etas)),
        "NPDE": nothing,
    }
    if len(problem.compiled.endpoints) > 1:
        names = np.array([one.name for one in problem.compiled.endpoints], dtype=object)
        columns["DVID"] = names[problem.timeline.endpoint]
    return Table(columns | {name: values[rows] for name, values in data.covariates.items() if name in problem.compiled.covariates})


def individuals_table(problem: Problem, evaluation: Evaluation, individual: Predictions) -> Table:
    """Return one row per subject: ID, OFV, STATUS, the etas at the mode and the individual parameters at the first record."""
    marginal, parameters = evaluation.marginal, evaluation.parameters
    columns = {"ID": np.array(problem.data.ids, dtype=object), "OFV": evaluation.individual, "STATUS": marginal.status}
    columns |= {f"eta_{name}": marginal.eta[:, k] for k, name in enumerate(parameters.eta_names)}
    return Table(columns | {name: individual.reported[:, k] for k, name in enumerate(problem.compiled.reported)})


def shrinkage_of(parameters: Parameters, etas: np.ndarray) -> dict[str, float]:
    """Return 100 (1 - SD(eta*) / omega) in percent by eta, with the divisor n - 1 about the mean (NONMEM up to 7.4)."""
    sds = np.sqrt(np.diag(parameters.omega()))
    spread = np.std(etas, axis=0, ddof=1) if len(etas) > 1 else np.full(len(sds), np.nan)
    return {name: float(100 * (1 - spread[k] / sds[k])) for k, name in enumerate(parameters.eta_names)}


def _on_data_scale(problem: Problem, f: np.ndarray) -> np.ndarray:
    on_log = np.array([one.log_scale for one in problem.compiled.endpoints])[problem.timeline.endpoint]
    return np.where(on_log, np.exp(np.where(on_log, f, 0.0)), f)


def _shifts(problem: Problem, found: Predictions, etas: np.ndarray) -> np.ndarray:
    """Return G eta of every observation."""
    subjects = problem.data.subject[problem.timeline.observed_row]
    return np.einsum("jk,jk->j", found.slopes, etas[subjects])


def _whitened(problem: Problem, omega: np.ndarray, found: Predictions, variance: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return C^-1/2 residual subject by subject, C = G omega G' + diag(variance); nan where C is not positive definite."""
    result = np.full(len(residual), np.nan)
    first = problem.timeline.first_observation
    for subject in range(problem.n_subjects):
        own = slice(first[subject], first[subject + 1])
        slopes = found.slopes[own]
        covariance = slopes @ omega @ slopes.T + np.diag(variance[own])
        if covariance.size == 0 or not np.all(np.isfinite(covariance)):
            continue
        values, vectors = np.linalg.eigh(covariance)
        if values[0] > 0:
            result[own] = vectors @ ((vectors.T @ residual[own]) / np.sqrt(values))
    return result
