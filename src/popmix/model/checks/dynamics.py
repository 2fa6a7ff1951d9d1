"""Checks of structures, states and doses."""

from collections.abc import Iterator, Mapping

from popmix.model.blueprint import BLUEPRINTS, Range
from popmix.model.checks.expressions import dynamic_names
from popmix.model.declarations import Broken, Declaration, Dose, IndividualParameter, Named, State, Structure
from popmix.model.evaluation import value_at_start
from popmix.model.expression import Expression, Reference, names_in
from popmix.model.library.part import ROUTE, expand
from popmix.model.mistakes import Problem, article, listed, suggestion
from popmix.model.places import Culprit

_MEANT = {Range.POSITIVE: "must be positive", Range.NOT_NEGATIVE: "can't be negative"}


def problems(declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Yield what is wrong with structures, states and doses."""
    targets: dict[tuple[str, str | None], str] = {}
    for name, each in declarations.items():
        match each:
            case Structure():
                blueprint = BLUEPRINTS[each.kind]
                ranges = {argument: blueprint.range_of(argument) for argument in each.arguments}
                yield from _amounts(name, each.arguments, ranges, declarations)
                yield from _entrance(name, {part: each.arguments[part] for part in blueprint.route if part in each.arguments}, declarations)
                yield from _starts(name, expand(name, each).states, declarations)
            case State():
                yield from _state(name, each, declarations)
            case Dose():
                given = {part: getattr(each, part) for part in ROUTE if getattr(each, part) is not None}
                yield from _amounts(name, given, ROUTE, declarations)
                yield from _entrance(name, given, declarations)
                yield from _target(name, each, declarations, targets)


def _amounts(
    name: str, arguments: Mapping, ranges: Mapping[str, Range], declarations: Mapping[str, Declaration]
) -> Iterator[Problem]:  # fmt: skip
    for argument, expression in arguments.items():
        if ranges[argument] is Range.ANY:
            continue
        if isinstance(expression, Reference) and isinstance(declarations.get(expression.name), IndividualParameter):
            continue  # its typical value has its own check
        value = value_at_start(expression, declarations)
        if value is None or value > 0 or (value == 0 and ranges[argument] is Range.NOT_NEGATIVE):
            continue
        yield Problem(name, f"{argument} of {name} starts at {value:g} but {_MEANT[ranges[argument]]}", "", Culprit("keyword", argument))


def _entrance(name: str, route: Mapping[str, Expression], declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Check how doses enter: over a duration, at a rate, or along a profile, which is a function of TAD and of no state."""
    if "duration" in route and "rate" in route:
        help = "an infusion has one of them: the other follows from the amount"
        yield Problem(name, f"{name} has both a duration and a rate", help, Culprit("keyword", "rate"))
    if "profile" not in route:
        return
    culprit = Culprit("keyword", "profile")
    for other in ("duration", "rate"):
        if other in route:
            yield Problem(name, f"{name} has both a profile and a {other}", "the profile alone says when the amount arrives", culprit)
    for found in dynamic_names(route["profile"], declarations):
        yield Problem(name, f"the profile of {name} depends on {found}, which changes with the dynamics", "use parameters and TAD", culprit)
        return
    if not _reads_tad(route["profile"], declarations):
        help = "a profile is a density of TAD, the time since the dose, as transit_profile(mtt=MTT, n=N) is"
        yield Problem(name, f"the profile of {name} does not depend on TAD", help, culprit)


def _reads_tad(expression: Expression, declarations: Mapping[str, Declaration]) -> bool:
    for read in names_in(expression):
        declared = declarations.get(read)
        if read == "TAD" or isinstance(declared, Broken) or (isinstance(declared, Named) and _reads_tad(declared.expression, declarations)):
            return True
    return False


def _starts(name: str, states: Mapping[str, State], declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    """Check that the states of a structure start at values that are known at the start."""
    for state, each in states.items():
        for found in dynamic_names(each.init, declarations) if each.init is not None else ():
            message = f"the start of {name}.{state} depends on {found}, which has no value yet"
            yield Problem(name, message, "use parameters only", Culprit("name", found.split(".")[0]))
            return


def _state(name: str, state: State, declarations: Mapping[str, Declaration]) -> Iterator[Problem]:
    if state.derivative is None:
        yield Problem(name, f"the state {name} has no derivative", f"add {name}.dt = ...; for a quantity that does not change write 0")
    if state.init is not None:
        for found in dynamic_names(state.init, declarations):
            message = f"the start of {name} depends on {found}, which has no value yet"
            yield Problem(name, message, "use parameters only", Culprit("name", found.split(".")[0]))
            return


def _target(name: str, dose: Dose, declarations: Mapping[str, Declaration], targets: dict) -> Iterator[Problem]:
    owner, part = dose.target
    declared = declarations.get(owner)
    if declared is None or isinstance(declared, Broken):
        return
    if isinstance(declared, Structure) and not declared.compartments:
        message = f"the dose goes nowhere: {owner} is {article(declared.word)}, which has no compartments"
        yield Problem(name, message, _nearest(owner, declarations), Culprit("name", owner))
        return
    compartment = declared.compartments[0] if isinstance(declared, Structure) and part is None else part
    if isinstance(declared, Structure) and compartment not in declared.compartments:
        help = f"its compartments are {listed(f'{owner}.{each}' for each in declared.compartments)}"
        message = f"the dose goes nowhere: {owner}.{compartment} is not a compartment"
        yield Problem(name, message, help, Culprit("attribute", str(compartment)))
        return
    if not isinstance(declared, (Structure, State)):
        message = f"the dose goes nowhere: {owner} is {article(declared.word)}, not a State or a compartment"
        yield Problem(name, message, _nearest(owner, declarations), Culprit("name", owner))
        return
    if (owner, compartment) in targets:
        help = "give one Dose for each state or compartment; doses of any number go through it"
        yield Problem(name, f"{targets[owner, compartment]} already doses into {_shown(owner, compartment)}", help)
        return
    targets[owner, compartment] = name
    if isinstance(declared, Structure) and compartment == declared.compartments[0]:
        yield from _second_route(name, dose, owner, declared)


def _second_route(name: str, dose: Dose, owner: str, structure: Structure) -> Iterator[Problem]:
    """Check a Dose into the first compartment of a structure, which may say itself how doses enter there."""
    mine = [part for part in ROUTE if getattr(dose, part) is not None]
    others = [part for part in BLUEPRINTS[structure.kind].route if part in structure.arguments]
    for part in mine:
        if part in others:
            yield Problem(name, f"{part} is given both in {owner} and in {name}", "give it once", Culprit("keyword", part))
        for other in others:
            if part != other and {part, other} <= {"profile", "duration", "rate"}:
                help = "one of them says when the amount arrives"
                yield Problem(name, f"{name} has a {part}, and {owner} a {other}", help, Culprit("keyword", part))


def _nearest(owner: str, declarations: Mapping[str, Declaration]) -> str:
    states = [name for name, each in declarations.items() if isinstance(each, State)]
    parts = [f"{name}.{part}" for name, each in declarations.items() if isinstance(each, Structure) for part in each.compartments]
    near = suggestion(owner, states)
    if near:
        return f"did you mean {near}?"
    return f"dose into {listed([*states, *parts], 'or')}" if states or parts else "declare a State, or a structure such as OneCompartment"


def _shown(owner: str, compartment: str | None) -> str:
    return f"{owner}.{compartment}" if compartment else owner
