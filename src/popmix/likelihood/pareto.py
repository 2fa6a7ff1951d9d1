"""How heavy the tail of importance weights is: the shape k of a generalised Pareto distribution fitted to the largest of them."""

import numpy as np

# the tail: a fifth of the weights, and no more than three times the square root of their number
_SHARE, _ROOTS = 0.2, 3.0
_FEWEST = 5
# the fit leans on a shape of 1/2 with the weight of ten observations
_PRIOR_SHAPE, _PRIOR_WEIGHT = 0.5, 10.0
# weights that all are the same are bounded: a uniform distribution is the generalised Pareto one of this shape
_BOUNDED = -1.0
# weights that differ by less than this share of the largest are the same: their differences are rounding
_EQUAL = 1e-8


def pareto_shape(log_weights: np.ndarray) -> np.ndarray:
    """Return k of importance weights [..., draws] given as logarithms, by the last axis; nan for fewer than 25 draws.

    Below 0.5 the weights have a variance; up to about 0.7 their mean can be trusted, beyond it can't, nor the error that they seem to have.
    Source: Vehtari, Simpson, Gelman, Yao and Gabry (J Mach Learn Res 25:72, 2024).
    """
    n_draws = log_weights.shape[-1]
    n_tail = int(np.ceil(min(_SHARE * n_draws, _ROOTS * np.sqrt(n_draws))))
    if n_tail < _FEWEST or n_tail >= n_draws:
        return np.full(log_weights.shape[:-1], np.nan)
    ranked = np.sort(log_weights, axis=-1)[..., -n_tail - 1 :]
    weights = np.exp(ranked - ranked[..., -1:])
    excess = weights[..., 1:] - weights[..., :1]
    usable = excess[..., -1] > _EQUAL
    shape = np.full(usable.shape, _BOUNDED)
    shape[usable] = _shape(np.maximum(excess[usable], 1e-300))
    return shape


def _shape(excess: np.ndarray) -> np.ndarray:
    """Return k of sorted positive numbers [sets, n] by the mean over a profile likelihood (Zhang and Stephens, Technometrics 51:316, 2009).

    With b = -k / scale, k(b) = mean log(1 - b x) and the profile log likelihood is n (log(-b / k) - k - 1).
    """
    n = excess.shape[1]
    n_points = 30 + int(np.sqrt(n))
    quartile = excess[:, max(int(n / 4 + 0.5) - 1, 0), None]
    steps = 1.0 - np.sqrt(n_points / (np.arange(1, n_points + 1) - 0.5))
    b = 1.0 / excess[:, -1:] + steps / (3.0 * quartile)
    k = np.mean(np.log1p(-b[:, :, None] * excess[:, None, :]), axis=2)
    height = n * (np.log(-b / k) - k - 1.0)
    share = np.exp(height - np.max(height, axis=1, keepdims=True))
    best = np.sum(b * share, axis=1) / np.sum(share, axis=1)
    found = np.mean(np.log1p(-best[:, None] * excess), axis=1)
    return (n * found + _PRIOR_WEIGHT * _PRIOR_SHAPE) / (n + _PRIOR_WEIGHT)
