"""Densities of outcomes: against scipy's, sums of probabilities, integrals with tails, extremes, and derivatives against differences."""

import math

import numpy as np
import pytest
import symengine
from differences import slopes
from machine import compiled, jet
from scipy import integrate, stats

from popmix.compiler.outcomes import censored_density, log_rising, outcome_density, student_density, truncated_density
from popmix.compiler.program import Program

Y, P = symengine.Symbol("Y"), symengine.Symbol("P")
A, B, C = symengine.symbols("a b c")
NUMBER = symengine.RealDouble


def built(kind: str, arguments, variables):
    """Return -log p, mean and variance of an outcome as a function of (variables, value, value before)."""
    program = Program()
    made = arguments(program) if callable(arguments) else arguments
    density = outcome_density(program, kind, made, Y, P)
    return compiled(program, [*variables, Y, P], [density.nll, density.mean, density.variance])


def logit(program, x):
    return program.apply("expit", x)


CASES = {
    "Bernoulli": (lambda program: {"p": logit(program, A)}, [A], 2, [(-700.0,), (-3.0,), (0.2,), (800.0,)]),
    "Binomial": (lambda program: {"n": NUMBER(12), "p": logit(program, A)}, [A], 13, [(-5.0,), (0.3,), (4.0,)]),
    "Poisson": ({"rate": symengine.exp(A)}, [A], 400, [(-20.0,), (0.0,), (3.0,), (5.0,)]),
    "NegativeBinomial": (
        {"mean": symengine.exp(A), "dispersion": B}, [A, B], 6000, [(0.0, 0.3), (2.0, 2.0), (3.0, 1e3), (2.0, 1e8), (1.0, 1e12)],
    ),
    "ZeroInflatedPoisson": (
        lambda program: {"rate": symengine.exp(A), "zero": logit(program, B)},
        [A, B],
        400,
        [(1.0, -2.0), (3.0, 0.0), (4.0, 30.0), (2.0, -700.0)],
    ),
    "ZeroInflatedNegativeBinomial": (
        lambda program: {"mean": symengine.exp(A), "dispersion": B, "zero": logit(program, C)},
        [A, B, C],
        6000,
        [(1.0, 0.7, -1.0), (3.0, 5.0, 2.0)],
    ),
    "Ordinal": (
        {"location": A, "cutpoints": (NUMBER(-1.0), B, NUMBER(4.0))},
        [A, B],
        4,
        [(0.0, 1.0), (-30.0, 1.0), (600.0, 1.0), (0.0, -1.0 + 1e-9)],
    ),
    "Categorical": ({"p": (1 / (1 + A + B), A / (1 + A + B), B / (1 + A + B))}, [A, B], 3, [(1.0, 2.0), (1e-8, 30.0)]),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "values"), [(kind, values) for kind, case in CASES.items() for values in case[3]])
def test_probabilities_sum_to_one_with_their_mean_and_variance(kind, values):
    arguments, variables, most, _ = CASES[kind]
    evaluate = built(kind, arguments, variables)
    found = np.array([evaluate(*values, float(y), -1.0) for y in range(most)])
    p, y = np.exp(-found[:, 0]), np.arange(most)
    # probabilities beyond the last value considered are below 1e-12 in these cases; rounding adds up over their number
    assert p.sum() == pytest.approx(1.0, abs=1e-11)
    assert np.dot(y, p) == pytest.approx(found[0, 1], rel=1e-8, abs=1e-12)
    assert np.dot(y**2, p) - np.dot(y, p) ** 2 == pytest.approx(found[0, 2], rel=1e-6, abs=1e-10)


def test_markov_rows_sum_to_one_and_the_first_record_has_its_own():
    rows = {"initial": (A, 1 - A), "transitions": ((B, 1 - B), (C, 1 - C))}
    evaluate = built("Markov", rows, [A, B, C])
    for previous, p in ((-1.0, 0.2), (0.0, 0.3), (1.0, 0.9)):
        found = [math.exp(-evaluate(0.2, 0.3, 0.9, float(y), previous)[0]) for y in (0, 1)]
        assert found == pytest.approx([p, 1 - p], rel=1e-14)


@pytest.mark.parametrize(
    ("kind", "values", "y", "expected"),
    [
        ("Bernoulli", (2.0,), 1, stats.bernoulli.logpmf(1, 1 / (1 + math.exp(-2.0)))),
        ("Bernoulli", (1000.0,), 0, -1000.0),
        ("Bernoulli", (-1000.0,), 0, 0.0),
        ("Binomial", (0.4,), 5, stats.binom.logpmf(5, 12, 1 / (1 + math.exp(-0.4)))),
        ("Poisson", (1.3,), 7, stats.poisson.logpmf(7, math.exp(1.3))),
        ("Poisson", (-690.0,), 0, 0.0),
        ("Poisson", (-690.0,), 2, -1380.0 - math.log(2.0)),
        ("NegativeBinomial", (1.3, 2.5), 4, stats.nbinom.logpmf(4, 2.5, 2.5 / (2.5 + math.exp(1.3)))),
        ("NegativeBinomial", (1.3, 1e13), 4, stats.poisson.logpmf(4, math.exp(1.3))),
        ("NegativeBinomial", (10.0, 1e-3), 0, 1e-3 * math.log(1e-3 / (1e-3 + math.exp(10.0)))),
        ("ZeroInflatedPoisson", (1.3, 0.0), 3, math.log(0.5) + stats.poisson.logpmf(3, math.exp(1.3))),
        ("ZeroInflatedPoisson", (1.3, -800.0), 0, -math.exp(1.3)),
        ("ZeroInflatedPoisson", (7.0, -1000.0), 0, -1000.0),
        ("Ordinal", (700.0, 1.0), 0, -701.0),
        ("Ordinal", (700.0, 1.0), 1, -699.0 + math.log1p(-math.exp(-2.0))),
    ],
)
def test_known_values(kind, values, y, expected):
    arguments, variables, _, _ = CASES[kind]
    # sums of a dozen terms of the size of the result
    assert -built(kind, arguments, variables)(*values, float(y), -1.0)[0] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("k", [1e-4, 0.3, 1.0, 7.5, 1e3, 1e8, 1e15])
@pytest.mark.parametrize("y", [0.0, 1.0, 5.0, 300.0])
def test_rising_factorials(k, y):
    program = Program()
    found = compiled(program, [A, Y], [log_rising(program, A, Y)])(k, y)[0]
    expected = math.fsum(math.log(k + j) for j in range(int(y)))
    # logarithms of up to 300 factors, each rounded
    assert found == pytest.approx(expected, rel=1e-13, abs=2e-13)


@pytest.mark.parametrize(
    ("kind", "values"), [(kind, case[3][-1 if kind == "Binomial" else 0]) for kind, case in CASES.items() if kind != "Bernoulli"]
)
@pytest.mark.parametrize("y", [0.0, 2.0])
def test_derivatives_are_those_of_differences(kind, values, y):
    arguments, variables, _, _ = CASES[kind]
    program = Program()
    made = arguments(program) if callable(arguments) else arguments
    nll = outcome_density(program, kind, made, NUMBER(y), NUMBER(-1)).nll
    found, n = jet(program, nll, variables)(*values), len(variables)
    value = compiled(program, variables, [nll])
    first = compiled(program, variables, [program.differentiate(nll, x) for x in variables])
    x, steps = np.array(values), 1e-3 * np.maximum(np.abs(values), 0.1)
    # errors of the differences: fourth powers of the steps, rounding over the steps
    np.testing.assert_allclose(found[1 : 1 + n], slopes(lambda v: value(*v)[0], x, steps), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found[1 + n :].reshape(n, n), slopes(lambda v: first(*v), x, steps), rtol=1e-7, atol=1e-9)


F, R, LIMIT = symengine.symbols("f r limit")


def gaussian(make):
    program = Program()
    return compiled(program, [F, R, Y, LIMIT], [make(program).nll])


@pytest.mark.parametrize(("f", "r"), [(2.0, 1.0), (0.1, 0.5), (8.0, 0.01), (-1.0, 2.0)])
def test_a_density_integrates_to_one_with_its_censored_tail(f, r):
    """M3: the density above the limit, as Gaussian observations count it, and the probability below."""
    below = math.exp(-gaussian(lambda program: censored_density(program, "left", Y, LIMIT, F, R, above=None))(f, r, 1.0, 0.0)[0])
    above = math.exp(-gaussian(lambda program: censored_density(program, "right", Y, LIMIT, F, R, above=None))(f, r, 1.0, 0.0)[0])
    inside, _ = integrate.quad(lambda y: stats.norm.pdf(y, f, math.sqrt(r)), 1.0, f + 40 * math.sqrt(r), points=[max(f, 1.1)], epsabs=1e-13)
    assert below + inside == pytest.approx(1.0, abs=1e-10) and above == pytest.approx(inside, abs=1e-10)


@pytest.mark.parametrize(("f", "r"), [(2.0, 1.0), (0.1, 0.5), (-1.0, 2.0)])
def test_a_truncated_density_integrates_to_one_with_its_censored_tail(f, r):
    """M4: both among values above zero; observed values leave sqrt(2 pi) out as Gaussian observations do."""
    zero = NUMBER(0)
    tail = math.exp(-gaussian(lambda program: censored_density(program, "left", Y, LIMIT, F, R, above=zero))(f, r, 1.0, 0.0)[0])
    observed = gaussian(lambda program: truncated_density(program, Y, F, R, zero))
    inside, _ = integrate.quad(lambda y: math.exp(-observed(f, r, y, 0.0)[0]) / math.sqrt(2 * math.pi), 1.0, 30.0, epsabs=1e-13, limit=200)
    assert tail + inside == pytest.approx(1.0, abs=1e-9)


def test_an_interval_is_the_difference_of_two_tails_in_either_order():
    between = gaussian(lambda program: censored_density(program, "between", Y, LIMIT, F, R, above=None))
    expected = math.log(stats.norm.cdf(3.0, 2.0, 0.7) - stats.norm.cdf(1.0, 2.0, 0.7))
    assert -between(2.0, 0.49, 3.0, 1.0)[0] == pytest.approx(expected, rel=1e-12)
    assert between(2.0, 0.49, 1.0, 3.0)[0] == between(2.0, 0.49, 3.0, 1.0)[0]


def test_an_interval_that_reaches_below_the_bound_ends_there():
    """M4: P(0 < DV < 1) / P(DV > 0), whatever the lower end says."""
    between = gaussian(lambda program: censored_density(program, "between", Y, LIMIT, F, R, above=NUMBER(0)))
    expected = math.log((stats.norm.cdf(1.0, 0.5) - stats.norm.cdf(0.0, 0.5)) / stats.norm.sf(0.0, 0.5))
    assert -between(0.5, 1.0, 1.0, -1.0)[0] == pytest.approx(expected, rel=1e-12)


def test_far_tails_stay_finite():
    left = gaussian(lambda program: censored_density(program, "left", Y, LIMIT, F, R, above=None))
    assert left(1e3, 1.0, 1.0, 0.0)[0] == pytest.approx(-stats.norm.logcdf(-999.0), rel=1e-12)


@pytest.mark.parametrize(("df", "variance"), [(1.5, math.inf), (2.0, math.inf), (4.0, 0.5)])
def test_the_variance_of_student(df, variance):
    program = Program()
    density = student_density(program, Y, F, R, NUMBER(df))
    assert compiled(program, [F, R, Y], [density.variance])(2.0, 0.25, 3.1)[0] == variance


@pytest.mark.parametrize("df", [1.0, 4.0, 1e6])
def test_student(df):
    program = Program()
    density = student_density(program, Y, F, R, NUMBER(df))
    found = compiled(program, [F, R, Y, LIMIT], [density.nll])(2.0, 0.25, 3.1, 0.0)[0]
    # of 1e6 degrees of freedom lgamma loses nine digits
    assert -found == pytest.approx(stats.t.logpdf(3.1, df, loc=2.0, scale=0.5), rel=1e-12 if df < 1e3 else 1e-8)
