"""A problem on a fine grid of times: curves of predictions, and the hazards between the records of events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from popmix.data import EventTable
from popmix.data.expectation import Kind
from popmix.data.thickening import preceded, with_observations
from popmix.likelihood.bind import bind
from popmix.likelihood.expectation import expectation_of
from popmix.likelihood.problem import Problem
from popmix.model.model import Model

_RESETS = (3, 4)


@dataclass(frozen=True, eq=False)
class Thick:
    """A problem with more observations; `added`: a mask of its observations that were not there before."""

    problem: Problem
    added: np.ndarray


def thickened(
    problem: Problem, endpoints: Sequence[str], places: Callable[[float, float, bool], np.ndarray], until: float | None = None
) -> Thick:
    """Return a problem with observations of `endpoints` at more times.

    `places(start, end, after_dose)` gives the times between two records of a subject, `until` the time to which every subject goes on
    after its last record (None: no further).
    """
    table = problem.data
    after, times = _grid(table, places, until)
    labels, values = zip(*(_label_and_value(problem, name) for name in endpoints), strict=True)
    order = np.argsort(np.tile(np.arange(len(after)), len(labels)), kind="stable")
    behind, time = (np.tile(one, len(labels))[order] for one in (after, times))
    label, value = (np.repeat(np.array(one, dtype=kind), len(after))[order] for one, kind in ((labels, object), (values, float)))
    thick, added = with_observations(table, behind, time, label, value)
    bound = bind(problem.model, thick, solver=problem.solver, weights=problem.weights)
    return Thick(bound, added[bound.timeline.observed_row])


def as_other_records(problem: Problem, labels: Sequence[str], begins: np.ndarray) -> Problem:
    """Return a problem whose table counts the observations of some endpoints (labels in DVID) as other records, not bound again.

    A first record after the time `begins` [subjects] (nan: none) gets a copy in front of it, behind which something can stand.
    """
    table = problem.data
    own = np.isin(table.endpoint, list(labels)) & table.scored
    first = table.starts[:-1]
    late = first[begins < table.time[first]]
    others = replace(table, evid=np.where(own, 2, table.evid), mdv=np.where(own, 1, table.mdv))
    return replace(problem, data=preceded(others, late, begins[table.subject[late]]))


def _grid(table: EventTable, places: Callable[[float, float, bool], np.ndarray], until: float | None) -> tuple[np.ndarray, np.ndarray]:
    after, times = [], []
    starts = table.starts
    for subject in range(table.n_subjects):
        for row in range(starts[subject], starts[subject + 1]):
            is_last = row + 1 == starts[subject + 1]
            end = until if is_last else table.time[row + 1]
            if end is None or not end > table.time[row] or (not is_last and table.evid[row + 1] in _RESETS):
                continue
            found = places(float(table.time[row]), float(end), bool(table.dosing[row]))
            after += [row] * len(found)
            times += found.tolist()
    return np.array(after, dtype=np.int64), np.array(times)


def _label_and_value(problem: Problem, name: str) -> tuple[str, float]:
    """Return the label of an endpoint in the data, and a value of DV that it allows."""
    label = label_of(problem.model, problem.data, name)
    if expectation_of(problem.model).outcomes[name].kind is not Kind.CONTINUOUS:
        return label, 0.0
    own = np.array([one.lowered.name == name and one.lowered.side == "" for one in problem.compiled.endpoints])[problem.timeline.endpoint]
    seen = problem.data.dv[problem.timeline.observed_row[own]]
    return label, float(np.median(seen)) if len(seen) else 1.0


def label_of(model: Model, table: EventTable, name: str) -> str:
    """Return what stands in DVID for an endpoint."""
    expectation = expectation_of(model)
    for label in dict.fromkeys(table.endpoint[table.scored].tolist()):
        if expectation.endpoint_of(label) == name:
            return label
    return name
