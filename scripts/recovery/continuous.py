"""Worlds of continuous outcomes: residual errors of every kind, and values beyond a limit."""

import numpy as np
from world import World, dosed

from popmix.model import Model, read

TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0)
TRUTH = {"tvCL": 1.0, "tvV": 10.0, "iiv_CL": 0.3, "iiv_V": 0.2}


def effects(rng, truth):
    """Clearance and volume of a subject."""
    return truth["tvCL"] * np.exp(truth["iiv_CL"] * rng.standard_normal()), truth["tvV"] * np.exp(truth["iiv_V"] * rng.standard_normal())


def prediction(own, time):
    """Concentration after a bolus of 100."""
    return 100.0 / own[1] * np.exp(-own[0] / own[1] * time)


def observed(noisy):
    """Return what is observed of a prediction: `noisy(rng, f, truth)`."""
    return lambda rng, own, truth, time: {"DV": float(noisy(rng, prediction(own, time), truth))}


def source(error: str, thetas: str = "") -> Model:
    """Return the one-compartment model with a residual error, and thetas besides."""
    return read(
        f"""from popmix import *

class Concentrations(Model):
    \"\"\"One compartment after a bolus.\"\"\"

    tvCL = Theta(1.3, lower=0)
    tvV = Theta(8.0, lower=0)
{thetas}
    CL = LogNormal(tvCL, iiv=0.4)
    V = LogNormal(tvV, iiv=0.3)
    pk = OneCompartment(cl=CL, v=V)
    DV = Observation(pk.concentration, {error})
"""
    )


def below(limit: float):
    """Return observations of which those below a limit are flagged, DV being the limit."""

    def flagged(rng, own, truth, time):
        value = prediction(own, time) * (1 + truth["proportional_DV"] * rng.standard_normal())
        return {"DV": max(value, limit), "CENS": int(value < limit)}

    return flagged


def within(rng, own, truth, time):
    """Return observations below 4 as lying between two marks of a coarse scale."""
    value = prediction(own, time) + truth["additive_DV"] * rng.standard_normal()
    low = np.floor(value)
    return {"DV": low + 1.0, "CENS": 1, "LIMIT": low} if value < 4.0 else {"DV": value, "CENS": 0, "LIMIT": None}


def above(limit: float):
    """Return observations of which those above a limit are flagged."""

    def flagged(rng, own, truth, time):
        value = prediction(own, time) * (1 + truth["proportional_DV"] * rng.standard_normal())
        return {"DV": min(value, limit), "CENS": -int(value > limit)}

    return flagged


def positive(limit: float):
    """Return observations that are positive, of which those below a limit are flagged (M4)."""

    def flagged(rng, own, truth, time):
        value = -1.0
        while value <= 0:
            value = prediction(own, time) + truth["additive_DV"] * rng.standard_normal()
        return {"DV": max(value, limit), "CENS": int(value < limit)}

    return flagged


def unflagged(limit: float):
    """Return observations below a limit as they are: the model knows the limit."""
    return observed(lambda rng, f, truth: f + truth["additive_DV"] * rng.standard_normal())


def box_cox(rng, f, truth):
    """Draw a value whose square root is normal around that of f."""
    shape, value = 0.5, -1.0
    while value <= 0:
        height = (f**shape - 1) / shape + truth["additive_DV"] * rng.standard_normal()
        value = shape * height + 1
    return value ** (1 / shape)


def world(title: str, error: str, truth: dict, value, *, subjects: int = 120, methods=("focei", "laplace"), thetas: str = "") -> World:
    """Return a world of the one-compartment model."""
    return World(title, source(error, thetas), TRUTH | truth, dosed(value, TIMES, effects), subjects, methods)


def normal(sd) -> object:
    """Return observations with a normal error: `sd(f, truth)`."""
    return observed(lambda rng, f, truth: f + sd(f, truth) * rng.standard_normal())


def correlated(rng, truth, subjects):
    """Simulate residuals that are correlated in time."""
    rows = []
    for subject in range(1, subjects + 1):
        own, residual, last = effects(rng, truth), rng.standard_normal(), TIMES[0]
        rows.append({"ID": subject, "TIME": 0.0, "EVID": 1, "AMT": 100.0, "DV": None})
        for time in TIMES:
            rho = truth["autocorrelation_DV"] ** (time - last)
            residual, last = rho * residual + np.sqrt(1 - rho**2) * rng.standard_normal(), time
            value = prediction(own, time) * (1 + truth["proportional_DV"] * residual)
            rows.append({"ID": subject, "TIME": time, "EVID": 0, "AMT": 0.0, "DV": value})
    return rows


WORLDS = (
    World(
        "autocorrelated",
        source("proportional=0.3, autocorrelation=0.5"),
        TRUTH | {"proportional_DV": 0.15, "autocorrelation_DV": 0.8},
        correlated,
        150,
        ("focei", "laplace", "agq"),
    ),
    world("additive", "additive=0.3", {"additive_DV": 0.2}, normal(lambda f, t: t["additive_DV"])),
    world("proportional", "proportional=0.3", {"proportional_DV": 0.15}, normal(lambda f, t: t["proportional_DV"] * f)),
    world(
        "combined, variances",
        "additive=0.3, proportional=0.2",
        {"additive_DV": 0.15, "proportional_DV": 0.15},
        normal(lambda f, t: np.hypot(t["additive_DV"], t["proportional_DV"] * f)),
    ),
    world(
        "combined, SDs",
        'additive=0.2, proportional=0.2, combined="sd"',
        {"additive_DV": 0.1, "proportional_DV": 0.15},
        normal(lambda f, t: t["additive_DV"] + t["proportional_DV"] * f),
    ),
    world("power", "power=(0.2, 0.8)", {"power_DV": 0.2, "exponent_DV": 0.6}, normal(lambda f, t: t["power_DV"] * f ** t["exponent_DV"])),
    world(
        "log-additive",
        "log_additive=0.3",
        {"log_additive_DV": 0.2},
        observed(lambda rng, f, t: f * np.exp(t["log_additive_DV"] * rng.standard_normal())),
    ),
    world("Box-Cox error", "additive=0.3, box_cox=0.5", {"additive_DV": 0.15}, observed(box_cox)),
    world(
        "Student's t error",
        "additive=0.3, student=4",
        {"additive_DV": 0.2},
        observed(lambda rng, f, t: f + t["additive_DV"] * rng.standard_t(4)),
        methods=("laplace", "agq"),
    ),
    world("below a limit, M3", "proportional=0.3", {"proportional_DV": 0.2}, below(2.0), methods=("laplace", "focei", "agq")),
    world("above a limit", "proportional=0.3", {"proportional_DV": 0.2}, above(8.0), methods=("laplace", "focei", "agq")),
    world("within an interval", "additive=0.3", {"additive_DV": 0.4}, within, methods=("laplace", "focei", "agq")),
    world("below a limit, M4", 'additive=0.3, censoring="M4"', {"additive_DV": 0.5}, positive(1.0), methods=("laplace", "focei", "agq")),
    world("below lloq=", "additive=0.3, lloq=1.0", {"additive_DV": 0.5}, unflagged(1.0), methods=("laplace", "focei", "agq")),
)
