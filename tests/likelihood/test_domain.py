"""Arguments of structures outside of their range: a status for the subject, with the time; a fit keeps away from there."""

import numpy as np
import polars as pl
import pytest

import popmix
from popmix.engine.domain import OUT_OF_DOMAIN
from popmix.errors import FitError, Status
from popmix.likelihood import Solver, bind
from popmix.model import read
from popmix.model.parameters import parameters_of

MODEL = """from popmix import *

class Checked(Model):
    X = Covariate()
    tvCL = Theta(2.0)
    tvV = Theta(20.0)
    CL = Normal(tvCL, iiv=0.2)
    V = Normal(tvV * X, iiv={sd})
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, additive={additive})
"""
SOLVERS = pytest.mark.parametrize("solver", [Solver(), Solver("nonstiff"), Solver("stiff")])


def table(x: tuple[float, ...] = (1.0, 1.0), later: float | None = None, dv: tuple[float, ...] = (4.4, 3.6)) -> pl.DataFrame:
    """Subjects with a dose and samples at 1 and 3; the covariate of the first subject changes at 3 with `later`."""
    rows = []
    for subject, value in enumerate(x, start=1):
        values = (value, value, later if later is not None and subject == 1 else value)
        for time, amount, observed, own in zip((0.0, 1.0, 3.0), (100.0, 0.0, 0.0), (None, *dv), values, strict=True):
            rows.append({"ID": subject, "TIME": time, "AMT": amount, "EVID": int(amount > 0), "DV": observed, "X": own})
    return pl.DataFrame(rows)


def problem_of(data: pl.DataFrame, solver: Solver, sd: float = 0.3, additive: float = 0.3):
    return bind(read(MODEL.format(sd=sd, additive=additive)), data, solver=solver)


def test_the_numbers_of_the_status_are_the_same():
    assert Status.OUT_OF_DOMAIN == OUT_OF_DOMAIN


@SOLVERS
@pytest.mark.parametrize(("name", "value"), [("tvV", -20.0), ("tvCL", -2.0)])
def test_typical_values_out_of_range(solver, name, value):
    problem = problem_of(table(), solver)
    found = problem.predictions(parameters_of(problem.model).with_values({name: value}))
    assert np.all(found.status == Status.OUT_OF_DOMAIN) and np.all(np.isnan(found.f))
    with pytest.raises(FitError) as caught:
        popmix.evaluate(problem.model, table(), at={name: value}, solver=solver)
    assert "is negative (or zero) at time 0" in str(caught.value) and f"{name[2:]} = {value:g}" in str(caught.value)


@SOLVERS
def test_a_volume_of_zero_is_out_of_range_too(solver):
    """Its modes are within: the fit has predictions there, but none at eta = 0."""
    data = table(dv=(90.0, 30.0))
    found = popmix.evaluate(read(MODEL.format(sd=1.0, additive=9.0)), data, at={"tvV": 0.0}, solver=solver)
    assert np.all(found.individuals_table["V"] > 0) and np.all(np.isnan(found.predictions_table["PRED"]))
    assert any("no PRED, RES and WRES of subjects 1, 2" in one and "negative (or zero)" in one for one in found.messages)


@SOLVERS
def test_both_negative_is_no_better(solver):
    """CL / V is positive then, and amounts are as they should be; concentrations are not."""
    problem = problem_of(table(), solver)
    found = problem.predictions(parameters_of(problem.model).with_values({"tvV": -20.0, "tvCL": -2.0}))
    assert np.all(found.status == Status.OUT_OF_DOMAIN)


@SOLVERS
def test_no_elimination_is_within_the_range(solver):
    problem = problem_of(table(), solver)
    found = problem.predictions(parameters_of(problem.model).with_values({"tvCL": 0.0}))
    assert np.all(found.status == Status.OK) and found.f == pytest.approx(5.0)


@SOLVERS
def test_the_subject_and_the_time_are_told(solver):
    data = table(later=-1.0)
    problem = problem_of(data, solver)
    found = problem.foce(parameters_of(problem.model))
    assert found.marginal.status.tolist() == [Status.OUT_OF_DOMAIN, Status.OK] and found.marginal.failed_at[0] == 3.0
    with pytest.raises(FitError, match=r"1 of 2 subjects failed.\nsubject 1: .* at time 3;"):
        popmix.evaluate(problem.model, data, solver=solver)


@SOLVERS
def test_the_last_subject_is_looked_at_to_its_last_record(solver):
    problem = problem_of(table(x=(1.0,), later=-1.0), solver)
    found = problem.predictions(parameters_of(problem.model), slopes=False)
    assert found.status.tolist() == [Status.OUT_OF_DOMAIN]


@SOLVERS
def test_random_effects_out_of_range_have_no_density_and_the_mode_is_within(solver):
    """An SD as large as the typical volume: a third of the volumes that the model draws would be negative."""
    problem = problem_of(table(dv=(30.0, 8.0)), solver, sd=30.0, additive=1.0)
    parameters = parameters_of(problem.model)
    outside = problem.predictions(parameters, np.array([[0.0, -25.0], [0.0, -15.0]]))
    assert outside.status.tolist() == [Status.OUT_OF_DOMAIN, Status.OK]
    found = problem.foce(parameters, globally=True)
    assert np.all(found.marginal.status == Status.OK)
    assert np.all(parameters["tvV"] + found.marginal.eta[:, 1] > 0)


def test_foce_looks_at_eta_zero_too():
    problem = problem_of(table(), Solver())
    found = problem.foce(parameters_of(problem.model).with_values({"tvV": -5.0}), interaction=False)
    assert found.marginal.status.tolist() == [Status.OUT_OF_DOMAIN] * 2


def test_rates_of_growth_may_be_negative():
    source = """from popmix import *

class Grown(Model):
    r = Theta(0.1)
    size0 = Theta(2.0)
    curve = LogisticCurve(size0=size0, rate=r, capacity=10)
    DV = Observation(curve.size, additive=1)
"""
    problem = bind(read(source), pl.DataFrame({"ID": [1, 1], "TIME": [0.0, 2.0], "DV": [2.0, 2.5]}))
    parameters = parameters_of(problem.model)
    assert problem.predictions(parameters.with_values({"r": -0.3})).status.tolist() == [Status.OK]
    assert problem.predictions(parameters.with_values({"size0": -1.0})).status.tolist() == [Status.OUT_OF_DOMAIN]


def test_bioavailability_can_not_be_negative():
    source = """from popmix import *

class Taken(Model):
    f = Theta(0.5)
    pk = OneCompartment(cl=2, v=20, ka=1, f=f)
    DV = Observation(pk.concentration, additive=1)
"""
    problem = bind(read(source), table().drop("X"))
    parameters = parameters_of(problem.model)
    assert problem.predictions(parameters.with_values({"f": 0.0})).status.tolist() == [Status.OK] * 2
    assert problem.predictions(parameters.with_values({"f": -0.5})).status.tolist() == [Status.OUT_OF_DOMAIN] * 2
