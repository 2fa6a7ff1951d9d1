"""The likelihood of a fit by importance sampling, with its Monte Carlo error: a check on any method that approximates it."""

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from popmix.data.findings import some
from popmix.errors import OptionError, SupportError
from popmix.estimate.progress import Progress
from popmix.likelihood import Evaluation, Problem, Sampling
from popmix.likelihood.examination import Sampled, adapted, examine
from popmix.likelihood.sampling import REPLICATES
from popmix.model.parameters import Parameters
from popmix.table import Table

_FEWEST = 100
# what a check takes unless told otherwise: rounds of draws, and the share of those that come from the distribution without data
ROUNDS, DEFENCE = 3, 0.1
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
    individual, error, effective, shape, taken = _in_rounds(problem, evaluation, rule, rounds, threads, told)
    counted, known = problem.weights > 0, np.isfinite(individual)
    active, failed = np.flatnonzero(counted & known), np.flatnonzero(counted & ~known)
    weights = problem.weights[active]
    ofv = float(weights @ individual[active]) if not len(failed) else np.nan
    columns = {
        "ID": np.array([problem.data.ids[k] for k in active], dtype=object),
        "ofv": individual[active],
        "error": error[active],
        "effective": 100.0 * effective[active],
        "pareto_k": shape[active],
        "rounds": taken[active],
    }
    return Importance(
        ofv=ofv,
        minus2ll=ofv + float(weights @ problem.n_gaussian[active]) * math.log(2 * math.pi),
        error=_total(problem, error),
        draws=rule.draws,
        by_subject=Table(columns),
        failed=tuple(problem.data.ids[k] for k in failed),
        library=problem.data.library,
    )


def _in_rounds(
    problem: Problem, evaluation: Evaluation, rule: Sampling, rounds: int, threads: int | None, told: Progress
) -> tuple[np.ndarray, ...]:
    """Return objective, error, effective share and shape of every subject, by its last round of draws, and how many it took."""
    last = examine(problem, evaluation.parameters, rule, _modes(evaluation), threads)
    best, taken = _columns(last), np.ones(problem.n_subjects, dtype=int)
    for number in range(1, rounds):
        poor = np.isfinite(last.error) & ((last.effective < _WELL_DRAWN) | (last.shape > _WELL_SHAPED))
        if not np.any(poor):
            break
        told.update("importance", None, f"round {number + 1} of draws for {np.sum(poor)} subjects")
        own, rule = replace(problem, weights=np.where(poor, problem.weights, 0.0)), adapted(rule, last)
        last = examine(own, evaluation.parameters, rule, _modes(last.evaluation), threads)
        taken[poor] += 1
        found = _columns(last)
        # the last round, whatever it says: a choice by what the draws say would bias the likelihood
        drawn_again = poor & np.isfinite(found[0])
        best = tuple(np.where(drawn_again, new, old) for new, old in zip(found, best, strict=True))
    return *best, taken


def _columns(sampled: Sampled) -> tuple[np.ndarray, ...]:
    return sampled.evaluation.individual, sampled.error, sampled.effective, sampled.shape


def _modes(evaluation: Evaluation) -> list[np.ndarray]:
    return [np.nan_to_num(group.eta) for group in evaluation.groups]


def _total(problem: Problem, error: np.ndarray) -> float:
    return float(np.sqrt(np.sum((problem.weights * np.nan_to_num(error)) ** 2)))


def drawn(
    problem: Problem, parameters: Parameters, rule: Sampling, modes: Sequence[np.ndarray], threads: int | None
) -> tuple[Evaluation, str, tuple[str, ...]]:
    """Return the objective by importance sampling without derivatives, how precise it is in words, and warnings."""
    found = examine(problem, parameters, rule, modes, threads)
    active = np.flatnonzero(problem.weights > 0)
    ids = np.array([problem.data.ids[k] for k in active], dtype=object)
    effective, shape = 100.0 * found.effective[active], found.shape[active]
    return found.evaluation, _sentence(_total(problem, found.error), rule.draws, ids, effective, shape), _warnings(ids, shape)


def appraised(problem: Problem, evaluation: Evaluation, rule: Sampling, threads: int | None) -> tuple[str, tuple[str, ...]]:
    """Return how precise the objective of a method that draws is, in words, and warnings."""
    return drawn(problem, evaluation.parameters, rule, _modes(evaluation), threads)[1:]


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
