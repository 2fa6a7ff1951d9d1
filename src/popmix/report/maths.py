"""Equations for a page without scripts or fonts from outside: LaTeX as MathML, which browsers draw themselves."""

import re
from collections.abc import Iterator

from latex2mathml.converter import convert

# letters of one upright word stand apart in the converter's output
_LETTERS = re.compile(r'(?:<mi mathvariant="normal">[^<]</mi>|<mn>\d</mn>){2,}')
_TILDE = "<mi>&#x0007E;</mi>"
_ENVIRONMENT = re.compile(r"\\begin\{align\*\}(.*)\\end\{align\*\}", re.DOTALL)
_TOKEN = re.compile(r"\\begin\{[^}]*\}|\\end\{[^}]*\}|\\\\|\\.|&|[^\\&]+", re.DOTALL)


def mathml(latex: str) -> str:
    """Return MathML markup of a formula."""
    found = convert(latex).replace(_TILDE, "<mo>&#x0223C;</mo>")
    return _LETTERS.sub(_joined, found)


def equations(latex: str) -> list[list[str]]:
    """Return the cells of an `align*` environment, row by row, as MathML; what is aligned further inside stays together."""
    inside = _ENVIRONMENT.search(latex)
    return [[mathml(cell) for cell in row] for row in _rows(inside.group(1) if inside else latex)]


def _rows(text: str) -> Iterator[list[str]]:
    depth, row = 0, [""]
    for token in _TOKEN.findall(text):
        depth += token.startswith("\\begin") - token.startswith("\\end")
        if depth == 0 and token == "\\\\":
            yield [cell.strip() for cell in row]
            row = [""]
        elif depth == 0 and token == "&":
            row.append("")
        else:
            row[-1] += token
    if any(cell.strip() for cell in row):
        yield [cell.strip() for cell in row]


def _joined(match: re.Match) -> str:
    letters = re.sub(r"<[^>]+>", "", match.group(0))
    return match.group(0) if letters.isdecimal() else f'<mi mathvariant="normal">{letters}</mi>'
