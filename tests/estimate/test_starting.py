"""Start values from the data, and several starts."""

import numpy as np
import polars as pl
import pytest
from shared_models import Bolus, bolus_data

import popmix
from popmix import *
from popmix.data import datasets
from popmix.errors import OptionError
from popmix.estimate.multistart import several_optima, spread_starts
from popmix.estimate.noncompartmental import from_data, noncompartmental
from popmix.model.parameters import parameters_of


class Oral(Model):
    """Start values that are wrong by a factor of twenty."""

    WT = Covariate()
    tvKa = Theta(30.0, lower=0)
    lCL = Theta(0.0)
    tvV = Theta(10.0, lower=0)
    Ka = LogNormal(tvKa, iiv=0.6)
    CL = LogNormal(exp(lCL) * (WT / 70) ** 0.75, iiv=0.3)
    V = LogNormal(tvV, iiv=0.2)
    pk = OneCompartment(cl=CL, v=V, ka=Ka)
    DV = Observation(pk.concentration, additive=0.3, proportional=0.1)


def test_what_a_decline_says_without_a_model():
    """A bolus without error, sampled densely: the area is exact to the trapezoidal rule, C_max to the first sample."""
    times = np.linspace(0.05, 40, 800)
    rows = [{"ID": 1, "TIME": 0.0, "AMT": 100.0, "DV": None, "EVID": 1}]
    rows += [{"ID": 1, "TIME": t, "AMT": None, "DV": 10 * np.exp(-0.12 * t), "EVID": 0} for t in times]
    found = noncompartmental(popmix.read(pl.DataFrame(rows, infer_schema_length=None)))
    assert found["cl"] == pytest.approx(1.2, rel=0.01) and found["v"] == pytest.approx(10.0, rel=0.01)


def test_absorption_is_found_from_the_time_of_the_peak():
    times = np.linspace(0.01, 60, 3000)
    rows = [{"ID": 1, "TIME": 0.0, "AMT": 100.0, "DV": None, "EVID": 1}]
    rows += [{"ID": 1, "TIME": t, "AMT": None, "DV": 10 * 1.1 / 1.0 * (np.exp(-0.1 * t) - np.exp(-1.1 * t)), "EVID": 0} for t in times]
    found = noncompartmental(popmix.read(pl.DataFrame(rows, infer_schema_length=None)))
    # k = CL / V is off by the peak that lies below dose / V, so that ka is rough
    assert found["ka"] == pytest.approx(1.1, rel=0.25)


def test_thetas_are_moved_on_the_scale_on_which_they_enter():
    data = popmix.read(datasets.load("theophylline"))
    moved = from_data(Oral, data, {"tvKa": 30.0, "lCL": 0.0, "tvV": 10.0})
    known, weight = noncompartmental(data), float(np.median(data.covariates["WT"]))
    assert np.exp(moved["lCL"]) * (weight / 70) ** 0.75 == pytest.approx(known["cl"], rel=1e-9)
    assert moved["tvV"] == pytest.approx(known["v"], rel=1e-9) and moved["tvKa"] == pytest.approx(known["ka"], rel=1e-9)


def test_auto_reaches_the_optimum_from_afar():
    data = datasets.load("theophylline")
    near = popmix.fit(Oral, data, start={"tvKa": 1.5, "lCL": -3.2, "tvV": 0.5})
    found = popmix.fit(Oral, data, start="auto")
    assert found.ofv == pytest.approx(near.ofv, abs=1e-4)
    assert "start" in found.timing and found.start["tvV"] < 1.0


class Growth(Model):
    """No compartments: the sweep alone has to find the way."""

    top = Theta(1000.0, lower=0)
    rate = Theta(0.02, lower=0)
    Top = LogNormal(top, iiv=0.2)
    DV = Observation(Top * (1 - exp(-rate * T)), proportional=0.1)


def test_auto_without_compartments():
    rng = np.random.default_rng(5)
    rows = [
        {"ID": s, "TIME": t, "DV": 200 * np.exp(e) * (1 - np.exp(-0.1 * t)) * (1 + 0.05 * rng.normal())}
        for s in range(1, 11)
        for e in [0.2 * rng.normal()]
        for t in (2.0, 5.0, 10.0, 20.0, 40.0)
    ]
    found = popmix.fit(Growth, pl.DataFrame(rows), start="auto")
    assert found.convergence.converged
    assert found.parameters["rate"] == pytest.approx(0.1, rel=0.1) and found.parameters["top"] == pytest.approx(200, rel=0.3)


def test_several_starts_tell_what_each_led_to():
    found = popmix.fit(Bolus, bolus_data(), n_starts=3, seed=4)
    assert found.starts.n_rows == 3 and found.starts["start"].tolist() == [1, 2, 3]
    assert found.ofv == np.min(found.starts["ofv"])
    alone = popmix.fit(Bolus, bolus_data())
    assert found.starts["ofv"][0] == alone.ofv and found.starts["tvCL"][0] == alone.parameters["tvCL"]
    again = popmix.fit(Bolus, bolus_data(), n_starts=3, seed=4)
    assert np.array_equal(again.starts["ofv"], found.starts["ofv"])


class Turned(Model):
    """A likelihood with two optima: the sign of a slope under a quadratic."""

    a = Theta(-0.5)
    DV = Observation((a * a - 1) ** 2 + 0.1 * a + 0.0 * T, additive=Fixed(0.1))


def test_two_optima_are_told():
    data = pl.DataFrame({"ID": [1, 2, 3], "TIME": [0.0, 0.0, 0.0], "DV": [0.0, 0.01, -0.01]})
    found = popmix.fit(Turned, data, n_starts=12, seed=1)
    assert found.parameters["a"] == pytest.approx(-1.0, abs=0.2) or found.parameters["a"] == pytest.approx(1.0, abs=0.4)
    optima = found.starts["optimum"]
    assert np.nanmin(optima) == 1
    assert bool(several_optima(found.starts)) == bool(np.nanmax(optima) > 1 or np.any(np.isnan(optima)))


def test_starts_are_the_same_whatever_their_number_and_within_their_factors():
    begin = parameters_of(Bolus)
    few, many = spread_starts(begin, 3, 7), spread_starts(begin, 6, 7)
    assert all(np.array_equal(one.values, other.values) for one, other in zip(few, many, strict=False))
    for one in many[1:]:
        assert np.all(np.abs(np.log(one.values[:2] / begin.values[:2])) <= np.log(5))
        assert one["corr_CL_V"] == pytest.approx(begin["corr_CL_V"], abs=1e-12)


def test_starts_that_fail_are_told_and_the_others_kept():
    """From far away a proportional error is evaluated where predictions underflow to zero."""
    data = bolus_data()
    found = popmix.fit(Bolus, data, start={"tvCL": 300.0}, n_starts=4, seed=3)
    failed = np.isnan(found.starts["ofv"])
    assert np.isfinite(found.ofv)
    assert not np.any(failed) or any("nothing" in message for message in found.messages)


def test_words_that_make_no_sense():
    with pytest.raises(OptionError, match="'auto'"):
        popmix.fit(Bolus, bolus_data(), start="best")
    with pytest.raises(OptionError, match="n_starts=0"):
        popmix.fit(Bolus, bolus_data(), n_starts=0)
