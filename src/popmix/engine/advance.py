"""Moving a linear compartment system through time: values, or values with first and second derivatives."""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import compiled, part
from popmix.engine.divided import divided_differences, exp_difference
from popmix.engine.jets import new_state
from popmix.engine.paths import (
    END,
    FIRST_FIXED,
    FIRST_MOVING,
    MOST_NODES,
    MULTISET,
    SECOND_FIXED,
    SECOND_MOVING,
    START,
    Paths,
)

# below this width nine Taylor terms of exp[0, a, b] are exact to double precision
_CLOSE = 0.1


class Scratch(NamedTuple):
    """Working memory of `advance_jets`: divided differences, propagators [N, N] and [N, N, S], path weights, a new state."""

    differences: np.ndarray
    series: np.ndarray
    phi: np.ndarray
    phi_first: np.ndarray
    weights: np.ndarray
    z: np.ndarray
    first: np.ndarray
    second: np.ndarray


def new_scratch(paths: Paths, n_nodes: int, n_structural: int) -> Scratch:
    """Return working memory for the largest of the path tables."""
    return Scratch(
        np.zeros(len(paths.sizes)),
        np.zeros((2, MOST_NODES)),
        np.zeros((n_nodes, n_nodes)),
        np.zeros((n_nodes, n_nodes, n_structural)),
        np.zeros(max(len(paths.one), 1)),
        *new_state(n_nodes, n_structural),
    )


@compiled
def advance_values(has_depot, n_states, infusing, basis, dt, z, out):
    """Write the values of `z` after `dt` into `out` (maybe `z`): each mode decays, the depot and constant infusions feed it.

    Nothing happens in no time, nor before the first event, where `dt` is nan.
    """
    x, edges, width = basis.x, basis.edges, n_states + 1
    if not dt > 0.0:
        for i in range(n_states):
            out[i] = z[i]
        return 0
    depot, e0 = z[0], 1.0
    if has_depot:
        e0 = math.exp(x[0] * dt)
        out[0] = depot * e0
        if infusing:
            out[0] += edges[n_states] * dt * exp_difference(x[0] * dt, 0.0, e0, 1.0)
    for i in range(has_depot, n_states):
        ei = math.exp(x[i] * dt)
        total = z[i] * ei
        if has_depot and depot != 0.0:
            total += edges[i * width] * depot * dt * exp_difference(x[i] * dt, x[0] * dt, ei, e0)
        if infusing:
            total += edges[i * width + n_states] * dt * exp_difference(x[i] * dt, 0.0, ei, 1.0)
            if has_depot and edges[n_states] != 0.0:
                total += edges[n_states] * edges[i * width] * dt * dt * _second_difference(x[0] * dt, x[i] * dt, e0, ei)
        out[i] = total
    return 0


@part
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
    z, first, second = state.z, state.first, state.second
    new, new_first, new_second = scratch.z, scratch.first, scratch.second
    for i in range(n_nodes):
        new[i] = 0.0
        for d in range(n_structural):
            new_first[i, d] = 0.0
            for e in range(d + 1):
                new_second[i, d, e] = 0.0
        for j in range(n_nodes):
            if not paths.reached[i, j]:
                continue
            phi, phi_first = scratch.phi[i, j], scratch.phi_first[i, j]
            new[i] += phi * z[j]
            for d in range(n_structural):
                phi_d, first_d = phi_first[d], first[j, d]
                new_first[i, d] += phi * first_d + phi_d * z[j]
                for e in range(d + 1):
                    new_second[i, d, e] += phi * second[j, d, e] + phi_d * first[j, e] + phi_first[e] * first_d
    _add_second_order(n_structural, basis, paths, z, scratch)
    for i in range(n_nodes):
        z[i] = new[i]
        for d in range(n_structural):
            first[i, d] = new_first[i, d]
            for e in range(d + 1):
                second[i, d, e] = new_second[i, d, e]
    return 0


@part
def _weight(table, p, basis, scratch):
    """Divided difference times the fixed edges of path p."""
    weight = scratch.differences[table[p, MULTISET]]
    if table[p, FIRST_FIXED] >= 0:
        weight *= basis.edges[table[p, FIRST_FIXED]]
        if table[p, SECOND_FIXED] >= 0:
            weight *= basis.edges[table[p, SECOND_FIXED]]
    return weight


@part
def _propagators(n_nodes, n_structural, basis, paths, dt, scratch):
    """Fill the matrix exponential and its first derivatives."""
    divided_differences(basis.x, dt, paths, scratch.series, scratch.differences)
    phi, phi_first = scratch.phi, scratch.phi_first
    for i in range(n_nodes):
        for j in range(n_nodes):
            phi[i, j] = 0.0
            for d in range(n_structural):
                phi_first[i, j, d] = 0.0
    table = paths.zero
    for p in range(len(table)):
        phi[table[p, END], table[p, START]] += _weight(table, p, basis, scratch)
    table = paths.one
    for p in range(len(table)):
        weight = _weight(table, p, basis, scratch)
        scratch.weights[p] = weight
        target, slopes = phi_first[table[p, END], table[p, START]], basis.first[table[p, FIRST_MOVING]]
        for d in range(n_structural):
            target[d] += weight * slopes[d]


@part
def _add_second_order(n_structural, basis, paths, z, scratch):
    """Add the second derivative of the propagator, applied to the values `z`, to the new second derivatives."""
    if basis.curved[0]:
        table = paths.one
        for p in range(len(table)):
            flow = scratch.weights[p] * z[table[p, START]]
            target, curves = scratch.second[table[p, END]], basis.second[table[p, FIRST_MOVING]]
            for d in range(n_structural):
                for e in range(d + 1):
                    target[d, e] += flow * curves[d * n_structural + e]
    table = paths.two
    for p in range(len(table)):
        flow = z[table[p, START]]
        if flow == 0.0:
            continue
        flow *= _weight(table, p, basis, scratch)
        target = scratch.second[table[p, END]]
        a, b = basis.first[table[p, FIRST_MOVING]], basis.first[table[p, SECOND_MOVING]]
        for d in range(n_structural):
            a_d, b_d = flow * a[d], flow * b[d]
            for e in range(d + 1):
                target[d, e] += a_d * b[e] + b_d * a[e]


@compiled
def shift_time(n_nodes, n_structural, width, basis, delta_first, delta_second, state, scratch):
    """Add the derivatives that come from an end of the interval that moves with the parameters.

    z(t + delta) with delta = 0 at the point: z_d += z' delta_d, and to second order z'_d delta_e + z'_e delta_d +
    z'' delta_d delta_e + z' delta_de, where z' = (diag(x) + E0) z.
    """
    speed, speed_first, acceleration = scratch.z, scratch.first, scratch.differences
    x, edges, z, first, second = basis.x, basis.edges, state.z, state.first, state.second
    for i in range(n_nodes):
        speed[i] = x[i] * z[i]
        for j in range(n_nodes):
            speed[i] += edges[i * width + j] * z[j]
        for d in range(n_structural):
            slope = x[i] * first[i, d]
            for j in range(n_nodes):
                edge = i * width + j
                slope += edges[edge] * first[j, d] + basis.first[edge, d] * z[j]
            speed_first[i, d] = slope
    for i in range(n_nodes):
        acceleration[i] = x[i] * speed[i]
        for j in range(n_nodes):
            acceleration[i] += edges[i * width + j] * speed[j]
    for i in range(n_nodes):
        for d in range(n_structural):
            for e in range(d + 1):
                change = speed_first[i, d] * delta_first[e] + speed_first[i, e] * delta_first[d]
                second[i, d, e] += change + acceleration[i] * delta_first[d] * delta_first[e] + speed[i] * delta_second[d, e]
            first[i, d] += speed[i] * delta_first[d]
    return 0
