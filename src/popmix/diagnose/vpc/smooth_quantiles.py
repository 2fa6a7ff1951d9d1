"""Quantiles of y as smooth functions of x, for many data sets with the same x: additive quantile regression on penalised splines.

For a probability p the coefficients b of cubic B-splines minimise

    sum_i rho_p(y_i - x_i' b) + lambda |D b|^2,     rho_p(r) = r (p - 1{r < 0}),

D second differences, by majorisation: with w_i = 1 / (e + |r_i|), (X'WX + 4 lambda D'D) b = X'W y + (2 p - 1) X'1, again and again with
r of the step before. lambda, in hundredths of the mean information X'WX of a coefficient, is the one, out of a row of them, with the least
Schwarz criterion of the observed data, log(mean rho) + edf log(n) / (2 n). Sources: Hunter and Lange (J Comput Graph Stat 9:60, 2000);
Eilers and Marx (Stat Sci 11:89, 1996); Koenker, Ng and Portnoy (Biometrika 81:673, 1994); for predictive checks Jamsen et al. (CPT
Pharmacometrics Syst Pharmacol 7:665, 2018).
"""

import numpy as np
import scipy

_MOST_KNOTS, _DEGREE = 10, 3
_STEPS, _SOFT = 40, 1e-3  # iterations, and e in units of the spread of y: a hundredth of what a picture shows
_PENALTIES = 10.0 ** np.arange(-3.0, 4.0)


class Smoother:
    """Smooth quantiles at given x [n], drawn at `grid` [G]."""

    def __init__(self, x: np.ndarray, grid: np.ndarray) -> None:
        knots = np.unique(np.quantile(x, np.linspace(0, 1, min(_MOST_KNOTS, max(2, len(np.unique(x)) // 2)))))
        if len(knots) < 2:
            knots = np.array([x[0] - 0.5, x[0] + 0.5])
        whole = np.concatenate([np.repeat(knots[0], _DEGREE), knots, np.repeat(knots[-1], _DEGREE)])
        self._basis, self._drawn = (self._design(one, whole) for one in (x, np.clip(grid, knots[0], knots[-1])))
        differences = np.diff(np.eye(self._basis.shape[1]), n=min(2, self._basis.shape[1] - 1), axis=0)
        self._roughness = differences.T @ differences
        rows, columns = np.triu_indices(self._basis.shape[1])
        self._pairs, self._places = self._basis[:, rows] * self._basis[:, columns], (rows, columns)

    @staticmethod
    def _design(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
        return scipy.interpolate.BSpline.design_matrix(x, knots, _DEGREE).toarray()

    def penalty(self, y: np.ndarray, probability: float) -> float:
        """Return the penalty that suits one data set [n]."""
        scores = []
        for penalty in _PENALTIES:
            b, weights = self._coefficients(y[None], probability, penalty)
            gram = (self._basis * weights[0][:, None]).T @ self._basis
            edf = np.trace(np.linalg.solve(gram + self._ridge(gram[None], penalty)[0], gram))
            residual = y - self._basis @ b[0]
            loss = np.mean(residual * (probability - (residual < 0)))
            scores.append(np.log(max(loss, 1e-300)) + edf * np.log(len(y)) / (2 * len(y)))
        return float(_PENALTIES[int(np.argmin(scores))])

    def curves(self, y: np.ndarray, probability: float, penalty: float) -> np.ndarray:
        """Return the quantile [K, G] of data sets [K, n] on the grid."""
        return self._coefficients(y, probability, penalty)[0] @ self._drawn.T

    def at_points(self, y: np.ndarray, probability: float, penalty: float) -> np.ndarray:
        """Return the quantile [K, n] of data sets [K, n] at x."""
        return self._coefficients(y, probability, penalty)[0] @ self._basis.T

    def _ridge(self, gram: np.ndarray, penalty: float) -> np.ndarray:
        """Return the penalty in units of the information per coefficient, with a little more where x has no say."""
        size = np.trace(gram, axis1=1, axis2=2) / gram.shape[1]
        return size[:, None, None] * (4 * penalty / 100 * self._roughness + 1e-9 * np.eye(gram.shape[1]))

    def _coefficients(self, y: np.ndarray, probability: float, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients [K, p] and the last weights [K, n]; a missing y has weight 0."""
        known = np.isfinite(y)
        filled = np.where(known, y, 0.0)
        soft = _SOFT * np.maximum(np.nanstd(np.where(known, y, np.nan), axis=1), 1e-300)[:, None]
        centre = np.nanmedian(np.where(known, y, np.nan), axis=1)[:, None]
        residual = filled - centre
        push = (2 * probability - 1) * known.astype(float) @ self._basis
        for _ in range(_STEPS):
            weights = known / (soft + np.abs(residual))
            gram = self._gram(weights)
            ridge = self._ridge(gram, penalty)
            b = np.linalg.solve(gram + ridge, ((weights * filled) @ self._basis + push)[:, :, None])[:, :, 0]
            residual = filled - b @ self._basis.T
        return b, weights

    def _gram(self, weights: np.ndarray) -> np.ndarray:
        rows, columns = self._places
        packed = weights @ self._pairs
        found = np.zeros((len(weights), self._basis.shape[1], self._basis.shape[1]))
        found[:, rows, columns] = packed
        found[:, columns, rows] = packed
        return found
