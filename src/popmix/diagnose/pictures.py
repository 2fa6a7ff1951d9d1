"""Pictures of a fit: each takes what it needs from the fit, and titles it with model, OFV and shrinkage as the field does."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from popmix.diagnose.curves import curves, dose_times
from popmix.diagnose.residuals import Residuals, residuals
from popmix.diagnose.shrinkage import epsilon_shrinkage
from popmix.diagnose.vpc.bins import binned
from popmix.diagnose.vpc.percentiles import percentile_rows
from popmix.estimate import Fit
from popmix.estimate.progress import Progress
from popmix.plot import (
    Picture,
    absolute_residuals,
    gof_panel,
    npde_panel,
    objective_by_subject,
    observed_predicted,
    residual_distribution,
    residual_quantiles,
    residuals_against,
    spaghetti,
)
from popmix.plot import individual_fits as draw_individual_fits
from popmix.table import Table

_SIMULATED = 500  # normal samples behind the bands of NPDE


def headed(picture: Picture, fit: Fit) -> Picture:
    """Return a picture with the name of the model in its title, OFV and shrinkage of residuals below, and the data as its caption."""
    table = fit.predictions_table
    # of outcomes that are not continuous IWRES are Pearson residuals, whose spread says nothing of shrinkage
    on_sd = epsilon_shrinkage(np.where(np.isfinite(table["CWRES"].astype(float)), table["IWRES"].astype(float), np.nan))[0]
    shrunken = f", Eps shrink: {on_sd:.0f}%" if np.isfinite(on_sd) else ""
    state = "" if fit.convergence.converged or fit.convergence.evaluated_only else ", NOT CONVERGED"
    title = f"{picture.title} | {fit.model.name}"
    return picture.titled(title, f"OFV: {fit.ofv:.3f}{shrunken} ({fit.method.name.upper()}{state})", Path(fit.data.source).name)


@dataclass(frozen=True, eq=False)
class Observed:
    """Residuals of a fit and its endpoints: what goodness-of-fit pictures are drawn from. `by`: the column that tells endpoints apart."""

    fit: Fit
    table: Table
    by: str | None
    continuous: bool

    @classmethod
    def of(cls, fit: Fit, found: Residuals) -> "Observed":
        """Return what pictures need of residuals."""
        table = found.table
        return cls(fit, table, "DVID" if "DVID" in table else None, bool(np.any(np.isfinite(table["CWRES"].astype(float)))))

    @property
    def main(self) -> str:
        """The residual that most pictures show: CWRES, and NPDE for outcomes that have none."""
        return "CWRES" if self.continuous else "NPDE"


def gof(fit: Fit, found: Residuals | None = None, *, log: bool = False, progress: Progress | None = None) -> list[Picture]:
    """Return the goodness-of-fit pictures of a fit: an overview, predictions, residuals against time, time after dose and prediction,
    |IWRES|, distribution and quantiles.

    found: its residuals, where they are there already; log: logarithmic axes of DV. Outcomes without CWRES are drawn by NPDE.
    """
    seen = Observed.of(fit, found or residuals(fit, progress=progress))
    table, by = seen.table, seen.by
    pictures = [gof_panel(table)] if seen.continuous and by is None else []
    if seen.continuous:
        pictures += [observed_predicted(table, name, log=log, by=by) for name in ("PRED", "IPRED")]
    against = ["TIME", *(["TAD"] if np.any(np.isfinite(table["TAD"].astype(float))) and not _same(table) else []), "PRED"]
    pictures += [residuals_against(table, seen.main, name, by=by) for name in against]
    if seen.continuous:
        pictures.append(absolute_residuals(table, "IWRES", "IPRED", by=by))
    pictures += [residual_distribution(table, seen.main), residual_quantiles(table, seen.main)]
    return [headed(one, fit) for one in pictures]


def _same(table: Table) -> bool:
    """Whether time after dose is the time: one dose at time 0."""
    return bool(np.array_equal(table["TAD"].astype(float), table["TIME"].astype(float)))


def npde_pictures(fit: Fit, found: Residuals | None = None, *, progress: Progress | None = None) -> list[Picture]:
    """Return the NPDE panel of every endpoint, with 95 % bands of its percentiles under the model."""
    table = (found or residuals(fit, progress=progress)).table
    labels = table["DVID"] if "DVID" in table else np.full(table.n_rows, "", dtype=object)
    pictures = []
    for name in dict.fromkeys(labels.tolist()):
        own = Table({column: values[labels == name] for column, values in table.items()})
        if not np.any(np.isfinite(own["NPDE"].astype(float))):
            continue
        own = own if np.any(np.isfinite(own["PRED"].astype(float))) else replaced(own, PRED=own["TIME"].astype(float))
        panel = npde_panel(_without(own, "TAD"), npde_bands(own))
        pictures.append(headed(replace(panel, title=f"{panel.title}{f' of {name}' if name else ''}"), fit))
    return pictures


def replaced(table: Table, **columns: np.ndarray) -> Table:
    """Return a table with other columns."""
    return Table({name: columns.get(name, values) for name, values in table.items()}, table.units)


def _without(table: Table, name: str) -> Table:
    return Table({one: values for one, values in table.items() if one != name}, table.units)


def npde_bands(table: Table, *, level: float = 0.95) -> Table:
    """Return the percentiles of NPDE by bins of TIME and PRED, with the interval of `level` that they have under the model.

    Columns X_OF, LEFT, RIGHT, X, PERCENTILE, OBSERVED, LOW, HIGH. Under the model NPDE are independent and standard normal, so that as
    many normal numbers in each bin tell the interval.
    """
    values = table["NPDE"].astype(float)
    parts = []
    for number, name in enumerate(("TIME", "PRED")):
        x = table[name].astype(float)
        usable = np.isfinite(values) & np.isfinite(x)
        binning = binned(x[usable], "auto")
        normal = np.random.default_rng(number).standard_normal((_SIMULATED, int(np.count_nonzero(usable))))
        rows = percentile_rows(values[usable], normal, binning.index, binning.n, (2.5, 50.0, 97.5), level)
        index = rows["BIN"]
        places = {"X_OF": np.full(len(index), name, dtype=object), "LEFT": binning.edges[:-1][index], "RIGHT": binning.edges[1:][index]}
        parts.append(places | {"X": binning.middle[index]} | {one: rows[one] for one in ("PERCENTILE", "OBSERVED", "LOW", "HIGH")})
    return Table({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def individual_fits(fit: Fit, *, per_page: int = 9, log: bool = False) -> list[Picture]:
    """Return pages of individual fits: observations, IPRED and PRED on a fine grid, doses, censored values as bars, OFV by subject.

    None where no endpoint is continuous.
    """
    table = _with_bounds(fit)
    by_subject = dict(zip(fit.individuals_table["ID"].tolist(), fit.individuals_table["OFV"].tolist(), strict=True))
    table = Table({**table, "OFV": np.array([by_subject[one] for one in table["ID"].tolist()], dtype=float)}, table.units)
    drawn = curves(fit)
    if drawn.n_rows == 0:
        return []
    if "DVID" not in table:
        drawn = _without(drawn, "DVID")
    else:
        # endpoints without curves (counts, events) have no panel
        kept = np.isin(table["DVID"].astype(str), np.unique(drawn["DVID"].astype(str)))
        table = Table({name: values[kept] for name, values in table.items()}, table.units)
    pages = draw_individual_fits(table, drawn, dose_times(fit), per_page=per_page, log=log)
    return [headed(page, fit) for page in pages]


def _with_bounds(fit: Fit) -> Table:
    table = fit.predictions_table
    return residuals(fit, 0).table if "CENSORED" in table else table


def data_pictures(fit: Fit) -> list[Picture]:
    """Return the data as lines by subject, by endpoint."""
    table = fit.predictions_table
    return [headed(spaghetti(table, by="DVID" if "DVID" in table else None), fit)]


def objective_pictures(fit: Fit) -> list[Picture]:
    """Return the objective by subject."""
    return [headed(objective_by_subject(fit.individuals_table), fit)]
