"""One subject's walk through its events: amounts of the compartments at every observation, with derivatives.

Order 0 gives values; order 2 also first and second derivatives in the directions of the model. The result stands in
`work.prediction`, `work.first` and `work.second`, where `popmix.engine.observing` puts it.
"""

import math

from popmix.engine.amounts import add_amount, change_parameters, leave, reach, read_amount, set_parameters, show_amounts
from popmix.engine.compiled import call_at, compiled, inlined, part
from popmix.engine.doses import OK, apply_dose, clear, is_infusing
from popmix.engine.equations import EQUATIONS
from popmix.engine.events import BETWEEN, BOLUS, CONSTANT, MULTIPLY, RECORD, REPLACE, RESET, STEADY, STOP
from popmix.engine.jets import set_scaled
from popmix.engine.observing import forget


@part
def solve_subject(order, subject, code, timeline, work):
    """Solve by the shortest way that serves: see `solve` and `popmix.engine.values`; `work.unknowns` and `work.individual` are given."""
    if code.n_checked > 0:
        status = call_at(code.check_domain, (subject, code, timeline, work))
        if status != OK:
            return status
    plain = order == 0 and code.route != EQUATIONS and code.n_memories == 0
    if plain and not timeline.moving and not code.rates_vary and timeline.n_trains == 0:
        return call_at(code.solve_values, (subject, code, timeline, work))
    return call_at(code.solve, (order, subject, code, timeline, work))


@compiled
def solve(order, subject, code, timeline, work):
    """Walk through the events of a subject; `work.individual` holds its directions. Returns a status code."""
    if code.n_memories > 0:
        forget(code, work)
    if code.n_states == 0:
        return _solve_algebraic(order, subject, code, timeline, work)
    first, last = timeline.first_event[subject], timeline.first_event[subject + 1]
    static = not timeline.moving and not code.rates_vary
    if not static:
        status = call_at(code.arrange, (order, first, last, code, timeline, work))
        if status != OK:
            return status
    row, work.flow.failed_at[0] = timeline.first_row[subject], math.nan
    clear(order, row, code, timeline, work)
    if last > first:
        set_parameters(order, BETWEEN, work.next_row[0] if code.rates_vary else row, code, timeline, work)
    kinds, times, now = timeline.kind, timeline.time, _start(first, last, static, code, timeline, work)
    for k in range(last - first):
        own = k if static else work.order[k]
        event = first + own
        kind, observation = kinds[event], timeline.observation[event]
        if kind == RECORD and observation < 0 and not code.rates_vary:
            continue
        if code.rates_vary and k > 0 and work.next_row[k] != work.next_row[k - 1]:
            change_parameters(order, BETWEEN, work.next_row[k], code, timeline, work)
        time, place = times[event] if static else work.arrival[own], own if timeline.moving else 0
        if timeline.n_trains > 0:
            work.now[0] = now
            status = call_at(code.finish_trains, (order, time, code, timeline, work))
            if status != OK:
                return status
            now = work.now[0]
        first_at, second_at = work.arrival_first[place], work.arrival_second[place]
        status = reach(order, now, time, first_at, second_at, is_infusing(code, work), code, timeline, work)
        if status != OK:
            return status
        now = time
        if observation >= 0:
            show_amounts(1, order, time, code, work)
            call_at(code.observe, (order, subject, observation, code, timeline, work))
            show_amounts(-1, order, time, code, work)
        elif kind != RECORD:
            status = _meet(order, event, place, time, code, timeline, work)
            if status != OK:
                return status
    return OK


@inlined
def _solve_algebraic(order, subject, code, timeline, work):
    for observation in range(timeline.first_observation[subject], timeline.first_observation[subject + 1]):
        call_at(code.observe, (order, subject, observation, code, timeline, work))
    return OK


@inlined
def _start(first, last, static, code, timeline, work):
    """Return when the amounts begin to change: equations at the first event, whatever it is; closed forms, empty before a dose, never."""
    if code.route != EQUATIONS or last == first:
        return math.nan
    return timeline.time[first] if static else work.arrival[work.order[0]]


@inlined
def _meet(order, event, place, time, code, timeline, work):
    """Let an event happen at a time that may move, and go on after it. Returns a status."""
    first, second = work.arrival_first[place], work.arrival_second[place]
    # what begins to arrive by a profile changes nothing at that moment
    arriving = timeline.kind[event] == BOLUS and code.profile_index[timeline.compartment[event]] >= 0
    if arriving:
        leave(time, first, second, code, timeline, work)
    status = call_at(code.happen, (order, event, place, code, timeline, work))
    if status == OK and not arriving:
        leave(time, first, second, code, timeline, work)
    return status


@compiled
def happen(order, event, place, code, timeline, work):
    """Let an event happen that is no record. Returns a status."""
    kind = timeline.kind[event]
    if kind < RESET:
        apply_dose(order, event, place, code, timeline, work)
        if kind != STOP:
            work.flow.dosed[0] = timeline.time[event]
    elif kind == RESET:
        return call_at(code.reset, (order, timeline.dose_row[event], code, timeline, work))
    elif kind in (STEADY, CONSTANT):
        work.flow.dosed[0] = timeline.time[event]
        return call_at(code.steady, (order, event, code, timeline, work))
    else:
        return call_at(code.rewrite, (order, event, code, timeline, work))
    return OK


@compiled
def rewrite(order, event, code, timeline, work):
    """Replace or multiply the amount of a compartment, or empty it: add what it takes."""
    compartment, kind, given = timeline.compartment[event], timeline.kind[event], timeline.amount[event]
    show_amounts(1, order, timeline.time[event], code, work)
    read_amount(order, compartment, code, work, work.amount)
    set_scaled(order, given - 1.0 if kind == MULTIPLY else -1.0, work.amount, work.amount)
    if kind == REPLACE:
        work.amount.value[0] += given
    add_amount(order, compartment, work.amount, code, work)
    show_amounts(-1, order, timeline.time[event], code, work)
    return OK
