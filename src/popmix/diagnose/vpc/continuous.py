"""The visual predictive check of a continuous outcome (and of counts): percentiles of observed and simulated values along an axis."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from popmix.diagnose.npde import Limits
from popmix.diagnose.vpc.bins import Bins, binned
from popmix.diagnose.vpc.corrections import prediction_factor, reference_factor, scaled, variability_corrected
from popmix.diagnose.vpc.percentiles import fraction_rows, joined, percentile_rows
from popmix.diagnose.vpc.quantiles import CONVENTIONS
from popmix.errors import OptionError
from popmix.plot import Picture, vpc_picture
from popmix.table import Table

CORRECTIONS = ("prediction", "variability", "reference")
# what pictures are called, and their values, by correction
_CORRECTED = {
    None: ("vpc", ""),
    "prediction": ("pcvpc", "prediction-corrected"),
    "variability": ("pvcvpc", "prediction- and variability-corrected"),
    "reference": ("rcvpc", "reference-corrected"),
}


@dataclass(frozen=True, eq=False)
class Layout:
    """How a check is laid out. `against`: the name of the axis; `stratum`, `x`, `ids` by observation; the rest as in `popmix.vpc`."""

    against: str
    x: np.ndarray
    stratum: np.ndarray
    ids: np.ndarray
    bins: Bins | None = "auto"
    percentiles: tuple[float, ...] = (5.0, 50.0, 95.0)
    level: float = 0.95
    convention: str = "type7"

    def __post_init__(self) -> None:
        if not self.percentiles or not all(0 < one < 100 for one in self.percentiles):
            raise OptionError(f"percentiles={self.percentiles!r}: give numbers between 0 and 100, as (5, 50, 95).")
        if not 0 < self.level < 1:
            raise OptionError(f"level={self.level!r}: the level of the simulated intervals lies between 0 and 1.")
        if self.convention not in CONVENTIONS:
            raise OptionError(f"convention={self.convention!r} doesn't exist: it is {' or '.join(map(repr, CONVENTIONS))}.")
        if self.bins is not None:
            binned(self.x, self.bins)

    def parts(self) -> list[tuple[str, np.ndarray]]:
        """Return the strata with the positions of their observations."""
        return [(str(one), np.flatnonzero(self.stratum == one)) for one in sorted(set(self.stratum.tolist()))]


@dataclass(frozen=True, eq=False)
class Correction:
    """A correction of values. `kind`: None, "prediction", "variability" or "reference"; `pred`, `reference`: predictions by observation."""

    kind: str | None
    pred: np.ndarray
    reference: np.ndarray | None = None
    lower_bound: float = 0.0
    log_data: bool = False

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in CORRECTIONS:
            raise OptionError(f"correction={self.kind!r} doesn't exist: it is {', '.join(map(repr, CORRECTIONS))} or None.")
        if (self.kind == "reference") != (self.reference is not None):
            raise OptionError('correction="reference" and reference= (the doses and covariates to refer to) go together.')

    def apply(self, observed: np.ndarray, simulated: np.ndarray, index: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return corrected values of the observations at the positions `own`, whose bins are `index`."""
        pred = self.pred[own]
        if self.kind is None:
            return observed, simulated
        if self.log_data:
            centre = self.reference[own] if self.kind == "reference" else _median_in_bin(pred, index)
            observed, simulated = observed + (centre - pred), simulated + (centre - pred)
        else:
            lowest = self.lower_bound
            factor = (
                reference_factor(pred, self.reference[own], lowest) if self.kind == "reference" else prediction_factor(pred, index, lowest)
            )
            observed, simulated = scaled(observed, factor, lowest), scaled(simulated, factor, lowest)
        return variability_corrected(observed, simulated, pred, index) if self.kind == "variability" else (observed, simulated)


def _median_in_bin(pred: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.array([np.median(pred[index == one]) for one in range(index.max(initial=-1) + 1)])[index]


@dataclass(frozen=True, eq=False, repr=False)
class VPC:
    """A visual predictive check of one endpoint, simulated `n` times.

    `bins`: a row for each stratum, bin and percentile with LEFT, RIGHT, X (median of the axis), N, OBSERVED, LOW, MEDIAN, HIGH (of the
    percentile in simulated data sets) and POOLED (percentile of all simulated values). `observations`: X, DV (corrected), STRATUM, ID.
    `below`, `above`: the share beyond a limit of quantification by bin, None where there is none. `limit`: the limit, where it is one
    number. `notes`: what was left out, in words.
    """

    endpoint: str
    against: str
    correction: str | None
    n: int
    bins: Table
    observations: Table
    below: Table | None = None
    above: Table | None = None
    limit: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def coverage(self) -> float:
        """The share of observed percentiles that lie within the simulated interval."""
        known = np.isfinite(self.bins["OBSERVED"])
        inside = (self.bins["OBSERVED"] >= self.bins["LOW"]) & (self.bins["OBSERVED"] <= self.bins["HIGH"])
        return float(np.mean(inside[known])) if np.any(known) else float("nan")

    def picture(self, *, log: bool = False) -> Picture:
        """Return the picture: observed percentiles over simulated intervals, points, bins and limits."""
        name, what = _CORRECTED[self.correction]
        drawn = vpc_picture(
            self.bins,
            self.observations,
            limit=None if self.correction else self.limit,
            log=log,
            y_label=f"{what} {self.endpoint}".strip(),
            x_label=self.against,
            corrected=self.correction is not None,
            below=self.below,
        )
        title = f"{what} visual predictive check".strip()
        return replace(drawn, name=name, title=title[0].upper() + title[1:])

    def __repr__(self) -> str:
        share = f"{100 * self.coverage:.0f} %" if np.isfinite(self.coverage) else "none"
        head = (
            f"VPC of {self.endpoint} against {self.against}, {self.n} replicates: {share} of the observed percentiles within their interval"
        )
        return "\n".join([head, *self.notes, repr(self.bins)])


def continuous_vpc(
    endpoint: str, observed: np.ndarray, simulated: np.ndarray, layout: Layout, correction: Correction, limits: Limits
) -> VPC:
    """Return the check of observed [n] and simulated [K, n] values.

    Values beyond a limit count as the least (or largest): a percentile that lies there is not known. With a correction they have no place,
    and are left out, observed and simulated alike; the shares beyond the limits stand beside it.
    """
    parts, points, below, above = [], [], [], []
    lost = 0
    for stratum, own in layout.parts():
        binning = binned(layout.x[own], layout.bins)
        seen, drawn = _values(observed[own], simulated[:, own], _taken(limits, own), is_corrected=correction.kind is not None)
        known = np.count_nonzero(~np.isnan(seen))
        seen, drawn = correction.apply(seen, drawn, binning.index, own)
        lost += known - np.count_nonzero(~np.isnan(seen))
        edge = {"STRATUM": stratum, "X": binning.middle, "LEFT": binning.edges[:-1], "RIGHT": binning.edges[1:]}
        rows = percentile_rows(seen, drawn, binning.index, binning.n, layout.percentiles, layout.level, layout.convention)
        parts.append(_placed(rows, edge))
        shown = np.where(np.isfinite(seen), seen, np.nan)
        points.append({"X": layout.x[own], "DV": shown, "STRATUM": layout.stratum[own], "ID": layout.ids[own]})
        for found, edges, side, sign in ((below, limits.low, "left", 1.0), (above, limits.high, "right", -1.0)):
            if np.any(limits.side == side):
                over = np.isfinite(edges[own]) & (sign * (edges[own] - simulated[:, own]) > 0)
                found.append(_placed(fraction_rows(limits.side[own] == side, over, binning.index, binning.n, layout.level), edge))
    lows = np.unique(limits.low[np.isfinite(limits.low)])
    return VPC(
        endpoint=endpoint,
        against=layout.against,
        correction=correction.kind,
        n=len(simulated),
        bins=joined(parts),
        observations=joined(points),
        below=joined(below) if below else None,
        above=joined(above) if above else None,
        limit=float(lows[0]) if len(lows) == 1 else None,
        notes=_notes(correction, int(np.count_nonzero(limits.side != "")), lost),
    )


def _notes(correction: Correction, beyond: int, lost: int) -> tuple[str, ...]:
    notes = []
    if correction.kind and beyond:
        notes.append(f"{beyond} values beyond a limit are left out of the corrected percentiles; their share stands in below and above.")
    if lost:
        notes.append(
            f"{lost} observations whose PRED is at the lower bound {correction.lower_bound:g}, and that of their bin is not, are left out."
        )
    return tuple(notes)


def _taken(limits: Limits, own: np.ndarray) -> Limits:
    return Limits(limits.low[own], limits.high[own], limits.side[own])


def _values(observed: np.ndarray, simulated: np.ndarray, limits: Limits, *, is_corrected: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return values with those beyond a limit as -inf and inf, or left out (nan) where they are to be corrected."""
    if is_corrected:
        beyond = ((simulated < limits.low) & np.isfinite(limits.low)) | ((simulated > limits.high) & np.isfinite(limits.high))
        return np.where(limits.side == "", observed, np.nan), np.where(beyond & (limits.side != "between"), np.nan, simulated)
    between = 0.5 * (limits.low + limits.high)
    seen = np.select([limits.side == "left", limits.side == "right", limits.side == "between"], [-np.inf, np.inf, between], observed)
    return seen, simulated


def _placed(rows: dict[str, np.ndarray], edge: dict[str, np.ndarray | str]) -> dict[str, np.ndarray]:
    """Return rows by bin with the stratum and the places of their bins in front."""
    index = rows["BIN"]
    stratum = np.full(len(index), edge["STRATUM"], dtype=object)
    return {"STRATUM": stratum, **{name: edge[name][index] for name in ("X", "LEFT", "RIGHT")}, **rows}


def percentiles_of(given: Sequence[float]) -> tuple[float, ...]:
    """Return percentiles as numbers. Raises OptionError for anything else."""
    try:
        return tuple(float(one) for one in given)
    except (TypeError, ValueError) as error:
        raise OptionError(f"percentiles={given!r}: give numbers between 0 and 100, as (5, 50, 95).") from error
