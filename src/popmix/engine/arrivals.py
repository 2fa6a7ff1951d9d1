"""When events really happen: lags and bioavailable infusions move arrivals with the parameters of the subject."""

import math

from popmix.compiler.call import call_model
from popmix.engine.compiled import compiled, part
from popmix.engine.events import BOLUS, START, STOP

OK, LAG_INVALID = 0, 5


@compiled
def arrange(order, first, last, code, timeline, work):
    """Fill `work.arrival` (with derivatives), `work.order` and `work.next_row` for events that move or rates that vary."""
    n = last - first
    for k in range(n):
        work.order[k] = k
        work.arrival[k] = timeline.time[first + k]
    if timeline.moving:
        for k in range(n):
            if not _move(order, first + k, k, code, timeline, work):
                return LAG_INVALID
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
    """Add lag, and for the end of an infusion the change of its duration by F, to the time of an event."""
    kind = timeline.kind[event]
    for d in range(code.n_structural):
        work.arrival_first[k, d] = 0.0
        for e in range(d + 1):
            work.arrival_second[k, d, e] = 0.0
    if kind != BOLUS and kind != START and kind != STOP:
        return True
    compartment, row = timeline.compartment[event], timeline.dose_row[event]
    lag, f = code.lag_index[compartment], code.f_index[compartment]
    if lag < 0 and (f < 0 or kind != STOP):
        return True
    address = code.dosing_0 if order == 0 else code.dosing_2
    call_model(address, work.amounts, work.individual, timeline.at[row], timeline.times[row], work.dosing)
    if lag >= 0:
        if not (work.dosing[lag] >= 0.0 and math.isfinite(work.dosing[lag])):
            return False
        _shift(order, k, lag, work.dosing[lag], 1.0, code, work)
    if f >= 0 and kind == STOP:
        duration = timeline.infused[event] / timeline.rate[event]
        # the static time holds the duration for F = 1
        _shift(order, k, f, duration * (work.dosing[f] - 1.0), duration, code, work)
    return math.isfinite(work.arrival[k])


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
    """Whether event `one` comes after event `other`; a moved arrival precedes records at the same time."""
    if timeline.segment[first + one] != timeline.segment[first + other]:
        return timeline.segment[first + one] > timeline.segment[first + other]
    if work.arrival[one] != work.arrival[other]:
        return work.arrival[one] > work.arrival[other]
    return _rank(first + one, work.arrival[one], timeline) > _rank(first + other, work.arrival[other], timeline)


@part
def _rank(event, arrival, timeline):
    return -1 if arrival != timeline.time[event] else timeline.rank[event]
