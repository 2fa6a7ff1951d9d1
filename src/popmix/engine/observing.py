"""Observations: prediction and residual variance from amounts and directions, with derivatives in the directions.

The result stands in `work.prediction` [n, 2] (prediction and variance of each observation of a subject), `work.first`
[n, 2, D] and `work.second` [n, 2, D, D] (lower triangle). Only the directions listed in `code.active` for the endpoint and the
output (0 prediction, 1 variance) are written; the derivatives in all others are zero and must not be read.
"""

from popmix.compiler.call import call_model
from popmix.engine.compiled import compiled, part
from popmix.engine.equations import EQUATIONS, width_of


@compiled
def observe(order, subject, observation, code, timeline, work):
    """Evaluate prediction and variance of an observation, and chain their derivatives to the directions."""
    endpoint, row = timeline.endpoint[observation], timeline.observed_row[observation]
    j = observation - timeline.first_observation[subject]
    out = work.observed[endpoint]
    if code.route == EQUATIONS:
        _unpack_amounts(order, endpoint, code, work)
    elif order == 0:
        set_amounts(endpoint, work.state.z, code, work)
    else:
        _amounts_jets(endpoint, code, work)
    address = code.observe_0[endpoint] if order == 0 else code.observe_2[endpoint]
    call_model(address, work.amounts, work.individual, timeline.at[row], timeline.times[row], out)
    work.prediction[j, 0] = out[0]
    work.prediction[j, 1] = out[1]
    remembers = code.remembers[endpoint]
    for q in range(2 + remembers if order > 0 else 0):
        first = work.first[j, q] if q < 2 else work.memory_first[1, endpoint]
        second = work.second[j, q] if q < 2 else work.memory_second[1, endpoint]
        _chain(q, endpoint, out, code, work, first, second)
    if remembers:
        work.amounts[code.n_states + endpoint] = out[2]
        for d in range(code.n_directions if order > 0 else 0):
            work.memory_first[0, endpoint, d] = work.memory_first[1, endpoint, d]
            for e in range(d + 1):
                work.memory_second[0, endpoint, d, e] = work.memory_second[1, endpoint, d, e]
    return 0


@part
def forget(code, work):
    """Forget what endpoints remember of another subject."""
    for endpoint in range(len(code.observe_0)):
        work.amounts[code.n_states + endpoint] = 0.0
        for d in range(code.n_directions):
            work.memory_first[:, endpoint, d] = 0.0
            for e in range(d + 1):
                work.memory_second[:, endpoint, d, e] = 0.0


@part
def set_amounts(endpoint, z, code, work):
    """Turn a state into amounts of the compartments that an endpoint reads."""
    offset, v, amounts, states = code.has_depot, work.basis.v, work.amounts, code.local_states
    for k in range(code.n_local_states[endpoint]):
        c = states[endpoint, k]
        if c < offset or code.n_modes == 1:
            amounts[c] = z[c]
            continue
        amounts[c] = 0.0
        for j in range(code.n_modes):
            amounts[c] += v[c - offset, j] * z[j + offset]


@part
def _amounts_jets(endpoint, code, work):
    """Turn the state into amounts of the compartments that an endpoint reads, with derivatives."""
    set_amounts(endpoint, work.state.z, code, work)
    offset, s, v, first, second = code.has_depot, code.n_structural, work.basis.v, work.amounts_first, work.amounts_second
    for k in range(code.n_local_states[endpoint]):
        c = code.local_states[endpoint, k]
        in_depot = c < offset
        for d in range(s):
            first[c, d] = 0.0
            for e in range(d + 1):
                second[c, d, e] = 0.0
        for j in range(0 if in_depot else offset, offset if in_depot else offset + code.n_modes):
            share = 1.0 if in_depot else v[c - offset, j - offset]
            for d in range(s):
                first[c, d] += share * work.state.first[j, d]
                for e in range(d + 1):
                    second[c, d, e] += share * work.state.second[j, d, e]


@part
def _unpack_amounts(order, endpoint, code, work):
    """Take the amounts that an endpoint reads, with derivatives, from the packed state of differential equations."""
    s, x = code.n_structural, work.flow.x
    m = width_of(order, s)
    for k in range(code.n_local_states[endpoint]):
        c = code.local_states[endpoint, k]
        work.amounts[c] = x[c * m]
        for d in range(s if order > 0 else 0):
            work.amounts_first[c, d] = x[c * m + 1 + d]
            row = c * m + 1 + s + d * (d + 1) // 2
            for e in range(d + 1):
                work.amounts_second[c, d, e] = x[row + e] if order == 2 else 0.0


@part
def _chain(q, endpoint, out, code, work, first, second):
    """Chain rule from the local inputs (amounts, then directions) of output q to the directions."""
    n_states, n_own, s = code.n_local_states[endpoint], code.n_local_directions[endpoint], code.n_structural
    states, own = code.local_states[endpoint], code.local_directions[endpoint]
    active = code.active[endpoint, q]
    for a in range(code.n_active[endpoint, q]):
        first[active[a]] = 0.0
        for b in range(a + 1):
            second[active[a], active[b]] = 0.0
    remembers = code.remembers[endpoint]
    size, n_out = n_states + n_own + remembers, 2 + remembers
    gradient, curvature = n_out + q * size, n_out + n_out * size + q * size * size
    for k in range(n_own):
        row = curvature + (n_states + k) * size
        first[own[k]] += out[gradient + n_states + k]
        for m in range(k + 1):
            if out[row + n_states + m] != 0.0:
                second[own[k], own[m]] += out[row + n_states + m]
        for a in range(n_states):
            if out[row + a] != 0.0:
                _add_mixed(out[row + a], own[k], work.amounts_first[states[a]], s, second)
    for a in range(n_states):
        slope, row = out[gradient + a], curvature + a * size
        if slope != 0.0:
            for d in range(s):
                first[d] += slope * work.amounts_first[states[a], d]
                for e in range(d + 1):
                    second[d, e] += slope * work.amounts_second[states[a], d, e]
        for b in range(a + 1):
            if out[row + b] != 0.0:
                _add_pair(out[row + b], a == b, work.amounts_first[states[a]], work.amounts_first[states[b]], s, second)
    if remembers:
        _add_memory(endpoint, n_states, n_own, out[gradient:], out[curvature + (n_states + n_own) * size :], code, work, first, second)


@part
def _add_memory(endpoint, n_states, n_own, slopes, curves, code, work, first, second):
    """Add what comes through the memory, an input behind amounts and directions; `curves` is the last row of the second derivatives."""
    n, s, place = code.n_directions, code.n_structural, n_states + n_own
    own, bent = work.memory_first[0, endpoint], work.memory_second[0, endpoint]
    slope, curve = slopes[place], curves[place]
    for d in range(n):
        first[d] += slope * own[d]
        for e in range(d + 1):
            second[d, e] += slope * bent[d, e] + curve * own[d] * own[e]
    for k in range(n_own):
        if curves[n_states + k] != 0.0:
            _add_mixed(curves[n_states + k], code.local_directions[endpoint, k], own, n, second)
    for a in range(n_states):
        amount = work.amounts_first[code.local_states[endpoint, a]]
        for d in range(n if curves[a] != 0.0 else 0):
            for e in range(d + 1):
                other = own[d] * amount[e] if e < s else 0.0
                second[d, e] += curves[a] * (other + (amount[d] * own[e] if d < s else 0.0))


@part
def _add_mixed(curve, own, slopes, s, second):
    """Add the second derivatives by a direction of its own and an amount."""
    for d in range(s):
        cross = curve * slopes[d]
        if own == d:
            second[own, own] += 2.0 * cross
        else:
            second[max(own, d), min(own, d)] += cross


@part
def _add_pair(curve, same, left, right, s, second):
    """Add the second derivatives by two amounts."""
    for d in range(s):
        for e in range(d + 1):
            second[d, e] += curve * left[d] * right[e] if same else curve * (left[d] * right[e] + left[e] * right[d])
