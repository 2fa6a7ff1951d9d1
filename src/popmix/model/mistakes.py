"""Mistakes in a model: collected while a class body runs, shown together with their places.

A class body in progress is found through its frame, so that a word of the language (`Theta(...)`) or an operator can
record a mistake and let the body run on. Outside a class body the first mistake is raised at once.
"""

import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import FrameType

from popmix.errors import ModelError
from popmix.model.places import Culprit, Place, find, line_of, place_of, shown_path

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_FUNCTION_FRAME = 0x1  # inspect.CO_OPTIMIZED: a frame of a function, whose locals are no namespace object


@dataclass(frozen=True)
class Problem:
    """What is wrong with one declaration: found by a check, which knows names but no places."""

    name: str
    message: str
    help: str = ""
    culprit: Culprit | None = None


@dataclass(frozen=True)
class Mistake:
    """What is wrong, where, and what to do about it."""

    message: str
    help: str = ""
    place: Place | None = None
    source: str | None = None


class Recorder(dict):
    """A namespace that collects the mistakes of the class body running in it."""

    def __init__(self) -> None:
        super().__init__()
        self.mistakes: list[Mistake] = []
        self.also_used: list[object] = []  # expressions that were refused: what they name counts as used
        self.tangled: list[Place] = []


def active() -> tuple[Recorder, FrameType] | None:
    """Return the model's class body that is running now with its frame, or None."""
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_flags & _FUNCTION_FRAME and isinstance(frame.f_locals, Recorder):
            return frame.f_locals, frame
        frame = frame.f_back
    return None


def report(
    message: str, help: str = "", culprit: Culprit | None = None, outside: type[Exception] = ModelError, uses: Iterable[object] = (),
    tangled: bool = False,
) -> None:  # fmt: skip
    """Record a mistake in the class body that is running; outside one, raise it as `outside`.

    `uses` are the expressions concerned; `tangled` says that nothing else in the statement can be judged after it.
    """
    running = active()
    if running is not None:
        body, frame = running
        body.mistakes.append(Mistake(message, help, find(place_of(frame), culprit)))
        body.also_used.extend(uses)
        if tangled:
            body.tangled.append(place_of(frame))
        return
    if outside is not ModelError:
        raise outside(f"{message}: {help}" if help else message)
    place = _caller_place()
    raise ModelError(render("there is a mistake", [Mistake(message, help, place and find(place, culprit))]))


def render(title: str, mistakes: Sequence[Mistake]) -> str:
    """Return the message that shows all mistakes: file, line, source with a caret, what is wrong, and help."""
    return "\n\n".join([title, *(_shown(mistake) for mistake in mistakes)])


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return the mistakes by place, each once."""
    unique = list(dict.fromkeys(mistakes))
    return sorted(unique, key=lambda each: (each.place.line, each.place.column or 0) if each.place else (0, 0))


def suggestion(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that a mistyped word most resembles, or None. Case counts less than spelling."""
    pool = list(dict.fromkeys(candidates))
    if word in pool:
        return word
    folded = {}
    for candidate in pool:
        folded.setdefault(candidate.lower(), candidate)
    near = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """Return the sentence "did you mean ...?", or `otherwise` when nothing is near."""
    near = suggestion(word, candidates)
    return f"did you mean {near}?" if near else otherwise


def article(word: str) -> str:
    """Return a word of the language with its indefinite article."""
    return f"an {word}" if word[0].lower() in "aeiou" and not word.startswith("One") else f"a {word}"


def listed(words: Iterable[str], joint: str = "and") -> str:
    """Return words as "a, b and c"."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def _caller_place() -> Place | None:
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return place_of(frame) if frame is not None else None


def _shown(mistake: Mistake) -> str:
    lines = [*_header(mistake), f"  {mistake.message}"]
    if mistake.help:
        lines.append(f"  help: {mistake.help}")
    return "\n".join(lines)


def _header(mistake: Mistake) -> list[str]:
    if mistake.place is None:
        return [f"  in `{mistake.source}`"] if mistake.source else []
    place = mistake.place
    header = [f"{shown_path(place.filename)}, line {place.line}"]
    text = line_of(place)
    if text is None:
        return header
    number = str(place.line)
    header.append(f"  {number} | {text}")
    if place.column is not None:
        header.append(f"  {' ' * len(number)} | {_caret(text, place)}")
    return header


def _caret(text: str, place: Place) -> str:
    encoded = text.encode()
    one_line = place.end_line in (None, place.line) and place.end_column is not None
    start = len(encoded[: place.column].decode(errors="ignore"))
    end = len(encoded[: place.end_column].decode(errors="ignore")) if one_line else len(text)
    indent = "".join("\t" if letter == "\t" else " " for letter in text[:start])
    return indent + "^" * max(1, end - start)
