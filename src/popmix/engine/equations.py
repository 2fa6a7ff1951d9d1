"""Differential equations with their sensitivities, as one system of packed jets.

The state X [n, M] holds, for every equation, its value and derivatives: M = 1 (order 0), 1 + S (order 1) or
1 + S + S (S + 1) / 2 (order 2; second derivatives by directions d and e <= d at 1 + S + d (d + 1) / 2 + e), stored flat. S counts
the structural directions and, for steady states, one more direction per initial state. With x' = f(x, d, t) + u

    X'_d  = f_x X_d + f_d + u_d
    X'_de = f_x X_de + sum_jk f_xjxk X_j,d X_k,e + sum_j (f_xjd X_j,e + f_xje X_j,d) + f_de + u_de

u being the infusions. Only derivatives of f that are not always zero are computed and looped over.
"""

from typing import NamedTuple

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.compiled import call_at, compiled, part

# how the amounts of a model are found
ALGEBRAIC, CLOSED_FORM, EQUATIONS = 0, 1, 2


class Equations(NamedTuple):
    """Addresses of the compiled right-hand side, and the patterns of its derivatives as in `popmix.compiler.equations.Patterns`."""

    values: int
    first: int
    second: int
    by_time: int
    jets_1: int
    jets_2: int
    initial_0: int
    initial_2: int
    x: np.ndarray
    d: np.ndarray
    xx: np.ndarray
    xd: np.ndarray
    dd: np.ndarray


class Flow(NamedTuple):
    """Working memory of an integration; arrays of one element are variables.

    State `x`, trial state `y`, one that is `moved` by arrivals (`popmix.engine.profiles`), and `slopes` of the stages, all packed
    jets; `input` the jets of the infusions. `found`: results of the compiled right-hand side; `clock` [2]: T and TAD; `dosed`: time of
    the last dose (nan: none); `covariates`: those that hold now; `order` of the derivatives in x and number `s` of its directions;
    `peak` [n]: the largest values so far, `floor` what they leave of no account, `weights` [M] of errors; `step`: the next step;
    `is_fresh`: slopes[0] belongs to x; `n_stiff` steps speak for stiff equations, `is_stiff` says that they are, found at `turned_at`;
    `failed_at`: the time at which an integration failed.
    """

    x: np.ndarray
    y: np.ndarray
    slopes: np.ndarray
    moved: np.ndarray
    input: np.ndarray
    is_infusing: np.ndarray
    found: np.ndarray
    clock: np.ndarray
    dosed: np.ndarray
    covariates: np.ndarray
    order: np.ndarray
    s: np.ndarray
    peak: np.ndarray
    floor: np.ndarray
    weights: np.ndarray
    step: np.ndarray
    is_fresh: np.ndarray
    n_stiff: np.ndarray
    is_stiff: np.ndarray
    failed_at: np.ndarray
    turned_at: np.ndarray


N_STAGES = 13


def new_flow(n_states: int, n_structural: int, n_covariates: int, equations: Equations) -> Flow:
    """Return zeroed working memory for any order, with room for one more direction per state."""
    s = n_structural + n_states
    length = n_states * (1 + s + s * (s + 1) // 2)
    n_found = n_states + sum(len(one) for one in (equations.x, equations.d, equations.xx, equations.xd, equations.dd))
    return Flow(
        x=np.zeros(length),
        y=np.zeros(length),
        slopes=np.zeros((N_STAGES, length)),
        moved=np.zeros(length),
        input=np.zeros(length),
        is_infusing=np.zeros(1, dtype=np.int64),
        found=np.zeros(n_found + 1),
        clock=np.zeros(2),
        dosed=np.zeros(1),
        covariates=np.zeros(n_covariates),
        order=np.zeros(1, dtype=np.int64),
        s=np.zeros(1, dtype=np.int64),
        peak=np.zeros(n_states),
        floor=np.zeros(n_states),
        weights=np.ones(1 + s + s * (s + 1) // 2),
        step=np.zeros(1),
        is_fresh=np.zeros(1, dtype=np.int64),
        n_stiff=np.zeros(1, dtype=np.int64),
        is_stiff=np.zeros(1, dtype=np.int64),
        failed_at=np.full(1, np.nan),
        turned_at=np.zeros(1),
    )


def no_equations() -> Equations:
    """Return what stands in the code of a model without differential equations."""
    pairs, triples = np.zeros((0, 2), dtype=np.int64), np.zeros((0, 3), dtype=np.int64)
    return Equations(0, 0, 0, 0, 0, 0, 0, 0, pairs, pairs, triples, triples, triples)


@part
def width_of(order, s):
    """Return the number M of columns of a state."""
    if order == 0:
        return 1
    return 1 + s if order == 1 else 1 + s + s * (s + 1) // 2


@part
def after_dose(time, flow):
    """Return TAD: the time since the last dose, 0 before the first one."""
    return time - flow.dosed[0] if time >= flow.dosed[0] else 0.0


@compiled
def slopes_of(order, s, time, x, out, code, work):
    """Write the derivatives by time of the packed state `x` into `out`; `s` counts the directions."""
    if work.sources.count[0] == 0:
        _slopes(order, s, time, x, out, code, work)
        return 0
    moved, m = work.flow.moved, width_of(order, s)
    for q in range(code.n_states * m):
        moved[q] = x[q]
    call_at(code.shift_arrivals, (1, order, s, m, time, moved, code, work))
    _slopes(order, s, time, moved, out, code, work)
    if work.sources.count[0] > 0:
        call_at(code.add_arrivals, (order, s, width_of(order, s), time, out, code, work))
    return 0


@part
def values_at(time, values, code, work, out):
    """Write the derivatives by time of plain values of the states into `out` [states]."""
    flow, m = work.flow, width_of(work.flow.order[0], work.flow.s[0])
    evaluate(code.equations.values, time, values, work)
    for i in range(code.n_states):
        out[i] = flow.found[i] + (flow.input[i * m] if flow.is_infusing[0] else 0.0)
    if work.sources.count[0] > 0:
        call_at(code.add_arrivals, (0, 0, 1, time, out, code, work))


@part
def _slopes(order, s, time, x, out, code, work):
    """Write f and its derivatives along the packed state, and the infusions."""
    flow, equations, n, m = work.flow, code.equations, code.n_states, width_of(order, s)
    found, clock = flow.found, flow.clock
    clock[0] = time
    clock[1] = after_dose(time, flow)
    if flow.is_infusing[0]:
        for q in range(n * m):
            out[q] = flow.input[q]
    else:
        for q in range(n * m):
            out[q] = 0.0
    covariates = flow.covariates
    if order == 0:
        call_model(equations.values, x, work.individual, covariates, clock, found)
        for i in range(n):
            out[i] += found[i]
        return
    if s == code.n_structural:
        call_model(equations.jets_1 if order == 1 else equations.jets_2, x, work.individual, covariates, clock, out)
        if flow.is_infusing[0]:
            for q in range(n * m):
                out[q] += flow.input[q]
        return
    for i in range(n):
        work.amounts[i] = x[i * m]
    call_model(equations.first if order == 1 else equations.second, work.amounts, work.individual, covariates, clock, found)
    position = n
    for i in range(n):
        out[i * m] += found[i]
    for p in range(len(equations.x)):
        to, origin, slope = equations.x[p, 0] * m, equations.x[p, 1] * m, found[position + p]
        for q in range(1, m):
            out[to + q] += slope * x[origin + q]
    position += len(equations.x)
    for p in range(len(equations.d)):
        out[equations.d[p, 0] * m + 1 + equations.d[p, 1]] += found[position + p]
    if order == 2:
        _add_second(s, m, position + len(equations.d), x, found, equations, out)


@part
def _add_second(s, m, position, x, found, equations, out):
    """Add what second derivatives of f contribute; they stand in `found` from `position` on."""
    for p in range(len(equations.xx)):
        to = equations.xx[p, 0] * m + 1 + s
        left, right, curve = equations.xx[p, 1] * m + 1, equations.xx[p, 2] * m + 1, found[position + p]
        for d in range(s):
            row, by_left, by_right = to + d * (d + 1) // 2, curve * x[left + d], curve * x[right + d]
            if left == right:
                for e in range(d + 1):
                    out[row + e] += by_left * x[left + e]
            else:
                for e in range(d + 1):
                    out[row + e] += by_left * x[right + e] + by_right * x[left + e]
    position += len(equations.xx)
    for p in range(len(equations.xd)):
        to, origin, own = equations.xd[p, 0] * m + 1 + s, equations.xd[p, 1] * m + 1, equations.xd[p, 2]
        curve, row = found[position + p], to + own * (own + 1) // 2
        for e in range(own + 1):
            out[row + e] += curve * x[origin + e]
        for d in range(own, s):
            out[to + d * (d + 1) // 2 + own] += curve * x[origin + d]
    position += len(equations.xd)
    for p in range(len(equations.dd)):
        d, e = equations.dd[p, 1], equations.dd[p, 2]
        out[equations.dd[p, 0] * m + 1 + s + d * (d + 1) // 2 + e] += found[position + p]


@part
def evaluate(address, time, values, work):
    """Fill `found` by a compiled right-hand side at plain values of the states."""
    flow = work.flow
    flow.clock[0] = time
    flow.clock[1] = after_dose(time, flow)
    call_model(address, values, work.individual, flow.covariates, flow.clock, flow.found)


@part
def jacobian_at(time, m, x, out, code, work):
    """Write the non-zero entries of f_x at a packed state of width `m` into `out`."""
    for i in range(code.n_states):
        work.amounts[i] = x[i * m]
    evaluate(code.equations.first, time, work.amounts, work)
    for p in range(len(code.equations.x)):
        out[p] = work.flow.found[code.n_states + p]
