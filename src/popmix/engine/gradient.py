"""The density of one subject's data at given effects with its slopes alone: what averages over many places need.

With f, R and m as in `popmix.engine.density`, from first derivatives in the directions of the model, which are far cheaper than second
ones: closed forms go through `popmix.engine.slopes`.
"""

import math

import numpy as np

from popmix.engine.compiled import part
from popmix.engine.density import NOT_FINITE, OK, VARIANCE_NOT_POSITIVE, set_individual
from popmix.engine.slopes import solve_first

_SLOPES = np.int64(1)


@part
def slopes_of_data(subject, eta, code, timeline, work, value, slope):
    """Write -log p(y | eta) without constants into value[0], and its derivatives by directions into `slope`. Returns a status."""
    start, end = timeline.first_observation[subject], timeline.first_observation[subject + 1]
    set_individual(_SLOPES, subject, eta, code, timeline, work)
    status = solve_first(subject, code, timeline, work)
    if status != OK:
        return status
    total = 0.0
    for d in range(code.n_directions):
        slope[d] = 0.0
    for j in range(end - start):
        endpoint, first = timeline.endpoint[start + j], work.first[j]
        if code.is_free[endpoint]:
            total += work.prediction[j, 0]
            for a in range(code.n_active[endpoint, 0]):
                slope[code.active[endpoint, 0, a]] += first[0, code.active[endpoint, 0, a]]
            continue
        variance = work.prediction[j, 1]
        if not variance > 0.0:
            return VARIANCE_NOT_POSITIVE
        scaled = (timeline.y[start + j] - work.prediction[j, 0]) / variance
        total += 0.5 * (math.log(variance) + scaled * scaled * variance)
        for a in range(code.n_active[endpoint, 0]):
            slope[code.active[endpoint, 0, a]] -= scaled * first[0, code.active[endpoint, 0, a]]
        by_r = 0.5 * (1.0 / variance - scaled * scaled)
        for a in range(code.n_active[endpoint, 1]):
            slope[code.active[endpoint, 1, a]] += by_r * first[1, code.active[endpoint, 1, a]]
    value[0] = total
    return OK if math.isfinite(total) else NOT_FINITE


@part
def chain_slopes(scale, slope, code, work, by_fixed, by_eta):
    """Add `scale` times the slopes to those by thetas and sigmas, and by effects."""
    n_u = code.n_fixed + code.n_etas
    for d in range(code.n_directions):
        row, own = code.n_directions + d * n_u, scale * slope[d]
        for x in range(code.n_fixed):
            by_fixed[x] += own * work.individual[row + x]
        for k in range(code.n_etas):
            by_eta[k] += own * work.individual[row + code.n_fixed + k]
