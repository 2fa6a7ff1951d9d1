"""Pooled, two-stage and one-stage estimates of one model side by side.

Typical values of an individual parameter are compared on the scale on which it is normal: the mean over subjects of its value without
random effects (pooled and one-stage), or of the estimates of the subjects fitted alone (two-stage), carried back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from popmix.errors import PopmixError
from popmix.estimate.binding import bound
from popmix.estimate.fitting import fit
from popmix.estimate.method import Method
from popmix.estimate.pooled import pooled
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.result import Fit
from popmix.estimate.two_stage import LINKS, TwoStage, two_stage
from popmix.model.model import Model
from popmix.table import Table

_MOST_NAMED = 10


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What three ways of estimation say. table: name, pooled, two_stage, one_stage, shrinkage (percent, of the one-stage fit).

    Rows are individual parameters, their SDs between subjects (iiv_), and residual SDs; nan where a way knows no such thing. one_stage,
    pooled: the fits; two_stage: None where the model can't be fitted so, `refused` says why.
    """

    table: Table
    one_stage: Fit
    pooled: Fit
    two_stage: TwoStage | None
    refused: str

    @property
    def failed(self) -> Table | None:
        """Subjects that could not be fitted alone, with the reason; None without a two-stage fit."""
        if self.two_stage is None:
            return None
        own = self.two_stage.individuals
        alone = ~own["fitted"]
        return Table({"ID": own["ID"][alone], "reason": own["reason"][alone]})

    def __repr__(self) -> str:
        lines = [f"{self.one_stage.model.name}: three ways to estimate", repr(self.table)]
        lines.append(f"-2LL: pooled {self.pooled.minus2ll:.3f}, one-stage {self.one_stage.minus2ll:.3f}.")
        if self.two_stage is None:
            return "\n".join([*lines, f"No two-stage fit: {self.refused}"])
        failed = self.failed
        of = self.one_stage.n_subjects
        if not failed.n_rows:
            return "\n".join([*lines, f"All {of} subjects can be fitted alone."])
        named = ", ".join(f"{label} ({reason.split(':')[0]})" for label, reason in zip(failed["ID"][:3], failed["reason"][:3], strict=True))
        more = f", and {', '.join(failed['ID'][3:_MOST_NAMED])}" if failed.n_rows > 3 else ""
        more += ", ..." if failed.n_rows > _MOST_NAMED else ""
        return "\n".join([*lines, f"{failed.n_rows} of {of} subjects can't be fitted alone: {named}{more}."])


def compare(
    model: Model,
    data: Any,
    method: Method | None = None,
    *,
    summary: str = "standard",
    columns: Mapping[str, str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Fit a model pooled, in two stages and in one, and return the three side by side.

    `method` is that of the one-stage fit, `summary` that of the two-stage method. Raises SupportError for a Mixture, which pooling can't
    honour, else as `fit` does; a two-stage fit that can't be done is told in the result.
    """
    told = progress or Silent()
    whole = fit(model, data, method, columns=columns, threads=threads, progress=told)
    together = pooled(model, data, columns=columns, threads=threads, progress=told)
    try:
        apart, refused = two_stage(model, data, summary=summary, columns=columns, progress=told), ""
    except PopmixError as error:
        apart, refused = None, str(error).splitlines()[0]
    return Comparison(_table(whole, together, apart), whole, together, apart, refused)


def _table(whole: Fit, together: Fit, apart: TwoStage | None) -> Table:
    of_whole, of_together = _typical(whole), _typical(together)
    of_apart = apart.estimates() if apart else {}
    rows = []
    for name, value in of_whole.items():
        rows.append((name, of_together.get(name, np.nan), of_apart.get(name, np.nan), value, np.nan))
    for name in whole.parameters.of_kind("iiv"):
        shrinkage = whole.shrinkage.get(name.removeprefix("iiv_"), np.nan)
        rows.append((name, np.nan, of_apart.get(name, np.nan), whole.parameters[name], shrinkage))
    for name in whole.parameters.of_kind("sigma"):
        alone = np.nan if apart is None else float(np.nanmedian(apart.individuals[name][apart.individuals["fitted"]]))
        rows.append((name, together.parameters[name], alone, whole.parameters[name], np.nan))
    columns = zip(*rows, strict=True)
    names = ("name", "pooled", "two_stage", "one_stage", "shrinkage")
    return Table({name: np.array(column, dtype=object if name == "name" else float) for name, column in zip(names, columns, strict=True)})


def _typical(found: Fit) -> dict[str, float]:
    """Return the typical value of every individual parameter over the subjects; by the median where its normal scale is not simple."""
    problem = bound(found)
    reported = problem.predictions(found.parameters).reported
    values = {}
    for name, declared in found.model.parameters.items():
        if name not in problem.compiled.reported:
            continue
        own = reported[problem.weights > 0, problem.compiled.reported.index(name)]
        link = LINKS.get(declared.family)
        with np.errstate(all="ignore"):
            values[name] = float(link(declared).inverse(np.mean(link(declared).forward(own)))) if link else float(np.median(own))
    return values
