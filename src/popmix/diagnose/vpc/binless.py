"""A predictive check without bins: smooth quantiles of observed and simulated values."""

import numpy as np

from popmix.diagnose.npde import Limits
from popmix.diagnose.vpc.continuous import VPC, Correction, Layout
from popmix.diagnose.vpc.percentiles import joined
from popmix.diagnose.vpc.quantiles import quantiles
from popmix.diagnose.vpc.smooth_quantiles import Smoother
from popmix.errors import OptionError, SupportError
from popmix.table import Table

_GRID = 60
_FEWEST = 20
_BLOCK = 250  # data sets that are smoothed at once


def binless_vpc(endpoint: str, observed: np.ndarray, simulated: np.ndarray, layout: Layout, correction: Correction, limits: Limits) -> VPC:
    """Return the check of observed [n] and simulated [K, n] values; X of its `bins` is a grid, LEFT and RIGHT are nan.

    PRED is corrected by its smooth median. Raises SupportError for censored values, whose place a smooth quantile does not know, and
    OptionError for strata of fewer than 20 observations and other corrections than "prediction".
    """
    if np.any(limits.side != ""):
        raise SupportError(f"{endpoint} has values beyond a limit, which a check without bins has no place for: give bins.")
    if correction.kind not in (None, "prediction"):
        raise OptionError(f"correction={correction.kind!r} needs bins: leave out bins=None.")
    parts, points = [], []
    for stratum, own in layout.parts():
        if len(own) < _FEWEST:
            raise OptionError(f"a check without bins needs {_FEWEST} observations in each stratum; {stratum or endpoint} has {len(own)}.")
        if correction.kind and not correction.log_data:
            # the ends of the curve are those of the observations that can be corrected
            own = own[correction.pred[own] != correction.lower_bound]
        x, seen, drawn = layout.x[own], observed[own], simulated[:, own]
        grid = np.linspace(x.min(), x.max(), _GRID)
        smoother = Smoother(x, grid)
        if correction.kind:
            seen, drawn = _corrected(smoother, correction, own, seen, drawn)
        parts += [_rows(smoother, grid, seen, drawn, percentile, layout.level, stratum) for percentile in layout.percentiles]
        points.append({"X": x, "DV": seen, "STRATUM": layout.stratum[own], "ID": layout.ids[own]})
    return VPC(endpoint, layout.against, correction.kind, len(simulated), _sorted(joined(parts)), joined(points))


def _corrected(
    smoother: Smoother, correction: Correction, own: np.ndarray, seen: np.ndarray, drawn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    pred = correction.pred[own]
    centre = smoother.at_points(pred[None], 0.5, smoother.penalty(pred, 0.5))[0]
    if correction.log_data:
        return seen + (centre - pred), drawn + (centre - pred)
    lowest = correction.lower_bound
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(pred != lowest, (centre - lowest) / (pred - lowest), np.nan)
    return lowest + (seen - lowest) * factor, lowest + (drawn - lowest) * factor


def _rows(
    smoother: Smoother, grid: np.ndarray, seen: np.ndarray, drawn: np.ndarray, percentile: float, level: float, stratum: str
) -> dict[str, np.ndarray]:
    probability, tail = percentile / 100, 0.5 * (1 - level)
    usable = np.isfinite(seen)
    penalty = smoother.penalty(np.where(usable, seen, np.nanmedian(seen)), probability)
    curves = np.concatenate([smoother.curves(drawn[k : k + _BLOCK], probability, penalty) for k in range(0, len(drawn), _BLOCK)])
    low, median, high = quantiles(curves.T, np.array([tail, 0.5, 1 - tail]))
    n, nothing = len(grid), np.full(len(grid), np.nan)
    return {
        "STRATUM": np.full(n, stratum, dtype=object),
        "X": grid,
        "LEFT": nothing,
        "RIGHT": nothing,
        "BIN": np.arange(n),
        "PERCENTILE": np.full(n, percentile),
        "N": np.full(n, int(np.count_nonzero(usable))),
        "OBSERVED": smoother.curves(seen[None], probability, penalty)[0],
        "LOW": low,
        "MEDIAN": median,
        "HIGH": high,
        "POOLED": curves.mean(axis=0),
    }


def _sorted(table: Table) -> Table:
    """Return the rows as of other checks: by stratum, place and percentile."""
    order = np.lexsort((table["PERCENTILE"], table["BIN"], table["STRATUM"].astype(str)))
    return Table({name: table[name][order] for name in table})
