"""The joint posterior density of population parameters and random effects, with its gradient, in coordinates without bounds.

    log p = sum_i [log p(y_i | x, eta_i) + log N(z_i; 0, 1) - sum over centred k of log L_kk] + log prior + log |d values / d coordinates|

The random effects of a copy of a block (those of a subject, of one of its occasions) are eta = L z (`popmix.engine.population`). The
coordinate of an effect is z (not centred) or eta itself (centred), chosen by subject and effect.

Positions y are those of the sampler, in which the posterior is nearly a standard normal: coordinates of the population are
centre + T y, those of subject i centre_i + M_i T y + C_i y_i, from the curvature at the mode. Constants are left out.

Source: Betancourt and Girolami, Hamiltonian Monte Carlo for hierarchical models (2015), the two parametrisations.
"""

import math

import numpy as np

from popmix.engine.compiled import compiled, part
from popmix.engine.density import NOT_FINITE, OK, set_individual
from popmix.engine.gradient import chain_slopes, slopes_of_data
from popmix.engine.population import by_factors, by_parameters, prior_of_blocks, prior_of_numbers, set_factors, set_parameters
from popmix.engine.walk import solve_subject

_VALUES = np.int64(0)


@compiled
def posterior(position, gradient, plan, code, timeline, work, space):
    """Write the log density at a position into `space.value`, and its slopes into `gradient`. Returns a status."""
    status = _density(position, plan, code, timeline, work, space)
    if status == OK:
        _to_position(plan, space, gradient)
        if not math.isfinite(space.value[0]):
            status = NOT_FINITE
    return status


@compiled
def unravel(positions, plan, space, values, etas):
    """Write the parameters [draws, V] and the effects [draws, S, N] of positions [draws, .]."""
    for draw in range(len(positions)):
        _from_position(positions[draw], plan, space)
        set_parameters(plan, space)
        set_factors(plan, space)
        for b in range(len(plan.size)):
            for row in range(plan.size[b]):
                for column in range(row):
                    total = 0.0
                    for j in range(column + 1):
                        total += space.u[b, row, j] * space.u[b, column, j]
                    space.values[plan.correlation[b, row, column]] = total
        for s in range(len(plan.subjects)):
            _effects(s, plan, space)
        values[draw] = space.values
        etas[draw] = space.etas
    return OK


@part
def _density(position, plan, code, timeline, work, space):
    _from_position(position, plan, space)
    n_population, n = len(plan.kind), plan.centred.shape[1]
    total = set_parameters(plan, space) + set_factors(plan, space) + prior_of_numbers(plan, space) + prior_of_blocks(plan, space)
    for x in range(code.n_fixed):
        work.unknowns[x] = space.values[plan.unknowns[x]]
        space.by_unknown[x] = 0.0
    for s in range(len(plan.subjects)):
        total += _effects(s, plan, space)
        status = _told(plan.subjects[s], space.etas[s], code, timeline, work, space)
        if status != OK:
            return status
        total += space.value[0]
        _by_effects(s, plan, space, space.by_x[n_population + s * n :])
    for x in range(code.n_fixed):
        space.by_value[plan.unknowns[x]] += space.by_unknown[x]
    by_factors(plan, space)
    by_parameters(plan, space)
    space.value[0] = total
    return OK


@part
def _from_position(position, plan, space):
    n_population, (n_subjects, n) = len(plan.kind), plan.centred.shape
    x, centre = space.x, plan.centre
    for p in range(n_population):
        shift = 0.0
        for q in range(p + 1):
            shift += plan.t[p, q] * position[q]
        space.by_x[p] = shift
        x[p] = centre[p] + shift
    for s in range(n_subjects):
        first = n_population + s * n
        for k in range(n):
            total = centre[first + k]
            for p in range(n_population):
                total += plan.m[s, k, p] * space.by_x[p]
            for j in range(k + 1):
                total += plan.c[s, k, j] * position[first + j]
            x[first + k] = total


@part
def _to_position(plan, space, gradient):
    n_population, (n_subjects, n) = len(plan.kind), plan.centred.shape
    by_x = space.by_x
    for s in range(n_subjects):
        first = n_population + s * n
        for k in range(n):
            slope = by_x[first + k]
            for p in range(n_population):
                by_x[p] += plan.m[s, k, p] * slope
        for j in range(n):
            total = 0.0
            for k in range(j, n):
                total += plan.c[s, k, j] * by_x[first + k]
            gradient[first + j] = total
    for q in range(n_population):
        total = 0.0
        for p in range(q, n_population):
            total += plan.t[p, q] * by_x[p]
        gradient[q] = total


@part
def _effects(s, plan, space):
    """Set the effects of a subject; returns their log density in coordinates."""
    total, first = 0.0, len(plan.kind) + s * plan.centred.shape[1]
    eta, z = space.etas[s], space.z
    for copy in range(len(plan.copy)):
        b = plan.copy[copy]
        for row in range(plan.size[b]):
            k, mean, diagonal = plan.slot[copy, row], 0.0, space.lower[b, row, row]
            for j in range(row):
                mean += space.lower[b, row, j] * z[plan.slot[copy, j]]
            given = space.x[first + k]
            if plan.centred[s, k]:
                eta[k] = given
                z[k] = (given - mean) / diagonal
                total -= math.log(diagonal)
            else:
                z[k] = given
                eta[k] = mean + diagonal * given
            total -= 0.5 * z[k] * z[k]
    return total


@part
def _by_effects(s, plan, space, by_x):
    """Chain the slopes by a subject's effects to its coordinates and to L."""
    z, by_z, by_eta = space.z, space.by_z, space.by_eta
    for k in range(len(z)):
        by_z[k] = -z[k]
    for copy in range(len(plan.copy)):
        b = plan.copy[copy]
        by_l = space.by_l[b]
        for step in range(plan.size[b]):
            row = plan.size[b] - 1 - step
            k, diagonal = plan.slot[copy, row], space.lower[b, row, row]
            if plan.centred[s, k]:
                by_mean = -by_z[k] / diagonal
                by_x[k] = by_eta[k] - by_mean
                by_l[row, row] += by_mean * z[k] - 1.0 / diagonal
            else:
                by_mean = by_eta[k]
                by_l[row, row] += by_mean * z[k]
                by_x[k] = by_z[k] + by_mean * diagonal
            for j in range(row):
                by_l[row, j] += by_mean * z[plan.slot[copy, j]]
                by_z[plan.slot[copy, j]] += by_mean * space.lower[b, row, j]


@part
def _told(subject, eta, code, timeline, work, space):
    """Set value[0] to the log density of a subject's data at `eta`, add its slopes by thetas and sigmas, and set those by effects."""
    space.value[0] = 0.0
    for k in range(code.n_etas):
        space.by_eta[k] = 0.0
    start, end = timeline.first_observation[subject], timeline.first_observation[subject + 1]
    if start == end:
        return OK
    status = slopes_of_data(subject, eta, code, timeline, work, space.value, space.slope)
    if status == OK:
        space.value[0] = -space.value[0]
        chain_slopes(-1.0, space.slope, code, work, space.by_unknown, space.by_eta)
    return status


@compiled
def outcomes(values, etas, plan, code, timeline, work, prediction, variance):
    """Write prediction and variance (of outcomes of other kinds their two outputs) of every draw into [draws, observations]; nan fails."""
    for draw in range(len(values)):
        for x in range(code.n_fixed):
            work.unknowns[x] = values[draw, plan.unknowns[x]]
        for s in range(len(plan.subjects)):
            subject = plan.subjects[s]
            first, last = timeline.first_observation[subject], timeline.first_observation[subject + 1]
            set_individual(_VALUES, subject, etas[draw, s], code, timeline, work)
            fine = solve_subject(_VALUES, subject, code, timeline, work) == OK
            for j in range(last - first):
                prediction[draw, first + j] = work.prediction[j, 0] if fine else math.nan
                variance[draw, first + j] = work.prediction[j, 1] if fine else math.nan
    return OK
