"""What a checkpoint keeps of a descent: everything that its next step depends on, so that it goes on with the same numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from popmix.engine.foce import Marginal
from popmix.estimate.descent import Descent, Point
from popmix.likelihood import Problem
from popmix.model.parameters import Parameters


@dataclass(eq=False)
class Search:
    """A descent under way, what came before it, and how often the search has been restarted at a better place."""

    descent: Descent
    before: Descent | None = None
    restarts: int = 0

    def whole(self) -> Descent:
        """Return the descent with the iterations and evaluations of what came before it."""
        return self.descent if self.before is None else self.descent.after(self.before)


def state_of(search: Search) -> dict[str, np.ndarray]:
    """Return a search as arrays by name."""
    descent, before = search.descent, search.before
    point, counts = descent.point, (descent.iterations, descent.evaluations, descent.fresh, descent.scoring, descent.poor)
    evaluation = point.state
    earlier = Descent(point, descent.hessian) if before is None else before
    return {
        "x": point.x,
        "value": np.array([point.value, evaluation.prior]),
        "gradient": point.gradient,
        "values": evaluation.parameters.values,
        "hessian": descent.hessian,
        "counts": np.array(counts, dtype=np.int64),
        "history": np.array(descent.history),
        "before": np.array([before is not None, earlier.iterations, earlier.evaluations, search.restarts], dtype=np.int64),
        "earlier": np.array(earlier.history),
        **{f"{name}_{g}": value for g, group in enumerate(evaluation.groups) for name, value in group._asdict().items()},
    }


def search_of(state: Mapping[str, np.ndarray], problem: Problem, start: Parameters) -> Search:
    """Return the search that arrays describe."""
    parameters = start.unchecked(state["values"])
    groups = tuple(Marginal(*(state[f"{name}_{g}"] for name in Marginal._fields)) for g in range(problem.n_groups))
    value, prior = state["value"].tolist()
    evaluation = replace(problem.gathered(parameters, groups), prior=prior)
    point = Point(state["x"], value, state["gradient"], evaluation)
    iterations, evaluations, fresh, scoring, poor = state["counts"].tolist()
    own = Descent(point, state["hessian"], iterations=iterations, evaluations=evaluations, fresh=bool(fresh), scoring=bool(scoring))
    own.history, own.poor = state["history"].tolist(), poor
    has_before, iterations, evaluations, restarts = state["before"].tolist()
    before = Descent(point, own.hessian, iterations=iterations, evaluations=evaluations, history=state["earlier"].tolist())
    return Search(own, before if has_before else None, restarts)
