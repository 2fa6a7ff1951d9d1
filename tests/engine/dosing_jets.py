"""Predictions of one subject with their first and second derivatives in the random effects, from the engine and by differences."""

import numpy as np
from differences import slopes
from numba import njit

from popmix.engine.bundle import Bundle
from popmix.engine.compiled import call_at
from popmix.engine.density import set_individual
from popmix.engine.work import new_work
from popmix.likelihood import Problem
from popmix.model.parameters import parameters_of

# fourth order twice: an error of about step^4, and roundings of the values over step^2
STEP = 3e-3


@njit
def _solve(order, subject, eta, code, timeline, work):
    set_individual(order, subject, eta, code, timeline, work)
    return call_at(code.solve, (order, subject, code, timeline, work))


class Solver:
    """One problem with the working memory for its first subject, whose other parameters stay at their start values."""

    def __init__(self, problem: Problem) -> None:
        self.code, self.timeline = problem.code, problem.timeline
        self.work = new_work(self.code, self.timeline)
        self.work.unknowns[: self.code.n_fixed] = parameters_of(problem.model).values[: self.code.n_fixed]
        self.bundles = Bundle(self.code), Bundle(self.timeline), Bundle(self.work)
        self.n = int(self.timeline.first_observation[1])

    def values(self, eta: np.ndarray) -> np.ndarray:
        """Return predictions of order 0; all must be well."""
        assert _solve(0, 0, eta, *self.bundles) == 0
        return self.work.prediction[: self.n, 0].copy()

    def status(self, eta: np.ndarray, order: int) -> int:
        """Return the status alone."""
        return _solve(order, 0, eta, *self.bundles)

    def jets(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return predictions [n], their first [n, etas] and second derivatives [n, etas, etas]."""
        assert _solve(2, 0, eta, *self.bundles) == 0
        code, work, n, timeline = self.code, self.work, self.n, self.timeline
        n_d, n_u, n_etas = code.n_directions, code.n_fixed + code.n_etas, code.n_etas
        own = slice(code.n_fixed, n_u)
        jacobian = work.individual[n_d : n_d + n_d * n_u].reshape(n_d, n_u)[:, own]
        curves = work.individual[n_d + n_d * n_u :][: n_d * n_u * n_u].reshape(n_d, n_u, n_u)[:, own, own]
        first, second = np.zeros((n, n_etas)), np.zeros((n, n_etas, n_etas))
        for j in range(n):
            endpoint = timeline.endpoint[j]
            active = code.active[endpoint, 0, : code.n_active[endpoint, 0]]
            slope, lower = work.first[j, 0, active], np.tril(work.second[j, 0][np.ix_(active, active)])
            through = jacobian[active]
            first[j] = slope @ through
            second[j] = through.T @ (lower + np.tril(lower, -1).T) @ through + np.einsum("d,dab->ab", slope, curves[active])
        return work.prediction[:n, 0].copy(), first, second

    def differences(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return first and second derivatives by central differences of values."""
        return slopes(self.values, eta, STEP), slopes(lambda x: slopes(self.values, x, STEP), eta, STEP)
