"""What the walk through events does to the amounts, whatever way they are found: in closed form, or by integrating equations."""

from popmix.engine import flow, modal
from popmix.engine.compiled import call_at, part
from popmix.engine.equations import EQUATIONS, width_of
from popmix.engine.jets import set_constant

OK = 0


@part
def reset_amounts(order, row, code, timeline, work):
    """Bring all states to their beginning, with the parameters of a record."""
    if code.route == EQUATIONS:
        call_at(code.begin, (order, row, code, timeline, work))
    else:
        modal.clear_amounts(order, code, work)
        set_constant(order, 0.0, work.clock)


@part
def set_parameters(order, place, row, code, timeline, work):
    """Take the parameters AT a record, or of the interval that ends there (BETWEEN), before anything has happened."""
    if code.route == EQUATIONS:
        flow.set_covariates(place, row, timeline, work)
    else:
        call_at(code.set_rates, (order, place, row, code, timeline, work))


@part
def change_parameters(order, place, row, code, timeline, work):
    """Take other parameters and keep the amounts."""
    if code.route == EQUATIONS:
        flow.set_covariates(place, row, timeline, work)
    else:
        call_at(code.change_rates, (order, place, row, code, timeline, work))


@part
def set_inputs(order, code, timeline, work):
    """Take the infusion rates from `work.input`."""
    if code.route == EQUATIONS:
        call_at(code.take_inputs, (code, timeline, work))
    else:
        modal.set_inputs(order, code, timeline, work)


@part
def add_amount(order, compartment, amount, code, work):
    """Add a jet to the amount in a compartment; with order 0 its derivatives are zero."""
    if code.route == EQUATIONS:
        flow.add_amount(order, compartment, amount, code, work)
    else:
        modal.add_amount(order, compartment, amount, code, work)


@part
def read_amount(order, compartment, code, work, amount):
    """Write the amount in a compartment into a jet."""
    if code.route == EQUATIONS:
        flow.read_amount(order, compartment, code, work, amount)
    else:
        modal.read_amount(order, compartment, code, work, amount)


@part
def reach(order, start, end, first, second, infusing, code, timeline, work):
    """Advance the amounts to a time whose derivatives are given. Returns a status."""
    if code.route == EQUATIONS:
        order = work.flow.order[0]
        status = call_at(code.integrate, (order, work.flow.s[0], start, end, code, work))
        if status == OK and order > 0 and timeline.moving:
            call_at(code.move, (order, 1, end, first, second, code, work))
        return status
    modal.advance(order, end - start, infusing, code, timeline, work)
    if order > 0 and timeline.moving:
        modal.shift_end(first, second, infusing, code, work)
    return OK


@part
def leave(time, first, second, code, timeline, work):
    """Go on after the event at a time whose derivatives are given, as reached before."""
    if code.route == EQUATIONS and work.flow.order[0] > 0 and timeline.moving:
        call_at(code.move, (work.flow.order[0], -1, time, first, second, code, work))


@part
def show_amounts(sign, order, time, code, work):
    """Let the state hold the amounts (sign 1), or again (-1) what is integrated for doses that arrive by a profile and move."""
    if code.n_profiles > 0 and order > 0:
        flow = work.flow
        m = width_of(order, flow.s[0])
        call_at(code.shift_arrivals, (sign, order, flow.s[0], m, time, flow.x, code, work))
