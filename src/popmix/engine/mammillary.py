"""Compartment models in their own basis: the generator of a mammillary system, its modes and its derivatives.

Amounts A = (depot, central, peripherals). Central and peripherals follow a matrix K that is similar to a symmetric one,
so K = V diag(x) V^-1 with well-conditioned V and real x. In z = V^-1 A each mode decays on its own and the depot feeds
all of them: the graph of `popmix.engine.paths`. V is a constant of the parameter interval; derivatives of the parameters
enter as perturbations V^-1 dK V.
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import part
from popmix.engine.linear import diagonalise

# coupling below this fraction of the fastest rate counts as none; its square is far below double precision
_NO_COUPLING = 1e-30


class Basis(NamedTuple):
    """Coordinates of one parameter interval: nodes `x` [N], edges E0 [N N], `first` E1 [N N, S], `second` E2 [N N, S, S].

    An edge is to * N + from; `curved` [1] tells whether E2 is not zero. `symmetric`, `change` and `scale` are working memory.
    """

    x: np.ndarray
    edges: np.ndarray
    first: np.ndarray
    second: np.ndarray
    v: np.ndarray
    inverse: np.ndarray
    curved: np.ndarray
    symmetric: np.ndarray
    change: np.ndarray
    scale: np.ndarray


def new_basis(n_nodes: int, n_modes: int, n_structural: int) -> Basis:
    """Return a basis of zeros for `n_nodes` nodes (states and, last, a source)."""
    n_edges, shape = n_nodes * n_nodes, (max(n_modes, 1), max(n_modes, 1))
    return Basis(
        x=np.zeros(n_nodes),
        edges=np.zeros(n_edges),
        first=np.zeros((n_edges, n_structural)),
        second=np.zeros((n_edges, n_structural * n_structural)),
        v=np.eye(shape[0]),
        inverse=np.eye(shape[0]),
        curved=np.zeros(1, dtype=np.int64),
        symmetric=np.zeros(shape),
        change=np.zeros(shape),
        scale=np.ones(shape[0]),
    )


@part
def set_basis(order, has_depot, n_modes, n_structural, rates, basis):
    """Fill `basis` from the output of the compiled `rates` function (values, first and second derivatives)."""
    n_rates, width = 2 * n_modes - 1 + has_depot, len(basis.x)
    _modes(n_modes, rates, basis)
    if has_depot:
        ka = rates[n_rates - 1]
        basis.x[0] = -ka
        for i in range(n_modes):
            basis.edges[(i + 1) * width] = ka * basis.inverse[i, 0]
    if order == 0:
        return
    basis.curved[0] = 0
    for d in range(n_structural):
        _perturb(has_depot, n_modes, n_rates, rates, n_rates + d, n_structural, basis, basis.first, d)
        for e in range(d + 1):
            column = d * n_structural + e
            start = n_rates * (1 + n_structural) + column
            if _perturb(has_depot, n_modes, n_rates, rates, start, n_structural * n_structural, basis, basis.second, column):
                basis.curved[0] = 1


@part
def _perturb(has_depot, n_modes, n_rates, rates, start, stride, basis, out, column):
    """Write V^-1 dK V and the change of the depot into a column of `out`; the slope of rate k stands at start + k stride.

    Returns whether any slope is not zero.
    """
    any_slope = False
    for k in range(n_rates):
        any_slope = any_slope or rates[start + k * stride] != 0.0
    width, change = len(basis.x), basis.change
    if any_slope:
        change[0, 0] = -rates[start]
        for j in range(1, n_modes):
            outward, inward = rates[start + (2 * j - 1) * stride], rates[start + 2 * j * stride]
            change[0, 0] -= outward
            change[j, 0] = outward
            change[0, j] = inward
            change[j, j] = -inward
    for i in range(n_modes):
        for j in range(n_modes):
            total = 0.0
            if any_slope:
                for k in range(n_modes):
                    for m in range(n_modes):
                        total += basis.inverse[i, k] * change[k, m] * basis.v[m, j]
            out[(i + has_depot) * width + j + has_depot, column] = total
    if has_depot:
        slope = rates[start + (n_rates - 1) * stride]
        out[0, column] = -slope
        for i in range(n_modes):
            out[(i + 1) * width, column] = slope * basis.inverse[i, 0]
    return any_slope


@part
def _modes(n_modes, rates, basis):
    """Diagonalise the central system: x (at the end of the node list), V and its inverse."""
    offset = len(basis.x) - 1 - n_modes
    if n_modes == 1:
        basis.x[offset] = -rates[0]
        return
    symmetric, scale, v = basis.symmetric, basis.scale, basis.v
    fastest = abs(rates[0])
    for k in range(1, 2 * n_modes - 1):
        fastest = max(fastest, abs(rates[k]))
    nothing = _NO_COUPLING * fastest
    for i in range(n_modes):
        for j in range(n_modes):
            symmetric[i, j] = 0.0
            v[i, j] = 1.0 if i == j else 0.0
    symmetric[0, 0] = -rates[0]
    for j in range(1, n_modes):
        outward, inward = rates[2 * j - 1], rates[2 * j]
        symmetric[0, 0] -= outward
        symmetric[j, j] = -inward
        symmetric[0, j] = symmetric[j, 0] = math.sqrt(outward) * math.sqrt(inward)
        scale[j] = 1.0
        if outward > 0.0 and inward > 0.0:
            scale[j] = math.sqrt((outward + nothing) / (inward + nothing))
        elif outward != 0.0 or inward != 0.0:
            # exchange in one direction only can't be made symmetric: nan, which the density reports
            symmetric[0, j] = symmetric[j, 0] = math.nan
    diagonalise(n_modes, symmetric, v)
    for i in range(n_modes):
        basis.x[offset + i] = symmetric[i, i]
        for j in range(n_modes):
            basis.inverse[i, j] = v[j, i] / scale[j]
            v[j, i] *= scale[j]
