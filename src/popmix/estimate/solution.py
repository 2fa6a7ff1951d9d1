"""How exactly the amounts of a fit were found: whether the objective depends on the tolerance of an integration."""

import math
from dataclasses import dataclass, replace

from popmix.engine.equations import EQUATIONS
from popmix.likelihood import Evaluation, Problem, Rule, Solver

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
    def finer(self) -> float:
        """The tolerance to which the equations are solved again."""
        return max(self.solver.tolerance / _FINER, _FINEST)

    @property
    def sentence(self) -> str:
        """What a reader of a fit should know; empty where nothing was integrated."""
        if self.change is None:
            return ""
        done = f"integrated to a relative {self.solver.tolerance:.0e}"
        if math.isnan(self.change):
            return f"{done}; with {self.finer:.0e} the OFV can't be computed."
        return f"{done}; the OFV changes by {self.change:.1e} with {self.finer:.0e}."

    @property
    def warnings(self) -> list[str]:
        """A sentence when the tolerance is too loose for the objective."""
        if self.change is None or abs(self.change) <= MOST_CHANGE:
            return []
        if math.isnan(self.change):
            return [f"the differential equations can't be solved to {self.finer:.0e}: how exact the OFV is remains unknown."]
        advice = f"solver=Solver(tolerance={self.finer:.0e})"
        return [f"the OFV changes by {self.change:.2g} when the differential equations are solved more exactly: repeat with {advice}."]


def solution_of(problem: Problem, evaluation: Evaluation, rule: Rule, threads: int | None) -> Solution:
    """Return how the amounts of an evaluation were found, with the objective computed again where they were integrated."""
    if problem.code.route != EQUATIONS:
        return Solution("closed form" if problem.code.n_states else "algebraic", problem.solver)
    given = Solution("differential equations", problem.solver)
    finer = replace(problem, code=problem.code._replace(tolerance=given.finer))
    again = finer.evaluate(evaluation.parameters, rule, modes=[marginal.eta for marginal in evaluation.groups], threads=threads)
    if problem.code.linear and again.ofv == evaluation.ofv:
        return Solution("linear differential equations", problem.solver)
    return replace(given, change=again.ofv - evaluation.ofv)
