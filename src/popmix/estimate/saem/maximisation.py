"""The M-step: what is kept of the simulated effects (sufficient statistics), and the parameters that they give.

Kept, averaged over iterations with the gains of Delyon, Lavielle and Moulines (Ann Stat 27:94, 1999), are the individual parameters on the
normal scale phi by subject, sums of their products, and sums of squared residuals. They give the centres by a regression of phi, omega by
its moments, and the residual SDs that scale a variance; other parameters take a step of `popmix.estimate.saem.numerical`.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from popmix.engine.mode import precision_of
from popmix.estimate.saem.centres import Centres
from popmix.estimate.saem.lines import MARGIN, Lines
from popmix.estimate.saem.numerical import Numerical
from popmix.estimate.saem.residuals import Residuals
from popmix.estimate.saem.spread import Spread
from popmix.likelihood import Problem
from popmix.model.parameters import Parameters


@dataclass(eq=False)
class Maximisation:
    """The state of the parameters, natural scale in `values`, and of what is kept of the simulation."""

    problem: Problem
    start: Parameters
    weights: np.ndarray
    centres: Centres
    spread: Spread
    residuals: Residuals
    numerical: Numerical
    values: np.ndarray
    c: np.ndarray
    mu: np.ndarray
    phi: np.ndarray = field(init=False)
    products: np.ndarray = field(init=False)
    squares: np.ndarray = field(init=False)
    information: np.ndarray = field(init=False)
    omega: np.ndarray = field(init=False)
    precision: np.ndarray = field(init=False)
    root: np.ndarray = field(init=False)
    ridges: np.ndarray = field(init=False)

    @classmethod
    def of(cls, problem: Problem, start: Parameters, weights: np.ndarray, n_chains: int) -> "Maximisation":
        """Set out from start values; `weights` by subject, 0 for those that tell nothing."""
        centres, residuals = Centres.of(problem, weights), Residuals.of(problem, start, weights)
        known = {*centres.positions.tolist(), *residuals.positions.tolist()}
        free = [k for k in problem.compiled.positions.tolist() if not start.fixed[k] and k not in known]
        positions = np.array(free, dtype=np.int64)
        numerical = Numerical(positions, Lines.of(start, positions), np.isin(positions, residuals.widths), weights, n_chains)
        spread = Spread.of(problem, start, weights, centres.present)
        values = start.values.copy()
        c = centres.coordinates(values)
        return cls(problem, start, weights, centres, spread, residuals, numerical, values, c, centres.at(c, values)[0])

    def __post_init__(self) -> None:
        n, size = self.mu.shape
        self.phi, self.products = np.zeros((n, size)), np.zeros((size, size))
        self.squares, self.information = np.zeros(len(self.residuals.positions)), np.zeros((len(self.c), len(self.c)))
        self.ridges = np.zeros((n, size, len(self.problem.compiled.positions)))
        self._set_omega()

    def _set_omega(self) -> None:
        self.omega = self.spread.omega(self.values)
        self.precision, self.root = precision_of(self.omega), np.linalg.cholesky(self.omega)

    @property
    def fixed(self) -> np.ndarray:
        """The values of the unknowns other than effects, as the engine takes them."""
        return self.values[self.problem.compiled.positions]

    def points(self, iteration: int) -> np.ndarray:
        """Return the other values of these unknowns at which the engine computes l."""
        return self.numerical.points(iteration, self.values, self.problem.compiled.positions)

    @cached_property
    def _ridged(self) -> np.ndarray:
        """Which of the unknowns other than effects take steps while the effects follow: none that are part of the density of effects."""
        own, linked = self.numerical, [self.start.index(name) for name in self.problem.compiled.lowered.linked]
        return np.isin(self.problem.compiled.positions, own.positions[~own.widths & ~np.isin(own.positions, linked)])

    @cached_property
    def has_ridges(self) -> bool:
        """Whether there are parameters that effects may follow."""
        return bool(np.any(self._ridged))

    def set_ridges(self, mode_by_fixed: np.ndarray) -> None:
        """Let effects follow as conditional modes do: d mode / d unknowns [subjects, effects, fixed unknowns]."""
        self.ridges = mode_by_fixed * self._ridged * self.centres.present[:, :, None]

    def along(self, changes: np.ndarray) -> np.ndarray:
        """Return how effects follow changes [M, fixed unknowns]: [subjects, M, effects]."""
        if not self.has_ridges:
            return np.zeros((len(self.mu), len(changes), self.mu.shape[1]))
        return np.ascontiguousarray(np.einsum("skx,mx->smk", self.ridges, changes))

    def absorb(self, eta: np.ndarray, squares: np.ndarray, gain: float) -> None:
        """Average effects [subjects, chains, effects] and squared residuals [subjects, endpoints] into what is kept."""
        n, n_chains, size = eta.shape
        phi = (eta + self.mu[:, None]) * self.centres.present[:, None]
        flat = phi.reshape(n * n_chains, size)
        products = (flat * np.repeat(self.weights / n_chains, n_chains)[:, None]).T @ flat
        self.phi += gain * (phi.mean(axis=1) - self.phi)
        self.products += gain * (products - self.products)
        own = self.residuals
        if len(own.positions):
            sums = own.chosen @ (self.weights @ squares) * self.values[own.positions] ** 2
            self.squares += gain * (sums - self.squares)

    def maximise(self, iteration: int, eta: np.ndarray, rises: np.ndarray, gain: float, least: float) -> np.ndarray:
        """Set all parameters, and return how far mu has moved [subjects, effects].

        `rises` [subjects, M]: those of l at the points; variances keep at least the share `least`.
        """
        values = self.values.copy()
        if len(self.numerical.positions):
            values[self.numerical.positions] = self._stepped(iteration, eta, rises, gain, least)
        own = self.residuals
        if len(own.positions):
            sds = np.maximum(np.sqrt(self.squares / own.counts), np.sqrt(least) * self.values[own.positions])
            low, high = self.start.lower[own.positions], self.start.upper[own.positions]
            values[own.positions] = np.clip(sds, low + MARGIN * np.maximum(np.abs(low), MARGIN), high)
        before, mu = self.mu, self.mu
        if len(self.c):
            self.c, self.information = self.centres.regression(self.c, values, self.phi, self.precision)
            values[self.centres.positions] = self.centres.natural(self.c)
            mu = self.centres.at(self.c, values)[0]
        self.mu = mu
        self.values = self.spread.maximised(values, self._moments(), least)
        self._set_omega()
        return mu - before

    def _moments(self) -> np.ndarray:
        """Return the sums of products of effects, phi less mu."""
        weighted = self.mu * self.weights[:, None]
        crossed = weighted.T @ self.phi
        return self.products - crossed - crossed.T + weighted.T @ self.mu

    def _stepped(self, iteration: int, eta: np.ndarray, rises: np.ndarray, gain: float, least: float) -> np.ndarray:
        finite = np.where(np.isfinite(rises), rises, 0.0)
        gradient, second = self.numerical.derivatives(iteration, finite)
        for name in self.problem.compiled.lowered.linked:
            position = self.start.index(name)
            k = np.flatnonzero(self.numerical.positions == position)
            if len(k):
                self._add_prior(int(k[0]), position, eta, gradient, second)
        return self.numerical.step(self.values, gradient, second, gain, least)

    def _add_prior(self, k: int, position: int, eta: np.ndarray, gradient: np.ndarray, second: np.ndarray) -> None:
        """Add what the density of the effects themselves tells of the log of an SD that stands in an expression."""
        effect = next(block.etas[0] for block in self.start.blocks if position in block.sds)
        own = np.flatnonzero(self.problem.effects.pattern == effect)
        counted = self.weights[:, None] * self.centres.present[:, own]
        ratio = float(np.sum(counted * np.mean(eta[:, :, own] ** 2, axis=1))) / self.values[position] ** 2
        gradient[k] += float(np.sum(counted)) - ratio
        second[k, k] += 2.0 * ratio

    def errors(self, positions: np.ndarray) -> np.ndarray:
        """Return rough SEs (natural scale): of parameters in closed form those that they would have if the effects were known.

        Nan where nothing is known.
        """
        found = np.full(len(self.values), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            if len(self.c):
                covariance = np.linalg.pinv(self.information)
                found[self.centres.positions] = np.sqrt(np.diag(covariance)) * np.abs(self.centres.slopes(self.c))
            own = self.residuals
            found[own.positions] = self.values[own.positions] / np.sqrt(2 * own.counts)
            other = self.numerical
            if len(other.positions):
                slopes = other.lines.slope(other.lines.to_line(self.values[other.positions]))
                found[other.positions] = np.abs(slopes) * other.errors()
            for block in self.start.blocks:
                for k, position in enumerate(block.sds):
                    count = self.spread.counts[block.etas[k], block.etas[k]]
                    if not self.spread.held[position]:
                        found[position] = self.values[position] / np.sqrt(2 * count)
                for row, column, position in block.correlations:
                    count = self.spread.counts[block.etas[row], block.etas[column]]
                    found[position] = (1 - self.values[position] ** 2) / np.sqrt(count)
        return found[positions]

    def state(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps."""
        own, other = (
            ("values", "c", "mu", "phi", "products", "squares", "information", "ridges"),
            ("steps", "curvature", "seen", "means", "crossed"),
        )
        return {name: getattr(self, name) for name in own} | {name: getattr(self.numerical, name) for name in other}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on from what a checkpoint kept."""
        for name, value in self.state().items():
            owner = self.numerical if hasattr(self.numerical, name) else self
            setattr(owner, name, state[name].reshape(np.shape(value)).copy())
        self._set_omega()
