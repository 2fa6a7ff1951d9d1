"""Percentiles of observed and simulated values by bin, and the fractions beyond a limit."""

from collections.abc import Sequence

import numpy as np

from popmix.diagnose.vpc.quantiles import quantiles
from popmix.table import Table


def percentile_rows(
    observed: np.ndarray,
    simulated: np.ndarray,
    index: np.ndarray,
    n_bins: int,
    percentiles: Sequence[float] = (5.0, 50.0, 95.0),
    level: float = 0.95,
    convention: str = "type7",
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> dict[str, np.ndarray]:
    """Return columns BIN, PERCENTILE, N, OBSERVED, LOW, MEDIAN, HIGH, POOLED: a row for each bin and percentile.

    observed [n], simulated [K, n]; `index` [n] bins from 0. OBSERVED: percentile of the observed values by `convention`; LOW, HIGH: the
    interval of `level` of that of the simulated data sets (quantiles of type 7); MEDIAN: their median; POOLED: percentile of all simulated
    values together. -inf and inf stand for observed values known to lie beyond `limits`: an observed percentile there is nan.
    """
    shares, tail = np.asarray(percentiles, dtype=float) / 100, 0.5 * (1 - level)
    rows: dict[str, list] = {name: [] for name in ("BIN", "PERCENTILE", "N", "OBSERVED", "LOW", "MEDIAN", "HIGH", "POOLED")}
    for one in range(n_bins):
        own = np.flatnonzero(index == one)
        seen = quantiles(observed[own], shares, convention)
        seen = np.where((seen < limits[0]) | (seen > limits[1]) | ~np.isfinite(seen), np.nan, seen)
        by_set = quantiles(simulated[:, own], shares, convention)
        low, median, high = quantiles(by_set, np.array([tail, 0.5, 1 - tail]))
        pooled = quantiles(simulated[:, own].ravel(), shares)
        for k, percentile in enumerate(percentiles):
            values = (
                one,
                float(percentile),
                int(np.count_nonzero(~np.isnan(observed[own]))),
                seen[k],
                low[k],
                median[k],
                high[k],
                pooled[k],
            )
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    return {name: np.array(values) for name, values in rows.items()}


def fraction_rows(
    observed: np.ndarray, simulated: np.ndarray, index: np.ndarray, n_bins: int, level: float = 0.95
) -> dict[str, np.ndarray]:
    """Return columns BIN, N, OBSERVED, LOW, MEDIAN, HIGH: the share of true values by bin, observed [n] and simulated [K, n]."""
    tail = 0.5 * (1 - level)
    rows: dict[str, list] = {name: [] for name in ("BIN", "N", "OBSERVED", "LOW", "MEDIAN", "HIGH")}
    for one in range(n_bins):
        own = np.flatnonzero(index == one)
        low, median, high = quantiles(np.mean(simulated[:, own], axis=1), np.array([tail, 0.5, 1 - tail]))
        for name, value in zip(rows, (one, len(own), float(np.mean(observed[own])), low, median, high), strict=True):
            rows[name].append(value)
    return {name: np.array(values) for name, values in rows.items()}


def joined(parts: Sequence[dict[str, np.ndarray]]) -> Table:
    """Return the rows of several strata as one table."""
    return Table({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
