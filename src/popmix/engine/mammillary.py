"""Compartment models in their own basis: the generator of a mammillary system, its modes and its derivatives.

Amounts A = (depot, central, peripherals). Central and peripherals follow a matrix K that is similar to a symmetric one,
so K = V diag(x) V^-1 with well-conditioned V and real x. In z = V^-1 A each mode decays on its own and the depot feeds
all of them: the graph of `popmix.engine.paths`. V is a constant of the parameter interval; derivatives of the parameters
enter as perturbations V^-1 dK V.
"""

from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import compiled

# coupling below this fraction of the fastest rate counts as none; its square is far below double precision
_NO_COUPLING = 1e-30
_MOST_SWEEPS = 30


class Basis(NamedTuple):
    """Coordinates of one parameter interval. `x` nodes, `edges` E0, `first` E1 [S, N, N], `second` E2 [S, S, N, N]."""

    x: np.ndarray
    edges: np.ndarray
    first: np.ndarray
    second: np.ndarray
    v: np.ndarray
    inverse: np.ndarray
    curved: np.ndarray


def new_basis(n_nodes: int, n_modes: int, n_structural: int) -> Basis:
    """Return a basis of zeros for `n_nodes` nodes (states and, last, a source)."""
    shape = (n_nodes, n_nodes)
    return Basis(
        np.zeros(n_nodes),
        np.zeros(shape),
        np.zeros((n_structural, *shape)),
        np.zeros((n_structural, n_structural, *shape)),
        np.eye(max(n_modes, 1)),
        np.eye(max(n_modes, 1)),
        np.zeros(1, dtype=np.bool_),
    )


@compiled
def set_basis(order, has_depot, n_modes, n_structural, rates, basis):
    """Fill `basis` from the output of the compiled `rates` function (values, first and second derivatives)."""
    n_rates = 2 * n_modes - 1 + has_depot
    _modes(n_modes, rates, basis)
    if has_depot:
        ka = rates[n_rates - 1]
        basis.x[0] = -ka
        for i in range(n_modes):
            basis.edges[i + 1, 0] = ka * basis.inverse[i, 0]
    if order == 0:
        return
    basis.curved[0] = False
    for d in range(n_structural):
        _perturbation(has_depot, n_modes, n_rates, n_structural, rates[n_rates:], d, basis, basis.first[d])
        for e in range(d + 1):
            block = rates[n_rates * (1 + n_structural) :]
            found = _perturbation(has_depot, n_modes, n_rates, n_structural * n_structural, block, d * n_structural + e, basis, basis.second[d, e])
            basis.curved[0] = basis.curved[0] or found


@compiled
def _perturbation(has_depot, n_modes, n_rates, stride, slopes, column, basis, out):
    """Write V^-1 dK V and the change of the depot for one column of slopes; return whether any slope is not zero."""
    change = np.zeros((n_modes, n_modes))
    any_slope = False
    for k in range(n_rates):
        any_slope = any_slope or slopes[k * stride + column] != 0.0
    if not any_slope:
        out[:] = 0.0
        return False
    change[0, 0] = -slopes[column]
    for j in range(1, n_modes):
        outward, inward = slopes[(2 * j - 1) * stride + column], slopes[2 * j * stride + column]
        change[0, 0] -= outward
        change[j, 0] = outward
        change[0, j] = inward
        change[j, j] = -inward
    for i in range(n_modes):
        for j in range(n_modes):
            total = 0.0
            for k in range(n_modes):
                for m in range(n_modes):
                    total += basis.inverse[i, k] * change[k, m] * basis.v[m, j]
            out[i + has_depot, j + has_depot] = total
    if has_depot:
        slope = slopes[(n_rates - 1) * stride + column]
        out[0, 0] = -slope
        for i in range(n_modes):
            out[i + 1, 0] = slope * basis.inverse[i, 0]
    return True


@compiled
def _modes(n_modes, rates, basis):
    """Diagonalise the central system: x (at the end of the node list), V and its inverse."""
    offset = len(basis.x) - 1 - n_modes
    if n_modes == 1:
        basis.x[offset] = -rates[0]
        return
    scale = np.ones(n_modes)
    symmetric = np.zeros((n_modes, n_modes))
    symmetric[0, 0] = -rates[0]
    fastest = abs(rates[0])
    for k in range(1, 2 * n_modes - 1):
        fastest = max(fastest, abs(rates[k]))
    nothing = _NO_COUPLING * fastest
    for j in range(1, n_modes):
        outward, inward = rates[2 * j - 1], rates[2 * j]
        symmetric[0, 0] -= outward
        symmetric[j, j] = -inward
        symmetric[0, j] = symmetric[j, 0] = np.sqrt(outward * inward)
        scale[j] = np.sqrt((outward + nothing) / (inward + nothing)) if outward * inward >= 0.0 else np.nan
    vectors = np.eye(n_modes)
    _jacobi(symmetric, vectors)
    for i in range(n_modes):
        basis.x[offset + i] = symmetric[i, i]
        for j in range(n_modes):
            basis.v[j, i] = scale[j] * vectors[j, i]
            basis.inverse[i, j] = vectors[j, i] / scale[j]


@compiled
def _jacobi(a, vectors):
    """Diagonalise a symmetric matrix in place by cyclic Jacobi rotations (Golub and Van Loan, section 8.5)."""
    n = len(a)
    for _ in range(_MOST_SWEEPS):
        rotated = False
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(a[p, q]) <= 1e-17 * np.sqrt(abs(a[p, p] * a[q, q])) or a[p, q] == 0.0:
                    continue
                rotated = True
                theta = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
                sign = 1.0 if theta >= 0.0 else -1.0
                t = sign / (abs(theta) + np.hypot(theta, 1.0))
                c = 1.0 / np.hypot(t, 1.0)
                s = t * c
                for k in range(n):
                    left, right = a[k, p], a[k, q]
                    a[k, p], a[k, q] = c * left - s * right, s * left + c * right
                for k in range(n):
                    left, right = a[p, k], a[q, k]
                    a[p, k], a[q, k] = c * left - s * right, s * left + c * right
                a[p, q] = a[q, p] = 0.0
                for k in range(n):
                    left, right = vectors[k, p], vectors[k, q]
                    vectors[k, p], vectors[k, q] = c * left - s * right, s * left + c * right
        if not rotated:
            return
