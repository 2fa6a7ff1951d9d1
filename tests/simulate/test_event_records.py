"""Simulated data sets of events: records that the likelihood reads as what was simulated."""

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.estimate.objective import natural_scores
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of


class Exposed(Model):
    """A hazard that follows concentrations and a covariate, from a frailty."""

    WT = Covariate()
    DRUG = Covariate()
    tvCL = Theta(1.0, lower=0)
    base = Theta(0.08, lower=0)
    slope = Theta(0.06)
    effect = Theta(0.5)
    CL = LogNormal(tvCL, iiv=0.3)
    u = Eta(sd=0.4)
    pk = OneCompartment(cl=CL * WT / 70, v=10)
    CONC = Observation(pk.concentration, proportional=0.2)
    EVENT = Observation(TimeToEvent((base + slope * pk.concentration) * exp(u + effect * DRUG)))


class Plain(Model):
    rate = Theta(0.3, lower=0)
    EVENT = Observation(TimeToEvent(rate))


class Visits(Model):
    rate = Theta(0.3, lower=0)
    EVENT = Observation(TimeToEvent(rate, interval=True))


def exposed(n):
    """Doses at 0 and 8 h, two concentrations, a weight that changes at 8 h, and a record at the end of follow-up; half of them treated."""
    one = {"TIME": [0, 2, 8, 12, 24], "AMT": [100, 0, 60, 0, 0], "EVID": [1, 0, 1, 0, 0], "DV": [None, 5.0, None, 5.0, 0]}
    one |= {"DVID": [None, "CONC", None, "CONC", "EVENT"], "WT": [70, 70, 90, 90, 90]}
    rows = {name: values * n for name, values in one.items()}
    return rows | {"ID": np.repeat(np.arange(n), 5).tolist(), "DRUG": np.repeat(np.arange(n) % 2, 5).tolist()}


@pytest.mark.parametrize("goes_on", [True, False])
def test_scores_of_simulated_events_are_zero_on_average(goes_on):
    """At the values behind the data the gradient of a subject's log likelihood has mean zero, whatever the hazard; within four errors."""
    data = popmix.simulate(Exposed, exposed(400), seed=4, goes_on=goes_on).drop("REP")
    problem, parameters = bind(Exposed, data), parameters_of(Exposed)
    scores = natural_scores(problem, popmix.AGQ(order=5).evaluate(problem, parameters, None))
    z = scores.mean(axis=0) / (scores.std(axis=0) / np.sqrt(len(scores)))
    free = [k for k, name in enumerate(parameters.names) if not parameters.fixed[k]]
    assert len(free) == 7 and np.all(np.abs(z[free]) < 4)
    # and it would see a wrong one: events at half of their time
    events = data["DVID"].to_numpy() == "EVENT"
    wrong = data.with_columns(TIME=np.where(events & (data["DV"].to_numpy() == 1), 0.5, 1.0) * data["TIME"].to_numpy()).sort("ID", "TIME")
    other = natural_scores(bind(Exposed, wrong), popmix.AGQ(order=5).evaluate(bind(Exposed, wrong), parameters, None))
    assert np.max(np.abs(other.mean(axis=0) / (other.std(axis=0) / np.sqrt(len(other))))[free]) > 6


def test_records_of_the_data_keep_their_order_and_their_doses():
    data = popmix.simulate(Exposed, exposed(20), 2, seed=3, goes_on=True)
    assert data["REP"].is_sorted()
    for (_, _), own in data.group_by("REP", "ID", maintain_order=True):
        assert own["TIME"].is_sorted() and own.filter(own["EVID"] == 1)["AMT"].to_list() == [100, 60]
        events = own.filter(own["DVID"] == "EVENT")
        assert events["TIME"][-1] == 24 and events["DV"].to_list() == [1.0] * (len(events) - 1) + [0.0]
        assert own.filter(own["TIME"] > 8)["WT"].unique().to_list() == [90]
    assert not np.any(np.isnan(data.filter(data["DVID"] == "CONC")["DV"].to_numpy()))


def test_the_seed_decides_and_more_sets_change_no_number():
    one, more = (popmix.simulate(Exposed, exposed(10), n, seed=8, goes_on=True) for n in (1, 4))
    assert one.equals(more.filter(more["REP"] == 1))


def test_a_first_event_ends_the_follow_up():
    """With a single record per subject: an event at its time, or no event by the end of the study."""
    rows = {"ID": list(range(2000)), "TIME": [4.0, 9.0] * 1000, "DV": [1, 0] * 1000}
    data = popmix.simulate(Plain, rows, seed=2).to_pandas()
    assert len(data) == 2000
    assert set(data.loc[data["DV"] == 0, "TIME"]) == {9.0} and data.loc[data["DV"] == 1, "TIME"].max() < 9
    expected = 1 - np.exp(-0.3 * 9)
    assert abs(data["DV"].mean() - expected) < 5 * np.sqrt(expected * (1 - expected) / 2000)


def test_repeated_events_are_poisson_until_the_end_of_each_subject():
    """Who was seen to be without an event at its last record is followed until then, the others until the end of the study."""
    rows = {"ID": [1, 1, 2, 2, 3], "TIME": [2.0, 4.0, 3.0, 8.0, 10.0], "DV": [1, 0, 1, 1, 0]}
    data = popmix.simulate(Plain, rows, 3000, seed=2).to_pandas()
    counts = data.groupby(["REP", "ID"])["DV"].sum().unstack()
    for who, end in (("1", 4.0), ("2", 10.0), ("3", 10.0)):
        own = counts[who]
        assert abs(own.mean() - 0.3 * end) < 5 * np.sqrt(0.3 * end / 3000)
        assert abs(own.var() - 0.3 * end) < 5 * 0.3 * end * np.sqrt(2 / 3000) + 5 * np.sqrt(0.3 * end / 3000)
        assert set(data.loc[data["ID"] == who].groupby("REP")["TIME"].max()) == {end}


def test_records_of_intervals_stay_where_they_are():
    """A record tells of an event with probability 1 - exp(-rate step), independently of the others where subjects go on."""
    rows = {"ID": np.repeat(np.arange(500), 3).tolist(), "TIME": [1.0, 3.0, 6.0] * 500, "DV": [0, 1, 1] + [0, 0, 1] * 499}
    on = popmix.simulate(Visits, rows, seed=5).to_pandas()
    assert on["TIME"].tolist() == rows["TIME"]
    expected = -np.expm1(-0.3 * np.array([1.0, 2.0, 3.0]))
    seen = on["DV"].to_numpy().reshape(500, 3)
    assert np.all(np.abs(seen.mean(axis=0) - expected) < 5 * np.sqrt(expected * (1 - expected) / 500))
    assert np.max(np.abs(np.corrcoef(seen.T) - np.eye(3))) < 5 / np.sqrt(500)
    off = popmix.simulate(Visits, rows, seed=5, goes_on=False).to_pandas()
    for who, own in off.groupby("ID"):
        values = own["DV"].tolist()
        assert 1.0 not in values[:-1] and (values[-1] == 1 or len(values) == 3)
        before = on.loc[on["ID"] == who, "DV"].tolist()
        assert values == before[: len(values)]


def test_two_events_are_drawn_apart():
    class Competing(Model):
        rate = Theta(0.2, lower=0)
        RELAPSE = Observation(TimeToEvent(rate))
        DEATH = Observation(TimeToEvent(rate))

    rows = {"ID": np.repeat(np.arange(1000), 2).tolist(), "TIME": [5.0] * 2000, "DV": [0] * 2000, "DVID": ["RELAPSE", "DEATH"] * 1000}
    data = popmix.simulate(Competing, rows, goes_on=False, seed=1).to_pandas().pivot_table(index="ID", columns="DVID", values="DV")
    assert len(data) == 1000 and abs(np.corrcoef(data["RELAPSE"], data["DEATH"])[0, 1]) < 5 / np.sqrt(1000)
    expected = 1 - np.exp(-1.0)
    assert np.all(np.abs(data.mean() - expected) < 5 * np.sqrt(expected * (1 - expected) / 1000))


def test_a_covariate_before_the_first_record_is_that_of_the_first():
    """A subject whose only record stands at 10 h is at risk from 0 with the covariates of that record, as in the likelihood."""

    class Treated(Model):
        DRUG = Covariate()
        rate = Theta(0.1, lower=0)
        EVENT = Observation(TimeToEvent(rate * exp(2 * DRUG)))

    rows = {"ID": [1, 1], "TIME": [10.0, 20.0], "DV": [0, 0], "DRUG": [1.0, 0.0]}
    none = popmix.evaluate(Treated, rows).ofv
    data = popmix.simulate(Treated, rows, 4000, goes_on=False, seed=3).to_pandas()
    share = 1 - data.groupby("REP")["DV"].max().mean()
    expected = np.exp(-none / 2)
    assert abs(share - expected) < 5 * np.sqrt(expected / 4000)


def test_risk_begins_at_time_0_in_simulated_data_where_it_did_in_the_data():
    """The first record is an event's, and a concentration follows it: without that record risk would begin with the concentration."""

    class Both(Model):
        rate, level = Theta(0.1, lower=0), Theta(5.0)
        CONC = Observation(level + 0 * T, additive=1.0)
        EVENT = Observation(TimeToEvent(rate))

    n = 400
    one = {"TIME": [5.0, 8.0, 20.0], "DV": [1, 5.0, 0], "DVID": ["EVENT", "CONC", "EVENT"]}
    data = popmix.simulate(Both, {name: values * n for name, values in one.items()} | {"ID": np.repeat(np.arange(n), 3).tolist()}, seed=3)
    first = data.group_by("ID", maintain_order=True).first()
    assert set(first["DVID"]) == {"EVENT"} and 0 < (first["DV"] == 0).sum() < n
    problem, parameters = bind(Both, data.drop("REP")), parameters_of(Both)
    scores = natural_scores(problem, popmix.Laplace().evaluate(problem, parameters, None))
    rate = scores[:, parameters.names.index("rate")]
    assert abs(rate.mean()) < 4 * rate.std() / np.sqrt(n)


def test_what_data_leave_open_has_to_be_said():
    rows = {"ID": [1, 2], "TIME": [5.0, 5.0], "DV": [0, 0]}
    with pytest.raises(popmix.OptionError, match="EVENT happens to nobody in the data"):
        popmix.simulate(Plain, rows)
    assert len(popmix.simulate(Plain, rows, goes_on=False)) == 2


def test_resets_and_endless_events_are_refused():
    with pytest.raises(popmix.SupportError, match="row 3 has EVID 3"):
        popmix.simulate(Plain, {"ID": [1, 1, 1], "TIME": [5.0, 0.0, 5.0], "DV": [0, None, 1], "EVID": [0, 3, 0]})
    with pytest.raises(popmix.SupportError, match="more than 4096 events"):
        popmix.simulate(Plain, {"ID": [1], "TIME": [5.0], "DV": [0]}, goes_on=True, at={"rate": 3000.0})
