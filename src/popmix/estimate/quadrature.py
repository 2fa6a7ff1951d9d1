"""Laplace's method and adaptive Gauss-Hermite quadrature."""

import numbers
from collections.abc import Mapping
from dataclasses import dataclass

from popmix.errors import OptionError
from popmix.estimate.marginal import Marginal
from popmix.estimate.support import ABOVE, Feature
from popmix.likelihood import Quadrature


@dataclass(frozen=True)
class Laplace(Marginal):
    """Laplace's approximation with the exact second derivatives at the mode, for outcomes of every kind.

    OFV = sum over subjects of 2 l(eta*) + log det omega + log det d2l/deta2 (NONMEM's METHOD=1 LAPLACE INTER; glmmTMB, lme4).
    `tolerance`: the fall of the OFV that the quadratic model may still promise at the end; `iterations`: the most allowed; with `prior`
    the priors of the model count (MAP).
    """

    tolerance: float = 1e-6
    iterations: int = 300
    prior: bool = True

    def __post_init__(self) -> None:
        self._check_options()

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "laplace"

    @property
    def rule(self) -> Quadrature:
        """How the random effects are integrated out."""
        return Quadrature(1)


@dataclass(frozen=True)
class AGQ(Marginal):
    """Adaptive Gauss-Hermite quadrature with `order` nodes along each random effect, around the mode and scaled by the curvature there.

    Order 1 is Laplace's approximation. With n random effects of a subject there are order^n nodes; beyond three the nodes of least weight
    (1e-6 of the whole together) are left out. The same rule as lme4's nAGQ and SAS NLMIXED's QPOINTS.
    """

    order: int = 5
    tolerance: float = 1e-6
    iterations: int = 300
    prior: bool = True

    def __post_init__(self) -> None:
        self._check_options()
        if isinstance(self.order, bool) or not isinstance(self.order, numbers.Integral) or not 1 <= self.order <= 100:
            raise OptionError(f"order must be a whole number from 1 to 100, not {self.order!r}.")

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "agq"

    @property
    def rule(self) -> Quadrature:
        """How the random effects are integrated out."""
        return Quadrature(self.order)

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour: nodes for all subjects of a group at once would be too many."""
        return super().refused if self.order == 1 else {**super().refused, ABOVE: "use Laplace() or FOCE()"}
