"""Parameters without a closed form: steps of Newton's method on the joint density of data and effects, averaged over the chains.

The rises of l (half of -2 log density) at points around the present place u, on the real lines of the parameters,

    g_j = (l(+h_j) - l(-h_j)) / 2 h_j,    H_jj = (l(+h_j) + l(-h_j)) / h_j^2,    H_jk from l(h_j, h_k) + l(-h_j, -h_k),

are differences of sums over all subjects; h_j is a thirtieth of the SD that the parameter would have if the effects were known, so that an
error of the differences is far below that of the simulation. H is averaged over iterations, pair by pair in turn where there are many
parameters, and made positive definite. By Fisher's identity g is on average the gradient of the marginal likelihood, and by Louis' its
curvature is H less V, the conditional variance of g: steps u - gain (H - V)^-1 g end at the maximum, and without the slowness of an EM
algorithm whose parameter (one without a random effect, say) can follow the effects only by and by. V is estimated from how g varies,
subject by subject, over iterations; no direction is taken to have less than a tenth of the curvature that H gives it. Noise grows with the
steps: they are that long only once the gain is small, gain (H - V)^-1 H at most 0.3 or, where it is larger, the gain.

Where a parameter has the effects follow it (thetas without a random effect), l is taken along the way that the conditional modes take,
l(u + h, eta + s h) with s = d mode / du. On average over the conditional distribution its slope is the same, for that of l by the effects
is zero there, but it varies little, and its curvature is nearly that of the marginal likelihood: V is small, steps may have their full
length.

Source: Louis (J R Stat Soc B 44:226, 1982); Gu and Kong (Proc Natl Acad Sci 95:7270, 1998).
"""

from dataclasses import dataclass, field

import numpy as np

from popmix.estimate.saem.lines import Lines

_SHARE_OF_SD = 1 / 30
_FIRST = 1e-3
# up to so many parameters all second derivatives are wanted in every iteration
_FEW = 3
_LARGEST_STEP = 0.5
_LEAST_CURVATURE = 1e-10
# how fast the average of H forgets at the least
_MEMORY = 0.1
# how fast that of the gradients forgets, and the least share of H that is left when V is taken off
_GRADIENT_MEMORY, _LEAST_SHARE = 0.05, 0.1
# the gain to which steps that V makes longer may amount
_LARGEST_GAIN = 0.3


@dataclass(eq=False)
class Numerical:
    """Parameters by position, their lines, and what is known of l there; `widths` marks those of residual variances alone.

    Averages over iterations: `curvature` H, `means` [subjects, p] of the gradients, and `crossed` [p, p], sums over subjects of their
    products.
    """

    positions: np.ndarray
    lines: Lines
    widths: np.ndarray
    weights: np.ndarray
    n_chains: int
    steps: np.ndarray = field(init=False)
    curvature: np.ndarray = field(init=False)
    seen: np.ndarray = field(init=False)
    means: np.ndarray = field(init=False)
    crossed: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        p = len(self.positions)
        self.steps, self.curvature, self.seen = np.full(p, np.nan), np.zeros((p, p)), np.zeros((p, p))
        self.means, self.crossed = np.zeros((len(self.weights), p)), np.zeros((p, p))

    def _pairs(self, iteration: int) -> list[tuple[int, int]]:
        p = len(self.positions)
        if p <= _FEW:
            return [(j, k) for j in range(p) for k in range(j)]
        away = 1 + iteration % (p // 2)
        return [(j, (j + away) % p) for j in range(p)]

    @property
    def n_points(self) -> int:
        """How many points an iteration needs."""
        return 2 * len(self.positions) + 2 * len(self._pairs(0))

    def points(self, iteration: int, values: np.ndarray, unknowns: np.ndarray) -> np.ndarray:
        """Return values of the fixed unknowns, which stand at the positions `unknowns`, at the points [M, fixed unknowns]."""
        p, u = len(self.positions), self.lines.to_line(values[self.positions])
        if p == 0:
            return np.zeros((0, len(unknowns)))
        if np.isnan(self.steps).any():
            self.steps = np.where(self.lines.is_plain, _FIRST * np.maximum(np.abs(u), 0.1), _FIRST)
        moves = np.zeros((self.n_points, p))
        for j in range(p):
            moves[2 * j, j], moves[2 * j + 1, j] = self.steps[j], -self.steps[j]
        for row, (j, k) in enumerate(self._pairs(iteration)):
            for sign in (0, 1):
                moves[2 * p + 2 * row + sign, [j, k]] = (1 - 2 * sign) * self.steps[[j, k]]
        found = np.tile(values, (self.n_points, 1))
        found[:, self.positions] = self.lines.from_line(u + moves)
        return np.ascontiguousarray(found[:, unknowns])

    def derivatives(self, iteration: int, rises: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and second derivatives (nan where none was looked for) from the rises of l [subjects, M] at the points."""
        p, h = len(self.positions), self.steps
        total, own = self.weights @ rises, (rises[:, 0 : 2 * p : 2] - rises[:, 1 : 2 * p : 2]) / (2 * h)
        second = np.full((p, p), np.nan)
        second[np.arange(p), np.arange(p)] = diagonal = (total[0 : 2 * p : 2] + total[1 : 2 * p : 2]) / h**2
        for row, (j, k) in enumerate(self._pairs(iteration)):
            both = total[2 * p + 2 * row] + total[2 * p + 2 * row + 1]
            second[j, k] = second[k, j] = (both - diagonal[j] * h[j] ** 2 - diagonal[k] * h[k] ** 2) / (2 * h[j] * h[k])
        share = max(1 / (iteration + 1), _GRADIENT_MEMORY)
        self.means += share * (own - self.means)
        self.crossed += share * ((own * self.weights[:, None]).T @ own - self.crossed)
        return self.weights @ own, second

    def step(self, values: np.ndarray, gradient: np.ndarray, second: np.ndarray, gain: float, least: float) -> np.ndarray:
        """Return the values of these parameters a step further; residual SDs fall by no more than the root of `least`."""
        self._learn(second, min(_MEMORY, gain))
        u = self.lines.to_line(values[self.positions])
        step = -self._solved(gradient, gain)
        most = np.where(self.lines.is_plain, _LARGEST_STEP * np.maximum(np.abs(u), 0.1), _LARGEST_STEP)
        step = np.clip(step, -most, most)
        if least > 0:
            step = np.where(self.widths & ~self.lines.is_plain, np.maximum(step, 0.5 * np.log(least)), step)
        return self.lines.from_line(u + gain * step)

    def _solved(self, gradient: np.ndarray, gain: float) -> np.ndarray:
        """Return (H - V)^-1 g, both made positive definite, as far as the gain allows; H^-1 g in the exploration."""
        inverse, longer = self._inverse()
        return inverse @ ((inverse.T @ gradient) * np.minimum(longer, max(1.0, _LARGEST_GAIN / gain)))

    def _inverse(self) -> tuple[np.ndarray, np.ndarray]:
        """Return L and d for which H^-1 = L L' and (H - V)^-1 = L diag(d) L'."""
        heights, vectors = np.linalg.eigh(self.curvature)
        whitened = vectors / np.sqrt(np.maximum(np.abs(heights), _LEAST_CURVATURE))
        variance = self.n_chains * (self.crossed - (self.means * self.weights[:, None]).T @ self.means)
        lost, turned = np.linalg.eigh(whitened.T @ variance @ whitened)
        return whitened @ turned, 1 / np.clip(1.0 - lost, _LEAST_SHARE, 1.0)

    def errors(self) -> np.ndarray:
        """Return the SEs on the real lines that belong to the curvature H - V."""
        inverse, longer = self._inverse()
        return np.sqrt(np.sum(inverse**2 * longer, axis=1))

    def _learn(self, second: np.ndarray, memory: float) -> None:
        told = np.isfinite(second)
        self.seen[told] += 1
        share = np.maximum(1 / np.maximum(self.seen, 1), memory)
        self.curvature = np.where(told, self.curvature + share * (np.where(told, second, 0.0) - self.curvature), self.curvature)
        own = np.diag(self.curvature)
        wanted = np.where(own > 0, _SHARE_OF_SD / np.sqrt(np.maximum(own, 1e-300)), self.steps)
        self.steps = np.clip(wanted, 0.2 * self.steps, 5 * self.steps)
