"""What a minimum on the unconstrained scale hides: bounds that are approached for ever, and variabilities that vanished too soon.

On a logarithmic scale every objective flattens towards a bound. A search that ends there may still have something to gain by going
on (the gain left is the gradient itself, since the distance shrinks exponentially), or, for the SD of a random effect, by
coming back: its variance at zero is a minimum only if the objective rises with the variance.
"""

import numpy as np

from popmix.estimate.descent import Point
from popmix.estimate.extremes import NEAR_ONE
from popmix.estimate.objective import Objective
from popmix.model.parameters import Parameters

# an SD or a distance to a bound below this (relative to the start's) counts as near its bound
_NEAR = 0.02
# a fall of the OFV that is worth another search: far below what a likelihood ratio shows, far above rounding
LEAST_GAIN = 1e-4
# one try beyond a flat stretch: the distance to the bound shrinks by e^5, so what is left to gain there by as much
_FURTHER = 5.0
# an SD of 10 %, small for a random effect and still visible
_REVIVED_SD = 0.1
# a start value on a bound moves by this part of the range, or of the bound, which counts as no less than 0.1
_INWARDS, _LEAST = 0.01, 0.1


def off_bounds(parameters: Parameters) -> Parameters:
    """Return start values in which a free theta or SD that lies on a bound is moved off it, by a hundredth of the range or the bound.

    From the bound itself the search could not leave: the logarithmic scale is flat there.
    """
    values = parameters.values.copy()
    for position in np.flatnonzero(~parameters.fixed):
        low, high = parameters.lower[position], parameters.upper[position]
        reach = _INWARDS * (high - low if np.isfinite(high - low) else max(abs(low if np.isfinite(low) else high), _LEAST))
        if parameters.kinds[position] != "corr" and np.isfinite(reach):
            room = 1e-12 * reach
            values[position] = low + reach if values[position] < low + room else values[position]
            values[position] = high - reach if values[position] > high - room else values[position]
    return parameters.unchecked(values)


def better_at_boundary(objective: Objective, point: Point, start: np.ndarray, gain: float) -> Point | None:
    """Return a point lower by `gain` further towards a bound, or with a vanished SD raised again; None where there is none."""
    kinds = np.array(objective.scale.template.kinds)[objective.scale.free]
    slopes = np.abs(np.diag(objective.scale.jacobian(point.x)[objective.scale.free]))
    first = np.abs(np.diag(objective.scale.jacobian(start)[objective.scale.free]))
    near = (kinds != "corr") & (slopes < _NEAR * first)
    for k in np.flatnonzero(near | ((kinds == "iiv") & (slopes < _NEAR))):
        for x in _trials(objective, point, k, kinds[k], slopes[k], gain):
            new = objective.at(x, point)
            if new is not None and new.value < point.value - gain:
                return new
    for x in _released(objective, point):
        new = objective.at(x, point)
        if new is not None and new.value < point.value - gain:
            return new
    return None


def _trials(objective: Objective, point: Point, k: int, kind: str, slope: float, gain: float) -> list[np.ndarray]:
    """Return the places to try for coordinate k: further on, and for an SD of a random effect back from zero."""
    further, revived = point.x.copy(), point.x.copy()
    further[k] -= _FURTHER * np.sign(point.gradient[k])
    revived[k] = np.log(_REVIVED_SD)
    trials = [further] if abs(point.gradient[k]) > gain else []
    # the gain of a variance raised to the square of a small SD, to first order
    if kind == "iiv" and point.gradient[k] / (2 * slope**2) * _NEAR**2 < -gain:
        trials.append(revived)
    return trials


def _released(objective: Objective, point: Point) -> list[np.ndarray]:
    """Return, for every block with a vanished SD or a correlation at its edge, the places without correlations.

    Once with the SDs as they are, once with none below 0.1: the objective may rise in every SD alone only because a correlation
    has the wrong sign, or in every correlation alone because an SD is too small.
    """
    scale, values, free = objective.scale, objective.scale.unpack(point.x), list(objective.scale.free)
    trials = []
    for block in scale.blocks:
        own = [(free.index(other), values[other]) for _, _, other in block.correlations if other in free]
        sds = [(free.index(position), values[position]) for position in block.sds if position in free]
        if any(abs(value) > NEAR_ONE for _, value in own) or (own and any(value < _NEAR for _, value in sds)):
            released = point.x.copy()
            released[[k for k, _ in own]] = 0.0
            raised = released.copy()
            for k, value in sds:
                raised[k] = np.log(max(value, _REVIVED_SD))
            trials += [released, raised]
    return trials
