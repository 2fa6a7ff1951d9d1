"""Independent answers in numpy: linear compartments by the matrix exponential, the linear Gaussian model, the FOCE objective."""

import numpy as np
from scipy.linalg import expm


def amounts(rates: np.ndarray, doses: list[tuple[float, int, float, float]], times: np.ndarray) -> np.ndarray:
    """Return the amounts [times, compartments] of da/dt = rates a + infusions, by superposition.

    `doses`: (time, compartment, amount, duration; 0 for a bolus). A time equal to a dose's counts as after it.
    """
    n = len(rates)
    total = np.zeros((len(times), n))
    for start, compartment, amount, duration in doses:
        for k, time in enumerate(times):
            if time < start:
                continue
            unit = np.eye(n)[compartment]
            if duration == 0:
                total[k] += expm(rates * (time - start)) @ unit * amount
                continue
            # exp of [[A, b], [0, 0]] holds the response to a constant input b in its last column
            driven = np.zeros((n + 1, n + 1))
            driven[:n, :n], driven[:n, n] = rates, unit * amount / duration
            during = expm(driven * min(time - start, duration))[:n, n]
            total[k] += expm(rates * max(time - start - duration, 0.0)) @ during
    return total


def mammillary(cl: float, v1: float, others: list[tuple[float, float]] = (), ka: float | None = None) -> np.ndarray:
    """Return the rate matrix of a depot (when ka is given), a central and peripheral compartments (q, v)."""
    n = 1 + len(others)
    rates = np.zeros((n, n))
    rates[0, 0] = -cl / v1
    for k, (q, v) in enumerate(others, start=1):
        rates[0, 0] -= q / v1
        rates[k, 0], rates[0, k], rates[k, k] = q / v1, q / v, -q / v
    if ka is None:
        return rates
    whole = np.zeros((n + 1, n + 1))
    whole[1:, 1:] = rates
    whole[0, 0], whole[1, 0] = -ka, ka
    return whole


def linear_gaussian(y: list[np.ndarray], x: list[np.ndarray], z: list[np.ndarray], beta, omega, s2: float):
    """Return -2 log L of y_i ~ N(X_i b, Z_i omega Z_i' + s2 I) without its n log 2 pi, per subject, and its pieces (r, V)."""
    objectives, pieces = [], []
    for one, design, effects in zip(y, x, z, strict=True):
        covariance = effects @ omega @ effects.T + s2 * np.eye(len(one))
        residual = one - design @ beta
        objectives.append(np.linalg.slogdet(covariance)[1] + residual @ np.linalg.solve(covariance, residual))
        pieces.append((residual, covariance))
    return np.array(objectives), pieces


def slope_by_covariance(residual: np.ndarray, covariance: np.ndarray, change: np.ndarray) -> float:
    """Return the derivative of log det V + r' V^-1 r along a change of V."""
    solved = np.linalg.solve(covariance, residual)
    return float(np.trace(np.linalg.solve(covariance, change)) - solved @ change @ solved)
