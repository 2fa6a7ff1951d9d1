"""Doses that arrive after the last record: all of them are an error, some of them a warning with subject, dose and time."""

import numpy as np
import pandas as pd
import pytest

import popmix
from popmix import *
from popmix.errors import FitError
from popmix.estimate.late import late_doses
from popmix.likelihood import Solver, bind
from popmix.model.parameters import parameters_of


class Lagged(Model):
    """One compartment; the lag grows with weight."""

    WT = Covariate(unit="kg")
    tvLag = Theta(0.5, lower=0)
    tvCL = Theta(2.0, lower=0)
    Lag = LogNormal(tvLag * WT / 70, iiv=0.01)
    CL = LogNormal(tvCL, iiv=0.1)
    pk = OneCompartment(cl=CL, v=20.0, lag=Lag)
    DV = Observation(pk.concentration, additive=0.3)


SOLVERS = pytest.mark.parametrize("solver", [Solver(), Solver("nonstiff")])


def records(doses=(0.0,), samples=(1.0, 2.0, 6.0), **columns) -> pd.DataFrame:
    """Three subjects, of whom the third has twice the weight, and the lag."""
    rows = []
    for subject, weight in (("A", 70.0), ("B", 70.0), ("C", 140.0)):
        for time in doses:
            rows.append({"ID": subject, "TIME": time, "AMT": 100.0, "EVID": 1, "DV": np.nan, "WT": weight} | columns)
        for time in samples:
            dv = 5 * np.exp(-0.1 * time) + 0.1 * np.sin(weight + 7 * time)
            rows.append({"ID": subject, "TIME": time, "AMT": 0.0, "EVID": 0, "DV": dv, "WT": weight} | dict.fromkeys(columns, 0))
    return pd.DataFrame(rows).sort_values(["ID", "TIME"], kind="stable", ignore_index=True)


def told(found: popmix.Fit) -> list[str]:
    return [message for message in found.messages if "after the last record" in message]


@SOLVERS
@pytest.mark.parametrize("method", [popmix.fit, popmix.evaluate])
def test_no_dose_within_the_records_is_an_error(solver, method):
    start = {"start" if method is popmix.fit else "at": {"tvLag": 6.5}}
    with pytest.raises(FitError) as caught:
        method(Lagged, records(), solver=solver, **start)
    assert "subject A: dose at time 0 arrives at 6.5, records end at 6" in str(caught.value)
    assert "subject C: dose at time 0 arrives at 13, records end at 6" in str(caught.value)
    assert "3 doses of 3 subjects" in str(caught.value) and "smaller lag" in str(caught.value)


@SOLVERS
def test_the_doses_that_arrive_too_late_are_named(solver):
    found = popmix.evaluate(Lagged, records(), at={"tvLag": 4.0}, solver=solver)
    who = "subject C: dose at time 0 arrives at 8, records end at 6"
    assert told(found) == [f"1 dose of 1 subject arrives after the last record, by a lag: no effect ({who})."]
    # it has no effect: its subject is predicted to have nothing
    predicted = found.predictions_table
    assert np.all(predicted["IPRED"][predicted["ID"] == "C"] == 0) and np.any(predicted["IPRED"][predicted["ID"] == "A"] > 0)


def test_a_fit_tells_it_too():
    assert len(told(popmix.fit(Lagged, records(doses=(0.0, 5.8))))) == 1


def test_many_doses_are_counted_and_three_are_named():
    (sentence,) = told(popmix.evaluate(Lagged, records(doses=(0.0, 5.7, 5.8))))
    assert sentence.startswith("6 doses of 3 subjects arrive after") and sentence.endswith("; ...).")
    assert sentence.count("records end at 6") == 3


@pytest.mark.parametrize(
    ("data", "n_late"),
    [
        (records(), 0),
        (records(doses=(0.0, 6.0)), 0),  # given at the last record: nothing is expected of it
        (records(doses=(0.0,), II=2.9, ADDL=2), 3),  # the additional dose at 5.8
        (records(doses=(0.0, 5.8), RATE=50.0), 3),  # infusions
        (records(doses=(0.0, 5.8), II=12.0, SS=1), 3),  # their own dose, not the steady state
    ],
)
def test_what_counts_as_late(data, n_late):
    problem = bind(Lagged, data)
    late = late_doses(problem, parameters_of(Lagged))
    assert len(late.events) == n_late and not late.everything
    assert np.all(late.arrival > late.end)


def test_a_steady_state_is_an_effect():
    found = popmix.evaluate(Lagged, records(II=24.0, SS=1), at={"tvLag": 6.5})
    assert len(told(found)) == 1 and np.all(found.predictions_table["IPRED"] > 0)


def test_a_reset_ends_the_records_of_a_dose():
    data = records(doses=(0.0, 5.8), samples=(1.0, 2.0, 6.0, 8.0))
    data.loc[data["TIME"] == 6.0, "EVID"] = 3
    data.loc[data["TIME"] == 6.0, "DV"] = np.nan
    problem = bind(Lagged, data)
    late = late_doses(problem, parameters_of(Lagged))
    # the records of the first segment end at 5.8, with the dose that the reset cancels
    assert len(late.events) == 0
    early = bind(Lagged, data.assign(TIME=data["TIME"].where(data["TIME"] != 5.8, 1.8)).sort_values(["ID", "TIME"]))
    late = late_doses(early, parameters_of(Lagged).with_values({"tvLag": 1.0}))
    assert late.end.tolist() == [2.0, 2.0, 2.0] and late.arrival.tolist() == [2.8, 2.8, 3.8]


def test_subjects_without_weight_and_models_without_lags_have_none():
    found = popmix.evaluate(Lagged, records(), at={"tvLag": 4.0}, weights=np.array([1.0, 1.0, 0.0]))
    assert not told(found)

    class Prompt(Model):
        """No lag."""

        tvCL = Theta(2.0, lower=0)
        CL = LogNormal(tvCL, iiv=0.1)
        pk = OneCompartment(cl=CL, v=20.0)
        DV = Observation(pk.concentration, additive=0.3)

    problem = bind(Prompt, records())
    assert late_doses(problem, parameters_of(Prompt)).sentence == ""
    assert np.array_equal(problem.arrivals(parameters_of(Prompt)), problem.timeline.time)


def test_predictions_that_do_not_exist_are_told():
    class Root(Model):
        """No prediction at eta = 0 with a = 1: the logarithm of zero."""

        a = Theta(1.0, lower=0)
        A = Normal(a, iiv=0.5)
        DV = Observation(log((A - 1) ** 2), additive=1.0)

    data = pd.DataFrame({"ID": [1, 1, 2, 2], "TIME": [0.0, 1.0, 0.0, 1.0], "DV": [-1.0, -1.2, -2.0, -2.2]})
    found = popmix.evaluate(Root, data)
    assert not np.any(np.isfinite(found.predictions_table["PRED"])) and np.all(np.isfinite(found.predictions_table["IPRED"]))
    assert any(message.startswith("no PRED, RES and WRES of subjects 1, 2: with all etas zero") for message in found.messages)
