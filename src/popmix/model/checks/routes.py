"""Checks of how doses enter a compartment: over a duration, at a rate, or along a profile."""

import math
from collections.abc import Iterator, Mapping

from popmix.model.blueprint import BLUEPRINTS
from popmix.model.checks.expressions import dynamic_names
from popmix.model.declarations import Broken, Declaration, Dose, Named, Structure
from popmix.model.evaluation import value_at_start
from popmix.model.expression import Expression, names_in
from popmix.model.library.part import ROUTE
from popmix.model.mistakes import Problem
from popmix.model.places import Culprit


def entrance(name: str, route: Mapping[str, Expression], declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield what is wrong with the way in which a structure or a Dose lets doses enter."""
    if "duration" in route and "rate" in route:
        help = "an infusion has one of them: the other follows from the amount"
        yield Problem(name, f"{name} has both a duration and a rate", help, Culprit("keyword", "rate"))
    for part in ("f", "lag", "duration", "rate"):
        for found in dynamic_names(route[part], declarations) if part in route else ():
            message = f"the {part} of {name} depends on {found}, which changes with the dynamics"
            yield Problem(name, message, "use parameters and covariates", Culprit("keyword", part))
            break
    if "profile" in route:
        yield from _profile(name, route, declarations)


def second_route(name: str, dose: Dose, owner: str, structure: Structure) -> Iterator[Problem]:
    """Yield what a Dose into the first compartment of a structure repeats, or contradicts."""
    mine = [part for part in ROUTE if getattr(dose, part) is not None]
    others = [part for part in BLUEPRINTS[structure.kind].route if part in structure.arguments]
    for part in mine:
        if part in others:
            yield Problem(name, f"{part} is given both in {owner} and in {name}", "give it once", Culprit("keyword", part))
        for other in others:
            if part != other and {part, other} <= {"profile", "duration", "rate"}:
                help = "one of them says when the amount arrives"
                yield Problem(name, f"{name} has a {part}, and {owner} a {other}", help, Culprit("keyword", part))


def _profile(name: str, route: Mapping[str, Expression], declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Check that a profile stands alone, and is a density of TAD that depends on no state."""
    culprit, profile = Culprit("keyword", "profile"), route["profile"]
    for other in ("duration", "rate"):
        if other in route:
            yield Problem(name, f"{name} has both a profile and a {other}", "the profile alone says when the amount arrives", culprit)
    for found in dynamic_names(profile, declarations):
        yield Problem(name, f"the profile of {name} depends on {found}, which changes with the dynamics", "use parameters and TAD", culprit)
        return
    if not _reads_tad(profile, declarations):
        help = "a profile is a density of TAD, the time since the dose, as transit_profile(mtt=MTT, n=N) is"
        yield Problem(name, f"the profile of {name} does not depend on TAD", help, culprit)
        return
    area = _area(profile, declarations)
    if area is not None and abs(area - 1) > 0.01:
        help = "a profile is a density; the fraction that arrives is given by f="
        yield Problem(name, f"the profile of {name} integrates to {area:.3g} over TAD at the start values, not to 1", help, culprit)


def _reads_tad(expression: Expression, declarations: Mapping[str, Declaration]) -> bool:
    for read in names_in(expression):
        declared = declarations.get(read)
        if read == "TAD" or isinstance(declared, Broken) or (isinstance(declared, Named) and _reads_tad(declared.expression, declarations)):
            return True
    return False


def _area(profile: Expression, declarations: Mapping[str, Declaration]) -> float | None:
    """Return the integral of a profile over TAD at the start values; None where it has no value, or is too rough to be judged.

    The trapezoidal rule in log TAD, which converges fast for smooth densities: two steps that agree are believed. A jump makes them
    differ by a quarter of a step times the jump. Next to nothing is not believed: a narrow peak may lie between the points.
    """
    sums = []
    for n in (300, 600):
        step = 30 / n
        terms = [(math.exp(u), value_at_start(profile, declarations, math.exp(u))) for u in (-15 + step * k for k in range(n + 1))]
        if any(value is None for _, value in terms):
            return None
        sums.append(step * sum(t * value for t, value in terms))
    return sums[1] if sums[1] > 0.01 and abs(sums[1] - sums[0]) < 1e-3 else None
