"""Curves of predictions between the observations: what individual fits are drawn with."""

import numpy as np

from popmix.diagnose.quantile_residuals import is_continuous
from popmix.estimate import Fit
from popmix.estimate.binding import bound
from popmix.likelihood import Problem
from popmix.likelihood.thick import thickened
from popmix.table import Table

_BEFORE = 1 - 1e-6  # of the way to the next record


def curves(fit: Fit, points: int = 100, *, threads: int | None = None) -> Table:
    """Return ID, TIME, DVID, PRED and IPRED of every continuous endpoint on about `points` times of each subject, its records included.

    Between a dose and the next record the times lie closer to the dose, where curves bend; a dose has one at its own time, after it. PRED
    is at eta = 0, IPRED at the modes of the fit; both on the scale of DV. A table without rows when no endpoint is continuous.
    """
    problem = bound(fit)
    observed = {one.lowered.name for one in problem.compiled.endpoints}
    names = [name for name in problem.model.observations if name in observed and is_continuous(problem, name)]
    if not names:
        return Table({name: np.zeros(0) for name in ("ID", "TIME", "DVID", "PRED", "IPRED")})
    thick = thickened(problem, names, _places(problem, points)).problem
    evaluation = fit.method.judge.evaluate(problem, fit.parameters, threads)
    endpoint = np.array([one.lowered.name for one in thick.compiled.endpoints], dtype=object)[thick.timeline.endpoint]
    columns = {}
    for name, etas in (("PRED", None), ("IPRED", evaluation.marginal.eta)):
        found = thick.predictions(fit.parameters, etas, slopes=False, group=evaluation.group, threads=threads).f
        on_log = np.array([one.lowered.log_scale for one in thick.compiled.endpoints])[thick.timeline.endpoint]
        columns[name] = np.where(on_log, np.exp(np.where(on_log, found, 0.0)), found)
    rows = thick.timeline.observed_row
    ids = np.array(problem.data.ids, dtype=object)[thick.data.subject[rows]]
    kept = np.isin(endpoint, names)
    table = {"ID": ids, "TIME": thick.data.time[rows], "DVID": endpoint, **columns}
    return Table({name: values[kept] for name, values in table.items()})


def _places(problem: Problem, points: int):
    """Return the times to add between two records: in proportion to the distance, at least one."""
    table = problem.data
    first, last = table.starts[:-1], table.starts[1:] - 1
    # of a subject that is followed as long as most are
    step = max(float(np.median(table.time[last] - table.time[first])), 0.0) / points

    def places(start: float, end: float, after_dose: bool) -> np.ndarray:
        n = int(np.clip(np.ceil((end - start) / step), 8 if after_dose else 3, 4 * points)) if step > 0 else 3
        share = np.arange(0 if after_dose else 1, n) / n
        # the last one just before the next record, so that a dose there is a step
        return start + (end - start) * np.append(share**2 if after_dose else share, _BEFORE)

    return places


def dose_times(fit: Fit) -> Table:
    """Return ID and TIME of every dose, additional ones (ADDL) included, up to the last record of its subject before a reset."""
    table = fit.data
    ids, times = [], []
    resets = np.flatnonzero(np.isin(table.evid, (3, 4)))
    for row in np.flatnonzero(table.dosing).tolist():
        last = table.starts[table.subject[row] + 1]
        following = resets[(resets > row) & (resets < last)]
        end = table.time[(following[0] if len(following) else last) - 1]
        given = table.time[row] + table.ii[row] * np.arange(int(table.addl[row]) + 1)
        own = given[given <= end]
        ids += [table.ids[table.subject[row]]] * len(own)
        times += own.tolist()
    return Table({"ID": np.array(ids, dtype=object), "TIME": np.array(times, dtype=float)})
