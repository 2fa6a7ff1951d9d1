"""The unconstrained scale: a bijection with an exact Jacobian, for every transform and for blocks up to four effects."""

import numpy as np
import pytest
from differences import slopes
from hypothesis import given, settings
from hypothesis import strategies as st

from popmix.estimate.scale import Scale
from popmix.model.parameters import OmegaBlock, Parameters

INF = np.inf
BOUNDS = [(-INF, INF), (0.0, INF), (-3.0, INF), (-INF, 5.0), (-2.0, 7.0), (0.0, 1.0)]


def parameters(thetas: list[float], sds: list[float], correlations: np.ndarray, fixed: set[str] = frozenset()) -> Parameters:
    """Return parameters with one theta for each of BOUNDS, a residual SD and one block of effects."""
    n = len(sds)
    pairs = [(row, column) for row in range(1, n) for column in range(row)]
    first = len(BOUNDS) + 1
    names = [f"t{k}" for k in range(len(BOUNDS))] + ["additive_DV"] + [f"iiv_{k}" for k in range(n)]
    names += [f"corr_{column}_{row}" for row, column in pairs]
    values = [*thetas, 0.7, *sds, *(correlations[pair] for pair in pairs)]
    lower = [low for low, _ in BOUNDS] + [0.0] * (1 + n) + [-1.0] * len(pairs)
    upper = [high for _, high in BOUNDS] + [INF] * (1 + n) + [1.0] * len(pairs)
    kinds = ["theta"] * len(BOUNDS) + ["sigma"] + ["iiv"] * n + ["corr"] * len(pairs)
    places = tuple((row, column, first + n + k) for k, (row, column) in enumerate(pairs))
    return Parameters(
        names=tuple(names),
        values=np.array(values, dtype=float),
        fixed=np.array([name in fixed for name in names]),
        lower=np.array(lower),
        upper=np.array(upper),
        kinds=tuple(kinds),
        units=(None,) * len(names),
        labels=(None,) * len(names),
        eta_names=tuple(map(str, range(n))),
        levels=(None,) * n,
        blocks=(OmegaBlock(tuple(range(n)), tuple(range(first, first + n)), places),),
    )


def correlation_of(entries: list[float], n: int) -> np.ndarray:
    """Return the correlation matrix of random rows: positive definite, at times nearly singular."""
    factor = np.tril(np.array(entries).reshape(4, 4))[:n, :n] + np.eye(n)
    covariance = factor @ factor.T
    sds = np.sqrt(np.diag(covariance))
    return covariance / np.outer(sds, sds)


inside = st.floats(0.02, 0.98)
numbers = st.floats(-0.9, 2.0).map(lambda value: round(value, 4))


@st.composite
def cases(draw) -> Parameters:
    n = draw(st.integers(1, 4))
    thetas = []
    for low, high in BOUNDS:
        share = draw(inside)
        below, above = (low if np.isfinite(low) else -50.0), (high if np.isfinite(high) else 50.0)
        thetas.append(below + share * (above - below))
    sds = [draw(st.floats(1e-3, 10.0)) for _ in range(n)]
    return parameters(thetas, sds, correlation_of([draw(numbers) for _ in range(16)], n))


@given(cases())
@settings(max_examples=150, deadline=None)
def test_round_trip(start):
    scale = Scale.of(start)
    x = scale.pack(start)
    assert np.all(np.isfinite(x)) and len(x) == len(start)
    values = scale.unpack(x)
    # the worst factor is the Cholesky factor of a nearly singular correlation matrix
    assert values == pytest.approx(start.values, rel=1e-9, abs=1e-9)
    assert scale.pack(start.unchecked(values)) == pytest.approx(x, rel=1e-6, abs=1e-6)


@given(cases(), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_every_coordinate_gives_possible_values(start, seed):
    scale = Scale.of(start)
    x = 3 * np.random.default_rng(seed).normal(size=len(start))
    start.unchecked(scale.unpack(x)).check()  # bounds, and omega positive definite


@given(cases())
@settings(max_examples=100, deadline=None)
def test_jacobian(start):
    scale = Scale.of(start)
    x = scale.pack(start)
    jacobian = scale.jacobian(x)
    assert jacobian.shape == (len(start), len(x))
    numerical = slopes(scale.unpack, x, 1e-4 * np.maximum(1.0, np.abs(x)))
    # rounding of the values over the step; the error of fourth order is below it
    assert jacobian == pytest.approx(numerical, rel=1e-6, abs=1e-9 * (1 + np.max(np.abs(start.values))))


@given(cases(), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_bend(start, seed):
    """The second derivatives of g . values by the angles, for any g; other coordinates are left at zero."""
    scale, weights = Scale.of(start), np.random.default_rng(seed).normal(size=len(start))
    x = scale.pack(start)
    bends = scale.bend(x, weights)
    for k, name in enumerate(scale.names):
        step = 1e-4 * np.eye(len(x))[k]
        slopes = [weights @ scale.jacobian(x + sign * step)[:, k] for sign in (1, -1)]
        expected = (slopes[0] - slopes[1]) / 2e-4 if name.startswith("corr") else 0.0
        # both the error of the differences and their rounding are of order 1e-8
        assert bends[k] == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_the_edge_of_a_block_lies_at_a_right_angle_and_is_symmetric():
    correlation = np.array([[1, 0.6, 0.8], [0.6, 1, 0.96], [0.8, 0.96, 1]])  # the third effect follows from the others
    start = parameters([1.0, 1.0, 1.0, 1.0, 1.0, 0.5], [0.3, 0.2, 0.4], 0.999 * correlation + 0.001 * np.eye(3))
    scale = Scale.of(start)
    edge = scale.pack(start)
    edge[-1] = np.pi / 2
    assert scale.jacobian(edge)[:, -1] == pytest.approx(0, abs=1e-15)
    step = np.eye(len(edge))[-1]
    assert scale.unpack(edge + 0.1 * step) == pytest.approx(scale.unpack(edge - 0.1 * step), abs=1e-15)
    start.unchecked(scale.unpack(edge)).check()


def test_a_block_nearer_to_the_edge_than_a_search_goes_has_a_place():
    almost = np.array([[1.0, 1 - 1e-8], [1 - 1e-8, 1.0]])
    start = parameters([1.0, 1.0, 1.0, 1.0, 1.0, 0.5], [0.3, 0.2], almost)
    scale = Scale.of(start)
    assert scale.unpack(scale.pack(start)) == pytest.approx(start.values, abs=2e-6)


@given(cases(), st.integers(1, 2**13 - 1))
@settings(max_examples=60, deadline=None)
def test_fixed_thetas_and_sds_are_left_out_and_stay(start, mask):
    free_to_fix = [name for name, kind in zip(start.names, start.kinds, strict=True) if kind != "corr"]
    fixed = {name for k, name in enumerate(free_to_fix) if mask >> k & 1}
    held = Parameters(**{**vars(start), "fixed": np.array([name in fixed for name in start.names])})
    scale = Scale.of(held)
    x = scale.pack(held)
    assert scale.names == tuple(name for name in start.names if name not in fixed) and len(x) == len(scale.names)
    moved = scale.unpack(x + 0.3)
    for name, before, after in zip(start.names, start.values, moved, strict=True):
        if name in fixed:
            assert after == before
        elif start.kinds[start.index(name)] in ("theta", "sigma", "iiv"):
            assert after > before  # every transform increases
    assert scale.jacobian(x).shape == (len(start), len(x))
    assert np.all(scale.jacobian(x)[[start.index(name) for name in fixed]] == 0)


def test_a_fixed_block_stays_whole():
    correlation = np.array([[1, 0.5, -0.2], [0.5, 1, 0.3], [-0.2, 0.3, 1]])
    thetas = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5]
    start = parameters(thetas, [0.3, 0.2, 0.4], correlation, {"corr_0_1", "corr_0_2", "corr_1_2"})
    scale = Scale.of(start)
    moved = scale.unpack(scale.pack(start) - 1.0)
    assert np.array_equal(moved[-3:], start.values[-3:])


@pytest.mark.parametrize(("position", "value"), [(2, -3.0), (3, 5.0), (4, -2.0), (4, 7.0), (5, 0.0), (5, 1.0)])
def test_a_value_on_its_bound_has_finite_coordinates(position, value):
    thetas = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5]
    thetas[position] = value
    start = parameters(thetas, [0.3], np.eye(1))
    scale = Scale.of(start)
    x = scale.pack(start)
    assert np.all(np.abs(x) < 30)
    values = scale.unpack(x)
    start.unchecked(values).check()
    assert values[position] == pytest.approx(value, abs=1e-8)


def test_a_value_on_a_bound_of_zero_has_finite_coordinates():
    start = parameters([1.0, 0.0, 1.0, 1.0, 1.0, 0.5], [0.3], np.eye(1))
    assert np.all(np.abs(Scale.of(start).pack(start)) < 50)
