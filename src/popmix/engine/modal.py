"""The amounts of a mammillary system in the coordinates of its modes: everything that a state of this route needs done to it.

The other parts of the engine see amounts, infusion rates and times; only this one, with `popmix.engine.observing` and
`popmix.engine.values`, knows that amounts are held as z = V^-1 A.
"""

from popmix.compiler.call import call_model
from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.events import AT
from popmix.engine.jets import add_rows, clear_rows, copy_rows, set_constant
from popmix.engine.mammillary import set_basis

OK = 0


@part
def clear_amounts(order, code, work):
    """Empty all compartments."""
    clear_rows(order, code.n_states + 1, work.state)
    work.state.z[code.n_states] = 1.0


@compiled
def set_rates(order, place, row, code, timeline, work):
    """Evaluate the rate constants AT a record, or of the interval that ends there (BETWEEN), and fill their basis."""
    address = code.rates_0 if order == 0 else code.rates_2
    covariates = timeline.at[row] if place == AT else timeline.between[row]
    call_model(address, work.amounts, work.individual, covariates, timeline.times[row], work.rates)
    set_basis(order, code.has_depot, code.n_modes, code.n_structural, work.rates, work.basis)
    set_inputs(order, code, timeline, work)
    return OK


@compiled
def change_rates(order, place, row, code, timeline, work):
    """Change the rate constants and keep the amounts."""
    _transform(order, code, work, work.basis.v)
    call_at(code.set_rates, (order, place, row, code, timeline, work))
    _transform(order, code, work, work.basis.inverse)
    return OK


@part
def _transform(order, code, work, matrix):
    """Multiply the central and peripheral part of the state by a matrix."""
    n, offset, s = code.n_modes, code.has_depot, code.n_structural if order > 0 else 0
    if n == 1:
        return
    state, scratch = work.state, work.scratch
    for i in range(n):
        z, first, second = 0.0, scratch.first[i], scratch.second[i]
        for d in range(s):
            first[d] = 0.0
            for e in range(d + 1):
                second[d, e] = 0.0
        for j in range(n):
            share, origin = matrix[i, j], j + offset
            z += share * state.z[origin]
            for d in range(s):
                first[d] += share * state.first[origin, d]
                for e in range(d + 1):
                    second[d, e] += share * state.second[origin, d, e]
        scratch.z[i] = z
    for i in range(n):
        state.z[i + offset] = scratch.z[i]
        for d in range(s):
            state.first[i + offset, d] = scratch.first[i, d]
            for e in range(d + 1):
                state.second[i + offset, d, e] = scratch.second[i, d, e]


@part
def set_inputs(order, code, timeline, work):
    """Set the edges of the infusion source from the rates into each compartment, with derivatives where rates are modelled."""
    source, edges, rates, inverse, offset = code.n_states, work.basis.edges, work.input.z, work.basis.inverse, code.has_depot
    if offset:
        edges[source] = rates[0]
    for i in range(code.n_modes):
        total = 0.0
        for j in range(code.n_modes):
            total += inverse[i, j] * rates[j + offset]
        edges[(i + offset) * (source + 1) + source] = total
    if order > 0 and timeline.modelled:
        call_at(code.move_inputs, (code, work))


@compiled
def move_inputs(code, work):
    """Set the derivatives of the edges of the infusion source: V^-1 u_d and V^-1 u_de."""
    source, basis, offset, s = code.n_states, work.basis, code.has_depot, code.n_structural
    first, second = work.input.first, work.input.second
    for i in range(code.n_states):
        edge, begin, end = i * (source + 1) + source, 0 if i < offset else offset, offset if i < offset else code.n_states
        for d in range(s):
            basis.first[edge, d] = 0.0
            for e in range(d + 1):
                basis.second[edge, d * s + e] = 0.0
        for j in range(begin, end):
            share = 1.0 if i < offset else basis.inverse[i - offset, j - offset]
            for d in range(s):
                basis.first[edge, d] += share * first[j, d]
                for e in range(d + 1):
                    basis.second[edge, d * s + e] += share * second[j, d, e]
                    if second[j, d, e] != 0.0:
                        basis.curved[0] = 1
    return OK


@part
def add_amount(order, compartment, amount, code, work):
    """Add a jet to the amount in a compartment."""
    offset, state = code.has_depot, work.state
    into_depot = compartment < offset
    for i in range(0 if into_depot else offset, 1 if into_depot else offset + code.n_modes):
        share = 1.0 if into_depot else work.basis.inverse[i - offset, compartment - offset]
        state.z[i] += share * amount.value[0]
        for d in range(code.n_structural if order > 0 else 0):
            state.first[i, d] += share * amount.first[d]
            for e in range(d + 1):
                state.second[i, d, e] += share * amount.second[d, e]


@part
def read_amount(order, compartment, code, work, amount):
    """Write the amount in a compartment into a jet."""
    offset, state = code.has_depot, work.state
    in_depot = compartment < offset
    set_constant(order, 0.0, amount)
    for i in range(0 if in_depot else offset, 1 if in_depot else offset + code.n_modes):
        share = 1.0 if in_depot else work.basis.v[compartment - offset, i - offset]
        amount.value[0] += share * state.z[i]
        for d in range(code.n_structural if order > 0 else 0):
            amount.first[d] += share * state.first[i, d]
            for e in range(d + 1):
                amount.second[d, e] += share * state.second[i, d, e]


@part
def copy_amounts(order, code, origin, target):
    """Copy the amounts of a state."""
    copy_rows(order, code.n_states, origin, target)


@part
def add_amounts(order, code, origin, target):
    """Add the amounts of a state to those of another."""
    add_rows(order, code.n_states, origin, target)


@part
def size_of(code, state):
    """Return how much a state holds, in the coordinates of the route."""
    size = 0.0
    for i in range(code.n_states):
        size += abs(state.z[i])
    return size


@part
def fastest(code, work):
    """Return the largest rate constant of the system."""
    rate = 0.0
    for i in range(code.n_states):
        rate = max(rate, abs(work.basis.x[i]))
    return rate


@part
def advance(order, span, infusing, code, timeline, work):
    """Advance the amounts by a time, during which infusions are constant."""
    if order == 0:
        z = work.state.z
        call_at(code.advance_values, (code.has_depot, code.n_states, infusing, work.basis, span, z, z))
    elif span > 0.0:
        basis, state, scratch, s = work.basis, work.state, work.scratch, code.n_structural
        if not infusing:
            call_at(code.advance, (code.n_states, s, basis, work.idle, span, state, scratch))
        elif timeline.modelled:
            call_at(code.advance, (code.n_states + 1, s, basis, work.modelled, span, state, scratch))
        else:
            call_at(code.advance, (code.n_states + 1, s, basis, work.infusing, span, state, scratch))


@part
def shift_end(first, second, infusing, code, work):
    """Account for an end of the interval that moves with the parameters; `first` and `second` are the time's derivatives.

    `work.clock` holds those of the interval's beginning, and afterwards those of its end.
    """
    moved, clock = False, work.clock
    for d in range(code.n_structural):
        clock.first[d] = first[d] - clock.first[d]
        moved = moved or clock.first[d] != 0.0
        for e in range(d + 1):
            clock.second[d, e] = second[d, e] - clock.second[d, e]
            moved = moved or clock.second[d, e] != 0.0
    if moved:
        n_nodes, width = code.n_states + 1 if infusing else code.n_states, code.n_states + 1
        basis, state, scratch = work.basis, work.state, work.scratch
        call_at(code.shift, (n_nodes, code.n_structural, width, basis, clock.first, clock.second, state, scratch))
    for d in range(code.n_structural):
        clock.first[d] = first[d]
        for e in range(d + 1):
            clock.second[d, e] = second[d, e]
