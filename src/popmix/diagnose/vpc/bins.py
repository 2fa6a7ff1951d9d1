"""Bins along the axis of a predictive check: distinct values, given edges, equal counts or widths, natural breaks, or found by themselves.

Natural breaks (Fisher 1958, Jenks) part the values into k bins with the least sum of squares W(k) about the means of bins, found exactly by
dynamic programming. "auto" takes every distinct value where these are few, as with nominal times; clusters, as of actual times around
nominal ones, where gaps part them clearly; otherwise the number of natural breaks with the largest index of Calinski and Harabasz,
(B / (k - 1)) / (W / (n - k)), B = total - W, among those whose bins all hold enough observations (Lavielle and Bleakley, J Pharmacokinet
Pharmacodyn 38:861, 2011, choose alike among such partitions).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from popmix.errors import OptionError

# nominal times: so many distinct values are bins of their own, if each has on average this many observations
_MOST_DISTINCT, _LEAST_EACH = 15, 4
_MOST_BINS, _FEWEST_BINS = 12, 3
# clusters are clear where the narrowest gap between them is so many times the widest one inside
_CLEAR = 2.5
# dynamic programming is quadratic in distinct values: more are joined to so many equal parts of the range before
_MOST_VALUES = 400

Bins = str | int | tuple[str, int] | Sequence[float]


@dataclass(frozen=True, eq=False)
class Binning:
    """Bins of values: `edges` [B + 1], `index` of every value's bin [n], `middle` [B] (median of the values inside)."""

    edges: np.ndarray
    index: np.ndarray
    middle: np.ndarray

    @property
    def n(self) -> int:
        """Number of bins."""
        return len(self.middle)


def binned(values: np.ndarray, bins: Bins = "auto") -> Binning:
    """Return the bins of values.

    bins: "auto"; "unique", a bin for each distinct value; a number of natural breaks, or ("jenks", k), ("count", k), ("width", k); or the
    edges. Empty bins are left out; a value on an edge belongs to the bin that it begins. Raises OptionError for anything else.
    """
    if not len(values):
        return Binning(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0))
    edges = _edges(values, bins)
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    kept, index = np.unique(index, return_inverse=True)
    middle = np.array([np.median(values[index == one]) for one in range(len(kept))])
    return Binning(np.append(edges[kept], edges[kept[-1] + 1]), index, middle)


def _edges(values: np.ndarray, bins: Bins) -> np.ndarray:
    distinct = np.unique(values)
    if isinstance(bins, str):
        return _named(values, distinct, bins)
    if isinstance(bins, (int, np.integer)) and not isinstance(bins, bool):
        return _by_rule(values, distinct, "jenks", int(bins))
    if isinstance(bins, tuple) and len(bins) == 2 and isinstance(bins[0], str):
        return _by_rule(values, distinct, bins[0], bins[1])
    return _given(values, bins)


def _named(values: np.ndarray, distinct: np.ndarray, bins: str) -> np.ndarray:
    if bins == "unique":
        return _between(distinct)
    if bins != "auto":
        raise OptionError(f'bins={bins!r} doesn\'t exist: it is "auto", "unique", a number, ("count", 8), ("width", 8) or the edges.')
    if len(distinct) <= _MOST_DISTINCT and len(values) >= _LEAST_EACH * len(distinct):
        return _between(distinct)
    clusters = _clusters(values, distinct)
    return _automatic(values) if clusters is None else clusters


def _by_rule(values: np.ndarray, distinct: np.ndarray, rule: str, k: int) -> np.ndarray:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise OptionError(f"the number of bins must be a whole number of at least 1, not {k!r}.")
    rules = {
        "jenks": lambda: _between_parts(*_breaks(values, k)),
        "count": lambda: np.unique(np.quantile(values, np.linspace(0, 1, k + 1))),
        "width": lambda: np.linspace(values.min(), values.max(), k + 1),
    }
    if rule not in rules:
        raise OptionError(f"bins by {rule!r} don't exist: {', '.join(map(repr, rules))}.")
    if k >= len(distinct):
        return _between(distinct)
    return rules[rule]()


def _given(values: np.ndarray, bins: Sequence[float]) -> np.ndarray:
    edges = np.asarray(bins, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or np.any(np.diff(edges) <= 0) or not np.all(np.isfinite(edges)):
        raise OptionError(f"the edges of bins must be two or more rising numbers, not {bins!r}.")
    if values.min() < edges[0] or values.max() > edges[-1]:
        raise OptionError(f"values from {values.min():g} to {values.max():g} don't fit between the edges {edges[0]:g} and {edges[-1]:g}.")
    return edges


def _between(distinct: np.ndarray) -> np.ndarray:
    """Return edges in the middle between distinct values."""
    return np.concatenate([distinct[:1], 0.5 * (distinct[1:] + distinct[:-1]), distinct[-1:]])


def _between_parts(distinct: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return edges in the middle between the parts of distinct values that begin at the positions `first`."""
    inner = first[1:]
    return np.concatenate([distinct[:1], 0.5 * (distinct[inner] + distinct[inner - 1]), distinct[-1:]])


def _joined(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct values and their counts, those of a fine grid where there are too many."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= _MOST_VALUES:
        return distinct, counts
    place = np.minimum(((values - distinct[0]) / (distinct[-1] - distinct[0]) * _MOST_VALUES).astype(int), _MOST_VALUES - 1)
    cells, inverse, counts = np.unique(place, return_inverse=True, return_counts=True)
    return np.array([np.mean(values[inverse == cell]) for cell in range(len(cells))]), counts


def _costs(distinct: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the sum of squares [i, j] about the mean of distinct values i to j."""
    sums = [np.concatenate([[0.0], np.cumsum(counts * distinct**power)]) for power in range(3)]
    i, j = np.meshgrid(np.arange(len(distinct)), np.arange(len(distinct)), indexing="ij")
    n, first, second = (total[j + 1] - total[i] for total in sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = second - first**2 / n
    return np.where(i <= j, np.maximum(found, 0.0), np.inf)


def _partitions(distinct: np.ndarray, counts: np.ndarray, most: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the least sum of squares of 1 to `most` parts, and where the parts begin."""
    cost = _costs(distinct, counts)
    best, begins = [cost[0]], [np.zeros(len(distinct), dtype=np.int64)]
    for _ in range(1, most):
        # the last part begins at i: what comes before it ends at i - 1
        told = np.concatenate([[np.inf], best[-1][:-1]])[:, None] + cost
        begins.append(np.argmin(told, axis=0))
        best.append(np.min(told, axis=0))
    found = []
    for k in range(most):
        end, first = len(distinct) - 1, []
        for part in range(k, -1, -1):
            first.append(int(begins[part][end]))
            end = first[-1] - 1
        found.append(np.array(first[::-1]))
    return np.array([one[-1] for one in best]), found


def _breaks(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    distinct, counts = _joined(values)
    return distinct, _partitions(distinct, counts, min(k, len(distinct)))[1][-1]


def _clusters(values: np.ndarray, distinct: np.ndarray) -> np.ndarray | None:
    """Return the edges of clusters that gaps part clearly, None where none do."""
    gaps = np.diff(distinct)
    order = np.argsort(-gaps, kind="stable")
    best, found = _CLEAR, None
    for k in range(_FEWEST_BINS, min(_MOST_DISTINCT, len(gaps)) + 1):
        ratio = gaps[order[k - 2]] / gaps[order[k - 1]]
        first = np.concatenate([[0], np.sort(order[: k - 1]) + 1])
        sizes = np.diff(np.append(np.searchsorted(values, distinct[first], sorter=np.argsort(values)), len(values)))
        if ratio > best and sizes.min() >= _LEAST_EACH:
            best, found = ratio, _between_parts(distinct, first)
    return found


def _automatic(values: np.ndarray) -> np.ndarray:
    distinct, counts = _joined(values)
    n, most = len(values), min(_MOST_BINS, len(distinct) - 1)
    if most < _FEWEST_BINS:
        return _between(distinct)
    within, first = _partitions(distinct, counts, most)
    scores = {}
    for k in range(_FEWEST_BINS, most + 1):
        smallest = min(np.add.reduceat(counts, first[k - 1]))
        if smallest >= _LEAST_EACH and within[k - 1] > 0:
            scores[k] = (within[0] - within[k - 1]) / (k - 1) / (within[k - 1] / (n - k))
    chosen = max(scores, key=scores.get) if scores else _FEWEST_BINS
    return _between_parts(distinct, first[chosen - 1])
