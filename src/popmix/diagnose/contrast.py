"""Fits side by side: objectives, criteria, parameters, the subjects that drive the difference, and what differs between the models."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from popmix.errors import OptionError
from popmix.estimate import Fit
from popmix.model import write
from popmix.plot import Picture, objectives_picture
from popmix.table import Table

_TOLD = 10


@dataclass(frozen=True, eq=False, repr=False)
class FitComparison:
    """Fits side by side, in the order given; differences are to the first.

    `criteria`: by fit NAME, METHOD, OFV, DELTA_OFV, PARAMETERS (estimated), AIC, BIC, CONVERGED, P (of the likelihood ratio to the first,
    nan where there is none). `parameters`: by parameter its estimate in each fit, nan where a model has none. `by_subject`: ID, the OFV of
    each subject in each fit and, for every fit but the first, `delta_NAME`. `model_changes`: unified differences of the models' sources
    to the first. `notes`: why something can't be compared.
    """

    names: tuple[str, ...]
    criteria: Table
    parameters: Table
    by_subject: Table | None
    model_changes: dict[str, str]
    notes: tuple[str, ...]

    def drivers(self, name: str | None = None) -> Table:
        """Return the subjects by the size of their difference: ID, DELTA_OFV and CUMULATED, the sum down to each.

        name: the fit to be held against the first (default: the second). Raises OptionError without a comparable fit of this name.
        """
        name = name or self.names[1]
        if self.by_subject is None or f"delta_{name}" not in self.by_subject:
            raise OptionError(f"subjects of {name!r} can't be compared. {' '.join(self.notes)}".strip())
        delta = self.by_subject[f"delta_{name}"]
        order = np.argsort(-np.abs(delta), kind="stable")
        return Table({"ID": self.by_subject["ID"][order], "DELTA_OFV": delta[order], "CUMULATED": np.cumsum(delta[order])})

    def picture(self, name: str | None = None) -> Picture:
        """Return the objective by subject in the first fit and another. Raises OptionError as `drivers` does."""
        name = name or self.names[1]
        self.drivers(name)
        own = Table({"ID": self.by_subject["ID"], "A": self.by_subject[self.names[0]], "B": self.by_subject[name]})
        return objectives_picture(own, first=self.names[0], second=name)

    def document(self) -> dict[str, Any]:
        """Return the machine form."""
        subjects = [] if self.by_subject is None else list(self.by_subject.rows())
        told = {"criteria": list(self.criteria.rows()), "parameters": list(self.parameters.rows()), "by_subject": subjects}
        return told | {"model_changes": self.model_changes, "notes": self.notes}

    def __repr__(self) -> str:
        lines = [repr(self.criteria), "", repr(self.parameters)]
        for name in self.names[1:]:
            if self.by_subject is not None and f"delta_{name}" in self.by_subject:
                top = self.drivers(name)
                told = ", ".join(f"{one} {value:+.2f}" for one, value in list(zip(top["ID"], top["DELTA_OFV"], strict=True))[:_TOLD])
                lines += ["", f"Subjects that drive {name} from {self.names[0]}: {told}"]
            if self.model_changes.get(name):
                lines += ["", self.model_changes[name].rstrip()]
        return "\n".join([*lines, *self.notes])


def compare_fits(*fits: Fit, names: Sequence[str] | None = None) -> FitComparison:
    """Return fits side by side.

    names: what they are called (default: their models' names, numbered where equal). Objectives are compared for the same data (by
    SHA-256), observations and method only; otherwise a note says why not. The p-value is that of the likelihood ratio by chi-squared with
    the difference in estimated parameters, which is the right one for nested models. Raises OptionError for fewer than two fits or names
    that do not fit.
    """
    if len(fits) < 2:
        raise OptionError("two fits or more are compared.")
    called = _names(fits, names)
    first, notes = fits[0], []
    comparable = [not _obstacle(first, one) for one in fits]
    for name, one in zip(called[1:], fits[1:], strict=True):
        why = _obstacle(first, one)
        notes += [f"The objectives of {called[0]} and {name} can't be compared: {why}."] if why else []
    return FitComparison(
        names=called,
        criteria=_criteria(fits, called, comparable),
        parameters=_parameters(fits, called),
        by_subject=_by_subject(fits, called, comparable),
        model_changes=_changes(fits, called),
        notes=tuple(notes),
    )


def _names(fits: Sequence[Fit], names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        own = [one.model.name for one in fits]
        names = [name if own.count(name) == 1 else f"{name}_{k}" for k, name in enumerate(own, start=1)]
    if len(names) != len(fits) or len(set(names)) != len(names):
        raise OptionError(f"{len(fits)} fits need as many different names, not {', '.join(map(str, names))}.")
    return tuple(str(name) for name in names)


def _obstacle(first: Fit, other: Fit) -> str:
    """Return why the objectives of two fits can't be compared, "" where they can."""
    if first.data.sha256 != other.data.sha256:
        return f"their data differ ({first.data.source}, {other.data.source})"
    if first.n_observations != other.n_observations:
        return f"they count {first.n_observations} and {other.n_observations} observations"
    if not np.array_equal(first.weights, other.weights):
        return "subjects count differently in them"
    if first.method.judge.name != other.method.judge.name:
        return f"they are approximations by different methods ({first.method.name}, {other.method.name})"
    return ""


def _criteria(fits: Sequence[Fit], names: Sequence[str], comparable: Sequence[bool]) -> Table:
    first = fits[0]
    delta = np.array([one.ofv - first.ofv if fine else np.nan for one, fine in zip(fits, comparable, strict=True)])
    more = np.array([one.n_estimated - first.n_estimated for one in fits])
    with np.errstate(invalid="ignore"):
        ratio = np.maximum(-delta * np.sign(more), 0.0)
        p = np.where(more != 0, scipy.special.chdtrc(np.abs(more), ratio), np.nan)
    columns = {
        "NAME": np.array(names, dtype=object),
        "METHOD": np.array([one.method.name for one in fits], dtype=object),
        "OFV": np.array([one.ofv for one in fits]),
        "DELTA_OFV": delta,
        "PARAMETERS": np.array([one.n_estimated for one in fits]),
        "AIC": np.array([one.aic for one in fits]),
        "BIC": np.array([one.bic for one in fits]),
        "CONVERGED": np.array([{True: "yes", False: "NO", None: "evaluated"}[one.convergence.converged] for one in fits], dtype=object),
        "P": np.where(np.isfinite(delta), p, np.nan),
    }
    return Table(columns)


def _parameters(fits: Sequence[Fit], names: Sequence[str]) -> Table:
    every = list(dict.fromkeys(name for one in fits for name in one.parameters.names))
    columns = {"PARAMETER": np.array(every, dtype=object)}
    for name, one in zip(names, fits, strict=True):
        own = one.parameters.as_dict()
        columns[name] = np.array([own.get(parameter, np.nan) for parameter in every])
    return Table(columns)


def _by_subject(fits: Sequence[Fit], names: Sequence[str], comparable: Sequence[bool]) -> Table | None:
    if sum(comparable) < 2:
        return None
    columns = {"ID": fits[0].individuals_table["ID"]}
    kept = [(name, one) for name, one, fine in zip(names, fits, comparable, strict=True) if fine]
    columns |= {name: one.individuals_table["OFV"] for name, one in kept}
    first = fits[0].individuals_table["OFV"]
    return Table(columns | {f"delta_{name}": one.individuals_table["OFV"] - first for name, one in kept[1:]})


def _changes(fits: Sequence[Fit], names: Sequence[str]) -> dict[str, str]:
    first = write(fits[0].model).splitlines()
    found = {}
    for name, one in zip(names[1:], fits[1:], strict=True):
        lines = difflib.unified_diff(first, write(one.model).splitlines(), names[0], name, lineterm="", n=0)
        found[name] = "\n".join(line for line in lines if not line.startswith("@@"))
    return found
