"""`simulate`: data sets as a model makes them, for the subjects, doses, times and covariates of a data set."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from popmix.likelihood import AUTOMATIC, Problem, Solver, bind
from popmix.model.declarations import Distribution
from popmix.model.model import Model
from popmix.model.parameters import Parameters, parameters_of
from popmix.simulate.event_records import Records, repeated, with_events
from popmix.simulate.replicates import replicates
from popmix.table import Table


def simulate(
    model: Model,
    data: Any,
    n: int = 1,
    *,
    at: Mapping[str, float] | Parameters | None = None,
    goes_on: bool | None = None,
    columns: Mapping[str, str] | None = None,
    seed: int = 1,
    threads: int | None = None,
    solver: Solver = AUTOMATIC,
) -> Any:
    """Return `n` simulated data sets as one data frame: the records of `data`, with REP (from 1) in front and DV simulated.

    Effects are drawn for every subject from N(0, omega), outcomes given these. `at`: values of parameters by name (default: the start
    values of the model), or `fit.parameters`. Values beyond a limit are simulated as what they are, not as censored. Observations that do
    not count (MDV = 1) keep an empty DV. Data frames are pandas for data that came from pandas, else polars.

    Events have records of their own: at the times at which they happen, and at the end of a subject's follow-up (its last record where
    nothing happened by then, else the last record of all). `goes_on`: whether subjects are followed after an event (None: as in `data`).
    Other records stay as they are. Raises SupportError for a LogLikelihood, OptionError where `data` leave open what follows an event.
    """
    problem = bind(model, data, columns=columns, solver=solver)
    start = parameters_of(model)
    parameters = at if isinstance(at, Parameters) else start if at is None else start.with_values(at)
    made = replicates(problem, parameters, n, seed=seed, threads=threads)
    records = repeated(problem.data, n)
    dv = np.full((n, problem.data.n_rows), np.nan)
    dv[:, problem.timeline.observed_row] = made.dv
    records = replace(records, table=replace(records.table, dv=dv.ravel()))
    for name in _events(problem):
        records = with_events(records, made, name, goes_on, seed, threads)
    return _frame(records)


def _events(problem: Problem) -> list[str]:
    """Return the observed endpoints that are times of events."""
    declared = {name: one.prediction for name, one in problem.model.observations.items()}
    observed = {one.lowered.name for one in problem.compiled.endpoints}
    return [name for name, one in declared.items() if name in observed and isinstance(one, Distribution) and one.kind == "TimeToEvent"]


def _frame(records: Records) -> Any:
    table = records.table.to_table()
    columns = {"REP": records.replicate} | dict(table)
    columns |= {"CENS": np.zeros_like(columns["CENS"]), "LIMIT": np.full(table.n_rows, np.nan)}
    return Table({name: values[records.kept] for name, values in columns.items()}, table.units).to_frame(records.table.library)
