"""Replicates are made in parts, so that large data sets fit into memory; the parts change no number."""

import sys

import numpy as np
import pytest

from popmix import *
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of
from popmix.simulate import replicates


class Both(Model):
    a = Theta(2.0)
    A = LogNormal(a, iiv=0.4)
    cp = Observation(A, additive=0.3)
    COUNT = Observation(Poisson(A))


class Alone(Model):
    a = Theta(2.0)
    A = LogNormal(a, iiv=0.4)
    cp = Observation(A + 0 * T, additive=0.3)


ROWS = {"ID": [1, 1, 2, 2], "TIME": [0, 0, 0, 0], "DV": [1, 1, 1, 1], "DVID": ["cp", "COUNT"] * 2}


@pytest.mark.parametrize("model", [Both, Alone])
def test_parts_change_no_number(monkeypatch, model):
    rows = ROWS if model is Both else {name: ROWS[name] for name in ("ID", "TIME", "DV")}
    problem, parameters = bind(model, rows), parameters_of(model)
    values = np.tile(parameters.values, (25, 1)) * np.linspace(0.8, 1.2, 25)[:, None]
    whole = [replicates(problem, parameters, 25, seed=3, values=one) for one in (None, values)]
    monkeypatch.setattr(sys.modules[replicates.__module__], "_BLOCK", 12)  # three replicates of four observations
    parts = [replicates(problem, parameters, 25, seed=3, values=one) for one in (None, values)]
    for one, other in zip(whole, parts, strict=True):
        assert np.array_equal(one.dv, other.dv) and np.array_equal(one.failures, other.failures)
        assert (one.arguments is None) == (model is Alone)
        if model is Both:
            assert np.array_equal(one.arguments, other.arguments)
