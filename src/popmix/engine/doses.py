"""What a dose brings, as jets: its amount, lag, infusion rate and duration; and what it does to the amounts."""

import math

from popmix.compiler.call import call_model
from popmix.engine.amounts import add_amount, reset_amounts, set_inputs
from popmix.engine.compiled import call_at, compiled, inlined, part
from popmix.engine.events import BOLUS, DURATION_MODELLED, RATE_GIVEN, RATE_MODELLED, START
from popmix.engine.jets import add_to, clear_rows, set_constant, set_quotient, store
from popmix.engine.profiles import add_source

OK, LAG_INVALID, DURATION_INVALID, RATE_INVALID = 0, 5, 6, 7


@part
def evaluate_dosing(order, event, code, timeline, work):
    """Evaluate F, lag, rate and duration of all compartments at the record of a dose into `work.dosing`."""
    address, row = code.dosing_0 if order == 0 else code.dosing_2, timeline.dose_row[event]
    call_model(address, work.amounts, work.individual, timeline.at[row], timeline.times[row], work.dosing)


@part
def set_output(order, output, scale, otherwise, code, work, jet):
    """Write `scale` times a dosing output into a jet, or a constant where the model has no such output (-1)."""
    if output < 0:
        set_constant(order, otherwise, jet)
        return
    n, s, dosing = code.n_dosing, code.n_structural, work.dosing
    jet.value[0] = scale * dosing[output]
    for d in range(s if order > 0 else 0):
        jet.first[d] = scale * dosing[n + output * s + d]
        for e in range(d + 1):
            jet.second[d, e] = scale * dosing[n + n * s + (output * s + d) * s + e]


@compiled
def set_infusion(order, event, code, timeline, work):
    """Write rate and duration of an infusion into `work.rate` and `work.duration`; returns a status.

    A rate u lasts for F AMT / u; over a duration D the rate is F AMT / D. `work.dosing` must be at hand.
    """
    compartment, form, given, infused = timeline.compartment[event], timeline.form[event], timeline.rate[event], timeline.infused[event]
    set_output(order, code.f_index[compartment], infused, infused, code, work, work.amount)
    if form in (RATE_GIVEN, RATE_MODELLED):
        set_output(order, code.rate_index[compartment] if form == RATE_MODELLED else -1, 1.0, given, code, work, work.rate)
        if not (work.rate.value[0] > 0.0 and math.isfinite(work.rate.value[0])):
            return RATE_INVALID
        set_quotient(order, work.amount, work.rate, work.duration)
        # nothing that is absorbed (F = 0) takes no time
        return OK if work.duration.value[0] >= 0.0 and math.isfinite(work.duration.value[0]) else DURATION_INVALID
    modelled = code.duration_index[compartment] if form == DURATION_MODELLED else -1
    set_output(order, modelled, 1.0, infused / given, code, work, work.duration)
    if not (work.duration.value[0] > 0.0 and math.isfinite(work.duration.value[0])):
        return DURATION_INVALID
    set_quotient(order, work.amount, work.duration, work.rate)
    return OK


@inlined
def clear(order, row, code, timeline, work):
    """Bring all compartments to their beginning, stop all infusions and forget those that steady states have left running."""
    reset_amounts(order, row, code, timeline, work)
    clear_rows(order if timeline.modelled else 0, code.n_states, work.input)
    for c in range(code.n_states):
        work.n_on[c] = 0.0
    set_inputs(order, code, timeline, work)
    work.trains.count[0] = 0
    work.sources.count[0] = 0


@compiled
def reset(order, row, code, timeline, work):
    """Clear, where that happens between records."""
    clear(order, row, code, timeline, work)
    return OK


@part
def is_infusing(code, work):
    """Return whether any infusion is on."""
    infusing = False
    for c in range(code.n_states):
        infusing = infusing or work.n_on[c] != 0.0
    return infusing


@inlined
def add_input(order, sign, compartment, rate, code, timeline, work):
    """Switch an infusion on (sign 1) or off (-1); the last one leaves an exact zero."""
    order = order if timeline.modelled else 0
    work.n_on[compartment] += sign
    add_to(order, sign, rate, compartment, work.input)
    if work.n_on[compartment] == 0.0:
        set_constant(order, 0.0, rate)
        store(order, rate, compartment, work.input)
    set_inputs(order, code, timeline, work)


@compiled
def switch(order, event, code, timeline, work):
    """Switch an infusion of modelled rate or duration on or off."""
    evaluate_dosing(order, event, code, timeline, work)
    # a rate that is not valid has been refused where the end of the infusion was placed
    call_at(code.set_infusion, (order, event, code, timeline, work))
    sign = 1.0 if timeline.kind[event] == START else -1.0
    add_input(order, sign, timeline.compartment[event], work.rate, code, timeline, work)
    return OK


@compiled
def begin_arrival(order, event, place, code, timeline, work):
    """Let a dose of `work.amount` begin to arrive by its profile, at the time and derivatives of its event at `place`."""
    compartment, time = timeline.compartment[event], work.arrival[place] if timeline.moving else timeline.time[event]
    first, second = work.arrival_first[place], work.arrival_second[place]
    covariates = timeline.at[timeline.dose_row[event]]
    add_source(order, compartment, code.profile_index[compartment], time, first, second, work.amount, covariates, code, work)
    # the density has derivatives even where the amount has none
    own = work.flow.order[0]
    call_at(code.add_head, (own, time, code, work))
    add_amount(own, compartment, work.sources.added, code, work)
    return OK


@inlined
def apply_dose(order, event, place, code, timeline, work):
    """Add a bolus (or let it begin to arrive), or switch an infusion on or off."""
    compartment, kind, form = timeline.compartment[event], timeline.kind[event], timeline.form[event]
    f = code.f_index[compartment]
    if kind != BOLUS and form == RATE_GIVEN:
        set_constant(order if timeline.modelled else 0, timeline.rate[event], work.rate)
        add_input(order, 1.0 if kind == START else -1.0, compartment, work.rate, code, timeline, work)
        return
    if kind == BOLUS:
        if f >= 0:
            evaluate_dosing(order, event, code, timeline, work)
        amount = timeline.amount[event]
        set_output(order, f, amount, amount, code, work, work.amount)
        if code.profile_index[compartment] < 0:
            add_amount(order if f >= 0 else 0, compartment, work.amount, code, work)
        else:
            call_at(code.begin_arrival, (order if f >= 0 else 0, event, place, code, timeline, work))
        return
    call_at(code.switch, (order, event, code, timeline, work))
