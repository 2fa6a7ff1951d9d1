"""The predictive check of repeated events: the mean cumulative number of events per subject, observed and simulated.

    M(t) = sum_{t_j <= t} d_j / n_j,   Var M(t) = sum_i (sum_{t_j <= t} Y_i(t_j) (d_ij - d_j / n_j) / n_j)^2

with d_j events of n_j subjects at risk at t_j, d_ij those of subject i and Y_i whether it is at risk; the interval of the observed curve is
M exp(+-z SD / M). Sources: Nelson (J Qual Technol 27:147, 1995); Lawless and Nadeau (Technometrics 37:158, 1995).
"""

from dataclasses import dataclass

import numpy as np
import scipy

from popmix.diagnose.vpc.quantiles import quantiles
from popmix.diagnose.vpc.survival import grid_of, share_within
from popmix.plot import Picture, cumulative_vpc
from popmix.simulate.follow_up import FollowUp
from popmix.table import Table


def mean_cumulative(subject: np.ndarray, time: np.ndarray, begins: np.ndarray, ends: np.ndarray, level: float = 0.95) -> Table:
    """Return TIME, AT_RISK, EVENTS, CENSORED, CUMULATIVE, LOW, HIGH at every distinct time of an event or an end, the beginning first.

    `subject` (index) and `time` of every event; `begins` and `ends` [subjects] of the follow-up.
    """
    at = np.unique(np.concatenate([[float(np.min(begins))], time, ends]))
    counts = np.zeros((len(ends), len(at)))
    np.add.at(counts, (subject, np.searchsorted(at, time)), 1.0)
    present = (begins[:, None] < at) & (ends[:, None] >= at)
    at_risk, events = present.sum(axis=0), counts.sum(axis=0)
    share = np.where(at_risk > 0, 1.0 / np.maximum(at_risk, 1), 0.0)
    steps = events * share
    cumulative = np.cumsum(steps)
    spread = np.sqrt(np.sum(np.cumsum(present * (counts - steps) * share, axis=1) ** 2, axis=0))
    z = scipy.special.ndtri(0.5 + 0.5 * level)
    reach = np.exp(z * spread / np.where(cumulative > 0, cumulative, 1.0))
    columns = {"TIME": at, "AT_RISK": at_risk, "EVENTS": events.astype(np.int64), "CENSORED": np.array([np.sum(ends == one) for one in at])}
    return Table(columns | {"CUMULATIVE": cumulative, "LOW": cumulative / reach, "HIGH": cumulative * reach})


def cumulative_at(grid: np.ndarray, time: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the mean cumulative number of events on a grid; `time`: of all events, each of a subject at risk."""
    time = np.sort(time)
    # a subject is at risk at its end, but not at its beginning
    at_risk = np.searchsorted(np.sort(begins), time, side="left") - np.searchsorted(np.sort(ends), time, side="left")
    total = np.concatenate([[0.0], np.cumsum(1.0 / np.maximum(at_risk, 1))])
    return total[np.searchsorted(time, grid, side="right")]


@dataclass(frozen=True, eq=False, repr=False)
class CumulativeVPC:
    """A predictive check of the number of repeated events, simulated `n` times.

    `observed`: the table of `mean_cumulative` by STRATUM; `simulated`: TIME, LOW, MEDIAN, HIGH of the mean cumulative number in simulated
    data sets by STRATUM.
    """

    endpoint: str
    n: int
    observed: Table
    simulated: Table

    @property
    def coverage(self) -> float:
        """The share of the times at which something was observed where the observed number lies within the simulated interval."""
        return share_within(self.observed, self.simulated, "CUMULATIVE")

    def picture(self, *, log: bool = False) -> Picture:
        """Return the picture: the observed curve over the simulated interval. `log` has no meaning here and is passed over."""
        return cumulative_vpc(self.observed, self.simulated)

    def __repr__(self) -> str:
        share = f"{100 * self.coverage:.0f} % of the observed numbers within their interval"
        return "\n".join([f"VPC of {self.endpoint} (mean number of events per subject), {self.n} replicates: {share}", repr(self.observed)])


def cumulative_check(endpoint: str, stratum: np.ndarray, followed: FollowUp, simulated: np.ndarray, level: float) -> CumulativeVPC:
    """Return the check of all events of the subjects of a follow-up; simulated [K, subjects, M]: their times, inf for none."""
    subjects = followed.subjects
    begins, ends = followed.begins[subjects], followed.ends[subjects]
    last = np.full(len(followed.begins), -np.inf)
    np.maximum.at(last, followed.subject, followed.time)
    place = np.searchsorted(subjects, followed.subject)
    tables, bands = [], []
    for one in sorted(set(stratum.tolist())):
        own = np.flatnonzero(stratum == one)
        events = followed.happened & np.isin(place, own)
        who, time = np.searchsorted(own, place[events]), followed.time[events]
        table = mean_cumulative(who, time, begins[own], last[subjects][own], level)
        tables.append({"STRATUM": np.full(table.n_rows, one, dtype=object), **dict(table)})
        grid = grid_of(table["TIME"])
        drawn = np.stack([cumulative_at(grid, draw[np.isfinite(draw)], begins[own], ends[own]) for draw in simulated[:, own]])
        low, median, high = quantiles(drawn.T, np.array([0.5 * (1 - level), 0.5, 0.5 * (1 + level)]))
        bands.append({"STRATUM": np.full(len(grid), one, dtype=object), "TIME": grid, "LOW": low, "MEDIAN": median, "HIGH": high})
    whole = [Table({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}) for parts in (tables, bands)]
    return CumulativeVPC(endpoint, len(simulated), *whole)
