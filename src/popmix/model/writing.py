"""Source: a model as the Python text that makes it. `read(write(model)) == model`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from popmix.model import declarations as made
from popmix.model.declarations import Content, Declaration, StartValue
from popmix.model.expression import COMPARISONS, Attribute, Expression, Number, Operation, Reference, Text

_INFIX = {"or": "|", "and": "&"} | {each: each for each in (*COMPARISONS, "+", "-", "*", "/", "**")}
_STRENGTH = {"or": 2, "and": 3, "+": 4, "-": 4, "*": 5, "/": 5, "neg": 6, "not": 6, "**": 7} | dict.fromkeys(COMPARISONS, 1)
_ATOM = 9


def write(model: object) -> str:
    """Return the Python source of a model; `read` turns it into an equal model."""
    lines = ["from popmix import *", "", "", f"class {model.name}(Model):"]
    lines += [f"    {line}".rstrip() for line in _docstring(model.doc)]
    lines += [f"    {line}".rstrip() for line in _statements(model.declarations)]
    return "\n".join(lines) + "\n"


def statement(name: str, declared: Declaration) -> str:
    """Return the statement that declares a name, as in `CL = LogNormal(tvCL, iiv=0.3)`."""
    return f"{name} = {_declaration(declared)}"


def formula(expression: Expression) -> str:
    """Return an expression as Python text."""
    return _text(expression)[0]


def number_text(value: float) -> str:
    """Return the shortest text of a number that reads back exactly; whole numbers without a point."""
    if value == int(value) and abs(value) < 1e15:
        return repr(int(value)) if value != 0 or str(value)[0] != "-" else "-0.0"
    return repr(value)


def _docstring(doc: str) -> list[str]:
    if not doc:
        return []
    lines = doc.split("\n")
    if not _is_plain(doc):
        return [repr(doc), ""]
    if len(lines) == 1:
        return [f'"""{doc}"""', ""]
    return [f'"""{lines[0]}', *lines[1:], '"""', ""]


def _is_plain(doc: str) -> bool:
    bad = '"""' in doc or "\\" in doc or doc.endswith('"')
    return not bad and all(line.isprintable() for line in doc.split("\n"))


def _statements(declarations: Mapping[str, Declaration]) -> Iterator[str]:
    states = {name: each for name, each in declarations.items() if isinstance(each, made.State)}
    last = _last_needed(declarations, states)
    previous = None
    for index, (name, each) in enumerate(declarations.items()):
        group = _group(each)
        if previous not in (None, group):
            yield ""
        previous = group
        yield statement(name, each)
        if index == last:
            yield ""
            yield from (f"{state}.dt = {formula(own.derivative)}" for state, own in states.items() if own.derivative is not None)


def _last_needed(declarations: Mapping[str, Declaration], states: Mapping[str, made.State]) -> int:
    """Return the position of the last declaration that some derivative reads, or of the last state."""
    names = list(declarations)
    needed = {name for state in states.values() for name in state.names()} | set(states)
    return max((names.index(name) for name in needed if name in declarations), default=-1)


def _group(declared: Declaration) -> str:
    return {"State": "dynamics", "Dose": "dynamics", "Structure": "dynamics", "Observation": "outcome", "Theta": "theta"}.get(
        type(declared).__name__, "expression" if isinstance(declared, made.Named) else "effects"
    )


def _declaration(declared: Declaration) -> str:
    match declared:
        case made.Named(expression=expression):
            return formula(expression)
        case made.IndividualParameter():
            return _individual(declared)
        case made.Structure(kind=kind, arguments=arguments):
            return _call(kind, [], arguments)
        case made.Block():
            return _block(declared)
        case made.JointNormal(members=members):
            return _call("priors.JointNormal", [Reference(member) for member in members], _given(declared, skip=("members",)))
        case made.Mixture(shares=shares):
            return _call("Mixture", shares, {})
        case made.Observation(prediction=prediction):
            return _call("Observation", [prediction], _given(declared, skip=("prediction",)))
        case made.Dose(target=(owner, part)):
            target = Attribute(owner, part) if part else Reference(owner)
            return _call("Dose", [target], _given(declared, skip=("target",)))
        case made.Eta(level=level):
            extra = {"level": Reference(level)} if level else {}
            return _call("Eta", [], {"sd": declared.sd} | extra)
        case made.Theta(start=start):
            return _call("Theta", [start], _given(declared, skip=("start",)))
        case made.State():
            return _call("State", [], {"init": declared.init} if declared.init is not None else {})
        case made.Occasion(column=column) | made.Level(column=column):
            return _call(declared.word, [] if column is None else [column], _given(declared, skip=("column",)))
    return _call(declared.word, [], _given(declared))


def _individual(declared: made.IndividualParameter) -> str:
    given = _given(declared, skip=("family", "typical"))
    if (given.get("lower"), given.get("upper")) == (0.0, 1.0):
        given = {name: value for name, value in given.items() if name not in ("lower", "upper")}
    first = [name for name in ("lower", "upper", "shape", "df") if name in given]
    ordered = {name: given[name] for name in [*first, *(name for name in given if name not in first)]}
    return _call(declared.family, [declared.typical], ordered)


def _block(block: made.Block) -> str:
    keywords = {}
    off_diagonal = {value for i, row in enumerate(block.correlation) for j, value in enumerate(row) if i != j}
    if len(off_diagonal) == 1:
        value = off_diagonal.pop()
        if value != 0 or block.fixed:
            keywords["correlation"] = StartValue(value, True) if block.fixed else value
    else:
        rows = ", ".join(f"({', '.join(number_text(value) for value in row)})" for row in block.correlation)
        keywords["correlation"] = _Raw(f"Fixed(({rows}))" if block.fixed else f"({rows})")
    if block.band is not None:
        keywords["band"] = block.band
    if block.level:
        keywords["level"] = Reference(block.level)
    if block.prior:
        keywords["prior"] = block.prior
    return _call("Block", [Reference(member) for member in block.members], keywords)


class _Raw(str):
    """Text that is source already."""


def _given(declared: Content, skip: Iterable[str] = ()) -> dict[str, object]:
    """Return the fields that are not at their defaults."""
    values = {field.name: getattr(declared, field.name) for field in fields(declared) if field.name not in skip}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def _call(word: str, positional: Iterable[object], keywords: Mapping[str, object]) -> str:
    parts = [_value(each) for each in positional]
    parts += [f"{name}={_value(each)}" for name, each in keywords.items()]
    return f"{word}({', '.join(parts)})"


def _value(value: object) -> str:
    match value:
        case _Raw():
            return str(value)
        case Expression():
            return formula(value)
        case StartValue(value=start, fixed=fixed):
            text = number_text(start)
            return _call("Estimate", [_Raw(text)], {"prior": value.prior}) if value.prior else f"Fixed({text})" if fixed else text
        case made.Prior(kind=kind, arguments=arguments):
            return _call(f"priors.{kind}", arguments.values(), {})
        case made.Distribution(kind="Categorical", arguments={"p": shares}):
            return _call("Categorical", shares, {})
        case made.Distribution(kind=kind, arguments=arguments):
            positional = list(arguments.values()) if len(arguments) == 1 else []
            return _call(kind, positional, {} if positional else arguments)
        case tuple():
            inside = ", ".join(_value(each) for each in value)
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        case bool() | str():
            return _quoted(value) if isinstance(value, str) else repr(value)
    return number_text(value)


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isprintable() and not set(text) & {'"', "\\"} else repr(text)


def _text(node: Expression) -> tuple[str, int]:
    """Return the text of an expression and how strongly its outermost operator binds."""
    match node:
        case Number(value=value):
            return number_text(value), _STRENGTH["neg"] if value < 0 or str(value)[0] == "-" else _ATOM
        case Text(value=value):
            return _quoted(value), _ATOM
        case Reference(name=name):
            return name, _ATOM
        case Attribute(owner=owner, name=name):
            return f"{owner}.{name}", _ATOM
        case Operation(operator="neg" | "not" as operator, arguments=(operand,)):
            strength = _STRENGTH["neg"]
            sign = "-" if operator == "neg" else "~"
            tight = isinstance(operand, Number) or (isinstance(operand, Operation) and operand.operator == "neg")
            return sign + _wrapped(operand, strength + 1 if tight else strength), strength
        case Operation(operator=operator, arguments=(left, right)) if operator in _INFIX:
            strength = _STRENGTH[operator]
            loose, tight = (strength + 1, strength - 1) if operator == "**" else (strength, strength + 1)
            if operator in COMPARISONS:
                loose = strength + 1
            if operator == "**" and _text(left)[1] == _text(right)[1] == _ATOM:
                return f"{_text(left)[0]}**{_text(right)[0]}", strength
            return f"{_wrapped(left, loose)} {_INFIX[operator]} {_wrapped(right, tight)}", strength
        case Operation(operator=operator, arguments=arguments):
            return f"{operator}({', '.join(formula(each) for each in arguments)})", _ATOM
    raise TypeError(f"{node!r} has no source")


def _wrapped(node: Expression, least: int) -> str:
    text, strength = _text(node)
    return text if strength >= least else f"({text})"
