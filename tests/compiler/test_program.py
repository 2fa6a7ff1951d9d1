"""Named parts of expressions: values and derivatives are those of the whole, and they are found again inside others."""

import math

import pytest
import symengine
from machine import compiled, jet

from popmix.compiler.directions import Directions
from popmix.compiler.program import Program

X, Y, TIME = symengine.symbols("x y time")


def test_a_named_part_has_the_derivatives_of_its_expression():
    program, plain = Program(), Program()

    def of(program: Program, part):
        return symengine.exp(-part * Y) * program.apply("expit", part + X)

    named = jet(program, of(program, program.named(X * symengine.exp(Y))), [X, Y])
    whole = jet(plain, of(plain, X * symengine.exp(Y)), [X, Y])
    assert named(0.7, -0.4) == pytest.approx(whole(0.7, -0.4), rel=1e-13)  # the same sums in another order
    assert named(0.7, -0.4)[0] == pytest.approx(math.exp(0.28 * math.exp(-0.4)) / (1 + math.exp(-0.7 * math.exp(-0.4) - 0.7)))


def test_names_are_found_at_any_depth():
    program = Program()
    part = program.named(X + Y)
    assert program.is_named(part) and not program.is_named(X) and not program.is_named(program.apply("expit", X))
    deep = 2 * program.apply("where", program.apply("<", program.apply("abs", part), Y), X, Y) + 1
    assert program.holds_named(deep) and not program.is_named(deep)
    assert not program.holds_named(program.apply("expit", X + Y) * X)
    assert program.leaves(part) == {X, Y}


def test_a_number_needs_no_name_and_equal_parts_have_one():
    program = Program()
    two = symengine.Integer(2)
    assert program.named(two) == two and not program.is_named(program.named(two))
    assert program.named(X * Y) == program.named(Y * X) != program.named(X)
    assert compiled(program, [X, Y], [program.named(X * Y) / program.named(X)])(3.0, 5.0)[0] == pytest.approx(5.0, rel=1e-15)


@pytest.mark.parametrize(
    ("grain", "expected"), [("largest", {"A/B", "A*B", "t/u", "A*t"}), ("parameter", {"A", "B", "t/u", "t"}), ("symbol", set())]
)
def test_the_grain_says_what_becomes_a_direction(grain, expected):
    """A and B are named parameters, t and u thetas that stand for themselves."""
    program = Program()
    a, b, t, u = symengine.symbols("a b t u")
    big, small = program.named(symengine.exp(a)), program.named(b**2)
    parts = {"A/B": big / small, "A*B": big * small, "t/u": t / u, "A*t": big * t, "A": big, "B": small, "t": t}
    directions = Directions(program, [a, b, t, u], [TIME], grain=grain)
    functions = {"A/B": symengine.sin, "A*B": symengine.cos, "t/u": symengine.exp, "A*t": symengine.tanh}
    expression = sum(function(TIME * parts[name]) for name, function in functions.items())
    cut = directions.cut(expression)
    found = set(directions.expressions)
    assert found == ({parts[name] for name in expected} if grain != "symbol" else {big, small, t, u})
    assert program.leaves(cut) == {TIME, *directions.symbols}


@pytest.mark.parametrize("grain", ["largest", "parameter", "symbol"])
def test_parts_of_fixed_unknowns_are_passive(grain):
    program = Program()
    a, b, t = symengine.symbols("a b t")
    directions = Directions(program, [a, b, t], [TIME], fixed=[a, b], grain=grain)
    cut = directions.cut(symengine.cos(a / b * TIME) + symengine.sin(TIME * a * t) + symengine.exp(TIME * b))
    whole = {a / b, b} if grain != "symbol" else {a, b}
    assert whole <= set(directions.passive.values()) and not any(t in program.leaves(one) for one in directions.passive.values())
    assert all(t in program.leaves(one) for one in directions.expressions) and len(directions.expressions) == 1
    assert program.leaves(cut) == {TIME, *directions.symbols, *directions.passive}
