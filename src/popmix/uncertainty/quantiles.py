"""Quantiles of the normal distribution, with a check of the level."""

import numbers
from statistics import NormalDist

from popmix.errors import OptionError


def normal_quantile(level: float) -> float:
    """Return z with P(-z < Z < z) = level. Raises OptionError unless 0 < level < 1."""
    if isinstance(level, bool) or not isinstance(level, numbers.Real) or not 0 < level < 1:
        raise OptionError(f"level={level!r} must be a probability between 0 and 1, as 0.95.")
    return NormalDist().inv_cdf(0.5 * (1 + level))
