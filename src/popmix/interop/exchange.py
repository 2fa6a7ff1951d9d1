"""A folder replaced as a whole: it is there complete, or as it was before, whatever ends the work.

The new files are written into a hidden sibling (`.NAME.PID-TOKEN.partial`); then the old folder is moved aside
(`.NAME.PID-TOKEN.replaced`), the new one takes its place, and the old one is removed. What a killed process leaves of this is put
back or removed by the next one that writes the same folder.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_STALE_SECONDS = 3600.0


def replace_folder(target: Path, contents: Mapping[str, str]) -> None:
    """Put a folder with these texts, by the names of their files, in the place of `target` (an absolute path). Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    fresh = target.with_name(f".{target.name}.{mark}.partial")
    try:
        fresh.mkdir()
        for name, text in contents.items():
            _write(fresh / name, text)
        _exchange(fresh, target, target.with_name(f".{target.name}.{mark}.replaced"))
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def replace_file(target: Path, text: str) -> None:
    """Put a text in the place of a file, which is there as it was or complete. Raises OSError."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        _write(fresh, text)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def recover(target: Path) -> None:
    """Put back what a killed exchange had moved aside, if its place is empty, and remove what else was left. Raises OSError."""
    aside = sorted(_left(target, "replaced"), key=lambda left: left[0].stat().st_mtime, reverse=True)
    for folder, _ in aside:
        if target.exists():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.rename(target)
    for folder, process in _left(target, "partial"):
        if _is_abandoned(folder, process):
            shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _exchange(fresh: Path, target: Path, aside: Path) -> None:
    if not target.exists():
        fresh.rename(target)
        return
    try:
        target.rename(aside)
        fresh.rename(target)
    finally:  # also after an interrupt: the place is never left empty
        if aside.exists() and not target.exists():
            aside.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def _left(target: Path, kind: str) -> Iterator[tuple[Path, int]]:
    """Yield the hidden siblings of one kind that belong to `target`, with the process that made each."""
    name = re.compile(rf"\.{re.escape(target.name)}\.(\d+)-[0-9a-f]+\.{kind}")
    for path in list(target.parent.iterdir()) if target.parent.is_dir() else []:
        found = name.fullmatch(path.name)
        if found and path.is_dir() and not path.is_symlink():
            yield path, int(found[1])


def _is_abandoned(folder: Path, process: int) -> bool:
    """Tell whether nobody writes into a folder any more: its process has ended, was this one, or it is old."""
    if process == os.getpid() or not _may_run(process):
        return True
    return time.time() - folder.stat().st_mtime > _STALE_SECONDS


def _may_run(process: int) -> bool:
    if os.name != "posix":
        return True  # elsewhere asking would end the process
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
