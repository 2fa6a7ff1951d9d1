"""How a structure of the library is declared: a function that builds a part of a model, made a word by `@structure`.

The function has the word's name. Its first argument is the `Part` to be built; the others are the word's arguments, expressions of the
user's model, annotated with the values they may start at. It declares states and writes their derivatives as a user would:

    @structure("one compartment", group="...", source="...")
    def Example(part: Part, *, cl: NOT_NEGATIVE, v: POSITIVE):
        central = part.state("central")
        part.output("concentration", central / v)
        central.dt = -cl / v * central
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from popmix.model.blueprint import BLUEPRINTS, Alternatives, Blueprint, Choice, Range
from popmix.model.declarations import Dose, State, Structure
from popmix.model.expression import Attribute, Expression, Text, as_expression, is_refused
from popmix.model.mistakes import did_you_mean, listed, report
from popmix.model.places import Culprit
from popmix.model.wording import word

POSITIVE, NOT_NEGATIVE, ANY = Range.POSITIVE, Range.NOT_NEGATIVE, Range.ANY
ROUTE = {"lag": NOT_NEGATIVE, "f": NOT_NEGATIVE, "duration": POSITIVE, "rate": POSITIVE, "profile": ANY}
"""How doses enter the first compartment: the arguments that every structure with doses has."""


@dataclass(frozen=True)
class Expansion:
    """What a structure stands for: states in the order of the compartments, outputs by name, and how doses enter.

    Own states stand in the expressions as `Attribute(owner, name)`. doses: by compartment, an ordinary Dose of that target; only those
    with a lag, a fraction and so on.
    """

    states: dict[str, State] = field(default_factory=dict)
    outputs: dict[str, Expression] = field(default_factory=dict)
    doses: dict[str, Dose] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names that can be read as `pk.name`: outputs, then states."""
        return tuple(dict.fromkeys((*self.outputs, *self.states)))


class OwnState(Attribute):
    """A state of the part that is being built; its derivative is set as `state.dt = ...`."""

    def __init__(self, part: "Part", name: str) -> None:
        object.__setattr__(self, "owner", part.owner)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "part", part)

    def __setattr__(self, attribute: str, value: object) -> None:
        if attribute != "dt":
            raise AttributeError(attribute)
        states = self.part.built.states
        states[self.name] = replace(states[self.name], derivative=as_expression(value))


class Part:
    """The part of a model that a structure builds; `named` says whether outputs stand in its equations under their names."""

    def __init__(self, owner: str, named: bool = False) -> None:
        self.owner = owner
        self.named = named
        self.built = Expansion()

    def state(self, name: str, init: Expression | float | None = None) -> OwnState:
        """Declare the next state, with its value at the start (None: zero)."""
        self.built.states[name] = State(None if init is None else as_expression(init))
        return OwnState(self, name)

    def output(self, name: str, value: Expression | float) -> Expression:
        """Declare an expression that the user reads as a part of the structure; returns what stands for it in equations."""
        self.built.outputs[name] = as_expression(value)
        return Attribute(self.owner, name) if self.named else self.built.outputs[name]

    def absorption(self, ka: Expression | None) -> list[Expression]:
        """Declare a depot when there is an absorption rate constant; returns the gains of the central compartment (none without)."""
        if ka is None:
            return []
        depot = self.state("depot")
        depot.dt = -ka * depot
        return [ka * depot]


def balance(gains: Sequence[Expression], losses: Sequence[Expression]) -> Expression:
    """Return the sum of gains less the sum of losses."""
    first, *others = gains if gains else (-losses[0],)
    for gain in others:
        first = first + gain
    for loss in losses if gains else losses[1:]:
        first = first - loss
    return first


def structure(
    title: str, *, group: str, source: str, alternatives: tuple[Alternatives, ...] = (), doses: bool = False
) -> Callable[[Callable], Callable[..., Structure]]:
    """Make a building function a word of the language, and a structure of the library.

    alternatives: lists of sets of arguments, of each list exactly one set is to be given. doses: whether the word takes lag, f, duration,
    rate and profile for the doses into the first compartment.
    """

    def made(build: Callable) -> Callable[..., Structure]:
        kind = build.__name__
        doc, signature = inspect.cleandoc(build.__doc__), _signature(build, doses)
        route = tuple(ROUTE) if doses else ()
        blueprint = Blueprint(kind, title, group, source, doc, signature, alternatives, _expander(build), route)
        BLUEPRINTS[kind] = blueprint

        def call(*positional: object, **keywords: object) -> Structure:
            return _declared(blueprint, blueprint.signature.bind(*positional, **keywords).arguments)

        call.__name__ = call.__qualname__ = kind
        call.__module__ = build.__module__
        call.__doc__ = build.__doc__
        call.__signature__ = blueprint.signature
        return word(call)

    return made


def expand(owner: str, structure: Structure, named: bool = False) -> Expansion:
    """Return what a structure stands for under the name `owner`: states with their equations, outputs and doses.

    named: let outputs stand in the equations as `Attribute(owner, output)`, for reading; by default equations hold own states only.
    """
    return BLUEPRINTS[structure.kind].expand(owner, structure.arguments, named)


def _signature(build: Callable, doses: bool) -> inspect.Signature:
    _, *own = inspect.signature(build).parameters.values()
    ordered = [each for each in own if each.kind is each.POSITIONAL_OR_KEYWORD]
    others = [each for each in own if each.kind is each.KEYWORD_ONLY]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if ordered else inspect.Parameter.KEYWORD_ONLY
    route = [inspect.Parameter(name, kind, default=None, annotation=values) for name, values in ROUTE.items() if doses]
    return inspect.Signature([*ordered, *route, *others] if ordered else [*others, *route])


def _expander(build: Callable) -> Callable[..., Expansion]:
    own = inspect.signature(build).parameters

    def expanded(owner: str, arguments: Mapping[str, Expression], named: bool = False) -> Expansion:
        part = Part(owner, named)
        build(part, **{name: value for name, value in arguments.items() if name in own})
        route = {name: value for name, value in arguments.items() if name not in own}
        if route:
            first = next(iter(part.built.states))
            part.built.doses[first] = Dose((owner, first), **route)
        return part.built

    return expanded


def _declared(blueprint: Blueprint, given: Mapping[str, object]) -> Structure:
    values = {name: given[name] for name in blueprint.signature.parameters if given.get(name) is not None}
    for choices in blueprint.alternatives:
        _check_alternatives(blueprint.kind, choices, values)
    arguments = {}
    for name, value in values.items():
        annotation = blueprint.signature.parameters[name].annotation
        if isinstance(annotation, Choice):
            _check_choice(name, value, annotation)
        arguments[name] = as_expression(value)
    return Structure(blueprint.kind, arguments)


def _check_alternatives(kind: str, choices: Alternatives, values: Mapping[str, object]) -> None:
    concerned = dict.fromkeys(name for choice in choices for name in choice)
    given = [name for name in concerned if name in values]
    if any(set(given) == set(choice) for choice in choices):
        return
    wider = sorted((choice for choice in choices if set(given) < set(choice)), key=len)
    forms = listed((_call(kind, choice) for choice in choices if choice), "or")
    if wider:
        missing = listed(f"{name}=" for name in wider[0] if name not in given)
        help = f"as in {_call(kind, wider[0])}" if given else f"write {forms}"
        report(f"{kind} needs {missing}", help, Culprit("call", kind))
        return
    names = listed(f"{name}=" for name in given)
    report(f"{kind} can't take {names} together", f"write {forms}", Culprit("call", kind))


def _call(kind: str, names: tuple[str, ...]) -> str:
    return f"{kind}({', '.join(f'{name}=...' for name in names)})"


def _check_choice(name: str, value: object, choice: Choice) -> None:
    text = value.value if isinstance(value, Text) else value
    known = listed((f'"{each}"' for each in choice.texts), "or")
    if not isinstance(text, str):
        if not is_refused(value):
            report(f"{name} must be a text in quotes", f"write {known}", Culprit("keyword", name))
    elif text not in choice.texts:
        report(f'{name}="{text}" is unknown', did_you_mean(text, choice.texts, f"write {known}"), Culprit("keyword", name))
