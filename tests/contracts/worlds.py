"""Models with data simulated from independent formulas: the implementations that the laws are tried on."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from closed_form import amounts, mammillary
from shared_models import Bolus

from popmix import *


class Oral(Model):
    """Covariate on clearance, lag, repeated doses, combined error."""

    WT = Covariate()
    tvCL = Theta(2.4, lower=0)
    wt_CL = Theta(0.75)
    tvV = Theta(18.0, lower=0)
    tvKa = Theta(1.2, lower=0, upper=20)
    lag = Theta(0.3, lower=0)
    CL = LogNormal(tvCL * (WT / 70) ** wt_CL, iiv=0.25)
    V = LogNormal(tvV, iiv=0.2)
    Ka = LogNormal(tvKa, iiv=0.4)
    pk = OneCompartment(cl=CL, v=V, ka=Ka, lag=lag)
    DV = Observation(pk.concentration, additive=0.4, proportional=0.15)


class Infusion(Model):
    """Two compartments, additive error."""

    tvCL = Theta(1.6, lower=0)
    tvV1 = Theta(4.5, lower=0)
    tvQ = Theta(1.3, lower=0)
    tvV2 = Theta(9.0, lower=0)
    CL = LogNormal(tvCL, iiv=0.3)
    V1 = LogNormal(tvV1, iiv=0.25)
    pk = TwoCompartments(cl=CL, v1=V1, q=tvQ, v2=tvV2)
    DV = Observation(pk.concentration, additive=0.5)


class Growth(Model):
    """Algebraic: a normal asymptote, a bounded share, error on the log scale."""

    tvTop = Theta(55.0)
    tvShare = Theta(0.3, lower=0, upper=1)
    rate = Theta(0.25, lower=0)
    Top = Normal(tvTop, iiv=6.0)
    Share = LogitNormal(tvShare, iiv=0.4)
    DV = Observation(Top * (1 - (1 - Share) * exp(-rate * T)), log_additive=0.08)


class Noisy(Model):
    """A random effect on the residual SD, which follows a power of the prediction."""

    tvStart = Theta(20.0, lower=0)
    tvRate = Theta(0.3, lower=0)
    scale = Theta(0.3, lower=0)
    eta_noise = Eta(sd=0.3)
    Rate = LogNormal(tvRate, iiv=0.3)
    C = tvStart * exp(-Rate * T)
    DV = Observation(C, sd=scale * C**0.5 * exp(eta_noise))


class Paired(Model):
    """One effect, on a rate, that two endpoints share: what is left of one grows as the other."""

    tvLeft = Theta(25.0, lower=0)
    tvGrown = Theta(7.0, lower=0)
    tvRate = Theta(0.25, lower=0)
    Rate = LogNormal(tvRate, iiv=0.4)
    left = Observation(tvLeft * exp(-Rate * T), proportional=0.15, dvid=1)
    grown = Observation(tvGrown * (1 - exp(-Rate * T)), additive=0.5, dvid=2)


@dataclass(frozen=True)
class World:
    """A model and its data."""

    name: str
    model: Model
    data: pl.DataFrame


def frame(rows: list[dict]) -> pl.DataFrame:
    """Return records as a data frame; a column that a record lacks is missing there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, strict=False)


def _bolus() -> pl.DataFrame:
    rng, rows = np.random.default_rng(11), []
    for subject in range(1, 13):
        e = rng.multivariate_normal([0, 0], [[0.16, 0.06], [0.06, 0.09]])
        cl, v = 1.0 * np.exp(e[0]), 10.0 * np.exp(e[1])
        rows.append({"ID": subject, "TIME": 0.0, "AMT": 100.0, "EVID": 1})
        for time in (0.5, 2.0, 5.0, 12.0, 20.0)[: 5 - subject % 2]:
            f = 100 / v * np.exp(-cl / v * time)
            rows.append({"ID": subject, "TIME": time, "DV": f * (1 + 0.12 * rng.normal()), "EVID": 0})
    return frame(rows)


def _oral() -> pl.DataFrame:
    rng, rows = np.random.default_rng(12), []
    for subject in range(1, 21):
        wt = float(np.round(rng.uniform(50, 95), 1))
        cl, v, ka = 2.0 * (wt / 70) ** 0.75 * np.exp(0.25 * rng.normal()), 20 * np.exp(0.2 * rng.normal()), 1.0 * np.exp(0.4 * rng.normal())
        rows.append({"ID": subject, "TIME": 0.0, "AMT": 150.0, "ADDL": 2, "II": 12.0, "EVID": 1, "WT": wt})
        times = np.array([0.5, 1.0, 3.0, 8.0, 23.5, 26.0, 31.0, 44.0, 60.0])
        doses = [(0.25 + 12 * k, 0, 150.0, 0.0) for k in range(3)]
        f = amounts(mammillary(cl, v, ka=ka), doses, times)[:, 1] / v
        for time, value in zip(times, f, strict=True):
            dv = value + np.hypot(0.4, 0.1 * value) * rng.normal()
            rows.append({"ID": subject, "TIME": float(time), "DV": dv, "EVID": 0, "WT": wt})
    return frame(rows)


def _infusion() -> pl.DataFrame:
    rng, rows = np.random.default_rng(13), []
    for subject in range(1, 13):
        cl, v1 = 1.5 * np.exp(0.3 * rng.normal()), 5.0 * np.exp(0.25 * rng.normal())
        doses = [(0.0, 0, 100.0, 2.0), (1.0, 0, 50.0, 2.5)]  # the second one starts while the first still runs
        rows += [{"ID": subject, "TIME": t, "AMT": a, "RATE": a / d, "EVID": 1} for t, _, a, d in doses]
        times = np.array([1.5, 2.5, 4.0, 8.0, 14.0, 24.0])
        f = amounts(mammillary(cl, v1, [(1.2, 10.0)]), doses, times)[:, 0] / v1
        rows += [{"ID": subject, "TIME": float(t), "DV": v + 0.4 * rng.normal(), "EVID": 0} for t, v in zip(times, f, strict=True)]
    return frame(rows)


def _growth() -> pl.DataFrame:
    rng, rows = np.random.default_rng(14), []
    for subject in range(1, 13):
        top, share = 60 + 6 * rng.normal(), 1 / (1 + np.exp(1.2 - 0.4 * rng.normal()))
        for time in (0.0, 1.0, 2.5, 5.0, 9.0, 15.0):
            f = top * (1 - (1 - share) * np.exp(-0.3 * time))
            rows.append({"ID": subject, "TIME": time, "DV": f * np.exp(0.07 * rng.normal())})
    return frame(rows)


def _noisy() -> pl.DataFrame:
    rng, rows = np.random.default_rng(15), []
    for subject in range(1, 17):
        rate, noise = 0.25 * np.exp(0.3 * rng.normal()), np.exp(0.35 * rng.normal())
        for time in (0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 10.0):
            f = 22 * np.exp(-rate * time)
            rows.append({"ID": subject, "TIME": time, "DV": f + 0.25 * noise * np.sqrt(f) * rng.normal()})
    return frame(rows)


def _paired() -> pl.DataFrame:
    rng, rows = np.random.default_rng(16), []
    for subject in range(1, 13):
        rate = 0.3 * np.exp(0.35 * rng.normal())
        for time in (0.5, 1.5, 3.0, 6.0, 10.0)[: 5 - subject % 2]:
            gone = np.exp(-rate * time)
            rows.append({"ID": subject, "TIME": time, "DV": 22 * gone * (1 + 0.12 * rng.normal()), "DVID": 1})
            rows.append({"ID": subject, "TIME": time, "DV": 8 * (1 - gone) + 0.4 * rng.normal(), "DVID": 2})
    return frame(rows)


WORLDS = {
    world.name: world
    for world in (
        World("bolus", Bolus, _bolus()),
        World("oral", Oral, _oral()),
        World("infusion", Infusion, _infusion()),
        World("growth", Growth, _growth()),
        World("noisy", Noisy, _noisy()),
        World("paired", Paired, _paired()),
    )
}
