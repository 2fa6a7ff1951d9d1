"""The predictive check of events: Kaplan and Meier's survival, observed and simulated.

    S(t) = prod_{t_j <= t} (1 - d_j / n_j),   Var log(-log S) = sum d_j / (n_j (n_j - d_j)) / (log S)^2

with d_j events among n_j at risk; the interval of the observed curve is Greenwood's on the log(-log) scale. Source: Kaplan and Meier (J Am
Stat Assoc 53:457, 1958); Kalbfleisch and Prentice (1980).
"""

from dataclasses import dataclass

import numpy as np
import scipy

from popmix.diagnose.vpc.quantiles import quantiles
from popmix.plot import Picture, survival_vpc
from popmix.table import Table

_GRID = 200


def kaplan_meier(time: np.ndarray, event: np.ndarray, level: float = 0.95) -> Table:
    """Return TIME, AT_RISK, EVENTS, CENSORED, SURVIVAL, LOW, HIGH at every distinct time, 0 first where nothing happens there."""
    at = np.unique(np.concatenate([[min(0.0, time.min(initial=0.0))], time]))
    at_risk = np.array([np.count_nonzero(time >= one) for one in at])
    events, censored = (np.array([np.count_nonzero(mask & (time == one)) for one in at]) for mask in (event, ~event))
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1.0 - np.where(at_risk > 0, events / at_risk, 0.0))
        spread = np.sqrt(np.cumsum(np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0))) / np.abs(np.log(survival))
        z = scipy.special.ndtri(0.5 + 0.5 * level)
        low, high = survival ** np.exp(z * spread), survival ** np.exp(-z * spread)
    certain = (survival == 1.0) | (survival == 0.0)
    columns = {"TIME": at, "AT_RISK": at_risk, "EVENTS": events, "CENSORED": censored, "SURVIVAL": survival}
    return Table(
        columns
        | {
            "LOW": np.where(certain, np.where(survival == 1, 1.0, np.nan), low),
            "HIGH": np.where(certain, np.where(survival == 1, 1.0, np.nan), high),
        }
    )


def survival_at(grid: np.ndarray, time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Return Kaplan and Meier's survival on a grid."""
    order = np.argsort(time, kind="stable")
    time, event = time[order], event[order]
    at, first = np.unique(time, return_index=True)
    deaths = np.add.reduceat(event.astype(float), first)
    steps = np.cumprod(1.0 - deaths / (len(time) - first))
    place = np.searchsorted(at, grid, side="right")
    return np.where(place > 0, steps[np.maximum(place - 1, 0)], 1.0)


def grid_of(times: np.ndarray) -> np.ndarray:
    """Return evenly spread times and all of `times` between them, so that a step that all data sets have at one of these is not missed."""
    return np.union1d(np.linspace(np.min(times), np.max(times), _GRID), times)


def share_within(observed: Table, simulated: Table, column: str) -> float:
    """Return the share of the observed values of a column that lie between LOW and HIGH of the last simulated TIME before, by STRATUM."""
    inside = []
    for stratum in dict.fromkeys(observed["STRATUM"].tolist()):
        own, other = observed["STRATUM"] == stratum, simulated["STRATUM"] == stratum
        place = np.searchsorted(simulated["TIME"][other], observed["TIME"][own], side="right") - 1
        low, high = (simulated[name][other][np.maximum(place, 0)] for name in ("LOW", "HIGH"))
        inside.append((observed[column][own] >= low) & (observed[column][own] <= high))
    return float(np.mean(np.concatenate(inside))) if inside else float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class SurvivalVPC:
    """A predictive check of the first event (`number` 1) or a later one, simulated `n` times.

    `observed`: Kaplan and Meier's table by STRATUM; `simulated`: TIME, LOW, MEDIAN, HIGH of survival in simulated data sets by STRATUM.
    """

    endpoint: str
    number: int
    n: int
    observed: Table
    simulated: Table

    @property
    def coverage(self) -> float:
        """The share of the times at which something was observed where the observed survival lies within the simulated interval."""
        return share_within(self.observed, self.simulated, "SURVIVAL")

    def picture(self, *, log: bool = False) -> Picture:
        """Return the picture: the observed curve over the simulated interval. `log` has no meaning here and is passed over."""
        return survival_vpc(
            self.observed, self.simulated, y_label=f"share without {'event' if self.number == 1 else f'event {self.number}'}"
        )

    def __repr__(self) -> str:
        share = f"{100 * self.coverage:.0f} % of the observed survival within its interval"
        head = f"VPC of {self.endpoint} (event {self.number}), {self.n} replicates: {share}"
        return "\n".join([head, repr(self.observed)])


def survival_check(
    endpoint: str,
    number: int,
    stratum: np.ndarray,
    observed: tuple[np.ndarray, np.ndarray],
    simulated: np.ndarray,
    ends: np.ndarray,
    level: float,
) -> SurvivalVPC:
    """Return the check of one event for each subject.

    observed: its time [subjects] and whether it happened; simulated [K, subjects]: its times, inf for none; `ends` [subjects]: when each
    subject would have been censored; `stratum` [subjects].
    """
    tables, bands = [], []
    for one in sorted(set(stratum.tolist())):
        own = np.flatnonzero(stratum == one)
        table = kaplan_meier(observed[0][own], observed[1][own], level)
        tables.append({"STRATUM": np.full(table.n_rows, one, dtype=object), **{name: table[name] for name in table}})
        grid = grid_of(table["TIME"])
        drawn = np.stack([survival_at(grid, np.minimum(draw[own], ends[own]), draw[own] <= ends[own]) for draw in simulated])
        low, median, high = quantiles(drawn.T, np.array([0.5 * (1 - level), 0.5, 0.5 * (1 + level)]))
        bands.append({"STRATUM": np.full(len(grid), one, dtype=object), "TIME": grid, "LOW": low, "MEDIAN": median, "HIGH": high})
    whole = [Table({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}) for parts in (tables, bands)]
    return SurvivalVPC(endpoint, number, len(simulated), *whole)
