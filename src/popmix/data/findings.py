"""What popmix found in a data set: stable codes, severities, places and mends."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from popmix.table import Table

SEVERITIES = ("E", "W", "I")
_SHOWN = 3
_TOKEN = re.compile(r"<(?:(?P<word>at|At|who|n)|(?P<who>who:)?(?P<one>[a-z ]+)\|(?P<many>[a-z ]+))>")
_WORDS = {"E": "error", "W": "warning", "I": "note"}


@dataclass(frozen=True)
class Finding:
    """One fault or remark about a data set.

    `code` is stable (`popmix.data.catalogue.CODES` lists them all); `severity` is "E" (the data can't be used), "W" (look at it)
    or "I" (for your information); `rows` are row numbers (the header is row 1), `ids` the subjects concerned in order of
    appearance, `count` the number of cells, records or subjects the message speaks of.
    """

    code: str
    severity: str
    column: str
    rows: tuple[int, ...]
    ids: tuple[str, ...]
    count: int
    message: str
    fix: str

    def __str__(self) -> str:
        lines = [f"{self.severity} {self.code}  {self.message}"]
        if self.fix:
            lines.append(f"         -> {self.fix}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Findings(Sequence):
    """All findings about one data set, errors first: a sequence of `Finding` that prints as text.

    Rows are counted as in a text editor that shows the file: the header is row 1 and the first record row 2. Rows of a data
    frame are counted the same way (its first row is row 2), so that a finding points at the same place whether the data came
    from a file or from the frame that was read from it.
    """

    items: tuple[Finding, ...] = ()
    source: str = ""

    def __getitem__(self, index: int | slice) -> "Finding | tuple[Finding, ...]":
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that make the data unusable."""
        return self._of("E")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that deserve a look."""
        return self._of("W")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """Findings for information only."""
        return self._of("I")

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings, in their order."""
        return tuple(item.code for item in self.items)

    def _of(self, severity: str) -> tuple[Finding, ...]:
        return tuple(item for item in self.items if item.severity == severity)

    def to_table(self) -> Table:
        """Return a table with the columns CODE, SEVERITY, COLUMN, ROWS, IDS, COUNT, MESSAGE and FIX (ROWS and IDS as text)."""
        columns = {
            "CODE": [item.code for item in self],
            "SEVERITY": [item.severity for item in self],
            "COLUMN": [item.column for item in self],
            "ROWS": [" ".join(map(str, item.rows)) for item in self],
            "IDS": [" ".join(item.ids) for item in self],
            "COUNT": np.array([item.count for item in self], dtype=np.int64),
            "MESSAGE": [item.message for item in self],
            "FIX": [item.fix for item in self],
        }
        return Table({name: np.array(values, dtype=object) if isinstance(values, list) else values for name, values in columns.items()})

    def summary(self) -> str:
        """Return the counts in words, for example "2 errors, 1 warning"."""
        counts = [(len(self._of(severity)), _WORDS[severity]) for severity in SEVERITIES]
        parts = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
        return ", ".join(parts) or "no findings"

    def __str__(self) -> str:
        title = f"{self.source}: {self.summary()}" if self.source else self.summary()
        return "\n".join([title, *map(str, self.items)])


def ordered(items: Sequence[Finding], source: str) -> Findings:
    """Return the findings sorted by severity (errors first), then by code."""
    return Findings(tuple(sorted(items, key=lambda item: (SEVERITIES.index(item.severity), item.code))), source)


def some(values: Sequence, word: str = "", most: int = _SHOWN) -> str:
    """Return the first values in words: "rows 12, 40, 88 and 5 more"; `word` is the singular noun in front."""
    values = list(values)
    shown = ", ".join(str(value) for value in values[:most])
    rest = f" and {len(values) - most} more" if len(values) > most else ""
    noun = f"{word}{'s' if len(values) > 1 else ''} " if word else ""
    return f"{noun}{shown}{rest}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return "1 row", "3 rows"."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


class Collector:
    """Gathers findings about records; places are positions in the records at hand, told as row numbers and subjects."""

    def __init__(self) -> None:
        self.items: list[Finding] = []
        self._rows = np.zeros(0, dtype=np.int64)
        self._labels: Sequence[str] | None = None

    def locate(self, rows: np.ndarray, labels: Sequence[str] | None = None) -> None:
        """Set the row numbers (and subject labels) that positions refer to from now on."""
        self._rows = rows
        self._labels = labels

    def rows(self, where: np.ndarray) -> tuple[int, ...]:
        """Return the row numbers of positions (a mask or an index array)."""
        return tuple(self._rows[where].tolist())

    def ids(self, where: np.ndarray) -> tuple[str, ...]:
        """Return the subjects of positions, each once, in order."""
        if self._labels is None:
            return ()
        index = np.flatnonzero(where) if where.dtype == bool else where
        return tuple(dict.fromkeys(self._labels[position] for position in index))

    def add(self, code: str, severity: str, column: str, message: str, fix: str = "", *, rows=(), ids=(), count: int | None = None) -> None:
        """Add a finding whose places are already row numbers and subject labels."""
        rows, ids = tuple(rows), tuple(ids)
        self.items.append(Finding(code, severity, column, rows, ids, max(len(rows), 1) if count is None else count, message, fix))

    def mark(self, code: str, severity: str, column: str, where: np.ndarray, message: str, fix: str = "") -> None:
        """Add a finding at positions (a mask or an index array) unless there are none; `worded` completes its message."""
        if not where.any() if where.dtype == bool else not len(where):
            return
        index = np.flatnonzero(where) if where.dtype == bool else where
        index = index[np.argsort(self._rows[index], kind="stable")]
        rows, ids = self.rows(index), self.ids(index)
        self.add(code, severity, column, worded(message, rows, ids), fix, rows=rows, ids=ids)


def worded(message: str, rows: Sequence[int], ids: Sequence[str]) -> str:
    """Return a message with its places filled in.

    <at> and <At>: the first rows in words ("rows 12, 40, 88 and 5 more"); <who>: the first subjects; <n>: the number of rows;
    <is|are>: the first for one row, the second for several; <who:has|have>: the same for subjects.
    """
    at = some(rows, "row")
    words = {"at": at, "At": at.capitalize(), "who": some(ids, "ID"), "n": str(len(rows))}

    def fill(token: re.Match) -> str:
        if token["word"]:
            return words[token["word"]]
        count = len(ids) if token["who"] else len(rows)
        return token["one"] if count == 1 else token["many"]

    return _TOKEN.sub(fill, message)


def first(values: np.ndarray, where: np.ndarray) -> str:
    """Return the first of the marked values as text, "" when none is marked."""
    index = np.flatnonzero(where)
    return f"{values[index[0]]:g}" if len(index) else ""
