"""The proposal of sampling importance resampling: normal after a Box-Cox transformation of every parameter."""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are loaded when they are first used

# powers that are tried, and the largest correlation between parameters that a proposal keeps: as PsN does
_POWERS = np.linspace(-3.0, 3.0, 61)
_MOST_CORRELATED = 0.8


@dataclass(frozen=True, eq=False)
class Proposal:
    """A normal distribution of transformed parameters: t = ((x + shift)^power - 1) / power, log(x + shift) for power 0.

    mean [p] and covariance [p, p] are those of t; a power of 1 and a shift of 1 are no transformation.
    """

    mean: np.ndarray
    covariance: np.ndarray
    power: np.ndarray
    shift: np.ndarray

    @classmethod
    def normal(cls, mean: np.ndarray, covariance: np.ndarray) -> "Proposal":
        """Return a normal distribution of the parameters themselves."""
        return cls(mean.copy(), covariance, np.ones(len(mean)), np.ones(len(mean)))

    @classmethod
    def of(cls, vectors: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> "Proposal":
        """Return the proposal that vectors [m, p] speak for: for each parameter the power that makes its normal plot straightest.

        Correlations beyond 0.8 are cut, which keeps a proposal from degenerating.
        """
        n = vectors.shape[1]
        power, shift = np.ones(n), np.ones(n)
        for k in range(n):
            power[k], shift[k] = _straightest(vectors[:, k])
        transformed = _forward(vectors, power, shift)
        covariance = np.atleast_2d(np.cov(transformed, rowvar=False))
        errors = np.sqrt(np.diag(covariance))
        correlation = np.clip(covariance / np.outer(errors, errors), -_MOST_CORRELATED, _MOST_CORRELATED)
        np.fill_diagonal(correlation, 1.0)
        return cls(transformed.mean(axis=0), _definite(correlation) * np.outer(errors, errors), power, shift)

    def draw(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """Return vectors [n, p]; nan where a draw has no inverse transformation."""
        root = np.linalg.cholesky(self.covariance)
        return _backward(self.mean + generator.standard_normal((n, len(self.mean))) @ root.T, self.power, self.shift)

    def log_density(self, vectors: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density of vectors [n, p], relative to the peak of the normal."""
        away = _forward(vectors, self.power, self.shift) - self.mean
        squared = np.einsum("ni,ni->n", away, np.linalg.solve(self.covariance, away.T).T)
        # dt/dx = (x + shift)^(power - 1)
        return -0.5 * squared + np.sum((self.power - 1) * np.log(np.abs(vectors + self.shift)), axis=1)


def _definite(correlation: np.ndarray) -> np.ndarray:
    """Return a matrix with unit diagonal and positive eigenvalues: cut correlations need not make one."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] > 1e-8:
        return correlation
    raised = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    errors = np.sqrt(np.diag(raised))
    return raised / np.outer(errors, errors)


def _straightest(values: np.ndarray) -> tuple[float, float]:
    """Return the power, and the shift that makes the values positive, for which they look most normal."""
    lowest = float(values.min())
    shift = 0.0 if lowest > 0 else 1e-3 * float(np.ptp(values)) - lowest
    ordered = np.sort(values) + shift
    # in units of the median, so that no power overflows
    unit = float(np.median(ordered))
    normal = scipy.special.ndtri((np.arange(1, len(values) + 1) - 0.375) / (len(values) + 0.25))
    fits = [np.corrcoef(_power(ordered / unit, power), normal)[0, 1] for power in _POWERS]
    return float(_POWERS[int(np.nanargmax(fits))]), shift


def _power(x: np.ndarray, power: float) -> np.ndarray:
    return np.log(x) if abs(power) < 1e-9 else (x**power - 1) / power


def _forward(vectors: np.ndarray, power: np.ndarray, shift: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.column_stack(
            [vectors[:, k] if power[k] == 1.0 else _power(vectors[:, k] + shift[k], power[k]) for k in range(vectors.shape[1])]
        )


def _backward(transformed: np.ndarray, power: np.ndarray, shift: np.ndarray) -> np.ndarray:
    columns = []
    for k, t in enumerate(transformed.T):
        if power[k] == 1.0:
            columns.append(t)
            continue
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            inner = 1 + power[k] * t
            x = np.exp(t) if abs(power[k]) < 1e-9 else np.where(inner > 0, np.abs(inner) ** (1 / power[k]), np.nan)
        columns.append(x - shift[k])
    return np.column_stack(columns)
