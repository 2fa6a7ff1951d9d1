"""Counts with excess zeros: a subject with one large count and zeros has a conditional distribution whose two modes merge in a flat one.

Where a mode is about to vanish its curvature goes to zero, and the value of a rule built on it to minus infinity, whatever the likelihood.
"""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln

import popmix
from popmix import *
from popmix.likelihood import bind
from popmix.model.parameters import parameters_of


class Excess(Model):
    a = Theta(1.69)
    b = Theta(-0.0015)
    c = Theta(-0.304)
    z = Theta(0.12, lower=0, upper=1)
    WOMAN = Covariate()
    A = Normal(a, iiv=1.0)
    DV = Observation(ZeroInflatedPoisson(exp(A + b * T + c * WOMAN), z))


TIMES, COUNTS = np.array([0.0, 6.0, 12.0, 18.0, 24.0]), np.array([6.0, 0.0, 0.0, 0.0, 0.0])
ROWS = {"ID": [1] * 5, "TIME": TIMES.tolist(), "DV": COUNTS.tolist(), "WOMAN": [1] * 5}
# from two modes, one of them about to vanish, over a point where there is one with next to no curvature
PATH = {
    "two modes": {"a": 1.69012743, "b": -1.45622684e-03, "c": -0.303794456, "z": 0.119795805, "iiv_A": 0.999074496},
    "flat": {"a": 1.72234, "b": -1.7611e-03, "c": -0.31931, "z": 0.1196896, "iiv_A": 0.950738},
    "one mode": {"a": 1.721, "b": -1.378e-03, "c": -0.3022, "z": 0.1259, "iiv_A": 0.9513},
}


def minus2ll(values):
    def density(eta):
        rate = np.exp(values["a"] + eta + values["b"] * TIMES + values["c"])
        poisson = COUNTS * np.log(rate) - rate - gammaln(COUNTS + 1)
        own = np.where(COUNTS == 0, np.log(values["z"] + (1 - values["z"]) * np.exp(-rate)), np.log1p(-values["z"]) + poisson)
        return np.exp(own.sum() - 0.5 * (eta / values["iiv_A"]) ** 2) / (np.sqrt(2 * np.pi) * values["iiv_A"])

    return -2 * np.log(quad(density, -8, 6, epsabs=0, epsrel=1e-11, limit=500)[0])


@pytest.mark.parametrize(("name", "error"), [("two modes", 0.3), ("one mode", 0.3), ("flat", 1.0)])
def test_quadrature_is_near_the_integral_from_wherever_the_search_begins(name, error):
    """To the error that nine nodes have for a distribution with a flat top (of 21); around a vanishing mode they are 6 off."""
    values, problem = PATH[name], bind(Excess, ROWS)
    parameters = parameters_of(Excess).with_values(values)
    rule, found = popmix.AGQ(order=9).rule, []
    for start in (-1.5, -0.3, -0.04, 0.0, 0.12, 1.0):
        found.append(problem.evaluate(parameters, rule, modes=[np.array([[start]])]).ofv)
    assert np.ptp(found) < 1e-6
    assert found[0] == pytest.approx(minus2ll(values), abs=error)


def test_a_flat_mode_is_told():
    told = [popmix.evaluate(Excess, ROWS, popmix.Laplace(), at=PATH[name]).messages for name in ("flat", "one mode")]
    assert any("subject 1: the conditional distribution is so flat at its mode" in message for message in told[0])
    assert not any("flat at its mode" in message for message in told[1])
