"""The gate for doses: what the data and the model say about infusions must agree, and what can't be done is refused by name."""

import numpy as np
import polars as pl
import pytest

from popmix import *
from popmix.data import EventTable
from popmix.engine.events import Form, Kind
from popmix.errors import DataError
from popmix.likelihood import Problem, bind
from popmix.likelihood.bind import expectation_of
from popmix.likelihood.timeline import doses_of, timeline_events
from popmix.model.parameters import parameters_of


class Plain(Model):
    """Nothing modelled."""

    pk = OneCompartment(cl=1, v=10, ka=1)
    DV = Observation(pk.concentration, additive=1)


class Lasting(Model):
    """Doses into the depot last as the structure says, those into the central compartment at a modelled rate."""

    pk = OneCompartment(cl=1, v=10, ka=1, f=0.5, duration=4)
    central = Dose(pk.central, rate=20)
    DV = Observation(pk.concentration, additive=1)


class Zero(Model):
    """Zero-order absorption into the only compartment."""

    pk = OneCompartment(cl=1, v=10, f=0.5, duration=4)
    DV = Observation(pk.concentration, additive=1)


class Wide(Model):
    """Two compartments, nothing modelled."""

    pk = TwoCompartments(cl=1, v1=10, q=1, v2=20)
    DV = Observation(pk.concentration, additive=1)


def table_of(*records: dict, **columns) -> pl.DataFrame:
    """Return one subject with these records, observed at 1, 5 and 20; `columns` are added with one value everywhere."""
    rows = [{"TIME": 0.0, "EVID": 1, "AMT": 100.0} | record for record in records]
    rows += [{"TIME": time, "EVID": 0, "DV": 1.0} for time in (1.0, 5.0, 20.0)]
    names = dict.fromkeys(name for row in rows for name in row)
    rows = sorted(({name: row.get(name) for name in names} | {"ID": 1} | columns for row in rows), key=lambda row: row["TIME"])
    return pl.DataFrame(rows, infer_schema_length=None)


def predicted(model: Model, data: pl.DataFrame) -> np.ndarray:
    return bind(model, data).predictions(parameters_of(model)).f


def forms(problem: Problem) -> list[Form]:
    timeline = problem.timeline
    return [Form(form) for kind, form in zip(timeline.kind, timeline.form, strict=True) if kind == Kind.START]


def refusal(model: Model, data: pl.DataFrame) -> str:
    with pytest.raises(DataError) as caught:
        bind(model, data)
    return str(caught.value)


def infused(rate: float, duration: float) -> np.ndarray:
    """Return concentrations at 1, 5 and 20 of an infusion into one compartment with k = 0.1."""
    t = np.array([1.0, 5.0, 20.0])
    return rate * (1 - np.exp(-0.1 * np.minimum(t, duration))) * np.exp(-0.1 * np.maximum(t - duration, 0.0))


def test_without_a_column_doses_last_as_modelled():
    problem = bind(Zero, table_of({}))
    assert forms(problem) == [Form.DURATION_MODELLED]
    assert predicted(Zero, table_of({})) == pytest.approx(infused(0.5 * 100 / 4, 4.0), rel=1e-12)


@pytest.mark.parametrize("empty", ["RATE", "DUR"])
def test_an_empty_column_says_nothing(empty):
    data = table_of({}).with_columns(pl.lit(None, dtype=pl.Float64).alias(empty))
    assert forms(bind(Zero, data)) == [Form.DURATION_MODELLED]


def test_a_code_says_which_doses_last_as_modelled():
    data = table_of({"RATE": -2.0}, {"TIME": 2.0, "RATE": 0.0}, {"TIME": 3.0, "RATE": 50.0})
    assert forms(bind(Zero, data)) == [Form.DURATION_MODELLED, Form.RATE_GIVEN]


def test_each_route_has_its_own():
    data = table_of({"CMT": 1, "RATE": -2.0}, {"CMT": 2, "RATE": -1.0})
    assert sorted(forms(bind(Lasting, data))) == [Form.RATE_MODELLED, Form.DURATION_MODELLED]
    assert expectation_of(Lasting).durations == {"depot"} and expectation_of(Lasting).rates == {"central"}
    assert sorted(forms(bind(Lasting, table_of({"CMT": 1}, {"CMT": 2})))) == [Form.RATE_MODELLED, Form.DURATION_MODELLED]


def test_a_given_rate_keeps_the_rate_and_a_given_duration_the_duration():
    """F = 0.5 halves the duration of the one and the rate of the other."""
    modelled = {"RATE": -2.0, "TIME": 19.9}
    by_rate = predicted(Zero, table_of({"RATE": 20.0}, modelled))
    by_duration = predicted(Zero, table_of({"RATE": 0.0, "DUR": 5.0}, modelled))
    assert by_rate[:2] == pytest.approx(infused(20.0, 2.5)[:2], rel=1e-12)
    assert by_duration[:2] == pytest.approx(infused(10.0, 5.0)[:2], rel=1e-12)


@pytest.mark.parametrize(
    ("model", "record", "word"),
    [(Zero, {"RATE": 0.0}, "duration"), (Zero, {"DUR": 3.0}, "duration"), (Lasting, {"CMT": 1, "RATE": -2.0}, "rate")],
)
def test_what_no_dose_uses_is_refused(model, record, word):
    said = refusal(model, table_of(record))
    assert f"The model gives a {word} of infusions" in said and f"Write RATE={-1 if word == 'rate' else -2}" in said


def test_a_code_without_a_model_is_refused():
    assert "gives no Dose(depot, duration=...)" in refusal(Plain, table_of({"RATE": -2.0}))
    assert "gives no Dose(depot, rate=...)" in refusal(Plain, table_of({"RATE": -1.0}))


def test_a_steady_state_needs_an_interval():
    assert "SS=1 but II is 0 or empty" in refusal(Plain, table_of({"SS": 1}))


def test_switching_off_needs_a_compartment_that_can_be_cut_out():
    off = {"TIME": 3.0, "EVID": 2, "AMT": None}
    assert "Row 4: central can't be switched off" in refusal(Plain, table_of({"CMT": 1}, off | {"CMT": -2}))
    assert "no compartment of this model can" in refusal(Wide, table_of({"CMT": 1}, off | {"CMT": -1}))
    assert "no such compartment" in refusal(Plain, table_of({"CMT": 1}, off | {"CMT": -3}))
    assert "who has infusions into it" in refusal(Plain, table_of({"CMT": 1, "RATE": 50.0}, off | {"CMT": -1}))
    named = predicted(Plain, table_of({"CMT": "depot"}, off | {"CMT": "-depot"}))
    assert named == pytest.approx(predicted(Plain, table_of({"CMT": 1}, off | {"CMT": -1})))


def test_the_only_compartment_is_emptied():
    class One(Model):
        pk = OneCompartment(cl=1, v=10)
        DV = Observation(pk.concentration, additive=1)

    data = table_of({"CMT": 1}, {"TIME": 3.0, "EVID": 2, "AMT": None, "CMT": -1}, {"TIME": 8.0, "CMT": 1})
    assert predicted(One, data) == pytest.approx([10 * np.exp(-0.1), 0.0, 10 * np.exp(-1.2)])


def test_switching_on_what_is_on_changes_nothing():
    on = {"TIME": 3.0, "EVID": 2, "AMT": None, "CMT": 1}
    assert predicted(Plain, table_of({"CMT": 1}, on)) == pytest.approx(predicted(Plain, table_of({"CMT": 1})), rel=1e-13)


@pytest.mark.parametrize("rule", ["locf", "nocb", "linear"])
def test_a_steady_state_has_the_covariates_of_its_record(rule):
    class Weighted(Model):
        WT = Covariate(interpolation=rule)
        pk = TwoCompartments(cl=WT, v1=10, q=1, v2=20)
        DV = Observation(pk.concentration, additive=1)

    first, steady = {"WT": 1.0}, {"TIME": 0.5, "SS": 1, "II": 6.0, "WT": 2.5}
    varying = table_of(first, steady).with_columns(pl.col("WT").fill_null(2.5))
    # an observation at the record shows the state before any covariate of a later interval counts
    seen = {"TIME": 0.5, "EVID": 0, "AMT": None, "DV": 1.0, "WT": 2.5}
    found = predicted(Weighted, table_of(first, steady, seen).with_columns(pl.col("WT").fill_null(2.5)))
    expected = predicted(Weighted, table_of(steady, seen, WT=2.5))
    assert found == pytest.approx(expected, rel=1e-12)
    assert len(predicted(Weighted, varying)) == 3


def test_compartments_are_numbered_as_the_engine_does():
    problem = bind(Plain, table_of({"CMT": 1}, {"CMT": 2}, {"CMT": 2, "EVID": 5, "TIME": 2.0}))
    table: EventTable = problem.data
    expectation = expectation_of(Plain)
    swapped = {"depot": 7, "central": 4}
    doses = doses_of(table, expectation, swapped)
    events = timeline_events(table, doses, swapped, expectation)
    assert doses.compartment.tolist() == [7, 4]
    assert events.compartment[np.isin(events.kind, (Kind.BOLUS, Kind.REPLACE))].tolist() == [7, 4, 4]


def test_ordinary_populations_take_the_fast_path():
    """Nothing moves, no rate changes with parameters, no infusion outlives a steady state."""
    for record in ({}, {"RATE": 20.0}, {"SS": 1, "II": 4.0}, {"EVID": 5}, {"EVID": 6}):
        timeline = bind(Plain, table_of(record)).timeline
        assert not timeline.moving and not timeline.modelled and timeline.n_trains == 0
    assert bind(Plain, table_of({"SS": 1, "II": 4.0, "RATE": 20.0})).timeline.n_trains == 1
