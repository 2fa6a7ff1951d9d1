"""Absorption profiles against scipy's distributions, and enterohepatic recycling."""

import numpy as np
import pytest
from equations import random_values, use
from scipy import integrate, stats

from popmix.model import EnterohepaticRecycling, inverse_gaussian_profile, transit_profile, weibull_profile
from popmix.model.evaluation import value_of
from popmix.model.expression import Reference

PROFILES = {
    "transit": (transit_profile, {"mtt": 2.5, "n": 4.3}, stats.gamma(5.3, scale=2.5 / 5.3), 2.5),
    "transit, fewer than one": (transit_profile, {"mtt": 1.5, "n": 0.4}, stats.gamma(1.4, scale=1.5 / 1.4), 1.5),
    "weibull": (weibull_profile, {"scale": 3.0, "shape": 1.7}, stats.weibull_min(1.7, scale=3.0), None),
    "weibull, steep start": (weibull_profile, {"scale": 3.0, "shape": 0.7}, stats.weibull_min(0.7, scale=3.0), None),
    # in scipy's terms the mean is mu scale and the squared coefficient of variation mu
    "inverse gaussian": (inverse_gaussian_profile, {"mat": 4.0, "cv2": 0.6}, stats.invgauss(0.6, scale=4.0 / 0.6), 4.0),
}
every_profile = pytest.mark.parametrize("profile", PROFILES)


def density(profile, at):
    word, values, *_ = PROFILES[profile]
    expression = word(**{name: Reference(name) for name in values})
    return value_of(expression, values | {"TAD": at})


@every_profile
def test_it_is_the_density_that_it_is_called(profile):
    _, _, reference, _ = PROFILES[profile]
    times = np.array([1e-6, 0.1, 1.0, 4.0, 20.0])
    assert [density(profile, t) for t in times] == pytest.approx(list(reference.pdf(times)), rel=1e-10)  # logarithms of gamma functions


@every_profile
def test_it_integrates_to_one_with_the_mean_that_is_said(profile):
    _, _, reference, mean = PROFILES[profile]
    far = reference.ppf(1 - 1e-13)
    # u = sqrt(t) takes the infinite start of a steep Weibull density away
    whole, _ = integrate.quad(lambda u: 2 * u * density(profile, u * u), 0, np.sqrt(far), limit=200)
    first, _ = integrate.quad(lambda u: 2 * u**3 * density(profile, u * u), 0, np.sqrt(far), limit=200)
    assert whole == pytest.approx(1, abs=1e-8)  # the quadrature's error
    assert first == pytest.approx(reference.mean() if mean is None else mean, rel=1e-6)


@every_profile
@pytest.mark.parametrize("at", [0.0, -1.0])
def test_nothing_arrives_before_the_dose(profile, at):
    assert density(profile, at) == 0


def test_a_weibull_density_of_shape_one_is_first_order_absorption():
    expression = weibull_profile(scale=2.0, shape=1)
    assert value_of(expression, {"TAD": 3.0}) == pytest.approx(0.5 * np.exp(-1.5))


DRUG = ("cl", "v", "kbile", "ka", "q", "v2")
MEALS = ("kempty", "meal", "meal_length")
STATES = ("depot", "central", "peripheral", "gallbladder")


def test_recycling_by_hand_and_conserved():
    equations = use(EnterohepaticRecycling, *DRUG, "release")
    p, s = random_values(1, *DRUG, "release"), random_values(2, *STATES)
    k10, k12, k21 = p["cl"] / p["v"], p["q"] / p["v"], p["q"] / p["v2"]
    emptied = p["release"] * s["gallbladder"]
    expected = {
        "depot": -p["ka"] * s["depot"],
        "central": p["ka"] * s["depot"] - (k10 + p["kbile"] + k12) * s["central"] + k21 * s["peripheral"] + emptied,
        "peripheral": k12 * s["central"] - k21 * s["peripheral"],
        "gallbladder": p["kbile"] * s["central"] - emptied,
    }
    slopes = equations.slopes(s, p)
    assert list(slopes) == list(STATES)
    assert slopes == pytest.approx(expected, rel=1e-10)
    assert sum(slopes.values()) == pytest.approx(-k10 * s["central"], rel=1e-10)
    assert equations.outputs(s, p) == {"concentration": pytest.approx(s["central"] / p["v"])}


@pytest.mark.parametrize(("every", "open"), [(None, [(4.0, 5.5)]), (10.0, [(-6.0, -4.5), (4.0, 5.5), (14.0, 15.5), (24.0, 25.5)])])
def test_the_gallbladder_empties_at_meals(every, open):
    given = ("cl", "v", "kbile", *MEALS, *(["every"] if every else []))
    equations = use(EnterohepaticRecycling, *given)
    values = {"cl": 1.0, "v": 1.0, "kbile": 0.5, "kempty": 2.0, "meal": 4.0, "meal_length": 1.5, "every": every}
    for t in np.arange(-3, 30, 0.07):
        slope = equations.slopes({"central": 0.0, "gallbladder": 3.0}, values | {"T": t})
        expected = -6.0 if any(first <= t < last for first, last in open) else 0.0
        assert slope == {"central": -expected, "gallbladder": expected}, t
