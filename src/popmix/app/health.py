"""The state of an installation: versions, the engine's cache, threads, and a known number computed again."""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import popmix
from popmix.app.known import THEOPHYLLINE_OFV, TOLERANCE, VALUES, TheophyllineLog
from popmix.data import datasets
from popmix.engine.foce import marginals
from popmix.errors import PopmixError
from popmix.estimate import FOCE, evaluate

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "symengine", "narwhals", "polars", "pandas", "rich", "typer", "matplotlib")


@dataclass(frozen=True)
class Health:
    """What `popmix doctor` found; `trouble` is "" when the installation computes the known number."""

    versions: Mapping[str, str]
    system: str
    threads: int
    cache_folder: str
    cache_files: int
    cache_bytes: int
    known: float
    computed: float | None
    seconds: float
    trouble: str

    @property
    def ok(self) -> bool:
        """Whether the self check passed."""
        return not self.trouble

    @property
    def verdict(self) -> str:
        """One sentence about the outcome."""
        return self.trouble or f"all is well: the known objective {self.known:.4f} was computed again in {self.seconds:.2f} s."

    def document(self) -> dict[str, Any]:
        """Return the machine form."""
        return {**vars(self), "ok": self.ok, "verdict": self.verdict}

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        state = (
            f"{self.cache_files} files, {self.cache_bytes / 1e6:.1f} MB" if self.cache_files else "empty: the next fit compiles the engine"
        )
        lines = [f"versions      {packages}", f"system        {self.system}", f"threads       {self.threads}"]
        lines += [f"engine cache  {self.cache_folder} ({state})", f"self check    {self.verdict}"]
        return "\n".join(lines)


def doctor(progress: Any = None) -> Health:
    """Return the state of this installation, with the objective of a published fit computed again.

    The number is the log-likelihood of R's nlme for theophylline (`popmix.app.known`). On a fresh installation the engine is
    compiled first, which `progress` is told. Never raises for a broken engine: the trouble is in the result.
    """
    started = time.perf_counter()
    computed, trouble = _self_check(progress)
    seconds = time.perf_counter() - started
    files = _cached(_cache_folder())
    return Health(
        versions=_versions(),
        system=f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        threads=os.cpu_count() or 1,
        cache_folder=str(_cache_folder()),
        cache_files=len(files),
        cache_bytes=sum(file.stat().st_size for file in files),
        known=THEOPHYLLINE_OFV,
        computed=computed,
        seconds=seconds,
        trouble=trouble,
    )


def _self_check(progress: Any) -> tuple[float | None, str]:
    try:
        result = evaluate(TheophyllineLog, datasets.load("theophylline"), FOCE(), at=VALUES, progress=progress)
    except PopmixError as error:
        return None, f"the self check could not run: {error}"
    if abs(result.ofv - THEOPHYLLINE_OFV) > TOLERANCE:
        return result.ofv, (
            f"the known objective {THEOPHYLLINE_OFV:.4f} came out as {result.ofv:.4f}: do not trust fits of this installation. "
            "Reinstall popmix in a fresh virtual environment; if that does not help, report this output."
        )
    return result.ofv, ""


def _cache_folder() -> Path:
    return Path(marginals.stats.cache_path)


def _cached(folder: Path) -> list[Path]:
    return [*folder.glob("*.nbi"), *folder.glob("*.nbc")] if folder.is_dir() else []


def _versions() -> dict[str, str]:
    found = {"popmix": popmix.__version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
