"""Bundles: what goes in by name comes out by name."""

from typing import NamedTuple

import numpy as np
import pytest
from numba import njit, typeof

from popmix.engine.bundle import Bundle


class Inner(NamedTuple):
    vector: np.ndarray
    number: float


class Outer(NamedTuple):
    whole: int
    table: np.ndarray
    inner: Inner
    flag: bool
    cube: np.ndarray


class Other(NamedTuple):
    whole: int
    table: np.ndarray
    inner: Inner
    flag: bool
    cube: np.ndarray


def filled(kind: type = Outer) -> NamedTuple:
    return kind(7, np.arange(6, dtype=np.int64).reshape(2, 3), Inner(np.array([1.5, 2.5]), -0.25), True, np.arange(24.0).reshape(2, 3, 4))


@njit
def _read(bundle):
    inner = bundle.inner
    total = bundle.whole + bundle.table[1, 2] + inner.vector[1] + inner.number + bundle.cube[1, 2, 3]
    return total, bundle.table.shape, bundle.cube.shape, len(inner.vector), bundle.cube[1, 1].sum(), bool(bundle.flag)


@njit
def _write(bundle):
    bundle.inner.vector[0] = 99.0
    bundle.cube[0, 1] = -1.0


def test_reading():
    assert _read(Bundle(filled())) == (7 + 5 + 2.5 - 0.25 + 23.0, (2, 3), (2, 3, 4), 2, 16.0 + 17 + 18 + 19, True)


def test_writing_changes_the_arrays_themselves():
    fields = filled()
    _write(Bundle(fields))
    assert fields.inner.vector[0] == 99.0 and np.all(fields.cube[0, 1] == -1.0) and fields.cube[0, 0, 3] == 3.0


def test_types_tell_names_fields_and_dimensions():
    own = typeof(Bundle(filled()))
    assert own == typeof(Bundle(filled())) != typeof(Bundle(filled(Other)))
    assert own != typeof(Bundle(filled()._replace(table=np.zeros(3, dtype=np.int64))))
    assert own != typeof(Bundle(filled()._replace(table=np.zeros((2, 3)))))
    assert own != typeof(Bundle(filled()._replace(whole=1.0)))


def test_a_view_that_is_not_contiguous_is_refused():
    with pytest.raises(ValueError, match="contiguous"):
        Bundle(filled()._replace(cube=np.zeros((4, 3, 2)).T))


def test_an_unknown_field_does_not_compile():
    @njit
    def wrong(bundle):
        return bundle.vectr

    with pytest.raises(Exception, match="vectr"):
        wrong(Bundle(filled()))
