"""Jets: values that carry their first and second derivatives in the structural directions of a model.

Functions of order 0 leave the derivatives alone. Second derivatives are lower triangles.
"""

from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import part


class Jet(NamedTuple):
    """One number with derivatives: `value` [1], `first` [S], `second` [S, S]."""

    value: np.ndarray
    first: np.ndarray
    second: np.ndarray


class State(NamedTuple):
    """Amounts in the coordinates of a basis: values [N], first [N, S] and second derivatives [N, S, S] (lower triangle)."""

    z: np.ndarray
    first: np.ndarray
    second: np.ndarray


def new_jet(n_structural: int) -> Jet:
    """Return a jet of zeros."""
    return Jet(np.zeros(1), np.zeros(n_structural), np.zeros((n_structural, n_structural)))


def new_state(n_nodes: int, n_structural: int) -> State:
    """Return a state of zeros."""
    return State(np.zeros(n_nodes), np.zeros((n_nodes, n_structural)), np.zeros((n_nodes, n_structural, n_structural)))


@part
def set_constant(order, value, jet):
    """Write a number without derivatives."""
    jet.value[0] = value
    for d in range(len(jet.first) if order > 0 else 0):
        jet.first[d] = 0.0
        for e in range(d + 1):
            jet.second[d, e] = 0.0


@part
def set_scaled(order, scale, other, jet):
    """Write `scale` times another jet."""
    jet.value[0] = scale * other.value[0]
    for d in range(len(jet.first) if order > 0 else 0):
        jet.first[d] = scale * other.first[d]
        for e in range(d + 1):
            jet.second[d, e] = scale * other.second[d, e]


@part
def add_scaled(order, scale, other, jet):
    """Add `scale` times another jet."""
    jet.value[0] += scale * other.value[0]
    for d in range(len(jet.first) if order > 0 else 0):
        jet.first[d] += scale * other.first[d]
        for e in range(d + 1):
            jet.second[d, e] += scale * other.second[d, e]


@part
def set_product(order, left, right, jet):
    """Write left * right; `jet` may be one of them."""
    a, b, s = left.value[0], right.value[0], len(jet.first) if order > 0 else 0
    for d in range(s):
        for e in range(d + 1):
            mixed = left.first[d] * right.first[e] + left.first[e] * right.first[d]
            jet.second[d, e] = a * right.second[d, e] + mixed + b * left.second[d, e]
    for d in range(s):
        jet.first[d] = a * right.first[d] + b * left.first[d]
    jet.value[0] = a * b


@part
def set_quotient(order, top, bottom, jet):
    """Write q = top / bottom, with q_d = (top_d - q bottom_d) / bottom and the same once more; `jet` is neither of them."""
    divisor = bottom.value[0]
    q = top.value[0] / divisor
    jet.value[0] = q
    for d in range(len(jet.first) if order > 0 else 0):
        jet.first[d] = (top.first[d] - q * bottom.first[d]) / divisor
        for e in range(d + 1):
            mixed = jet.first[d] * bottom.first[e] + jet.first[e] * bottom.first[d]
            jet.second[d, e] = (top.second[d, e] - mixed - q * bottom.second[d, e]) / divisor


@part
def store(order, jet, position, row):
    """Write a jet into an element of an array of jets (a `State`)."""
    row.z[position] = jet.value[0]
    for d in range(len(jet.first) if order > 0 else 0):
        row.first[position, d] = jet.first[d]
        for e in range(d + 1):
            row.second[position, d, e] = jet.second[d, e]


@part
def add_to(order, scale, jet, position, row):
    """Add `scale` times a jet to an element of an array of jets."""
    row.z[position] += scale * jet.value[0]
    for d in range(len(jet.first) if order > 0 else 0):
        row.first[position, d] += scale * jet.first[d]
        for e in range(d + 1):
            row.second[position, d, e] += scale * jet.second[d, e]


@part
def load(order, row, position, jet):
    """Read an element of an array of jets."""
    jet.value[0] = row.z[position]
    for d in range(len(jet.first) if order > 0 else 0):
        jet.first[d] = row.first[position, d]
        for e in range(d + 1):
            jet.second[d, e] = row.second[position, d, e]


@part
def clear_rows(order, n, rows):
    """Write zeros into the first n elements of an array of jets."""
    for i in range(n):
        rows.z[i] = 0.0
        for d in range(rows.first.shape[1] if order > 0 else 0):
            rows.first[i, d] = 0.0
            for e in range(d + 1):
                rows.second[i, d, e] = 0.0


@part
def copy_rows(order, n, origin, target):
    """Copy the first n elements of an array of jets."""
    for i in range(n):
        target.z[i] = origin.z[i]
        for d in range(origin.first.shape[1] if order > 0 else 0):
            target.first[i, d] = origin.first[i, d]
            for e in range(d + 1):
                target.second[i, d, e] = origin.second[i, d, e]


@part
def add_rows(order, n, origin, target):
    """Add the first n elements of an array of jets to those of another."""
    for i in range(n):
        target.z[i] += origin.z[i]
        for d in range(origin.first.shape[1] if order > 0 else 0):
            target.first[i, d] += origin.first[i, d]
            for e in range(d + 1):
                target.second[i, d, e] += origin.second[i, d, e]
