"""How an estimation ended."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Convergence:
    """How an estimation ended. `gradient_norm`: the largest gradient of the OFV on the unconstrained scale; `reason`: in words.

    `converged` is None where nothing was to converge (`evaluated_only`).
    """

    converged: bool | None
    reason: str
    gradient_norm: float
    iterations: int
    evaluations: int
    evaluated_only: bool = False

    def noted(self, note: str) -> "Convergence":
        """Return the same with a note in words."""
        return replace(self, reason=f"{self.reason} {note[0].upper()}{note[1:]}.") if note else self
