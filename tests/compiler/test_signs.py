"""What is known to be positive, and what is not claimed."""

import itertools

import pytest
import symengine

from popmix.compiler.build import compile_model
from popmix.compiler.lowered import Circumstances
from popmix.compiler.program import Program
from popmix.compiler.signs import is_positive
from popmix.model import read

A, B, X = symengine.symbols("a b x")


def expressions(program: Program) -> dict[str, tuple[symengine.Basic, bool]]:
    """Expressions, and whether they are positive for all positive a, b and any x."""
    return {
        "number": (symengine.Integer(2), True),
        "zero": (symengine.Integer(0), False),
        "symbol": (A, True),
        "unknown": (X, False),
        "exponential": (symengine.exp(X), True),
        "product": (A * symengine.exp(X) * (B / 70) ** 0.75, True),
        "quotient": (A / B, True),
        "negative": (-A, False),
        "sum": (A + B + 3, True),
        "difference": (A - B, False),
        "square of what may be negative": (X**2, False),  # it may be zero
        "power": (program.power(A, X), True),
        "power of what may be negative": (program.power(X, A), False),
        "logit scale": (A + 4 * program.apply("expit", X), True),
        "logarithm": (symengine.log(A), False),
        "either": (program.apply("where", program.apply("<", X, A), A, B), True),
        "or": (program.apply("where", program.apply("<", X, A), A, X), False),
        "named": (program.named(A * symengine.exp(X)), True),
        "named difference": (program.named(A - B), False),
        "absolute value": (program.apply("abs", X), False),
    }


@pytest.mark.parametrize("name", expressions(Program()))
def test_what_is_known_to_be_positive(name):
    program = Program()
    expression, expected = expressions(program)[name]
    assert is_positive(program, expression, {A, B}) is expected


def test_what_is_said_to_be_positive_is():
    program = Program()
    said = [one for one, known in expressions(program).values() if known and not one.free_symbols & set(program.auxiliaries)]
    assert len(said) >= 6
    for one, a, b, x in itertools.product(said, (1e-3, 1.0, 40.0), (1e-3, 2.0), (-3.0, 0.0, 3.0)):
        assert float(one.subs({A: a, B: b, X: x})) > 0, one


MODEL = """from popmix import *

class Checked(Model):
    WT = Covariate()
    tvCL = Theta(2.0{bounds})
    tvV = Theta(20.0{bounds})
    CL = LogNormal(tvCL * (WT / 70) ** 0.75, iiv=0.3)
    V = {family}(tvV * WT / 70, iiv=0.3)
    pk = OneCompartment(cl=CL, v=V, ka=1.1)
    DV = Observation(pk.concentration, additive=1)
"""


@pytest.mark.parametrize("as_equations", [False, True])
@pytest.mark.parametrize(
    ("family", "bounds", "positive", "n_positive", "n_checked"),
    [
        ("LogNormal", ", lower=0", {"WT"}, 0, 0),
        ("LogNormal", ", lower=-1", {"WT"}, 1, 2),
        ("LogNormal", "", {"WT"}, 1, 2),
        ("LogNormal", ", lower=0", set(), 1, 2),
        ("Normal", ", lower=0", {"WT"}, 1, 1),
    ],
)
def test_only_what_is_not_known_is_checked(as_equations, family, bounds, positive, n_positive, n_checked):
    model = read(MODEL.format(family=family, bounds=bounds))
    compiled = compile_model(model, positive=frozenset(positive), as_equations=as_equations)
    assert (compiled.n_positive, compiled.n_checked) == (n_positive, n_checked)
    assert not compiled.domain_varies


def test_what_depends_on_the_record_is_checked_at_every_one():
    model = read(MODEL.format(family="Normal", bounds=", lower=0"))
    assert compile_model(model, Circumstances(frozenset({"WT"})), positive=frozenset({"WT"})).domain_varies
