"""Estimates at the edge of what they can be: one place decides, for the marks of the summary and for the warnings alike."""

import numpy as np

from popmix.model.parameters import Parameters

# SDs of random effects as such, residual SDs relative to their start value
_NEAR_ZERO = 1e-3
NEAR_ONE = 0.999
# a residual SD below this part of its start value, while the OFV still falls by this much each time it is divided by e, never stops
_VANISHED = 1e-12
_FALLING = 0.5
_NEAR_SINGULAR = 1e-4  # smallest eigenvalue of the correlations of a block


def is_near_zero(parameters: Parameters, start: Parameters, position: int) -> bool:
    """Tell whether an estimated SD has vanished; False for anything else, and for what is fixed."""
    kind, bounded = parameters.kinds[position], parameters.lower[position] == 0
    if parameters.fixed[position] or kind not in ("iiv", "sigma") or not bounded:
        return False
    scale = 1.0 if kind == "iiv" else start.values[position]
    return bool(parameters.values[position] < _NEAR_ZERO * scale)


def is_near_one(parameters: Parameters, position: int) -> bool:
    """Tell whether an estimated correlation has come to +1 or -1; False for anything else, and for what is fixed."""
    estimated = parameters.kinds[position] == "corr" and not parameters.fixed[position]
    return bool(estimated and abs(parameters.values[position]) > NEAR_ONE)


def singular_blocks(parameters: Parameters) -> list[tuple[str, ...]]:
    """Return the effects of every estimated block at the edge of the possible that no correlation near 1 shows."""
    found = []
    for block in parameters.blocks:
        positions = [position for _, _, position in block.correlations]
        own = parameters.omega()[np.ix_(block.etas, block.etas)]
        sds = np.sqrt(np.diag(own))
        hidden = len(block.etas) > 2 and np.all(np.abs(parameters.values[positions]) <= NEAR_ONE)
        if hidden and not np.all(parameters.fixed[positions]) and np.linalg.eigvalsh(own / np.outer(sds, sds))[0] < _NEAR_SINGULAR:
            found.append(tuple(parameters.eta_names[k] for k in block.etas))
    return found


def vanishing(start: Parameters, parameters: Parameters, gradient: np.ndarray) -> str:
    """Return the name of a residual SD that falls without end, "" when there is none.

    gradient: of the OFV, by the unconstrained coordinate of each free parameter (the logarithm of an SD).
    """
    for slope, position in zip(gradient, np.flatnonzero(~start.fixed), strict=True):
        bounded = parameters.kinds[position] == "sigma" and parameters.lower[position] == 0
        if bounded and slope > _FALLING and parameters.values[position] < _VANISHED * start.values[position]:
            return parameters.names[position]
    return ""
