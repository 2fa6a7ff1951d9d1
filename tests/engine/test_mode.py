"""The global search for modes: that it ends climbs which head for a known mode must change no result."""

import numpy as np
import polars as pl
import pytest

from popmix import *
from popmix.likelihood import bind
from popmix.likelihood.candidates import candidates
from popmix.model.parameters import parameters_of

FOLLOWED = 5  # of the candidates, the best so many are climbed from


class FlipFlop(Model):
    """Absorption and elimination that may change places."""

    K = LogNormal(0.6, iiv=1.2)
    Ka = LogNormal(0.8, iiv=1.2)
    V = LogNormal(10.0, iiv=0.8)
    pk = OneCompartment(cl=K * V, v=V, ka=Ka)
    DV = Observation(pk.concentration, additive=Fixed(0.05))


class Square(Model):
    """A parabola in one effect, a wave in the other: several modes of nearly the same height."""

    x = Eta(sd=1.5)
    y = Eta(sd=1.5)
    DV = Observation(where(T < 1.5, (x - 0.1) ** 2 + sin(2 * y), 0.2 * x - 0.1 * y), additive=Fixed(0.3))


TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 14.0])
SDS = {FlipFlop: np.array([1.2, 1.2, 0.8]), Square: np.array([1.5, 1.5])}


def flip_flop(eta: np.ndarray) -> np.ndarray:
    k, ka, v = np.array([0.6, 0.8, 10.0]) * np.exp(eta)
    d = ka - k
    mean = TIMES if abs(d) < 1e-12 else -np.expm1(-d * TIMES) / d
    return 100 / v * ka * np.exp(-k * TIMES) * mean


def square(eta: np.ndarray) -> np.ndarray:
    return np.array([(eta[0] - 0.1) ** 2 + np.sin(2 * eta[1]), 0.2 * eta[0] - 0.1 * eta[1]])


def data_of(model: Model, dv: np.ndarray) -> pl.DataFrame:
    times = TIMES if model is FlipFlop else np.array([1.0, 2.0])
    rows = []
    for subject, values in enumerate(dv, start=1):
        if model is FlipFlop:
            rows.append({"ID": subject, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": None})
        rows += [{"ID": subject, "TIME": t, "AMT": None, "EVID": 0, "DV": v} for t, v in zip(times, values, strict=True)]
    whole = pl.DataFrame(rows, infer_schema_length=None)
    return whole if model is FlipFlop else whole.drop("AMT", "EVID")


@pytest.mark.parametrize("interaction", [True, False], ids=["focei", "foce"])
@pytest.mark.parametrize(("model", "predict", "error"), [(FlipFlop, flip_flop, 0.05), (Square, square, 0.3)], ids=["flip-flop", "square"])
def test_the_search_finds_what_climbs_from_all_its_starts_find(model, predict, error, interaction):
    rng, sds = np.random.default_rng(4), SDS[model]
    clean = np.array([predict(eta) for eta in rng.normal(size=(60, len(sds))) * sds])
    dv = clean + error * rng.normal(size=clean.shape)
    problem, parameters = bind(model, data_of(model, dv)), parameters_of(model)
    points = candidates(len(sds)) * sds

    def height(values: np.ndarray, eta: np.ndarray) -> float:
        return float(np.sum(((values - predict(eta)) / error) ** 2) + np.sum((eta / sds) ** 2))

    ranked = np.array([points[np.argsort([height(values, eta) for eta in points])[:FOLLOWED]] for values in dv])
    starts = [np.zeros((60, len(sds))), *ranked.transpose(1, 0, 2)]
    climbs = [problem.foce(parameters, interaction=interaction, modes=start) for start in starts]
    ends = np.array([np.where(one.marginal.status == 0, one.individual, np.inf) for one in climbs])
    etas = np.array([one.marginal.eta for one in climbs])
    lowest, own = np.min(ends, axis=0), etas[np.argmin(ends, axis=0), np.arange(len(dv))]
    found = problem.foce(parameters, interaction=interaction, globally=True)
    assert not len(found.failed)
    # modes are exact to 1e-8 of their SD
    assert found.individual == pytest.approx(lowest, rel=1e-8, abs=1e-8)
    worse = np.any(np.isfinite(ends) & (ends > lowest + 1e-3), axis=0)
    assert np.sum(worse) > 10  # there are subjects with other modes: the case is what it is meant to be
    # and it is the same mode, but where another is as low
    rivals = np.any((ends < lowest + 1e-6) & (np.linalg.norm(etas - own, axis=2) > 1e-3), axis=0)
    assert found.marginal.eta[~rivals] == pytest.approx(own[~rivals], abs=1e-6) and np.sum(~rivals) > 40
