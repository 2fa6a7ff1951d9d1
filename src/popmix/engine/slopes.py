"""Predictions and variances of one subject with first derivatives only, for closed forms in which no event moves and rates stay the same.

As `popmix.engine.walk` with order 2, but what is only needed for second derivatives is left out of the way between events: products of
sensitivities, and divided differences of four nodes. Doses and resets are few and are taken with all their derivatives; the second ones
mean nothing afterwards. The result stands in `work.prediction` and `work.first`.
"""

import math

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.amounts import set_parameters
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.divided import first_differences
from popmix.engine.doses import OK, clear, is_infusing
from popmix.engine.equations import EQUATIONS
from popmix.engine.events import BETWEEN, RECORD
from popmix.engine.observing import set_amounts
from popmix.engine.paths import END, FIRST_FIXED, FIRST_MOVING, MULTISET, SECOND_FIXED, START
from popmix.engine.walk import solve_subject

_ALL, _FIRST = np.int64(2), np.int64(1)


@part
def solve_first(subject, code, timeline, work):
    """Solve with first derivatives by the shortest way that serves; `work.unknowns` and `work.individual` are given."""
    plain = code.route != EQUATIONS and code.n_memories == 0 and not timeline.moving and not code.rates_vary and timeline.n_trains == 0
    if not plain:
        return solve_subject(_FIRST, subject, code, timeline, work)
    if code.n_checked > 0:
        status = call_at(code.check_domain, (subject, code, timeline, work))
        if status != OK:
            return status
    return solve_slopes(subject, code, timeline, work)


@compiled
def solve_slopes(subject, code, timeline, work):
    """Walk through the events of a subject; `work.individual` holds its directions. Returns a status code."""
    start, end = timeline.first_observation[subject], timeline.first_observation[subject + 1]
    if code.n_states == 0:
        for observation in range(start, end):
            _observe(observation, observation - start, code, timeline, work)
        return OK
    first, last, row = timeline.first_event[subject], timeline.first_event[subject + 1], timeline.first_row[subject]
    now, infusing = math.nan, False
    clear(_ALL, row, code, timeline, work)
    if last > first:
        set_parameters(_ALL, BETWEEN, row, code, timeline, work)
    for event in range(first, last):
        kind, observation, time = timeline.kind[event], timeline.observation[event], timeline.time[event]
        if kind == RECORD and observation < 0:
            continue
        if time > now:
            _advance(infusing, time - now, code, work)
        now = time
        if observation >= 0:
            _observe(observation, observation - start, code, timeline, work)
        elif kind != RECORD:
            status = call_at(code.happen, (_ALL, event, 0, code, timeline, work))
            if status != OK:
                return status
            infusing = is_infusing(code, work)
    return OK


@part
def _advance(infusing, span, code, work):
    if infusing:
        _advance_along(code.n_states + 1, span, work.infusing, code.n_structural, work)
    else:
        _advance_along(code.n_states, span, work.idle, code.n_structural, work)


@part
def _advance_along(n_nodes, span, paths, n_structural, work):
    """Advance values and first derivatives by path sums."""
    basis, state, scratch = work.basis, work.state, work.scratch
    _propagators(n_nodes, n_structural, basis, paths, span, scratch)
    z, first, new, new_first = state.z, state.first, scratch.z, scratch.first
    for i in range(n_nodes):
        new[i] = 0.0
        for d in range(n_structural):
            new_first[i, d] = 0.0
        for j in range(n_nodes):
            if not paths.reached[i, j]:
                continue
            phi, phi_first = scratch.phi[i, j], scratch.phi_first[i, j]
            new[i] += phi * z[j]
            for d in range(n_structural):
                new_first[i, d] += phi * first[j, d] + phi_first[d] * z[j]
    for i in range(n_nodes):
        z[i] = new[i]
        for d in range(n_structural):
            first[i, d] = new_first[i, d]


@part
def _propagators(n_nodes, n_structural, basis, paths, span, scratch):
    """Fill the matrix exponential and its first derivatives, as `popmix.engine.advance` does, from the divided differences they need."""
    most = 0
    for p in range(len(paths.zero)):
        most = max(most, paths.zero[p, MULTISET])
    for p in range(len(paths.one)):
        most = max(most, paths.one[p, MULTISET])
    first_differences(most + 1, basis.x, span, paths, scratch.series, scratch.differences)
    phi, phi_first = scratch.phi, scratch.phi_first
    for i in range(n_nodes):
        for j in range(n_nodes):
            phi[i, j] = 0.0
            for d in range(n_structural):
                phi_first[i, j, d] = 0.0
    for p in range(len(paths.zero)):
        phi[paths.zero[p, END], paths.zero[p, START]] += _weight(paths.zero, p, basis, scratch)
    table = paths.one
    for p in range(len(table)):
        weight, target = _weight(table, p, basis, scratch), phi_first[table[p, END], table[p, START]]
        for d in range(n_structural):
            target[d] += weight * basis.first[table[p, FIRST_MOVING], d]


@part
def _weight(table, p, basis, scratch):
    weight = scratch.differences[table[p, MULTISET]]
    if table[p, FIRST_FIXED] >= 0:
        weight *= basis.edges[table[p, FIRST_FIXED]]
        if table[p, SECOND_FIXED] >= 0:
            weight *= basis.edges[table[p, SECOND_FIXED]]
    return weight


@part
def _observe(observation, j, code, timeline, work):
    """Evaluate prediction and variance of an observation, and chain their first derivatives to the directions."""
    endpoint, row = timeline.endpoint[observation], timeline.observed_row[observation]
    out = work.observed[endpoint]
    if code.n_states > 0:
        _amounts(endpoint, code, work)
    call_model(code.observe_2[endpoint], work.amounts, work.individual, timeline.at[row], timeline.times[row], out)
    work.prediction[j, 0] = out[0]
    work.prediction[j, 1] = out[1]
    n_states, n_own = code.n_local_states[endpoint], code.n_local_directions[endpoint]
    states, own = code.local_states[endpoint], code.local_directions[endpoint]
    for q in range(2):
        first, gradient = work.first[j, q], 2 + q * (n_states + n_own)
        for a in range(code.n_active[endpoint, q]):
            first[code.active[endpoint, q, a]] = 0.0
        for k in range(n_own):
            first[own[k]] += out[gradient + n_states + k]
        for a in range(n_states):
            slope = out[gradient + a]
            for d in range(code.n_structural if slope != 0.0 else 0):
                first[d] += slope * work.amounts_first[states[a], d]


@part
def _amounts(endpoint, code, work):
    """Turn the state into amounts of the compartments that an endpoint reads, with first derivatives."""
    set_amounts(endpoint, work.state.z, code, work)
    offset, v, first = code.has_depot, work.basis.v, work.amounts_first
    for k in range(code.n_local_states[endpoint]):
        c = code.local_states[endpoint, k]
        in_depot = c < offset
        for d in range(code.n_structural):
            first[c, d] = 0.0
        for j in range(0 if in_depot else offset, offset if in_depot else offset + code.n_modes):
            share = 1.0 if in_depot else v[c - offset, j - offset]
            for d in range(code.n_structural):
                first[c, d] += share * work.state.first[j, d]
