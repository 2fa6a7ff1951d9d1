"""Simulated times of events: exponential in the cumulated hazard, wherever the hazard comes from."""

import numpy as np
import scipy.stats

from popmix import *
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of
from popmix.simulate import replicates
from popmix.simulate.events import event_times


class Weibull(Model):
    scale = Theta(8.0, lower=0)
    shape = Theta(1.6, lower=0)
    u = Eta(sd=0.5)
    EVENT = Observation(TimeToEvent(shape / scale * (T / scale) ** (shape - 1) * exp(u)))


class Exposed(Model):
    tvCL = Theta(1.0, lower=0)
    tvV = Theta(10.0, lower=0)
    base = Theta(0.02, lower=0)
    slope = Theta(0.05, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    pk = OneCompartment(cl=CL, v=tvV)
    EVENT = Observation(TimeToEvent(base + slope * pk.concentration))


def times_of(model, rows, n=3000, most=1):
    problem = bind(model, rows)
    simulated = replicates(problem, parameters_of(model), n, seed=3)
    return problem, simulated, event_times(simulated, next(iter(model.observations)), most, seed=3)


def test_a_subject_with_a_single_record_is_at_risk_from_zero():
    """H(t) = exp(u) (t / scale)^shape, so that H at simulated times is exponential with mean 1."""
    rows = {"ID": [1, 2], "TIME": [5.0, 30.0], "DV": [0, 1]}
    _, simulated, found = times_of(Weibull, rows)
    assert found.followed.until == 30.0 and np.all(found.followed.begins == 0)
    hazard = np.exp(simulated.etas[:, :, 0]) * (found.times[:, :, 0] / 8.0) ** 1.6
    limit = np.exp(simulated.etas[:, :, 0]) * (30.0 / 8.0) ** 1.6
    # conditional on an event before the end; hazards are linear between 100 points, which moves a time by less than a point's width
    uniform = (-np.expm1(-hazard) / -np.expm1(-limit))[np.isfinite(hazard)]
    assert scipy.stats.kstest(uniform, "uniform").pvalue > 1e-3
    share = np.mean(np.isinf(found.times))
    expected = np.mean(np.exp(-limit))
    assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / found.times.size)


def test_the_hazard_follows_the_doses_of_the_subject():
    """The share without an event at the end is the likelihood's own probability of none, averaged over the effects."""
    rows = {"ID": [1, 1, 1, 2, 2], "TIME": [0.0, 6.0, 20.0, 0.0, 20.0], "DV": [None, None, 0, None, 0], "AMT": [100, 50, 0, 0, 0]}
    rows |= {"EVID": [1, 1, 0, 2, 0]}
    _, simulated, found = times_of(Exposed, rows)
    none = simulated.arguments[0]
    share = np.mean(np.isinf(found.times[:, :, 0]), axis=0)
    assert np.all(np.abs(share - none.mean(axis=0)) < 5 * np.sqrt(0.25 / len(none)))
    # a placebo subject has the base hazard alone
    assert none[:, 1].std() < 1e-12 and abs(none[0, 1] - np.exp(-0.02 * 20)) < 1e-9


def test_repeated_events_come_one_after_the_other():
    """With a constant hazard the number of events until t is Poisson."""

    class Repeated(Model):
        rate = Theta(0.3, lower=0)
        EVENT = Observation(TimeToEvent(rate))

    _, _, found = times_of(Repeated, {"ID": [1, 1, 1], "TIME": [2.0, 4.0, 10.0], "DV": [1, 1, 0]}, most=12)
    times = np.where(np.isfinite(found.times[:, 0]), found.times[:, 0], 1e9 * np.arange(1, 13))
    assert np.all(np.diff(times, axis=1) > 0)
    counts = np.sum(np.isfinite(found.times[:, 0]), axis=1)
    assert abs(counts.mean() - 3.0) < 5 * np.sqrt(3.0 / len(counts))
    assert abs(counts.var() - 3.0) < 5 * 3.0 * np.sqrt(2 / len(counts)) + 0.2
