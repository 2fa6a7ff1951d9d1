"""Normalised prediction distribution errors of one subject: where its observations lie among simulated ones.

With K simulated vectors of the subject, their mean m and covariance V (divisor K - 1), and R'R = V:

    y* = R'^-1 (y - m)            decorrelated, observed and simulated alike
    pde_j = #(y*_sim,j < y*_j) / K,    npde_j = Phi^-1(pde_j);    npd the same without decorrelation

pde of 0 and 1 become 1 / (2 K) and 1 - 1 / (2 K). "cholesky" takes R upper triangular (Brendel et al., and the R package npde),
"symmetric" the symmetric root of V (NONMEM's default). A value beyond a limit lies anywhere beyond it: its prediction discrepancy is drawn
from U(0, P(beyond)), and so are those of simulated values beyond, before the decorrelation. Sources: Brendel et al. (Pharm Res 23:2036,
2006), Comets et al. (Comput Methods Programs Biomed 90:154, 2008), Nguyen et al. (J Pharmacokinet Pharmacodyn 39:499, 2012).
"""

from dataclasses import dataclass

import numpy as np
import scipy

from popmix.errors import OptionError

DECORRELATIONS = ("cholesky", "symmetric")


def prediction_discrepancies(observed: np.ndarray, simulated: np.ndarray) -> np.ndarray:
    """Return the share of simulated values [K, n] below each observed one [n], kept within 1 / (2 K) and 1 - 1 / (2 K).

    nan where an observed value, or one of its simulated ones, is none.
    """
    n = len(simulated)
    share = np.mean(simulated < observed, axis=0)
    known = np.isfinite(observed) & np.all(np.isfinite(simulated), axis=0)
    return np.where(known, np.clip(share, 0.5 / n, 1.0 - 0.5 / n), np.nan)


def decorrelated(observed: np.ndarray, simulated: np.ndarray, decorrelation: str = "cholesky") -> tuple[np.ndarray, np.ndarray]:
    """Return observed [n] and simulated [K, n] values of one subject without mean and correlation, nan where V has no inverse.

    Raises OptionError for another decorrelation.
    """
    if decorrelation not in DECORRELATIONS:
        raise OptionError(f"decorrelation={decorrelation!r} doesn't exist: it is {' or '.join(map(repr, DECORRELATIONS))}.")
    mean, n = simulated.mean(axis=0), observed.shape[0]
    nothing = np.full_like(observed, np.nan), np.full_like(simulated, np.nan)
    if n == 0 or len(simulated) < 2:
        return nothing
    # Cholesky's decorrelation does not depend on the scale of each observation, and values of a late time may be a millionth of the first
    scale = simulated.std(axis=0, ddof=1) if decorrelation == "cholesky" else np.ones(n)
    if not np.all(scale > 0):
        return nothing
    covariance = np.atleast_2d(np.cov(simulated / scale, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    # fewer replicates than observations, or observations that are copies of each other: no decorrelation exists
    if not values[0] > 1e-13 * values[-1]:
        return nothing
    if decorrelation == "symmetric":
        root = (vectors / np.sqrt(values)) @ vectors.T
        return (observed - mean) @ root, (simulated - mean) @ root
    lower = np.linalg.cholesky(covariance)
    both = scipy.linalg.solve_triangular(lower, ((np.vstack([observed, simulated]) - mean) / scale).T, lower=True).T
    return both[0], both[1:]


@dataclass(frozen=True, eq=False)
class Limits:
    """What is known of values beyond a limit, by observation: those below `low` (nan: no limit) and above `high` are not seen as they are.

    `side`: "left", "right" or "between" for an observed value that lies below, above or between, "" where it was seen.
    """

    low: np.ndarray
    high: np.ndarray
    side: np.ndarray


def imputed(
    observed: np.ndarray, simulated: np.ndarray, limits: Limits, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return observed and simulated values with those beyond a limit drawn among the simulated ones there, and discrepancies.

    The last are the drawn ones of censored observations, nan of others. Where nothing was simulated beyond the limit, a censored value
    stays at the limit with the least discrepancy.
    """
    observed, simulated, drawn = observed.copy(), simulated.copy(), np.full(len(observed), np.nan)
    n = len(simulated)
    for j in range(len(observed)):
        own = np.sort(simulated[:, j])
        low, high = (
            np.searchsorted(own, limit) if np.isfinite(limit) else edge for limit, edge in ((limits.low[j], 0), (limits.high[j], n))
        )
        if limits.side[j] == "between":
            drawn[j], observed[j] = _one_of(own, low, high, random)
            continue
        for side, first, last in (("left", 0, low), ("right", high, n)):
            beyond = (simulated[:, j] < limits.low[j]) if side == "left" else (simulated[:, j] > limits.high[j])
            if last > first and np.any(beyond):
                places = first + random.random(np.count_nonzero(beyond)) * (last - first)
                simulated[beyond, j] = own[np.minimum(places.astype(np.int64), n - 1)]
            if limits.side[j] == side:
                drawn[j], observed[j] = _one_of(own, first, last, random)
    return observed, simulated, drawn


def _one_of(own: np.ndarray, first: int, last: int, random: np.random.Generator) -> tuple[float, float]:
    """Return a discrepancy drawn between two places of sorted values, and the value there."""
    n = len(own)
    place = first + random.random() * (last - first)
    return float(np.clip(place / n, 0.5 / n, 1 - 0.5 / n)), float(own[min(int(place), n - 1)])


@dataclass(frozen=True, eq=False)
class Errors:
    """Prediction distribution errors of one subject, by observation: npde (decorrelated), npd (not), ewres and epred."""

    npde: np.ndarray
    npd: np.ndarray
    ewres: np.ndarray
    epred: np.ndarray


def errors_of(
    observed: np.ndarray,
    simulated: np.ndarray,
    decorrelation: str = "cholesky",
    limits: Limits | None = None,
    random: np.random.Generator | None = None,
) -> Errors:
    """Return the errors of one subject's observations [n] from simulated ones [K, n].

    EWRES = V^-1/2 (y - m) with the symmetric root of the simulated covariance (NONMEM's EWRES), nan for censored observations. Raises
    OptionError for another decorrelation.
    """
    drawn, seen = np.full(len(observed), np.nan), np.ones(len(observed), dtype=bool)
    before, plain = observed, simulated
    if limits is not None and np.any(np.isfinite(limits.low) | np.isfinite(limits.high)):
        observed, simulated, drawn = imputed(observed, simulated, limits, random or np.random.default_rng(0))
        seen = limits.side == ""
    npd = np.where(np.isnan(drawn), prediction_discrepancies(observed, simulated), drawn)
    one, many = decorrelated(observed, simulated, decorrelation)
    ewres, _ = decorrelated(before[seen], plain[:, seen], "symmetric")
    everything = np.full(len(observed), np.nan)
    everything[seen] = ewres
    normal = scipy.special.ndtri
    return Errors(normal(prediction_discrepancies(one, many)), normal(npd), everything, plain.mean(axis=0))


@dataclass(frozen=True, eq=False)
class Normality:
    """Whether values are standard normal: moments, and tests of mean, variance and shape.

    p_mean: of the t test of mean 0; p_variance: of (n - 1) s^2 against chi-squared(n - 1), twice the smaller tail; p_shape: Shapiro and
    Wilk's. `adjusted`: the three times 3, at most 1 (Bonferroni); `p_global`: the least of these. skewness and kurtosis (of a normal
    distribution 0) are moment estimates with the divisor n. Source: Comets et al. (2008).
    """

    n: int
    mean: float
    se_mean: float
    variance: float
    se_variance: float
    skewness: float
    kurtosis: float
    p_mean: float
    p_variance: float
    p_shape: float

    @property
    def adjusted(self) -> tuple[float, float, float]:
        """The three p-values adjusted for being three."""
        return tuple(min(1.0, 3.0 * p) for p in (self.p_mean, self.p_variance, self.p_shape))

    @property
    def p_global(self) -> float:
        """The smallest adjusted p-value: of standard normal values below 0.05 in at most five of a hundred data sets."""
        return min(self.adjusted)


def normality(values: np.ndarray) -> Normality:
    """Return moments and tests of values (nan are left out); nan where there are fewer than three, or all are equal."""
    own = values[np.isfinite(values)]
    n = len(own)
    if n < 3 or np.ptp(own) == 0:
        return Normality(n, float(np.mean(own)) if n else np.nan, *(float("nan"),) * 8)
    mean, variance = float(np.mean(own)), float(np.var(own, ddof=1))
    deviation = own - mean
    second = np.mean(deviation**2)
    chi = (n - 1) * variance
    lower = float(scipy.special.chdtr(n - 1, chi))
    t = mean / np.sqrt(variance / n)
    # Shapiro and Wilk's coefficients are known up to 5000 values: evenly spaced order statistics stand for more
    told = own if n <= 5000 else np.sort(own)[np.linspace(0, n - 1, 5000).astype(int)]
    return Normality(
        n=n,
        mean=mean,
        se_mean=float(np.sqrt(variance / n)),
        variance=variance,
        se_variance=float(variance * np.sqrt(2 / (n - 1))),
        skewness=float(np.mean(deviation**3) / second**1.5),
        kurtosis=float(np.mean(deviation**4) / second**2 - 3),
        p_mean=float(2 * scipy.special.stdtr(n - 1, -abs(t))),
        p_variance=2 * min(lower, 1 - lower),
        p_shape=float(scipy.stats.shapiro(told).pvalue),
    )
