"""Residuals by simulation are standard normal under the model, for every kind of outcome; and the table holds what it should."""

import numpy as np
import pytest
import scipy.stats

import popmix
from popmix import *
from popmix.diagnose.residuals import residuals
from popmix.estimate.binding import bound
from popmix.model.parameters import parameters_of
from popmix.simulate import replicates
from popmix.simulate.events import event_times

SETS = 200


class Oral(Model):
    tvKa = Theta(1.2, lower=0)
    tvCL = Theta(2.0, lower=0)
    tvV = Theta(20.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.2)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V, ka=tvKa)
    DV = Observation(pk.concentration, proportional=0.15)


class Counts(Model):
    a = Theta(0.8)
    u = Eta(sd=0.5)
    DV = Observation(Poisson(exp(a + u + 0.03 * T)))


class Grades(Model):
    a = Theta(0.2)
    u = Eta(sd=1.0)
    DV = Observation(Ordinal(a + u + 0.1 * T, cutpoints=(-0.8, 0.7)))


class States(Model):
    a = Theta(0.6)
    u = Eta(sd=0.6)
    stay = expit(a + u)
    DV = Observation(Markov(initial=(0.6, 0.4), transitions=((stay, 1 - stay), (0.3, 0.7))))


def design(n_subjects, dosed):
    times = [0.0, 1.0, 4.0, 10.0, 20.0] if dosed else [0.0, 2.0, 4.0, 6.0]
    rows = {name: [] for name in ("ID", "TIME", "DV", "AMT", "EVID")}
    for one in range(1, n_subjects + 1):
        for time in times:
            is_dose = dosed and time == 0
            for name, value in zip(rows, (one, time, None if is_dose else 1.0, 100.0 if is_dose else 0.0, int(is_dose)), strict=True):
                rows[name].append(value)
    return rows


def p_values(model, dosed, column="NPDE", sets=SETS, n=1000, n_subjects=25):
    """Return Kolmogorov's p-value of a column for data sets simulated from the model, at its true parameters."""
    rows = design(n_subjects, dosed)
    start = popmix.evaluate(model, rows)
    problem = bound(start)
    made = replicates(problem, parameters_of(model), sets, seed=11)
    seen, found = problem.timeline.observed_row, []
    for k, dv in enumerate(made.dv):
        column_of_dv = np.array(rows["DV"], dtype=float)
        column_of_dv[seen] = dv
        fit = popmix.evaluate(model, rows | {"DV": [None if np.isnan(value) else value for value in column_of_dv]})
        values = residuals(fit, n, seed=100 + k).table[column]
        assert np.all(np.isfinite(values))
        found.append(scipy.stats.kstest(values, "norm").pvalue)
    return np.array(found)


CASES = [(Oral, True), (Grades, False), (Counts, False), (States, False)]
every_case = pytest.mark.parametrize(("model", "dosed"), CASES, ids=[model.name for model, _ in CASES])


@pytest.mark.parametrize(("model", "dosed"), CASES[:2], ids=[model.name for model, _ in CASES[:2]])
def test_npde_are_standard_normal_under_the_model(model, dosed):
    """As the one below, with fewer data sets."""
    assert scipy.stats.kstest(p_values(model, dosed, sets=40), "uniform").pvalue > 1e-3


@pytest.mark.slow
@every_case
def test_npde_of_200_data_sets_are_standard_normal_under_the_model(model, dosed):
    assert scipy.stats.kstest(p_values(model, dosed), "uniform").pvalue > 1e-3


class Events(Model):
    scale = Theta(8.0, lower=0)
    u = Eta(sd=0.6)
    EVENT = Observation(TimeToEvent(1.5 / scale * (T / scale) ** 0.5 * exp(u)))


@pytest.mark.parametrize("sets", [40, pytest.param(SETS, marks=pytest.mark.slow)])
def test_npde_of_events_are_standard_normal_under_the_model(sets):
    """Two events at most for each of 40 subjects, followed for 12 units of time: the second one is judged given the first."""
    n, until = 40, 12.0
    rows = {"ID": list(range(n)), "TIME": [until] * n, "DV": [0] * n}
    made = event_times(replicates(bound(popmix.evaluate(Events, rows)), parameters_of(Events), sets, seed=5), "EVENT", 2, seed=5)
    found = []
    for k, times in enumerate(made.times):
        records = [(one, time, 1) for one in range(n) for time in times[one] if time <= until]
        records += [(one, until, 0) for one in range(n) if not times[one, 1] <= until]
        own = dict(zip(("ID", "TIME", "DV"), map(list, zip(*sorted(records), strict=True)), strict=True))
        found.append(scipy.stats.kstest(residuals(popmix.evaluate(Events, own), 1000, seed=k).table["NPDE"], "norm").pvalue)
    assert scipy.stats.kstest(found, "uniform").pvalue > 1e-3


@pytest.fixture(scope="module")
def theophylline():
    class Theophylline(Model):
        tvKa = Theta(1.5, lower=0)
        tvCL = Theta(0.04, lower=0)
        tvV = Theta(0.5, lower=0)
        Ka = LogNormal(tvKa, iiv=0.6)
        CL = LogNormal(tvCL, iiv=0.3)
        V = LogNormal(tvV, iiv=0.2)
        pk = OneCompartment(cl=CL, v=V, ka=Ka)
        DV = Observation(pk.concentration, additive=0.3, proportional=0.1)

    return popmix.fit(Theophylline, popmix.datasets.path("theophylline"))


def test_the_table_has_the_columns_of_the_field(theophylline):
    found = residuals(theophylline, 200)
    names = ("ID", "TIME", "TAD", "DV", "PRED", "IPRED", "RES", "IRES", "WRES", "IWRES", "CWRES", "EPRED", "EWRES", "NPDE", "NPD")
    assert tuple(found.table)[: len(names)] == names
    assert np.array_equal(found.table["CWRES"], theophylline.predictions_table["CWRES"])
    assert "NPDE: mean" in repr(found)
    plain = residuals(theophylline, 0)
    assert "EWRES" not in plain.table and np.all(np.isnan(plain.table["NPDE"]))


def test_ewres_go_to_cwres_where_the_model_is_linear():
    """For a linear model with additive error E and V are those of FOCE: the Monte-Carlo error of K = 20 000 replicates is left."""

    class Straight(Model):
        a = Theta(2.0)
        b = Theta(0.5)
        u = Eta(sd=0.7)
        v = Eta(sd=0.2)
        DV = Observation(a + u + (b + v) * T, additive=0.4)

    random = np.random.default_rng(1)
    rows = {"ID": np.repeat([1, 2, 3], 4).tolist(), "TIME": [0, 1, 2, 3] * 3, "DV": (2 + random.standard_normal(12)).tolist()}
    found = residuals(popmix.evaluate(Straight, rows), 20_000).table
    assert np.allclose(found["EWRES"], found["CWRES"], atol=0.06) and np.allclose(found["EWRES"], found["WRES"], atol=0.06)


def test_the_seed_decides_and_nothing_else(theophylline):
    one, other = (residuals(theophylline, 100, threads=threads).table["NPDE"] for threads in (1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, residuals(theophylline, 100, seed=2).table["NPDE"])


def test_what_is_censored_has_a_discrepancy_too():
    class Below(Model):
        tvCL = Theta(2.0, lower=0)
        CL = LogNormal(tvCL, iiv=0.3)
        pk = OneCompartment(cl=CL, v=20)
        DV = Observation(pk.concentration, proportional=0.2, lloq=1.0)

    rows = {"ID": [1] * 4, "TIME": [0, 2.0, 20.0, 40.0], "DV": [None, 4.0, 1.1, 0.3], "AMT": [100, 0, 0, 0], "EVID": [1, 0, 0, 0]}
    table = residuals(popmix.evaluate(Below, rows, popmix.Laplace()), 500).table
    assert np.all(np.isfinite(table["NPDE"])) and np.isnan(table["EWRES"][2]) and table["HIGH"][2] == 1.0


def test_a_free_density_has_no_npde_and_the_table_says_so():
    class Free(Model):
        a = Theta(1.0)
        u = Eta(sd=0.3)
        Pain = Observation(LogLikelihood(-((Y - a - u) ** 2)))

    found = residuals(popmix.evaluate(Free, {"ID": [1, 1, 2, 2], "TIME": [0, 1, 0, 1], "DV": [1.0, 1.2, 0.9, 1.1]}, popmix.Laplace()))
    assert "Pain is a LogLikelihood" in found.notes[0] and np.all(np.isnan(found.table["NPDE"]))


def test_wrong_arguments_are_refused(theophylline):
    with pytest.raises(popmix.OptionError, match=r"n must be a whole number of at least 1, not -1"):
        residuals(theophylline, -1)
    with pytest.raises(popmix.OptionError, match=r"decorrelation='none'"):
        residuals(theophylline, decorrelation="none")


def test_observations_without_npde_are_counted_with_the_reason():
    """A normal rate of absorption is negative in many replicates; 20 replicates can't tell the correlations of 30 observations."""

    class Negative(Model):
        ka, cl = Theta(1.0, lower=0), Theta(1.0, lower=0)
        KA = Normal(ka, iiv=1.0)
        pk = OneCompartment(cl=cl, v=10, ka=KA)
        DV = Observation(pk.concentration, proportional=0.2)

    rows = {"ID": [1] * 3, "TIME": [0, 2.0, 5.0], "DV": [None, 4.0, 3.1], "AMT": [100, 0, 0], "EVID": [1, 0, 0]}
    (told,) = residuals(popmix.evaluate(Negative, rows), 500).notes
    # P(ka + eta < 0) = Phi(-1) = 0.16
    count = int(told.split("those of subject 1 in ")[1].split(" of 500")[0])
    assert told.startswith("2 of 2 observations have no NPDE") and abs(count - 79) < 5 * np.sqrt(500 * 0.16 * 0.84)

    class Flat(Model):
        a = Theta(2.0)
        A = Normal(a, iiv=0.5)
        DV = Observation(A + 0 * T, additive=0.3)

    many = popmix.evaluate(Flat, {"ID": [1] * 30 + [2] * 2, "TIME": list(range(32)), "DV": [2.0] * 32})
    (told,) = residuals(many, 20).notes
    assert told.startswith("30 of 32 observations have no NPDE: their subjects have too many")
