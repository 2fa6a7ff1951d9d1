"""Ordinary regression with a known residual SD: a likelihood that is exactly normal."""

import numpy as np
from worlds import frame

from popmix import *


class Line(Model):
    """The profile is exactly quadratic."""

    a = Theta(1.0)
    b = Theta(0.5)
    DV = Observation(a + b * T, additive=Fixed(0.7))


def line():
    """Return twelve points."""
    rng = np.random.default_rng(4)
    return frame([{"ID": k + 1, "TIME": 0.5 * k, "DV": 1 + 0.25 * k + 0.7 * rng.normal()} for k in range(12)])
