"""Divided differences of the exponential function, accurate for any distance of the nodes."""

import math

import numpy as np

from popmix.engine.compiled import part
from popmix.engine.paths import MOST_NODES

# Taylor terms for nodes within 1/2 of their centre: the first omitted term is below (1/2)^18 / 18! < 1e-21
_TERMS = 18
_WIDE = 1.0
_S3, _S5, _S7, _S9, _S11 = (1.0 / math.factorial(k) for k in (3, 5, 7, 9, 11))
_INVERSE_FACTORIAL = np.array([1.0 / math.factorial(k) for k in range(_TERMS + MOST_NODES)])


@part
def divided_differences(x, dt, paths, series, out):
    """Write the divided difference of exp(dt .) over the nodes `x` of m, for every multiset m of `paths`, into `out`.

    Wide multisets use the recurrence (f[all but the least] - f[all but the greatest]) / (greatest - least), which loses
    no more than a factor of about two per level where the exponents are at least 1 apart; narrow ones a Taylor series
    about their centre. `series` [2, MOST_NODES] is working memory.
    """
    first_differences(len(paths.sizes), x, dt, paths, series, out)


@part
def first_differences(count, x, dt, paths, series, out):
    """Write the divided differences of the first `count` multisets, which need no others: see `divided_differences`."""
    sizes, members, without = paths.sizes, paths.members, paths.without
    for m in range(count):
        first = members[m, 0]
        if sizes[m] == 1:
            out[m] = math.exp(x[first] * dt)
            continue
        low, high = first, first
        for k in range(1, sizes[m]):
            node = members[m, k]
            if x[node] < x[low]:
                low = node
            if x[node] > x[high]:
                high = node
        spread = x[high] - x[low]
        if spread * dt >= _WIDE:
            out[m] = (out[without[m, low]] - out[without[m, high]]) / spread
        else:
            out[m] = _narrow(x, dt, members[m], sizes[m], 0.5 * (x[high] + x[low]), series)


@part
def _narrow(x, dt, members, size, centre, series):
    """exp(dt .)[x_0, ..., x_k] = dt^k exp(c dt) sum_m h_m(dt (x - c)) / (m + k)!, h_m the complete homogeneous polynomials.

    h_m of the first k nodes is h_m of one node less plus the offset of the last times h_(m-1) of all.
    """
    scale = math.exp(centre * dt)
    for k in range(size):
        series[0, k] = 1.0
        series[1, k] = (x[members[k]] - centre) * dt
        if k > 0:
            scale *= dt
    total = _INVERSE_FACTORIAL[size - 1]
    for m in range(1, _TERMS):
        h = 0.0
        for k in range(size):
            h += series[1, k] * series[0, k]
            series[0, k] = h
        term = h * _INVERSE_FACTORIAL[m + size - 1]
        total += term
        # polynomials of even degree are zero only where all offsets are
        if m % 2 == 0 and term < 1e-19 * total:
            break
    return scale * total


@part
def exp_difference(a, b, exp_a, exp_b):
    """(exp(a) - exp(b)) / (a - b) without cancellation; `exp_a` and `exp_b` are known already."""
    gap = a - b
    if abs(gap) > 0.5:
        return (exp_a - exp_b) / gap
    middle = math.sqrt(exp_a * exp_b) if exp_a * exp_b > 1e-290 else math.exp(0.5 * (a + b))
    return middle * _sinhc(0.5 * gap)


@part
def _sinhc(x):
    """sinh(x) / x for |x| <= 1/4 by its series; the first omitted term is below 1e-18."""
    square = x * x
    return 1.0 + square * (_S3 + square * (_S5 + square * (_S7 + square * (_S9 + square * _S11))))
