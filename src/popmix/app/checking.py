"""A model and data looked at before anything is fitted: what `popmix check` does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from popmix.compiler.build import compile_model
from popmix.data import EventTable, Findings, card, read
from popmix.errors import DataError, SupportError
from popmix.likelihood import bind, expectation_of
from popmix.model import Model, load


@dataclass(frozen=True)
class Check:
    """What a check found: the model, the event table (None without data, or when they can't be used), findings, refusals.

    `refusals` are sentences about what can't be fitted, beyond the findings about the data.
    """

    model: Model
    table: EventTable | None
    findings: Findings
    refusals: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the model, and the data when given, can be fitted."""
        return not self.findings.errors and not self.refusals

    @property
    def verdict(self) -> str:
        """One sentence about the outcome."""
        if self.ok:
            return f"{self.model.name} can be fitted."
        if self.findings.errors:
            return f"{self.findings.source} can't be used with {self.model.name}: {self.findings.summary()}."
        return f"{self.model.name} can't be fitted: {len(self.refusals)} refusal{'s' if len(self.refusals) > 1 else ''}."

    def document(self) -> dict[str, Any]:
        """Return the machine form: verdict, findings one by one, refusals, and the sizes of the data."""
        sizes = None
        if self.table is not None:
            sizes = {"n_subjects": self.table.n_subjects, "n_observations": self.table.n_observations, "n_doses": self.table.n_doses}
        return {
            "model": self.model.name,
            "ok": self.ok,
            "verdict": self.verdict,
            "refusals": self.refusals,
            "findings": [vars(finding) for finding in self.findings],
            "data": sizes,
        }

    def __str__(self) -> str:
        if self.findings.errors:
            return "\n\n".join([str(self.findings), *self.refusals, self.verdict])
        parts = [str(self.model)] if self.table is None else [str(self.model), card(self.table)]
        return "\n\n".join([*parts, *self.refusals, self.verdict])


def check(model: Model | str | Path, data: Any = None, columns: Mapping[str, str] | None = None) -> Check:
    """Check a model (or the file that holds it), and data against it, as `fit` would before it starts.

    data, columns: what `popmix.read` takes. Raises ModelError for a model with mistakes; everything else is in the result.
    """
    loaded = model if isinstance(model, Model) else load(model)
    refusals = _refused(loaded)
    if data is None:
        return Check(loaded, None, Findings(), refusals)
    try:
        table = read(data, columns=columns, expectation=expectation_of(loaded))
    except DataError as error:
        found = error.findings if isinstance(error.findings, Findings) else Findings()
        return Check(loaded, None, found, refusals if found.errors else (*refusals, str(error)))
    return Check(loaded, table, table.findings, refusals or _unbound(loaded, table))


def _refused(model: Model) -> tuple[str, ...]:
    try:
        compile_model(model)
    except SupportError as error:
        return (str(error),)
    return ()


def _unbound(model: Model, table: EventTable) -> tuple[str, ...]:
    try:
        bind(model, table)
    except (DataError, SupportError) as error:
        return (str(error),)
    return ()
