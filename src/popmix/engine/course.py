"""One subject's walk through its events by differential equations. (temporary)"""

import math

from popmix.compiler.call import call_model
from popmix.engine.arrivals import OK
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.events import BOLUS, RECORD, RESET, START
from popmix.engine.flow import add_amount


@compiled
def course(order, subject, code, timeline, work):
    """Walk."""
    first, last = timeline.first_event[subject], timeline.first_event[subject + 1]
    static = not timeline.moving and not code.rates_vary
    if not static:
        status = call_at(code.arrange, (2 if order > 0 else 0, first, last, code, timeline, work))
        if status != OK:
            return status
    flow, s = work.flow, code.n_structural
    now, started = math.nan, False
    for k in range(last - first):
        own = k if static else work.order[k]
        event = first + own
        kind, observation = timeline.kind[event], timeline.observation[event]
        time = timeline.time[event] if static else work.arrival[own]
        if not started:
            flow.row[0] = work.next_row[0] if code.rates_vary else timeline.first_row[subject]
            call_at(code.begin, (order, timeline.first_row[subject], time, code, timeline, work))
            started, now = True, time
        if kind == RECORD and observation < 0 and not code.rates_vary:
            continue
        if code.rates_vary and k > 0 and work.next_row[k] != work.next_row[k - 1]:
            flow.row[0] = work.next_row[k]
            flow.is_fresh[0] = 0
        status = call_at(code.integrate, (order, s, now, time, code, timeline, work))
        if status != OK:
            return status
        now = time
        moving = order > 0 and timeline.moving
        if moving:
            call_at(code.move, (order, 1, time, work.arrival_first[own], work.arrival_second[own], code, timeline, work))
        if observation >= 0:
            call_at(code.observe, (order, subject, observation, code, timeline, work))
        elif kind == RESET:
            call_at(code.begin, (order, timeline.dose_row[event], time, code, timeline, work))
        elif kind != RECORD:
            _dose(order, event, code, timeline, work)
        if kind == BOLUS or kind == START:
            flow.dosed[0] = timeline.time[event]
        if moving:
            call_at(code.move, (order, -1, time, work.arrival_first[own], work.arrival_second[own], code, timeline, work))
    return OK


@part
def _dose(order, event, code, timeline, work):
    compartment, kind, n, s = timeline.compartment[event], timeline.kind[event], code.n_dosing, code.n_structural
    flow = work.flow
    if kind != BOLUS:
        m = 1 if order == 0 else 1 + s if order == 1 else 1 + s + s * (s + 1) // 2
        rate = timeline.rate[event]
        flow.input[compartment * m] += rate if kind == START else -rate
        flow.is_infusing[0] = 1
        flow.is_fresh[0] = 0
        return
    amount, f = timeline.amount[event], code.f_index[compartment]
    if f < 0:
        add_amount(order, compartment, amount, -1, -1, 0.0, work.dosing, code, flow)
        return
    row = timeline.dose_row[event]
    address = code.dosing_0 if order == 0 else code.dosing_2
    call_model(address, work.amounts, work.individual, timeline.at[row], timeline.times[row], work.dosing)
    add_amount(order, compartment, amount * work.dosing[f], n + f * s, n + n * s + f * s * s, amount, work.dosing, code, flow)
