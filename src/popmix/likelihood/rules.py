"""How the random effects are integrated out: first order, FOCE, or adaptive Gauss-Hermite quadrature, whose first order is Laplace's.

Importance sampling is another rule: see `popmix.likelihood.sampling`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import ClassVar

import numpy as np

from popmix.engine.bundle import Bundle
from popmix.engine.code import Code
from popmix.engine.first_order import first_orders
from popmix.engine.foce import marginals
from popmix.engine.quadrature import Grid, new_workspace, quadratures
from popmix.errors import SupportError

# what evaluates some subjects: (subjects, globally, fixed, prior, memory, result)
Evaluator = Callable[..., None]

# up to so many random effects of a subject the grid is a full tensor product
_MOST_TENSOR = 3
# beyond, the nodes of least weight are left out as long as they have less than this share of the whole
_PRUNED = 1e-6
# an evaluation of a subject at so many nodes takes seconds
_MOST_NODES = 200_000
# subjects of one call, and nodes of all of them
_MOST_PER_CALL, _NODES_PER_CALL = 100, 20_000


class Rule(ABC):
    """How the random effects of a subject are integrated out.

    interaction: whether residual variances follow the random effects; is_exact: whether the curvature at the mode is the exact one, else
    the expected one; at_zero: whether the model is linearised where the random effects are zero.
    """

    interaction: bool
    is_exact: ClassVar[bool] = False
    at_zero: ClassVar[bool] = False

    @property
    def frozen(self) -> bool:
        """Whether residual variances stay at those of eta = 0."""
        return not self.interaction

    def most_per_call(self, n_effects: int) -> int:
        """Return how many subjects one compiled call may take, which can't be interrupted."""
        return _MOST_PER_CALL

    @abstractmethod
    def evaluator(self, code: Code, group: int) -> Evaluator:
        """Return what evaluates subjects of a model in a latent group: called with (subjects, globally, fixed, prior, memory, result)."""


@dataclass(frozen=True)
class FirstOrder(Rule):
    """FO: the model is linearised at eta = 0, with the residual variances there."""

    interaction: ClassVar[bool] = False
    at_zero: ClassVar[bool] = True

    def evaluator(self, code: Code, group: int) -> Evaluator:
        """Return what evaluates subjects; nothing is searched, so `globally` has no meaning."""
        return lambda subjects, globally, fixed, prior, memory, result: first_orders(subjects, fixed, prior, *memory, result)


@dataclass(frozen=True)
class Conditional(Rule):
    """FOCE: the curvature at the mode is the expected one; with `interaction` the residual variance follows the random effects."""

    interaction: bool = True

    def evaluator(self, code: Code, group: int) -> Evaluator:
        """Return what evaluates subjects."""
        frozen = self.frozen
        return lambda subjects, globally, fixed, prior, memory, result: marginals(subjects, frozen, globally, fixed, prior, *memory, result)


@dataclass(frozen=True)
class Quadrature(Rule):
    """Adaptive Gauss-Hermite quadrature with `order` nodes along each random effect, with the exact curvature at the mode.

    Beyond three random effects the nodes of least weight, 1e-6 of the whole together, are left out and the others scaled to replace them.
    """

    order: int = 1
    interaction: ClassVar[bool] = True
    is_exact: ClassVar[bool] = True

    def most_per_call(self, n_effects: int) -> int:
        """Return how many subjects one compiled call may take, which can't be interrupted."""
        return subjects_for(self.grid(n_effects).nodes.shape[1])

    def grid(self, n_effects: int) -> Grid:
        """Return nodes and weights. Raises SupportError for too many."""
        return _grid(self.order, n_effects)

    def evaluator(self, code: Code, group: int) -> Evaluator:
        """Return what evaluates subjects."""
        own = self.grid(code.n_etas)
        grid = Bundle(own)

        def evaluate(subjects, globally, fixed, prior, memory, result):
            space = Bundle(new_workspace(code.n_fixed, code.n_etas, own.nodes.shape[1]))
            quadratures(subjects, globally, fixed, prior, grid, *memory, space, result)

        return evaluate


def subjects_for(n_nodes: int) -> int:
    """Return how many subjects a call may take that evaluates each at so many nodes."""
    return min(_MOST_PER_CALL, max(1, _NODES_PER_CALL // n_nodes))


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
    return Grid(points[None].copy(), (np.log(shares) + 0.5 * np.sum(points**2, axis=1))[None], slopes=True, lenient=False)
