"""Quantiles of many columns at once, missing values left out."""

import numpy as np

from popmix.errors import OptionError

CONVENTIONS = ("type7", "psn")


def quantiles(values: np.ndarray, probabilities: np.ndarray, convention: str = "type7") -> np.ndarray:
    """Return quantiles [probabilities, ...] along the last axis of values, nan left out (and nan where there is nothing else).

    "type7": linear between order statistics at (n - 1) p, R's and numpy's default; "psn": the order statistic nearest to (n - 1) p, halves
    up, and the usual median (PsN). Raises OptionError for another convention.
    """
    if convention not in CONVENTIONS:
        raise OptionError(f"convention={convention!r} doesn't exist: it is {' or '.join(map(repr, CONVENTIONS))}.")
    ordered = np.sort(values, axis=-1)  # nan last
    n = np.count_nonzero(~np.isnan(values), axis=-1)
    if values.shape[-1] == 0:
        return np.full((len(probabilities), *values.shape[:-1]), np.nan)
    found = []
    for p in np.asarray(probabilities, dtype=float).tolist():
        place = np.maximum(n - 1, 0) * p
        if convention == "psn" and p != 0.5:
            found.append(_at(ordered, np.floor(place + 0.5).astype(np.int64)))
            continue
        low = np.floor(place).astype(np.int64)
        share = place - low
        first, second = _at(ordered, low), _at(ordered, np.minimum(low + 1, np.maximum(n - 1, 0)))
        with np.errstate(invalid="ignore"):
            # order statistics may be infinite (values known to lie beyond a limit): no step between equal ones
            step = np.where((share == 0) | (first == second), 0.0, share * (second - first))
            found.append(np.where(share == 0, first, np.where(np.isneginf(first), first, first + step)))
    return np.stack(found)


def _at(ordered: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
