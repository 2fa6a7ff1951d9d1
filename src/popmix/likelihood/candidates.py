"""Places from which a global search for a conditional mode starts."""

from functools import lru_cache
from statistics import NormalDist

import numpy as np

_AXIAL = (1.0, 2.0, 4.0)
_N_SCATTERED = 24
# quasi-random points reach out to about four standard deviations
_STRETCH = 1.8


@lru_cache(maxsize=64)
def candidates(n_etas: int) -> np.ndarray:
    """Return start points [points, etas] in standard deviations: along each axis, and scattered (an additive recurrence).

    The scattered points follow the R sequence (M. Roberts, 2018: powers of the root of x^(n+1) = x + 1), mapped to a normal
    distribution with SD 1.8; they are the same in every run.
    """
    if n_etas == 0:
        return np.zeros((0, 0))
    axial = [sign * step * np.eye(n_etas)[k] for k in range(n_etas) for step in _AXIAL for sign in (-1.0, 1.0)]
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (n_etas + 1))
    shares = (0.5 + np.outer(np.arange(1, _N_SCATTERED + 1), root ** -np.arange(1, n_etas + 1))) % 1.0
    normal = NormalDist(sigma=_STRETCH)
    scattered = [[normal.inv_cdf(share) for share in row] for row in shares]
    return np.array([*axial, *scattered]).reshape(-1, n_etas)
