"""The catalogue of the library: its words by chapter, and a page for each with equations, arguments, parts and source."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from popmix.errors import OptionError
from popmix.model.blueprint import BLUEPRINTS, PROFILES, Blueprint, Choice, Entry
from popmix.model.declarations import Structure
from popmix.model.expression import Reference, Text
from popmix.model.library.part import Expansion, expand
from popmix.model.mistakes import did_you_mean

_CHAPTERS = (
    "Pharmacokinetics", "Absorption profiles", "Target-mediated drug disposition", "Pharmacodynamics", "Tumours", "Growth and decay",
)  # fmt: skip
_OWNER = "this"


@dataclass(frozen=True)
class Catalogue:
    """The words of the library, chapter by chapter."""

    entries: tuple[Entry, ...]

    def document(self) -> dict[str, Any]:
        """Return the machine form: name, title, chapter and source of every word."""
        return {"library": [_summary(each) for each in self.entries]}

    def __str__(self) -> str:
        width = max(len(each.kind) for each in self.entries)
        blocks = []
        for chapter in _CHAPTERS:
            lines = [f"  {each.kind.ljust(width)}  {each.title}" for each in self.entries if each.group == chapter]
            blocks.append("\n".join([chapter, *lines]))
        return "\n\n".join([*blocks, "`popmix library NAME` shows one of them."])


@dataclass(frozen=True)
class Page:
    """One word of the library."""

    entry: Entry

    def document(self) -> dict[str, Any]:
        """Return the machine form: as in the catalogue, with equations, arguments, parametrisations and parts."""
        arguments = [
            {"name": name, "required": _is_required(self.entry, name), "values": _values(each)}
            for name, each in self.entry.signature.parameters.items()
        ]
        document = {**_summary(self.entry), "equations": self.entry.doc, "arguments": arguments}
        if isinstance(self.entry, Blueprint):
            forms = [[list(choice) for choice in choices] for choices in self.entry.alternatives]
            full = _full(self.entry)
            document |= {"one_of": forms, "outputs": list(full.outputs), "states": list(full.states)}
        return document

    def __str__(self) -> str:
        parts = [f"{self.entry.kind}: {self.entry.title}", self.entry.doc, "Arguments\n" + "\n".join(self._arguments())]
        if isinstance(self.entry, Blueprint):
            parts += [f"One of\n{lines}" for lines in self._forms()]
            parts.append("\n".join(self._parts()))
        else:
            parts.append(f"Use\n  profile={self.entry.kind}({', '.join(f'{name}=...' for name in self.entry.signature.parameters)})")
        return "\n\n".join([*parts, "Source\n" + textwrap.indent(textwrap.fill(self.entry.source, 100), "  ")])

    def _arguments(self) -> Iterator[str]:
        names = self.entry.signature.parameters
        width = max(len(name) for name in names)
        for name, each in names.items():
            default = "" if each.default in (None, Parameter.empty) else f", {each.default} when left out"
            yield f"  {name.ljust(width)}  {'required' if _is_required(self.entry, name) else 'optional'}, {_values(each)}{default}"

    def _forms(self) -> Iterator[str]:
        for choices in self.entry.alternatives:
            yield "\n".join(f"  {', '.join(choice) if choice else '(none of them)'}" for choice in choices)

    def _parts(self) -> Iterator[str]:
        full = _full(self.entry)
        yield "Parts that can be read (with all optional compartments)"
        yield from (f"  .{name}" for name in full.parts)


def library(name: str | None = None) -> Catalogue | Page:
    """Return the catalogue of ready structures, or the page of one. Raises OptionError for an unknown name."""
    words = {**BLUEPRINTS, **PROFILES}
    if name is None:
        return Catalogue(tuple(sorted(words.values(), key=lambda each: _CHAPTERS.index(each.group))))
    if name not in words:
        raise OptionError(f"the library has no {name}: {did_you_mean(name, words, '`popmix library` lists what it has.')}")
    return Page(words[name])


def _summary(entry: Entry) -> dict[str, str]:
    return {"name": entry.kind, "title": entry.title, "chapter": entry.group, "source": entry.source}


def _values(parameter: Parameter) -> str:
    return repr(parameter.annotation)


def _is_required(entry: Entry, name: str) -> bool:
    choices = entry.alternatives if isinstance(entry, Blueprint) else ()
    return entry.signature.parameters[name].default is Parameter.empty or any(
        all(name in choice for choice in alternatives) for alternatives in choices
    )


def _full(entry: Blueprint) -> Expansion:
    """Return the expansion with every optional argument, and the longest of alternative ones."""
    concerned = {name for choices in entry.alternatives for choice in choices for name in choice}
    chosen = {name for choices in entry.alternatives for name in max(choices, key=len)}
    arguments = {}
    for name, each in entry.signature.parameters.items():
        if name in chosen or name not in concerned:
            first = each.annotation.texts[0] if isinstance(each.annotation, Choice) else None
            arguments[name] = Reference(name) if first is None else Text(first)
    return expand(_OWNER, Structure(entry.kind, arguments))
