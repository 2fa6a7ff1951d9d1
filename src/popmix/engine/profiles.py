"""Absorption profiles: doses that arrive over time, each with the density of the time from dose to arrival.

A dose of the amount A (a jet: F acts on it) that begins to arrive at t_0 enters its state c with the rate A g(t - t_0, d), added over
all doses. A beginning that moves with the parameters (delta: its derivatives) would bring g_t and g_tt, which may be infinite. With
the density's integral Gamma, and t* the value of t_0, the equations are therefore solved for y instead of x,

    x = y + A S e_c,   S = Gamma(t - t_0) - Gamma(t - t*),   y' = f(x) + A g(t - t*) e_c,

where S is zero but for its derivatives: S_d = -g delta_d,   S_de = g_t delta_d delta_e - g_d delta_e - g_e delta_d - g delta_de.
At t* y is the state before, but for y_de, which is larger by A g(0+) f_xc delta_d delta_e.

Formulas of densities may have no value at 0, and an infinite limit (Weibull with a shape below 1). What arrives within a head of 1e-7
units of time, or 1e-9 of the time on the clock, is therefore integrated by itself and added at once; the rest begins after it.
"""

from typing import NamedTuple

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.compiled import compiled, part
from popmix.engine.equations import jacobian_at, width_of
from popmix.engine.jets import Jet, State, load, new_jet, new_state, set_constant, set_product, store

_HEAD, _HEAD_OF_CLOCK = 1e-7, 1e-9


def _double_exponential() -> np.ndarray:
    """Return points and weights [., 2] of an integral from 0 to 1 whose integrand may be infinite at 0 (Takahasi and Mori, 1974)."""
    u = np.arange(-3.6, 3.61, 0.1)
    grown = np.exp(-np.pi * np.sinh(u))
    return np.ascontiguousarray(np.column_stack([1.0 / (1.0 + grown), 0.1 * np.pi * np.cosh(u) * grown / (1.0 + grown) ** 2]))


_QUADRATURE = _double_exponential()


class Sources(NamedTuple):
    """Doses that are arriving, `count` [1] of them: their beginning (`begin`) and `amount` as jets, state and number of the profile.

    `moves` tells whether it moves; `covariates` are those of its record; `until`: the end of its head, after which the density `is_on`.
    `found` receives a density with its derivatives; `head` is the part of a dose that arrives at once, `added` its amount.
    """

    count: np.ndarray
    begin: State
    amount: State
    compartment: np.ndarray
    profile: np.ndarray
    moves: np.ndarray
    covariates: np.ndarray
    until: np.ndarray
    is_on: np.ndarray
    found: np.ndarray
    head: Jet
    added: Jet


def new_sources(n: int, n_profiles: int, n_structural: int, n_covariates: int) -> Sources:
    """Return room for n doses."""
    s, whole = n_structural, np.zeros((3, n), dtype=np.int64)
    found = np.zeros(n_profiles * (1 + (1 + s) + (1 + s) ** 2) + 1)
    begin, amount = (new_state(n, s) for _ in range(2))
    jets, on = (new_jet(s) for _ in range(2)), np.zeros(n, dtype=np.int64)
    return Sources(np.zeros(1, dtype=np.int64), begin, amount, *whole, np.zeros((n, n_covariates)), np.zeros(n), on, found, *jets)


@part
def add_source(order, compartment, profile, time, first, second, amount, covariates, code, work):
    """Let a dose begin to arrive at a time with the derivatives given; with order 0 its amount has none."""
    sources, s = work.sources, code.n_structural
    k = sources.count[0]
    sources.begin.z[k] = time
    sources.is_on[k] = 0
    sources.until[k] = time + max(_HEAD, _HEAD_OF_CLOCK * abs(time))
    for c in range(len(covariates)):
        sources.covariates[k, c] = covariates[c]
    sources.moves[k] = 0
    for d in range(s):
        sources.begin.first[k, d] = first[d]
        sources.moves[k] = sources.moves[k] or first[d] != 0.0
        sources.amount.first[k, d] = 0.0
        for e in range(d + 1):
            sources.begin.second[k, d, e] = second[d, e]
            sources.amount.second[k, d, e] = 0.0
    store(order, amount, k, sources.amount)
    sources.compartment[k], sources.profile[k] = compartment, profile
    sources.count[0] = k + 1
    # errors are judged by what will have arrived, not by the little that has at first
    work.flow.peak[compartment] = max(work.flow.peak[compartment], abs(amount.value[0]))
    work.flow.is_fresh[0] = 0


@compiled
def add_head(order, time, code, work):
    """Write what arrives at once of the last dose that began to arrive into `work.sources.added`; with order 0 without derivatives."""
    sources, n, width = work.sources, code.n_profiles, 1 + code.n_structural
    k = sources.count[0] - 1
    p, head = sources.profile[k], sources.head
    gradient, curvature = n + p * width + 1, n + n * width + p * width * width
    set_constant(order, 0.0, head)
    span = sources.until[k] - sources.begin.z[k]
    for point in range(len(_QUADRATURE)):
        weight = span * _QUADRATURE[point, 1]
        _evaluate(order, k, time, span * _QUADRATURE[point, 0], code, work)
        head.value[0] += weight * sources.found[p]
        for d in range(code.n_structural if order > 0 else 0):
            head.first[d] += weight * sources.found[gradient + d]
            for e in range(d + 1):
                head.second[d, e] += weight * sources.found[curvature + (1 + d) * width + 1 + e]
    if order == 2 and sources.moves[k]:
        _bend(time, sources.found[p], k, code, work)
    load(order, sources.amount, k, sources.added)
    set_product(order, sources.added, head, sources.added)
    return 0


@part
def _bend(time, density, k, code, work):
    """Add A g(0+) f_xc delta_d delta_e to the second derivatives of the states; `density` is g at the end of the head."""
    flow, sources, entries, s = work.flow, work.sources, code.equations.x, code.n_structural
    jacobian, delta, m = flow.slopes[0], sources.begin.first[k], width_of(2, s)
    jacobian_at(time, m, flow.x, jacobian, code, work)
    for p in range(len(entries)):
        if entries[p, 1] != sources.compartment[k]:
            continue
        slope = sources.amount.z[k] * density * jacobian[p]
        for d in range(s):
            for e in range(d + 1):
                flow.x[entries[p, 0] * m + 1 + s + d * (d + 1) // 2 + e] += slope * delta[d] * delta[e]


@part
def _evaluate(order, k, time, elapsed, code, work):
    """Fill `found` by the densities at a time after dose k, with the covariates of its record."""
    flow = work.flow
    flow.clock[0], flow.clock[1] = time, elapsed
    address = code.profiles_0 if order == 0 else code.profiles_2
    call_model(address, work.amounts, work.individual, work.sources.covariates[k], flow.clock, work.sources.found)


@compiled
def add_arrivals(order, s, m, time, out, code, work):
    """Add the rates at which doses arrive to the derivatives by time of a packed state of `m` columns and `s` directions."""
    sources, n, own = work.sources, code.n_profiles, code.n_structural
    width = 1 + own
    for k in range(sources.count[0]):
        if not sources.is_on[k]:
            continue
        _evaluate(order, k, time, time - sources.begin.z[k], code, work)
        found, p, row, amount = sources.found, sources.profile[k], sources.compartment[k] * m, sources.amount.z[k]
        density, gradient, curvature = found[p], n + p * width + 1, n + n * width + p * width * width
        out[row] += amount * density
        for d in range(own if order > 0 else 0):
            out[row + 1 + d] += sources.amount.first[k, d] * density + amount * found[gradient + d]
            column, curves = row + 1 + s + d * (d + 1) // 2, curvature + (1 + d) * width + 1
            for e in range(d + 1 if order == 2 else 0):
                mixed = sources.amount.first[k, d] * found[gradient + e] + sources.amount.first[k, e] * found[gradient + d]
                out[column + e] += sources.amount.second[k, d, e] * density + mixed + amount * found[curves + e]
    return 0


@compiled
def shift(sign, order, s, m, time, x, code, work):
    """Turn y into x (sign 1), or x into y (-1), in place, at a time: add or take the derivatives of A S."""
    sources, n, own = work.sources, code.n_profiles, code.n_structural
    width = 1 + own
    for k in range(sources.count[0] if order > 0 else 0):
        if not sources.moves[k] or not sources.is_on[k]:
            continue
        _evaluate(order, k, time, time - sources.begin.z[k], code, work)
        found, p, row, amount = sources.found, sources.profile[k], sources.compartment[k] * m, sources.amount.z[k]
        density, gradient, delta = found[p], n + p * width + 1, sources.begin.first[k]
        for d in range(own):
            x[row + 1 + d] -= sign * amount * density * delta[d]
            column = row + 1 + s + d * (d + 1) // 2
            for e in range(d + 1 if order == 2 else 0):
                total = found[gradient - 1] * delta[d] * delta[e] - found[gradient + d] * delta[e] - found[gradient + e] * delta[d]
                total = amount * (total - density * sources.begin.second[k, d, e])
                total -= density * (sources.amount.first[k, d] * delta[e] + sources.amount.first[k, e] * delta[d])
                x[column + e] += sign * total
    return 0


@part
def arrival_slopes(time, out, code, work):
    """Add the derivatives by time of the rates at which doses arrive to `out` [states]."""
    sources, n = work.sources, code.n_profiles
    for k in range(sources.count[0]):
        if not sources.is_on[k]:
            continue
        _evaluate(1, k, time, time - sources.begin.z[k], code, work)
        out[sources.compartment[k]] += sources.amount.z[k] * sources.found[n + sources.profile[k] * (1 + code.n_structural)]


@part
def switch_on(start, end, work):
    """Let the densities whose heads are over begin; returns the next end of a head between two times, or the later of these."""
    sources, nearest = work.sources, end
    for k in range(sources.count[0]):
        sources.is_on[k] = start >= sources.until[k]
        if start < sources.until[k] < nearest:
            nearest = sources.until[k]
    return nearest
