"""From files to what is known of the uncertainty of a fit, and to a comparison: `popmix profile`, `sir` and `compare`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popmix.app.files import Request, fit_file
from popmix.estimate import Comparison, Fit, compare
from popmix.model import Model, load
from popmix.table import Table
from popmix.uncertainty import SIR, Profile, covariance, profile, sir


@dataclass(frozen=True, eq=False)
class Looked:
    """A fit, and what was found out about it."""

    fit: Fit
    found: Profile | SIR | Comparison

    def document(self) -> dict[str, Any]:
        """Return the machine form."""
        return {"model": self.fit.model.name, "ofv": self.fit.ofv} | {name: _rows(table) for name, table in _tables(self.found).items()}

    def __str__(self) -> str:
        return repr(self.found)


def _tables(found: Profile | SIR | Comparison) -> dict[str, Table]:
    if isinstance(found, Profile):
        return {"intervals": found.intervals, "points": found.points}
    if isinstance(found, SIR):
        return {"estimates": found.errors(), "iterations": found.diagnostics()}
    return {"comparison": found.table} | ({} if found.failed is None else {"failed": found.failed})


def _rows(table: Table) -> list[dict[str, Any]]:
    return [{name: value.item() if hasattr(value, "item") else value for name, value in row.items()} for row in table.rows()]


def profile_file(model: str | Path, data: str | Path, method: Any, names: Sequence[str] | None, level: float, request: Request) -> Looked:
    """Fit a model and profile its likelihood. Raises PopmixError as `fit_file` and `popmix.profile` do."""
    found = fit_file(model, data, method, request).fit
    return Looked(found, profile(found, names or None, level=level, threads=request.threads, progress=request.progress))


def sir_file(model: str | Path, data: str | Path, method: Any, request: Request) -> Looked:
    """Fit a model and resample its estimates from the sandwich covariance. Raises PopmixError as `fit_file` and `popmix.sir` do."""
    found = fit_file(model, data, method, request).fit
    told = {"threads": request.threads, "progress": request.progress}
    return Looked(found, sir(found, covariance(found, **told), seed=1 if request.seed is None else request.seed, **told))


def compare_file(model: str | Path | Model, data: str | Path, method: Any, summary: str, request: Request) -> Looked:
    """Fit a model pooled, in two stages and in one. Raises PopmixError as `popmix.compare` does."""
    loaded = model if isinstance(model, Model) else load(model)
    told = {"columns": request.columns, "threads": request.threads, "progress": request.progress}
    found = compare(loaded, data, method, summary=summary, **told)
    return Looked(found.one_stage, found)
