"""From records of events and of values beyond a limit to what the likelihood counts."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

import popmix
from popmix import *
from popmix.errors import DataError, SupportError
from popmix.likelihood import Solver, bind


class Weibull(Model):
    """A hazard that is known in closed form."""

    life = Theta(10.0, lower=0)
    shape = Theta(1.7, lower=0)
    DV = Observation(TimeToEvent(shape / life * (T / life) ** (shape - 1)))


class Integrated(Model):
    """The same hazard written so that it has to be integrated: times a state that stays at 1."""

    life = Theta(10.0, lower=0)
    shape = Theta(1.7, lower=0)
    one = State(init=1)
    one.dt = 0 * one
    DV = Observation(TimeToEvent(one * shape / life * (T / life) ** (shape - 1)))


def cumulated(time: float) -> float:
    return (time / 10.0) ** 1.7


def log_hazard(time: float) -> float:
    return np.log(0.17 * (time / 10.0) ** 0.7)


HISTORIES = {
    # (time, DV, EVID), and -log likelihood
    "the event is the first record: at risk from time 0": ([(8.0, 1, 0)], cumulated(8) - log_hazard(8)),
    "a first record opens the risk": ([(3.0, None, 2), (8.0, 1, 0)], cumulated(8) - cumulated(3) - log_hazard(8)),
    "censored": ([(3.0, None, 2), (8.0, 0, 0)], cumulated(8) - cumulated(3)),
    "repeated events": (
        [(0.0, None, 2), (4.0, 1, 0), (8.0, 1, 0), (12.0, 0, 0)],
        cumulated(12) - log_hazard(4) - log_hazard(8),
    ),
    "a reset begins anew": (
        [(0.0, None, 2), (4.0, 1, 0), (6.0, None, 3), (8.0, 0, 0)],
        cumulated(4) - log_hazard(4) + cumulated(8) - cumulated(6),
    ),
}


@pytest.mark.parametrize("model", [Weibull, Integrated], ids=["closed form", "integrated"])
@pytest.mark.parametrize("name", HISTORIES)
def test_the_time_at_risk(model, name):
    history, expected = HISTORIES[name]
    data = pl.DataFrame({"ID": 1, "TIME": [t for t, _, _ in history], "DV": [v for _, v, _ in history], "EVID": [e for _, _, e in history]})
    # (T / life)^0.7 at time 0 has no bounded slope: the integration is good to about a hundred times its tolerance
    close = 1e-12 if model is Weibull else 1e-6
    assert popmix.evaluate(model, data).minus2ll == pytest.approx(2 * expected, rel=close)


@pytest.mark.parametrize("integrated", [False, True], ids=["closed form", "integrated"])
def test_two_events_without_a_record_before_are_at_risk_from_time_0(integrated):
    """A subject whose first record is that of an event is at risk from time 0, for all events, whatever the order of its records."""

    class Competing(Model):
        a = Theta(0.2, lower=0)
        b = Theta(0.1, lower=0)
        if integrated:
            one = State(init=1)
            one.dt = 0 * one
        RELAPSE = Observation(TimeToEvent(a * one if integrated else a))
        DEATH = Observation(TimeToEvent(b))

    def minus2ll(*records):
        time, dv, label = zip(*records, strict=True)
        return popmix.evaluate(Competing, {"ID": [1] * len(time), "TIME": list(time), "DV": list(dv), "DVID": list(label)}).minus2ll

    for records in (
        [(5.0, 1, "RELAPSE"), (9.0, 0, "DEATH")],
        [(5.0, 0, "DEATH"), (5.0, 0, "RELAPSE")],
        [(5.0, 0, "DEATH"), (9.0, 1, "RELAPSE")],
    ):
        expected = sum({"RELAPSE": 0.2, "DEATH": 0.1}[label] * time - v * np.log(0.2) for time, v, label in records)
        assert minus2ll(*records) == pytest.approx(2 * expected, rel=1e-9)


@pytest.mark.parametrize(
    ("hazard", "total"),
    [
        ("a", lambda t: 0.3 * t),
        ("a * exp(b * T)", lambda t: 0.3 * np.expm1(0.2 * t) / 0.2),
        ("a * exp(0 * b * T)", lambda t: 0.3 * t),
        ("a + b * T", lambda t: 0.3 * t + 0.1 * t**2),
        ("a * T**2", lambda t: 0.1 * t**3),
        ("a * (b * T) ** a + b * exp(a - T)", lambda t: 0.3 * 0.2**0.3 * t**1.3 / 1.3 + 0.2 * np.exp(0.3) * -np.expm1(-t)),
    ],
)
def test_hazards_in_closed_form(hazard, total):
    model = popmix.model.read(f"""from popmix import *

class Hazard(Model):
    a = Theta(0.3, lower=0)
    b = Theta(0.2)
    DV = Observation(TimeToEvent({hazard} + 0 * a * b))
""")
    data = pl.DataFrame({"ID": 1, "TIME": [2.0, 5.0], "DV": [None, 0], "EVID": [2, 0]})
    problem = bind(model, data)
    assert not problem.compiled.lowered.hidden
    assert popmix.evaluate(model, data).minus2ll == pytest.approx(2 * (total(5.0) - total(2.0)), rel=1e-12)


def test_a_hazard_driven_by_a_drug_agrees_with_its_integral():
    class Driven(Model):
        k = Theta(0.3, lower=0)
        V = Theta(10.0, lower=0)
        pk = OneCompartment(k=k, v=V)
        DV = Observation(TimeToEvent(0.05 + 0.02 * pk.concentration))

    data = pl.DataFrame(
        {"ID": 1, "TIME": [0.0, 4.0, 9.0], "AMT": [100.0, 0.0, 0.0], "DV": [None, 1, 0], "EVID": [1, 0, 0]},
    )
    area = 0.02 * 10.0 * -np.expm1(-0.3 * 9.0) / 0.3
    expected = 0.05 * 9 + area - np.log(0.05 + 0.02 * 10 * np.exp(-0.3 * 4))
    for solver in (Solver(), Solver("stiff"), Solver("nonstiff")):
        assert popmix.evaluate(Driven, data, solver=solver).minus2ll == pytest.approx(2 * expected, rel=1e-7)


def test_an_event_in_an_interval():
    class Interval(Model):
        a = Theta(0.3, lower=0)
        DV = Observation(TimeToEvent(a, interval=True))

    data = pl.DataFrame({"ID": 1, "TIME": [0.0, 2.0, 5.0], "DV": [None, 0, 1], "EVID": [2, 0, 0]})
    expected = 0.6 - np.log(-np.expm1(-0.9))
    assert popmix.evaluate(Interval, data).minus2ll == pytest.approx(2 * expected, rel=1e-13)


VALUES = (0.4, 0.9, 1.6, 2.3)


def limited(statement: str) -> Model:
    return popmix.model.read(f"""from popmix import *

class Limited(Model):
    LIMIT_OF_ASSAY = Covariate()
    mean = Theta(1.2)
    DV = Observation(mean + 0 * LIMIT_OF_ASSAY, additive=0.5, {statement})
""")


def values(**columns) -> pl.DataFrame:
    return pl.DataFrame({"ID": 1, "TIME": [1.0, 2.0, 3.0, 4.0], "DV": list(VALUES), "LIMIT_OF_ASSAY": [0.5, 0.5, 1.0, 2.5]} | columns)


def gaussian(*chosen: float) -> float:
    return -2 * stats.norm.logpdf(chosen, 1.2, 0.5).sum()


def below(*limits: float) -> float:
    return -2 * stats.norm.logcdf(limits, 1.2, 0.5).sum()


def over(*limits: float) -> float:
    return -2 * stats.norm.logsf(limits, 1.2, 0.5).sum()


@pytest.mark.parametrize(
    ("statement", "columns", "expected"),
    [
        ("lloq=1.0", {}, below(1.0, 1.0) + gaussian(1.6, 2.3)),
        ("lloq=LIMIT_OF_ASSAY", {}, below(0.5, 2.5) + gaussian(0.9, 1.6)),
        ("uloq=2.0", {}, over(2.0) + gaussian(0.4, 0.9, 1.6)),
        ("lloq=0.5, uloq=2.0", {}, below(0.5) + over(2.0) + gaussian(0.9, 1.6)),
        ('lloq=1.0, censoring="M1"', {}, gaussian(1.6, 2.3)),
        ("", {"CENS": [1, 0, 0, -1]}, below(0.4) + over(2.3) + gaussian(0.9, 1.6)),
        ("lloq=1.0", {"CENS": [1, 0, 0, 0]}, below(0.4, 1.0) + gaussian(1.6, 2.3)),
        (
            "",
            {"CENS": [1, 0, 0, 0], "LIMIT": [0.1, None, None, None]},
            -2 * np.log(np.diff(stats.norm.cdf([0.1, 0.4], 1.2, 0.5))[0]) + gaussian(*VALUES[1:]),
        ),
        (
            'censoring="M4"',
            {"CENS": [1, 0, 0, 0]},
            -2 * np.log(np.diff(stats.norm.cdf([0.0, 0.4], 1.2, 0.5))[0]) + gaussian(*VALUES[1:]) + 8 * stats.norm.logsf(0, 1.2, 0.5),
        ),
    ],
)
@pytest.mark.parametrize("method", [popmix.FOCE(), popmix.Laplace()], ids=["focei", "laplace"])
def test_values_beyond_a_limit(statement, columns, expected, method):
    """-2 log L with all constants; an M4 value observed is Gaussian without log 2 pi in the OFV, and so in -2LL here."""
    found = popmix.evaluate(limited(statement), values(**columns), method)
    shift = 3 * np.log(2 * np.pi) if "M4" in statement else 0.0
    assert found.minus2ll == pytest.approx(expected - shift, rel=1e-12)


def test_a_logarithm_of_a_limit():
    class Logged(Model):
        mean = Theta(1.2, lower=0)
        DV = Observation(mean, log_additive=0.5, lloq=0.6)

    data = pl.DataFrame({"ID": 1, "TIME": [1.0, 2.0], "DV": [0.0, 2.0]})
    expected = -2 * (stats.norm.logcdf(np.log(0.6), np.log(1.2), 0.5) + stats.lognorm.logpdf(2.0, 0.5, scale=1.2))
    assert popmix.evaluate(Logged, data).minus2ll == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [0.5, 0.0, -1.0, 1.0])
def test_a_box_cox_error_is_a_density_of_the_value_itself(shape):
    model = popmix.model.read(f"""from popmix import *

class Power(Model):
    mean = Theta(1.2, lower=0)
    DV = Observation(mean, additive=0.3, box_cox={shape})
""")

    def h(y: float) -> float:
        return np.log(y) if shape == 0 else (y**shape - 1) / shape

    data = pl.DataFrame({"ID": 1, "TIME": [1.0, 2.0], "DV": [0.7, 2.0]})
    expected = sum(-2 * (stats.norm.logpdf(h(y), h(1.2), 0.3) + (shape - 1) * np.log(y)) for y in (0.7, 2.0))
    found = popmix.evaluate(model, data)
    assert found.minus2ll == pytest.approx(expected, rel=1e-12)
    assert found.predictions_table["PRED"] == pytest.approx([1.2, 1.2])
    np.testing.assert_allclose(found.predictions_table["IWRES"], [(h(y) - h(1.2)) / 0.3 for y in (0.7, 2.0)], rtol=1e-12)


def test_an_estimated_transformation_counts_its_jacobian():
    class Power(Model):
        mean = Theta(1.2, lower=0)
        shape = Theta(0.5)
        A = LogNormal(mean, iiv=0.2)
        DV = Observation(A, additive=0.3, box_cox=shape)

    rng = np.random.default_rng(1)
    data = pl.DataFrame(
        {"ID": np.repeat(np.arange(30), 5), "TIME": np.tile(np.arange(5.0), 30), "DV": np.exp(0.4 * rng.standard_normal(150))}
    )
    # log-normal data: the shape that makes them normal is 0
    found = popmix.fit(Power, data)
    assert found.convergence.converged and abs(found.parameters["shape"]) < 0.6


def test_what_an_outcome_can_not_have_is_found_with_its_rows():
    class Dead(Model):
        N = Covariate()
        a = Theta(0.1)
        DV = Observation(Binomial(n=N, p=expit(a)))

    data = pl.DataFrame({"ID": 1, "TIME": [1.0, 2.0], "DV": [3.0, 12.0], "N": [10, 10]})
    with pytest.raises(DataError, match="DV of DV is above N: 12 of 10, in 1 row") as caught:
        popmix.evaluate(Dead, data)
    assert caught.value.findings.codes == ("D063",)


def test_foce_without_interaction_refuses_censored_values_by_name():
    with pytest.raises(SupportError, match="foce can't honour values of DV beyond a limit"):
        popmix.evaluate(limited("lloq=1.0"), values(), popmix.FOCE(interaction=False))
