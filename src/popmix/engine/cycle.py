"""Steady states of differential equations: the state that one dosing interval leaves as it was.

With G the map of a state over one dosing interval, x = G(x, d) is solved by Newton's method; the derivatives of G by the initial state
come with the sensitivities of the equations, as n more directions. The implicit function theorem gives

    (I - G_x) x_d = G_d,     (I - G_x) x_de = second derivative of G along x_d with x_de = 0.

A constant infusion is the zero of f(x) + u in the same way, with -f_x for I - G_x. What a steady state adds is its difference from the
initial state, so that SS = 1, after a reset, makes it the state.
"""

import math
from typing import NamedTuple

import numpy as np

from popmix.engine.amounts import leave
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.doses import OK, RATE_INVALID, evaluate_dosing, set_output
from popmix.engine.equations import width_of
from popmix.engine.events import AT, AT_ONCE, BETWEEN, CONSTANT
from popmix.engine.flow import add_amount, pack, set_covariates
from popmix.engine.jets import clear_rows, copy_rows
from popmix.engine.steady import NO_STEADY_STATE, leave_running, set_constant_rate, set_input, set_lag
from popmix.engine.tolerance import raise_peaks

_MOST_ITERATIONS = 50
_MOST_HALVINGS = 12
# a change of this fraction of the tolerance is none, nor is one of the roundings of an interval
_CLOSE, _ROUNDINGS = 0.01, 2e-13
# changes that do not shrink any more are of no account below this multiple of the tolerance
_NOISE = 1e3


class Cycle(NamedTuple):
    """Working memory: the state to which a steady state is added, the initial one, the iterate, and a linear system."""

    current: np.ndarray
    initial: np.ndarray
    guess: np.ndarray
    step: np.ndarray
    gap: np.ndarray
    matrix: np.ndarray
    pivots: np.ndarray
    right: np.ndarray


def new_cycle(n_states: int, n_structural: int) -> Cycle:
    """Return zeroed working memory."""
    width = 1 + n_structural + n_structural * (n_structural + 1) // 2
    whole, values = np.zeros((2, n_states * width)), np.zeros((3, n_states))
    return Cycle(*whole, *values, np.zeros(n_states * n_states), np.zeros(n_states, dtype=np.int64), np.zeros(n_states * width))


@compiled
def balance(order, event, code, timeline, work):
    """Add the steady state of the event's dose to the states; infusions that go on are left running. Returns a status."""
    flow, cycle, row, s = work.flow, work.cycle, timeline.dose_row[event], code.n_structural
    length, dosed = code.n_states * width_of(order, s), flow.dosed[0]
    for q in range(length):
        cycle.current[q] = flow.x[q]
    copy_rows(order, code.n_states, work.input, work.running)
    work.n_held[:] = work.n_on
    n_arriving, work.sources.count[0] = work.sources.count[0], 0
    # its derivatives are needed for Newton's method too
    evaluate_dosing(2, event, code, timeline, work)
    call_at(code.begin, (order, row, code, timeline, work))
    set_covariates(AT, row, timeline, work)
    for q in range(length):
        cycle.initial[q] = flow.x[q]
    for i in range(code.n_states):
        cycle.guess[i] = flow.x[i * width_of(order, s)]
    status = call_at(code.newton, (event, code, timeline, work))
    if status == OK and order > 0:
        status = _differentiate(order, event, code, timeline, work)
    pack(order, s, flow)
    if status == OK and timeline.kind[event] != CONSTANT and timeline.form[event] != AT_ONCE:
        leave_running(order, timeline.compartment[event], timeline.interval[event], timeline.time[event], work)
    copy_rows(order, code.n_states, work.running, work.input)
    work.n_on[:] = work.n_held
    work.sources.count[0] = n_arriving
    call_at(code.take_inputs, (code, timeline, work))
    if status != OK:
        flow.failed_at[0] = timeline.time[event]
        return status
    _add_change(order, code, work)
    set_covariates(BETWEEN, row, timeline, work)
    flow.dosed[0] = dosed
    return OK


@compiled
def newton(event, code, timeline, work):
    """Solve for the values of the steady state in `work.cycle.guess`, with I - G_x (or -f_x) left in `matrix` and G_d in `right`."""
    cycle, n = work.cycle, code.n_states
    status, size = _residual(event, code, timeline, work)
    if status != OK:
        return status
    last = math.inf
    for _ in range(_MOST_ITERATIONS):
        if not call_at(code.factorise, (n, cycle.matrix, cycle.pivots)) and not _factorise_damped(event, code, timeline, work):
            return NO_STEADY_STATE
        for i in range(n):
            cycle.step[i] = cycle.gap[i]
        call_at(code.solve_real, (n, cycle.matrix, cycle.pivots, cycle.step, 1, 0, 1))
        largest = 0.0
        for i in range(n):
            scale = abs(cycle.guess[i]) + abs(cycle.step[i]) + work.flow.floor[i]
            largest = max(largest, abs(cycle.step[i]) / scale if scale > 0.0 else 0.0)
        if not math.isfinite(largest):
            return NO_STEADY_STATE
        length, found = 1.0, False
        for _ in range(_MOST_HALVINGS):
            for i in range(n):
                cycle.guess[i] += length * cycle.step[i]
            status, after = _residual(event, code, timeline, work)
            found = status == OK and (after <= size or largest < 1e-3)
            if found:
                break
            for i in range(n):
                cycle.guess[i] -= length * cycle.step[i]
            length *= 0.5
        if not found:
            return NO_STEADY_STATE
        size = after
        # the map is known to its tolerance only, and where steps change with the state it is no smoother than that
        stalled = largest > 0.25 * last and largest < _NOISE * code.tolerance
        last = largest
        if stalled or largest <= max(_CLOSE * code.tolerance, _ROUNDINGS):
            return OK if call_at(code.factorise, (n, cycle.matrix, cycle.pivots)) else NO_STEADY_STATE
    return NO_STEADY_STATE


@part
def _factorise_damped(event, code, timeline, work):
    """Factorise the matrix with its largest entry added to the diagonal: the step of an implicit method from a state of rest, say."""
    cycle, n, largest = work.cycle, code.n_states, 0.0
    if timeline.kind[event] != CONSTANT or _residual(event, code, timeline, work)[0] != OK:
        return False
    for q in range(n * n):
        largest = max(largest, abs(cycle.matrix[q]))
    for i in range(n):
        cycle.matrix[i * n + i] += largest
    return call_at(code.factorise, (n, cycle.matrix, cycle.pivots)) != 0


@part
def _residual(event, code, timeline, work):
    """Run from the guess: fill gap, matrix and the first derivatives in `right`. Returns a status and the size of the gap."""
    flow, cycle, n, s = work.flow, work.cycle, code.n_states, code.n_structural
    m = pack(1, s + n, flow)
    for i in range(n):
        for c in range(m):
            flow.x[i * m + c] = 0.0
        flow.x[i * m] = cycle.guess[i]
        flow.x[i * m + 1 + s + i] = 1.0
    raise_peaks(1, s + n, code, flow)
    status = call_at(code.run, (event, code, timeline, work))
    if status != OK:
        return status, math.inf
    constant, size = timeline.kind[event] == CONSTANT, 0.0
    for i in range(n):
        cycle.gap[i] = flow.x[i * m] - (0.0 if constant else cycle.guess[i])
        for k in range(n):
            cycle.matrix[i * n + k] = -flow.x[i * m + 1 + s + k] + (1.0 if k == i and not constant else 0.0)
        for d in range(s):
            cycle.right[i * s + d] = flow.x[i * m + 1 + d]
        scale = abs(cycle.guess[i]) + abs(flow.x[i * m]) + flow.floor[i]
        size = max(size, abs(cycle.gap[i]) / scale if scale > 0.0 else 0.0)
    return (OK, size) if math.isfinite(size) else (NO_STEADY_STATE, math.inf)


@part
def _differentiate(order, event, code, timeline, work):
    """Write the derivatives of the steady state into `cycle.right`, packed as a state of its order."""
    flow, cycle, n, s = work.flow, work.cycle, code.n_states, code.n_structural
    call_at(code.solve_real, (n, cycle.matrix, cycle.pivots, cycle.right, s, 0, s))
    m = pack(order, s, flow)
    for i in range(n):
        for c in range(m):
            flow.x[i * m + c] = 0.0
        flow.x[i * m] = cycle.guess[i]
        for d in range(s):
            flow.x[i * m + 1 + d] = cycle.right[i * s + d]
    if order == 2:
        for i in range(n):
            for c in range(1 + s):
                cycle.right[i * m + c] = flow.x[i * m + c]
        status = call_at(code.run, (event, code, timeline, work))
        if status != OK:
            return status
        for i in range(n):
            for c in range(1 + s, m):
                cycle.right[i * m + c] = flow.x[i * m + c]
        call_at(code.solve_real, (n, cycle.matrix, cycle.pivots, cycle.right, m, 1 + s, m))
    else:
        for q in range(n * m):
            cycle.right[q] = flow.x[q]
    return OK


@part
def _add_change(order, code, work):
    """Make the state the current one plus what the steady state differs from the initial one."""
    flow, cycle, m = work.flow, work.cycle, width_of(order, code.n_structural)
    for i in range(code.n_states):
        flow.x[i * m] = cycle.guess[i] + cycle.current[i * m] - cycle.initial[i * m]
        for c in range(1, m):
            flow.x[i * m + c] = cycle.right[i * m + c] + cycle.current[i * m + c] - cycle.initial[i * m + c]


@compiled
def run(event, code, timeline, work):
    """Run the packed state through one dosing interval from the record on, or replace it by its slopes for a constant infusion."""
    flow, compartment, interval, start = work.flow, timeline.compartment[event], timeline.interval[event], timeline.time[event]
    order, s = flow.order[0], flow.s[0]
    flow.dosed[0] = start
    clear_rows(order, code.n_states, work.input)
    work.n_on[:] = 0.0
    flow.is_fresh[0] = 0
    if timeline.kind[event] == CONSTANT:
        if not set_constant_rate(order, event, compartment, code, timeline, work):
            return RATE_INVALID
        set_input(order, 1.0, compartment, code, timeline, work)
        call_at(code.slopes, (order, s, start, flow.x, flow.slopes[0], code, work))
        for q in range(code.n_states * width_of(order, s)):
            flow.x[q] = flow.slopes[0, q]
        return OK
    call_at(code.take_inputs, (code, timeline, work))
    status, lag = set_lag(order, compartment, interval, code, work)
    if status != OK:
        return status
    if timeline.form[event] != AT_ONCE:
        status = call_at(code.set_infusion, (order, event, code, timeline, work))
        if status != OK:
            return status
        return call_at(code.infuse, (order, compartment, interval, start, code, timeline, work))
    amount = timeline.amount[event]
    status = call_at(code.arrive, (order, start, start + lag, work.lag, code, timeline, work))
    if status != OK:
        return status
    set_output(order, code.f_index[compartment], amount, amount, code, work, work.amount)
    add_amount(order, compartment, work.amount, code, work)
    leave(start + lag, work.lag.first, work.lag.second, code, timeline, work)
    return call_at(code.arrive, (order, start + lag, start + interval, work.fixed, code, timeline, work))
