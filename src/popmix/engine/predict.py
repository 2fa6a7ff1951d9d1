"""Predictions, residual variances and their slopes in the random effects, for tables and residuals; and when doses arrive."""

from typing import NamedTuple

import numpy as np

from popmix.compiler.call import call_model
from popmix.engine.arrivals import OK
from popmix.engine.compiled import call_at, compiled
from popmix.engine.density import by_unknowns, set_individual
from popmix.engine.walk import solve_subject

_VALUES = np.int64(0)


class Predictions(NamedTuple):
    """Per observation: prediction f, variance R, and f's slopes in the etas; per subject: status and reported parameters."""

    f: np.ndarray
    variance: np.ndarray
    slopes: np.ndarray
    status: np.ndarray
    reported: np.ndarray


def new_predictions(n_subjects: int, n_observations: int, n_etas: int, n_reported: int, slopes: bool = True) -> Predictions:
    """Return arrays of nan, which stays where a subject can't be evaluated; those for values without slopes may be empty."""
    return Predictions(
        np.full(n_observations, np.nan),
        np.full(n_observations, np.nan),
        np.full((n_observations if slopes else 0, n_etas), np.nan),
        np.zeros(n_subjects, dtype=np.int64),
        np.full((n_subjects if slopes else 0, n_reported), np.nan),
    )


@compiled
def predictions(order, subjects, fixed, etas, report, code, timeline, work, density, f, variance, slopes, status, reported):
    """Fill the arrays of `Predictions` at the etas given: with order 0 only f and variance.

    `report` is the address of the compiled individual parameters. The arrays come one by one, since a bundle takes longer to
    make than a small population to solve.
    """
    for subject in subjects:
        for x in range(code.n_fixed):
            work.unknowns[x] = fixed[x]
        set_individual(order, subject, etas[subject], code, timeline, work)
        row = timeline.first_row[subject]
        if order > 0:
            call_model(report, work.amounts, work.unknowns, timeline.at[row], timeline.times[row], reported[subject])
        status[subject] = solve_subject(order, subject, code, timeline, work)
        if status[subject] != OK:
            continue
        first, last = timeline.first_observation[subject], timeline.first_observation[subject + 1]
        found, own_f, own_variance = work.prediction, f[first:last], variance[first:last]
        for j in range(last - first):
            own_f[j] = found[j, 0]
            own_variance[j] = found[j, 1]
        for j in range(last - first if order > 0 else 0):
            by_unknowns(j, 0, timeline.endpoint[first + j], code, work, density.by_unknown)
            for k in range(code.n_etas):
                slopes[first + j, k] = density.by_unknown[code.n_fixed + k]


@compiled
def arrivals(subjects, fixed, etas, code, timeline, work, density, arrival):
    """Write when the events of the subjects listed happen at the etas given; nan stays where that can't be told."""
    for subject in subjects:
        for x in range(code.n_fixed):
            work.unknowns[x] = fixed[x]
        set_individual(_VALUES, subject, etas[subject], code, timeline, work)
        first, last = timeline.first_event[subject], timeline.first_event[subject + 1]
        if call_at(code.arrange, (_VALUES, first, last, code, timeline, work)) == OK:
            for k in range(last - first):
                arrival[first + k] = work.arrival[k]
