"""The bytes of a text file: gzip is unpacked, and what is no text is refused by its kind."""

import gzip
import zlib
from pathlib import Path

_GZIP = b"\x1f\x8b"
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "Unpack it, or save the sheet as CSV."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV."),
    (b"PAR1", "a Parquet file", "Name it .parquet, without further compression."),
    (b"\xfd7zXZ", "compressed by xz", "Unpack it, or compress it by gzip."),
    (b"BZh", "compressed by bzip2", "Unpack it, or compress it by gzip."),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard", "Unpack it, or compress it by gzip."),
)
WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16 announces itself
# blanks, and the mark at which old DOS programs end a file
_NO_TEXT = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a")
_GIVE = "Give a CSV file (it may be compressed by gzip) or a Parquet file."


class Unreadable(Exception):
    """A file that holds no text: the reason as a sentence, and what to do."""

    def __init__(self, reason: str, fix: str = _GIVE) -> None:
        super().__init__(reason)
        self.fix = fix


def unpacked(path: Path, data: bytes) -> bytes:
    """Return the bytes of a file, unpacked when they are gzip's, whatever its name. Raises Unreadable for what can't be text."""
    if data.startswith(_GZIP):
        data = _gunzipped(path, data)
    elif data and path.suffix.lower() == ".gz":
        fix = "Give it another name." if _is_text(data) else _GIVE
        raise Unreadable(f"{path} is named .gz but is no gzip file: it holds {'plain text' if _is_text(data) else 'no text either'}.", fix)
    for beginning, kind, fix in _OTHERS:
        if data.startswith(beginning):
            raise Unreadable(f"{path} is no text file: it is {kind}.", fix)
    if not _is_text(data):
        raise Unreadable(f"{path} is no text file: its first line holds bytes that no text has.")
    return data


def _gunzipped(path: Path, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"{path} is a damaged gzip file: {error}.", "Compress or copy it again.") from error


def _is_text(data: bytes) -> bool:
    if data.startswith(WIDE):
        return True
    first = data.lstrip(b"\r\n").replace(b"\r", b"\n").split(b"\n", 1)[0]
    return _NO_TEXT.isdisjoint(first)
