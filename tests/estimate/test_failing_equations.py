"""Differential equations that can't be solved: a sentence that names the subject, and a fit that goes on where only a step failed."""

import re

import numpy as np
import polars as pl
import pytest

import popmix
from popmix import *
from popmix.errors import DataError, FitError, Status
from popmix.likelihood import Problem, bind
from popmix.model.parameters import parameters_of

every_solver = pytest.mark.parametrize("solver", [popmix.Solver(name) for name in ("auto", "nonstiff", "stiff")], ids=lambda s: s.method)
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0)


class Saturable(Model):
    """A bolus whose elimination saturates."""

    vmax = Theta(8.0, lower=0)
    tvV = Theta(9.0, lower=0)
    V = LogNormal(tvV, iiv=0.2)
    central = State()
    C = central / V
    central.dt = -vmax * C / (5.0 + C)
    DV = Observation(C, additive=0.5, proportional=0.1)


def delayed(**error: float) -> Model:
    """Return a model of a bolus with the lag X L and saturable elimination, with an error model."""

    class Delayed(Model):
        X = Covariate()
        L = Theta(0.2, lower=-5)
        vmax = Theta(8.0, lower=0)
        V = LogNormal(9.0, iiv=0.2)
        central = State()
        C = central / V
        dose = Dose(central, lag=L * X)
        central.dt = -vmax * C / (5.0 + C)
        DV = Observation(C, **error)

    return Delayed


class Infused(Model):
    """The same with the duration X D of an infusion."""

    X = Covariate()
    D = Theta(1.0)
    vmax = Theta(8.0, lower=0)
    V = LogNormal(9.0, iiv=0.2)
    central = State()
    C = central / V
    dose = Dose(central, duration=D * X)
    central.dt = -vmax * C / (5.0 + C)
    DV = Observation(C, additive=0.5)


class Volume(Model):
    """The same with a volume that the covariate may make negative."""

    X = Covariate()
    vmax = Theta(8.0, lower=0)
    tvV = Theta(9.0)
    V = Normal(tvV * X, iiv=1.0)
    central = State()
    C = central / V
    central.dt = -vmax * C / (5.0 + C)
    DV = Observation(C, additive=0.5)


class Explosion(Model):
    """x' = G x^2 from X: x = X / (1 - X G t), which is infinite at t = 1 / (X G)."""

    X = Covariate()
    g = Theta(0.01, lower=0)
    G = LogNormal(g, iiv=0.2)
    x = State(init=X)
    x.dt = G * x**2
    DV = Observation(x, proportional=0.1)


class Logarithm(Model):
    """A start that is no number where X <= a."""

    X = Covariate()
    a = Theta(0.0)
    g = Theta(0.1, lower=0)
    G = LogNormal(g, iiv=0.2)
    x = State(init=10 * log(X - a))
    x.dt = -G * x / (1 + x)
    DV = Observation(x, additive=0.5)


def doses(usual: float = 1.0, special: float = 1.0, **columns: float) -> pl.DataFrame:
    """Return six subjects A to F with a bolus and five values that decline; X of subject D is `special`.

    `columns` belong to the dose of D; other doses have zeros there, and the RATE of D.
    """
    rng, rows = np.random.default_rng(3), []
    for name in "ABCDEF":
        x = special if name == "D" else usual
        own = columns if name == "D" else dict.fromkeys(columns, 0.0) | {k: v for k, v in columns.items() if k == "RATE"}
        rows.append({"ID": name, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "X": x, "DV": None, **own})
        for time in TIMES:
            dv = 11 * np.exp(-0.06 * time) * (1 + 0.05 * rng.normal())
            rows.append({"ID": name, "TIME": time, "AMT": None, "EVID": 0, "X": x, "DV": dv, **dict.fromkeys(columns)})
    return pl.DataFrame(rows, infer_schema_length=None)


def values(usual: float, special: float) -> pl.DataFrame:
    """Return the same without doses."""
    return doses(usual, special).filter(pl.col("EVID") == 0).drop("AMT", "EVID")


def fails(model: Model, data: pl.DataFrame, solver: popmix.Solver, status: Status) -> str:
    """Require that fit and evaluate fail for subject D alone with the sentence of a status; return what they say."""
    for run in (popmix.fit, popmix.evaluate):
        with pytest.raises(FitError) as caught:
            run(model, data, solver=solver)
        told = str(caught.value)
        timed = r" at time \d\S*" if status in (Status.NO_STEADY_STATE, Status.STEP_TOO_SMALL) else ""
        assert re.search(rf"1 of 6 subjects failed\.\nsubject D: {re.escape(status.sentence)}{timed}; ", told), told
        assert not any(f"subject {name}:" in told for name in "ABCEF")
    # the others are a fit, by the same process
    assert np.isfinite(popmix.evaluate(model, data.filter(pl.col("ID") != "D"), solver=solver).ofv)
    return told


def test_a_steady_state_without_an_interval_stops_at_the_gate():
    with pytest.raises(DataError, match=r"D032 +Row 20: SS=1 but II is 0 or empty"):
        popmix.fit(Saturable, doses(SS=1, II=0.0))


@every_solver
def test_more_doses_than_can_be_eliminated_have_no_steady_state(solver):
    """At most 8 per hour leave, 100 every 8 hours arrive."""
    assert " at time 0; with all etas zero" in fails(Saturable, doses(SS=1, II=8.0), solver, Status.NO_STEADY_STATE)


@every_solver
@pytest.mark.parametrize("duration", [-1.0, 0.0])
def test_an_infusion_without_duration(duration, solver):
    fails(Infused, doses(1.0, duration, RATE=-2.0), solver, Status.DURATION_INVALID)


@every_solver
def test_a_negative_lag(solver):
    fails(delayed(additive=0.5), doses(1.0, -1.0), solver, Status.LAG_INVALID)


@every_solver
def test_a_dose_that_arrives_after_the_last_record(solver):
    """Nothing is there all the time: no density with a proportional error, and a fit with an additive one."""
    data = doses(1.0, 100.0)
    assert "prediction 0, variance 0" in fails(delayed(proportional=0.1), data, solver, Status.VARIANCE_NOT_POSITIVE)
    late = delayed(additive=0.5).with_(L=Theta(Fixed(0.2)))
    found = popmix.fit(late, data, solver=solver)
    assert found.convergence.converged
    table = found.predictions_table
    assert np.all(table["IPRED"][table["ID"] == "D"] == 0) and np.all(table["IPRED"][table["ID"] == "A"] > 1)


@every_solver
def test_a_state_that_explodes(solver):
    """At g = 0.01 the one that starts at 40 explodes at t = 2.5 after its first record, the others at t = 100."""
    assert "G = 0.01" in fails(Explosion, values(1.0, 40.0), solver, Status.STEP_TOO_SMALL)


@every_solver
@pytest.mark.parametrize("start", [1e300, -1e300])
def test_a_state_that_starts_at_an_absurd_value(start, solver):
    fails(Explosion, values(1.0, start), solver, Status.STEP_TOO_SMALL)


@every_solver
def test_a_negative_volume(solver):
    """C / (km + C) passes its pole at C = -km."""
    assert "V = -9" in fails(Volume, doses(1.0, -1.0), solver, Status.STEP_TOO_SMALL)


@every_solver
@pytest.mark.parametrize("start", [-1.0, 0.0])
def test_an_initial_value_that_is_no_number(start, solver):
    """log(-1), and log(0) = -inf; the state is named by neither, the subject and its first record are."""
    data = values(2.7, start)
    for run in (popmix.fit, popmix.evaluate):
        with pytest.raises(FitError, match=r"1 of 6 subjects failed\.\nsubject D: ") as caught:
            run(Logarithm, data, solver=solver)
        assert "not a finite number at time 0.5; with all etas zero (G = 0.1)" in str(caught.value)
    problem = bind(Logarithm, data, solver=solver)
    assert list(problem.foce(parameters_of(Logarithm)).failed) == [3]


def test_too_many_steps_are_a_sentence():
    """A rate of 1e9 by the explicit method; the automatic one goes on as a stiff one."""

    class Fast(Model):
        g = Theta(0.1, lower=0)
        G = LogNormal(g, iiv=0.2)
        slow = State(init=10.0)
        fast = State(init=10.0)
        slow.dt = -G * slow
        fast.dt = 1e9 * (slow - fast)
        DV = Observation(fast, proportional=0.1)

    data = values(1.0, 1.0)
    with pytest.raises(FitError, match=r"6 of 6 subjects failed\.\nsubject A: the differential equations take too many steps"):
        popmix.fit(Fast, data, solver=popmix.Solver("nonstiff"))
    automatic, stiff = (popmix.fit(Fast, data, solver=popmix.Solver(name)) for name in ("auto", "stiff"))
    assert automatic.convergence.converged and automatic.ofv == pytest.approx(stiff.ofv, abs=1e-5)  # ten times what a fit leaves


def growing() -> pl.DataFrame:
    """Return six subjects of Explosion at g = 0.03; the largest would be infinite at t = 11, 3 after its last value.

    The first record is at t = 0, where states start.
    """
    rng, rows = np.random.default_rng(5), []
    for name, x in zip("ABCDEF", (0.5, 1.0, 1.5, 2.0, 2.5, 3.0), strict=True):
        g = 0.03 * np.exp(0.1 * rng.normal())
        for time in (0.0, *TIMES):
            rows.append({"ID": name, "TIME": time, "DV": x / (1 - x * g * time) * (1 + 0.05 * rng.normal()), "X": x})
    return pl.DataFrame(rows)


class Counted:
    """Counts the subjects that failed in all evaluations of a fit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failed, evaluate = 0, Problem.evaluate

        def counting(problem, parameters, rule, **options):
            found = evaluate(problem, parameters, rule, **options)
            self.failed += len(found.failed)
            return found

        monkeypatch.setattr(Problem, "evaluate", counting)


@every_solver
def test_a_fit_goes_on_where_a_step_of_the_search_fails(solver, monkeypatch):
    """From a rate five times too low the first steps lead beyond the explosion; the end is that of the closed form.

    Written out, x = X / (1 - X G t) has values beyond it as well, so that its search meets no failure.
    """

    class Written(Model):
        X = Covariate()
        g = Theta(0.03, lower=0)
        G = LogNormal(g, iiv=0.2)
        DV = Observation(X / (1 - X * G * T), proportional=0.1)

    data = growing()
    expected = popmix.fit(Written, data)
    counted = Counted(monkeypatch)
    found = popmix.fit(Explosion, data, start={"g": 0.006}, solver=solver)
    assert counted.failed > 0  # so the case is what it is meant to be
    assert found.convergence.converged, found.convergence.reason
    assert found.ofv == pytest.approx(expected.ofv, abs=1e-5)  # ten times what a fit leaves
    assert found.parameters.values == pytest.approx(expected.parameters.values, rel=2e-3)
    assert list(found.individuals_table["STATUS"]) == [0] * 6


@every_solver
def test_a_subject_that_explodes_at_effects_of_zero_is_looked_for_elsewhere(solver):
    """At g = 0.046 the largest explodes at t = 7.2 with an effect of 0; a smaller rate, which its values show, is found."""
    problem = bind(Explosion, growing(), solver=solver)
    parameters = parameters_of(Explosion).with_values({"g": 0.046})
    local, found = problem.foce(parameters), problem.foce(parameters, globally=True)
    assert list(local.failed) == [5] and local.marginal.status[5] == Status.STEP_TOO_SMALL
    assert not len(found.failed) and found.marginal.eta[5, 0] < np.log(1 / 24 / 0.046)  # no explosion until the last value, t = 8
