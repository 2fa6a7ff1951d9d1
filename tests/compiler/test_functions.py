"""Every function and operator: machine code against Python's own, derivatives against differences, limits against limits."""

import math

import numpy as np
import pytest
import symengine
from machine import compiled, jet
from scipy.special import digamma, polygamma

from popmix.compiler.program import Program

X, Y = symengine.symbols("x y")


def expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


def whole(program: Program, name: str):
    """Return the expression of x and y for a name."""
    apply = program.apply
    return {
        "exp": symengine.exp(X * Y),
        "log": symengine.log(X * Y),
        "sqrt": symengine.sqrt(X + Y**2),
        "expit": apply("expit", X * Y),
        "logit": symengine.log(X) - symengine.log(1 - X) + Y,
        "erf": symengine.erf(X * Y),
        "lgamma": apply("lgamma", X * Y),
        "abs": apply("abs", X - Y) * Y,
        "sin, cos": symengine.sin(X) * symengine.cos(Y),
        "tanh": symengine.tanh(X * Y),
        "x ** y": program.power(X, Y),
        "(x y) ** (x + y)": program.power(X * Y, X + Y),
        "x ** -3": X**-3 * Y,
        "x ** 17": X**17 * Y,
        "x ** 2.5": X ** symengine.RealDouble(2.5) * Y,
        "x ** -0.5": X ** symengine.RealDouble(-0.5) * Y,
        "where": apply("where", apply("<", X, Y), X**2 * Y, symengine.exp(Y) * X),
        "where of where": apply("where", apply("<=", Y, X), apply("where", apply("<", X, 2 * Y), X * Y, X / Y), Y**3),
        "Hill": program.power(X, Y) / (program.power(X, Y) + program.power(symengine.RealDouble(1.7), Y)),
        "division": X / (X + Y) - Y / X,
        "constants": symengine.pi * X + symengine.E * Y,
    }[name]


ANSWERS = {
    "exp": lambda x, y: math.exp(x * y),
    "log": lambda x, y: math.log(x * y),
    "sqrt": lambda x, y: math.sqrt(x + y**2),
    "expit": lambda x, y: expit(x * y),
    "logit": lambda x, y: math.log(x / (1 - x)) + y,
    "erf": lambda x, y: math.erf(x * y),
    "lgamma": lambda x, y: math.lgamma(x * y),
    "abs": lambda x, y: abs(x - y) * y,
    "sin, cos": lambda x, y: math.sin(x) * math.cos(y),
    "tanh": lambda x, y: math.tanh(x * y),
    "x ** y": lambda x, y: x**y,
    "(x y) ** (x + y)": lambda x, y: (x * y) ** (x + y),
    "x ** -3": lambda x, y: x**-3 * y,
    "x ** 17": lambda x, y: x**17 * y,
    "x ** 2.5": lambda x, y: x**2.5 * y,
    "x ** -0.5": lambda x, y: x**-0.5 * y,
    "where": lambda x, y: x**2 * y if x < y else math.exp(y) * x,
    "where of where": lambda x, y: (x * y if x < 2 * y else x / y) if y <= x else y**3,
    "Hill": lambda x, y: x**y / (x**y + 1.7**y),
    "division": lambda x, y: x / (x + y) - y / x,
    "constants": lambda x, y: math.pi * x + math.e * y,
}
POINTS = [(0.31, 0.77), (0.83, 0.29), (0.55, 1.9)]


def differences(function, x: float, y: float) -> np.ndarray:
    """Return first and second derivatives by central differences of fourth and second order, extrapolated."""

    def second(h: float) -> tuple:
        f = function
        xx = (f(x + h, y) - 2 * f(x, y) + f(x - h, y)) / h**2
        yy = (f(x, y + h) - 2 * f(x, y) + f(x, y - h)) / h**2
        xy = (f(x + h, y + h) - f(x + h, y - h) - f(x - h, y + h) + f(x - h, y - h)) / (4 * h * h)
        return np.array([(f(x + h, y) - f(x - h, y)) / (2 * h), (f(x, y + h) - f(x, y - h)) / (2 * h), xx, xy, xy, yy])

    coarse, middle, fine = (second(h) for h in (8e-3, 4e-3, 2e-3))
    one, two = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    return (16 * two - one) / 15


@pytest.mark.parametrize("name", ANSWERS)
def test_values_and_derivatives(name):
    program = Program()
    evaluate = jet(program, whole(program, name), [X, Y])
    for x, y in POINTS:
        found, answer = evaluate(x, y), ANSWERS[name]
        assert found[0] == pytest.approx(answer(x, y), rel=1e-14)
        assert found[1:] == pytest.approx(differences(answer, x, y), rel=2e-7, abs=2e-7), (x, y)


@pytest.mark.parametrize("operator", ["<", "<=", "==", "!="])
def test_comparisons(operator):
    program = Program()
    evaluate = jet(program, program.apply(operator, X, Y), [X, Y])
    answer = {"<": np.less, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal}[operator]
    for x, y in ((1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (-0.0, 0.0)):
        assert evaluate(x, y)[0] == float(answer(x, y))
        assert np.all(evaluate(x, y)[1:] == 0.0)


def test_connectives():
    program = Program()
    less, equal = program.apply("<", X, symengine.Integer(1)), program.apply("==", Y, symengine.Integer(2))
    evaluate = compiled(program, [X, Y], [program.apply("and", less, equal), program.apply("or", less, equal), program.apply("not", less)])
    for x in (0.0, 3.0):
        for y in (2.0, 5.0):
            assert list(evaluate(x, y)) == [float(x < 1 and y == 2), float(x < 1 or y == 2), float(x >= 1)]


@pytest.mark.parametrize("x", [-800.0, -745.0, -40.0, -1e-9, 0.0, 40.0, 800.0])
def test_expit_far_out(x):
    program = Program()
    found = jet(program, program.apply("expit", X), [X])(x)
    share = expit(x)
    assert found[0] == pytest.approx(share, rel=1e-15, abs=1e-323)
    assert found[1] == pytest.approx(share * expit(-x), rel=1e-14, abs=1e-323)
    assert found[2] == pytest.approx(share * expit(-x) * (expit(-x) - share), rel=1e-14, abs=1e-323)


@pytest.mark.parametrize("x", [1e-3, 0.2, 1.0, 1.461632, 7.5, 300.0])
def test_the_gamma_function(x):
    program = Program()
    found = jet(program, program.apply("lgamma", X), [X])(x)
    assert found == pytest.approx([math.lgamma(x), float(digamma(x)), float(polygamma(1, x))], rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_zero_to_a_power_with_a_parameter(exponent):
    """0 ** y is 0 and so are its derivatives in y, whatever the slope of the base; those in x are the limits, inf included."""
    program = Program()
    found = jet(program, program.power(X, Y), [X, Y])(0.0, exponent)
    by_x = {0.5: math.inf, 1.0: 1.0}.get(exponent, 0.0)
    assert found[0] == 0.0 and found[1] == by_x and found[2] == 0.0 and found[-1] == 0.0


def test_a_prediction_of_zero_has_a_power_error_with_derivatives():
    """(s f ** e) ** 2 at f = 0: a slope of exactly zero in s and e, no nan."""
    program = Program()
    e, s = symengine.symbols("e s")
    variance = (s * program.power(X, e)) ** 2
    slopes = [program.differentiate(variance, one) for one in (e, s)]
    curves = [program.differentiate(slope, one) for slope in slopes for one in (e, s)]
    assert list(compiled(program, [X, e, s], [variance, *slopes, *curves])(0.0, 1.5, 0.3)) == [0.0] * 7


def test_a_branch_that_is_not_taken_does_no_harm():
    program = Program()
    guarded = program.apply("where", program.apply("<", symengine.Integer(0), X), symengine.log(X) * Y, Y)
    found = jet(program, guarded, [X, Y])(0.0, 3.0)
    assert list(found) == [3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_equal_applications_are_one_symbol():
    program = Program()
    assert program.apply("expit", X) == program.apply("expit", X) != program.apply("expit", Y)
    assert program.apply("where", program.apply("<", X, Y), Y, Y) == Y
    assert program.leaves(program.apply("expit", X) * program.apply("abs", program.apply("expit", Y))) == {X, Y}
