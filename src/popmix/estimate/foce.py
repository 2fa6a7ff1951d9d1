"""The FOCE method."""

from collections.abc import Mapping
from dataclasses import dataclass

from popmix.estimate.marginal import Marginal
from popmix.estimate.support import DISCRETE, LIMITS, MEMORY, Feature
from popmix.likelihood import Conditional


@dataclass(frozen=True)
class FOCE(Marginal):
    """First-order conditional estimation; with `interaction` (FOCEI) the residual variance follows the random effects.

    OFV = sum over subjects of 2 l(eta*) + log det omega + log det H, in NONMEM's convention (METHOD=1 INTER, METHOD=1). Values
    beyond a limit add d2(-log Phi(z))/dz2 z_d z_e to the expected curvature H, where NONMEM has LAPLACE with its exact one.
    `tolerance`: the fall of the OFV that the quadratic model may still promise at the end; `iterations`: the most allowed; with `prior`
    the priors of the model count (MAP).
    """

    interaction: bool = True
    tolerance: float = 1e-6
    iterations: int = 300
    prior: bool = True

    def __post_init__(self) -> None:
        self._check_options()

    @property
    def name(self) -> str:
        """Name of the method in results."""
        return "focei" if self.interaction else "foce"

    @property
    def rule(self) -> Conditional:
        """How the random effects are integrated out."""
        return Conditional(self.interaction)

    @property
    def refused(self) -> Mapping[Feature, str]:
        """The features that the method can't honour: they have no expected curvature, or none with variances that stay."""
        always = {**super().refused, DISCRETE: "use Laplace() or AGQ()"}
        others = {LIMITS: "use FOCE() or Laplace()", MEMORY: "use FOCE() or Laplace()"}
        return always if self.interaction else always | others
