"""The likelihood of a fit by importance sampling, with its Monte Carlo error: a check on any method that approximates it."""

import math
import numbers
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from popmix.data.findings import some
from popmix.errors import OptionError, Status, SupportError
from popmix.estimate.progress import Progress
from popmix.likelihood import Evaluation, Problem, Sampling
from popmix.likelihood.sampling import REPLICATES, Sampled, adapted, examine
from popmix.table import Table

_FEWEST = 100
# a mean of weights with a heavier tail than this can't be trusted, nor its error: Vehtari et al. 2024
TRUSTED_SHAPE = 0.7
# a subject whose draws tell less than this gets another round, around what the first has found
_WELL_DRAWN, _WELL_SHAPED = 0.5, 0.5


@dataclass(frozen=True, eq=False, repr=False)
class Importance:
    """-2 log L by importance sampling at the estimates of a fit.

    ofv: in NONMEM's convention, without priors; minus2ll: with all constants; error: the Monte Carlo standard deviation of both, the square
    root of the sum of those of the subjects squared (times weights); their bias is error^2 / 4. by_subject: ID, ofv, error, effective
    (percent of the draws that would tell as much with equal weights), pareto_k, rounds. Subjects whose density fails are named in `failed`.
    """

    ofv: float
    minus2ll: float
    error: float
    draws: int
    by_subject: Table
    failed: tuple[str, ...]
    library: str

    def subjects(self) -> Any:
        """Return what is known by subject as a data frame."""
        return self.by_subject.to_frame(self.library)

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        return _sentence(self.error, self.draws, self.by_subject["ID"], self.by_subject["effective"], self.by_subject["pareto_k"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why it should not be trusted, if so."""
        return _warnings(self.by_subject["ID"], self.by_subject["pareto_k"])

    def __repr__(self) -> str:
        told = [f"-2LL {self.minus2ll:.3f}, OFV {self.ofv:.3f}: {self.sentence}"]
        told += [f"the density of {some(self.failed, 'subject')} could not be evaluated"] if self.failed else []
        return "\n".join([*told, *(f"Warning: {one}" for one in self.warnings)])


def importance_of(problem: Problem, evaluation: Evaluation, rule: Sampling, rounds: int, threads: int | None, told: Progress) -> Importance:
    """Return the likelihood by importance sampling at the parameters of an evaluation. Raises SupportError for levels above subjects."""
    if problem.effects.n_above:
        raise SupportError("importance sampling can't honour effects of levels above subjects: there is no check on such a fit yet.")
    found, taken = _in_rounds(problem, evaluation, rule, rounds, threads, told)
    active = np.flatnonzero((problem.weights > 0) & (found.status == Status.OK))
    individual, weights = found.ofv[active] + problem.constants[active], problem.weights[active]
    total = float(weights @ individual)
    failed = np.flatnonzero((problem.weights > 0) & (found.status != Status.OK))
    columns = {
        "ID": np.array([problem.data.ids[k] for k in active], dtype=object),
        "ofv": individual,
        "error": found.error[active],
        "effective": 100.0 * found.effective[active],
        "pareto_k": found.shape[active],
        "rounds": taken[active],
    }
    return Importance(
        ofv=np.nan if len(failed) else total,
        minus2ll=np.nan if len(failed) else total + float(weights @ problem.n_gaussian[active]) * math.log(2 * math.pi),
        error=float(np.sqrt(np.sum((weights * found.error[active]) ** 2))),
        draws=rule.draws,
        by_subject=Table(columns),
        failed=tuple(problem.data.ids[k] for k in failed),
        library=problem.data.library,
    )


def _in_rounds(
    problem: Problem, evaluation: Evaluation, rule: Sampling, rounds: int, threads: int | None, told: Progress
) -> tuple[Sampled, np.ndarray]:
    """Return the best that rounds of draws have found for every subject, and how many were taken."""
    best = examine(problem, evaluation.parameters, rule, _modes(evaluation), threads)
    taken, last = np.ones(problem.n_subjects, dtype=int), best
    for number in range(1, rounds):
        poor = (last.status == Status.OK) & ((last.effective < _WELL_DRAWN) | (last.shape > _WELL_SHAPED))
        if not np.any(poor):
            break
        told.update("importance", None, f"round {number + 1} of draws for {np.sum(poor)} subjects")
        own = replace(problem, weights=np.where(poor, problem.weights, 0.0))
        rule = adapted(rule, last)
        last = examine(own, evaluation.parameters, rule, [group.eta for group in last.groups], threads)
        taken[poor] += 1
        # by the tail, not by the error, which is least trustworthy where it is too small
        best = best.where(~(poor & (last.status == Status.OK) & (last.shape < best.shape)), last)
    return best, taken


def _modes(evaluation: Evaluation) -> list[np.ndarray]:
    return [np.nan_to_num(group.eta) for group in evaluation.groups]


def appraised(problem: Problem, evaluation: Evaluation, rule: Sampling, threads: int | None) -> tuple[str, tuple[str, ...]]:
    """Return how far the objective of a method that draws can be trusted, in words, and warnings."""
    found = examine(problem, evaluation.parameters, rule, _modes(evaluation), threads)
    active = np.flatnonzero(problem.weights > 0)
    error = float(np.sqrt(np.nansum((problem.weights * np.nan_to_num(found.error)) ** 2)))
    ids = np.array([problem.data.ids[k] for k in active], dtype=object)
    effective, shape = 100.0 * found.effective[active], found.shape[active]
    return _sentence(error, rule.draws, ids, effective, shape), _warnings(ids, shape)


def whole_sets(draws: int) -> int:
    """Return the least number of draws from this one on that makes whole sets of pairs."""
    return -(-draws // (2 * REPLICATES)) * 2 * REPLICATES


def check_draws(draws: Any, freedom: Any, seed: Any) -> None:
    """Raise OptionError for numbers of draws, degrees of freedom and seeds that make no sense."""
    if isinstance(draws, bool) or not isinstance(draws, numbers.Integral) or draws < _FEWEST:
        raise OptionError(f"draws must be a whole number of at least {_FEWEST}, not {draws!r}.")
    if isinstance(freedom, bool) or not isinstance(freedom, numbers.Real) or not freedom > 0:
        raise OptionError(f"freedom must be a positive number (inf for normal proposals), not {freedom!r}.")
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or seed < 0:
        raise OptionError(f"seed must be a whole number from 0 on, not {seed!r}.")


def _sentence(error: float, draws: int, ids: np.ndarray, effective: np.ndarray, shape: np.ndarray) -> str:
    told = f"Monte Carlo error {error:.2g} ({draws} draws of every subject"
    if np.any(np.isfinite(effective)):
        least = int(np.nanargmin(effective))
        told += f"; least effective {effective[least]:.0f} % in {ids[least]}"
    if np.any(np.isfinite(shape)):
        most = int(np.nanargmax(shape))
        told += f"; Pareto k at most {shape[most]:.2f} in {ids[most]}"
    return f"{told})"


def _warnings(ids: np.ndarray, shape: np.ndarray) -> tuple[str, ...]:
    heavy = [str(one) for one in ids[np.nan_to_num(shape, nan=-np.inf) > TRUSTED_SHAPE]]
    if not heavy:
        return ()
    return (
        f"the weights of {some(heavy, 'subject')} have a tail so heavy (Pareto k above {TRUSTED_SHAPE}) that the likelihood by importance "
        "sampling can't be trusted there, nor its error: compare with AGQ(), or take a smaller freedom=.",
    )
