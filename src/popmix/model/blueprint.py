"""What the language knows of each word of the library, before the library itself is loaded: the library fills the registers."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

Alternatives = tuple[tuple[str, ...], ...]


class Range(Enum):
    """The values that an argument may start at."""

    POSITIVE = "positive"
    NOT_NEGATIVE = "not negative"
    ANY = "any value"

    def __repr__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Choice:
    """An argument that is one of a few texts."""

    texts: tuple[str, ...]

    def __repr__(self) -> str:
        return " or ".join(f'"{each}"' for each in self.texts)


@dataclass(frozen=True)
class Entry:
    """A word of the library.

    kind: the word. title: what it is, in a few words. group: the heading that it is listed under. source: the paper. doc: the equations.
    signature: its arguments, each annotated with a Range or a Choice.
    """

    kind: str
    title: str
    group: str
    source: str
    doc: str
    signature: inspect.Signature


@dataclass(frozen=True)
class Blueprint(Entry):
    """A structure of the library.

    alternatives: lists of sets of arguments; of each list exactly one set is to be given (parametrisations). expand: (owner, arguments,
    named) -> Expansion. route: which of its arguments say how doses enter the first compartment.
    """

    alternatives: tuple[Alternatives, ...]
    expand: Callable[..., Any]
    route: tuple[str, ...] = ()

    def range_of(self, argument: str) -> Range:
        """Return the values that an argument may start at."""
        annotation = self.signature.parameters[argument].annotation
        return annotation if isinstance(annotation, Range) else Range.ANY

    def is_choice(self, argument: str) -> bool:
        """Whether an argument is one of a few texts."""
        return isinstance(self.signature.parameters[argument].annotation, Choice)


BLUEPRINTS: dict[str, Blueprint] = {}
"""The structures of the library by their words, in the order of its chapters."""

PROFILES: dict[str, Entry] = {}
"""The absorption profiles of the library, functions for `profile=`, by their words."""
