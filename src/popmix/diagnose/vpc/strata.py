"""What observations are laid out along and parted by in a predictive check: columns of a fit, or labels that a user gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from popmix.errors import OptionError
from popmix.likelihood import Problem
from popmix.table import Table

# a number with more distinct values than this is parted at its median
_MOST_STRATA = 6

Stratification = str | Sequence[Any] | Mapping[Any, Any] | None


def axis_of(table: Table, against: str, own: np.ndarray) -> np.ndarray:
    """Return the numbers along which the observations at positions `own` are laid out.

    Raises OptionError for a column that is none, or does not have a number for each of them.
    """
    known = [name for name in table if table[name].dtype.kind in "fiu"]
    if against not in known:
        raise OptionError(f"against={against!r} is no column of numbers; there are {', '.join(known)}.")
    values = table[against].astype(float)[own]
    if not np.all(np.isfinite(values)):
        raise OptionError(f"{against} is not known for {np.count_nonzero(~np.isfinite(values))} observations: lay them out along TIME.")
    return values


def strata_of(problem: Problem, table: Table, stratify: Stratification) -> np.ndarray:
    """Return the stratum of every observation as text, "" without stratification.

    stratify: a column (a covariate, DVID, OCC, a level), labels by subject (a mapping from ID, or one for each in order) or one for each
    observation. A number with many values is parted at its median over subjects. Raises OptionError for what fits none of these.
    """
    n, subject = table.n_rows, problem.data.subject[problem.timeline.observed_row]
    if stratify is None:
        return np.full(n, "", dtype=object)
    if isinstance(stratify, str):
        return _by_column(problem, table, stratify, subject)
    if isinstance(stratify, Mapping):
        missing = [one for one in problem.data.ids if one not in {str(key) for key in stratify}]
        if missing:
            raise OptionError(f"stratify gives no label for {len(missing)} subjects, as {missing[0]}.")
        known = {str(key): str(label) for key, label in stratify.items()}
        return np.array([known[problem.data.ids[k]] for k in subject.tolist()], dtype=object)
    labels = np.array([str(label) for label in stratify], dtype=object)
    if len(labels) == problem.n_subjects:
        return labels[subject]
    if len(labels) != n:
        raise OptionError(f"stratify needs a label for each of {problem.n_subjects} subjects or {n} observations, not {len(labels)}.")
    return labels


def _by_column(problem: Problem, table: Table, name: str, subject: np.ndarray) -> np.ndarray:
    rows, data = problem.timeline.observed_row, problem.data
    known = {"OCC": data.occasion, **data.levels, **data.covariates}
    if name in table:
        values = table[name]
    elif known.get(name) is not None:
        values = known[name][rows]
    else:
        columns = ", ".join([*(one for one in known if known[one] is not None), *(("DVID",) if "DVID" in table else ())]) or "none"
        raise OptionError(
            f"there is no column {name!r} to stratify by (there are: {columns}). Declare it as a Covariate, or give labels: "
            "stratify={ID: label, ...}."
        )
    if values.dtype.kind == "f" and len(np.unique(values)) > _MOST_STRATA:
        first = np.unique(subject, return_index=True)[1]
        middle = float(np.nanmedian(values[first]))
        return np.where(values <= middle, f"{name} <= {middle:g}", f"{name} > {middle:g}").astype(object)
    shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values.tolist()]
    return np.array([f"{name} {one}" for one in shown], dtype=object)
