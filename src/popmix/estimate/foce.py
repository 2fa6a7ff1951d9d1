"""The FOCE method."""

from dataclasses import dataclass

from popmix.errors import SupportError
from popmix.estimate.marginal import Marginal
from popmix.likelihood import Conditional, Problem


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

    def check(self, problem: Problem) -> None:
        """Raise SupportError for outcomes that have no expected curvature, and for censored ones without interaction."""
        super().check(problem)
        endpoints = [one.lowered for one in problem.compiled.endpoints]
        rootless = list(dict.fromkeys(one.name for one in endpoints if not one.has_root))
        if rootless:
            raise SupportError(f"{self.name} can't honour {', '.join(rootless)}, which is no Gaussian outcome: use Laplace() or AGQ().")
        censored = list(dict.fromkeys(one.name for one in endpoints if one.is_free))
        remembering = list(dict.fromkeys(one.name for one in endpoints if one.memory is not None))
        if remembering and not self.interaction:
            raise SupportError(
                f"foce without interaction can't honour autocorrelation= of {', '.join(remembering)}: use FOCE() or Laplace()."
            )
        if censored and not self.interaction:
            raise SupportError(
                f"foce without interaction can't honour values of {', '.join(censored)} beyond a limit: use FOCE() or Laplace()."
            )
