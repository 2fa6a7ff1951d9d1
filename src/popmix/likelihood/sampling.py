"""Importance sampling of the marginal likelihood: a rule whose nodes are drawn.

With eta* the mode, C C' the inverse curvature there and z drawn from a density g, the marginal likelihood of a subject is estimated by

    (1/Q) sum_q exp(-l(eta* + C z_q)) det C / g(z_q)     (times constants)

g is a Student distribution, of the shape of the curvature, or shifted and stretched to the mean and covariance of the conditional
distribution as an earlier round of draws found them (`Proposals`). The draws of a subject depend on the seed alone: the same ones serve
at all parameter values, so the estimated likelihood is smooth and has an exact gradient.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
import scipy  # its parts are loaded when they are first used

from popmix.engine.bundle import Bundle
from popmix.engine.code import Code
from popmix.engine.quadrature import Grid, new_workspace, quadratures
from popmix.likelihood.rules import Evaluator, Rule, subjects_for

# sets of draws, from whose differences the error of their mean is known
REPLICATES = 10
# a distance is drawn as one of so many cells of its stratum: a sum over them differs from the integral by far less than by chance
_CELLS = 64
# numbers that are kept of draws for the next evaluation
_MOST_NUMBERS = 4_000_000


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
    the density does not exist count as places where it is zero. `defence`: see `popmix.likelihood.examination`.
    """

    draws: int = 1000
    freedom: float = 5.0
    seed: int = 1
    round: int = 0
    defence: float = 0.0
    proposals: Proposals | None = None
    kept: dict = field(default_factory=dict, init=False, repr=False)
    interaction: ClassVar[bool] = True
    is_exact: ClassVar[bool] = True

    def evaluator(self, code: Code, group: int) -> Evaluator:
        """Return what evaluates subjects."""

        def evaluate(subjects, globally, fixed, prior, memory, result):
            grid = self.grid(subjects, group, code.n_etas, slopes=True)
            space = Bundle(new_workspace(code.n_fixed, code.n_etas, grid.nodes.shape[1], len(subjects)))
            quadratures(subjects, globally, fixed, prior, Bundle(grid), *memory, space, result)

        return evaluate

    def most_per_call(self, n_effects: int) -> int:
        """Return how many subjects one compiled call may take, which can't be interrupted."""
        return subjects_for(self.draws)

    def grid(self, subjects: np.ndarray, group: int, n_effects: int, *, slopes: bool) -> Grid:
        """Return the draws of subjects as nodes, with the logarithms of their weights."""
        n_draws = self.draws if n_effects else 1
        nodes, log_weights = np.zeros((len(subjects), n_draws, n_effects)), np.zeros((len(subjects), n_draws))
        for place, subject in enumerate(subjects if n_effects else ()):
            drawn = self.drawn(int(subject), group, n_effects)
            nodes[place], log_density = drawn.reshape(n_draws, -1), self.log_density(int(subject), group, drawn.reshape(n_draws, -1))
            log_weights[place] = -math.log(n_draws) - 0.5 * n_effects * math.log(2 * math.pi) - log_density
        return Grid(nodes, log_weights, slopes=slopes, lenient=True)

    def drawn(self, subject: int, group: int, n: int, half: int = 0) -> np.ndarray:
        """Return draws [sets, 2 half, n] of a subject from its proposal; `half` is half their number in a set, by default of all draws."""
        half = half or self.draws // (2 * REPLICATES)
        known = self.kept.get((subject, group, n, half))
        if known is None:
            known = stratified(np.random.default_rng((self.seed, self.round, group, subject)), half, n, self.freedom)
            # kept for the next time while they take little memory
            if (len(self.kept) + 1) * known.size <= _MOST_NUMBERS:
                self.kept[subject, group, n, half] = known
        if self.proposals is None:
            return known
        return self.proposals.shift[group, subject] + known @ self.proposals.factor[group, subject].T

    def log_density(self, subject: int, group: int, z: np.ndarray) -> np.ndarray:
        """Return the logarithms of the density of the proposal of a subject at places [., n]."""
        n, volume = z.shape[1], 0.0
        if self.proposals is not None:
            factor = self.proposals.factor[group, subject]
            z = np.linalg.solve(factor, (z - self.proposals.shift[group, subject]).T).T
            volume = float(np.sum(np.log(np.diag(factor))))
        squares = np.sum(z * z, axis=1)
        if math.isinf(self.freedom):
            return -0.5 * (n * math.log(2 * math.pi) + squares) - volume
        constant = math.lgamma(0.5 * (self.freedom + n)) - math.lgamma(0.5 * self.freedom) - 0.5 * n * math.log(self.freedom * math.pi)
        return constant - 0.5 * (self.freedom + n) * np.log1p(squares / self.freedom) - volume


def stratified(generator: np.random.Generator, half: int, n: int, freedom: float) -> np.ndarray:
    """Return sets of draws [sets, 2 half, n] from a Student distribution: random directions, stratified distances, in pairs."""
    directions = generator.standard_normal((REPLICATES, half, n))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    places = np.arange(half) * _CELLS + generator.integers(_CELLS, size=(REPLICATES, half))
    drawn = directions * _radii(n, freedom, half * _CELLS)[places][:, :, None]
    return np.concatenate([drawn, -drawn], axis=1)


@lru_cache(maxsize=64)
def _radii(n: int, freedom: float, n_cells: int) -> np.ndarray:
    """Return the middles of cells of equal probability of the distance from the centre."""
    share = (np.arange(n_cells) + 0.5) / n_cells
    if math.isinf(freedom):
        return np.sqrt(2.0 * scipy.special.gammaincinv(0.5 * n, share))
    return np.sqrt(n * scipy.special.fdtri(n, freedom, share))
