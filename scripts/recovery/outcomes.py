"""Worlds of outcomes that are not continuous: yes or no, counts, categories, and events in time."""

import numpy as np
from world import World, expit, longitudinal

from popmix.model import (
    Bernoulli,
    Binomial,
    Categorical,
    Covariate,
    LogLikelihood,
    LogNormal,
    Markov,
    Model,
    NegativeBinomial,
    Normal,
    Observation,
    Ordinal,
    Poisson,
    State,
    T,
    Theta,
    TimeToEvent,
    Y,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
    exp,
    lgamma,
    log,
)
from popmix.model import expit as logistic

TIMES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


def normal_base(rng, truth):
    return rng.normal(0.0, truth["iiv_base"])


class YesNo(Model):
    """Logistic regression on time with a random intercept."""

    intercept = Theta(0.3)
    slope = Theta(-0.2)
    base = Normal(intercept, iiv=1.0)
    DV = Observation(Bernoulli(logistic(base + slope * T)))


class Deaths(Model):
    """Successes out of a number of trials that is a column."""

    N = Covariate()
    intercept = Theta(0.3)
    slope = Theta(-0.2)
    base = Normal(intercept, iiv=0.5)
    DV = Observation(Binomial(n=N, p=logistic(base + slope * T)))


class Counts(Model):
    """Log-linear counts."""

    intercept = Theta(1.0)
    slope = Theta(0.0)
    base = Normal(intercept, iiv=0.4)
    DV = Observation(Poisson(exp(base + slope * T)))


class Overdispersed(Model):
    """Counts with Var = mean + mean^2 / dispersion."""

    intercept = Theta(1.0)
    slope = Theta(0.0)
    dispersion = Theta(1.5, lower=0)
    base = Normal(intercept, iiv=0.4)
    DV = Observation(NegativeBinomial(mean=exp(base + slope * T), dispersion=dispersion))


class ManyZeros(Model):
    """Counts that are zero for another reason too."""

    intercept = Theta(1.0)
    slope = Theta(0.0)
    none = Theta(-0.5)
    base = Normal(intercept, iiv=0.4)
    DV = Observation(ZeroInflatedPoisson(rate=exp(base + slope * T), zero=logistic(none)))


class ManyZerosOverdispersed(Model):
    """Overdispersed counts that are zero for another reason too."""

    intercept = Theta(1.0)
    slope = Theta(0.0)
    dispersion = Theta(2.0, lower=0)
    none = Theta(-0.5)
    base = Normal(intercept, iiv=0.4)
    DV = Observation(ZeroInflatedNegativeBinomial(mean=exp(base + slope * T), dispersion=dispersion, zero=logistic(none)))


class Grades(Model):
    """Cumulative logits of four ordered grades."""

    c1 = Theta(-1.0)
    c2 = Theta(0.5)
    c3 = Theta(1.5)
    slope = Theta(0.2)
    base = Normal(0, iiv=1.0)
    DV = Observation(Ordinal(base + slope * T, cutpoints=(c1, c2, c3)))


class Choices(Model):
    """Three unordered categories."""

    a = Theta(0.2)
    b = Theta(-0.2)
    slope = Theta(0.1)
    base = Normal(a, iiv=0.8)
    one = exp(base + slope * T)
    two = exp(b)
    DV = Observation(Categorical(1 / (1 + one + two), one / (1 + one + two), two / (1 + one + two)))


class Awake(Model):
    """Two states: what follows depends on what was before."""

    stay = Theta(1.0)
    wake = Theta(-0.5)
    base = Normal(wake, iiv=0.7)
    awaken = logistic(base)
    remain = logistic(stay)
    DV = Observation(Markov(initial=(0.5, 0.5), transitions=((1 - awaken, awaken), (1 - remain, remain))))


class Waiting(Model):
    """Weibull waiting times with a frailty, right-censored."""

    TREATED = Covariate()
    scale = Theta(8.0, lower=0)
    shape = Theta(1.2, lower=0)
    effect = Theta(0.0)
    life = LogNormal(scale, iiv=0.4)
    hazard = shape / life * (T / life) ** (shape - 1) * exp(effect * TREATED)
    DV = Observation(TimeToEvent(hazard))


class Seizures(Model):
    """Repeated events with a constant hazard of each subject's own."""

    TREATED = Covariate()
    rate = Theta(0.15, lower=0)
    effect = Theta(0.0)
    base = LogNormal(rate, iiv=0.5)
    DV = Observation(TimeToEvent(base * exp(effect * TREATED)))


class Driven(Model):
    """Repeated events whose hazard a declining exposure drives: integrated with the differential equation."""

    EXPOSURE = Covariate()
    rate = Theta(0.2, lower=0)
    effect = Theta(-0.2)
    loss = Theta(0.2, fixed=True)
    base = LogNormal(rate, iiv=0.5)
    amount = State(init=EXPOSURE)
    amount.dt = -loss * amount
    DV = Observation(TimeToEvent(base * exp(effect * amount)))


class Visits(Model):
    """Events of which is known only whether any happened between two visits."""

    rate = Theta(0.15, lower=0)
    slope = Theta(0.03)
    base = LogNormal(rate, iiv=0.4)
    DV = Observation(TimeToEvent(base * exp(slope * T), interval=True))


class Durations(Model):
    """A density written out: gamma-distributed durations with their own mean."""

    mean = Theta(2.0, lower=0)
    shape = Theta(2.0, lower=0)
    own = LogNormal(mean, iiv=0.3)
    DV = Observation(LogLikelihood(shape * log(shape * Y / own) - log(Y) - shape * Y / own - lgamma(shape)))


def _yes(rng, own, truth, time, about):
    return rng.random() < expit(truth["intercept"] + own + truth["slope"] * time)


def _deaths(rng, own, truth, time, about):
    return rng.binomial(about["N"], expit(truth["intercept"] + own + truth["slope"] * time))


def _mean(own, truth, time):
    return np.exp(truth["intercept"] + own + truth["slope"] * time)


def _count(rng, own, truth, time, about):
    return rng.poisson(_mean(own, truth, time))


def _overdispersed(rng, own, truth, time, about):
    k = truth["dispersion"]
    return rng.poisson(_mean(own, truth, time) * rng.gamma(k, 1.0 / k))


def _inflated(draw):
    return lambda rng, own, truth, time, about: 0 if rng.random() < expit(truth["none"]) else draw(rng, own, truth, time, about)


def _grade(rng, own, truth, time, about):
    latent = own + truth["slope"] * time + rng.logistic()
    return sum(latent > truth[name] for name in ("c1", "c2", "c3"))


def _choice(rng, own, truth, time, about):
    weights = np.array([1.0, np.exp(truth["a"] + own + truth["slope"] * time), np.exp(truth["b"])])
    return rng.choice(3, p=weights / weights.sum())


def _awake(rng, truth, subjects):
    rows = []
    for subject in range(1, subjects + 1):
        own, state = rng.normal(0.0, truth["iiv_base"]), int(rng.random() < 0.5)
        for time in range(15):
            if time:
                state = int(rng.random() < (expit(truth["stay"]) if state else expit(truth["wake"] + own)))
            rows.append({"ID": subject, "TIME": float(time), "DV": float(state)})
    return rows


def _waiting(rng, truth, subjects):
    rows = []
    for subject in range(1, subjects + 1):
        life = truth["scale"] * np.exp(truth["iiv_life"] * rng.standard_normal())
        treated = subject % 2
        reached = life * (rng.exponential() * np.exp(-truth["effect"] * treated)) ** (1.0 / truth["shape"])
        rows.append({"ID": subject, "TIME": min(reached, 20.0), "DV": float(reached < 20.0), "TREATED": treated})
    return rows


def _repeated(time_to_next, column):
    def simulate(rng, truth, subjects):
        rows = []
        for subject in range(1, subjects + 1):
            own, about, time = truth["rate"] * np.exp(truth["iiv_base"] * rng.standard_normal()), subject % 2 * 2.0, 0.0
            rows.append({"ID": subject, "TIME": 0.0, "EVID": 2, "DV": None, column: about})
            while True:
                time = time_to_next(rng, own, truth, about, time)
                ended = time > 24.0
                rows.append({"ID": subject, "TIME": min(time, 24.0), "EVID": 0, "DV": float(not ended), column: about})
                if ended:
                    break
        return rows

    return simulate


def _constant(rng, own, truth, about, time):
    return time + rng.exponential(1.0 / (own * np.exp(truth["effect"] * about)))


def _thinned(rng, own, truth, about, time):
    """Draw the next event by thinning: the hazard never exceeds its largest value."""
    highest = own * np.exp(max(truth["effect"] * about, 0.0))
    while time <= 24.0:
        time += rng.exponential(1.0 / highest)
        if rng.random() < own * np.exp(truth["effect"] * about * np.exp(-0.2 * time)) / highest:
            return time
    return time


def _visited(rng, truth, subjects):
    rows = []
    for subject in range(1, subjects + 1):
        own, slope, last = truth["rate"] * np.exp(truth["iiv_base"] * rng.standard_normal()), truth["slope"], 0.0
        rows.append({"ID": subject, "TIME": 0.0, "EVID": 2, "DV": None})
        for visit in (2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0):
            cumulated = own * (np.exp(slope * visit) - np.exp(slope * last)) / slope
            rows.append({"ID": subject, "TIME": visit, "EVID": 0, "DV": float(rng.random() < -np.expm1(-cumulated))})
            last = visit
    return rows


def _duration(rng, own, truth, time, about):
    return rng.gamma(truth["shape"], own / truth["shape"])


def _log_normal_mean(rng, truth):
    return truth["mean"] * np.exp(truth["iiv_own"] * rng.standard_normal())


BASE = {"intercept": 0.5, "slope": -0.3, "iiv_base": 1.2}
COUNT = {"intercept": 1.2, "slope": 0.1, "iiv_base": 0.5}
ANY = ("laplace", "agq")

WORLDS = (
    World("Bernoulli", YesNo, BASE, longitudinal(_yes, TIMES, normal_base), 300, ("agq", "laplace")),
    World(
        "Binomial",
        Deaths,
        BASE | {"iiv_base": 0.7},
        longitudinal(_deaths, TIMES, normal_base, N=lambda rng, k: int(rng.integers(5, 15))),
        methods=ANY,
    ),
    World("Poisson", Counts, COUNT, longitudinal(_count, TIMES, normal_base), methods=ANY),
    World("NegativeBinomial", Overdispersed, COUNT | {"dispersion": 2.5}, longitudinal(_overdispersed, TIMES, normal_base), methods=ANY),
    World("ZeroInflatedPoisson", ManyZeros, COUNT | {"none": -1.0}, longitudinal(_inflated(_count), TIMES, normal_base), methods=ANY),
    World(
        "ZeroInflatedNegativeBinomial",
        ManyZerosOverdispersed,
        COUNT | {"intercept": 2.0, "dispersion": 4.0, "none": -1.0},
        longitudinal(_inflated(_overdispersed), TIMES, normal_base),
        300,
        ANY,
    ),
    World(
        "Ordinal",
        Grades,
        {"c1": -1.5, "c2": 0.0, "c3": 1.5, "slope": 0.3, "iiv_base": 1.3},
        longitudinal(_grade, TIMES, normal_base),
        250,
        ("agq", "laplace"),
    ),
    World("Categorical", Choices, {"a": 0.0, "b": 0.3, "slope": 0.2, "iiv_base": 1.0}, longitudinal(_choice, TIMES, normal_base), 300, ANY),
    World("Markov", Awake, {"stay": 1.5, "wake": -1.0, "iiv_base": 0.8}, _awake, 200, ("agq", "laplace")),
    World("TimeToEvent", Waiting, {"scale": 10.0, "shape": 1.5, "effect": -0.5, "iiv_life": 0.3}, _waiting, 2000, ("agq", "laplace")),
    World("repeated TimeToEvent", Seizures, {"rate": 0.2, "effect": -0.4, "iiv_base": 0.6}, _repeated(_constant, "TREATED"), 200, ANY),
    World("TimeToEvent, integrated", Driven, {"rate": 0.25, "effect": -0.6, "iiv_base": 0.5}, _repeated(_thinned, "EXPOSURE"), 200, ANY),
    World("TimeToEvent, interval", Visits, {"rate": 0.1, "slope": 0.05, "iiv_base": 0.6}, _visited, 200, ("agq", "laplace")),
    World(
        "LogLikelihood",
        Durations,
        {"mean": 2.5, "shape": 3.0, "iiv_own": 0.4},
        longitudinal(_duration, TIMES, _log_normal_mean),
        methods=ANY,
    ),
)
