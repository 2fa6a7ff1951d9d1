"""When events really happen: lags and bioavailable infusions move arrivals with the parameters of the subject."""

import math

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.doses import DURATION_INVALID, LAG_INVALID, OK, evaluate_dosing
from popmix.engine.events import BOLUS, DURATION_MODELLED, RATE_GIVEN, RATE_MODELLED, START, STOP


@compiled
def arrange(order, first, last, code, timeline, work):
    """Fill `work.arrival` (with derivatives), `work.order` and `work.next_row` for events that move or rates that vary."""
    n = last - first
    for k in range(n):
        work.order[k] = k
        work.arrival[k] = timeline.time[first + k]
    if timeline.moving:
        for k in range(n):
            status = _move(order, first + k, k, code, timeline, work)
            if status != OK:
                return status
        _sort(first, n, timeline, work)
    if code.rates_vary:
        following = -1
        for k in range(n - 1, -1, -1):
            row = timeline.row[first + work.order[k]]
            following = row if row >= 0 else following
            work.next_row[k] = following
        for k in range(1, n):
            # arrivals after the last record of a subject keep its parameters
            if work.next_row[k] < 0:
                work.next_row[k] = work.next_row[k - 1]
    return OK


@part
def _move(order, event, k, code, timeline, work):
    """Add the lag, and to the end of an infusion the duration as far as its static time lacks it. Returns a status."""
    kind, form = timeline.kind[event], timeline.form[event]
    for d in range(code.n_structural):
        work.arrival_first[k, d] = 0.0
        for e in range(d + 1):
            work.arrival_second[k, d, e] = 0.0
    if kind != BOLUS and kind != START and kind != STOP:
        return OK
    compartment = timeline.compartment[event]
    lag, f = code.lag_index[compartment], code.f_index[compartment]
    modelled = kind == STOP and form in (RATE_MODELLED, DURATION_MODELLED)
    scaled = kind == STOP and form == RATE_GIVEN and f >= 0
    if lag < 0 and not modelled and not scaled:
        return OK
    evaluate_dosing(order, event, code, timeline, work)
    if lag >= 0:
        if not (work.dosing[lag] >= 0.0 and math.isfinite(work.dosing[lag])):
            return LAG_INVALID
        _shift(order, k, lag, work.dosing[lag], 1.0, code, work)
    if modelled:
        return _add_duration(order, event, k, code, timeline, work)
    if scaled:
        duration = timeline.infused[event] / timeline.rate[event]
        if not (work.dosing[f] >= 0.0 and math.isfinite(work.dosing[f])):
            return DURATION_INVALID
        # the static time holds the duration for F = 1
        _shift(order, k, f, duration * (work.dosing[f] - 1.0), duration, code, work)
    return OK


@part
def _add_duration(order, event, k, code, timeline, work):
    """Move the end of an infusion, placed at its beginning, by its modelled duration. Returns a status."""
    status = call_at(code.set_infusion, (order, event, code, timeline, work))
    if status != OK:
        return status
    beginning, duration = work.arrival[k], work.duration
    work.arrival[k] += duration.value[0]
    if work.arrival[k] == beginning and duration.value[0] > 0.0:
        return DURATION_INVALID
    for d in range(code.n_structural if order > 0 else 0):
        work.arrival_first[k, d] += duration.first[d]
        for e in range(d + 1):
            work.arrival_second[k, d, e] += duration.second[d, e]
    return OK


@part
def _shift(order, k, output, amount, scale, code, work):
    """Move event k by `amount`, whose derivatives are `scale` times those of a dosing output."""
    n, s, dosing = code.n_dosing, code.n_structural, work.dosing
    work.arrival[k] += amount
    if order == 0:
        return
    for d in range(s):
        work.arrival_first[k, d] += scale * dosing[n + output * s + d]
        for e in range(d + 1):
            work.arrival_second[k, d, e] += scale * dosing[n + n * s + (output * s + d) * s + e]


@part
def _sort(first, n, timeline, work):
    """Insertion sort by segment, arrival and rank; the events are nearly sorted already."""
    order = work.order
    for k in range(1, n):
        moving = order[k]
        position = k - 1
        while position >= 0 and _after(first, order[position], moving, timeline, work):
            order[position + 1] = order[position]
            position -= 1
        order[position + 1] = moving


@part
def _after(first, one, other, timeline, work):
    """Whether event `one` comes after event `other`; a moved arrival precedes records at the same time, the end of an infusion is last."""
    if timeline.segment[first + one] != timeline.segment[first + other]:
        return timeline.segment[first + one] > timeline.segment[first + other]
    if work.arrival[one] != work.arrival[other]:
        return work.arrival[one] > work.arrival[other]
    return _rank(first + one, work.arrival[one], timeline) > _rank(first + other, work.arrival[other], timeline)


@part
def _rank(event, arrival, timeline):
    moved = arrival != timeline.time[event] and timeline.kind[event] != STOP
    return -1 if moved else timeline.rank[event]
