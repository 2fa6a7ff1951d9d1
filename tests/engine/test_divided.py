"""Divided differences of exp against decimal arithmetic."""

import numpy as np
import pytest
from exact import divided_difference
from numba import njit

from popmix.engine.bundle import Bundle
from popmix.engine.divided import divided_differences, exp_difference
from popmix.engine.paths import MOST_NODES, mammillary_paths


@njit
def _table(x, dt, paths, series, out):
    divided_differences(x, dt, paths, series, out)


@njit
def _pair(a, b):
    return exp_difference(a, b, np.exp(a), np.exp(b))


PATHS = mammillary_paths(True, 2, True)
NODES = {
    "apart": [-3.1, -1.4, -0.2, 0.0],
    "wide": [-80.0, -7.0, -0.03, 0.0],
    "equal": [-0.7, -0.7, -0.7, 0.0],
    "all equal": [0.0, 0.0, 0.0, 0.0],
    "nearly equal": [-0.7, -0.7 - 1e-9, -0.7 + 3e-4, 0.0],
    "one apart": [-1.0, -2.0, -3.0, 0.0],
    "just below one": [-0.999999, -1.999998, -1e-12, 0.0],
    "pairs": [-5.0, -5.0 - 1e-7, -1e-7, 0.0],
    "growing": [2.5, 1.1, -0.4, 0.0],
}


@pytest.mark.parametrize("dt", [1e-8, 0.1, 1.0, 7.0])
@pytest.mark.parametrize("name", NODES)
def test_every_multiset_of_the_paths(name, dt):
    found = np.zeros(len(PATHS.sizes))
    nodes = np.array(NODES[name])
    _table(nodes, dt, Bundle(PATHS), np.zeros((2, MOST_NODES)), found)
    for m, size in enumerate(PATHS.sizes):
        members = PATHS.members[m, :size]
        assert found[m] == pytest.approx(divided_difference(list(nodes[members]), dt), rel=1e-12, abs=1e-300), members


def test_random_nodes():
    random = np.random.default_rng(20)
    found = np.zeros(len(PATHS.sizes))
    for _ in range(10):
        nodes = -np.exp(random.uniform(-8, 4, 4))
        dt = float(np.exp(random.uniform(-3, 2)))
        _table(nodes, dt, Bundle(PATHS), np.zeros((2, MOST_NODES)), found)
        largest = random.integers(0, len(PATHS.sizes), 12)
        for m in largest:
            members = PATHS.members[m, : PATHS.sizes[m]]
            assert found[m] == pytest.approx(divided_difference(list(nodes[members]), dt), rel=1e-12, abs=1e-300)


def test_nodes_that_are_no_numbers_end_as_nan():
    found = np.zeros(len(PATHS.sizes))
    _table(np.array([np.nan, -1.0, -2.0, 0.0]), 1.0, Bundle(PATHS), np.zeros((2, MOST_NODES)), found)
    with_it = np.array([0 in PATHS.members[m, :size] for m, size in enumerate(PATHS.sizes)])
    assert np.all(np.isnan(found[with_it])) and np.all(np.isfinite(found[~with_it]))


@pytest.mark.parametrize("a", [0.0, -1e-3, -0.3, -4.0, -300.0, -690.0])
@pytest.mark.parametrize("gap", [0.0, 1e-14, 1e-9, 1e-5, 0.1, 0.499999, 0.500001, 3.0])
def test_the_difference_of_two(a, gap):
    assert _pair(a, a - gap) == pytest.approx(divided_difference([a, a - gap], 1.0), rel=5e-15 * (1 + abs(a)), abs=1e-305)
    assert _pair(a - gap, a) == _pair(a, a - gap)
