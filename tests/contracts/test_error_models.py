"""Error models that are one another in disguise, and several endpoints."""

import numpy as np
import polars as pl
import pytest
from shared_models import bolus_with, every_method
from worlds import WORLDS, frame

import popmix
from popmix import *

GROWTH, BOLUS = WORLDS["growth"], WORLDS["bolus"]


class LogGrowth(Model):
    """Growth of `worlds`, for the logarithm of the data."""

    tvTop = Theta(55.0)
    tvShare = Theta(0.3, lower=0, upper=1)
    rate = Theta(0.25, lower=0)
    Top = Normal(tvTop, iiv=6.0)
    Share = LogitNormal(tvShare, iiv=0.4)
    DV = Observation(log(Top * (1 - (1 - Share) * exp(-rate * T))), additive=0.08)


class Proportional(Model):
    """The residual SD as an expression of a theta."""

    tvCL = Theta(1.2, lower=0)
    tvV = Theta(9.0, lower=0)
    sigma = Theta(0.15, lower=0)
    CL = LogNormal(tvCL, iiv=0.4)
    V = LogNormal(tvV, iiv=0.3)
    pk = OneCompartment(cl=CL, v=V)
    C = pk.concentration
    DV = Observation(C, sd=sigma * C)


@every_method
def test_log_data_with_additive_error_is_log_additive_without_the_jacobian(method):
    logged = GROWTH.data.with_columns(DV=pl.col("DV").log())
    for run in (popmix.evaluate, popmix.fit):
        natural, transformed = run(GROWTH.model, GROWTH.data, method), run(LogGrowth, logged, method)
        jacobian = 2 * np.log(GROWTH.data["DV"].to_numpy()).sum()
        assert natural.ofv == pytest.approx(transformed.ofv + jacobian, abs=1e-7)
        assert natural.parameters.values == pytest.approx(transformed.parameters.values, rel=1e-7)
        for name in ("IWRES", "WRES", "CWRES"):
            assert natural.predictions_table[name] == pytest.approx(transformed.predictions_table[name], abs=1e-6)
        assert natural.predictions_table["IPRED"] == pytest.approx(np.exp(transformed.predictions_table["IPRED"]), rel=1e-6)


@every_method
def test_power_with_exponent_one_is_proportional(method):
    power = bolus_with(power=(0.15, Fixed(1.0)))
    plain = bolus_with(proportional=0.15)
    for run in (popmix.evaluate, popmix.fit):
        one, other = run(power, BOLUS.data, method), run(plain, BOLUS.data, method)
        assert one.ofv == pytest.approx(other.ofv, abs=1e-7)
        assert one.parameters["power_DV"] == pytest.approx(other.parameters["proportional_DV"], rel=1e-6)
        assert one.parameters["exponent_DV"] == 1.0 and one.n_estimated == other.n_estimated


@every_method
def test_power_with_exponent_zero_is_additive(method):
    power = bolus_with(power=(0.7, Fixed(0.0)))
    plain = bolus_with(additive=0.7)
    one, other = (popmix.evaluate(model, BOLUS.data, method) for model in (power, plain))
    assert one.ofv == pytest.approx(other.ofv, rel=1e-12)


@every_method
def test_a_free_exponent_fits_no_worse(method):
    free = popmix.fit(bolus_with(power=(0.15, 1.0)), BOLUS.data, method)
    plain = popmix.fit(bolus_with(proportional=0.15), BOLUS.data, method)
    assert free.ofv < plain.ofv and free.n_estimated == plain.n_estimated + 1


@every_method
def test_sd_as_an_expression_is_the_declared_error(method):
    declared = bolus_with(proportional=0.15)
    for run in (popmix.evaluate, popmix.fit):
        one, other = run(Proportional, BOLUS.data, method), run(declared, BOLUS.data, method)
        assert one.ofv == pytest.approx(other.ofv, abs=1e-7)
        assert one.parameters["sigma"] == pytest.approx(other.parameters["proportional_DV"], rel=1e-6)


@every_method
def test_the_sign_of_an_sd_is_free(method):
    flipped = Proportional.with_(sigma=Theta(-0.15))
    plain = bolus_with(proportional=Fixed(0.15))
    one, other = (popmix.evaluate(model, BOLUS.data, method) for model in (flipped, plain))
    assert one.ofv == pytest.approx(other.ofv, rel=1e-12)
    # IWRES is a residual over a standard deviation, which has no sign
    assert one.predictions_table["IWRES"] == pytest.approx(other.predictions_table["IWRES"], rel=1e-9)


@every_method
def test_combined_error_adds_variances(method):
    combined = popmix.evaluate(bolus_with(additive=0.3, proportional=0.1), BOLUS.data, method)
    found = combined.predictions_table
    at = found["IPRED"] if method.interaction else found["PRED"]
    expected = (found["DV"] - found["IPRED"]) / np.sqrt(0.3**2 + (0.1 * at) ** 2)
    assert found["IWRES"] == pytest.approx(expected, rel=1e-10)


@every_method
def test_an_additive_part_that_is_tiny_is_no_part(method):
    with_zero = bolus_with(additive=Fixed(1e-9), proportional=0.15)
    plain = bolus_with(proportional=0.15)
    one, other = (popmix.fit(model, BOLUS.data, method) for model in (with_zero, plain))
    assert one.ofv == pytest.approx(other.ofv, abs=1e-7)


class Both(Model):
    """Two endpoints that share nothing."""

    tvCL = Theta(1.2, lower=0)
    tvV = Theta(9.0, lower=0)
    tvTop = Theta(55.0)
    rate = Theta(0.25, lower=0)
    CL = LogNormal(tvCL, iiv=0.4)
    V = LogNormal(tvV, iiv=0.3)
    Top = Normal(tvTop, iiv=6.0)
    pk = OneCompartment(cl=CL, v=V)
    conc = Observation(pk.concentration, proportional=0.15, dvid="conc")
    size = Observation(Top * (1 - 0.8 * exp(-rate * T)), additive=3.0, dvid="size")


class Size(Model):
    """The second of them."""

    tvTop = Theta(55.0)
    rate = Theta(0.25, lower=0)
    Top = Normal(tvTop, iiv=6.0)
    size = Observation(Top * (1 - 0.8 * exp(-rate * T)), additive=3.0)


@every_method
def test_endpoints_that_share_nothing_are_two_fits(method):
    conc = bolus_with(proportional=0.15)
    both = [
        *({**row, "DVID": "conc", "EVID": row["EVID"]} for row in BOLUS.data.to_dicts()),
        *({**row, "DVID": "size", "EVID": 0} for row in GROWTH.data.to_dicts()),
    ]
    # a dose stays before what is measured at its time
    both.sort(key=lambda row: (row["ID"], row["TIME"], -row["EVID"]))
    for run in (popmix.evaluate, popmix.fit):
        whole = run(Both, frame(both), method)
        first, second = run(conc, BOLUS.data, method), run(Size, GROWTH.data, method)
        assert whole.ofv == pytest.approx(first.ofv + second.ofv, abs=2e-6)  # each fit is within 1e-6 of its minimum
        assert whole.n_observations == first.n_observations + second.n_observations
        rename = {"proportional_DV": "proportional_conc"}
        apart = {rename.get(name, name): value for each in (first, second) for name, value in each.parameters.as_dict().items()}
        assert whole.parameters.as_dict() == pytest.approx(apart, rel=1e-3)
