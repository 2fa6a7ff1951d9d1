"""Coordinates of single parameters, all at once: the scale of `popmix.estimate.scale` for many vectors, and that of centres."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # its parts are loaded when they are first used

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
        """Positions of the parameters bounded below, above, and on both sides."""
        low, high = np.isfinite(self.low), np.isfinite(self.high)
        return np.flatnonzero(low & ~high), np.flatnonzero(high & ~low), np.flatnonzero(low & high)

    def to_line(self, values: np.ndarray) -> np.ndarray:
        """Return the coordinates of values [..., p]."""
        found, (up, down, both), low, high = np.array(values, dtype=float), self._kinds, self.low, self.high
        if len(up):
            found[..., up] = np.log(np.maximum(found[..., up] - low[up], MARGIN * np.maximum(np.abs(low[up]), MARGIN)))
        if len(down):
            found[..., down] = -np.log(np.maximum(high[down] - found[..., down], MARGIN * np.maximum(np.abs(high[down]), MARGIN)))
        if len(both):
            found[..., both] = scipy.special.logit(np.clip((found[..., both] - low[both]) / (high - low)[both], MARGIN, 1 - MARGIN))
        return found

    def from_line(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the values at coordinates [..., p]."""
        found, (up, down, both), low, high = np.array(coordinates, dtype=float), self._kinds, self.low, self.high
        if len(up):
            found[..., up] = low[up] + np.exp(np.minimum(found[..., up], _FAR))
        if len(down):
            found[..., down] = high[down] - np.exp(np.minimum(-found[..., down], _FAR))
        if len(both):
            found[..., both] = low[both] + (high - low)[both] * scipy.special.expit(found[..., both])
        return found

    def slope(self, coordinates: np.ndarray) -> np.ndarray:
        """Return d value / d coordinate."""
        found, (up, down, both) = np.ones(np.shape(coordinates)), self._kinds
        found[..., up] = np.exp(np.minimum(coordinates[..., up], _FAR))
        found[..., down] = np.exp(np.minimum(-coordinates[..., down], _FAR))
        share = scipy.special.expit(coordinates[..., both])
        found[..., both] = (self.high - self.low)[both] * share * (1 - share)
        return found

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
    special, is_logit = scipy.special, declared.family == "LogitNormal"
    forward, inverse = (special.logit, special.expit) if is_logit else (special.ndtri, special.ndtr)

    def slope(c: float) -> float:
        density = special.expit(c) * special.expit(-c) if is_logit else np.exp(-0.5 * c * c) / np.sqrt(2 * np.pi)
        return float((high - low) * density)

    return Link(lambda value: float(forward((value - low) / (high - low))), lambda c: float(low + (high - low) * inverse(c)), slope)
