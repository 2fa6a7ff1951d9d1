"""The two phases of SAEM, and when each has done its work.

In the exploration every iteration forgets the last one (gain 1): the estimates wander towards the maximum and then around it. It may end
when they have stopped drifting: over the last 60 iterations no coordinate's mean of the later half is farther from that of the earlier half
than its SD within them. In the smoothing the gain falls as k^-0.7, and the estimates are means of its iterates u_k with weights that grow
as k (Shamir and Zhang, ICML 2013), mean_k = mean_(k-1) + 2 / (k + 1) (u_k - mean_(k-1)). It may end when over the last 50 iterations no
mean has moved by more than a twentieth of the SE that its parameter would have if the random effects were known (of a parameter that is
found numerically: its SE by Louis' curvature).
"""

import numpy as np

WINDOW, LAST = 60, 50
# the share of the SE by which a mean may still move
STEADY = 0.05
# gains of the smoothing are k to the power of minus this
POWER = 0.7


def gain_of(k: int) -> float:
    """Return the gain of the k-th iteration of the smoothing, from 1."""
    return float(k**-POWER)


def has_settled(coordinates: np.ndarray) -> bool:
    """Whether iterates [iterations, coordinates] of the exploration have stopped drifting."""
    if len(coordinates) < WINDOW:
        return False
    half = WINDOW // 2
    early, late = coordinates[-WINDOW:-half], coordinates[-half:]
    within = np.sqrt(0.5 * (np.var(early, axis=0) + np.var(late, axis=0)))
    return bool(np.all(np.abs(np.mean(late, axis=0) - np.mean(early, axis=0)) <= within + 1e-12))


def movement(means: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return by how much means [iterations, coordinates] have moved over the last iterations, in SEs (on the same coordinates)."""
    recent = means[-LAST:]
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = (np.max(recent, axis=0) - np.min(recent, axis=0)) / errors
    return np.where(np.isfinite(moved), moved, 0.0)
