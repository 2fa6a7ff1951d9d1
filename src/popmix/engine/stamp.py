"""Whether the engine on disk is compiled already: known from a stamp beside the machine code, without loading Numba.

Numba compiles anew what was compiled from another source, by another version of itself, or for another Python or processor. The
stamp, written once everything has been loaded, says for which of these the files in the folder were made.
"""

import contextlib
import hashlib
import json
import os
import platform
import secrets
import sys
from importlib import metadata
from pathlib import Path

_SOURCES = Path(__file__).parent
_CALLS = _SOURCES.parent / "compiler" / "call.py"
_CPU_INFO = Path("/proc/cpuinfo")
# what identifies a processor there; speeds and numbers of cores change from one reading to the next
_CPU_KEYS = {
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "flags",
    "Features",
    "CPU implementer",
    "CPU part",
    "CPU variant",
}
_CPU_SETTINGS = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")
# the parts of the engine: what all models need, and what differential equations or some methods need besides
ENGINE, EQUATIONS, QUADRATURE, MEMBERS, FIRST_ORDER = "engine", "equations", "quadrature", "members", "first-order"
SAEM, POSTERIOR = "saem", "posterior"
_known: set[tuple[Path, str]] = set()  # folders from which, or into which, this process has loaded a part


def is_cached(folder: Path | None, part: str = ENGINE) -> bool:
    """Tell whether a part of the engine in a cache folder (None: there is none) can be loaded without compiling anything."""
    if folder is None:
        return False
    if (folder, part) in _known:
        return True
    try:
        stamp = json.loads(_file(folder, part).read_text(encoding="utf-8"))
        return stamp["sources"] == sources() and all((folder / name).is_file() for name in stamp["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no stamp, or one that was damaged: it is written again


def keep(folder: Path | None, part: str = ENGINE) -> None:
    """Write the stamp of a cache folder: to be called when a part of the engine has been loaded from it or compiled into it."""
    if folder is None:
        return
    _known.add((folder, part))
    files = sorted(path.name for pattern in ("*.nbi", "*.nbc") for path in folder.glob(pattern))
    # a folder that nobody may write to has no stamp, and the next process says "compiling" again: a word too much, no more
    with contextlib.suppress(OSError):
        # not by `tempfile`, which would hide it from the others who share the folder
        partial = folder / f".{secrets.token_hex(8)}.stamp.partial"
        partial.write_text(json.dumps({"sources": sources(), "files": files}), encoding="utf-8")
        partial.replace(_file(folder, part))


def _file(folder: Path, part: str) -> Path:
    """Return the stamp's path: each part of the engine has its own, and machines of different kinds that share a folder have one each."""
    made_by = [sys.implementation.cache_tag, platform.python_version(), _version("numba"), _version("llvmlite"), _processor()]
    made_by += [os.environ.get(name, "") for name in _CPU_SETTINGS]
    return folder / f"{part}-{hashlib.sha256(repr(made_by).encode()).hexdigest()[:16]}.stamp"


def sources() -> str:
    """Return a digest of everything that becomes machine code of the engine: its own files, and how it calls a model."""
    total = hashlib.sha256()
    for path in (*sorted(_SOURCES.glob("*.py")), _CALLS):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """Return what the operating system calls the processor, with its features where they are known."""
    lines = []
    with contextlib.suppress(OSError), _CPU_INFO.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if not line.strip():
                break
            lines += [line.strip()] if line.partition(":")[0].strip() in _CPU_KEYS else []
    return "\n".join(lines) or f"{platform.machine()} {platform.processor()}"
