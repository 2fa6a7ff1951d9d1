"""The mean cumulative number of events: by its definition, and as a predictive check."""

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.diagnose.vpc import CumulativeVPC, SurvivalVPC, mean_cumulative
from popmix.diagnose.vpc.cumulative import cumulative_at


class Attacks(Model):
    rate = Theta(0.3, lower=0)
    u = Eta(sd=0.5)
    ATTACK = Observation(TimeToEvent(rate * exp(u)))


def followed(n=40, seed=1):
    """Events of subjects followed from different times to different ends."""
    random = np.random.default_rng(seed)
    begins, ends = random.uniform(0, 2, n), random.uniform(3, 10, n)
    pairs = [(k, t) for k in range(n) for t in np.sort(random.uniform(begins[k], ends[k], random.poisson(2)))]
    subject, time = map(np.array, zip(*pairs, strict=True))
    return subject, time, begins, ends


def test_it_is_the_sum_of_events_over_those_at_risk():
    subject, time, begins, ends = followed()
    table = mean_cumulative(subject, time, begins, ends)
    for k, t in enumerate(table["TIME"].tolist()):
        at_risk = {one: np.sum((begins < one) & (one <= ends)) for one in time[time <= t].tolist()}
        assert table["CUMULATIVE"][k] == pytest.approx(sum(1 / count for count in at_risk.values()), rel=1e-12, abs=1e-15)
    grid = np.linspace(0, 11, 50)
    place = np.searchsorted(table["TIME"], grid, side="right") - 1
    expected = np.where(place < 0, 0.0, table["CUMULATIVE"][np.maximum(place, 0)])
    assert np.allclose(cumulative_at(grid, time, begins, ends), expected, rtol=1e-12, atol=1e-15)


def test_its_variance_is_that_of_the_definition():
    """With each subject's deviation summed over the times of all events."""
    subject, time, begins, ends = followed(seed=2)
    table = mean_cumulative(subject, time, begins, ends, level=0.9)
    for k in np.flatnonzero(table["CUMULATIVE"] > 0).tolist()[::7]:
        t, total = table["TIME"][k], 0.0
        for one in range(len(ends)):
            deviation = 0.0
            for at in np.unique(time[time <= t]).tolist():
                own = np.sum((subject == one) & (time == at))
                at_risk, events = np.sum((begins < at) & (at <= ends)), np.sum(time == at)
                deviation += (begins[one] < at <= ends[one]) * (own - events / at_risk) / at_risk
            total += deviation**2
        reach = np.exp(1.6448536269514722 * np.sqrt(total) / table["CUMULATIVE"][k])
        assert table["HIGH"][k] == pytest.approx(table["CUMULATIVE"][k] * reach, rel=1e-12)
        assert table["LOW"][k] == pytest.approx(table["CUMULATIVE"][k] / reach, rel=1e-12)


def test_of_subjects_followed_alike_it_is_the_mean_of_their_numbers():
    subject, time = np.array([0, 0, 0, 1, 3]), np.array([1.0, 2.0, 3.0, 2.0, 8.0])
    table = mean_cumulative(subject, time, np.zeros(4), np.full(4, 10.0))
    assert table["TIME"].tolist() == [0, 1, 2, 3, 8, 10] and np.allclose(table["CUMULATIVE"], [0, 0.25, 0.75, 1.0, 1.25, 1.25])
    spread = np.log(table["HIGH"][-1] / table["CUMULATIVE"][-1]) * table["CUMULATIVE"][-1] / 1.959963984540054
    assert spread == pytest.approx(np.std([3, 1, 0, 1]) / 2)
    assert table["CENSORED"].tolist() == [0, 0, 0, 0, 0, 4]


def test_it_is_the_cumulated_hazard_of_survfit_with_its_robust_error():
    """R 4.2.2, survival 3.5-3: survfit(Surv(start, stop, event) ~ 1, id = id), cumhaz and std.chaz. Data by a formula."""
    pairs, ends = [], 5.0 + 2 * np.arange(1, 13)
    for k in range(1, 13):
        pairs += [(k - 1, t) for t in np.arange(1.5 + (7 * k) % 5, ends[k - 1], 4 + k % 3)]
    subject, time = map(np.array, zip(*pairs, strict=True))
    table = mean_cumulative(subject, time, np.zeros(12), ends)
    rows = np.searchsorted(table["TIME"], [2, 4, 8, 14, 20, 28], side="right") - 1
    total = table["CUMULATIVE"][rows]
    error = np.log(table["HIGH"][rows] / total) * total / 1.959963984540054
    assert total == pytest.approx(
        [0.1666666666667, 0.5833333333333, 1.348484848485, 2.613636363636, 3.619588744589, 5.269588744589], rel=1e-11
    )
    assert error == pytest.approx(
        [0.107582870728, 0.1423187606383, 0.1399574886064, 0.1864114336565, 0.2066449882501, 0.4829366049954], rel=1e-11
    )


@pytest.fixture(scope="module")
def attacks():
    ends = np.where(np.arange(120) % 3, 12.0, 7.0).tolist()
    rows = {"ID": list(range(120)), "TIME": ends, "DV": [0] * 120}
    return popmix.simulate(Attacks, rows, seed=6, goes_on=True).drop("REP")


def test_a_check_of_the_true_model_covers_and_of_a_wrong_one_does_not(attacks):
    found = popmix.vpc(popmix.evaluate(Attacks, attacks), 300, event=None)
    assert isinstance(found, CumulativeVPC) and found.coverage > 0.8 and "mean number of events" in repr(found)
    # E[exp(u)] = exp(0.5^2 / 2)
    late = found.simulated["TIME"] > 3
    expected = 0.3 * np.exp(0.125) * found.simulated["TIME"][late]
    assert np.all(np.abs(found.simulated["MEDIAN"][late] / expected - 1) < 0.05)
    assert popmix.vpc(popmix.evaluate(Attacks, attacks, at={"rate": 0.5}), 300, event=None).coverage < 0.2
    assert found.picture().to_matplotlib() is not None and found.picture().to_plotly() is not None


def test_a_gallery_has_both_checks_of_repeated_events(attacks):
    names = [one.name for one in popmix.gallery(popmix.evaluate(Attacks, attacks), 50)["Predictive checks"]]
    assert names == ["survival_vpc", "cumulative_vpc"]


def test_the_second_event_of_records_of_intervals_is_another_record():
    """Two events between two records are one that is seen, observed and simulated alike."""

    class Visits(Model):
        rate = Theta(1.5, lower=0)
        EVENT = Observation(TimeToEvent(rate, interval=True))

    rows = {"ID": np.repeat(np.arange(200), 3).tolist(), "TIME": [1.0, 2.0, 3.0] * 200, "DV": [0] * 600}
    fit = popmix.evaluate(Visits, popmix.simulate(Visits, rows, goes_on=True, seed=2).drop("REP"))
    found = popmix.vpc(fit, 200, event=2)
    assert isinstance(found, SurvivalVPC) and found.coverage == 1.0
    chance = -np.expm1(-1.5)
    assert found.simulated["MEDIAN"][-1] == pytest.approx((1 - chance) ** 3 + 3 * chance * (1 - chance) ** 2, abs=0.02)


def test_a_single_event_has_no_numbers_to_compare():
    rows = {"ID": [1, 2, 3], "TIME": [3.0, 5.0, 5.0], "DV": [1, 0, 0]}
    with pytest.raises(popmix.OptionError, match="nobody is followed after an event"):
        popmix.vpc(popmix.evaluate(Attacks, rows), 20, event=None)
