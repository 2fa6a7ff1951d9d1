"""Local regression by its definition."""

import numpy as np
import pytest

from popmix.errors import OptionError
from popmix.plot.smooth import loess


def brute(x, y, at, span, degree):
    """Return the smooth at one place by weighted least squares."""
    distance = np.abs(x - at)
    nearest = int(np.floor(len(x) * min(span, 1) + 1e-5))
    reach = np.sort(distance)[nearest - 1] * np.sqrt(max(span, 1))
    weights = np.where(distance < reach, (1 - (distance / reach) ** 3) ** 3, 0)
    design = np.vander(x - at, degree + 1, increasing=True) * np.sqrt(weights)[:, None]
    return np.linalg.lstsq(design, y * np.sqrt(weights), rcond=None)[0][0]


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("span", [0.4, 0.75, 1.5])
def test_it_is_weighted_least_squares(span, degree):
    random = np.random.default_rng(1)
    x = np.sort(random.uniform(0, 10, 60))
    y = np.sin(x) + 0.2 * random.standard_normal(60)
    at, found = loess(x, y, np.linspace(0, 10, 9), span=span, degree=degree)
    assert np.allclose(found, [brute(x, y, one, span, degree) for one in at], atol=1e-9)


@pytest.mark.parametrize(
    ("span", "degree", "expected"),
    [
        (0.4, 1, (1.129388703618, 2.64279615375, 5.100013263956, 8.476634933975, 11.64280903341)),
        (0.4, 2, (1.163429259439, 2.616313709762, 4.528621196687, 7.894171676395, 11.64397427629)),
        (0.75, 1, (1.267135702553, 2.661246644083, 5.380697878484, 8.952744792233, 11.16117208216)),
        (0.75, 2, (1.06592966898, 2.780210439469, 5.225398877622, 8.563363204892, 11.55411501326)),
        (1.5, 1, (1.132015098353, 2.587104159803, 5.48795500987, 8.938027898912, 10.67092645424)),
        (1.5, 2, (1.384063966563, 2.576298110168, 5.241427721524, 8.819474975741, 11.31096710418)),
    ],
)
def test_it_is_the_loess_of_r(span, degree, expected):
    """R 4.2.2, loess with surface = "direct": the digits printed. Data by a formula."""
    i = np.arange(1, 61)
    x = (37 * i) % 101 / 10
    y = (53 * i) % 97 / 20 + x**2 / 10
    assert loess(x, y, np.array([0.5, 2, 5, 8, 9.5]), span=span, degree=degree)[1] == pytest.approx(expected, rel=1e-11)


def test_polynomials_of_its_degree_are_kept():
    x = np.random.default_rng(2).uniform(-3, 5, 50)
    at, found = loess(x, 2 - x + 0.5 * x**2)
    assert np.allclose(found, 2 - at + 0.5 * at**2, atol=1e-8)


def test_shift_and_scale_change_nothing_else():
    random = np.random.default_rng(3)
    x, y = random.uniform(0, 1, 40), random.standard_normal(40)
    at, found = loess(x, y)
    moved, other = loess(1000 + 1e-3 * x, 5 + 2 * y)
    assert np.allclose(moved, 1000 + 1e-3 * at) and np.allclose(other, 5 + 2 * found, atol=1e-6)


def test_shared_and_few_places():
    """Where the neighbourhood has fewer distinct x than the degree asks for, a lower degree is taken."""
    x, y = np.repeat([1.0, 2.0], 10), np.concatenate([np.full(10, 3.0), np.full(10, 5.0)])
    _, found = loess(x, y, np.array([1.0, 2.0]))
    assert np.allclose(found, [3.0, 5.0])
    assert np.allclose(loess(np.ones(5), np.arange(5.0), np.array([1.0]))[1], 2.0)
    assert len(loess(np.array([np.nan]), np.array([1.0]))[1]) == 0


def test_wrong_spans_are_refused():
    with pytest.raises(OptionError, match="span=0 must be positive and degree=2"):
        loess(np.arange(5.0), np.arange(5.0), span=0)
