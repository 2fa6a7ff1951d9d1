"""Predictions and residual variances of one subject, values only, where no event moves and the rates stay the same.

Between two events that change the course (doses, infusions on or off, resets) the amounts are sums of exponentials. Each
observation is evaluated from the last such event, the anchor, instead of from the observation before it:

    A_c(t) = sum_n share[c, n] exp(x_n t)

Close to the anchor, where terms of the depot and of a mode cancel, and during infusions the exact differences of
`advance_values` are used. The result stands in `work.prediction`.
"""

import math

import numpy as np

from popmix.compiler.call import call_looped
from popmix.engine.compiled import call_at, compiled, inlined
from popmix.engine.doses import OK, is_infusing
from popmix.engine.events import BETWEEN, BOLUS, RECORD
from popmix.engine.exponential import exponential
from popmix.engine.jets import clear_rows
from popmix.engine.modal import add_amount, clear_amounts
from popmix.engine.observing import set_amounts

_VALUE = np.int64(0)
# |x_i - x_0| t from which (exp(x_i t) - exp(x_0 t)) / (x_i - x_0) loses no more than three bits
_APART = 0.125


@compiled
def solve_values(subject, code, timeline, work):
    """Fill `work.prediction` of a subject; `work.individual` holds its directions. Returns a status code."""
    event, last, start = timeline.first_event[subject], timeline.first_event[subject + 1], timeline.first_observation[subject]
    if code.n_states == 0:
        _observe(start, timeline.first_observation[subject + 1] - start, start, code, timeline, work)
        return OK
    # as `clear` does, which serves equations too
    clear_amounts(_VALUE, code, work)
    clear_rows(_VALUE, code.n_states, work.input)
    for c in range(code.n_states):
        work.n_on[c] = 0.0
    if last > event:
        call_at(code.set_rates, (_VALUE, BETWEEN, timeline.first_row[subject], code, timeline, work))
    kinds, times, observations, z = timeline.kind, timeline.time, timeline.observation, work.state.z
    spans, anchor, infusing = work.spans, math.nan, False
    while event < last:
        kind, observed, n_observed = kinds[event], observations[event], 0
        while event < last and observations[event] == observed + n_observed and observed >= 0:
            spans[n_observed] = times[event] - anchor
            n_observed += 1
            event += 1
        if n_observed > 0:
            _observe_all(observed, n_observed, start, infusing, code, timeline, work)
            continue
        if kind != RECORD:
            span = times[event] - anchor
            call_at(code.advance_values, (code.has_depot, code.n_states, infusing, work.basis, span, z, z))
            if kind == BOLUS and code.f_index[timeline.compartment[event]] < 0:
                work.amount.value[0] = timeline.amount[event]
                add_amount(_VALUE, timeline.compartment[event], work.amount, code, work)
            else:
                status = call_at(code.happen, (_VALUE, event, 0, code, timeline, work))
                if status != OK:
                    return status
            anchor, infusing = times[event], is_infusing(code, work)
        event += 1
    return OK


@inlined
def _observe_all(observed, n_observed, start, infusing, code, timeline, work):
    """Evaluate successive observations between two anchors."""
    spans, table, z, near, apart = work.spans, work.table, work.state.z, work.scratch.z, math.inf
    if not infusing:
        apart = _sum_up(code, work)
        _add_exponentials(n_observed, code, work)
    for k in range(n_observed):
        if spans[k] < apart:
            call_at(code.advance_values, (code.has_depot, code.n_states, infusing, work.basis, spans[k], z, near))
            set_amounts(timeline.endpoint[observed + k], near, code, work)
            for c in code.observed_states:
                table[c, k] = work.amounts[c]
    _observe(observed, n_observed, start, code, timeline, work)


@inlined
def _observe(observed, n_observed, start, code, timeline, work):
    """Evaluate predictions and variances from the amounts in `work.table`, in runs of the same endpoint."""
    endpoints, rows, out = timeline.endpoint[observed:], timeline.observed_row[observed:], work.prediction[observed - start :]
    k = 0
    while k < n_observed:
        first, endpoint = k, endpoints[k]
        while k < n_observed and endpoints[k] == endpoint:
            k += 1
        address = code.observe_all[endpoint]
        call_looped(address, first, k, rows, work.table, work.individual, timeline.at, timeline.times, out)


@inlined
def _sum_up(code, work):
    """Write the shares of the exponentials from the anchor on; returns the time from which they add up accurately."""
    x, edges, v, z, shares, offset = work.basis.x, work.basis.edges, work.basis.v, work.state.z, work.shares, code.has_depot
    width, closest = code.n_states + 1, math.inf
    for c in range(code.n_states):
        shares[c, 0] = 0.0
    if offset:
        shares[0, 0] = z[0]
    for i in range(code.n_modes):
        node, fed = i + offset, 0.0
        if offset and z[0] != 0.0:
            gap = x[node] - x[0]
            closest = min(closest, abs(gap))
            fed = edges[node * width] * z[0] / gap
        for c in range(code.n_modes):
            shares[c + offset, node] = v[c, i] * (z[node] + fed)
            if offset:
                shares[c + offset, 0] -= v[c, i] * fed
    return _APART / closest


@inlined
def _add_exponentials(n_observed, code, work):
    """Write the amounts of the compartments that are observed, at all spans, into `work.table`."""
    x, spans, shares = work.basis.x, work.spans, work.shares
    for c in code.observed_states:
        row = work.table[c]
        for k in range(n_observed):
            row[k] = 0.0
        for node in range(code.n_states):
            rate, share = x[node], shares[c, node]
            if share != 0.0:
                for k in range(n_observed):
                    row[k] += share * exponential(rate * spans[k])
