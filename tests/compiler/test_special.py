"""Functions with their own code: normal probabilities in both tails, exponentials near zero, quantiles; values and derivatives."""

import math

import numpy as np
import pytest
import symengine
from differences import slope
from machine import compiled, jet
from scipy import special, stats

from popmix.compiler.program import Program

X = symengine.Symbol("x")
Z = symengine.Symbol("z")


def of(function: str, *extra: float):
    """Return value, first and second derivative of a function of one variable."""
    program = Program()
    return jet(program, program.apply(function, X, *map(symengine.RealDouble, extra)), [X])


TAILS = (-1e5, -300.0, -40.0, -30.001, -29.999, -8.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 5.0, 8.3, 37.0)


@pytest.mark.parametrize("x", TAILS)
def test_log_normal_cdf(x):
    """Value against scipy's; the slope is phi / Phi and the curvature -m (x + m), m the slope."""
    value, first, second = of("log_normal_cdf")(x)
    # log_ndtr of scipy is good to a few units of the 14th digit
    assert value == pytest.approx(special.log_ndtr(x), rel=5e-14, abs=1e-300)
    mills = math.exp(-0.5 * x * x - 0.5 * math.log(2 * math.pi) - special.log_ndtr(x)) if x > -100 else -x + 1 / -x - 2 / (-x) ** 3
    assert first == pytest.approx(mills, rel=1e-10, abs=1e-300)
    gap = x + mills if x > -8 else 1 / -x - 2 / (-x) ** 3 + 10 / (-x) ** 5 - 74 / (-x) ** 7 + 706 / (-x) ** 9
    # five terms of the series leave an error of about 8162 / x^11, 1e-6 of it at -8
    assert second == pytest.approx(-mills * gap, rel=1e-5 if x < -7 else 1e-12, abs=1e-300)


@pytest.mark.parametrize("x", [-1e4, -50.0, -10.0, -1.0, 0.0, 2.0, 6.0, 30.0, 50.0])
def test_censored_root_gives_the_curvature(x):
    """The square of its slope is the curvature of -log Phi."""
    _, first, second = of("censored_root")(x)
    curvature = -of("log_normal_cdf")(x)[2]
    assert first**2 == pytest.approx(curvature, rel=1e-12)
    assert second == pytest.approx(slope(lambda h: of("censored_root")(x + h)[1], 1e-3 * max(1.0, abs(x) / 10)), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [(-1.0, 1.0), (-40.0, -39.0), (39.0, 40.0), (2.0, 2.0 + 1e-6), (-0.5, 8.0), (-8.0, 8.0), (-math.inf, -2.0), (-1e3, 1e3), (5.0, 5.5)],
)
def test_log_normal_interval(a, b):
    program = Program()
    interval = program.apply("log_normal_interval", X, Z)
    value = compiled(program, [X, Z], [interval])(a, b)[0]
    low, high = (-b, -a) if a + b > 0 else (a, b)
    expected = special.log_ndtr(high) + np.log1p(-np.exp(special.log_ndtr(low) - special.log_ndtr(high)))
    # a narrow interval is a difference of two numbers that agree in six digits
    assert value == pytest.approx(expected, rel=1e-9 if b - a < 1e-3 else 1e-12)
    if math.isfinite(a):
        slopes = compiled(program, [X, Z], [program.differentiate(interval, one) for one in (X, Z)])(a, b)
        share = [math.exp(-0.5 * x * x - 0.5 * math.log(2 * math.pi) - expected) for x in (a, b)]
        assert slopes == pytest.approx([-share[0], share[1]], rel=1e-8)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("z", [-30.0, -2.0, -0.71, -0.69, -1e-9, 0.0, 1e-12, 0.3, 0.699, 0.701, 5.0, 30.0])
def test_phi_functions(order, z):
    """phi_k(z) = integral of exp((1 - s) z) s^(k - 1) / (k - 1)! over s from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    s = 0.5 * (nodes + 1)
    expected = np.sum(0.5 * weights * np.exp((1 - s) * z) * s ** (order - 1)) / math.factorial(order - 1)
    program = Program()
    found = compiled(program, [X], [program.apply(f"phi_{order}", X), program.differentiate(program.apply(f"phi_{order}", X), X)])(z)
    # each step of the recurrence away from zero loses what the difference cancels
    assert found[0] == pytest.approx(expected, rel=1e-12)
    moved = np.sum(0.5 * weights * (1 - s) * np.exp((1 - s) * z) * s ** (order - 1)) / math.factorial(order - 1)
    assert found[1] == pytest.approx(moved, rel=1e-10)


@pytest.mark.parametrize("x", [-1000.0, -40.0, -1.0, 0.0, 1e-8, 3.0, 40.0, 1000.0])
def test_softplus(x):
    value, first, second = of("log1p_exp")(x)
    assert value == pytest.approx(np.logaddexp(0.0, x), rel=1e-15, abs=5e-324)
    assert first == pytest.approx(special.expit(x), rel=1e-14)
    assert second == pytest.approx(special.expit(x) * special.expit(-x), rel=1e-13, abs=5e-324)


@pytest.mark.parametrize("p", [1e-300, 1e-20, 1e-5, 0.02424, 0.02426, 0.3, 0.5, 0.7, 0.97573, 0.97575, 1 - 1e-9])
def test_normal_quantile(p):
    value, first, _ = of("normal_quantile")(p)
    assert value == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-15)
    assert first == pytest.approx(1 / stats.norm.pdf(stats.norm.ppf(p)), rel=1e-9)


@pytest.mark.parametrize("df", [0.7, 1.0, 3.0, 4.5, 30.0, 2000.0])
@pytest.mark.parametrize("z", [-8.0, -3.0, -0.5, -1e-4, 0.0, 1e-7, 0.8, 2.0, 6.0])
def test_student_quantile(z, df):
    value, first, second = of("student_quantile", df)(z)
    expected = math.copysign(stats.t.isf(stats.norm.sf(abs(z)), df), z) if z else 0.0
    # isf of scipy is itself good to about ten digits
    assert value == pytest.approx(expected, rel=1e-8, abs=1e-12)
    # by its definition: the probabilities agree
    assert stats.t.logsf(abs(value), df) == pytest.approx(stats.norm.logsf(abs(z)), rel=1e-9)
    assert first == pytest.approx(math.exp(stats.norm.logpdf(z) - stats.t.logpdf(value, df)), rel=1e-9)
    step = 1e-3
    assert second == pytest.approx(slope(lambda h: of("student_quantile", df)(z + h)[1], step), rel=1e-6, abs=1e-7)


def test_student_is_normal_for_many_degrees_of_freedom_and_odd():
    found = of("student_quantile", 1e7)
    assert found(1.3)[0] == pytest.approx(1.3, rel=1e-6) and found(-1.3)[0] == -found(1.3)[0]
