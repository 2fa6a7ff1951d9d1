"""A model as expressions, and what the data decide about it."""

from dataclasses import dataclass

from popmix.compiler.dynamics import Dynamics, Shape
from popmix.compiler.endpoints import Endpoint
from popmix.compiler.program import Copies, Program, Symbolic
from popmix.model.compartments import Place
from popmix.model.parameters import Parameters


@dataclass(frozen=True)
class Lowered:
    """A model as expressions.

    `compartments` are labels in the order of `amounts`, `places` their declarations. Closed forms have a `shape` and `rates`: k10
    (k12, k21, k13, k31) and ka, in this order, as far as they exist; differential equations have `dynamics`. `profiles`: by the compartment
    into which doses arrive with that density. `domain`: arguments of structures that must be positive (True) or not negative.
    `etas` are the random effects as a subject has them, those between occasions once for every occasion: see `copies`. `hidden`
    compartments, the last ones, cumulate the hazards of these endpoints. `shares`: of the latent groups. `linked`: SDs of effects, by their
    names among the parameters, that stand in expressions. `typical`: the typical values of individual parameters, as
    declared, by name.
    """

    program: Program
    parameters: Parameters
    thetas: tuple[Symbolic, ...]
    sigmas: tuple[Symbolic, ...]
    linked: dict[str, Symbolic]
    etas: tuple[Symbolic, ...]
    copies: tuple[Copies, ...]
    covariates: dict[str, Symbolic]
    amounts: tuple[Symbolic, ...]
    shape: Shape | None
    compartments: tuple[str, ...]
    places: tuple[Place, ...]
    dynamics: Dynamics | None
    rates: tuple[Symbolic, ...]
    dosing: dict[tuple[str, int], Symbolic]
    profiles: dict[int, Symbolic]
    domain: tuple[tuple[Symbolic, bool], ...]
    hidden: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    reported: dict[str, Symbolic]
    typical: dict[str, Symbolic]
    shares: tuple[Symbolic, ...]


@dataclass(frozen=True)
class Circumstances:
    """What the data decide about a model: names of covariates that change within a subject, endpoints with records censored on a side.

    `below`: the levels within subjects (the Occasion, and Levels whose label changes there), with the most that a subject has of each.
    """

    varying: frozenset[str] = frozenset()
    below: tuple[tuple[str, int], ...] = ()
    censored: frozenset[tuple[str, str]] = frozenset()


PLAIN = Circumstances()
