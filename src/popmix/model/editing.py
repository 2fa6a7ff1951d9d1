"""Editing verbs on declarations: each returns new declarations, or raises ModelError with everything that is wrong."""

from collections.abc import Iterator, Mapping

from popmix.errors import ModelError
from popmix.model.checks import problems
from popmix.model.declarations import Broken, Declaration, Named, StartValue, State
from popmix.model.expression import Expression, Number, Unknown
from popmix.model.handles import settle
from popmix.model.mistakes import Mistake, article, did_you_mean, listed, render
from popmix.model.results import Slot, result_names, with_slot
from popmix.model.writing import statement


def edited(title: str, declarations: Mapping[str, Declaration], changes: Mapping[str, object]) -> dict[str, Declaration]:
    """Return declarations with changes by name.

    A number (or Fixed(number)) is a new start value of a parameter by its name in results; a declaration or an expression replaces or
    adds the declaration of that name. Raises ModelError.
    """
    result, mistakes = dict(declarations), []
    for name, value in changes.items():
        mistakes += _apply(result, result_names(result), name, value)
    _refuse(title, mistakes)
    ordered, circular = _ordered(result)
    mistakes = [Mistake(f"{name} depends on itself", source=statement(name, result[name])) for name in circular]
    _refuse(title, mistakes)
    _refuse(title, [*_undeclared(ordered), *(_placeless(each, ordered) for each in problems(ordered))])
    return ordered


def fixed(
    title: str, declarations: Mapping[str, Declaration], names: tuple[str, ...], values: Mapping[str, float]
) -> dict[str, Declaration]:
    """Return declarations with parameters held, by their names in results, at their start values or at new ones. Raises ModelError."""
    result, mistakes = dict(declarations), []
    slots = result_names(declarations)
    for name in [*names, *values]:
        slot = slots.get(name)
        if slot is None:
            mistakes.append(_unknown(name, slots, "no parameter"))
        elif slot.field == "correlation" and len(result[slot.declaration].members) > 2 and not _holds_all(result, slot, names, values):
            help = f"hold all its correlations: fix({', '.join(repr(each) for each in _family(slots, slot))})"
            mistakes.append(Mistake(f"{name} alone can't be fixed: a Block is estimated or held as a whole", help))
    _refuse(title, mistakes)
    held = dict.fromkeys(names) | dict(values)
    changes: dict[str, Declaration] = {}
    for name, value in held.items():
        slot = slots[name]
        target = changes.get(slot.declaration, result[slot.declaration])
        changes[slot.declaration] = with_slot(target, slot, _current(target, slot) if value is None else float(value), True)
    return edited(title, declarations, changes)


def _holds_all(declarations: Mapping[str, Declaration], slot: Slot, names: tuple[str, ...], values: Mapping[str, float]) -> bool:
    return set(_family(result_names(declarations), slot)) <= {*names, *values}


def _family(slots: Mapping[str, Slot], slot: Slot) -> list[str]:
    return [name for name, each in slots.items() if (each.declaration, each.field) == (slot.declaration, slot.field)]


def _current(declared: Declaration, slot: Slot) -> float:
    value = getattr(declared, slot.field)
    for index in slot.position:
        value = value[index]
    return value.value if isinstance(value, StartValue) else value


def _apply(result: dict[str, Declaration], slots: Mapping[str, Slot], name: str, value: object) -> Iterator[Mistake]:
    if isinstance(value, Declaration):
        if isinstance(value, State) and value.derivative is None and isinstance(result.get(name), State):
            value = State(value.init, result[name].derivative)
        result[name] = settle(value)
    elif isinstance(value, Expression):
        result[name] = Named(settle(value))
    elif name in slots and (isinstance(value, StartValue) or _is_number(value)):
        slot, start = slots[name], value if isinstance(value, StartValue) else StartValue(float(value))
        result[slot.declaration] = with_slot(result[slot.declaration], slot, start.value, True if start.fixed else None)
    elif isinstance(result.get(name), Named) and _is_number(value):
        result[name] = Named(Number(float(value)))
    elif name in result:
        help = f"give a declaration: with_({name}={result[name].word}(...))"
        yield Mistake(f"{name} is {article(result[name].word)} and can't be set to {value!r}", help)
    else:
        yield _unknown(name, [*slots, *result], "no parameter or declaration")


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, (bool, str, Expression))


def _unknown(name: str, known: Mapping[str, object] | list[str], what: str) -> Mistake:
    return Mistake(f"the model has {what} {name}", did_you_mean(name, known, f"there are {listed(dict.fromkeys(known))}"))


def _undeclared(declarations: Mapping[str, Declaration]) -> Iterator[Mistake]:
    for name, each in declarations.items():
        for read in dict.fromkeys(each.names()):
            if read not in declarations and read not in ("T", "TAD", "Y"):
                yield Mistake(f"{read} is not declared", did_you_mean(read, declarations), source=statement(name, each))
        if isinstance(each, Broken) or any(isinstance(part, Unknown) for part in each.expressions()):
            yield Mistake(f"{name} is not a declaration")


def _placeless(problem: object, declarations: Mapping[str, Declaration]) -> Mistake:
    name = problem.name.removesuffix(".dt")
    return Mistake(problem.message, problem.help, source=statement(name, declarations[name]) if name in declarations else None)


def _ordered(declarations: Mapping[str, Declaration]) -> tuple[dict[str, Declaration], list[str]]:
    """Return declarations with each after those it reads, otherwise in their order; and names that read themselves."""
    result: dict[str, Declaration] = {}
    circular: list[str] = []
    open_names: list[str] = []

    def place(name: str) -> None:
        if name in result or name not in declarations:
            return
        if name in open_names:
            circular.append(name)
            return
        open_names.append(name)
        for read in _needed(declarations[name]):
            place(read)
        open_names.pop()
        result.setdefault(name, declarations[name])

    for name in declarations:
        place(name)
    return result, list(dict.fromkeys(circular))


def _needed(declared: Declaration) -> list[str]:
    """Return the names that must be declared before: all that are read, except by a derivative."""
    if isinstance(declared, State):
        return list(State(declared.init).names())
    extra = [*getattr(declared, "members", ()), *([declared.level] if getattr(declared, "level", None) else [])]
    return [*declared.names(), *extra]


def _refuse(title: str, mistakes: list[Mistake]) -> None:
    if mistakes:
        raise ModelError(render(title, mistakes))
