"""The objective of a problem as a function of unconstrained coordinates."""

from dataclasses import dataclass, replace

import numpy as np

from popmix.engine.foce import Marginal
from popmix.engine.information import Information
from popmix.errors import Status
from popmix.estimate.descent import Curvature, Point
from popmix.estimate.scale import Scale
from popmix.likelihood import Evaluation, Problem, Rule
from popmix.likelihood.priors import Priors
from popmix.model.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Objective:
    """Evaluates a problem at coordinates, with mode searches that start where the last modes are expected to move.

    With `priors` (None: without) it is the penalised one, whose minimum is the mode of the posterior on the natural scale (MAP).
    """

    problem: Problem
    scale: Scale
    rule: Rule
    threads: int | None
    priors: Priors | None = None

    def at(self, coordinates: np.ndarray, near: Point | None = None, *, globally: bool = False) -> Point | None:
        """Return the point at `coordinates`, or None where a subject's density or its gradient does not exist."""
        values = self.scale.unpack(coordinates)
        if not np.all(np.isfinite(values)):
            return None
        parameters = self.scale.template.unchecked(values)
        if not self._possible(parameters):
            return None
        modes = None if near is None else self._expected_modes(near.state, parameters)
        evaluation = self._evaluate(parameters, modes, globally)
        if near is not None and not globally:
            evaluation = self._retried(evaluation, near.state, parameters)
        if len(evaluation.failed):
            return None
        point = self.point(coordinates, evaluation)
        return point if np.all(np.isfinite(point.gradient)) else None

    def at_parameters(self, parameters: Parameters, near: Point) -> float | None:
        """Return the objective at parameters that the caller knows to be possible, None where it does not exist."""
        evaluation = self._evaluate(parameters, self._expected_modes(near.state, parameters), False)
        evaluation = self._retried(evaluation, near.state, parameters)
        return None if len(evaluation.failed) else evaluation.ofv + evaluation.prior

    def point(self, coordinates: np.ndarray, evaluation: Evaluation) -> Point:
        """Return value and gradient of an evaluation in unconstrained coordinates."""
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = self._slopes(evaluation) @ self.scale.jacobian(coordinates)
        return Point(coordinates, evaluation.ofv + evaluation.prior, gradient, evaluation)

    def curvature(self, point: Point) -> Curvature:
        """Return the information of a point in unconstrained coordinates.

        Its cautious form counts log SDs of random effects with their information if the effects were observed, 4 for each of
        them, as in an EM algorithm: an effect that the data hardly show yet would collapse in one step without it.
        """
        information = self.problem.information(point.state, self.rule, threads=self.threads)
        jacobian, values = self.scale.jacobian(point.x), point.state.parameters.values
        natural = natural_information(self.problem, point.state.parameters, information)
        if self.priors:
            natural = natural + self.priors.curvature(values)
        matrix = jacobian.T @ natural @ jacobian
        if self.priors:
            matrix += np.diag(self.priors.gradient(values)[self.scale.free] * self.scale.curves(point.x))
        matrix += np.diag(np.maximum(self.scale.bend(point.x, self._slopes(point.state)), 0.0))
        kinds = np.array(self.scale.template.kinds)[self.scale.free]
        complete = np.where(np.isin(kinds, ("iiv", "iov")), 4.0 * self.problem.weights.sum(), 0.0)
        return Curvature(matrix, np.maximum(complete - np.diag(matrix), 0.0))

    def _evaluate(self, parameters: Parameters, modes: list[np.ndarray] | None, globally: bool) -> Evaluation:
        evaluation = self.problem.evaluate(parameters, self.rule, modes=modes, globally=globally, threads=self.threads)
        return replace(evaluation, prior=self.priors.value(parameters.values)) if self.priors else evaluation

    def _slopes(self, evaluation: Evaluation) -> np.ndarray:
        """Return the gradient by all parameters on the natural scale."""
        slopes = self.problem.weights @ natural_scores(self.problem, evaluation)
        return slopes + self.priors.gradient(evaluation.parameters.values) if self.priors else slopes

    def _retried(self, evaluation: Evaluation, near: Evaluation, parameters: Parameters) -> Evaluation:
        """Search globally once for subjects whose mode search failed from the expected mode."""
        if not len(evaluation.failed):
            return evaluation
        hopeless = np.isin(evaluation.marginal.status, (Status.MODE_NOT_CONVERGED, Status.CURVATURE_NOT_POSITIVE, Status.NOT_FINITE))
        if not np.all(hopeless[evaluation.failed]):
            return evaluation
        return self._evaluate(parameters, [marginal.eta for marginal in near.groups], True)

    def _possible(self, parameters: Parameters) -> bool:
        omega = parameters.omega()
        if not np.all(np.isfinite(omega)):
            return False
        if len(omega) == 0:
            return True
        sds = np.sqrt(np.diag(omega))
        return bool(np.all(sds > 1e-100) and np.linalg.eigvalsh(omega / np.outer(sds, sds))[0] > 1e-14)

    def _expected_modes(self, last: Evaluation, parameters: Parameters) -> list[np.ndarray]:
        """Return the modes of every latent group moved along their derivatives: d eta = -L^-1 (d2l/(deta dx) dx + dP eta)."""
        return [self._moved(marginal, last.parameters, parameters) for marginal in last.groups]

    def _moved(self, marginal: Marginal, old: Parameters, parameters: Parameters) -> np.ndarray:
        problem, omega = self.problem, self.problem.omega(parameters)
        shift = marginal.mode_by_fixed @ (problem.fixed(parameters) - problem.fixed(old))
        if len(old.eta_names):
            precision_change = np.linalg.inv(omega) - np.linalg.inv(problem.omega(old))
            shift -= np.einsum("nij,jk,nk->ni", marginal.inverse_curvature, precision_change, marginal.eta)
        # a long extrapolation is worth less than none
        sds = np.sqrt(np.diag(omega))
        usable = np.all(np.isfinite(shift) & (np.abs(shift) <= 3.0 * sds), axis=1)
        return marginal.eta + np.where(usable[:, None], shift, 0.0)


def natural_scores(problem: Problem, evaluation: Evaluation) -> np.ndarray:
    """Return each subject's gradient by all parameters on the natural scale (SDs, correlations), [subjects, parameters]."""
    parameters, marginal = evaluation.parameters, evaluation.marginal
    scores = np.zeros((problem.n_subjects, len(parameters)))
    np.add.at(scores.T, problem.compiled.positions, marginal.by_fixed.T)
    by_omega = problem.effects.gathered(marginal.by_omega, len(parameters.eta_names))
    for position, change in omega_changes(parameters):
        scores[:, position] += np.einsum("nij,ij->n", by_omega, change)
    return scores


def natural_information(problem: Problem, parameters: Parameters, information: Information) -> np.ndarray:
    """Return the expected information of the population in all parameters on the natural scale."""
    weights, fixed = problem.weights, problem.compiled.positions
    changes = omega_changes(parameters)
    positions = np.array([position for position, _ in changes], dtype=int)
    size = len(parameters.eta_names)
    matrices = problem.effects.spread(np.array([change for _, change in changes]).reshape(len(changes), size, size))
    full = np.zeros((len(parameters), len(parameters)))
    pulled = np.einsum("nij,pjk->npik", information.omega, matrices)
    full[np.ix_(positions, positions)] = np.einsum("n,npij,nqji->pq", weights, pulled, pulled)
    mixed = np.einsum("n,nxij,pji->xp", weights, information.mixed, matrices)
    # an SD that stands in an expression is informed on both ways
    np.add.at(full, np.ix_(fixed, fixed), np.einsum("n,nxz->xz", weights, information.fixed))
    np.add.at(full, np.ix_(fixed, positions), mixed)
    np.add.at(full, np.ix_(positions, fixed), mixed.T)
    return full


def omega_changes(parameters: Parameters) -> list[tuple[int, np.ndarray]]:
    """Return (position, d omega / d parameter) for every SD and correlation."""
    omega = parameters.omega()
    sds = np.sqrt(np.diag(omega))
    found = []
    for block in parameters.blocks:
        for eta, position in zip(block.etas, block.sds, strict=True):
            change = np.zeros_like(omega)
            change[eta] += omega[eta] / sds[eta]
            change[:, eta] += omega[eta] / sds[eta]
            found.append((position, change))
        for row, column, position in block.correlations:
            change = np.zeros_like(omega)
            i, j = block.etas[row], block.etas[column]
            change[i, j] = change[j, i] = sds[i] * sds[j]
            found.append((position, change))
    return found
