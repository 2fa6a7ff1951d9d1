"""Which subjects failed, why, and with which parameters: sentences for errors."""

import numpy as np

from popmix.data.findings import some
from popmix.engine.predict import Predictions
from popmix.errors import Status
from popmix.estimate.warnings import too_few
from popmix.likelihood import Evaluation, Problem

_MOST_NAMED = 5
_MOST_FINDINGS = 3
# where a residual SD is all there is, the variance is its square
_EXACT = 100.0


def blame(problem: Problem, evaluation: Evaluation) -> str:
    """Return sentences about the subjects whose density could not be evaluated, what is known of their data, and what to do."""
    failed = evaluation.failed
    typical = problem.predictions(evaluation.parameters)
    at_mode = problem.predictions(evaluation.parameters, evaluation.marginal.eta)
    lines = [f"the objective can't be computed: {len(failed)} of {problem.n_subjects} subjects failed."]
    for subject in failed[:_MOST_NAMED]:
        status = Status(int(evaluation.marginal.status[subject]))
        at = evaluation.marginal.failed_at[subject]
        when = f" at time {at:.6g}" if np.isfinite(at) else ""
        place = _place(problem, subject, typical, at_mode) if not when else _parameters(problem, subject, typical)
        lines.append(f"subject {problem.data.ids[subject]}: {status.sentence}{when}; {place}.")
    if len(failed) > _MOST_NAMED:
        others = ", ".join(problem.data.ids[subject] for subject in failed[_MOST_NAMED : _MOST_NAMED + 10])
        lines.append(f"and subjects {others}{', ...' if len(failed) > _MOST_NAMED + 10 else ''}.")
    values = ", ".join(f"{name} = {value:.4g}" for name, value in evaluation.parameters.as_dict().items())
    lines.append(f"Population parameters: {values}. {_advice(evaluation)}")
    return "\n".join([*lines, *_findings(problem, failed)])


def blame_vanishing(problem: Problem, evaluation: Evaluation, name: str) -> str:
    """Return sentences about a residual SD that falls to zero without end, with the rows that are predicted exactly."""
    found = problem.predictions(evaluation.parameters, evaluation.marginal.eta, slopes=False)
    alone = found.variance < _EXACT * (evaluation.parameters[name] * np.maximum(1.0, np.abs(found.f))) ** 2
    counted = (problem.weights > 0)[problem.data.subject[problem.timeline.observed_row]]
    exact = problem.timeline.observed_row[alone & counted]
    subjects = dict.fromkeys(problem.data.subject[exact].tolist())
    dv = some(dict.fromkeys(f"{value:g}" for value in problem.data.dv[exact]))
    where = f"{some(problem.data.row[exact], 'row')} of {some([problem.data.ids[one] for one in subjects], 'subject')} (DV {dv})"
    lines = [f"the objective falls without end as {name} goes to zero: DV is predicted exactly in {where}."]
    lines += too_few(problem, evaluation.parameters)
    lines.append(f"Exclude these records (before the first dose, or below the limit of quantification?), or fix {name}.")
    return "\n".join([*lines, *_findings(problem, np.array(list(subjects), dtype=int))])


def _advice(evaluation: Evaluation) -> str:
    if np.any(evaluation.marginal.status == Status.VARIANCE_NOT_POSITIVE):
        return "Add an additive error, or exclude the records at which the prediction is 0 (before the first dose, or without any)."
    return "Try other start values, or exclude the records concerned."


def _findings(problem: Problem, failed: np.ndarray) -> list[str]:
    """Return the findings about the data of the failed subjects, which may be the cause."""
    ids = {problem.data.ids[subject] for subject in failed}
    found = [str(finding) for finding in problem.data.findings.warnings if ids.intersection(finding.ids)]
    return ["Found in the data of these subjects:", *found[:_MOST_FINDINGS]] if found else []


def _place(problem: Problem, subject: int, typical: Predictions, at_mode: Predictions) -> str:
    """Say which individual parameter is not finite, or at which observation prediction, variance or residual is out of the ordinary."""
    observations = np.flatnonzero(problem.data.subject[problem.timeline.observed_row] == subject)
    for found, where in ((typical, "with all etas zero"), (at_mode, "at its estimated etas")):
        values = dict(zip(problem.compiled.reported, found.reported[subject], strict=True))
        wrong = [f"{name} = {value:g}" for name, value in values.items() if not np.isfinite(value)]
        if wrong:
            return f"{', '.join(wrong)} {where}"
        f, variance = found.f[observations], found.variance[observations]
        bad = np.flatnonzero(~np.isfinite(f) | ~np.isfinite(variance) | ~(variance > 0))
        if len(bad):
            at = f"first at {_row(problem, observations[bad[0]])}"
            return f"{at}: prediction {f[bad[0]]:.4g}, variance {variance[bad[0]]:.4g} {where}{_in_brackets(values)}"
    values = dict(zip(problem.compiled.reported, typical.reported[subject], strict=True))
    return f"{_furthest(problem, observations, typical)} with all etas zero{_in_brackets(values)}"


def _parameters(problem: Problem, subject: int, typical: Predictions) -> str:
    """Say what the individual parameters are where equations can't be solved, at whatever observation."""
    values = dict(zip(problem.compiled.reported, typical.reported[subject], strict=True))
    return f"with all etas zero{_in_brackets(values)}"


def _furthest(problem: Problem, observations: np.ndarray, found: Predictions) -> str:
    if not len(observations):
        return "it has no observation"
    with np.errstate(over="ignore"):  # a DV of 1e308 is what is looked for
        distance = (problem.timeline.y[observations] - found.f[observations]) / np.sqrt(found.variance[observations])
    worst = int(np.argmax(np.abs(distance)))
    dv = problem.data.dv[problem.timeline.observed_row[observations[worst]]]
    return f"furthest off at {_row(problem, observations[worst])}: DV {dv:.4g}, {distance[worst]:.3g} residual SDs from the prediction"


def _row(problem: Problem, observation: int) -> str:
    position = problem.timeline.observed_row[observation]
    return f"row {problem.data.row[position]} (time {problem.data.time[position]:g})"


def _in_brackets(values: dict[str, float]) -> str:
    return f" ({', '.join(f'{name} = {value:.4g}' for name, value in values.items())})" if values else ""
