"""Derivatives through events: lags and bioavailability of boluses and infusions, additional doses, resets, changing covariates."""

import numpy as np
import polars as pl
import pytest
from differences import slopes

from popmix import *
from popmix.likelihood import Problem, bind
from popmix.model.parameters import parameters_of


class Lagged(Model):
    """Lag and bioavailability of doses into depot and central compartment, all with random effects."""

    WT = Covariate()
    tvCL = Theta(2.0, lower=0)
    tvV = Theta(15.0, lower=0)
    tvKa = Theta(1.1, lower=0)
    tvLag = Theta(0.7, lower=0)
    tvF = Theta(0.6, lower=0)
    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.3)
    Lag = LogNormal(tvLag, iiv=0.3)
    F = LogitNormal(tvF, iiv=0.4)
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    depot = Dose(pk.depot, f=F, lag=Lag)
    central = Dose(pk.central, f=F, lag=Lag / 2)
    DV = Observation(pk.concentration, additive=0.3, proportional=0.1)


class Distributed(Model):
    """Two compartments; clearance changes with a covariate, the lag with another."""

    WT = Covariate()
    tvCL = Theta(2.0, lower=0)
    tvQ = Theta(1.5, lower=0)
    tvF = Theta(1.3, lower=0)
    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.3)
    Q = LogNormal(tvQ, iiv=0.3)
    F = LogNormal(tvF, iiv=0.2)
    Lag = LogNormal(0.4 * WT / 70, iiv=0.2)
    pk = TwoCompartments(cl=CL, v1=8, q=Q, v2=20, ka=0.9)
    depot = Dose(pk.depot, lag=Lag)
    central = Dose(pk.central, f=F, lag=Lag / 3)
    DV = Observation(pk.concentration, additive=0.05, proportional=0.1)


TIMES = (0.31, 0.9, 1.9, 3.1, 4.7, 6.3, 8.9, 12.1, 16.7, 23.3)
BOLUS, OTHER = {"AMT": 100.0, "CMT": 1}, {"AMT": 60.0, "CMT": 2}
HISTORIES = {
    "boluses": [{"TIME": 0.0, **BOLUS}, {"TIME": 5.0, **OTHER}],
    "additional doses": [{"TIME": 0.0, **BOLUS, "ADDL": 3, "II": 4.0}],
    "an infusion": [{"TIME": 0.0, **OTHER, "RATE": 15.0}],
    "an infusion into the depot": [{"TIME": 0.0, **BOLUS, "RATE": 30.0}],
    "infusions that overlap": [{"TIME": 0.0, **OTHER, "RATE": 10.0, "ADDL": 2, "II": 3.0}, {"TIME": 1.0, **BOLUS, "RATE": 20.0}],
    "a reset": [{"TIME": 0.0, **OTHER, "RATE": 5.0}, {"TIME": 4.0, "EVID": 3}, {"TIME": 5.0, **BOLUS, "EVID": 4}],
    "a steady state": [{"TIME": 0.0, **BOLUS, "SS": 1, "II": 8.0}, {"TIME": 5.0, **OTHER}],
    "a steady state of infusions": [{"TIME": 0.0, **OTHER, "RATE": 30.0, "SS": 1, "II": 3.0, "ADDL": 1}],
    "all at once": [{"TIME": 0.0, **BOLUS}, {"TIME": 0.0, **OTHER}, {"TIME": 0.0, **OTHER, "RATE": 12.0}],
}


def problem_of(model: Model, history: list[dict], varying: bool) -> Problem:
    """Return two subjects whose observations are predictions at known etas, each ten percent off."""
    table = table_of(history, varying)
    blank = bind(model, table)
    found = blank.predictions(parameters_of(model), np.tile(np.linspace(-0.2, 0.2, blank.code.n_etas), (2, 1)))
    observed = table["EVID"].to_numpy() == 0
    values = np.full(len(table), np.nan)
    values[observed] = found.f * (1 + 0.1 * np.cos(5 * np.arange(len(found.f))))
    return bind(model, table.with_columns(pl.Series("DV", values)).with_columns(pl.col("DV").fill_nan(None)))


def table_of(history: list[dict], varying: bool) -> pl.DataFrame:
    """Return two subjects with this history; with `varying` their weight changes in time."""
    rows = []
    for subject, weight in enumerate((60.0, 85.0)):
        own = [{"EVID": 1} | event for event in history] + [{"TIME": time, "EVID": 0, "DV": 1.0} for time in TIMES]
        own.sort(key=lambda row: row["TIME"])
        rows += [row | {"ID": subject, "WT": weight + (row["TIME"] if varying else 0.0)} for row in own]
    return pl.DataFrame(rows, infer_schema_length=None)


every_case = pytest.mark.parametrize("varying", [False, True], ids=["constant", "varying"])
every_history = pytest.mark.parametrize("history", HISTORIES)
every_model = pytest.mark.parametrize("model", [Lagged, Distributed], ids=["Lagged", "Distributed"])


@every_model
@every_history
@every_case
def test_slopes_in_the_etas(model, history, varying):
    problem, parameters = problem_of(model, HISTORIES[history], varying), parameters_of(model)
    n_etas = problem.code.n_etas
    eta = np.linspace(-0.25, 0.3, n_etas)

    def predicted(x: np.ndarray) -> np.ndarray:
        return problem.predictions(parameters, np.tile(x, (2, 1)), slopes=False).f

    found = problem.predictions(parameters, np.tile(eta, (2, 1)))
    assert np.all(found.status == 0) and np.max(found.f) > 0.1
    assert np.allclose(found.f, predicted(eta), rtol=1e-12, atol=1e-12)
    assert np.allclose(found.slopes, slopes(predicted, eta, 1e-3), rtol=1e-7, atol=1e-8 * np.max(found.f))


@every_model
@every_history
@every_case
def test_the_objective_has_its_gradient(model, history, varying):
    """The gradient of FOCEI holds second derivatives of predictions in etas and thetas."""
    problem, start = problem_of(model, HISTORIES[history], varying), parameters_of(model)
    n_fixed = problem.code.n_fixed
    found = problem.foce(start)
    assert len(found.failed) == 0

    def objective(x: np.ndarray) -> np.ndarray:
        values = start.values.copy()
        values[:n_fixed] = x
        return problem.foce(start.unchecked(values), modes=found.marginal.eta).marginal.ofv

    scale = start.values[:n_fixed]
    expected = slopes(lambda x: objective(scale * x), np.ones(n_fixed), 1e-3) / scale
    assert np.allclose(found.marginal.by_fixed * scale, expected * scale, rtol=1e-6, atol=1e-6)
