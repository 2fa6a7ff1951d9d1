"""Compartments written as equations: which systems are recognised, with which rates, and which must not be."""

from itertools import permutations

import pytest
from machine import compiled

from popmix.compiler.dynamics import linear_part
from popmix.compiler.lower import TIME, TIME_AFTER_DOSE, lower
from popmix.compiler.lowered import Lowered
from popmix.model import read

CLOCK = {TIME, TIME_AFTER_DOSE}
SOURCE = """from popmix import *

class Written(Model):
    WT = Covariate()
    SEX = Covariate(categories=("F", "M"))
    CL = LogNormal(2.0 * WT * where(SEX == "F", 1, 1.5), iiv=0.3)
    V1 = LogNormal(8.0, iiv=0.2)
    Q2 = Theta(3.0)
    Q3 = Theta(0.5, fixed=True)
    tvKa = Theta(1.3)
    Ka = LogNormal(tvKa, iiv=0.2)
{states}
{equations}
    DV = Observation({seen} / V1 + Q2 + Q3 + Ka + CL, additive=1)
"""
WEIGHT, MALE = 1.75, 1.0
CL, V1, Q2, Q3, KA = 2.0 * WEIGHT * 1.5, 8.0, 3.0, 0.5, 1.3
K10, K12, K21, K13, K31 = CL / V1, Q2 / V1, Q2 / 20, Q3 / V1, Q3 / 60
# names that say nothing; written in forms that have to be expanded
THREE = {
    "u": "-Ka * u",
    "v": "Ka * u - (CL + Q2 + Q3) / V1 * v + Q2 * w / 20 + Q3 / 60 * x",
    "w": "Q2 * (v / V1 - w / 20)",
    "x": "Q3 * (v / V1 - x / 60)",
}
TWO = {"v": "-CL / V1 * v - Q2 * (v / V1 - w / 20)", "w": "Q2 * (v / V1 - w / 20)"}
ONE = {"u": "-Ka * u", "v": "Ka * u - CL * v / V1"}


def source_of(equations: dict[str, str], order: tuple[str, ...] | None = None, **init: str) -> str:
    """Return a model with these equations, its states declared in an order."""
    order = order or tuple(equations)
    states = "\n".join(f"    {name} = State({'init=' + init[name] if name in init else ''})" for name in order)
    text = "\n".join(f"    {name}.dt = {equation}" for name, equation in equations.items())
    return SOURCE.format(states=states, equations=text, seen=order[-1])


def lowered(equations: dict[str, str], order: tuple[str, ...] | None = None, **init: str) -> Lowered:
    return lower(read(source_of(equations, order, **init)))


def values_of(own: Lowered, expressions: list) -> list[float]:
    """Return expressions at the start values, for the covariates above and without random effects."""
    given = dict(zip(own.thetas, own.parameters.values, strict=False)) | dict.fromkeys(own.etas, 0.0)
    given |= {own.covariates["WT"]: WEIGHT, own.covariates["SEX"]: MALE}
    return list(compiled(own.program, list(given), list(expressions))(*given.values()))


@pytest.mark.parametrize("order", list(permutations("uvwx")), ids="".join)
def test_three_compartments_in_any_order_of_declaration(order):
    """The two peripheral compartments come in the order of their declaration, and their rates with them."""
    own = lowered(THREE, order)
    first = order.index("w") < order.index("x")
    assert (own.shape.has_depot, own.shape.n_peripherals) == (True, 2)
    assert own.compartments == (("u", "v", "w", "x") if first else ("u", "v", "x", "w"))
    rates = [K12, K21, K13, K31] if first else [K13, K31, K12, K21]
    assert values_of(own, own.rates) == pytest.approx([K10, *rates, KA], rel=1e-14)
    assert own.dynamics is None


@pytest.mark.parametrize(
    ("equations", "shape", "rates"),
    [
        (ONE, (True, 0), [K10, KA]),
        (TWO, (False, 1), [K10, K12, K21]),
        ({"v": "-CL / V1 * v"}, (False, 0), [K10]),
        # both branches are the same, and a condition on a covariate is none on a state
        ({"v": "-where(v > 3, CL, CL) / V1 * v"}, (False, 0), [K10]),
        ({"v": '-where(SEX == "M", CL, 2 * CL) / V1 * v'}, (False, 0), [K10]),
        # nothing is lost, what is there grows, and what leaves the body is kept in a compartment of its own
        ({"v": "Q2 / V1 * v"}, (False, 0), [-K12]),
        ({"v": "-CL / V1 * v", "w": "CL / V1 * v"}, (True, 0), [0.0, K10]),
    ],
)
def test_smaller_systems(equations, shape, rates):
    for order in permutations(equations):
        own = lowered(equations, order)
        assert (own.shape.has_depot, own.shape.n_peripherals) == shape
        assert values_of(own, own.rates) == pytest.approx(rates, rel=1e-14)


OTHERS = {
    "time in a rate": {"v": "-CL / V1 * exp(-T) * v"},
    "time after dose in a rate": {"v": "-CL / V1 * (1 + TAD) * v"},
    "time in a condition": {"v": "-where(T > 3, CL, 2 * CL) / V1 * v"},
    "a constant input": {"v": "Q2 - CL / V1 * v"},
    "a covariate as input": {"v": "WT - CL / V1 * v"},
    "loss on the way": {"u": "-Ka * u - 0.1 * u", "v": "Ka * u - CL / V1 * v"},
    "gain on the way": {"u": "-Ka * u", "v": "1.01 * Ka * u - CL / V1 * v"},
    "a depot that loses nothing": {"u": "0 * u", "v": "Ka * u - CL / V1 * v"},
    "loss from a peripheral compartment": TWO | {"w": "Q2 * (v / V1 - w / 20) - 0.01 * w"},
    "exchange between peripherals": THREE | {"w": "Q2 * (v / V1 - w / 20) - 0.1 * w + 0.1 * x", "x": THREE["x"] + " + 0.1 * w - 0.1 * x"},
    "a gain from another peripheral": THREE | {"w": THREE["w"] + " + 0.1 * x"},
    "a switch by a state": {"v": "-CL / V1 * v + where(v > 3, 0, 1)"},
    "two depots": {"u": "-Ka * u", "w": "-0.3 * w", "v": "Ka * u + 0.3 * w - CL / V1 * v"},
    "a chain": {"u": "-Ka * u", "w": "Ka * (u - w)", "v": "Ka * w - CL / V1 * v"},
    "a depot that feeds a peripheral": TWO | {"u": "-Ka * u", "w": TWO["w"] + " + Ka * u"},
    "three peripherals": {
        "v": "-(CL + Q2 + Q3 + 0.1) / V1 * v + Q2 * w / 20 + Q3 * x / 60 + 0.1 * u",
        "w": "Q2 * (v / V1 - w / 20)",
        "x": "Q3 * (v / V1 - x / 60)",
        "u": "0.1 * (v / V1 - u)",
    },
    "saturation": {"v": "-CL * v / (V1 + v)"},
    "a square": {"v": "-CL / V1 * v**2"},
    "a condition on a state": {"v": "-where(v > 3, CL, 2 * CL) / V1 * v"},
    "a condition on another state": {"u": "-Ka * u", "v": "Ka * u - where(u > 3, CL, 2 * CL) * v"},
    "a product of states": {"u": "-Ka * u", "v": "Ka * u - CL * u * v"},
    "two systems": {"v": "-CL / V1 * v", "w": "-Q2 / V1 * w"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_mammillary_system(name):
    for order in permutations(OTHERS[name]):
        own = lowered(OTHERS[name], order)
        assert own.shape is None and own.dynamics is not None and not own.rates
        assert own.compartments == order


def test_a_start_other_than_zero_is_no_closed_form():
    for equations, state in ((ONE, "u"), (ONE, "v"), (TWO, "w")):
        assert lowered(equations, None, **{state: "Q2"}).shape is None
        assert lowered(equations, None, **{state: "0"}).shape is not None


def test_equations_on_request():
    own = lower(read(source_of(THREE)), as_equations=True)
    assert own.shape is None and len(own.dynamics.derivatives) == 4


LINEAR = {"a constant input", "a covariate as input", "loss on the way", "gain on the way", "a depot that loses nothing", "two depots"}
LINEAR |= {
    "loss from a peripheral compartment",
    "exchange between peripherals",
    "a chain",
    "a depot that feeds a peripheral",
    "a gain from another peripheral",
}
LINEAR |= {"three peripherals", "two systems"}


@pytest.mark.parametrize("name", OTHERS)
def test_linear_equations(name):
    own = lowered(OTHERS[name])
    matrix = linear_part(own.program, own.dynamics, CLOCK)
    assert (matrix is not None) == (name in LINEAR)


def test_the_matrix_of_linear_equations():
    """Constant input and covariates may be there, and a start of any value."""
    equations = {"u": "Q2 - Ka * u + 0.3 * w", "v": "WT * (u - v) + Ka * u", "w": "-(w + CL * v) / 2 + 7"}
    own = lowered(equations, None, v="V1")
    matrix = linear_part(own.program, own.dynamics, CLOCK)
    flat = values_of(own, [entry for row in matrix for entry in row])
    assert flat == pytest.approx([-KA, 0, 0.3, WEIGHT + KA, -WEIGHT, 0, 0, -CL / 2, -0.5], rel=1e-14)
