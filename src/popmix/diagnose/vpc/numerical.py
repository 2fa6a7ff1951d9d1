"""The numerical predictive check: how many observations lie outside prediction intervals, and how many should.

For each prediction interval of P percent the quantiles (100 -+ P) / 2 of the simulated values of every observation are its ends. The shares
of observations below and above are compared with those of the simulated data sets. Source: PsN, npc; Wang and Zhang (J Pharmacokinet
Pharmacodyn 39:251, 2012).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from popmix.diagnose.vpc.quantiles import quantiles
from popmix.errors import OptionError
from popmix.plot import Picture, npc_picture
from popmix.table import Table

INTERVALS = (0.0, 20.0, 40.0, 50.0, 60.0, 80.0, 90.0, 95.0)


@dataclass(frozen=True, eq=False, repr=False)
class NPC:
    """A numerical predictive check of an endpoint, simulated `n` times.

    `table`: for every INTERVAL (percent) and SIDE ("below", "above") the percentages OBSERVED and EXPECTED, and LOW and HIGH, the interval
    of `level` in simulated data sets. `coverage`: for every interval the percentage of observations inside, with the same columns.
    """

    endpoint: str
    n: int
    table: Table
    coverage: Table

    def picture(self) -> Picture:
        """Return the coverage plot: observed over expected percentages outside, and their interval."""
        return npc_picture(self.table)

    def __repr__(self) -> str:
        return "\n".join(
            [f"NPC of {self.endpoint}, {self.n} replicates: percentages outside", repr(self.table), "inside", repr(self.coverage)]
        )


def numerical_check(
    endpoint: str, observed: np.ndarray, simulated: np.ndarray, intervals: Sequence[float] = INTERVALS, level: float = 0.95
) -> NPC:
    """Return the check of observed [n] and simulated [K, n] values; -inf and inf stand for values beyond a limit.

    Raises OptionError for intervals that are no percentages.
    """
    widths = np.asarray(intervals, dtype=float)
    if widths.ndim != 1 or not len(widths) or not np.all((widths >= 0) & (widths < 100)):
        raise OptionError(f"intervals={intervals!r}: give percentages from 0 to below 100.")
    if not 0 < level < 1:
        raise OptionError(f"level={level!r} lies not between 0 and 1.")
    sides, inside = [], []
    for width in widths.tolist():
        outside = 0.5 - 0.005 * width
        low, high = quantiles(simulated.T, np.array([outside, 1 - outside]))
        seen = {"below": observed < low, "above": observed > high}
        drawn = {"below": simulated < low, "above": simulated > high}
        for side in seen:
            sides.append((width, side, *_shares(seen[side], drawn[side], level), 100 * outside))
        covered = ~(seen["below"] | seen["above"]), ~(drawn["below"] | drawn["above"])
        inside.append((width, *_shares(*covered, level), width))
    names = ("INTERVAL", "SIDE", "OBSERVED", "LOW", "HIGH", "EXPECTED")
    table = {
        name: np.array(values, dtype=object if name == "SIDE" else float)
        for name, values in zip(names, zip(*sides, strict=True), strict=True)
    }
    others = {name: np.array(values) for name, values in zip((names[0], *names[2:]), zip(*inside, strict=True), strict=True)}
    return NPC(endpoint, len(simulated), Table(table), Table(others))


def _shares(observed: np.ndarray, simulated: np.ndarray, level: float) -> tuple[float, float, float]:
    tail = 0.5 * (1 - level)
    low, high = quantiles(100 * np.mean(simulated, axis=1), np.array([tail, 1 - tail]))
    return 100 * float(np.mean(observed)), float(low), float(high)
