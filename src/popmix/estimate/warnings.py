"""The warnings of a fit in words: about its data, its size, and estimates at the edge of what they can be."""

import numpy as np

from popmix.data.findings import counted, some
from popmix.engine.predict import Predictions
from popmix.errors import Status
from popmix.estimate.extremes import is_near_one, is_near_zero, singular_blocks
from popmix.likelihood import Evaluation, Problem
from popmix.model.parameters import Parameters

_FLAT = 4.0  # variance of a conditional distribution over that of the effects


def warnings_of(problem: Problem, parameters: Parameters, start: Parameters, *, estimated: bool) -> tuple[str, ...]:
    """Return the warnings, the gravest first; those about estimates only where something was `estimated`."""
    about_data = [f"{finding.code}: {finding.message}" for finding in problem.data.findings.warnings]
    if not estimated:
        return tuple(about_data)
    return (*too_few(problem, parameters), *about_data, *_at_the_edge(parameters, start))


def without_predictions(problem: Problem, typical: Predictions) -> list[str]:
    """Return a sentence when predictions at eta = 0 can't all be computed for some subjects."""
    subjects, status = problem.data.subject[problem.timeline.observed_row], typical.status.copy()
    unknown = subjects[~np.isfinite(typical.f)]
    status[unknown] = np.where(status[unknown] == Status.OK, Status.NOT_FINITE, status[unknown])
    failed = np.flatnonzero((status != Status.OK) & (problem.weights > 0))
    if not len(failed):
        return []
    named = some([problem.data.ids[subject] for subject in failed], "subject")
    reasons = dict.fromkeys(Status(int(one)).sentence for one in status[failed])
    return [f"no PRED, RES and WRES of {named}: with all etas zero, {'; or '.join(reasons)}."]


def flat_modes(problem: Problem, evaluation: Evaluation) -> list[str]:
    """Return a sentence about subjects whose conditional distribution looks wider at its mode than that of all subjects.

    A likelihood can make it a little wider (no outcome that is concave in log density does), but where the widest direction has more than
    twice the SD of the random effects the mode is about to vanish or to split, and quadrature around it follows its curvature, not the
    distribution.
    """
    if not problem.code.n_etas:
        return []
    root = np.linalg.inv(np.linalg.cholesky(problem.omega(evaluation.parameters)))
    counted = (problem.weights > 0) & (evaluation.marginal.status == Status.OK)
    widest = np.linalg.eigvalsh(root @ evaluation.marginal.inverse_curvature[counted] @ root.T)[:, -1]
    flat = np.flatnonzero(counted)[widest > _FLAT]
    if not len(flat):
        return []
    named = some([problem.data.ids[subject] for subject in flat], "subject")
    return [
        f"{named}: the conditional distribution is so flat at its mode (SD up to {np.sqrt(np.max(widest)):.2g} times that of the effects) "
        "that its curvature says nothing of the likelihood around it: compare with AGQ() of a high order, or importance(fit)."
    ]


def too_few(problem: Problem, parameters: Parameters) -> list[str]:
    """Return a sentence with both counts when there are no more observations than estimated parameters."""
    counts = np.bincount(problem.data.subject[problem.timeline.observed_row], minlength=problem.n_subjects)
    n_observations, n_estimated = int(counts[problem.weights > 0].sum()), parameters.n_estimated
    if n_observations > n_estimated:
        return []
    sizes = f"{counted(n_estimated, 'parameter')} estimated from {counted(n_observations, 'observation')}"
    return [f"{sizes}: the data can't determine them all; fix some, take a smaller model, or add data."]


def _at_the_edge(parameters: Parameters, start: Parameters) -> list[str]:
    found = []
    for position, (name, kind, value) in enumerate(zip(parameters.names, parameters.kinds, parameters.values, strict=True)):
        if is_near_zero(parameters, start, position) and kind == "sigma":
            found.append(f"{name} went to zero: the data do not show this residual error; leave it out or fix it.")
        elif is_near_zero(parameters, start, position):
            found.append(f"{name} went to zero: the data do not show this variability; leave out its iiv=.")
        elif is_near_one(parameters, position):
            found.append(f"{name} went to {'+' if value > 0 else '-'}1: the two effects can't be told apart.")
    blocks = (", ".join(names) for names in singular_blocks(parameters))
    return [
        *found,
        *(f"the block of {names} is singular: one of its effects is a combination of the others; take one out." for names in blocks),
    ]
