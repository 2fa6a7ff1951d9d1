"""One subject's walk through its events: predictions and variances, with derivatives in the directions of the model.

Order 0 gives values; order 2 also first and second derivatives. The result stands in `work.prediction` [n, 2] (prediction
and residual variance of each observation), `work.first` [n, 2, D] and `work.second` [n, 2, D, D] (lower triangle).
"""

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.advance import advance_values, shift_time
from popmix.engine.arrivals import arrange
from popmix.engine.compiled import call_at, compiled, inlined
from popmix.engine.events import RECORD, RESET, START, STOP
from popmix.engine.mammillary import set_basis

OK, LAG_INVALID = 0, 5


@compiled
def solve(order, subject, code, timeline, work):
    """Walk through the events of a subject; `work.individual` holds its directions. Returns a status code."""
    if code.n_states == 0:
        _observe_all(order, subject, code, timeline, work)
        return OK
    first, last = timeline.first_event[subject], timeline.first_event[subject + 1]
    if not arrange(order, first, last, code, timeline, work):
        return LAG_INVALID
    _clear(code, work)
    if not code.rates_vary and last > first:
        _set_rates(order, timeline.first_row[subject], code, timeline, work)
    now = np.nan
    for k in range(last - first):
        event = first + work.order[k]
        kind = timeline.kind[event]
        observation = timeline.observation[event]
        if kind == RECORD and observation < 0 and not code.rates_vary:
            continue
        now = _advance_to(order, work.order[k], now, k, code, timeline, work)
        if kind == RECORD:
            if observation >= 0:
                _amounts(order, code, timeline.endpoint[observation], work)
                _observe(order, subject, observation, code, timeline, work)
        elif kind == RESET:
            _clear(code, work)
            now = timeline.time[event]
        else:
            _dose(order, event, code, timeline, work)
    return OK


@inlined
def _clear(code, work):
    """Empty all compartments and stop all infusions."""
    work.state.z[:] = 0.0
    work.state.first[:] = 0.0
    work.state.second[:] = 0.0
    work.state.z[code.n_states] = 1.0
    work.infusion[:] = 0.0
    work.clock_first[:] = 0.0
    work.clock_second[:] = 0.0
    _set_source(code, work)


@compiled
def _set_rates(order, row, code, timeline, work):
    """Evaluate the rate constants for the interval that ends at a record and change to their basis."""
    if order == 0:
        call_model(code.rates_0, work.amounts, work.individual, timeline.between[row], timeline.times[row], work.rates)
    else:
        call_model(code.rates_2, work.amounts, work.individual, timeline.between[row], timeline.times[row], work.rates)
    set_basis(order, code.has_depot, code.n_modes, code.n_structural, work.rates, work.basis)
    _set_source(code, work)


@inlined
def _change_rates(order, row, code, timeline, work):
    """Go back to amounts, evaluate new rate constants, and enter their basis."""
    _transform(order, code, work, work.basis.v)
    _set_rates(order, row, code, timeline, work)
    _transform(order, code, work, work.basis.inverse)


@compiled
def _transform(order, code, work, matrix):
    """Multiply the central and peripheral part of the state by a matrix."""
    n, offset, s = code.n_modes, code.has_depot, code.n_structural if order > 0 else 0
    state, scratch = work.state, work.scratch
    for i in range(n):
        scratch.z[i] = 0.0
        scratch.z_first[i, :] = 0.0
        scratch.z_second[i, :, :] = 0.0
        for j in range(n):
            share = matrix[i, j]
            scratch.z[i] += share * state.z[j + offset]
            for d in range(s):
                scratch.z_first[i, d] += share * state.first[j + offset, d]
                for e in range(d + 1):
                    scratch.z_second[i, d, e] += share * state.second[j + offset, d, e]
    for i in range(n):
        state.z[i + offset] = scratch.z[i]
        for d in range(s):
            state.first[i + offset, d] = scratch.z_first[i, d]
            for e in range(d + 1):
                state.second[i + offset, d, e] = scratch.z_second[i, d, e]


@compiled
def _set_source(code, work):
    """Set the edges of the infusion source from the rates into each compartment."""
    source, edges = code.n_states, work.basis.edges
    if code.has_depot:
        edges[0, source] = work.infusion[0]
    for i in range(code.n_modes):
        total = 0.0
        for j in range(code.n_modes):
            total += work.basis.inverse[i, j] * work.infusion[j + code.has_depot]
        edges[i + code.has_depot, source] = total


@inlined
def _advance_to(order, event, now, position, code, timeline, work):
    """Advance the state to an event (its number within the subject) and return its time."""
    time = work.arrival[event]
    if code.rates_vary and (position == 0 or work.next_row[position] != work.next_row[position - 1]):
        _change_rates(order, work.next_row[position], code, timeline, work)
    span = time - now
    infusing = False
    for c in range(code.n_states):
        infusing = infusing or work.infusion[c] != 0.0
    n_nodes = code.n_states + 1 if infusing else code.n_states
    if span > 0.0:
        if order == 0:
            advance_values(code.has_depot, code.n_states, infusing, work.basis, span, work.state.z)
        elif infusing:
            call_at(code.advance, (n_nodes, code.n_structural, work.basis, work.infusing, span, work.state, work.scratch))
        else:
            call_at(code.advance, (n_nodes, code.n_structural, work.basis, work.idle, span, work.state, work.scratch))
    if order > 0 and timeline.moving:
        _move_clock(event, n_nodes, code, work)
    return time


@inlined
def _move_clock(event, n_nodes, code, work):
    """Account for ends of the interval that move with lags and durations."""
    moved = False
    for d in range(code.n_structural):
        work.clock_first[d] = work.arrival_first[event, d] - work.clock_first[d]
        moved = moved or work.clock_first[d] != 0.0
        for e in range(d + 1):
            work.clock_second[d, e] = work.arrival_second[event, d, e] - work.clock_second[d, e]
            moved = moved or work.clock_second[d, e] != 0.0
    if moved:
        shift_time(n_nodes, code.n_structural, work.basis, work.clock_first, work.clock_second, work.state, work.scratch)
    for d in range(code.n_structural):
        work.clock_first[d] = work.arrival_first[event, d]
        for e in range(d + 1):
            work.clock_second[d, e] = work.arrival_second[event, d, e]


@inlined
def _dose(order, event, code, timeline, work):
    """Add a bolus, or switch an infusion on or off."""
    compartment, kind = timeline.compartment[event], timeline.kind[event]
    if kind == START:
        work.infusion[compartment] += timeline.rate[event]
        _set_source(code, work)
        return
    if kind == STOP:
        work.infusion[compartment] -= timeline.rate[event]
        # rates that have cancelled must leave an exact zero
        if abs(work.infusion[compartment]) <= 1e-12 * abs(timeline.rate[event]):
            work.infusion[compartment] = 0.0
        _set_source(code, work)
        return
    amount = timeline.amount[event]
    f = code.f_index[compartment]
    if f < 0:
        _add(order, compartment, amount, -1, 0.0, code, work)
        return
    row = timeline.dose_row[event]
    call_model(
        code.dosing_0 if order == 0 else code.dosing_2, work.amounts, work.individual, timeline.at[row], timeline.times[row], work.dosing
    )
    _add(order, compartment, amount * work.dosing[f], f, amount, code, work)


@inlined
def _add(order, compartment, amount, f, scale, code, work):
    """Add an amount to a compartment; with f >= 0 its derivatives are `scale` times those of dosing output f."""
    n, s, offset = code.n_dosing, code.n_structural, code.has_depot
    low, high = (0, 1) if compartment < offset else (offset, offset + code.n_modes)
    for i in range(low, high):
        share = 1.0 if compartment < offset else work.basis.inverse[i - offset, compartment - offset]
        work.state.z[i] += share * amount
        if order == 0 or f < 0:
            continue
        for d in range(s):
            work.state.first[i, d] += share * scale * work.dosing[n + f * s + d]
            for e in range(d + 1):
                work.state.second[i, d, e] += share * scale * work.dosing[n + n * s + (f * s + d) * s + e]


@inlined
def _amounts(order, code, endpoint, work):
    """Turn the state into amounts of the compartments that an endpoint reads."""
    offset = code.has_depot
    for k in range(code.n_local_states[endpoint]):
        c = code.local_states[endpoint, k]
        if c < offset:
            work.amounts[c] = work.state.z[c]
            for d in range(code.n_structural if order > 0 else 0):
                work.amounts_first[c, d] = work.state.first[c, d]
                for e in range(d + 1):
                    work.amounts_second[c, d, e] = work.state.second[c, d, e]
            continue
        work.amounts[c] = 0.0
        if order > 0:
            work.amounts_first[c, :] = 0.0
            work.amounts_second[c, :, :] = 0.0
        for j in range(code.n_modes):
            share = work.basis.v[c - offset, j]
            work.amounts[c] += share * work.state.z[j + offset]
            for d in range(code.n_structural if order > 0 else 0):
                work.amounts_first[c, d] += share * work.state.first[j + offset, d]
                for e in range(d + 1):
                    work.amounts_second[c, d, e] += share * work.state.second[j + offset, d, e]


@inlined
def _observe_all(order, subject, code, timeline, work):
    for observation in range(timeline.first_observation[subject], timeline.first_observation[subject + 1]):
        _observe(order, subject, observation, code, timeline, work)


@compiled
def _observe(order, subject, observation, code, timeline, work):
    """Evaluate prediction and variance of an observation, and chain their derivatives to the directions."""
    endpoint, row = timeline.endpoint[observation], timeline.observed_row[observation]
    j = observation - timeline.first_observation[subject]
    out = work.observed[endpoint]
    if order == 0:
        call_model(code.observe_0[endpoint], work.amounts, work.individual, timeline.at[row], timeline.times[row], out)
    else:
        call_model(code.observe_2[endpoint], work.amounts, work.individual, timeline.at[row], timeline.times[row], out)
        for q in range(2):
            _chain(q, endpoint, out, code, work, work.first[j, q], work.second[j, q])
    work.prediction[j, 0] = out[0]
    work.prediction[j, 1] = out[1]


@compiled
def _chain(q, endpoint, out, code, work, first, second):
    """Chain rule from the local inputs (amounts, then directions) of output q to the directions."""
    n_states, n_own, s = code.n_local_states[endpoint], code.n_local_directions[endpoint], code.n_structural
    size = n_states + n_own
    gradient = 2 + q * size
    curvature = 2 + 2 * size + q * size * size
    first[:] = 0.0
    second[:] = 0.0
    for k in range(n_own):
        own = code.local_directions[endpoint, k]
        first[own] += out[gradient + n_states + k]
        for m in range(k + 1):
            second[own, code.local_directions[endpoint, m]] += out[curvature + (n_states + k) * size + n_states + m]
    for a in range(n_states):
        state = code.local_states[endpoint, a]
        slope = out[gradient + a]
        for d in range(s):
            first[d] += slope * work.amounts_first[state, d]
            for e in range(d + 1):
                second[d, e] += slope * work.amounts_second[state, d, e]
        for b in range(a + 1):
            curve = out[curvature + a * size + b]
            if curve != 0.0:
                _add_pair(curve, a == b, work.amounts_first[state], work.amounts_first[code.local_states[endpoint, b]], s, second)
        for k in range(n_own):
            curve = out[curvature + (n_states + k) * size + a]
            if curve == 0.0:
                continue
            own = code.local_directions[endpoint, k]
            for d in range(s):
                cross = curve * work.amounts_first[state, d]
                second[max(own, d), min(own, d)] += 2.0 * cross if own == d else cross


@compiled
def _add_pair(curve, same, left, right, s, second):
    for d in range(s):
        for e in range(d + 1):
            second[d, e] += curve * left[d] * right[e] if same else curve * (left[d] * right[e] + left[e] * right[d])


