"""Local regression (loess): the smooth line of the field's pictures.

At x0 a polynomial is fitted to the q nearest points by weighted least squares, with the tricube weights (1 - (d / h)^3)^3, h the distance
to the q-th nearest one; q = floor(n span + 1e-5), and for a span above 1 h is that of the farthest times the root of span. This is what
R's loess computes with surface = "direct", family = "gaussian" (its manual says span, its code the root). Source: Cleveland, Devlin and
Grosse (J Econometrics 37:87, 1988).
"""

import numpy as np

from popmix.errors import OptionError

_BLOCK = 2_000_000  # weights that are held at once


def loess(
    x: np.ndarray, y: np.ndarray, at: np.ndarray | None = None, *, span: float = 0.75, degree: int = 2, n: int = 80
) -> tuple[np.ndarray, np.ndarray]:
    """Return places and the smooth there: at `at`, or at `n` places over the range of x.

    What is not finite is left out. Where the neighbourhood has too few distinct x for the degree a lower one is taken; without any
    values the smooth is nan. Raises OptionError for a span that is not positive or a degree other than 0, 1, 2.
    """
    if not span > 0 or degree not in (0, 1, 2):
        raise OptionError(f"span={span!r} must be positive and degree={degree!r} 0, 1 or 2.")
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if not len(x):
        places = np.zeros(0) if at is None else np.asarray(at, dtype=float)
        return places, np.full(len(places), np.nan)
    places = np.linspace(x.min(), x.max(), n) if at is None else np.asarray(at, dtype=float)
    size = max(1, _BLOCK // len(x))
    parts = [_fitted(x, y, places[k : k + size], span, degree) for k in range(0, len(places), size)]
    return places, np.concatenate(parts) if parts else np.zeros(0)


def _fitted(x: np.ndarray, y: np.ndarray, places: np.ndarray, span: float, degree: int) -> np.ndarray:
    away = x[None, :] - places[:, None]
    distance = np.abs(away)
    nearest = int(np.clip(np.floor(len(x) * min(span, 1.0) + 1e-5), 1, len(x)))
    reach = np.partition(distance, nearest - 1, axis=1)[:, nearest - 1] * np.sqrt(max(span, 1.0))
    # many equal x may fill a whole neighbourhood: it reaches to the next one then
    reach = np.where(reach > 0, reach, np.min(np.where(distance > 0, distance, np.inf), axis=1))
    reach = np.where(np.isfinite(reach), reach, 1.0)
    unit = away / reach[:, None]
    weights = np.where(np.abs(unit) < 1, (1 - np.abs(unit) ** 3) ** 3, 0.0)
    found = np.full(len(places), np.nan)
    for power in range(degree, -1, -1):
        open_places = np.isnan(found)
        if np.any(open_places):
            found[open_places] = _at_zero(unit[open_places], weights[open_places], y, power)
    return found


def _at_zero(unit: np.ndarray, weights: np.ndarray, y: np.ndarray, degree: int) -> np.ndarray:
    """Return the value at 0 of weighted polynomials, nan where they are not determined."""
    powers = unit[:, :, None] ** np.arange(degree + 1)
    gram = np.einsum("pn,pni,pnj->pij", weights, powers, powers)
    right = np.einsum("pn,pni,n->pi", weights, powers, y)
    values = np.linalg.eigvalsh(gram)
    fine = values[:, 0] > 1e-10 * values[:, -1]
    found = np.full(len(unit), np.nan)
    if np.any(fine):
        found[fine] = np.linalg.solve(gram[fine], right[fine][:, :, None])[:, 0, 0]
    return found
