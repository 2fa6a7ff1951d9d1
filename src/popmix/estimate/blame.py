"""Which subjects failed, why, and with which parameters: sentences for errors."""

import numpy as np

from popmix.errors import Status
from popmix.likelihood import Evaluation, Problem

_MOST_NAMED = 5


def blame(problem: Problem, evaluation: Evaluation) -> str:
    """Return sentences about the subjects whose density could not be evaluated."""
    failed = evaluation.failed
    typical = problem.predictions(evaluation.parameters)
    at_mode = problem.predictions(evaluation.parameters, evaluation.marginal.eta)
    lines = [f"the objective can't be computed: {len(failed)} of {problem.n_subjects} subjects failed."]
    for subject in failed[:_MOST_NAMED]:
        status = Status(int(evaluation.marginal.status[subject]))
        lines.append(f"subject {problem.data.ids[subject]}: {status.sentence}; {_place(problem, subject, typical, at_mode)}.")
    if len(failed) > _MOST_NAMED:
        others = ", ".join(problem.data.ids[subject] for subject in failed[_MOST_NAMED : _MOST_NAMED + 10])
        lines.append(f"and subjects {others}{', ...' if len(failed) > _MOST_NAMED + 10 else ''}.")
    values = ", ".join(f"{name} = {value:.4g}" for name, value in evaluation.parameters.as_dict().items())
    lines.append(f"Population parameters: {values}. Try other start values, or exclude the records concerned.")
    return "\n".join(lines)


def _place(problem: Problem, subject: int, typical, at_mode) -> str:
    """Say which individual parameter is not finite, or at which observation the prediction or variance is wrong."""
    for found, where in ((typical, "with all etas zero"), (at_mode, "at its estimated etas")):
        values = dict(zip(problem.compiled.reported, found.reported[subject], strict=True))
        wrong = [f"{name} = {value:g}" for name, value in values.items() if not np.isfinite(value)]
        if wrong:
            return f"{', '.join(wrong)} {where}"
        observations = np.flatnonzero(problem.data.subject[problem.timeline.observed_row] == subject)
        f, variance = found.f[observations], found.variance[observations]
        bad = np.flatnonzero(~np.isfinite(f) | ~np.isfinite(variance) | ~(variance > 0))
        if len(bad):
            row = problem.data.row[problem.timeline.observed_row[observations[bad[0]]]]
            time = problem.data.time[problem.timeline.observed_row[observations[bad[0]]]]
            shown = ", ".join(f"{name} = {value:.4g}" for name, value in values.items())
            return f"first at row {row} (time {time:g}): prediction {f[bad[0]]:.4g}, variance {variance[bad[0]]:.4g} {where} ({shown})"
    shown = ", ".join(f"{name} = {value:.4g}" for name, value in values.items())
    return f"its parameters at the last etas: {shown}" if shown else "it has no individual parameters"
