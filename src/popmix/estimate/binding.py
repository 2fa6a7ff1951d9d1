"""Making ready what an estimation needs: the parts of the engine, and the problem of a fit that is looked at again."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from popmix.compiler.lower import starts_as_equations
from popmix.engine import stamp
from popmix.engine.foce import marginals
from popmix.engine.link import link, link_first_order, link_members, link_posterior, link_quadrature, link_saem
from popmix.estimate.method import Method
from popmix.estimate.progress import Progress, Silent
from popmix.likelihood import AUTOMATIC, Problem, Solver, bind
from popmix.model.declarations import Level
from popmix.model.model import Model

if TYPE_CHECKING:
    from popmix.estimate.result import Fit

# what the parts of the engine that methods ask for are called, and what loads them
_PARTS = {
    stamp.FIRST_ORDER: ("the engine for the first-order method", link_first_order),
    stamp.POSTERIOR: ("the engine for posteriors", link_posterior),
    stamp.SAEM: ("the engine for SAEM", link_saem),
    stamp.QUADRATURE: ("the engine for quadrature", link_quadrature),
}


def bound(result: "Fit", progress: Progress | None = None) -> Problem:
    """Return the problem of a fit: its model bound to its data again, with its weights and its solver."""
    load_engine(progress or Silent(), result.model, result.method, result.solution.solver)
    return bind(result.model, result.data, weights=result.weights, solver=result.solution.solver)


def load_engine(progress: Progress, model: Model, method: Method, solver: Solver = AUTOMATIC) -> None:
    """Load what a model and a method need of the engine, or compile it, which takes long enough to be announced.

    Raises SupportError for declarations that can't be fitted.
    """
    parts = [(stamp.ENGINE, "the engine", link)]
    if starts_as_equations(model, as_equations=solver.as_equations):
        parts.append((stamp.EQUATIONS, "the engine for differential equations", partial(link, equations=True)))
    parts += [(part, *_PARTS[part]) for part in method.parts]
    if any(isinstance(one, Level) for one in model.declarations.values()):
        parts.append((stamp.MEMBERS, "the engine for groups of subjects", link_members))
    for part, name, load in parts:
        _load(progress, part, name, load)


def load_part(progress: Progress, part: str) -> None:
    """Load a part of the engine that a method asks for, or compile it."""
    _load(progress, part, *_PARTS[part])


def _load(progress: Progress, part: str, name: str, load: Callable) -> None:
    folder = Path(marginals.stats.cache_path) if marginals.stats.cache_path else None
    cached = stamp.is_cached(folder, part)
    progress.update("compile", None, f"loading {name}" if cached else f"compiling {name} (once per installation)")
    load()
    if not cached:
        stamp.keep(folder, part)
