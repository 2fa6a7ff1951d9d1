"""The joint density of the members of a group: what one subject contributes to it at given random effects, its own and those of its groups.

`popmix.likelihood.nested` puts the members together. The precision given holds the effects of the subject alone, zero for those of levels
above it, whose own density belongs to the group.
"""

from typing import NamedTuple

import numpy as np

from popmix.engine.compiled import call_at, compiled, part
from popmix.engine.completion import complete_cross
from popmix.engine.foce import NOT_FINITE, OK, set_out, time_of_failure
from popmix.engine.linear import cholesky
from popmix.engine.third import follow_curvature

_DERIVATIVES = np.int64(2)
_EXACT = False


class Members(NamedTuple):
    """Results by subject: value of l; gradient [U]; cross [n, U]: second derivatives by its effects and every unknown; expected [n, n]: the
    curvature that FOCE takes; traces [U]: sum_km A_km dH_km/du for the curvature H of the method and a given A.
    """

    value: np.ndarray
    gradient: np.ndarray
    cross: np.ndarray
    expected: np.ndarray
    traces: np.ndarray
    status: np.ndarray
    failed_at: np.ndarray


def new_members(n_subjects: int, n_fixed: int, n_etas: int) -> Members:
    """Return zeroed results."""
    n_u = n_fixed + n_etas
    return Members(
        np.zeros(n_subjects),
        np.zeros((n_subjects, n_u)),
        np.zeros((n_subjects, n_etas, n_u)),
        np.zeros((n_subjects, n_etas, n_etas)),
        np.zeros((n_subjects, n_u)),
        np.zeros(n_subjects, dtype=np.int64),
        np.full(n_subjects, np.nan),
    )


@compiled
def members(order, subjects, frozen, fixed, etas, precision, code, timeline, work, density, result):
    """Evaluate the subjects listed: values alone (order 0), or with derivatives."""
    n, n_u = code.n_etas, code.n_fixed + code.n_etas
    for subject in subjects:
        status = _evaluate(order, subject, frozen, fixed, etas, precision, code, timeline, work, density)
        result.status[subject] = status
        result.failed_at[subject] = time_of_failure(status, work)
        if status != OK:
            continue
        result.value[subject] = density.value[0]
        if order == 0:
            continue
        complete_cross(code, work.individual, density)
        for u in range(n_u):
            result.gradient[subject, u] = density.gradient[u]
            for k in range(n):
                result.cross[subject, k, u] = density.cross[k, u]
        for k in range(n):
            for m in range(n):
                result.expected[subject, k, m] = density.expected[k, m]


@part
def _evaluate(order, subject, frozen, fixed, etas, precision, code, timeline, work, density):
    set_out(fixed, code, work)
    if frozen:
        status = call_at(code.freeze, (subject, code, timeline, work, density))
        if status != OK:
            return status
    return call_at(code.evaluate, (order, frozen, subject, etas[subject], precision, code, timeline, work, density))


@compiled
def trace_members(subjects, expected, frozen, fixed, etas, precision, weights, code, timeline, work, density, result):
    """Add the traces for A = `weights` [subjects, n, n]: of the expected curvature, or of the exact one by differences along A's factor.

    With frozen variances the derivatives by thetas and sigmas are those of FOCE without interaction.
    """
    n, n_u = code.n_etas, code.n_fixed + code.n_etas
    for subject in subjects:
        status = _evaluate(_DERIVATIVES, subject, frozen, fixed, etas, precision, code, timeline, work, density)
        if status == OK and expected:
            call_at(code.complete, (frozen, subject, weights[subject], code, timeline, work, density))
            for u in range(n_u):
                result.traces[subject, u] = density.traces[u]
                result.gradient[subject, u] = density.gradient[u]
                for k in range(n):
                    result.cross[subject, k, u] = density.cross[k, u]
        elif status == OK and not cholesky(weights[subject], density.small.root):
            status = NOT_FINITE
        elif status == OK:
            factor, moved = density.small.root, (code, timeline, work, density, density.small.start, result.traces[subject])
            status = follow_curvature(subject, etas[subject], factor, factor, precision, *moved)
        if result.status[subject] == OK:
            result.status[subject] = status
