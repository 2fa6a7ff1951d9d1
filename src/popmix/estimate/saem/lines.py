"""Coordinates of single parameters, all at once: the scale of `popmix.estimate.scale` for many vectors, and that of centres."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from popmix.model.declarations import IndividualParameter
from popmix.model.parameters import Parameters

# relative distance to a bound at which a parameter that was drawn there is kept
MARGIN = 1e-8
_FAR = 700.0


@dataclass(frozen=True, eq=False)
class Lines:
    """The real lines on which parameters between bounds `low` and `high` are free: themselves, log, -log, or the logit between bounds."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, parameters: Parameters, positions: np.ndarray) -> "Lines":
        """Return the lines of parameters; of correlations the plain one."""
        plain = np.array([parameters.kinds[k] == "corr" for k in positions], dtype=bool)
        low, high = parameters.lower[positions], parameters.upper[positions]
        return cls(np.where(plain, -np.inf, low), np.where(plain, np.inf, high))

    @cached_property
    def _kinds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low, high = np.isfinite(self.low), np.isfinite(self.high)
        return low & ~high, high & ~low, low & high

    def to_line(self, values: np.ndarray) -> np.ndarray:
        """Return the coordinates of values [..., p]."""
        up, down, both = self._kinds
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            found = np.where(up, np.log(np.maximum(values - self.low, MARGIN * np.maximum(np.abs(self.low), MARGIN))), values)
            found = np.where(down, -np.log(np.maximum(self.high - values, MARGIN * np.maximum(np.abs(self.high), MARGIN))), found)
            share = np.clip((values - self.low) / (self.high - self.low), MARGIN, 1 - MARGIN)
            return np.where(both, logit(share), found)

    def from_line(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the values at coordinates [..., p]."""
        up, down, both = self._kinds
        with np.errstate(invalid="ignore", over="ignore"):
            found = np.where(up, self.low + np.exp(np.minimum(coordinates, _FAR)), coordinates)
            found = np.where(down, self.high - np.exp(np.minimum(-coordinates, _FAR)), found)
            return np.where(both, self.low + (self.high - self.low) * expit(coordinates), found)

    def slope(self, coordinates: np.ndarray) -> np.ndarray:
        """Return d value / d coordinate."""
        up, down, both = self._kinds
        with np.errstate(invalid="ignore", over="ignore"):
            found = np.where(up, np.exp(np.minimum(coordinates, _FAR)), 1.0)
            found = np.where(down, np.exp(np.minimum(-coordinates, _FAR)), found)
            share = expit(coordinates)
            return np.where(both, (self.high - self.low) * share * (1 - share), found)

    @cached_property
    def is_plain(self) -> np.ndarray:
        """Which coordinates are the values themselves."""
        return ~(np.isfinite(self.low) | np.isfinite(self.high))


@dataclass(frozen=True, eq=False)
class Link:
    """The coordinate on which a centre is linear: there, back, and d value / d coordinate."""

    forward: Callable[[float], float]
    inverse: Callable[[float], float]
    slope: Callable[[float], float]


PLAIN = Link(float, float, lambda c: 1.0)
LOG = Link(lambda value: float(np.log(value)), lambda c: float(np.exp(min(c, _FAR))), lambda c: float(np.exp(min(c, _FAR))))


def own_link(declared: IndividualParameter) -> Link:
    """Return the scale of a LogitNormal or ProbitNormal parameter."""
    low, high = declared.lower or 0.0, 1.0 if declared.upper is None else declared.upper
    forward, inverse = (logit, expit) if declared.family == "LogitNormal" else (ndtri, ndtr)

    def slope(c: float) -> float:
        density = expit(c) * (1 - expit(c)) if declared.family == "LogitNormal" else np.exp(-0.5 * c * c) / np.sqrt(2 * np.pi)
        return float((high - low) * density)

    return Link(lambda value: float(forward((value - low) / (high - low))), lambda c: float(low + (high - low) * inverse(c)), slope)
