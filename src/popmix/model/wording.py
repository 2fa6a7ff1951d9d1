"""The `@word` decorator: turns wrong arguments of a word of the language into mistakes with their places.

A word is a function that returns a declaration (or a part of one). Called wrongly inside a class body it records what is
wrong and returns a placeholder, so that the rest of the body is read and all mistakes are shown together.
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

from popmix.model.declarations import Broken, Declaration, Prior, StartValue, expressions_in
from popmix.model.expression import Expression, as_expression, is_refused
from popmix.model.mistakes import active, article, listed, report, suggestion
from popmix.model.places import Culprit, place_of

_OTHER_NAMES = {
    "min": "lower", "max": "upper", "lb": "lower", "ub": "upper", "low": "lower", "high": "upper", "initial": "start", "value": "start",
    "units": "unit", "fix": "fixed", "bsv": "iiv", "omega": "iiv", "bov": "iov", "sigma": "additive", "add": "additive",
    "prop": "proportional", "corr": "correlation", "rho": "correlation", "tlag": "lag", "alag": "lag", "bioavailability": "f",
    "dur": "duration", "vc": "v1", "vp": "v2", "variance": "sd", "var": "sd", "levels": "categories", "values": "categories",
    "name": "label", "vm": "vmax", "kel": "k", "ke": "k", "rmax": "r0", "rtot": "r0", "base": "baseline", "conc": "concentration",
    "gamma": "hill", "emax": "smax", "ec50": "sc50", "ks": "kss", "mat": "mtt",
}  # fmt: skip


def word(function: Callable) -> Callable:
    """Make a function a word of the language: its wrong calls become mistakes of the class body."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*arguments: object, **keywords: object) -> Any:
        if not _fits(function.__name__, signature, arguments, keywords):
            return _placeholder(arguments, keywords)
        before = _count()
        made = function(*arguments, **keywords)
        if _count() > before and not isinstance(made, Expression):
            return _placeholder(arguments, keywords)
        return _noted(made)

    call.is_word = True
    return call


def number(value: object, what: str, keyword: str | int | None = None) -> float | None:
    """Return a finite float. None and a recorded mistake when the value is not one.

    `keyword` says which argument to point at: its keyword, or its position.
    """
    culprit = _culprit(keyword)
    if isinstance(value, StartValue):
        return _misplaced_start(value, what, culprit)
    if is_refused(value):
        return None
    if isinstance(value, (Expression, Declaration)):
        help = "a number that several declarations share can be defined above the class"
        report(f"{what} must be a number, not {_described(value)}", help, culprit, uses=_used(value))
        return None
    if isinstance(value, (str, bool)) or not hasattr(value, "__float__"):
        shown = f"{value!r}" if isinstance(value, (str, bool, list, tuple, type(None))) else article(type(value).__name__)
        report(f"{what} must be a number, not {shown}", culprit=culprit)
        return None
    try:
        result = float(value)
    except (TypeError, ValueError):
        report(f"{what} must be one number", culprit=culprit)
        return None
    if not math.isfinite(result):
        report(f"{what} must be a finite number, not {result}", culprit=culprit)
        return None
    return result


def optional_number(value: object, what: str, keyword: str | None = None) -> float | None:
    """Return a finite float, or None for None; infinite bounds count as none."""
    if value is None or (isinstance(value, float) and math.isinf(value)):
        return None
    return number(value, what, keyword)


def start_value(value: object, what: str, keyword: str | None = None) -> StartValue | None:
    """Return the start value that a number, `Fixed(number)` or `Estimate(number, prior=)` means, or None for None."""
    if value is None or is_refused(value):
        return None
    if isinstance(value, StartValue):
        held = number(value.value, what, keyword)
        return None if held is None else value
    if isinstance(value, Expression) and getattr(getattr(value, "declaration", None), "word", "") == "Theta":
        culprit = _culprit(keyword)
        help = "give the number; for a formula of thetas use sd="
        report(f"{what} is a start value, so it must be a number, not a theta", help, culprit, uses=(value,))
        return None
    result = number(value, what, keyword)
    return None if result is None else StartValue(result)


def optional_prior(value: object) -> Prior | None:
    """Return a prior, or None for None. A mistake is recorded for anything else."""
    if value is None or isinstance(value, Prior):
        return value
    if not is_refused(value):
        report("prior must be one of popmix's priors", "as in prior=priors.Normal(mean, sd)", Culprit("keyword", "prior"))
    return None


def optional_text(value: object, what: str, keyword: str) -> str | None:
    """Return a text, or None for None. A mistake is recorded for anything else."""
    if value is None or isinstance(value, str):
        return value
    report(f"{what} must be a text in quotes", culprit=Culprit("keyword", keyword))
    return None


def optional_expression(value: object) -> Expression | None:
    """Return an expression, or None for None."""
    return None if value is None else as_expression(value)


def _described(value: Expression | Declaration) -> str:
    declared = value if isinstance(value, Declaration) else getattr(value, "declaration", None)
    return article(declared.word) if declared is not None else "an expression of the model"


def _used(value: object) -> tuple:
    return (value,) if isinstance(value, Expression) else ()


def _culprit(keyword: str | int | None) -> Culprit | None:
    if keyword is None:
        return None
    return Culprit("argument" if isinstance(keyword, int) else "keyword", str(keyword))


def _misplaced_start(value: StartValue, what: str, culprit: Culprit | None) -> None:
    if value.fixed:
        report(f"{what} can't be Fixed(...)", "Fixed(...) holds a start value of iiv=, iov=, sd= or a residual error", culprit)
    else:
        report(f"{what} can't be Estimate(...)", "Estimate(...) is a start value of iiv=, iov=, sd= or a residual error", culprit)


def _count() -> int:
    running = active()
    return len(running[0].mistakes) if running else 0


def _placeholder(arguments: Iterable, keywords: dict) -> Broken:
    return Broken(tuple(expressions_in([*arguments, *keywords.values()])))


def _noted(made: object) -> object:
    """Tell the class body about a declaration, so that one without a name is noticed."""
    running = active()
    if running is not None and isinstance(made, Declaration):
        body, frame = running
        body.made.append((made, place_of(frame)))
    return made


def _fits(name: str, signature: inspect.Signature, arguments: tuple, keywords: dict) -> bool:
    parameters = signature.parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return True
    wrong = [keyword for keyword in keywords if keyword not in parameters]
    meant = [_report_wrong(name, keyword, [each for each in parameters if each not in keywords], parameters) for keyword in wrong]
    given = {keyword: value for keyword, value in keywords.items() if keyword not in wrong}
    given |= {parameter: None for parameter in meant if parameter is not None}
    try:
        signature.bind(*arguments, **given)
    except TypeError:
        _report_unbound(name, signature, arguments, given)
        return False
    return not wrong


def _report_wrong(name: str, keyword: str, free: list[str], parameters: Iterable[str]) -> str | None:
    near = _OTHER_NAMES.get(keyword.lower())
    near = near if near in free else suggestion(keyword, free)
    if near is None and not free:
        near = suggestion(keyword, parameters)
    near = near or _by_stem(keyword, free) or (free[0] if len(free) == 1 else None)
    help = f"did you mean {near}=?" if near else f"{name} takes {listed(f'{each}=' for each in parameters)}"
    report(f"{name} has no argument {keyword}=", help, Culprit("keyword", keyword))
    return near


def _by_stem(keyword: str, free: list[str]) -> str | None:
    starts = [each for each in free if each.startswith(keyword.lower()) or keyword.lower().startswith(each)]
    return starts[0] if len(keyword) > 0 and starts else None


def _report_unbound(name: str, signature: inspect.Signature, arguments: tuple, given: dict) -> None:
    parameters = signature.parameters.values()
    positional = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    by_keyword = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    if len(arguments) > len(positional):
        help = f"write the others by keyword: {listed(f'{each}=' for each in by_keyword)}" if by_keyword else ""
        count = "no argument" if not positional else f"only {listed(positional)}"
        report(f"{name} takes {count} by position", help, Culprit("argument", str(len(positional))))
        return
    twice = [each for each in positional[: len(arguments)] if each in given]
    if twice:
        report(f"{name} gets {twice[0]} twice, by position and by keyword", "give it once", Culprit("keyword", twice[0]))
        return
    required = [each for each in parameters if each.default is each.empty and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    missing = [each.name for each in required if each.name not in given and each.name not in positional[: len(arguments)]]
    report(f"{name} needs {listed(f'{each}=' for each in missing)}", _usage(name, required), Culprit("call", name))


def _usage(name: str, required: Iterable[inspect.Parameter]) -> str:
    inside = ", ".join(f"{each.name}=..." for each in required)
    return f"as in {name}({inside})"
