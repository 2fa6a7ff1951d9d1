"""How the random effects are integrated out: FOCE, or adaptive Gauss-Hermite quadrature, whose first order is Laplace's."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from popmix.engine.quadrature import Grid
from popmix.errors import SupportError

# up to so many random effects of a subject the grid is a full tensor product
_MOST_TENSOR = 3
# beyond, the nodes of least weight are left out as long as they have less than this share of the whole
_PRUNED = 1e-6
# an evaluation of a subject at so many nodes takes seconds
_MOST_NODES = 200_000


@dataclass(frozen=True)
class Conditional:
    """FOCE: the curvature at the mode is the expected one; with `interaction` the residual variance follows the random effects."""

    interaction: bool = True

    @property
    def frozen(self) -> bool:
        """Whether residual variances stay at those of eta = 0."""
        return not self.interaction


@dataclass(frozen=True)
class Quadrature:
    """Adaptive Gauss-Hermite quadrature with `order` nodes along each random effect, with the exact curvature at the mode.

    Beyond three random effects the nodes of least weight, 1e-6 of the whole together, are left out and the others scaled to replace them.
    """

    order: int = 1

    @property
    def interaction(self) -> bool:
        """Residual variances follow the random effects."""
        return True

    def grid(self, n_effects: int) -> Grid:
        """Return nodes and weights. Raises SupportError for too many."""
        return _grid(self.order, n_effects)


@lru_cache(maxsize=16)
def _grid(order: int, n: int) -> Grid:
    if order**n > _MOST_NODES:
        raise SupportError(
            f"quadrature of order {order} with {n} random effects of a subject needs {order}^{n} nodes: take a lower order, or Laplace()."
        )
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    weights = weights / np.sum(weights)
    points = np.array(list(product(nodes, repeat=n)), dtype=float).reshape(order**n, n)
    shares = np.prod(np.array(list(product(weights, repeat=n)), dtype=float).reshape(order**n, n), axis=1)
    if n > _MOST_TENSOR:
        ranked = np.sort(shares)
        least = ranked[np.searchsorted(np.cumsum(ranked), _PRUNED)]
        # nodes that mirror each other have one weight, up to rounding: they are kept or left out together
        kept = shares > least * (1 - 1e-9)
        points, shares = points[kept], shares[kept] / np.sum(shares[kept])
    return Grid(np.ascontiguousarray(points), np.log(shares) + 0.5 * np.sum(points**2, axis=1))
