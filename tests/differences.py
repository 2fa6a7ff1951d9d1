"""Derivatives by central differences of fourth order: the error is of order step^4, and of the rounding of values over the step."""

from collections.abc import Callable

import numpy as np


def slope(function: Callable, step: float):
    """Return the derivative of a function of a number, or of its array of values, at zero."""
    a, b, c, d = (function(multiple * step) for multiple in (-2, -1, 1, 2))
    return (a - 8 * b + 8 * c - d) / (12 * step)


def slopes(function: Callable, x: np.ndarray, step: float | np.ndarray) -> np.ndarray:
    """Return the derivatives [..., len(x)] of a function of a vector; `step` is one for all coordinates, or one for each."""
    x, steps = np.asarray(x, dtype=float), np.broadcast_to(step, len(x))
    found = []
    for own, axis in zip(steps, np.eye(len(x)), strict=True):
        found.append(slope(lambda moved, axis=axis: function(x + moved * axis), own))
    return np.stack(found, axis=-1)
