"""The observed information of a fit: second derivatives of its OFV, by differences of exact gradients.

On the unconstrained scale, with steps h_k in units of the standard error that the expected information promises for coordinate k,

    d2 OFV / dx_k dx_l = [g_l(x + h_k) - g_l(x - h_k)] / (2 h_k),    made symmetric.

The relative error is about h^2 / 6 of the skewness of the likelihood plus the noise of the gradient over h: 1e-4 at most for closed forms.
Amounts that were integrated carry more noise; their steps are longer, and four points keep the error h^4 / 30 small.
"""

import numpy as np

from popmix.engine.equations import EQUATIONS
from popmix.estimate.descent import Point
from popmix.estimate.objective import Objective
from popmix.estimate.progress import Progress, Silent

# (distance in standard errors, weight over the distance) of points on one side of the centre
_TWO_POINTS = ((0.01, 0.5 / 0.01),)
_FOUR_POINTS = ((0.06, 8.0 / (12.0 * 0.06)), (0.12, -1.0 / (12.0 * 0.06)))
# no step is longer than this part of a coordinate (a logarithm, mostly), however little is known about it
_LONGEST = 0.5


def observed_information(objective: Objective, point: Point, progress: Progress | None = None) -> np.ndarray:
    """Return the second derivatives [free, free] of the OFV at a point; nan in the rows where it does not exist nearby."""
    told, size = progress or Silent(), len(point.x)
    points = _FOUR_POINTS if objective.problem.code.route == EQUATIONS else _TWO_POINTS
    expected = np.diag(objective.curvature(point).information)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.nan_to_num(1.0 / np.sqrt(0.5 * np.maximum(expected, 0.0)), nan=np.inf)
    units = np.minimum(reach, _LONGEST * np.maximum(1.0, np.abs(point.x)))
    rows = np.zeros((size, size))
    for k in range(size):
        told.update("covariance", k / size, f"second derivatives of {objective.scale.names[k]}")
        for distance, weight in points:
            for sign in (1.0, -1.0):
                step = np.zeros(size)
                step[k] = sign * distance * units[k]
                there = objective.at(point.x + step, point)
                rows[k] += np.nan if there is None else sign * weight / units[k] * there.gradient
    return 0.5 * (rows + rows.T)
