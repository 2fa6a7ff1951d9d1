"""The one table in which an estimation method is a string: names on the command line and the objects they stand for."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from typing import Any

import popmix
from popmix.errors import OptionError


@dataclass(frozen=True)
class Method:
    """A name on the command line: the class behind it, and the options that the name itself decides."""

    kind: Callable[[], type]
    preset: Mapping[str, Any] = field(default_factory=dict)


# The classes are reached through functions, so that `popmix --help` does not load them.
METHODS = {
    "fo": Method(lambda: popmix.FO),
    "focei": Method(lambda: popmix.FOCE, {"interaction": True}),
    "foce": Method(lambda: popmix.FOCE, {"interaction": False}),
    "laplace": Method(lambda: popmix.Laplace),
    "agq": Method(lambda: popmix.AGQ),
    "saem": Method(lambda: popmix.SAEM),
    "imp": Method(lambda: popmix.IMP),
    "impmap": Method(lambda: popmix.IMPMAP),
    "nuts": Method(lambda: popmix.NUTS),
}

COVARIANCES = ("none", "sandwich", "r", "s")


def make_method(name: str | None, options: Sequence[str] = ()) -> Any:
    """Return the method object for a name and `NAME=VALUE` options; None, the one that suits the model, without a name and options.

    Raises OptionError (with "did you mean") for unknown names, options and values.
    """
    if name is None and not options:
        return None
    name = name or "focei"
    if name not in METHODS:
        raise OptionError(f"unknown method {name!r}.{_nearest(name, METHODS)} Methods: {_listed(METHODS)}.")
    method = METHODS[name]
    kind = method.kind()
    allowed = {option.name: option for option in fields(kind) if option.init and option.name not in method.preset}
    values = _values(options, name, allowed, "--option")
    if isinstance(values.get("objective"), str):
        values["objective"] = make_method(values["objective"])
    return kind(**method.preset, **values)


def pairs(texts: Sequence[str] | None) -> dict[str, str] | None:
    """Return the columns of `ROLE=NAME` texts, None without any. Raises OptionError for a text of another form, or a role given twice."""
    for text in texts or ():
        if "" in text.partition("="):
            raise OptionError(f"--column {text}: write ROLE=NAME, as time=TAFD.")
    found = dict(text.split("=", 1) for text in texts or ())
    if len(found) < len(texts or ()):
        raise OptionError(f"--column gives a role twice: {', '.join(texts)}.")
    return found or None


def make_solver(options: Sequence[str] | None) -> Any:
    """Return the solver of differential equations of `NAME=VALUE` options, None without any. Raises OptionError as `make_method`."""
    if not options:
        return None
    allowed = {option.name: option for option in fields(popmix.Solver)}
    return popmix.Solver(**_values(options, "solver", allowed, "--solver"))


def covariance_kind(name: str) -> str | None:
    """Return a kind of covariance, None for none. Raises OptionError for an unknown one."""
    if name not in COVARIANCES:
        raise OptionError(f"unknown covariance {name!r}.{_nearest(name, COVARIANCES)} Kinds: {', '.join(COVARIANCES)}.")
    return None if name == "none" else name


def _values(texts: Sequence[str], method: str, allowed: Mapping[str, Field], word: str) -> dict[str, Any]:
    values = {}
    for text in texts:
        option, value = _split(text, method, allowed, word)
        if option.name in values:
            raise OptionError(f"{word} {option.name}= is given twice: leave one of them out.")
        values[option.name] = _converted(option, value, word)
    return values


def _split(text: str, method: str, allowed: Mapping[str, Field], word: str) -> tuple[Field, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OptionError(f"{word} {text}: write NAME=VALUE.")
    if name not in allowed:
        known = f" Options of {method}: {', '.join(allowed)}." if allowed else f" {method} has no options."
        raise OptionError(f"{method} has no option {name!r}.{_nearest(name, allowed)}{known}")
    return allowed[name], value


def _converted(option: Field, text: str, word: str) -> Any:
    kind = type(option.default) if option.default not in (None, MISSING) else None
    value = _parsed(text)
    if kind is float and type(value) is int:
        return float(value)
    if kind is str:
        return text
    if kind is not None and type(value) is not kind:
        example = {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        raise OptionError(f"{word} {option.name}={text}: the value must be {example}.")
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except ValueError:
        return text


def _nearest(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    near = get_close_matches(name.lower(), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _listed(names: Mapping[str, Any]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
