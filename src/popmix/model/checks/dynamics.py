"""Checks of structures, states and doses."""

from collections.abc import Iterator, Mapping

from popmix.model.blueprint import BLUEPRINTS, Range
from popmix.model.checks.expressions import dynamic_names
from popmix.model.checks.routes import entrance, second_route
from popmix.model.declarations import Broken, Declaration, Dose, IndividualParameter, State, Structure
from popmix.model.evaluation import value_at_start
from popmix.model.expression import Reference
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
                yield from entrance(name, {part: each.arguments[part] for part in blueprint.route if part in each.arguments}, declarations)
                yield from _starts(name, expand(name, each).states, declarations)
            case State():
                yield from _state(name, each, declarations)
            case Dose():
                given = {part: getattr(each, part) for part in ROUTE if getattr(each, part) is not None}
                yield from _amounts(name, given, ROUTE, declarations)
                yield from entrance(name, given, declarations)
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
        yield from second_route(name, dose, owner, declared)


def _nearest(owner: str, declarations: Mapping[str, Declaration]) -> str:
    states = [name for name, each in declarations.items() if isinstance(each, State)]
    parts = [f"{name}.{part}" for name, each in declarations.items() if isinstance(each, Structure) for part in each.compartments]
    near = suggestion(owner, states)
    if near:
        return f"did you mean {near}?"
    return f"dose into {listed([*states, *parts], 'or')}" if states or parts else "declare a State, or a structure such as OneCompartment"


def _shown(owner: str, compartment: str | None) -> str:
    return f"{owner}.{compartment}" if compartment else owner
