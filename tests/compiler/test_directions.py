"""The cut between subject and record level keeps values, and finds no more directions than there are."""

import numpy as np
import pytest
import symengine
from machine import compiled

from popmix.compiler.directions import Directions
from popmix.compiler.program import Program

THETA, ETA, WEIGHT, TIME = symengine.symbols("theta eta weight time")
CLEARANCE = THETA * symengine.exp(ETA)
VALUES = {THETA: 1.7, ETA: -0.3, WEIGHT: 62.0, TIME: 2.4}


def level(program: Program) -> dict:
    """Return expressions by name, with the number of directions they need when time is at record level."""
    apply = program.apply
    return {
        "without unknowns": (WEIGHT * TIME, 0),
        "constant in a subject": (CLEARANCE * WEIGHT, 1),
        "a product": (CLEARANCE * WEIGHT * TIME, 1),
        "a sum": (CLEARANCE + WEIGHT * THETA + TIME, 1),
        "a rate": (symengine.exp(-CLEARANCE / WEIGHT * TIME), 1),
        "two parts": (THETA * symengine.exp(-CLEARANCE * TIME), 2),
        "a power": (program.power(TIME + 1, CLEARANCE), 1),
        "where": (apply("where", apply("<", TIME, THETA), CLEARANCE * TIME, ETA), 3),
        "nested": (apply("expit", CLEARANCE * (TIME - THETA)), 2),
        "the same part twice": (CLEARANCE * TIME + symengine.log(1 + CLEARANCE * TIME**2), 1),
    }


@pytest.mark.parametrize("name", level(Program()))
def test_the_cut_keeps_values(name):
    program = Program()
    expression, expected = level(program)[name]
    directions = Directions(program, [THETA, ETA], [TIME])
    cut = directions.cut(expression)
    leaves = program.leaves(cut)
    assert not leaves & {THETA, ETA} and leaves & set(directions.symbols) == set(directions.symbols)
    assert len(directions.symbols) == expected
    symbols = list(VALUES)
    given = compiled(program, symbols, [expression, *directions.expressions])(*VALUES.values())
    found = compiled(program, [*symbols, *directions.symbols], [cut])(*VALUES.values(), *given[1:])
    assert found[0] == pytest.approx(given[0], rel=1e-14)
    assert np.all(np.isfinite(given))
