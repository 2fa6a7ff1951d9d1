"""When events really happen: lags and bioavailable infusions move arrivals with the parameters of the subject."""

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.compiled import inlined
from popmix.engine.events import BOLUS, START, STOP


@inlined
def arrange(order, first, last, code, timeline, work):
    """Fill `work.arrival` (with derivatives), `work.order` and `work.next_row`; False when a lag is negative or not finite."""
    n = last - first
    for k in range(n):
        work.order[k] = k
        work.arrival[k] = timeline.time[first + k]
    if timeline.moving:
        for k in range(n):
            if not _move(order, first + k, k, code, timeline, work):
                return False
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
    return True


@inlined
def _move(order, event, k, code, timeline, work):
    """Add lag, and for the end of an infusion the change of its duration by F, to the time of an event."""
    kind = timeline.kind[event]
    work.arrival_first[k, :] = 0.0
    work.arrival_second[k, :, :] = 0.0
    if kind != BOLUS and kind != START and kind != STOP:
        return True
    compartment, row = timeline.compartment[event], timeline.dose_row[event]
    lag, f = code.lag_index[compartment], code.f_index[compartment]
    if lag < 0 and (f < 0 or kind != STOP):
        return True
    address = code.dosing_0 if order == 0 else code.dosing_2
    call_model(address, work.amounts, work.individual, timeline.at[row], timeline.times[row], work.dosing)
    if lag >= 0:
        if not (work.dosing[lag] >= 0.0 and np.isfinite(work.dosing[lag])):
            return False
        _shift(order, k, lag, work.dosing[lag], 1.0, code, work)
    if f >= 0 and kind == STOP:
        duration = timeline.infused[event] / timeline.rate[event]
        # the static time holds the duration for F = 1
        _shift(order, k, f, duration * (work.dosing[f] - 1.0), duration, code, work)
    return np.isfinite(work.arrival[k])


@inlined
def _shift(order, k, output, amount, scale, code, work):
    n, s = code.n_dosing, code.n_structural
    work.arrival[k] += amount
    for d in range(s if order > 0 else 0):
        work.arrival_first[k, d] += scale * work.dosing[n + output * s + d]
        for e in range(d + 1):
            work.arrival_second[k, d, e] += scale * work.dosing[n + n * s + (output * s + d) * s + e]


@inlined
def _sort(first, n, timeline, work):
    """Insertion sort by segment, arrival and rank; the events are nearly sorted already."""
    for k in range(1, n):
        moving = work.order[k]
        position = k - 1
        while position >= 0 and _after(first, work.order[position], moving, timeline, work):
            work.order[position + 1] = work.order[position]
            position -= 1
        work.order[position + 1] = moving


@inlined
def _after(first, one, other, timeline, work):
    """Whether event `one` comes after event `other`; a moved arrival precedes records at the same time."""
    if timeline.segment[first + one] != timeline.segment[first + other]:
        return timeline.segment[first + one] > timeline.segment[first + other]
    if work.arrival[one] != work.arrival[other]:
        return work.arrival[one] > work.arrival[other]
    return _rank(first, one, timeline, work) > _rank(first, other, timeline, work)


@inlined
def _rank(first, event, timeline, work):
    moved = work.arrival[event] != timeline.time[first + event]
    return -1 if moved else timeline.rank[first + event]
