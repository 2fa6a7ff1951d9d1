"""Importance sampling of the marginal likelihood: a rule whose nodes are drawn, and how far its sums can be trusted.

With eta* the mode, C C' the inverse curvature there and z drawn from a density g, the marginal likelihood of a subject is estimated by

    (1/Q) sum_q exp(-l(eta* + C z_q)) det C / g(z_q)     (times constants)

g is a Student distribution, of the shape of the curvature, or shifted and stretched to the mean and covariance of the conditional
distribution as an earlier round of draws found them (`Proposals`). The draws of a subject depend on the seed alone: the same ones serve
at all parameter values, so the estimated likelihood is smooth and has an exact gradient.
"""

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import fdtri, gammaincinv, gammaln

from popmix.engine.bundle import Bundle
from popmix.engine.code import Code
from popmix.engine.foce import Marginal, new_marginal
from popmix.engine.mode import new_prior
from popmix.engine.quadrature import Grid, new_workspace, quadratures
from popmix.errors import Status
from popmix.likelihood.candidates import candidates
from popmix.likelihood.mixture import mixed
from popmix.likelihood.pareto import pareto_shape
from popmix.likelihood.problem import Problem
from popmix.likelihood.rules import Evaluator, Rule
from popmix.model.parameters import Parameters

# sets of draws, from whose differences the error of their mean is known
REPLICATES = 10
# numbers that the draws of one call may take
_MOST_NUMBERS = 4_000_000
_MOST_PER_CALL = 100
# latent groups less probable than this do not speak for the draws of a subject
_LEAST_MEMBERSHIP = 0.05


class Proposals(NamedTuple):
    """Where and how wide to draw, in units of C around the mode: shift [groups, S, n], lower triangular factor [groups, S, n, n]."""

    shift: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True, eq=False)
class Sampling(Rule):
    """Importance sampling with `draws` for every subject from a Student distribution with `freedom` degrees of freedom (inf: normal).

    The draws are `REPLICATES` sets, independent of each other; in each, directions are random, distances from the centre stratified
    (one in every stratum of the same probability), and a draw and its mirror image a pair: where the conditional distribution is nearly
    normal this leaves a third of the error of independent draws. Their number must be a multiple of twice that of the sets. Draws at which
    the density does not exist count as places where it is zero.
    """

    draws: int = 1000
    freedom: float = 5.0
    seed: int = 1
    round: int = 0
    proposals: Proposals | None = None
    kept: dict = field(default_factory=dict, init=False, repr=False)
    interaction: ClassVar[bool] = True
    is_exact: ClassVar[bool] = True

    def evaluator(self, code: Code, group: int) -> Evaluator:
        """Return what evaluates subjects."""

        def evaluate(subjects, globally, fixed, prior, memory, result):
            for part in np.array_split(subjects, self.n_parts(len(subjects), code.n_etas)):
                grid = self.grid(part, group, code.n_etas, slopes=True)
                space = Bundle(new_workspace(code.n_fixed, code.n_etas, grid.nodes.shape[1], len(part)))
                quadratures(part, globally, fixed, prior, Bundle(grid), *memory, space, result)

        return evaluate

    def n_parts(self, n_subjects: int, n_effects: int) -> int:
        """Return in how many calls subjects are evaluated, so that the draws take a bounded memory."""
        return max(1, -(-n_subjects * self.draws * max(n_effects, 1) // _MOST_NUMBERS))

    def grid(self, subjects: np.ndarray, group: int, n_effects: int, *, slopes: bool) -> Grid:
        """Return the draws of subjects as nodes, with the logarithms of their weights."""
        n_draws = self.draws if n_effects else 1
        nodes, log_weights = np.zeros((len(subjects), n_draws, n_effects)), np.zeros((len(subjects), n_draws))
        for place, subject in enumerate(subjects if n_effects else ()):
            drawn, log_density = self._drawn(int(subject), group, n_effects)
            log_weights[place] = -math.log(n_draws) - 0.5 * n_effects * math.log(2 * math.pi) - log_density
            if self.proposals is not None:
                factor = self.proposals.factor[group, subject]
                drawn = self.proposals.shift[group, subject] + drawn @ factor.T
                log_weights[place] += np.sum(np.log(np.diag(factor)))
            nodes[place] = drawn
        return Grid(nodes, log_weights, slopes=slopes, lenient=True)

    def _drawn(self, subject: int, group: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return draws [draws, n] and the logarithms of their density, kept for the next time while they take little memory."""
        known = self.kept.get((subject, group))
        if known is not None:
            return known
        generator = np.random.default_rng((self.seed, self.round, group, subject))
        half = self.draws // (2 * REPLICATES)
        directions = generator.standard_normal((REPLICATES, half, n))
        directions /= np.linalg.norm(directions, axis=2, keepdims=True)
        radii = self._radius(n, (np.arange(half) + generator.random((REPLICATES, half))) / half)
        drawn = directions * radii[:, :, None]
        drawn = np.concatenate([drawn, -drawn], axis=1).reshape(self.draws, n)
        found = drawn, self._log_density(drawn)
        if (len(self.kept) + 1) * drawn.size <= _MOST_NUMBERS:
            self.kept[subject, group] = found
        return found

    def _radius(self, n: int, share: np.ndarray) -> np.ndarray:
        """Return the distances from the centre within which these shares of the draws lie."""
        if math.isinf(self.freedom):
            return np.sqrt(2.0 * gammaincinv(0.5 * n, share))
        return np.sqrt(n * fdtri(n, self.freedom, share))

    def _log_density(self, drawn: np.ndarray) -> np.ndarray:
        n, squares = drawn.shape[1], np.sum(drawn * drawn, axis=1)
        if math.isinf(self.freedom):
            return -0.5 * (n * math.log(2 * math.pi) + squares)
        constant = gammaln(0.5 * (self.freedom + n)) - gammaln(0.5 * self.freedom) - 0.5 * n * math.log(self.freedom * math.pi)
        return constant - 0.5 * (self.freedom + n) * np.log1p(squares / self.freedom)


@dataclass(frozen=True, eq=False)
class Sampled:
    """What draws say of themselves, by subject [S] (of latent groups [groups, S]); nan for subjects that do not count.

    ofv: -2 log of the estimated likelihood, without what the data add; error: its standard deviation, from sets of draws; effective: the
    share of draws that would tell as much if all had the same weight; shape: Pareto k of the weights; moments: what the next
    proposals are made of.
    """

    ofv: np.ndarray
    error: np.ndarray
    effective: np.ndarray
    shape: np.ndarray
    status: np.ndarray
    groups: tuple[Marginal, ...]
    moments: Proposals

    def where(self, mine: np.ndarray, other: "Sampled") -> "Sampled":
        """Return this for the subjects that are `mine`, the other for the rest; groups and moments stay."""
        fields = ("ofv", "error", "effective", "shape", "status")
        return replace(self, **{name: np.where(mine, getattr(self, name), getattr(other, name)) for name in fields})


def examine(problem: Problem, parameters: Parameters, rule: Sampling, modes: list[np.ndarray], threads: int | None) -> Sampled:
    """Return the likelihood by importance sampling at given parameters, and how far it can be trusted.

    `modes` of every latent group, where the search for the modes begins, which looks elsewhere too.
    """
    groups, own = zip(
        *(_examined(problem, parameters, rule, modes[group], threads, group) for group in range(problem.n_groups)), strict=True
    )
    error, effective, shape, shift, factor = (np.stack(part) for part in zip(*own, strict=True))
    marginal, membership = groups[0], np.ones((problem.n_subjects, 1))
    if problem.n_groups > 1:
        marginal, membership = mixed(groups, problem.shares(parameters))
    counted = (problem.weights > 0) & (marginal.status == Status.OK)
    speaks = membership.T > _LEAST_MEMBERSHIP
    return Sampled(
        ofv=np.where(counted, marginal.ofv, np.nan),
        error=np.where(counted, np.sqrt(np.sum((membership.T * error) ** 2, axis=0)), np.nan),
        effective=np.where(counted, np.min(np.where(speaks, effective, np.inf), axis=0), np.nan),
        shape=np.where(counted, np.max(np.where(speaks, shape, -np.inf), axis=0), np.nan),
        status=marginal.status,
        groups=groups,
        moments=Proposals(shift, factor),
    )


def adapted(rule: Sampling, sampled: Sampled) -> Sampling:
    """Return a rule that draws around the conditional means, as wide as the conditional covariances, that draws have found.

    Its draws are others: a proposal made of the draws that it is used for would bias the likelihood.
    """
    return replace(rule, round=rule.round + 1, proposals=sampled.moments)


def _examined(
    problem: Problem, parameters: Parameters, rule: Sampling, modes: np.ndarray, threads: int | None, group: int
) -> tuple[Marginal, tuple[np.ndarray, ...]]:
    code, n = problem.code, problem.code.n_etas
    result = new_marginal(problem.n_subjects, code.n_fixed, n)
    result.eta[:] = modes
    omega, fixed, found = problem.omega(parameters), problem.fixed(parameters), Bundle(result)
    error, effective, shape = (np.full(problem.n_subjects, start) for start in (0.0, 1.0, np.nan))
    shift, factor = np.zeros((problem.n_subjects, n)), np.tile(np.eye(n), (problem.n_subjects, 1, 1))
    observed = np.diff(problem.timeline.first_observation) > 0

    def task(subjects: np.ndarray) -> None:
        for part in np.array_split(subjects, rule.n_parts(len(subjects), n)):
            grid = rule.grid(part, group, n, slopes=False)
            space = new_workspace(code.n_fixed, n, grid.nodes.shape[1], len(part))
            with problem.lent(group) as memory:
                prior = Bundle(new_prior(omega, candidates(n)))
                quadratures(part, True, fixed, prior, Bundle(grid), *memory, Bundle(space), found)
            sound = (result.status[part] == Status.OK) & observed[part] & (n > 0)
            told = part[sound]
            if not len(told):
                continue
            heights, nodes = space.heights[sound], grid.nodes[sound]
            shares = np.exp(heights)
            sums = np.sum(shares**2, axis=1)
            effective[told] = 1.0 / (sums * rule.draws)
            sets = REPLICATES * np.sum(shares.reshape(len(told), REPLICATES, -1), axis=2)
            error[told] = 2.0 * np.std(sets, axis=1, ddof=1) / math.sqrt(REPLICATES)
            shape[told] = pareto_shape(heights)
            shift[told], factor[told] = _moments(shares, nodes, 1.0 / sums)

    problem.over_subjects(task, threads, most=_MOST_PER_CALL)
    return result, (error, effective, shape, shift, factor)


def _moments(shares: np.ndarray, nodes: np.ndarray, effective: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means and Cholesky factors of covariances; the fewer effective draws, the more they lean on the curvature."""
    n = nodes.shape[2]
    mean = np.einsum("sq,sqk->sk", shares, nodes)
    covariance = np.einsum("sq,sqk,sqm->skm", shares, nodes, nodes) - mean[:, :, None] * mean[:, None, :]
    weight = (n + 1.0) / (n + 1.0 + effective)[:, None, None]
    return mean, np.linalg.cholesky((1.0 - weight) * covariance + weight * np.eye(n))
