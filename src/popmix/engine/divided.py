"""Divided differences of the exponential function, accurate for any distance of the nodes."""

import numpy as np

from popmix.engine.compiled import compiled
from popmix.engine.paths import MOST_NODES

# Taylor terms for nodes within 1/2 of their centre: the first omitted term is below (1/2)^16 / 16! < 1e-18
_TERMS = 16
_WIDE = 1.0


@compiled
def divided_differences(nodes, paths, out):
    """Write exp[nodes of m] for every multiset m of `paths` into `out`.

    Wide multisets use the recurrence (f[all but the least] - f[all but the greatest]) / (greatest - least), which loses
    no more than a factor of about two per level where the nodes are at least 1 apart; narrow ones a Taylor series about
    their centre.
    """
    for m in range(len(paths.sizes)):
        size = paths.sizes[m]
        first = paths.members[m, 0]
        if size == 1:
            out[m] = np.exp(nodes[first])
            continue
        low = high = first
        for k in range(1, size):
            node = paths.members[m, k]
            if nodes[node] < nodes[low]:
                low = node
            if nodes[node] > nodes[high]:
                high = node
        spread = nodes[high] - nodes[low]
        if spread >= _WIDE:
            out[m] = (out[paths.without[m, low]] - out[paths.without[m, high]]) / spread
        else:
            out[m] = _narrow(nodes, paths.members[m], size, 0.5 * (nodes[high] + nodes[low]))


@compiled
def _narrow(nodes, members, size, centre):
    """exp[x_0, ..., x_k] = exp(c) sum_m h_m(x - c) / (m + k)!, h_m the complete homogeneous symmetric polynomials."""
    offsets = np.empty(MOST_NODES)
    any_offset = False
    factorial = 1.0
    for k in range(size):
        offsets[k] = nodes[members[k]] - centre
        any_offset = any_offset or offsets[k] != 0.0
        if k > 0:
            factorial *= k
    scale = np.exp(centre) / factorial
    if not any_offset:
        return scale
    h = np.zeros(_TERMS)
    h[0] = 1.0
    for k in range(size):
        for m in range(1, _TERMS):
            h[m] += offsets[k] * h[m - 1]
    total = 0.0
    weight = 1.0
    for m in range(_TERMS):
        total += h[m] * weight
        weight /= m + size
    return scale * total


@compiled
def exp_difference(a, b, exp_a, exp_b):
    """(exp(a) - exp(b)) / (a - b) without cancellation; `exp_a` and `exp_b` are known already."""
    gap = a - b
    if abs(gap) > 0.5:
        return (exp_a - exp_b) / gap
    half = 0.5 * gap
    return np.sqrt(exp_a * exp_b) * _sinhc(half) if exp_a * exp_b > 1e-290 else np.exp(0.5 * (a + b)) * _sinhc(half)


@compiled
def _sinhc(x):
    """sinh(x) / x for |x| <= 1/4 by its series; the first omitted term is below 1e-18."""
    square = x * x
    return 1.0 + square / 6.0 * (1.0 + square / 20.0 * (1.0 + square / 42.0 * (1.0 + square / 72.0 * (1.0 + square / 110.0))))
