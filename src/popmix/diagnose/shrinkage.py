"""Shrinkage: how much less random effects and residuals vary in a fit than the model says.

With eta_i the modes, V_i their conditional variances and omega^2 the variance of the effect,

    ebe: SD scale 100 (1 - SD(eta) / omega), variance scale 100 (1 - Var(eta) / omega^2)
    ebv: variance scale 100 mean(V_i) / omega^2, SD scale 100 (1 - sqrt(1 - mean(V_i) / omega^2))     (NONMEM's EBVSHRINK)
    samples: the same as ebe for draws from the conditional distributions, near 0 where the model is right
    epsilon: 100 (1 - SD(IWRES))

Which SD is meant differs between tools: about the mean with the divisor n - 1 (NONMEM up to 7.4, PsN), about the mean with n (7.5), about
zero with n (7.6; epsilon in all versions). Monolix reports the variance scale. Sources: Savic and Karlsson (AAPS J 11:558, 2009); NONMEM
Users Guides; the versions by what they print for published cases.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from popmix.diagnose.conditional_variances import conditional_variances
from popmix.errors import OptionError
from popmix.estimate import Fit
from popmix.estimate.binding import bound
from popmix.likelihood import Problem
from popmix.likelihood.units import units_of
from popmix.table import Table

CONVENTIONS = ("n-1", "n", "zero")
NONMEM_VERSIONS = {"7.4": "n-1", "7.5": "n", "7.6": "zero"}


@dataclass(frozen=True, eq=False, repr=False)
class Shrinkage:
    """Shrinkage of a fit in percent. `convention`: of the SD of effects.

    `effects`: by random effect its name, omega (SD), n, ebe_sd, ebe_variance, ebv_sd, ebv_variance, samples_sd and samples_variance (nan
    without samples), mean of the modes with its standard error (SD with divisor n / sqrt(n)) and p-value (normal, as NONMEM prints).
    `residuals`: by endpoint n, epsilon_sd and epsilon_variance (about zero).
    """

    convention: str
    effects: Table
    residuals: Table

    def __repr__(self) -> str:
        head = f"Shrinkage in percent (SD of effects: {_WORDS[self.convention]}; of residuals about zero)"
        return "\n".join([head, repr(self.effects), repr(self.residuals)])


_WORDS = {"n-1": "about the mean, divisor n - 1", "n": "about the mean, divisor n", "zero": "about zero, divisor n"}


def spread(values: np.ndarray, convention: str = "n-1") -> float:
    """Return the SD of values by a convention: "n-1" and "n" about the mean with this divisor, "zero" the root mean square."""
    if convention == "zero":
        return float(np.sqrt(np.mean(values**2))) if len(values) else np.nan
    ddof = 1 if convention == "n-1" else 0
    return float(np.std(values, ddof=ddof)) if len(values) > ddof else np.nan


def shrinkage(fit: Fit, *, convention: str = "n-1", samples: np.ndarray | None = None, threads: int | None = None) -> Shrinkage:
    """Return the shrinkage of a fit.

    convention: "n-1", "n" or "zero", or the version of NONMEM that has it ("7.4", "7.5", "7.6"). samples [subjects, samples, effects]: of
    the conditional distributions, `popmix.conditional(fit).effects`. Effects within subjects count once for every occasion that a subject
    has, those above once for every group. Raises OptionError for another convention.
    """
    chosen = NONMEM_VERSIONS.get(convention, convention)
    if chosen not in CONVENTIONS:
        known = ", ".join(map(repr, (*CONVENTIONS, *NONMEM_VERSIONS)))
        raise OptionError(f"convention={convention!r} doesn't exist: it is one of {known}.")
    problem = bound(fit)
    return Shrinkage(chosen, _effects(fit, problem, chosen, samples, threads), _residuals(fit))


def _effects(fit: Fit, problem: Problem, convention: str, samples: np.ndarray | None, threads: int | None) -> Table:
    judge = fit.method.judge
    evaluation = judge.evaluate(problem, fit.parameters, threads)
    rule = judge.rule_at(problem, fit.parameters, threads)
    etas, variances = evaluation.marginal.eta, np.einsum("nkk->nk", conditional_variances(problem, evaluation, rule, threads))
    names, counted = fit.parameters.eta_names, problem.weights > 0
    sds, rows = np.sqrt(np.diag(fit.parameters.omega())), {}
    for units in units_of(problem):
        kept = counted[units.subject]
        modes, conditional = (units.of(one)[kept] for one in (etas, variances))
        drawn = None if samples is None else units.of(samples)[kept]
        for k, pattern in enumerate(units.pattern.tolist()):
            of_effect = None if drawn is None else drawn[..., k].ravel()
            own = shrinkages(modes[:, k], conditional[:, k], sds[pattern], convention, of_effect)
            rows[pattern] = {"effect": names[pattern], "omega": sds[pattern]} | own
    columns = ["effect", "omega", *shrinkages(np.zeros(2), np.zeros(2), 1.0, convention, None)]
    ordered = [rows[pattern] for pattern in range(len(names))]
    return Table({key: np.array([row[key] for row in ordered], dtype=object if key == "effect" else float) for key in columns})


def shrinkages(
    modes: np.ndarray, variances: np.ndarray, omega: float, convention: str = "n-1", samples: np.ndarray | None = None
) -> dict[str, float]:
    """Return all shrinkages (percent) of one effect from its modes and conditional variances, in the columns of `Shrinkage.effects`."""
    n, sd, plain = len(modes), spread(modes, convention), spread(modes, "n")
    ratio = float(np.mean(variances) / omega**2) if n else np.nan
    error = plain / np.sqrt(n) if n else np.nan
    drawn = spread(samples, convention) if samples is not None else np.nan
    mean = float(np.mean(modes)) if n else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        p = float(2 * scipy.special.ndtr(-abs(np.float64(mean) / error)))
    return {
        "n": n,
        "ebe_sd": 100 * (1 - sd / omega),
        "ebe_variance": 100 * (1 - sd**2 / omega**2),
        "ebv_sd": 100 * (1 - np.sqrt(max(1 - ratio, 0.0))),
        "ebv_variance": 100 * ratio,
        "samples_sd": 100 * (1 - drawn / omega),
        "samples_variance": 100 * (1 - drawn**2 / omega**2),
        "mean": mean,
        "se": error,
        "p": p,
    }


def relative_information(variance: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Return NONMEM's RELATIVEINF of every effect, 100 / diag((I - omega^-1 V)^-1), V the mean conditional variance matrix."""
    return 100.0 / np.diag(np.linalg.inv(np.eye(len(omega)) - np.linalg.solve(omega, variance)))


def epsilon_shrinkage(iwres: np.ndarray) -> tuple[float, float]:
    """Return epsilon shrinkage in percent on the SD and on the variance scale, 100 (1 - sqrt(mean(IWRES^2))); nan are left out."""
    own = iwres[np.isfinite(iwres)]
    square = float(np.mean(own**2)) if len(own) else np.nan
    return 100 * (1 - np.sqrt(square)), 100 * (1 - square)


def _residuals(fit: Fit) -> Table:
    table = fit.predictions_table
    labels = table["DVID"] if "DVID" in table else np.full(table.n_rows, next(iter(fit.model.observations)), dtype=object)
    rows = []
    for name in dict.fromkeys(labels.tolist()):
        # of outcomes that are not continuous IWRES are Pearson residuals, whose spread says nothing of shrinkage
        own = np.where(np.isfinite(table["CWRES"].astype(float)), table["IWRES"].astype(float), np.nan)[labels == name]
        on_sd, on_variance = epsilon_shrinkage(own)
        rows.append((name, int(np.count_nonzero(np.isfinite(own))), on_sd, on_variance))
    columns = zip(*rows, strict=True) if rows else ((),) * 4
    return Table(dict(zip(("endpoint", "n", "epsilon_sd", "epsilon_variance"), map(np.array, columns), strict=True)))
