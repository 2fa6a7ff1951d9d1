"""Closed forms with first and second derivatives against decimal arithmetic, singular rates included."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from exact import jets, matrix_exponential
from numba import njit
from scipy.linalg import expm

from popmix.engine.advance import advance_jets, advance_values, new_scratch, new_state
from popmix.engine.bundle import Bundle
from popmix.engine.mammillary import new_basis, set_basis
from popmix.engine.paths import mammillary_paths

EXACT = 1e-10


@njit
def _set_basis(order, has_depot, n_modes, n_structural, rates, basis):
    set_basis(order, has_depot, n_modes, n_structural, rates, basis)


@njit
def _advance_values(has_depot, n_states, infusing, basis, dt, z):
    advance_values(has_depot, n_states, infusing, basis, dt, z, z)


@dataclass(frozen=True)
class Case:
    """Rates k10, (k12, k21, (k13, k31)), then ka with a depot; amounts at the start, infusion rates, and the interval."""

    rates: tuple[float, ...]
    has_depot: bool
    amounts: tuple[float, ...]
    infusions: tuple[float, ...]
    dt: float

    @property
    def n_modes(self) -> int:
        return (len(self.rates) - self.has_depot + 1) // 2


def generator(case: Case, rates: list) -> list[list]:
    """Return the matrix of amounts and, last, the constant 1 that feeds the infusions."""
    n, offset = len(case.amounts), int(case.has_depot)
    zero = rates[0] * 0
    matrix = [[zero] * (n + 1) for _ in range(n + 1)]
    matrix[offset][offset] -= rates[0]
    for k in range(1, case.n_modes):
        out, back = rates[2 * k - 1], rates[2 * k]
        matrix[offset][offset] -= out
        matrix[offset + k][offset] += out
        matrix[offset][offset + k] += back
        matrix[offset + k][offset + k] -= back
    if case.has_depot:
        matrix[0][0] -= rates[-1]
        matrix[1][0] += rates[-1]
    for i, infusion in enumerate(case.infusions):
        matrix[i][n] += type(zero)(infusion)
    return matrix


def exact(case: Case, logarithmic: bool):
    """Return jets of the amounts in the rates, or in their logarithms."""

    def flow(x: list[Decimal]) -> list[Decimal]:
        rates = [one.exp() for one in x] if logarithmic else x
        matrix = matrix_exponential([[value * Decimal(case.dt) for value in row] for row in generator(case, rates)])
        start = [*map(Decimal, case.amounts), Decimal(1)]
        return [sum(a * b for a, b in zip(row, start, strict=True)) for row in matrix[:-1]]

    return jets(flow, list(np.log(case.rates) if logarithmic else case.rates))


def engine(case: Case, logarithmic: bool):
    """Return the same jets from the engine, started without derivatives."""
    rates = np.exp(np.log(case.rates)) if logarithmic else np.array(case.rates)
    size, n, offset, infusing = len(rates), len(case.amounts), int(case.has_depot), any(case.infusions)
    slopes = np.diag(rates) if logarithmic else np.eye(size)
    curves = np.zeros((size, size, size))
    if logarithmic:
        curves[np.arange(size), np.arange(size), np.arange(size)] = rates
    basis, state = new_basis(n + 1, case.n_modes, size), new_state(n + 1, size)
    _set_basis(2, offset, case.n_modes, size, np.concatenate([rates, slopes.ravel(), curves.ravel()]), Bundle(basis))
    into = np.eye(n)
    into[offset:, offset:] = basis.inverse
    state.z[:n], state.z[n] = into @ case.amounts, 1.0
    basis.edges.reshape(n + 1, n + 1)[:n, n] = into @ case.infusions
    paths = mammillary_paths(case.has_depot, case.n_modes, infusing)
    scratch = new_scratch(mammillary_paths(case.has_depot, case.n_modes, True), n + 1, size)
    values = state.z.copy()
    _advance_values(offset, n, infusing, Bundle(basis), case.dt, values)
    advance_jets(n + infusing, size, Bundle(basis), Bundle(paths), case.dt, Bundle(state), Bundle(scratch))
    out = np.linalg.inv(into)
    second = np.tril(state.second[:n]) + np.tril(state.second[:n], -1).transpose(0, 2, 1)
    together = (np.einsum("ij,j...->i...", out, each) for each in (state.z[:n], state.first[:n], second))
    return out @ values[:n], *together


ONE, TWO, THREE = (0.3,), (0.3, 0.2, 0.1), (0.3, 0.2, 0.1, 0.5, 0.04)
CASES = {
    "one, bolus": Case(ONE, False, (10.0,), (0.0,), 2.0),
    "one, infusion": Case(ONE, False, (10.0,), (3.0,), 2.0),
    "one, oral": Case((*ONE, 1.2), True, (10.0, 1.0), (0.0, 0.0), 2.0),
    "one, infusion into the depot": Case((*ONE, 1.2), True, (10.0, 1.0), (4.0, 0.0), 2.0),
    "one, infusions into both": Case((*ONE, 1.2), True, (10.0, 1.0), (4.0, 2.5), 2.0),
    "two, bolus": Case(TWO, False, (10.0, 2.0), (0.0, 0.0), 3.0),
    "two, infusion into the peripheral": Case(TWO, False, (10.0, 2.0), (1.0, 6.0), 3.0),
    "two, oral": Case((*TWO, 1.2), True, (10.0, 1.0, 3.0), (0.0, 0.0, 0.0), 3.0),
    "two, infusions into all": Case((*TWO, 1.2), True, (10.0, 1.0, 3.0), (5.0, 2.0, 1.0), 3.0),
    "three, bolus": Case(THREE, False, (10.0, 1.0, 3.0), (0.0, 0.0, 0.0), 3.0),
    "three, infusions into all": Case(THREE, False, (10.0, 1.0, 3.0), (5.0, 2.0, 1.0), 3.0),
    "three, oral, infusions into all": Case((*THREE, 1.2), True, (10.0, 1.0, 3.0, 0.5), (5.0, 2.0, 1.0, 3.0), 3.0),
    "ka = k": Case((0.3, 0.3), True, (10.0, 1.0), (0.0, 0.0), 2.0),
    "ka = k, infusion into the depot": Case((0.3, 0.3), True, (10.0, 1.0), (4.0, 0.0), 2.0),
    "ka nearly k": Case((0.3, 0.3 + 1e-9), True, (10.0, 1.0), (4.0, 0.0), 2.0),
    "ka on the fast exponent": Case((0.3, 0.2, 0.1, 0.5414213562373095), True, (10.0, 1.0, 3.0), (0.0, 0.0, 0.0), 3.0),
    "equal exponents": Case((0.3, 3e-5, 0.3), False, (10.0, 2.0), (1.0, 0.0), 3.0),
    "hardly any exchange": Case((0.3, 1e-12, 3e-13), False, (10.0, 2.0), (1.0, 0.0), 3.0),
    "stiff": Case((0.05, 30.0, 20.0, 8.0), True, (10.0, 1.0, 3.0), (0.0, 2.0, 0.0), 5.0),
    "an instant": Case((*TWO, 1.2), True, (10.0, 1.0, 3.0), (5.0, 2.0, 1.0), 1e-7),
    "three, equal peripherals": Case((0.3, 0.2, 0.1, 0.2, 0.1), False, (10.0, 1.0, 3.0), (0.0, 0.0, 0.0), 3.0),
}
NATURAL = {
    "no exchange": Case((0.3, 0.0, 0.0), False, (10.0, 2.0), (1.0, 0.0), 3.0),
    "no exchange, no elimination": Case((0.0, 0.0, 0.0, 0.4), True, (10.0, 2.0, 1.0), (1.0, 2.0, 0.0), 3.0),
    "no exchange with one of two": Case((0.3, 0.2, 0.1, 0.0, 0.0), False, (10.0, 2.0, 1.0), (1.0, 0.0, 0.0), 3.0),
    "no elimination": Case((0.0, 0.2, 0.1, 0.7), True, (10.0, 1.0, 3.0), (0.0, 2.0, 0.0), 3.0),
    "nothing moves": Case((0.0, 0.0), True, (10.0, 1.0), (2.0, 3.0), 3.0),
}


def compare(found, expected) -> None:
    """Require 1e-10 of each derivative's largest compartment, values too; of the large ones where derivatives nearly vanish."""
    assert np.allclose(found[0], expected[0], rtol=EXACT, atol=0.0)
    for own, other in zip(found[1:], expected, strict=True):
        scale = np.maximum(np.max(np.abs(other), axis=0, keepdims=True), 1e-4 * np.max(np.abs(other)))
        assert np.all(np.abs(own - other) <= EXACT * scale + 1e-300), np.max(np.abs(own - other) / (scale + 1e-300))


@pytest.mark.parametrize("name", CASES)
def test_amounts_and_their_derivatives(name):
    compare(engine(CASES[name], True), exact(CASES[name], True))


@pytest.mark.parametrize("name", NATURAL)
def test_rates_of_zero(name):
    compare(engine(NATURAL[name], False), exact(NATURAL[name], False))


def test_random_systems_against_the_matrix_exponential():
    random = np.random.default_rng(5)
    for _ in range(100):
        n_modes, has_depot = int(random.integers(1, 4)), bool(random.integers(0, 2))
        n = n_modes + has_depot
        rates = tuple(np.exp(random.normal(size=2 * n_modes - 1 + has_depot)))
        case = Case(rates, has_depot, tuple(random.uniform(0, 5, n)), tuple(random.uniform(0, 5, n)), float(np.exp(random.normal())))
        expected = (expm(np.array(generator(case, list(map(float, rates)))) * case.dt) @ [*case.amounts, 1.0])[:-1]
        found = engine(case, True)
        assert np.allclose(found[0], expected, rtol=1e-11, atol=1e-12)
        assert np.allclose(found[1], expected, rtol=1e-11, atol=1e-12)


def test_a_very_long_time_empties_everything():
    found = engine(Case((*TWO, 1.2), True, (10.0, 1.0, 3.0), (0.0, 0.0, 0.0), 1e6), True)
    assert all(np.all(each == 0.0) for each in found)


@pytest.mark.parametrize("rates", [(0.3, -0.2, 0.1), (0.3, 0.0, 0.1), (0.3, 0.2, 0.0), (np.nan, 0.2, 0.1), (np.inf, 0.2, 0.1)])
def test_impossible_rates_end_as_nan_and_never_hang(rates):
    found = engine(Case(rates, False, (10.0, 2.0), (0.0, 0.0), 1.0), False)
    assert np.all(np.isnan(found[1]))
