"""One, two and three compartments: parametrisations, eigenvalues, conservation of mass, and Michaelis-Menten elimination."""

import numpy as np
import pytest
from equations import use

from popmix.errors import SupportError
from popmix.model import OneCompartment, ThreeCompartments, TwoCompartments
from popmix.model.evaluation import value_of
from popmix.model.expression import Reference
from popmix.model.library import is_linear, mammillary_rates

ONE = {"cl": 0.7, "v": 3.0}
TWO = {"cl": 0.7, "v1": 3.0, "q": 0.9, "v2": 5.0}
THREE = {"cl": 0.7, "v1": 3.0, "q2": 0.9, "v2": 5.0, "q3": 0.2, "v3": 11.0}
EXACT = pytest.approx  # a few roundings of doubles


def rates_of(word, values: dict[str, float]) -> dict[str, float]:
    made = word(**{name: Reference(name) for name in values})
    return {name: value_of(each, values) for name, each in mammillary_rates(made).items()}


def matrix(rates: dict[str, float]) -> np.ndarray:
    """Return the rate matrix of central and peripheral compartments."""
    pairs = [("k12", "k21"), ("k13", "k31")][: (len(rates) - 2) // 2]
    full = np.zeros((len(pairs) + 1, len(pairs) + 1))
    full[0, 0] = -rates["k10"] - sum(rates[there] for there, _ in pairs)
    for index, (there, back) in enumerate(pairs, start=1):
        full[index, 0], full[0, index], full[index, index] = rates[there], rates[back], -rates[back]
    return full


@pytest.mark.parametrize(("word", "values"), [(OneCompartment, ONE), (TwoCompartments, TWO), (ThreeCompartments, THREE)])
def test_parametrisations_have_the_same_rates(word, values):
    rates = rates_of(word, values)
    volume = {"v" if "v" in values else "v1": rates["volume"]}
    constants = {"k" if name == "k10" else name: value for name, value in rates.items() if name != "volume"}
    assert rates_of(word, constants | volume) == EXACT(rates, rel=1e-12)
    if "v2" in values:
        total = sum(value for name, value in values.items() if name.startswith("v"))
        last = max(name for name in values if name.startswith("v"))
        assert rates_of(word, {name: value for name, value in values.items() if name != last} | {"vss": total}) == EXACT(rates, rel=1e-12)
        slopes = dict(zip(("alpha", "beta", "gamma"), sorted(-np.linalg.eigvals(matrix(rates)), reverse=True), strict=False))
        backs = {name: rates[name] for name in ("k21", "k31") if name in rates}
        # the roots of the characteristic polynomial lose a few digits
        assert rates_of(word, {name: float(value) for name, value in slopes.items()} | backs | volume) == EXACT(rates, rel=1e-9)


def test_rates_of_clearances():
    assert rates_of(OneCompartment, ONE | {"ka": 1.5}) == EXACT({"k10": 0.7 / 3, "ka": 1.5, "volume": 3})
    assert rates_of(TwoCompartments, TWO) == EXACT({"k10": 0.7 / 3, "k12": 0.9 / 3, "k21": 0.9 / 5, "volume": 3})
    expected = {"k10": 0.7 / 3, "k12": 0.9 / 3, "k21": 0.9 / 5, "k13": 0.2 / 3, "k31": 0.2 / 11, "volume": 3}
    assert rates_of(ThreeCompartments, THREE) == EXACT(expected)


@pytest.mark.parametrize("ka", [None, 1.3])
@pytest.mark.parametrize(("word", "values"), [(OneCompartment, ONE), (TwoCompartments, TWO), (ThreeCompartments, THREE)])
def test_equations_are_those_of_the_rate_matrix(word, values, ka):
    rates = rates_of(word, values)
    values = values | ({"ka": ka} if ka else {})
    equations = use(word, *values)
    names = tuple(equations.expansion.states)
    amounts = dict(zip(names, (2.0, 3.0, 5.0, 7.0), strict=False))
    disposition = [amounts[name] for name in names if name != "depot"]
    expected = matrix(rates) @ disposition
    if ka:
        expected[0] += ka * amounts["depot"]
        expected = [-ka * amounts["depot"], *expected]
    slopes = equations.slopes(amounts, values)
    assert list(slopes.values()) == EXACT(list(expected))
    assert sum(slopes.values()) == EXACT(-rates["k10"] * amounts["central"])
    assert equations.outputs(amounts, values) == {"concentration": EXACT(amounts["central"] / 3)}
    assert names[0] == ("depot" if ka else "central")


@pytest.mark.parametrize(("word", "values"), [(OneCompartment, ONE), (TwoCompartments, TWO), (ThreeCompartments, THREE)])
class TestMichaelisMenten:
    def saturable(self, word, values, vmax, km, cl=None):
        """Return what elimination takes from the central compartment at 2 units of drug, none elsewhere."""
        given = {name: value for name, value in values.items() if name != "cl"} | {"vmax": vmax, "km": km}
        given |= {} if cl is None else {"cl": cl}
        equations = use(word, *given)
        amounts = dict.fromkeys(equations.expansion.states, 0.0) | {"central": 2.0}
        return -sum(equations.slopes(amounts, given).values())

    def test_formula(self, word, values):
        assert self.saturable(word, values, 5.0, 1.1) == EXACT(5.0 * (2 / 3) / (1.1 + 2 / 3))

    def test_small_concentrations_are_cleared_at_vmax_over_km(self, word, values):
        # km is 1e9 times the concentration
        assert self.saturable(word, values, 0.7e9, 1e9) == EXACT(0.7 * 2 / 3, rel=2e-9)

    def test_large_concentrations_are_eliminated_at_vmax(self, word, values):
        assert self.saturable(word, values, 5.0, 1e-9) == EXACT(5.0, rel=2e-9)

    def test_parallel_elimination_adds_up(self, word, values):
        alone = self.saturable(word, values, 5.0, 1.1)
        assert self.saturable(word, values, 5.0, 1.1, cl=0.7) == EXACT(alone + 0.7 * 2 / 3)

    def test_it_has_no_closed_form(self, word, values):
        made = word(**values, vmax=5.0, km=1.1)
        assert not is_linear(made)
        assert is_linear(word(**values))
        with pytest.raises(SupportError, match="not linear"):
            mammillary_rates(made)
