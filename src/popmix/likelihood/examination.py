"""How far importance sampling can be trusted at given parameters: Monte Carlo error, effective draws, the tail of the weights.

With a `defence` d of the rule, a share d of the draws come from N(0, omega), the distribution of the effects without data, and all have the
density of the mixture: as the likelihood of the data is bounded no weight is large, and modes far from the one that is known are found.

Source: Hesterberg, defensive mixtures (Technometrics 37:185, 1995).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from popmix.engine.bundle import Bundle
from popmix.engine.foce import Marginal, new_marginal
from popmix.engine.mode import new_prior
from popmix.engine.quadrature import Grid, new_workspace, quadratures
from popmix.errors import Status
from popmix.likelihood.candidates import candidates
from popmix.likelihood.pareto import pareto_shape
from popmix.likelihood.problem import Evaluation, Problem
from popmix.likelihood.sampling import REPLICATES, Proposals, Sampling, stratified
from popmix.model.parameters import Parameters

# latent groups less probable than this do not speak for the draws of a subject
_LEAST_MEMBERSHIP = 0.05
# what the seed of draws from omega has more than that of others
_DEFENCE = 77


@dataclass(frozen=True, eq=False)
class Sampled:
    """What draws say of themselves, by subject [S] (of latent groups [groups, S]); nan for subjects that do not count.

    evaluation: the likelihood, without derivatives; error: the standard deviation of the objective of a subject, from sets of draws;
    effective: the share of draws that would tell as much if all had the same weight; shape: Pareto k of the weights; moments: what the next
    proposals are made of.
    """

    evaluation: Evaluation
    error: np.ndarray
    effective: np.ndarray
    shape: np.ndarray
    moments: Proposals


def examine(problem: Problem, parameters: Parameters, rule: Sampling, modes: Sequence[np.ndarray], threads: int | None) -> Sampled:
    """Return the likelihood by importance sampling at given parameters, and how far it can be trusted.

    `modes` of every latent group, where the search for the modes begins, which looks elsewhere too.
    """
    groups = [_Examination(problem, parameters, rule, modes[group], group) for group in range(problem.n_groups)]
    for group in groups:
        problem.over_subjects(group.draw, threads, most=rule.most_per_call(problem.code.n_etas))
    error, effective, shape, shift, factor = (np.stack(part) for part in zip(*(group.findings for group in groups), strict=True))
    evaluation = problem.gathered(parameters, tuple(group.marginal for group in groups))
    counted, membership = np.isfinite(evaluation.individual) & (problem.weights > 0), evaluation.membership.T
    speaks = membership > _LEAST_MEMBERSHIP
    return Sampled(
        evaluation=evaluation,
        error=np.where(counted, np.sqrt(np.sum((membership * error) ** 2, axis=0)), np.nan),
        effective=np.where(counted, np.min(np.where(speaks, effective, np.inf), axis=0), np.nan),
        shape=np.where(counted, np.max(np.where(speaks, shape, -np.inf), axis=0), np.nan),
        moments=Proposals(shift, factor),
    )


def adapted(rule: Sampling, sampled: Sampled) -> Sampling:
    """Return a rule that draws around the conditional means, as wide as the conditional covariances, that draws have found.

    Its draws are others: a proposal made of the draws that it is used for would bias the likelihood.
    """
    return replace(rule, round=rule.round + 1, proposals=sampled.moments)


class _Examination:
    """The draws of all subjects in one latent group, and what they say."""

    def __init__(self, problem: Problem, parameters: Parameters, rule: Sampling, modes: np.ndarray, group: int) -> None:
        n, n_subjects = problem.code.n_etas, problem.n_subjects
        self.problem, self.rule, self.group, self.n = problem, rule, group, n
        self.omega, self.fixed = problem.omega(parameters), problem.fixed(parameters)
        self.marginal = new_marginal(n_subjects, problem.code.n_fixed, n)
        self.marginal.eta[:] = modes
        self.error, self.effective, self.shape = (np.full(n_subjects, start) for start in (0.0, 1.0, np.nan))
        self.shift, self.factor = np.zeros((n_subjects, n)), np.tile(np.eye(n), (n_subjects, 1, 1))

    @property
    def findings(self) -> tuple[np.ndarray, ...]:
        """Error, effective share, shape, and the moments."""
        return self.error, self.effective, self.shape, self.shift, self.factor

    def draw(self, subjects: np.ndarray) -> None:
        """Draw for some subjects."""
        if self.rule.defence and self.n:
            # where the modes are, and how wide
            self._weigh(subjects, Grid(np.zeros((1, 1, self.n)), np.zeros((1, 1)), slopes=False, lenient=True))
            grid = _defended(self.rule, subjects, self.group, self.marginal, np.linalg.cholesky(self.omega))
        else:
            grid = self.rule.grid(subjects, self.group, self.n, slopes=False)
        self._judge(subjects, grid.nodes, self._weigh(subjects, grid))

    def _weigh(self, part: np.ndarray, grid: Grid) -> np.ndarray:
        """Return the logarithms of the shares of the draws."""
        space = new_workspace(self.problem.code.n_fixed, self.n, grid.nodes.shape[1], len(grid.nodes))
        prior = Bundle(new_prior(self.omega, candidates(self.n)))
        with self.problem.lent(self.group) as memory:
            quadratures(part, True, self.fixed, prior, Bundle(grid), *memory, Bundle(space), Bundle(self.marginal))
        return space.heights

    def _judge(self, part: np.ndarray, nodes: np.ndarray, heights: np.ndarray) -> None:
        first, n_draws = self.problem.timeline.first_observation, self.rule.draws
        sound = (self.marginal.status[part] == Status.OK) & (first[part + 1] > first[part]) & (self.n > 0)
        told = part[sound]
        if not len(told):
            return
        shares = np.exp(heights[sound])
        sums = np.sum(shares**2, axis=1)
        self.effective[told] = 1.0 / (sums * n_draws)
        sets = REPLICATES * np.sum(shares.reshape(len(told), REPLICATES, -1), axis=2)
        self.error[told] = 2.0 * np.std(sets, axis=1, ddof=1) / math.sqrt(REPLICATES)
        self.shape[told] = pareto_shape(heights[sound])
        self.shift[told], self.factor[told] = _moments(shares, nodes[sound], 1.0 / sums)


def _defended(rule: Sampling, subjects: np.ndarray, group: int, result: Marginal, root: np.ndarray) -> Grid:
    """Return draws from the proposals and from omega with the weights of the mixture."""
    n, half = len(root), rule.draws // (2 * REPLICATES)
    n_prior = max(1, round(rule.defence * half))
    share = n_prior / half
    nodes, log_weights = np.zeros((len(subjects), rule.draws, n)), np.zeros((len(subjects), rule.draws))
    for place, subject in enumerate(subjects):
        if result.status[subject] != Status.OK or not np.any(result.inverse_curvature[subject]):
            continue  # failed, or without an observation
        # the upper triangular C with C C' the inverse curvature, as the engine has it
        backward = slice(None, None, -1)
        c = np.linalg.cholesky(result.inverse_curvature[subject][backward, backward])[backward, backward]
        generator = np.random.default_rng((rule.seed, rule.round, group, int(subject), _DEFENCE))
        whitened = stratified(generator, n_prior, n, math.inf)
        far = np.linalg.solve(c, (whitened @ root.T - result.eta[subject]).reshape(-1, n).T).T.reshape(whitened.shape)
        z = np.concatenate([rule.drawn(int(subject), group, n, half - n_prior), far], axis=1).reshape(rule.draws, n)
        standard = np.linalg.solve(root, (result.eta[subject] + z @ c.T).T)
        volume = np.sum(np.log(np.diag(c))) - np.sum(np.log(np.diag(root)))
        of_prior = volume - 0.5 * (n * math.log(2 * math.pi) + np.sum(standard**2, axis=0))
        mixture = np.logaddexp(math.log1p(-share) + rule.log_density(int(subject), group, z), math.log(share) + of_prior)
        nodes[place], log_weights[place] = z, -math.log(rule.draws) - 0.5 * n * math.log(2 * math.pi) - mixture
    return Grid(nodes, log_weights, slopes=False, lenient=True)


def _moments(shares: np.ndarray, nodes: np.ndarray, effective: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means and Cholesky factors of covariances; the fewer effective draws, the more they lean on the curvature."""
    n = nodes.shape[2]
    mean = np.einsum("sq,sqk->sk", shares, nodes)
    covariance = np.einsum("sq,sqk,sqm->skm", shares, nodes, nodes) - mean[:, :, None] * mean[:, None, :]
    weight = (n + 1.0) / (n + 1.0 + effective)[:, None, None]
    return mean, np.linalg.cholesky((1.0 - weight) * covariance + weight * np.eye(n))
