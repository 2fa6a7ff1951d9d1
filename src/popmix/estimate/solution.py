"""How exactly the amounts of a fit were found: whether the objective depends on the tolerance of an integration."""

from dataclasses import dataclass, replace

from popmix.engine.equations import EQUATIONS
from popmix.likelihood import Evaluation, Problem, Solver

# the fall of the OFV by which one parameter is judged is near 4; a change of this size decides nothing
MOST_CHANGE = 1e-3
_FINER, _FINEST = 100.0, 1e-13


@dataclass(frozen=True)
class Solution:
    """How amounts were found: `route` in words, the solver, and for an integration `change`.

    `change`: by how much the OFV at the estimates changes when equations are solved 100 times as exactly, from the same modes (None where
    nothing was integrated; nan where that failed).
    """

    route: str
    solver: Solver
    change: float | None = None

    @property
    def sentence(self) -> str:
        """What a reader of a fit should know; empty where nothing was integrated."""
        if self.change is None:
            return ""
        finer = max(self.solver.tolerance / _FINER, _FINEST)
        return f"integrated to a relative {self.solver.tolerance:.0e}; the OFV changes by {self.change:.1e} with {finer:.0e}."

    @property
    def warnings(self) -> list[str]:
        """A sentence when the tolerance is too loose for the objective."""
        if self.change is None or abs(self.change) <= MOST_CHANGE:
            return []
        advice = f"solver=Solver(tolerance={self.solver.tolerance / _FINER:.0e})"
        return [f"the OFV changes by {self.change:.2g} when the differential equations are solved more exactly: repeat with {advice}."]


def solution_of(problem: Problem, evaluation: Evaluation, interaction: bool, threads: int | None) -> Solution:
    """Return how the amounts of an evaluation were found, with the objective computed again where they were integrated."""
    if problem.code.route != EQUATIONS:
        return Solution("closed form" if problem.code.n_states else "algebraic", problem.solver)
    finer = replace(problem, code=problem.code._replace(tolerance=max(problem.solver.tolerance / _FINER, _FINEST)))
    again = finer.foce(evaluation.parameters, interaction=interaction, modes=evaluation.marginal.eta, threads=threads)
    return Solution("differential equations", problem.solver, again.ofv - evaluation.ofv)
