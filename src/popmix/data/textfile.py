"""Text files with named columns, plain or gzip: CSV, semicolons, tabs or blanks; NONMEM's comment lines and table headers are skipped."""

import csv
import hashlib
import io
import re
from pathlib import Path

import numpy as np

from popmix.data.cells import is_number
from popmix.data.findings import Collector, counted, some
from popmix.data.raw import RawTable
from popmix.data.unpacking import WIDE, Unreadable, unpacked

_TABLE_LINE = re.compile(r"TABLE NO\.\s", re.IGNORECASE)
_BLANKS = "blanks"


def read_text_file(path: Path, collector: Collector) -> RawTable:
    """Return the cells of a text file; faults go to the collector, and rows that can't be read are left out.

    The SHA-256 is that of the file as it lies on disk, also when it is compressed.
    """
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        text = _decode(unpacked(path, data), collector)
    except Unreadable as error:
        collector.add("D052", "E", "", str(error), error.fix)
        return RawTable([], [], np.zeros(0, dtype=np.int64), path.name, sha256)
    names, records, rows = _records(text, collector)
    rows = np.array(rows, dtype=np.int64)
    if " " in text or "\t" in text or "\xa0" in text:
        records = [[cell.strip() for cell in record] for record in records]
    records, rows = _even(records, rows, len(names), collector)
    columns = [list(cells) for cells in zip(*records, strict=True)] if records else [[] for _ in names]
    raw = RawTable(names, columns, rows, path.name, sha256, nonmem=True)
    return raw.without_blank_rows()


def _decode(data: bytes, collector: Collector) -> str:
    if data.startswith(WIDE):
        return data.decode("utf-16", errors="replace").lstrip("\ufeff")
    if b"\x00" in data:
        line = data[: data.index(b"\x00")].count(b"\n") + 1
        fix = "The file is damaged or not a text file: export it again as CSV."
        collector.add("D052", "E", "", f"The file holds NUL bytes, the first in row {line}.", fix, rows=[line])
        data = data.replace(b"\x00", b"")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"The file is not UTF-8 (first in row {line}); it is read as Windows-1252 (Latin-1)."
        collector.add("D060", "W", "", message, "Save it as UTF-8 if names or categories look wrong.", rows=[line])
        return data.decode("latin-1")


def _records(text: str, collector: Collector) -> tuple[list[str], list[list[str]], list[int]]:
    """Return the header, the records and their line numbers."""
    lines = io.StringIO(text, newline="").readlines()
    start = next((number for number, line in enumerate(lines) if _is_header(line, lines[number + 1 :])), None)
    if start is None:
        collector.add("D004", "E", "", "The file is empty: there is not even a header.", "Give a file with a header and records.")
        return [], [], []
    header = lines[start].strip("\r\n \ufeff").lstrip("#@")
    delimiter = _delimiter(header)
    if delimiter == _BLANKS:
        records = [line.split() for line in lines[start + 1 :]]
        return header.split(), *_numbered(records, list(range(start + 2, len(lines) + 1)))
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    records, numbers = _parse(lines[start + 1 :], delimiter, start + 1, collector)
    return names, *_numbered(records, numbers)


def _is_header(line: str, rest: list[str]) -> bool:
    """The first line that is neither blank, nor a table title, nor a comment; a commented line directly above numbers is a header."""
    stripped = line.strip("\ufeff \r\n\t")
    if not stripped or _TABLE_LINE.match(stripped):
        return False
    if not stripped.startswith(("#", "@")):
        return True
    following = rest[0].strip() if rest else ""
    pieces = re.split(r"[,;\t ]+", following.strip(",; "))
    return bool(following) and (is_number(pieces[0]) or pieces[0] == ".") and re.search(r"[,;\t ]", stripped.lstrip("#@ ")) is not None


def _delimiter(header: str) -> str:
    bare = re.sub(r'"[^"]*"', "", header)
    counts = {mark: bare.count(mark) for mark in "\t;,"}
    best = max(counts, key=counts.__getitem__)
    if counts[best]:
        return best
    return _BLANKS if len(bare.split()) > 1 else ","


def _parse(lines: list[str], delimiter: str, before: int, collector: Collector) -> tuple[list[list[str]], list[int]]:
    """Return the records and the line each begins on; `before` is the number of lines above."""
    records: list[list[str]] = []
    ends = [before]
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    fix = "Look for a quotation mark that is opened and not closed."
    try:
        for record in reader:
            records.append(record)
            ends.append(before + reader.line_num)
    except csv.Error as error:
        row = ends[-1] + 1
        collector.add("D052", "E", "", f"The file can't be read from row {row} on: {error}.", fix, rows=[row])
    numbers = [end + 1 for end in ends[: len(records)]]
    if len(records) != ends[-1] - before:
        long = [begin for begin, end in zip(numbers, ends[1:], strict=True) if end > begin]
        message = f"Quotation marks join several lines to one record at {some(long, 'row')}."
        collector.add("D052", "W", "", message, fix, rows=long)
    return records, numbers


def _numbered(records: list[list[str]], numbers: list[int]) -> tuple[list[list[str]], list[int]]:
    """Return the records without blank lines, comments, table titles and repeated headers of NONMEM tables."""
    kept = [at for at, record in enumerate(records) if record and not _skipped(record)]
    if len(kept) == len(records):
        return records, numbers
    return [records[at] for at in kept], [numbers[at] for at in kept]


def _skipped(record: list[str]) -> bool:
    first = record[0]
    if first[:1] in "#@T \t" and first:
        first = first.strip()
        return (
            first.startswith(("#", "@"))
            or _TABLE_LINE.match(" ".join(record).strip() + " ") is not None
            or (not first and len(record) == 1)
        )
    return len(record) == 1 and not first


def _even(records: list[list[str]], rows: np.ndarray, width: int, collector: Collector) -> tuple[list[list[str]], np.ndarray]:
    """Return the records that have as many cells as the header; superfluous empty cells at the end are cut off."""
    lengths = np.array([len(record) for record in records], dtype=np.int64)
    if not (lengths != width).any():
        return records, rows
    records = [record[:width] if len(record) > width and not any(record[width:]) else record for record in records]
    odd = np.array([len(record) != width for record in records], dtype=bool)
    if odd.any():
        numbers = rows[odd].tolist()
        first = len(records[int(np.flatnonzero(odd)[0])])
        message = f"{counted(len(numbers), 'row')} of the file ({some(numbers, 'row')}) do not have the header's {counted(width, 'cell')}"
        message += f": row {numbers[0]} has {first}."
        fix = "Look for missing or superfluous delimiters, decimal commas and unquoted text with the delimiter in it."
        collector.add("D051", "E", "", message, fix, rows=numbers)
    keep = np.flatnonzero(~odd)
    return [records[at] for at in keep.tolist()], rows[keep]
