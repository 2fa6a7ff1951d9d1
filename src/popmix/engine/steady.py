"""Steady states of linear systems: what infinitely many doses in the past have left at a record.

With b the amounts that one dosing interval tau leaves of nothing, the steady state is the sum of Phi(tau)^k b, summed by doubling:

    y_0 = b,    y_(n+1) = y_n + Phi(2^n tau) y_n.

The interval begins at the record. Its dose arrives a lag later, and in between run, as they will after the record, the
infusions of the n earlier doses that have not ended: n is the number of j >= 1 with lag - j tau + D > 0 for the duration D. They
end at lag - j tau + D, one every tau: a train of stops that the walk meets later. All of it carries first and second derivatives.
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.amounts import add_amount, leave, reach, set_inputs
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.doses import LAG_INVALID, OK, RATE_INVALID, add_input, evaluate_dosing, is_infusing, set_output
from popmix.engine.equations import EQUATIONS
from popmix.engine.events import AT, AT_ONCE, BETWEEN, CONSTANT, RATE_MODELLED
from popmix.engine.jets import (
    State,
    add_scaled,
    add_to,
    clear_rows,
    copy_rows,
    load,
    new_state,
    set_constant,
    set_scaled,
    store,
)
from popmix.engine.modal import (
    add_amounts,
    advance,
    clear_amounts,
    copy_amounts,
    fastest,
    size_of,
)

LAG_TOO_LONG, NO_STEADY_STATE = 8, 9
# after so many doublings an interval has become longer than any half-life of interest (a factor of 1e15)
_MOST_DOUBLINGS = 50
_NEGLIGIBLE = 1e-17


class Trains(NamedTuple):
    """Infusions of a steady state that go on after its record, `count` [1] trains of them.

    Of each: the jet of the next stop (`stop`) and of the rate of one infusion (`rate`), the time between stops (`period`), how many
    are to come (`left`), and the compartment.
    """

    count: np.ndarray
    stop: State
    rate: State
    period: np.ndarray
    left: np.ndarray
    compartment: np.ndarray


def new_trains(n: int, n_structural: int) -> Trains:
    """Return room for n trains."""
    whole = (np.zeros(size, dtype=np.int64) for size in (1, n))
    stop, rate = (new_state(n, n_structural) for _ in range(2))
    count, compartment = whole
    return Trains(count, stop, rate, np.zeros(n), np.zeros(n), compartment)


@compiled
def reach_steady_state(order, event, code, timeline, work):
    """Add the steady state of the event's dose to the amounts; infusions that go on are left running. Returns a status."""
    if code.route == EQUATIONS:
        return call_at(code.balance, (order, event, code, timeline, work))
    row = timeline.dose_row[event]
    if code.rates_vary:
        call_at(code.change_rates, (order, AT, row, code, timeline, work))
    copy_amounts(order, code, work.state, work.aside)
    copy_rows(order, code.n_states, work.input, work.running)
    work.n_held[:] = work.n_on
    clear_amounts(order, code, work)
    clear_rows(order, code.n_states, work.input)
    work.n_on[:] = 0.0
    set_constant(order, 0.0, work.clock)
    status = call_at(code.cycle, (order, event, code, timeline, work))
    copy_rows(order, code.n_states, work.running, work.input)
    work.n_on[:] = work.n_held
    set_inputs(order, code, timeline, work)
    set_constant(order, 0.0, work.clock)
    add_amounts(order, code, work.aside, work.state)
    if code.rates_vary:
        call_at(code.change_rates, (order, BETWEEN, row, code, timeline, work))
    return status


@compiled
def cycle(order, event, code, timeline, work):
    """Reach the steady state from nothing: one interval, then its repetitions. Returns a status."""
    compartment, interval = timeline.compartment[event], timeline.interval[event]
    evaluate_dosing(order, event, code, timeline, work)
    if timeline.kind[event] == CONSTANT:
        return _constant(order, event, compartment, code, timeline, work)
    status, lag = set_lag(order, compartment, interval, code, work)
    if status != OK:
        return status
    if timeline.form[event] == AT_ONCE:
        amount = timeline.amount[event]
        set_output(order, code.f_index[compartment], amount, amount, code, work, work.amount)
        set_scaled(order, 1.0, work.lag, work.clock)
        add_amount(order, compartment, work.amount, code, work)
        call_at(code.arrive, (order, lag, interval, work.fixed, code, timeline, work))
        return _repeat(order, interval, code, timeline, work)
    status = call_at(code.set_infusion, (order, event, code, timeline, work))
    if status != OK:
        return status
    call_at(code.infuse, (order, compartment, interval, 0.0, code, timeline, work))
    leave_running(order, compartment, interval, timeline.time[event], work)
    return _repeat(order, interval, code, timeline, work)


@compiled
def arrive(order, start, time, end, code, timeline, work):
    """Advance from one time to another, whose derivatives stand in the jet `end`. Returns a status."""
    return reach(order, start, time, end.first, end.second, is_infusing(code, work), code, timeline, work)


@part
def set_lag(order, compartment, interval, code, work):
    """Write the lag of a dose at steady state into `work.lag`; returns a status and its value."""
    set_output(order, code.lag_index[compartment], 1.0, 0.0, code, work, work.lag)
    lag = work.lag.value[0]
    if not (lag >= 0.0 and math.isfinite(lag)):
        return LAG_INVALID, lag
    return (OK, lag) if lag < interval else (LAG_TOO_LONG, lag)


@part
def set_constant_rate(order, event, compartment, code, timeline, work):
    """Write the rate of a constant infusion into `work.rate`; returns whether it is one."""
    modelled = code.rate_index[compartment] if timeline.form[event] == RATE_MODELLED else -1
    set_output(order, modelled, 1.0, timeline.rate[event], code, work, work.rate)
    return work.rate.value[0] > 0.0 and math.isfinite(work.rate.value[0])


@part
def _constant(order, event, compartment, code, timeline, work):
    """Reach the steady state of a constant infusion, as that of one in any interval."""
    if not set_constant_rate(order, event, compartment, code, timeline, work):
        return RATE_INVALID
    speed = fastest(code, work)
    interval = 1.0 / speed if speed > 0.0 else 1.0
    set_input(order, 1.0, compartment, code, timeline, work)
    call_at(code.arrive, (order, 0.0, interval, work.fixed, code, timeline, work))
    set_input(order, 0.0, compartment, code, timeline, work)
    return _repeat(order, interval, code, timeline, work)


@compiled
def infuse(order, compartment, interval, origin, code, timeline, work):
    """Run through one interval, from `origin` on, with infusions `work.rate`, `work.duration` and `work.lag` repeated for ever.

    `work.duration` then holds the end of the infusion that begins in the interval, from its origin on. Returns a status.
    """
    lag, end, fixed = work.lag, work.duration, work.fixed
    add_scaled(order, 1.0, work.lag, end)
    n_earlier, first_end = _earlier(end.value[0], interval)
    ends_first = first_end <= lag.value[0]
    sooner, later = (end, lag) if ends_first else (lag, end)
    at = origin + min(first_end, lag.value[0])
    set_input(order, n_earlier, compartment, code, timeline, work)
    status = call_at(code.arrive, (order, origin, at, sooner, code, timeline, work))
    set_input(order, n_earlier - 1.0 if ends_first else n_earlier + 1.0, compartment, code, timeline, work)
    leave(at, sooner.first, sooner.second, code, timeline, work)
    if status != OK:
        return status
    then = origin + max(first_end, lag.value[0])
    status = call_at(code.arrive, (order, at, then, later, code, timeline, work))
    set_input(order, n_earlier, compartment, code, timeline, work)
    leave(then, later.first, later.second, code, timeline, work)
    if status != OK:
        return status
    status = call_at(code.arrive, (order, then, origin + interval, fixed, code, timeline, work))
    set_input(order, 0.0, compartment, code, timeline, work)
    return status


@part
def _earlier(end, interval):
    """Return how many infusions of earlier doses still run at the beginning of an interval, and when the first of them ends."""
    n_earlier = max(math.ceil(end / interval) - 1.0, 0.0)
    return n_earlier, min(max(end - n_earlier * interval, 0.0), interval)


@part
def leave_running(order, compartment, interval, now, work):
    """Leave running the infusions of earlier doses that end after the record; `work.duration` holds an end as `infuse` leaves it."""
    n_earlier, first_end = _earlier(work.duration.value[0], interval)
    if n_earlier > 0.0:
        add_to(order, n_earlier, work.rate, compartment, work.running)
        work.n_held[compartment] += n_earlier
        work.duration.value[0] = now + first_end
        _add_train(order, n_earlier, compartment, interval, work)


@part
def set_input(order, n, compartment, code, timeline, work):
    """Let n infusions of `work.rate` run, and no others."""
    order = order if timeline.modelled else 0
    work.n_on[compartment] = n
    set_scaled(order, n, work.rate, work.amount)
    store(order, work.amount, compartment, work.input)
    set_inputs(order, code, timeline, work)


@part
def _repeat(order, interval, code, timeline, work):
    """Turn what one interval leaves into what infinitely many leave."""
    span, settled = interval, False
    for _ in range(_MOST_DOUBLINGS):
        copy_amounts(order, code, work.state, work.sum)
        advance(order, span, False, code, timeline, work)
        added = size_of(code, work.state)
        add_amounts(order, code, work.sum, work.state)
        # derivatives vanish one doubling after the values; what is no number is found by the density
        if settled or math.isnan(added):
            return OK
        if added == math.inf:
            return NO_STEADY_STATE
        settled = added <= _NEGLIGIBLE * size_of(code, work.sum)
        span *= 2.0
    return NO_STEADY_STATE


@part
def _add_train(order, n, compartment, interval, work):
    """Note n infusions of `work.rate` that end one after the other, the first at the jet `work.duration`."""
    trains = work.trains
    k = trains.count[0]
    store(order, work.duration, k, trains.stop)
    store(order, work.rate, k, trains.rate)
    trains.period[k], trains.left[k], trains.compartment[k] = interval, n, compartment
    trains.count[0] = k + 1


@compiled
def finish_trains(order, time, code, timeline, work):
    """Stop the infusions of trains that end until a time; `work.now` [1] goes along to the last of these stops."""
    trains = work.trains
    while True:
        nearest, soonest = -1, math.inf
        for k in range(trains.count[0]):
            if trains.left[k] > 0.0 and trains.stop.z[k] < soonest:
                nearest, soonest = k, trains.stop.z[k]
        if nearest < 0 or soonest > time:
            return OK
        load(order, trains.stop, nearest, work.duration)
        status = call_at(code.arrive, (order, work.now[0], soonest, work.duration, code, timeline, work))
        if status != OK:
            return status
        load(order, trains.rate, nearest, work.rate)
        add_input(order, -1.0, trains.compartment[nearest], work.rate, code, timeline, work)
        leave(soonest, work.duration.first, work.duration.second, code, timeline, work)
        work.now[0] = soonest
        trains.stop.z[nearest] += trains.period[nearest]
        trains.left[nearest] -= 1.0
