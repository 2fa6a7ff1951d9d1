"""What a report is made of: sections of paragraphs, tables, formulas, code and drawings."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Words:
    """A paragraph. `tone`: "plain", "note" (something could not be shown), "good", "caution" or "alarm"."""

    text: str
    tone: str = "plain"
    kind: str = "words"


@dataclass(frozen=True)
class Rows:
    """A table of cells as text. `numeric`: columns to align at the right; `subjects`: whom each row is about, for a click, or None."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]
    caption: str = ""
    subjects: Sequence[str] | None = None
    kind: str = "rows"


@dataclass(frozen=True)
class Formula:
    """Equations, row by row, as cells of MathML: what stands before the sign that they are aligned at, and what follows."""

    rows: Sequence[Sequence[Markup]]
    kind: str = "formula"


@dataclass(frozen=True)
class Code:
    """Text in a fixed width; with a `title` it is folded away under it."""

    text: str
    title: str = ""
    kind: str = "code"


@dataclass(frozen=True)
class Drawing:
    """A picture by its key among the drawings of the page; `height` in pixels, `words` for who can't see it."""

    key: str
    title: str
    words: str
    height: int
    kind: str = "drawing"


Block = Words | Rows | Formula | Code | Drawing


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it; `id`: its anchor."""

    id: str
    title: str
    blocks: Sequence[Block] = field(default=())
