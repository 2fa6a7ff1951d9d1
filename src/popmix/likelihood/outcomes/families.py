"""How outcomes of each kind are drawn, and their distribution functions, given their arguments.

Arrays are [draws, records]; `arguments` [arguments, draws, records] as `popmix.likelihood.outcomes.exposed.arguments_of` lists them (of a
continuous outcome: prediction, variance, then what else it has, with a 1 after each). Distribution functions are those of one record given
the random effects.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

Random = np.random.Generator


@dataclass(frozen=True, eq=False)
class Sequence:
    """How the records of an endpoint follow each other: whether one is its subject's first, and the time since the one before."""

    is_first: np.ndarray
    since: np.ndarray


@dataclass(frozen=True, eq=False)
class Family:
    """A kind of outcome; `is_continuous`: whether it has a density.

    `draw(arguments, random, sequence)` gives values of DV; `below(y, arguments, previous)` the probabilities P(DV < y) and P(DV <= y).
    """

    kind: str
    draw: Callable[[np.ndarray, Random, Sequence], np.ndarray]
    below: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    is_continuous: bool = False


@dataclass(frozen=True, eq=False)
class Residual:
    """The error of a continuous outcome: on which scale it is normal or Student's, how far it is cut off, and how it hangs together.

    scale: "plain", "log" or "box_cox"; truncated: only values above zero occur; correlation: of residuals a unit of time apart, or None.
    """

    scale: str = "plain"
    has_student: bool = False
    truncated: bool = False
    correlation: np.ndarray | None = None

    def draw(self, arguments: np.ndarray, random: Random, sequence: Sequence) -> np.ndarray:
        """Draw values of DV."""
        f, sd = arguments[0], np.sqrt(arguments[1])
        transform = self._transform(arguments)
        if self.has_student:
            residual = random.standard_t(arguments[2])
        elif self.truncated:
            lowest = transform.lowest(f)
            # from the upper tail, where a cut far out keeps its digits
            cut = scipy.special.ndtr(-(lowest - transform.centre(f)) / sd)
            residual = -scipy.special.ndtri((1.0 - random.random(f.shape)) * cut)
        else:
            residual = random.standard_normal(f.shape)
        if self.correlation is not None:
            residual = _autoregressive(residual, self.correlation, sequence)
        return transform.back(transform.centre(f) + sd * residual)

    def below(self, y: np.ndarray, arguments: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return P(DV < y) and P(DV <= y), which are the same."""
        f, sd = arguments[0], np.sqrt(arguments[1])
        transform = self._transform(arguments)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (transform.there(y) - transform.centre(f)) / sd
            told = scipy.special.stdtr(arguments[2], z) if self.has_student else scipy.special.ndtr(z)
            if self.truncated:
                cut = scipy.special.ndtr((transform.lowest(f) - transform.centre(f)) / sd)
                told = np.clip((told - cut) / (1.0 - cut), 0.0, 1.0)
        return told, told

    def _transform(self, arguments: np.ndarray) -> "Transform":
        return Transform(self.scale, arguments[-2] if self.scale == "box_cox" else np.ones(1))


@dataclass(frozen=True, eq=False)
class Transform:
    """The scale on which a residual is added: that of DV, its logarithm, or (DV^shape - 1) / shape."""

    scale: str
    shape: np.ndarray

    def there(self, y: np.ndarray) -> np.ndarray:
        """Return values of DV on the scale of the residual."""
        if self.scale == "plain":
            return y
        if self.scale == "log":
            return np.log(y)
        return np.where(self.shape == 0, np.log(y), np.expm1(self.shape * np.log(y)) / np.where(self.shape == 0, 1.0, self.shape))

    def back(self, x: np.ndarray) -> np.ndarray:
        """Return values of DV; those that the transformation can't reach are 0, the end of its range."""
        if self.scale == "plain":
            return x
        if self.scale == "log":
            return np.exp(x)
        inside = np.maximum(1.0 + self.shape * x, 0.0)
        with np.errstate(divide="ignore"):
            logarithm = np.where(self.shape == 0, x, np.log(inside) / np.where(self.shape == 0, 1.0, self.shape))
        return np.exp(logarithm)

    def centre(self, f: np.ndarray) -> np.ndarray:
        """Return predictions on the scale of the residual: those of a logarithmic endpoint are there already."""
        return self.there(f) if self.scale == "box_cox" else f

    def lowest(self, f: np.ndarray) -> np.ndarray:
        """Return where zero lies on the scale of the residual."""
        if self.scale == "plain":
            return np.zeros_like(f)
        if self.scale == "log":
            return np.full_like(f, -np.inf)
        return np.where(self.shape > 0, -1.0 / np.where(self.shape > 0, self.shape, 1.0), -np.inf)


def _autoregressive(noise: np.ndarray, correlation: np.ndarray, sequence: Sequence) -> np.ndarray:
    """Return residuals with e_j = rho e_(j-1) + sqrt(1 - rho^2) z_j, rho = correlation ^ time since the one before."""
    found = noise.copy()
    rho = np.where(sequence.is_first, 0.0, correlation[:, None] ** np.maximum(sequence.since, 0.0))
    for j in range(1, noise.shape[1]):
        found[:, j] = rho[:, j] * found[:, j - 1] + np.sqrt(1.0 - rho[:, j] ** 2) * noise[:, j]
    return found


def _discrete(cdf: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable:
    """Return P(DV < y) and P(DV <= y) from the distribution function of whole numbers, 0 below zero."""

    def below(y: np.ndarray, arguments: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lower = np.where(y >= 1, cdf(np.maximum(y - 1, 0), arguments), 0.0)
        return lower, cdf(np.maximum(y, 0), arguments)

    return below


def _one_by_one(draw: Callable[[np.ndarray, Random], np.ndarray]) -> Callable[[np.ndarray, Random, Sequence], np.ndarray]:
    """Return a draw that takes random numbers of several kinds, made so that the first of many draws do not depend on how many follow."""
    return lambda a, random, sequence: np.concatenate([draw(a[:, k : k + 1], random) for k in range(a.shape[1])])


def _negative_binomial(mean: np.ndarray, dispersion: np.ndarray, random: Random) -> np.ndarray:
    # Poisson with a gamma-distributed rate: exact for any dispersion, whole or not
    return random.poisson(random.gamma(dispersion) * (mean / dispersion)).astype(float)


def _negative_binomial_cdf(y: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    return scipy.special.betainc(dispersion, y + 1.0, dispersion / (dispersion + mean))


def _inflated(zero: np.ndarray, cdf: np.ndarray) -> np.ndarray:
    return zero + (1.0 - zero) * cdf


def _inflated_draw(zero: np.ndarray, count: np.ndarray, random: Random) -> np.ndarray:
    return np.where(random.random(count.shape) < zero, 0.0, count)


def _chosen(cumulative: np.ndarray, random: Random) -> np.ndarray:
    """Return the category of a uniform draw, cumulative probabilities [categories - 1, draws, records]."""
    uniform = random.random(cumulative.shape[1:])
    return np.sum(uniform >= cumulative, axis=0).astype(float)


def _category_below(cumulative: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges = np.concatenate([np.zeros((1, *cumulative.shape[1:])), cumulative, np.ones((1, *cumulative.shape[1:]))])
    k = np.broadcast_to(np.clip(y, 0, len(edges) - 2).astype(np.int64), cumulative.shape[1:])
    return tuple(np.take_along_axis(edges, (k + step)[None], axis=0)[0] for step in (0, 1))


def _markov_rows(arguments: np.ndarray) -> np.ndarray:
    """Return cumulative probabilities [rows, categories - 1, draws, records]: of a first record, then after each category."""
    size = int((np.sqrt(1 + 4 * len(arguments)) - 1) / 2)
    return np.cumsum(arguments.reshape(size + 1, size, *arguments.shape[1:]), axis=1)[:, :-1]


def _markov_draw(arguments: np.ndarray, random: Random, sequence: Sequence) -> np.ndarray:
    rows = _markov_rows(arguments)
    uniform = random.random(arguments.shape[1:])
    found, everybody = np.zeros(uniform.shape), np.arange(len(uniform))
    for j in range(uniform.shape[1]):
        row = np.zeros(len(uniform), dtype=np.int64) if sequence.is_first[j] else found[:, j - 1].astype(np.int64) + 1
        found[:, j] = np.sum(uniform[:, j] >= rows[row, :, everybody, j].T, axis=0)
    return found


def _markov_below(y: np.ndarray, arguments: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, records = _markov_rows(arguments), np.arange(len(y))
    row = np.where(previous < 0, 0, previous + 1).astype(np.int64)
    return _category_below(np.moveaxis(rows[row, :, :, records], 0, 2), y)


def _poisson_cdf(y: np.ndarray, a: np.ndarray) -> np.ndarray:
    return scipy.special.pdtr(y, a[0])


DISCRETE: dict[str, Family] = {
    "Bernoulli": Family(
        "Bernoulli",
        lambda a, random, sequence: (random.random(a.shape[1:]) < a[0]).astype(float),
        lambda y, a, previous: _category_below(1.0 - a[:1], y),
    ),
    "Binomial": Family(
        "Binomial",
        lambda a, random, sequence: random.binomial(np.rint(a[0]).astype(np.int64), a[1]).astype(float),
        _discrete(lambda y, a: scipy.special.bdtr(y, np.rint(a[0]).astype(np.int64), a[1])),
    ),
    "Poisson": Family("Poisson", lambda a, random, sequence: random.poisson(a[0]).astype(float), _discrete(_poisson_cdf)),
    "NegativeBinomial": Family(
        "NegativeBinomial",
        _one_by_one(lambda a, random: _negative_binomial(a[0], a[1], random)),
        _discrete(lambda y, a: _negative_binomial_cdf(y, a[0], a[1])),
    ),
    "ZeroInflatedPoisson": Family(
        "ZeroInflatedPoisson",
        _one_by_one(lambda a, random: _inflated_draw(a[1], random.poisson(a[0]).astype(float), random)),
        _discrete(lambda y, a: _inflated(a[1], _poisson_cdf(y, a))),
    ),
    "ZeroInflatedNegativeBinomial": Family(
        "ZeroInflatedNegativeBinomial",
        _one_by_one(lambda a, random: _inflated_draw(a[2], _negative_binomial(a[0], a[1], random), random)),
        _discrete(lambda y, a: _inflated(a[2], _negative_binomial_cdf(y, a[0], a[1]))),
    ),
    "Ordinal": Family(
        "Ordinal",
        lambda a, random, sequence: _chosen(a, random),
        lambda y, a, previous: _category_below(a, y),
    ),
    "Categorical": Family(
        "Categorical",
        lambda a, random, sequence: _chosen(np.cumsum(a, axis=0)[:-1], random),
        lambda y, a, previous: _category_below(np.cumsum(a, axis=0)[:-1], y),
    ),
    "Markov": Family("Markov", _markov_draw, _markov_below),
}
