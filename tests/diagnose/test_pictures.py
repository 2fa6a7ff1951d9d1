"""Curves between observations, and the pictures of a fit."""

import numpy as np
import pytest

import popmix
from popmix import *
from popmix.app.theophylline import Theophylline
from popmix.diagnose.curves import curves, dose_times
from popmix.diagnose.pictures import npde_bands
from popmix.plot.layers import Ticks, Whiskers


@pytest.fixture(scope="module")
def theophylline():
    return popmix.fit(Theophylline, popmix.datasets.path("theophylline"))


def test_curves_are_the_predictions_at_more_times(theophylline):
    """At the times of the observations those of the tables, in between those of the closed form."""
    found, table = curves(theophylline), theophylline.predictions_table
    at = {(one, time): k for k, (one, time) in enumerate(zip(found["ID"].tolist(), found["TIME"].tolist(), strict=True))}
    for k in range(table.n_rows):
        place = at[table["ID"][k], table["TIME"][k]]
        assert np.isclose(found["PRED"][place], table["PRED"][k], atol=1e-9) and np.isclose(
            found["IPRED"][place], table["IPRED"][k], atol=1e-6
        )
    own = found["ID"] == "1"
    ka, cl, v = (theophylline.individuals_table[name][0] for name in ("Ka", "CL", "V"))
    t, k = found["TIME"][own], cl / v
    expected = 4.02 * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t))
    assert own.sum() > 90 and np.allclose(found["IPRED"][own], expected, rtol=1e-8, atol=1e-9)
    assert np.all(np.diff(t) >= 0)


class Repeated(Model):
    """Two endpoints, occasions, repeated and reset doses."""

    OCC = Occasion()
    WT = Covariate()
    tvCL = Theta(1.0, lower=0)
    tvV = Theta(10.0, lower=0)
    base = Theta(5.0)
    CL = LogNormal(tvCL * WT / 70, iiv=0.2, iov=0.1)
    pk = OneCompartment(cl=CL, v=tvV)
    CP = Observation(pk.concentration, log_additive=0.1)
    PD = Observation(base - 0.2 * pk.concentration, additive=0.3)


def repeated():
    rows = {name: [] for name in ("ID", "TIME", "AMT", "II", "ADDL", "EVID", "DVID", "DV", "OCC", "WT")}

    def add(*cells):
        for name, cell in zip(rows, cells, strict=True):
            rows[name].append(cell)

    for one in (1, 2, 3):
        add(one, 0.0, 100.0, 12.0, 2, 1, "", None, 1, 60.0 + one)
        for time in (1.0, 13.0, 30.0):
            add(one, time, 0.0, 0.0, 0, 0, "CP", 5.0, 1, 60.0 + one)
            add(one, time, 0.0, 0.0, 0, 0, "PD", 4.0, 1, 60.0 + one)
        add(one, 0.0, 50.0, 0.0, 0, 4, "", None, 2, 90.0)
        add(one, 5.0, 0.0, 0.0, 0, 0, "CP", 3.0, 2, 90.0)
    return rows


def test_curves_know_endpoints_occasions_additional_doses_and_resets():
    fit = popmix.evaluate(Repeated, repeated())
    found = curves(fit, 40)
    assert set(found["DVID"]) == {"CP", "PD"}
    own = (found["ID"] == "1") & (found["DVID"] == "CP")
    time, pred = found["TIME"][own], found["PRED"][own]
    second = np.flatnonzero(np.diff(time) < 0)[0] + 1
    k = 1.0 * 61 / 70 / 10
    doses = np.array([0.0, 12.0, 24.0])
    for t, value in zip(time[:second], pred[:second], strict=True):
        given = doses[doses <= t]
        # NONMEM's rule: an additional dose at a time comes before an observation at that time
        assert np.isclose(value, 10 * np.sum(np.exp(-k * (t - given))), rtol=1e-9)
    assert np.allclose(pred[second:], 5 * np.exp(-0.1 * 90 / 70 * time[second:]), rtol=1e-9)
    both = (found["ID"] == "1") & (found["DVID"] == "PD")
    assert np.allclose(found["PRED"][both][: second - 1], 5 - 0.2 * pred[: second - 1], rtol=1e-9)
    given = dose_times(fit)
    assert given["TIME"][given["ID"] == "1"].tolist() == [0.0, 12.0, 24.0, 0.0]


def test_individual_fits_have_doses_and_bars_of_censored_values():
    class Limited(Model):
        tvCL = Theta(2.0, lower=0)
        CL = LogNormal(tvCL, iiv=0.3)
        pk = OneCompartment(cl=CL, v=20)
        DV = Observation(pk.concentration, proportional=0.2, lloq=1.0)

    rows = {"ID": [1] * 4, "TIME": [0, 2.0, 20.0, 40.0], "DV": [None, 4.0, 1.1, 0.3], "AMT": [100, 0, 0, 0], "EVID": [1, 0, 0, 0]}
    (page,) = popmix.individual_fits(popmix.evaluate(Limited, rows, popmix.Laplace()))
    (panel,) = page.panels
    assert any(isinstance(layer, Ticks) and layer.x.tolist() == [0.0] for layer in panel.layers)
    bars = [layer for layer in panel.layers if isinstance(layer, Whiskers)]
    assert len(bars) == 1 and bars[0].high.tolist() == [1.0]
    assert panel.title.startswith("ID 1 (OFV")


def test_titles_say_model_objective_and_shrinkage(theophylline):
    for picture in popmix.gof(theophylline):
        assert picture.title.endswith("| Theophylline") and picture.subtitle == "OFV: 103.945, Eps shrink: 12% (FOCEI)"
        assert picture.caption == "theophylline.csv" and picture.data


def test_bands_of_npde_are_those_of_normal_numbers(theophylline):
    """The interval of the 2.5th percentile of n standard normal numbers holds -1.96 (its least value for few), that of the median 0."""
    bands = npde_bands(popmix.residuals(theophylline, 200).table)
    low = bands["PERCENTILE"] == 2.5
    assert np.all((bands["LOW"][low] < -1.96) & (bands["LOW"][low] < bands["HIGH"][low])) and np.median(bands["HIGH"][low]) < -0.3
    middle = bands["PERCENTILE"] == 50
    assert np.all((bands["LOW"][middle] < 0) & (bands["HIGH"][middle] > 0))
    assert set(bands["X_OF"]) == {"TIME", "PRED"}
