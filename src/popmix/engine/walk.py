"""One subject's walk through its events: amounts of the compartments at every observation, with derivatives.

Order 0 gives values; order 2 also first and second derivatives in the directions of the model. The result stands in
`work.prediction`, `work.first` and `work.second`, where `popmix.engine.observing` puts it.
"""

import math

from popmix.compiler.call import call_model
from popmix.engine.arrivals import OK
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.equations import EQUATIONS
from popmix.engine.events import BOLUS, RECORD, RESET, START
from popmix.engine.mammillary import set_basis


@part
def solve_subject(order, subject, code, timeline, work):
    """Solve by the shortest way that serves: see `solve` and `popmix.engine.values`."""
    if code.route == EQUATIONS:
        return call_at(code.course, (order, subject, code, timeline, work))
    if order == 0 and not timeline.moving and not code.rates_vary:
        return call_at(code.solve_values, (subject, code, timeline, work))
    return call_at(code.solve, (order, subject, code, timeline, work))


@compiled
def solve(order, subject, code, timeline, work):
    """Walk through the events of a subject; `work.individual` holds its directions. Returns a status code."""
    if code.route == EQUATIONS:
        return call_at(code.course, (order, subject, code, timeline, work))
    if code.n_states == 0:
        for observation in range(timeline.first_observation[subject], timeline.first_observation[subject + 1]):
            call_at(code.observe, (order, subject, observation, code, timeline, work))
        return OK
    first, last = timeline.first_event[subject], timeline.first_event[subject + 1]
    static = not timeline.moving and not code.rates_vary
    if not static:
        status = call_at(code.arrange, (order, first, last, code, timeline, work))
        if status != OK:
            return status
    clear(order, code, work)
    if last > first:
        row = work.next_row[0] if code.rates_vary else timeline.first_row[subject]
        call_at(code.set_rates, (order, row, code, timeline, work))
    kinds, times, observations, now = timeline.kind, timeline.time, timeline.observation, math.nan
    for k in range(last - first):
        own = k if static else work.order[k]
        event = first + own
        kind, observation = kinds[event], observations[event]
        if kind == RECORD and observation < 0 and not code.rates_vary:
            continue
        if code.rates_vary and k > 0 and work.next_row[k] != work.next_row[k - 1]:
            _transform(order, code, work, work.basis.v)
            call_at(code.set_rates, (order, work.next_row[k], code, timeline, work))
            _transform(order, code, work, work.basis.inverse)
        time = times[event] if static else work.arrival[own]
        _advance(order, time - now, own, code, timeline, work)
        now = time
        if observation >= 0:
            call_at(code.observe, (order, subject, observation, code, timeline, work))
        elif kind == RESET:
            clear(order, code, work)
        elif kind != RECORD:
            apply_dose(order, event, code, timeline, work)
    return OK


@part
def clear(order, code, work):
    """Empty all compartments and stop all infusions."""
    state, s, source = work.state, code.n_structural if order > 0 else 0, code.n_states
    for i in range(source + 1):
        state.z[i] = 0.0
        work.infusion[i] = 0.0
        work.basis.edges[i * (source + 1) + source] = 0.0
        for d in range(s):
            state.first[i, d] = 0.0
            for e in range(d + 1):
                state.second[i, d, e] = 0.0
    state.z[source] = 1.0
    for d in range(s):
        work.clock_first[d] = 0.0
        for e in range(d + 1):
            work.clock_second[d, e] = 0.0


@compiled
def set_rates(order, row, code, timeline, work):
    """Evaluate the rate constants of the interval that ends at a record and fill their basis."""
    address = code.rates_0 if order == 0 else code.rates_2
    call_model(address, work.amounts, work.individual, timeline.between[row], timeline.times[row], work.rates)
    set_basis(order, code.has_depot, code.n_modes, code.n_structural, work.rates, work.basis)
    _set_source(code, work)
    return OK


@part
def _transform(order, code, work, matrix):
    """Multiply the central and peripheral part of the state by a matrix."""
    n, offset, s = code.n_modes, code.has_depot, code.n_structural if order > 0 else 0
    if n == 1:
        return
    state, scratch = work.state, work.scratch
    for i in range(n):
        z, first, second = 0.0, scratch.first[i], scratch.second[i]
        for d in range(s):
            first[d] = 0.0
            for e in range(d + 1):
                second[d, e] = 0.0
        for j in range(n):
            share, origin = matrix[i, j], j + offset
            z += share * state.z[origin]
            for d in range(s):
                first[d] += share * state.first[origin, d]
                for e in range(d + 1):
                    second[d, e] += share * state.second[origin, d, e]
        scratch.z[i] = z
    for i in range(n):
        state.z[i + offset] = scratch.z[i]
        for d in range(s):
            state.first[i + offset, d] = scratch.first[i, d]
            for e in range(d + 1):
                state.second[i + offset, d, e] = scratch.second[i, d, e]


@part
def _set_source(code, work):
    """Set the edges of the infusion source from the rates into each compartment."""
    source, edges, infusion = code.n_states, work.basis.edges, work.infusion
    if code.has_depot:
        edges[source] = infusion[0]
    for i in range(code.n_modes):
        total = 0.0
        for j in range(code.n_modes):
            total += work.basis.inverse[i, j] * infusion[j + code.has_depot]
        edges[(i + code.has_depot) * (source + 1) + source] = total


@part
def is_infusing(code, work):
    """Return whether any infusion is on."""
    infusing = False
    for c in range(code.n_states):
        infusing = infusing or work.infusion[c] != 0.0
    return infusing


@part
def _advance(order, span, own, code, timeline, work):
    """Advance the state by `span` to an event (its number within the subject)."""
    infusing = is_infusing(code, work)
    n_nodes = code.n_states + 1 if infusing else code.n_states
    if order == 0:
        z = work.state.z
        call_at(code.advance_values, (code.has_depot, code.n_states, infusing, work.basis, span, z, z))
    elif span > 0.0:
        if infusing:
            call_at(code.advance, (n_nodes, code.n_structural, work.basis, work.infusing, span, work.state, work.scratch))
        else:
            call_at(code.advance, (n_nodes, code.n_structural, work.basis, work.idle, span, work.state, work.scratch))
    if order > 0 and timeline.moving:
        _move_clock(own, n_nodes, code, work)


@part
def _move_clock(own, n_nodes, code, work):
    """Account for ends of the interval that move with lags and durations."""
    moved, first, second = False, work.clock_first, work.clock_second
    for d in range(code.n_structural):
        first[d] = work.arrival_first[own, d] - first[d]
        moved = moved or first[d] != 0.0
        for e in range(d + 1):
            second[d, e] = work.arrival_second[own, d, e] - second[d, e]
            moved = moved or second[d, e] != 0.0
    if moved:
        call_at(code.shift, (n_nodes, code.n_structural, code.n_states + 1, work.basis, first, second, work.state, work.scratch))
    for d in range(code.n_structural):
        first[d] = work.arrival_first[own, d]
        for e in range(d + 1):
            second[d, e] = work.arrival_second[own, d, e]


@part
def apply_dose(order, event, code, timeline, work):
    """Add a bolus, or switch an infusion on or off."""
    compartment, kind = timeline.compartment[event], timeline.kind[event]
    if kind != BOLUS:
        rate = timeline.rate[event]
        work.infusion[compartment] += rate if kind == START else -rate
        # rates that have cancelled must leave an exact zero
        if abs(work.infusion[compartment]) <= 1e-12 * abs(rate):
            work.infusion[compartment] = 0.0
        _set_source(code, work)
        return
    amount, f = timeline.amount[event], code.f_index[compartment]
    scale = 0.0
    if f >= 0:
        row = timeline.dose_row[event]
        address = code.dosing_0 if order == 0 else code.dosing_2
        call_model(address, work.amounts, work.individual, timeline.at[row], timeline.times[row], work.dosing)
        scale, amount = amount, amount * work.dosing[f]
    _add(order, compartment, amount, f, scale, code, work)


@part
def _add(order, compartment, amount, f, scale, code, work):
    """Add an amount to a compartment; with f >= 0 its derivatives are `scale` times those of dosing output f."""
    n, s, offset, state = code.n_dosing, code.n_structural, code.has_depot, work.state
    into_depot = compartment < offset
    for i in range(0 if into_depot else offset, 1 if into_depot else offset + code.n_modes):
        share = 1.0 if into_depot else work.basis.inverse[i - offset, compartment - offset]
        state.z[i] += share * amount
        if order == 0 or f < 0:
            continue
        for d in range(s):
            state.first[i, d] += share * scale * work.dosing[n + f * s + d]
            for e in range(d + 1):
                state.second[i, d, e] += share * scale * work.dosing[n + n * s + (f * s + d) * s + e]
