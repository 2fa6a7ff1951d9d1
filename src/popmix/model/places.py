"""Places in a user's source: the position of running code, and of a culprit inside a statement.

Columns are offsets in UTF-8 bytes, as Python's own compiler counts them, and are turned into characters when shown.
"""

import ast
import itertools
import linecache
import os
from dataclasses import dataclass
from functools import lru_cache
from types import FrameType


@dataclass(frozen=True)
class Place:
    """A stretch of a line of a file; columns are None where Python did not keep them."""

    filename: str
    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


@dataclass(frozen=True)
class Culprit:
    """What to point at within a statement: a `kind` of syntax and its text.

    Kinds: "name", "attribute", "keyword", "text", "call" (the name called), "argument" (its number, from 0).
    """

    kind: str
    text: str


def place_of(frame: FrameType) -> Place:
    """Return the place of the instruction that a frame is executing."""
    filename = frame.f_code.co_filename
    positions = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if positions is None or positions[0] is None:
        return Place(filename, frame.f_lineno)
    line, end_line, column, end_column = positions
    return Place(filename, line, column, end_line, end_column)


def find(place: Place, culprit: Culprit | None) -> Place:
    """Return the place of a culprit in the statement around a place, or the place itself where it can't be found."""
    statement = _statement_at(place)
    if culprit is None or statement is None:
        return place
    for node in ast.walk(statement):
        found = _matches(node, culprit)
        if found is not None:
            return _node_place(place.filename, *found)
    return place


def same_statement(place: Place, other: Place) -> bool:
    """Return whether two places lie in one statement."""
    statement = _statement_at(place)
    if statement is None:
        return place.line == other.line
    return statement.lineno <= other.line <= statement.end_lineno


def line_of(place: Place) -> str | None:
    """Return the source line of a place without its line end, or None where the source is not at hand."""
    text = linecache.getline(place.filename, place.line)
    return text.rstrip("\r\n") if text else None


def shown_path(filename: str) -> str:
    """Return a file name as a reader wants it: relative to the working directory when it lies below it."""
    if filename.startswith("<"):
        return filename
    try:
        relative = os.path.relpath(filename)
    except ValueError:  # another drive on Windows
        return filename
    return filename if relative.startswith("..") else relative


def _node_place(filename: str, node: ast.AST, skip: int = 0, width: int | None = None) -> Place:
    column = node.col_offset + skip
    end = node.end_col_offset if width is None else column + width
    end_line = node.end_lineno if width is None else node.lineno
    return Place(filename, node.lineno, column, end_line, end)


def _matches(node: ast.AST, culprit: Culprit) -> tuple | None:
    match node, culprit.kind:
        case ast.Name(id=name, ctx=ast.Load()), "name":
            return (node,) if name == culprit.text else None
        case ast.Attribute(attr=name), "attribute" if node.lineno == node.end_lineno:
            return _tail(node, name) if name == culprit.text else None
        case ast.keyword(arg=name), "keyword":
            return (node,) if name == culprit.text else None
        case ast.Constant(value=str() as text), "text":
            return (node,) if text == culprit.text else None
        case ast.Call(args=arguments), "argument" if len(arguments) > int(culprit.text):
            return (arguments[int(culprit.text)],)
        case ast.Call(func=function), "call":
            return (function,) if culprit.text in ast.unparse(function) else None
    return None


def _tail(node: ast.Attribute, name: str) -> tuple:
    width = len(name.encode())
    return node, node.end_col_offset - width - node.col_offset, width


def _statement_at(place: Place) -> ast.stmt | None:
    tree = _parsed(place.filename, "".join(linecache.getlines(place.filename)))
    if tree is None:
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= place.line <= node.end_lineno and not hasattr(node, "body")
    ]
    if place.column is not None and len(around) > 1:
        around = [node for node in around if _covers(node, place)] or around
    return around[-1] if around else None


def _covers(node: ast.stmt, place: Place) -> bool:
    return (node.lineno, node.col_offset) <= (place.line, place.column) < (node.end_lineno, node.end_col_offset)


@lru_cache(maxsize=8)
def _parsed(filename: str, source: str) -> ast.Module | None:
    if not source:
        return None
    try:
        return ast.parse(source, filename)
    except SyntaxError:  # a notebook cell with magics: do without the finer place
        return None
