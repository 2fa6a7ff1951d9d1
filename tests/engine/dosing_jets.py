"""Predictions of one subject with their first and second derivatives in the random effects, from the engine and by differences."""

import numpy as np
from differences import slopes
from numba import njit

from popmix.engine.bundle import Bundle
from popmix.engine.code import new_work
from popmix.engine.compiled import call_at
from popmix.engine.density import set_individual
from popmix.likelihood import Problem
from popmix.model.parameters import parameters_of

# fourth order twice: an error of about step^4, and roundings of the values over step^2
STEP = 4e-3


@njit
def _solve(order, subject, eta, code, timeline, work):
    set_individual(order, subject, eta, code, timeline, work)
    return call_at(code.solve, (order, subject, code, timeline, work))


def solved(problem: Problem, eta: np.ndarray, order: int):
    """Return the status, predictions [n], and with order 2 first [n, etas] and second derivatives [n, etas, etas] of subject 0."""
    code, timeline = problem.code, problem.timeline
    work = new_work(code, timeline)
    work.unknowns[: code.n_fixed] = parameters_of(problem.model).values[: code.n_fixed]
    status = _solve(order, 0, eta, Bundle(code), Bundle(timeline), Bundle(work))
    n, (n_d, n_u) = timeline.first_observation[1], (code.n_directions, code.n_fixed + code.n_etas)
    f = work.prediction[:n, 0].copy()
    if order == 0:
        return status, f, None, None
    own = slice(code.n_fixed, n_u)
    jacobian = work.individual[n_d : n_d + n_d * n_u].reshape(n_d, n_u)[:, own]
    curves = work.individual[n_d + n_d * n_u :][: n_d * n_u * n_u].reshape(n_d, n_u, n_u)[:, own, own]
    first, second = np.zeros((n, code.n_etas)), np.zeros((n, code.n_etas, code.n_etas))
    for j in range(n):
        endpoint = timeline.endpoint[j]
        active = code.active[endpoint, 0, : code.n_active[endpoint, 0]]
        slope, lower = work.first[j, 0, active], np.tril(work.second[j, 0][np.ix_(active, active)])
        curve = lower + np.tril(lower, -1).T
        first[j] = slope @ jacobian[active]
        second[j] = jacobian[active].T @ curve @ jacobian[active] + np.einsum("d,dab->ab", slope, curves[active])
    return status, f, first, second


def differenced(problem: Problem, eta: np.ndarray):
    """Return first and second derivatives by central differences of predictions of order 0."""

    def predicted(x: np.ndarray) -> np.ndarray:
        status, f, _, _ = solved(problem, x, 0)
        assert status == 0
        return f

    return slopes(predicted, eta, STEP), slopes(lambda x: slopes(predicted, x, STEP), eta, STEP)
