"""The state of differential equations between and at events: start, integration, jumps, and events that move in time."""

import math

from popmix.compiler.call import call_model
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.equations import jacobian_at, width_of
from popmix.engine.events import AT
from popmix.engine.exponential_action import TOO_LONG
from popmix.engine.nonstiff import BECAME_STIFF, STEP_TOO_SMALL, TOO_MANY_STEPS
from popmix.engine.profiles import arrival_slopes, switch_on
from popmix.engine.tolerance import set_weights

OK, NOT_FINITE = 0, 1
AUTOMATIC, STIFF, EXPONENTIAL = 0, 2, 3


@compiled
def begin(order, row, code, timeline, work):
    """Set all states to their initial values, with the parameters of a record, and forget what was learnt about the solution."""
    flow, equations, n, s = work.flow, code.equations, code.n_states, code.n_structural
    m, out = width_of(order, s), work.initial
    address = equations.initial_0 if order == 0 else equations.initial_2
    call_model(address, work.amounts, work.individual, timeline.at[row], timeline.times[row], out)
    for i in range(n):
        own = i * m
        flow.x[own] = out[i]
        flow.peak[i] = 0.0
        flow.floor[i] = 0.0
        for d in range(s if order > 0 else 0):
            flow.x[own + 1 + d] = out[n + i * s + d]
            for e in range(d + 1 if order == 2 else 0):
                flow.x[own + 1 + s + d * (d + 1) // 2 + e] = out[n + n * s + (i * s + d) * s + e]
    pack(order, s, flow)
    set_weights(code, work)
    flow.is_fresh[0] = 0
    flow.is_stiff[0] = code.method == STIFF
    flow.n_stiff[0] = 0
    flow.dosed[0] = math.nan
    return OK


@part
def pack(order, s, flow):
    """Set order and number of directions of the packed state; returns its number of columns."""
    flow.order[0], flow.s[0] = order, s
    return width_of(order, s)


@part
def set_covariates(place, row, timeline, work):
    """Take the covariates AT a record, or of the interval that ends there (BETWEEN)."""
    flow = work.flow
    for k in range(len(flow.covariates)):
        flow.covariates[k] = timeline.at[row, k] if place == AT else timeline.between[row, k]
    flow.is_fresh[0] = 0


@compiled
def take_inputs(code, timeline, work):
    """Take the infusion rates from `work.input`, with derivatives where they have any."""
    flow, rates = work.flow, work.input
    order, s = flow.order[0], flow.s[0]
    m, infusing = width_of(order, s), False
    for q in range(code.n_states * m):
        flow.input[q] = 0.0
    for i in range(code.n_states):
        own = i * m
        flow.input[own] = rates.z[i]
        infusing = infusing or work.n_on[i] != 0.0
        for d in range(code.n_structural if order > 0 and timeline.modelled else 0):
            flow.input[own + 1 + d] = rates.first[i, d]
            for e in range(d + 1 if order == 2 else 0):
                flow.input[own + 1 + s + d * (d + 1) // 2 + e] = rates.second[i, d, e]
    flow.is_infusing[0] = infusing
    flow.is_fresh[0] = 0
    return OK


@compiled
def integrate(order, s, start, end, code, work):
    """Carry the state from `start` to `end`: exactly where the equations are linear, by the stiff method from where they are stiff."""
    flow = work.flow
    if not end > start:
        return OK
    if not flow.is_fresh[0] and not _is_finite(s, order, code, flow):
        flow.failed_at[0] = start
        return NOT_FINITE
    if code.linear and work.sources.count[0] == 0 and code.method in (AUTOMATIC, EXPONENTIAL):
        status = call_at(code.exponential, (order, s, start, end, code, work))
        if status != TOO_LONG:
            return status
    while start < end:
        reached = switch_on(start, end, work)
        status = _integrate(order, s, start, reached, code, work)
        if status != OK:
            return status
        flow.is_fresh[0] = flow.is_fresh[0] and reached == end
        start = reached
    return OK


@part
def _integrate(order, s, start, end, code, work):
    flow = work.flow
    if not flow.is_stiff[0]:
        status = call_at(code.nonstiff, (order, s, start, end, code, work))
        if not _goes_on(status, code, work):
            return status
        flow.is_stiff[0] = 1
        work.stages.length[0] = 0.0
        start = flow.turned_at[0]
    return call_at(code.stiff, (order, s, start, end, code, work))


@part
def _goes_on(status, code, work):
    """Whether the stiff method takes over: where equations turned out to be stiff, or after too many steps.

    Also where doses that arrive by a density of infinite slope ask for steps that are too small.
    """
    if code.method == AUTOMATIC and (status == TOO_MANY_STEPS or (status == STEP_TOO_SMALL and work.sources.count[0] > 0)):
        return True
    return status == BECAME_STIFF


@part
def _is_finite(s, order, code, flow):
    """Whether all values of the states are finite numbers."""
    m, total = width_of(order, s), 0.0
    for i in range(code.n_states):
        total += abs(flow.x[i * m])
    return math.isfinite(total)


@compiled
def move(order, sign, time, first, second, code, work):
    """Move the state to (sign = 1) or back from (-1) a time that moves with the parameters: t + delta, delta = 0 at the point.

    With z at the fixed and Z at the moving time Z_d = z_d + z' delta_d and
    Z_de = z_de + z'_d delta_e + z'_e delta_d + z'' delta_d delta_e + z' delta_de, where z'' = f_x z' + f_t.
    """
    flow, s = work.flow, work.flow.s[0]
    m, x, speed = width_of(order, s), flow.x, flow.y
    moved = False
    for d in range(code.n_structural):
        moved = moved or first[d] != 0.0
        for e in range(d + 1 if order == 2 else 0):
            moved = moved or second[d, e] != 0.0
    if not moved:
        return OK
    call_at(code.slopes, (order, s, time, x, speed, code, work))
    if sign < 0:
        _move_first(-1.0, m, first, code, flow)
        call_at(code.slopes, (order, s, time, x, speed, code, work))
    if order == 2:
        _move_second(sign, m, first, second, code, work)
    if sign > 0:
        _move_first(1.0, m, first, code, flow)
    flow.is_fresh[0] = 0
    return OK


@part
def _move_first(sign, m, first, code, flow):
    for i in range(code.n_states):
        for d in range(code.n_structural):
            flow.x[i * m + 1 + d] += sign * flow.y[i * m] * first[d]


@part
def _move_second(sign, m, first, second, code, work):
    """Change second derivatives; the slopes of the state stand in `flow.y`."""
    flow, n, s, equations = work.flow, code.n_states, code.n_structural, code.equations
    acceleration, jacobian = flow.slopes[0], flow.slopes[1]
    jacobian_at(flow.clock[0], m, flow.x, jacobian, code, work)
    call_model(equations.by_time, work.amounts, work.individual, flow.covariates, flow.clock, acceleration)
    for p in range(len(equations.x)):
        acceleration[equations.x[p, 0]] += jacobian[p] * flow.y[equations.x[p, 1] * m]
    arrival_slopes(flow.clock[0], acceleration, code, work)
    for i in range(n):
        speed, own = flow.y[i * m], i * m + 1
        for d in range(s):
            row = own + s + d * (d + 1) // 2
            for e in range(d + 1):
                change = flow.y[own + d] * first[e] + flow.y[own + e] * first[d]
                change += acceleration[i] * first[d] * first[e] + speed * second[d, e]
                flow.x[row + e] += sign * change


@part
def add_amount(order, compartment, amount, code, work):
    """Add a jet to a state; with order 0 its derivatives are zero."""
    flow, s = work.flow, work.flow.s[0]
    own = compartment * width_of(flow.order[0], s)
    flow.x[own] += amount.value[0]
    for d in range(code.n_structural if order > 0 else 0):
        flow.x[own + 1 + d] += amount.first[d]
        for e in range(d + 1 if flow.order[0] == 2 else 0):
            flow.x[own + 1 + s + d * (d + 1) // 2 + e] += amount.second[d, e]
    flow.is_fresh[0] = 0


@part
def read_amount(order, compartment, code, work, amount):
    """Write a state into a jet."""
    flow, s = work.flow, code.n_structural
    own = compartment * width_of(flow.order[0], s)
    amount.value[0] = flow.x[own]
    for d in range(s if order > 0 else 0):
        amount.first[d] = flow.x[own + 1 + d]
        for e in range(d + 1):
            amount.second[d, e] = flow.x[own + 1 + s + d * (d + 1) // 2 + e] if flow.order[0] == 2 else 0.0
