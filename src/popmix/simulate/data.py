"""`simulate`: data sets as a model makes them, for the subjects, doses, times and covariates of a data set."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from popmix.errors import SupportError
from popmix.likelihood import AUTOMATIC, Problem, Solver, bind
from popmix.model.declarations import Distribution
from popmix.model.model import Model
from popmix.model.parameters import Parameters, parameters_of
from popmix.simulate.replicates import replicates
from popmix.table import Table


def simulate(
    model: Model,
    data: Any,
    n: int = 1,
    *,
    at: Mapping[str, float] | Parameters | None = None,
    columns: Mapping[str, str] | None = None,
    seed: int = 1,
    threads: int | None = None,
    solver: Solver = AUTOMATIC,
) -> Any:
    """Return `n` simulated data sets as one data frame: the records of `data`, with REP (from 1) in front and DV simulated.

    Effects are drawn for every subject from N(0, omega), outcomes given these. `at`: values of parameters by name (default: the start
    values of the model), or `fit.parameters`. Values beyond a limit are simulated as what they are, not as censored. Observations that do
    not count (MDV = 1) keep an empty DV. Data frames are pandas for data that came from pandas, else polars. Raises SupportError for
    events, whose records are their times, and for a LogLikelihood.
    """
    events = [
        name
        for name, one in model.observations.items()
        if isinstance(one.prediction, Distribution) and one.prediction.kind == "TimeToEvent"
    ]
    if events:
        raise SupportError(f"{', '.join(events)}: times of events make records of their own, which simulate() does not yet write.")
    problem = bind(model, data, columns=columns, solver=solver)
    start = parameters_of(model)
    parameters = at if isinstance(at, Parameters) else start if at is None else start.with_values(at)
    made = replicates(problem, parameters, n, seed=seed, threads=threads)
    return _records(problem, made.dv).to_frame(problem.data.library)


def _records(problem: Problem, dv: np.ndarray) -> Table:
    table, n = problem.data.to_table(), len(dv)
    repeated = {name: np.tile(values, n) for name, values in table.items()}
    values = np.full((n, problem.data.n_rows), np.nan)
    values[:, problem.timeline.observed_row] = dv
    columns = {"REP": np.repeat(np.arange(1, n + 1), problem.data.n_rows)} | repeated
    if "CENS" in columns:
        columns["CENS"] = np.zeros_like(columns["CENS"])
    if "LIMIT" in columns:
        columns["LIMIT"] = np.full(len(columns["LIMIT"]), np.nan)
    return Table(columns | {"DV": values.ravel()}, table.units)
