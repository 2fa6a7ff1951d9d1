"""Conditional variances of random effects at the modes, NONMEM's ETC, as the method of a fit has them.

FOCE takes the expected curvature of the conditional objective (residuals at their mean):

    V = (omega^-1 + sum_j g_j g_j' / R_j + 1/2 sum_j (dlog R_j/deta)(dlog R_j/deta)')^-1,

the last term with interaction only; Laplace's method and all others the exact one. Source: NONMEM Users Guide, Introduction to NONMEM 7.
"""

import numpy as np

from popmix.engine.mode import precision_of
from popmix.likelihood import Conditional, Evaluation, Problem, Rule

# a step of central differences of log R in standard deviations: their error, its square, is far below the digits of any table
_STEP = 1e-4


def conditional_variances(problem: Problem, evaluation: Evaluation, rule: Rule, threads: int | None = None) -> np.ndarray:
    """Return V [subjects, N, N] at the modes of an evaluation by a rule."""
    is_gaussian = all(not one.is_free and not one.lowered.is_shifted and one.lowered.memory is None for one in problem.compiled.endpoints)
    if not isinstance(rule, Conditional) or not is_gaussian or problem.effects.n_above:
        return evaluation.marginal.inverse_curvature
    parameters, etas, group = evaluation.parameters, evaluation.marginal.eta, evaluation.group
    at_modes = problem.predictions(parameters, etas, group=group, threads=threads)
    if rule.interaction:
        variance, slopes = at_modes.variance, _slopes_of_variance(problem, evaluation, threads) / at_modes.variance[:, None]
    else:
        variance, slopes = (
            problem.predictions(parameters, group=group, slopes=False, threads=threads).variance,
            np.zeros_like(at_modes.slopes),
        )
    own = at_modes.slopes[:, :, None] * at_modes.slopes[:, None, :] / variance[:, None, None]
    own += 0.5 * slopes[:, :, None] * slopes[:, None, :]
    curvature = np.repeat(precision_of(problem.omega(parameters))[None], problem.n_subjects, axis=0)
    np.add.at(curvature, problem.data.subject[problem.timeline.observed_row], own)
    failed = ~np.all(np.isfinite(curvature), axis=(1, 2))
    curvature[failed] = np.eye(len(curvature[0]))
    found = np.linalg.inv(curvature)
    found[failed] = np.nan
    return found


def _slopes_of_variance(problem: Problem, evaluation: Evaluation, threads: int | None) -> np.ndarray:
    """Return dR/deta [observations, N] by central differences."""
    parameters, etas, group = evaluation.parameters, evaluation.marginal.eta, evaluation.group
    sds = np.sqrt(np.diag(problem.omega(parameters)))
    found = np.zeros((problem.n_observations, etas.shape[1]))
    for k, sd in enumerate(sds.tolist()):
        ends = []
        for sign in (1.0, -1.0):
            moved = etas.copy()
            moved[:, k] += sign * _STEP * sd
            ends.append(problem.predictions(parameters, moved, group=group, slopes=False, threads=threads).variance)
        found[:, k] = (ends[0] - ends[1]) / (2 * _STEP * sd) if sd > 0 else 0.0
    return found
