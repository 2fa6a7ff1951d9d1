"""The predictive check of categories and counts: shares of every category, observed and simulated, along an axis."""

from dataclasses import dataclass

import numpy as np

from popmix.diagnose.vpc.bins import binned
from popmix.diagnose.vpc.continuous import Layout
from popmix.diagnose.vpc.percentiles import fraction_rows, joined
from popmix.plot import Picture, category_vpc
from popmix.table import Table

# counts of more different values than this are joined to about so many classes
_MOST_CLASSES = 6


@dataclass(frozen=True, eq=False, repr=False)
class CategoryVPC:
    """A predictive check of an outcome that is no measured number, simulated `n` times.

    `shares`: a row for each stratum, category (or class of counts) and bin with X, LEFT, RIGHT, N and the share OBSERVED, LOW, MEDIAN,
    HIGH (in simulated data sets). `means`: the same for the mean of DV, for counts.
    """

    endpoint: str
    against: str
    n: int
    shares: Table
    means: Table

    @property
    def coverage(self) -> float:
        """The share of observed shares that lie within the simulated interval."""
        return float(np.mean((self.shares["OBSERVED"] >= self.shares["LOW"]) & (self.shares["OBSERVED"] <= self.shares["HIGH"])))

    def picture(self, *, log: bool = False) -> Picture:
        """Return the picture: a panel for each category. `log` has no meaning for shares and is passed over."""
        return category_vpc(self.shares, y_label=f"share of {self.endpoint}", x_label=self.against)

    def __repr__(self) -> str:
        share = f"{100 * self.coverage:.0f} % of the observed shares within their interval"
        head = f"VPC of {self.endpoint} against {self.against}, {self.n} replicates: {share}"
        return "\n".join([head, repr(self.shares)])


def category_check(endpoint: str, observed: np.ndarray, simulated: np.ndarray, layout: Layout) -> CategoryVPC:
    """Return the check of observed [n] and simulated [K, n] whole numbers."""
    classes = _classes(observed, simulated)
    parts, means = [], []
    for stratum, own in layout.parts():
        binning = binned(layout.x[own], layout.bins)
        edge = (binning.middle, binning.edges[:-1], binning.edges[1:])
        for label, low, high in classes:
            seen, drawn = ((values >= low) & (values <= high) for values in (observed[own], simulated[:, own]))
            rows = fraction_rows(seen, drawn, binning.index, binning.n, layout.level)
            parts.append(_placed(rows, stratum, edge) | {"CATEGORY": np.full(binning.n, label, dtype=object)})
        means.append(_placed(fraction_rows(observed[own], simulated[:, own], binning.index, binning.n, layout.level), stratum, edge))
    return CategoryVPC(endpoint, layout.against, len(simulated), joined(parts), joined(means))


def _placed(rows: dict[str, np.ndarray], stratum: str, edge: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    index = rows["BIN"]
    places = {name: values[index] for name, values in zip(("X", "LEFT", "RIGHT"), edge, strict=True)}
    return {"STRATUM": np.full(len(index), stratum, dtype=object)} | places | rows


def _classes(observed: np.ndarray, simulated: np.ndarray) -> list[tuple[str, float, float]]:
    """Return labels and bounds of categories: every value where these are few, else classes that hold about the same share."""
    values = np.unique(observed)
    reached = np.unique(np.concatenate([values, np.unique(simulated)]))
    if len(reached) <= _MOST_CLASSES:
        return [(f"{value:g}", value, value) for value in reached.tolist()]
    edges = np.unique(np.floor(np.quantile(np.concatenate([observed, simulated[0]]), np.linspace(0, 1, _MOST_CLASSES + 1)[1:-1])))
    lows = [-np.inf, *(edges + 1).tolist()]
    highs = [*edges.tolist(), np.inf]
    return [(_label(low, high), low, high) for low, high in zip(lows, highs, strict=True)]


def _label(low: float, high: float) -> str:
    if np.isinf(low):
        return f"up to {high:g}"
    if np.isinf(high):
        return f"{low:g} and more"
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
