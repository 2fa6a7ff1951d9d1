"""Models, data and methods that tests of several rooms use."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from popmix import *
from popmix.estimate import FOCE

METHODS = {"focei": FOCE(), "foce": FOCE(interaction=False)}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


class Bolus(Model):
    """Correlated clearance and volume, proportional error."""

    tvCL = Theta(1.2, lower=0)
    tvV = Theta(9.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.4)
    V = LogNormal(tvV, iiv=0.3)
    omega = Block(CL, V, correlation=0.2)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, proportional=0.15)


def bolus_with(**error: Any) -> Model:
    """Return Bolus without its correlation, with another error."""

    class Decline(Model):
        tvCL = Theta(1.2, lower=0)
        tvV = Theta(9.0, lower=0)
        CL = LogNormal(tvCL, iiv=0.4)
        V = LogNormal(tvV, iiv=0.3)
        pk = OneCompartment(cl=CL, v=V)
        DV = Observation(pk.concentration, **error)

    return Decline


def bolus_data(n_subjects: int = 12) -> pl.DataFrame:
    """Return data for Bolus whose effects are correlated by about 0.6."""
    rng, rows = np.random.default_rng(31), []
    for subject in range(1, n_subjects + 1):
        shared = rng.normal()
        cl, v = 1.0 * math.exp(0.3 * shared), 10 * math.exp(0.12 * shared + 0.16 * rng.normal())
        rows.append({"ID": subject, "TIME": 0.0, "AMT": 100.0, "DV": None, "EVID": 1})
        for time in (0.5, 2.0, 5.0, 12.0, 20.0):
            dv = 100 / v * math.exp(-cl / v * time) * (1 + 0.12 * rng.normal())
            rows.append({"ID": subject, "TIME": time, "AMT": None, "DV": dv, "EVID": 0})
    return pl.DataFrame(rows, infer_schema_length=None)


class Decline(Model):
    """A mono-exponential decline with an effect on the rate."""

    start = Theta(10.0, lower=0)
    rate = Theta(0.3, lower=0, unit="1/h", label="elimination")
    Rate = LogNormal(rate, iiv=0.3)
    DV = Observation(start * exp(-Rate * T), additive=0.5)


def decline(n_subjects: int = 10, seed: int = 6) -> pl.DataFrame:
    """Return data for Decline, five observations per subject."""
    rng, columns = np.random.default_rng(seed), {"ID": [], "TIME": [], "DV": []}
    for subject in range(1, n_subjects + 1):
        rate = 0.25 * math.exp(0.35 * rng.normal())
        for time in (0.5, 1.0, 2.0, 4.0, 7.0):
            columns["ID"].append(subject)
            columns["TIME"].append(time)
            columns["DV"].append(12 * math.exp(-rate * time) + 0.4 * rng.normal())
    return pl.DataFrame(columns)
