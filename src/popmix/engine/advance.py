"""Moving a linear compartment system through time: values, or values with first and second derivatives."""

from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import compiled
from popmix.engine.divided import divided_differences, exp_difference
from popmix.engine.paths import Paths


# below this width nine Taylor terms of exp[0, a, b] are exact to double precision
_CLOSE = 0.1


class State(NamedTuple):
    """Amounts in the coordinates of a basis: values [N], first [N, S] and second derivatives [N, S, S] (lower triangle)."""

    z: np.ndarray
    first: np.ndarray
    second: np.ndarray


class Scratch(NamedTuple):
    """Working memory of `advance`."""

    nodes: np.ndarray
    differences: np.ndarray
    phi: np.ndarray
    phi_first: np.ndarray
    weights: np.ndarray
    z: np.ndarray
    z_first: np.ndarray
    z_second: np.ndarray


def new_state(n_nodes: int, n_structural: int) -> State:
    """Return a state of zeros."""
    return State(np.zeros(n_nodes), np.zeros((n_nodes, n_structural)), np.zeros((n_nodes, n_structural, n_structural)))


def new_scratch(paths: Paths, n_nodes: int, n_structural: int) -> Scratch:
    """Return working memory for the larger of the path tables."""
    shape = (n_nodes, n_nodes)
    return Scratch(
        np.zeros(n_nodes),
        np.zeros(len(paths.sizes)),
        np.zeros(shape),
        np.zeros((n_structural, *shape)),
        np.zeros(max(len(paths.one), len(paths.two), 1)),
        np.zeros(n_nodes),
        np.zeros((n_nodes, n_structural)),
        np.zeros((n_nodes, n_structural, n_structural)),
    )


@compiled
def advance_values(has_depot, n_states, infusing, basis, dt, z):
    """Advance the values only: each mode decays, the depot and constant infusions feed it."""
    x, edges = basis.x, basis.edges
    source = len(x) - 1
    depot = z[0]
    e0 = 1.0
    if has_depot:
        e0 = np.exp(x[0] * dt)
        z[0] = depot * e0
    for i in range(has_depot, n_states):
        ei = np.exp(x[i] * dt)
        total = z[i] * ei
        if has_depot and depot != 0.0:
            total += edges[i, 0] * depot * dt * exp_difference(x[i] * dt, x[0] * dt, ei, e0)
        if infusing:
            total += _infused(has_depot, x, edges, source, i, dt, ei, e0)
        z[i] = total
    if infusing and has_depot:
        z[0] += edges[0, source] * dt * exp_difference(x[0] * dt, 0.0, e0, 1.0)


@compiled
def _infused(has_depot, x, edges, source, i, dt, ei, e0):
    """Amount in mode i from infusions of `dt`: directly, and through the depot (a second divided difference with 0)."""
    total = edges[i, source] * dt * exp_difference(x[i] * dt, 0.0, ei, 1.0)
    if not has_depot or edges[0, source] == 0.0:
        return total
    a, b = x[0] * dt, x[i] * dt
    return total + edges[0, source] * edges[i, 0] * dt * dt * _second_difference(a, b, e0, ei)


@compiled
def _second_difference(a, b, exp_a, exp_b):
    """exp[0, a, b]: the recurrence over the widest pair, or a Taylor series where all three are close."""
    low, middle, high = 0.0, a, b
    exp_low, exp_middle, exp_high = 1.0, exp_a, exp_b
    if low > middle:
        low, middle, exp_low, exp_middle = middle, low, exp_middle, exp_low
    if middle > high:
        middle, high, exp_middle, exp_high = high, middle, exp_high, exp_middle
    if low > middle:
        low, middle, exp_low, exp_middle = middle, low, exp_middle, exp_low
    if high - low >= _CLOSE:
        upper = exp_difference(middle, high, exp_middle, exp_high)
        return (upper - exp_difference(low, middle, exp_low, exp_middle)) / (high - low)
    total, weight = 0.0, 0.5
    power, symmetric = 1.0, 1.0  # a^m and the complete homogeneous polynomial of a and b
    for m in range(1, 10):
        total += weight * symmetric
        power *= a
        symmetric = power + b * symmetric
        weight /= m + 2
    return total


@compiled
def advance_jets(n_nodes, n_structural, basis, paths, dt, state, scratch):
    """Advance values and derivatives by path sums; nodes beyond `n_nodes` (an idle source) are left alone."""
    _propagators(n_nodes, n_structural, basis, paths, dt, scratch)
    new, new_first, new_second = scratch.z, scratch.z_first, scratch.z_second
    phi, phi_first = scratch.phi, scratch.phi_first
    for i in range(n_nodes):
        total = 0.0
        for j in range(n_nodes):
            total += phi[i, j] * state.z[j]
        new[i] = total
        for d in range(n_structural):
            slope = 0.0
            for j in range(n_nodes):
                slope += phi[i, j] * state.first[j, d] + phi_first[d, i, j] * state.z[j]
            new_first[i, d] = slope
            for e in range(d + 1):
                curve = 0.0
                for j in range(n_nodes):
                    curve += phi[i, j] * state.second[j, d, e]
                    curve += phi_first[d, i, j] * state.first[j, e] + phi_first[e, i, j] * state.first[j, d]
                new_second[i, d, e] = curve
    _add_second_order(n_nodes, n_structural, basis, paths, dt, state, scratch)
    for i in range(n_nodes):
        state.z[i] = new[i]
        for d in range(n_structural):
            state.first[i, d] = new_first[i, d]
            for e in range(d + 1):
                state.second[i, d, e] = new_second[i, d, e]
    return 0


@compiled
def _weight(table, p, n_nodes, basis, dt, scratch):
    """Divided difference times dt^edges times the fixed edges of path p."""
    weight = scratch.differences[table[p, 2]]
    for _ in range(table[p, 3]):
        weight *= dt
    for k in (4, 5):
        if table[p, k] >= 0:
            weight *= basis.edges[table[p, k] // n_nodes, table[p, k] % n_nodes]
    return weight


@compiled
def _propagators(n_nodes, n_structural, basis, paths, dt, scratch):
    """Fill the matrix exponential and its first derivatives."""
    for i in range(n_nodes):
        scratch.nodes[i] = basis.x[i] * dt
    divided_differences(scratch.nodes, paths, scratch.differences)
    for i in range(n_nodes):
        for j in range(n_nodes):
            scratch.phi[i, j] = 0.0
            for d in range(n_structural):
                scratch.phi_first[d, i, j] = 0.0
    for p in range(len(paths.zero)):
        scratch.phi[paths.zero[p, 0], paths.zero[p, 1]] += _weight(paths.zero, p, n_nodes, basis, dt, scratch)
    for p in range(len(paths.one)):
        weight = _weight(paths.one, p, n_nodes, basis, dt, scratch)
        scratch.weights[p] = weight
        i, j = paths.one[p, 0], paths.one[p, 1]
        to, origin = paths.one[p, 6] // n_nodes, paths.one[p, 6] % n_nodes
        for d in range(n_structural):
            scratch.phi_first[d, i, j] += weight * basis.first[d, to, origin]


@compiled
def _add_second_order(n_nodes, n_structural, basis, paths, dt, state, scratch):
    """Add the second derivative of the propagator, applied to the values, to the new second derivatives."""
    if basis.curved[0]:
        for p in range(len(paths.one)):
            flow = scratch.weights[p] * state.z[paths.one[p, 1]]
            i = paths.one[p, 0]
            to, origin = paths.one[p, 6] // n_nodes, paths.one[p, 6] % n_nodes
            for d in range(n_structural):
                for e in range(d + 1):
                    scratch.z_second[i, d, e] += flow * basis.second[d, e, to, origin]
    for p in range(len(paths.two)):
        flow = _weight(paths.two, p, n_nodes, basis, dt, scratch) * state.z[paths.two[p, 1]]
        if flow == 0.0:
            continue
        i = paths.two[p, 0]
        to_a, from_a = paths.two[p, 6] // n_nodes, paths.two[p, 6] % n_nodes
        to_b, from_b = paths.two[p, 7] // n_nodes, paths.two[p, 7] % n_nodes
        for d in range(n_structural):
            a_d, b_d = flow * basis.first[d, to_a, from_a], flow * basis.first[d, to_b, from_b]
            for e in range(d + 1):
                scratch.z_second[i, d, e] += a_d * basis.first[e, to_b, from_b] + b_d * basis.first[e, to_a, from_a]


@compiled
def shift_time(n_nodes, n_structural, basis, delta_first, delta_second, state, scratch):
    """Add the derivatives that come from an end of the interval that moves with the parameters.

    z(t + delta) with delta = 0 at the point: z_d += z' delta_d, and to second order z'_d delta_e + z'_e delta_d +
    z'' delta_d delta_e + z' delta_de, where z' = (diag(x) + E0) z.
    """
    speed, speed_first, acceleration = scratch.z, scratch.z_first, scratch.nodes
    for i in range(n_nodes):
        speed[i] = basis.x[i] * state.z[i]
        for j in range(n_nodes):
            speed[i] += basis.edges[i, j] * state.z[j]
        for d in range(n_structural):
            slope = basis.x[i] * state.first[i, d]
            for j in range(n_nodes):
                slope += basis.edges[i, j] * state.first[j, d] + basis.first[d, i, j] * state.z[j]
            speed_first[i, d] = slope
    for i in range(n_nodes):
        acceleration[i] = basis.x[i] * speed[i]
        for j in range(n_nodes):
            acceleration[i] += basis.edges[i, j] * speed[j]
    for i in range(n_nodes):
        for d in range(n_structural):
            for e in range(d + 1):
                state.second[i, d, e] += speed_first[i, d] * delta_first[e] + speed_first[i, e] * delta_first[d]
                state.second[i, d, e] += acceleration[i] * delta_first[d] * delta_first[e] + speed[i] * delta_second[d, e]
            state.first[i, d] += speed[i] * delta_first[d]
