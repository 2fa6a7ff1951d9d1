"""Handles: what a name of the class body stands for while the body runs.

A handle is a Reference that knows its declaration, so that `pk.concentration` and `depot.dt = ...` can be understood
and refused in words. `settle` turns handles into plain references before a declaration is kept.
"""

from dataclasses import fields, replace

from popmix.model.blueprint import BLUEPRINTS
from popmix.model.declarations import Broken, Content, Declaration, State, Structure
from popmix.model.expression import Attribute, Expression, Operation, Reference, Unknown, as_expression
from popmix.model.library.part import expand
from popmix.model.mistakes import active, article, listed, report, suggestion
from popmix.model.places import Culprit


class Handle(Reference):
    """A reference to a declared name that answers for its parts."""

    def __init__(self, name: str, declaration: Declaration) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "declaration", declaration)

    @property
    def is_refused(self) -> bool:
        """Whether the declaration was reported as a mistake."""
        return isinstance(self.declaration, Broken)

    def __getattr__(self, attribute: str) -> Expression:
        if attribute.startswith("__") or attribute in ("name", "declaration"):
            raise AttributeError(attribute)
        if isinstance(self.declaration, Broken):
            return Unknown((Reference(self.name),))
        if isinstance(self.declaration, Structure):
            return _part(self.name, self.declaration, attribute)
        report(*_no_part(self.name, self.declaration, attribute), Culprit("attribute", attribute), outside=AttributeError)
        return Unknown((Reference(self.name),))

    def __setattr__(self, attribute: str, value: object) -> None:
        running = active()
        if attribute == "dt" and isinstance(self.declaration, (State, Broken)) and running is not None:
            running[0].derive(self.name, as_expression(value), running[1])
            return
        if attribute == "dt":
            message = f"{self.name} is {article(self.declaration.word)}, so it has no derivative"
            report(message, f"declare the state first: {self.name} = State()", outside=AttributeError)
            return
        help = "the only attribute to set is the derivative of a state, .dt"
        report(f"{self.name}.{attribute} can't be set", help, outside=AttributeError)

    def __call__(self, *arguments: object, **keywords: object) -> Unknown:
        help = "is an operator missing before the bracket?"
        report(f"{self.name} is declared in this model and can't be called", help, outside=TypeError)
        return Unknown((Reference(self.name),))


def handle(name: str, declaration: Declaration) -> Expression:
    """Return what a declared name stands for."""
    return Handle(name, declaration)


def settle(value: object) -> object:
    """Return a declaration or expression with plain references in place of handles."""
    if isinstance(value, Handle):
        return Reference(value.name)
    if isinstance(value, Operation):
        return Operation(value.operator, tuple(settle(each) for each in value.arguments))
    if isinstance(value, Unknown):
        return Unknown(tuple(settle(each) for each in value.uses))
    if isinstance(value, Content):
        return replace(value, **{field.name: settle(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, dict):
        return {name: settle(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return tuple(settle(each) for each in value)
    return value


def parts_of(structure: Structure) -> tuple[str, ...]:
    """Return the attributes of a structure that can stand in an expression."""
    return expand("", structure).parts


def first_part(structure: Structure) -> str:
    """Return the part of a structure that is most often wanted: its first output, or its first state."""
    return parts_of(structure)[0]


def _part(owner: str, structure: Structure, attribute: str) -> Expression:
    parts = parts_of(structure)
    if attribute == "peripheral" and "peripheral1" in parts:
        attribute = "peripheral1"
    if attribute in parts:
        return Attribute(owner, attribute)
    near = None if attribute == "concentration" else suggestion(attribute, parts)  # it has none where several could be meant
    help = f"did you mean {owner}.{near}?" if near else f"it has {listed(f'.{each}' for each in parts)}"
    if attribute == "depot" and "ka" in BLUEPRINTS[structure.kind].signature.parameters:
        help = "a structure has a depot when ka= is given"
    report(f"{owner} has no part .{attribute}", help, Culprit("attribute", attribute), outside=AttributeError)
    return Unknown((Reference(owner),))


def _no_part(name: str, declaration: Declaration, attribute: str) -> tuple[str, str]:
    if attribute == "dt" and isinstance(declaration, State):
        return f"{name}.dt can be set but not read", "give the expression a name of its own, then use it twice"
    return f"{name} is {article(declaration.word)} and has no part .{attribute}", ""
