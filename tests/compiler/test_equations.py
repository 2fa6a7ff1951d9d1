"""Compiled right-hand sides: derivatives, packed sensitivities, the lists of what is not zero, directions of whole models."""

import ctypes

import numpy as np
import pytest
from differences import slope, slopes

from popmix.compiler.build import CompiledModel, compile_model
from popmix.model import read
from popmix.model.parameters import parameters_of

_POINTER = ctypes.POINTER(ctypes.c_double)
SOURCE = """from popmix import *

class Curved(Model):
    WT = Covariate()
    vmax = Theta(5.0)
    h = Theta(1.7, lower=1)
    held = Theta(0.3, fixed=True)
    km = LogNormal(2.0, iiv=Fixed(0.3))
    K = LogNormal(0.4, iiv=0.2)
    L = LogNormal(1.2, iiv=Fixed(0.4))
    x = State(init=K * 10)
    y = State(init=3.0)
    z = State()
    x.dt = -vmax * x**h / (km**h + x**h) - where(T < 2, K, 2 * K) * x * y
    y.dt = exp(-K * TAD) * L * x / (1 + y**2) - held * y + lgamma(1 + y)
    z.dt = sqrt(x + y) - K * WT * z + sin(T) * K**2
    DV = Observation(z + x, additive=1)
"""
# differences of fourth order in steps of 1e-3: the error is of order 1e-12 times fifth derivatives, and 1e-16 / 1e-3 of rounding
STEP, NEAR = 1e-3, 1e-9
# twice: 1e-16 / 1e-6
NEAR_TWICE = 1e-7
X = np.array([2.3, 1.4, 0.6])
EARLY, LATE = np.array([1.3, 0.7]), np.array([3.1, 0.4])
SIDES = pytest.mark.parametrize("clock", [EARLY, LATE], ids=["before", "after"])


class Functions:
    """The compiled functions of a model as Python functions of states, directions, and time."""

    def __init__(self, model: CompiledModel, unknowns: np.ndarray, covariates: np.ndarray) -> None:
        self.model, self.covariates = model, np.append(covariates, 0.0)
        self.n, self.s = len(model.lowered.amounts), model.n_structural
        self.individual = np.zeros(model.n_individual + 1)
        # passive numbers stand after the derivatives that `individual_2` writes
        self.individual = self.call("individual_2", np.zeros(1), unknowns, np.zeros(2), len(self.individual))
        self.d = self.individual[: self.s].copy()

    def call(self, name: str, amounts: np.ndarray, directions: np.ndarray, clock: np.ndarray, n: int) -> np.ndarray:
        out = np.zeros(n)
        function = ctypes.CFUNCTYPE(None, *[_POINTER] * 5)(self.model.address(name))
        arrays = [np.ascontiguousarray(one, dtype=float) for one in (amounts, directions, self.covariates, clock, out)]
        function(*(one.ctypes.data_as(_POINTER) for one in arrays))
        return arrays[-1]

    def __call__(self, name: str, amounts: np.ndarray, d: np.ndarray, clock: np.ndarray, n: int) -> np.ndarray:
        whole = self.individual.copy()
        whole[: self.s] = d
        return self.call(name, amounts, whole, clock, n)

    def f(self, x: np.ndarray, d: np.ndarray, clock: np.ndarray) -> np.ndarray:
        return self("equations_0", x, d, clock, self.n)


@pytest.fixture(scope="module")
def curved() -> Functions:
    model = read(SOURCE)
    parameters = parameters_of(model)
    compiled = compile_model(model)
    n_etas = len(parameters.eta_names)
    unknowns = np.concatenate([parameters.values[: compiled.n_unknowns - n_etas], np.array([0.2, -0.1, 0.3])])
    return Functions(compiled, unknowns, np.array([0.8]))


def derivatives(of: Functions, clock: np.ndarray) -> dict[str, np.ndarray]:
    """Return all derivatives of f by differences, dense."""
    x = slopes(lambda x: of.f(x, of.d, clock), X, STEP)
    d = slopes(lambda d: of.f(X, d, clock), of.d, STEP)
    xx = slopes(lambda at: slopes(lambda x: of.f(x, of.d, clock), at, STEP), X, STEP)
    xd = slopes(lambda d: slopes(lambda x: of.f(x, d, clock), X, STEP), of.d, STEP)
    dd = slopes(lambda at: slopes(lambda d: of.f(X, d, clock), at, STEP), of.d, STEP)
    return {"x": x, "d": d, "xx": xx, "xd": xd, "dd": dd}


def listed(of: Functions, order: int, clock: np.ndarray) -> dict[str, np.ndarray]:
    """Return the derivatives that the compiled functions write, dense and symmetric."""
    patterns, n, s = of.model.patterns, of.n, of.s
    shapes = {"x": (n, n), "d": (n, s), "xx": (n, n, n), "xd": (n, n, s), "dd": (n, s, s)}
    names = ["x", "d"] if order == 1 else list(shapes)
    tables = {name: getattr(patterns, name) for name in names}
    flat = of(f"equations_{order}", X, of.d, clock, n + sum(map(len, tables.values())))
    found, position = {"f": flat[:n]}, n
    for name, table in tables.items():
        dense = np.zeros(shapes[name])
        for index in map(tuple, table):
            dense[index] = flat[position]
            if name in ("xx", "dd"):
                dense[index[0], index[2], index[1]] = flat[position]
            position += 1
        found[name] = dense
    return found


@SIDES
def test_derivatives_are_those_of_differences(curved, clock):
    expected = derivatives(curved, clock)
    for order in (1, 2):
        found = listed(curved, order, clock)
        assert found.pop("f") == pytest.approx(curved.f(X, curved.d, clock), rel=1e-15)
        for name, one in found.items():
            scale = np.max(np.abs(expected[name]))
            assert np.allclose(one, expected[name], rtol=0, atol=scale * (NEAR if len(name) == 1 else NEAR_TWICE)), name


def test_patterns_list_exactly_what_is_not_zero(curved):
    """On one side of the condition or the other; of symmetric derivatives one half, each once."""
    both = [derivatives(curved, clock) for clock in (EARLY, LATE)]
    for name in both[0]:
        size = np.maximum(np.abs(both[0][name]), np.abs(both[1][name]))
        expected = {tuple(index) for index in np.argwhere(size > NEAR_TWICE * np.max(size)).tolist()}
        if name in ("xx", "dd"):
            expected = {index for index in expected if index[2] <= index[1]}
        table = getattr(curved.model.patterns, name)
        assert set(map(tuple, table.tolist())) == expected, name
        assert len(table) == len(expected)


@SIDES
def test_derivatives_by_time(curved, clock):
    """T and TAD go together."""
    found = curved("equations_t", X, curved.d, clock, curved.n)
    expected = slope(lambda dt: curved.f(X, curved.d, clock + dt), STEP)
    assert found == pytest.approx(expected, rel=NEAR, abs=NEAR) and np.all(found[1:] != 0.0)


@SIDES
def test_jets_are_the_derivatives_along_any_surface(curved, clock):
    """x = X + X_d a + X_de a a / 2 and d = D + a: f(x, d) has the derivatives by a that the compiled functions write."""
    rng, n, s = np.random.default_rng(1), curved.n, curved.s
    first, second = rng.normal(size=(n, s)), rng.normal(size=(n, s, s))
    second = second + second.transpose(0, 2, 1)

    def along(a: np.ndarray) -> np.ndarray:
        return curved.f(X + first @ a + 0.5 * second @ a @ a, curved.d + a, clock)

    lower = np.tril_indices(s)
    packed = np.column_stack([X, first, second[:, *lower]])
    by_first = slopes(along, np.zeros(s), STEP)
    by_second = slopes(lambda a: slopes(along, a, STEP), np.zeros(s), STEP)[:, *lower]
    ones = curved("jets_1", packed[:, : 1 + s].copy(), curved.d, clock, n * (1 + s)).reshape(n, -1)
    twos = curved("jets_2", packed, curved.d, clock, packed.size).reshape(n, -1)
    assert twos[:, : 1 + s] == pytest.approx(ones, rel=1e-14)
    assert ones[:, 0] == pytest.approx(curved.f(X, curved.d, clock), rel=1e-14)
    assert np.allclose(ones[:, 1:], by_first, rtol=0, atol=NEAR * np.max(np.abs(by_first)))
    assert np.allclose(twos[:, 1 + s :], by_second, rtol=0, atol=NEAR_TWICE * np.max(np.abs(by_second)))


def test_only_fixed_thetas_are_passive(curved):
    """A fixed SD of a random effect holds neither the effect nor the parameter; `held` enters alone, as a plain number."""
    model = curved.model
    u = model.n_unknowns
    assert model.n_individual == model.n_directions * (1 + u + u * u) + 1 and model.n_structural == 5  # vmax, h, km ** h, K, L
    position = model.n_directions * (1 + model.n_unknowns + model.n_unknowns**2)
    assert abs(curved.individual[position]) == 0.3
    by_unknowns = curved.individual[model.n_directions :][: model.n_directions * model.n_unknowns].reshape(model.n_directions, -1)
    assert np.all(np.any(by_unknowns[:, -model.n_etas :] != 0.0, axis=0))
    held = list(model.lowered.thetas).index(next(one for one in model.lowered.thetas if str(one).endswith("held")))
    assert np.all(by_unknowns[:, held] == 0.0)


def directions(equations: str) -> int:
    source = f"""from popmix import *

class Written(Model):
    a = Theta(2.0)
    b = Theta(3.0)
    c = Theta(0.5, fixed=True)
    A = LogNormal(a, iiv=0.3)
    B = LogNormal(4.0, iiv=0.3)
    x = State(init=1.0)
    x.dt = {equations}
    DV = Observation(A * B * x, sd=a * b + c)
"""
    return compile_model(read(source)).n_structural


@pytest.mark.parametrize(
    ("equations", "fewest"),
    [
        ("-A / B * x**2", 1),  # as one
        ("-A / B * x**2 - A * x**3 - B * x - A * B", 2),  # four combinations of two parameters
        ("-(a + b) * x**2 - a * b * x - a / b", 2),  # three of two thetas
        ("-A * a * x**2 - A * x - a", 2),  # three combinations of a parameter and the theta behind it: they count as two
        ("-c * x**2", 0),
        ("-c * A * x**2 - A * x", 1),
    ],
)
def test_the_fewest_directions(equations, fewest):
    assert directions(equations) == fewest
