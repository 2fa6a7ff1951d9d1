"""Absorption profiles against superposition by quadrature, their derivatives against differences, and what is refused."""

from collections.abc import Callable

import numpy as np
import pytest
from dosing_jets import Solver as Stepper
from integrating import problem_of, with_solver
from scipy import stats

from popmix.errors import SupportError

LINES = """
CL = LogNormal(2.0, iiv=0.2)
V = LogNormal(15.0, iiv=0.2)
MEAN = LogNormal(2.5, iiv=0.2)
SHAPE = LogNormal({shape}, iiv=0.2)
F = LogitNormal(0.6, iiv=0.3)
{lag}
pk = OneCompartment(cl=CL, v=V, f=F, profile={profile}{more})
"""
WITH_LAG = "Lag = LogNormal(0.4, iiv=0.2)"
EFFECTS = np.array([0.1, -0.1, 0.2, -0.15, 0.12, 0.05])
TIMES = np.array([0.2, 0.9, 1.7, 2.6, 4.1, 5.3, 6.9, 8.8, 11.9, 12.5, 13.3, 14.9, 22.0])
# two more doses after 3, which overlap; at 12 all that is there or arriving is taken away
ROWS = [{"AMT": 100.0}, {"TIME": 3.0, "AMT": 60.0, "ADDL": 2, "II": 2.5}, {"TIME": 12.0, "EVID": 3}, {"TIME": 13.0, "AMT": 40.0}]
DOSES = ((0.0, 100.0), (3.0, 60.0), (5.5, 60.0), (8.0, 60.0), (13.0, 40.0))
RESET = 12.0

PROFILES = {
    "transit": ("transit_profile(MEAN, SHAPE)", 3.3, lambda mean, n: stats.gamma(n + 1, scale=mean / (n + 1))),
    "few transits": ("transit_profile(MEAN, SHAPE)", 0.45, lambda mean, n: stats.gamma(n + 1, scale=mean / (n + 1))),
    "Weibull 2.8": ("weibull_profile(MEAN, SHAPE)", 2.8, lambda scale, shape: stats.weibull_min(shape, scale=scale)),
    "Weibull 1.1": ("weibull_profile(MEAN, SHAPE)", 1.1, lambda scale, shape: stats.weibull_min(shape, scale=scale)),
    "Weibull 0.6": ("weibull_profile(MEAN, SHAPE)", 0.6, lambda scale, shape: stats.weibull_min(shape, scale=scale)),
    "inverse Gaussian": ("inverse_gaussian_profile(MEAN, SHAPE)", 0.7, lambda mean, cv2: stats.invgauss(cv2, scale=mean / cv2)),
}
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(400)
# probabilities near 0 and 1 lie close together, where quantiles are steep
SHARES = 0.5 * (1 + np.sin(0.5 * np.pi * POINTS))
SHARE_WEIGHTS = 0.25 * np.pi * np.cos(0.5 * np.pi * POINTS) * WEIGHTS


def arrived(density: stats.rv_continuous, left: Callable, elapsed: float) -> float:
    """Return the integral of g(u) left(elapsed - u) from 0 to elapsed, over the probability of u: nothing is infinite there."""
    if elapsed <= 0:
        return 0.0
    all_of_it = density.cdf(elapsed)
    quantiles = np.minimum(density.ppf(all_of_it * SHARES), elapsed)
    return float(all_of_it * (SHARE_WEIGHTS @ left(elapsed - quantiles)))


def superposed(name: str, eta: np.ndarray, lag: bool, ka: float | None = None) -> np.ndarray:
    """Return concentrations: of all doses since the last reset, each by quadrature."""
    cl, v, mean, shape = np.array([2.0, 15.0, 2.5, PROFILES[name][1]]) * np.exp(eta[:4])
    f, late, k = 1 / (1 + np.exp(-(np.log(1.5) + eta[4]))), 0.4 * np.exp(eta[5]) if lag else 0.0, cl / v
    density = PROFILES[name][2](mean, shape)

    def left(t: np.ndarray) -> np.ndarray:
        return np.exp(-k * t) if ka is None else ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))

    return np.array(
        [sum(f * amount / v * arrived(density, left, t - at - late) for at, amount in DOSES if (at > RESET) == (t > RESET)) for t in TIMES]
    )


def stepper(name: str, lag: bool, method: str, tolerance: float, more: str = "") -> tuple[Stepper, np.ndarray]:
    profile, shape, _ = PROFILES[name]
    lines = LINES.format(profile=profile, shape=shape, lag=WITH_LAG if lag else "", more=(", lag=Lag" if lag else "") + more)
    problem = problem_of(lines, ["pk.concentration"], TIMES, rows=ROWS)
    return Stepper(with_solver(problem, method, tolerance)), EFFECTS[: 6 if lag else 5]


def close(found: np.ndarray, expected: np.ndarray, near: float) -> None:
    assert np.allclose(found, expected, rtol=0, atol=near * np.max(np.abs(expected))), np.max(np.abs(found - expected)) / np.max(
        np.abs(expected)
    )


@pytest.mark.parametrize("method", ["auto", "stiff"])
@pytest.mark.parametrize("lag", [False, True], ids=["at once", "with lag"])
@pytest.mark.parametrize("name", PROFILES)
def test_superposition_and_derivatives(name, lag, method):
    """Values are exact to a few tolerances, differences of them as well over the step of 3e-3, and over its square.

    A density that rises like a power of time below 2 has derivatives by time without a limit at the dose. With a lag and a Weibull
    shape below 1 what arrives in the head of 1e-7, a share of 1e-7^0.6, is not spread over it: second derivatives by the lag reach
    some 1e-4.
    """
    rough = name in ("few transits", "Weibull 1.1", "Weibull 0.6")
    steep = lag and name == "Weibull 0.6"
    tolerance = 1e-8 if rough else 1e-10
    own, eta = stepper(name, lag, method, tolerance)
    f, first, second = own.jets(eta)
    expected = superposed(name, eta, lag)
    close(f, expected, 1e-6 if rough else 1e-8)
    close(own.values(eta), expected, 1e-6 if rough else 1e-8)
    by_first, by_second = own.differences(eta)
    close(first, by_first, 1e-4 if rough else 1e-6)
    close(second, by_second, 1e-2 if steep else 5e-3 if rough else 1e-4)
    assert f[TIMES == 12.5] == 0.0 and not np.any(first[TIMES == 12.5])  # taken away, and nothing arrives any more


def test_transits_that_feed_a_depot():
    """As in the paper of Savic and others: the profile, then ka."""
    own, eta = stepper("transit", True, "auto", 1e-10, ", ka=1.1")
    close(own.values(eta), superposed("transit", eta, True, ka=1.1), 1e-7)
    _, first, _ = own.jets(eta)
    close(first, own.differences(eta)[0], 1e-6)


def test_a_weibull_of_shape_1_is_first_order_absorption():
    """Without any quadrature, and with derivatives: ka = 1 / scale. The density is not zero at the dose, which a lag moves."""
    lines = """
    CL = LogNormal(2.0, iiv=0.2)
    Ka = LogNormal(0.8, iiv=0.2)
    F = LogitNormal(0.6, iiv=0.3)
    Lag = LogNormal(0.4, iiv=0.2)
    pk = TwoCompartments(cl=CL, v1=15, q=1, v2=8, f=F, lag=Lag, {})
    """
    profile, closed = (
        Stepper(with_solver(problem_of(lines.format(how), ["pk.concentration"], TIMES, rows=ROWS), "auto", 1e-10))
        for how in ("profile=weibull_profile(1 / Ka, 1)", "ka=Ka")
    )
    eta = np.array([0.1, -0.2, 0.3, -0.1])
    # second derivatives by the lag miss what the head of 1e-7 holds
    for found, expected, tolerance in zip(profile.jets(eta), closed.jets(eta), (1e-7, 1e-7, 1e-5), strict=True):
        close(found, expected, tolerance)


REFUSED = {
    "an infusion": {"RATE": 20.0},
    "a duration": {"DUR": 2.0},
    "a steady state": {"SS": 1, "II": 12.0},
    "an added steady state": {"SS": 2, "II": 12.0},
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_what_can_not_arrive_by_a_profile_is_refused(row):
    """Rows are those of the data file: the header, a record at 0, and the dose in question."""
    lines = "pk = OneCompartment(cl=2, v=15, profile=transit_profile(2, 3))"
    with pytest.raises(SupportError, match=r"doses into central arrive by an absorption profile .*row 4\. ") as caught:
        problem_of(lines, ["pk.concentration"], [9.0], rows=[{"AMT": 50.0, "TIME": 1.0}, {"AMT": 50.0, "TIME": 2.0} | row])
    assert "ADDL" in str(caught.value)


def test_other_compartments_take_infusions_and_steady_states():
    lines = "pk = OneCompartment(cl=2, v=15, ka=1, profile=transit_profile(2, 3))\nother = Dose(pk.central)"
    rows = [{"AMT": 50.0, "RATE": 10.0, "CMT": 2}, {"AMT": 50.0, "SS": 1, "II": 12.0, "CMT": 2, "TIME": 30.0}]
    found = Stepper(problem_of(lines, ["pk.concentration"], [4.0, 31.0], rows=rows)).values(np.zeros(0))
    k = 2 / 15
    expected = [10 / 2 * (1 - np.exp(-4 * k)), 50 / 15 * np.exp(-k) / (1 - np.exp(-12 * k))]
    assert found == pytest.approx(expected, rel=1e-7)
