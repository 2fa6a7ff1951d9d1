"""Sampling importance resampling: the uncertainty of estimates from the likelihood itself, without the assumption that it is normal.

In every iteration M vectors are drawn from a proposal (first the normal distribution of the covariance matrix), weighted by

    w = exp(-dOFV / 2) / q,      q the density of the proposal relative to its peak,

and m of them kept, drawn without replacement with probabilities proportional to w. They make the next proposal: each parameter is
Box-Cox transformed to look normal, and mean and covariance are taken there. Source: Dosne, Bergstrand, Harling and Karlsson
(J Pharmacokinet Pharmacodyn 43:583, 2016) and Dosne, Bergstrand and Karlsson (44:509, 2017).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from popmix.errors import FitError, OptionError
from popmix.estimate.binding import bound
from popmix.estimate.objective import Objective
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.result import Fit
from popmix.estimate.scale import Scale
from popmix.model.parameters import Parameters
from popmix.table import Table
from popmix.uncertainty.covariance import Covariance
from popmix.uncertainty.proposal import Proposal
from popmix.uncertainty.quantiles import normal_quantile
from popmix.uncertainty.resampling import Iteration, resample

# what PsN draws and keeps in five iterations
SAMPLES, RESAMPLES = (1000, 1000, 1000, 2000, 2000), (200, 400, 500, 1000, 1000)
# vectors rejected in a row for lying outside the possible, per vector wanted
_MOST_REJECTED = 1000
_CHUNK = 50


@dataclass(frozen=True, eq=False, repr=False)
class SIR:
    """The distribution of the estimates. resamples [m, parameters]: the vectors kept in the last iteration, in the order of `names`.

    iterations: what the proposals of each iteration were worth; dofv: OFV of the last resamples over that of the fit; trouble: what makes
    the result doubtful, "" where nothing does.
    """

    parameters: Parameters
    names: tuple[str, ...]
    resamples: np.ndarray
    dofv: np.ndarray
    iterations: tuple[Iteration, ...]
    seed: int

    @property
    def matrix(self) -> np.ndarray:
        """Covariance of the resamples."""
        return np.atleast_2d(np.cov(self.resamples, rowvar=False))

    @property
    def trouble(self) -> str:
        """What makes the result doubtful."""
        return " ".join(filter(None, (self.iterations[-1].trouble(len(self.names)), self._unsettled())))

    def _unsettled(self) -> str:
        if len(self.iterations) < 2:
            return ""
        last, before = self.iterations[-1], self.iterations[-2]
        if abs(last.mean_dofv - before.mean_dofv) <= 4 * np.hypot(last.error_dofv, before.error_dofv):
            return ""
        return f"the mean dOFV still moves ({before.mean_dofv:.2f}, then {last.mean_dofv:.2f}): add iterations."

    def errors(self, level: float = 0.95) -> Table:
        """Return one row per parameter: name, value, se (SD of the resamples), rse, lower, upper (percentiles), fixed."""
        normal_quantile(level)
        own, size = self.parameters, len(self.parameters)
        found = {name: np.full(size, np.nan) for name in ("se", "lower", "upper")}
        for k, name in enumerate(self.names):
            position, values = own.index(name), self.resamples[:, k]
            found["se"][position] = np.std(values, ddof=1)
            found["lower"][position], found["upper"][position] = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(own.values == 0, np.nan, 100 * found["se"] / np.abs(own.values))
        columns = {"name": np.array(own.names, dtype=object), "value": own.values, "se": found["se"], "rse": relative}
        return Table(columns | {"lower": found["lower"], "upper": found["upper"], "fixed": own.fixed})

    def parameter_draws(self, n: int, seed: int = 1) -> np.ndarray:
        """Return n vectors [n, V] of all parameters, drawn from the resamples (without repetition while there are enough)."""
        chosen = np.random.default_rng(seed).choice(len(self.resamples), n, replace=n > len(self.resamples))
        found = np.repeat(self.parameters.values[None], n, axis=0)
        found[:, [self.parameters.index(name) for name in self.names]] = self.resamples[chosen]
        return found

    def diagnostics(self) -> Table:
        """Return one row per iteration: vectors drawn, kept, effective sample size, mean dOFV (the degrees of freedom it speaks for)."""
        names = ("samples", "resamples", "effective", "mean_dofv", "largest_share", "lowest_dofv")
        columns = {name: np.array([getattr(one, name) for one in self.iterations]) for name in names}
        return Table({"iteration": np.arange(1, len(self.iterations) + 1)} | columns)

    def __repr__(self) -> str:
        told = f"\nDoubt: {self.trouble}" if self.trouble else ""
        return f"Sampling importance resampling, 95 % intervals\n{self.errors()!r}\n{self.diagnostics()!r}{told}"


def sir(
    fit: Fit,
    covariance: Covariance | np.ndarray,
    *,
    samples: Sequence[int] = SAMPLES,
    resamples: Sequence[int] = RESAMPLES,
    inflation: float = 1.0,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SIR:
    """Return the distribution of the estimates of a fit by sampling importance resampling.

    covariance: the first proposal, on the natural scale: a Covariance, or a matrix in the order of the estimated parameters (of a few
    per cent, say, where there is none); inflation multiplies it. Numbers depend on the seed, not on threads. Raises OptionError for options
    that make no sense and FitError when the proposal lies outside of what is possible.
    """
    _check(fit, samples, resamples, inflation)
    names = _names(fit, covariance)
    problem, told = bound(fit, progress), progress or Silent()
    method = fit.method.judge
    rule, priors = method.rule_at(problem, fit.parameters, threads), method.priors(problem, fit.parameters)
    objective = Objective(problem, Scale.of(fit.parameters), rule, 1, priors)
    target = _Target.of(objective, fit, names, threads)
    matrix = covariance.matrix if isinstance(covariance, Covariance) else np.asarray(covariance, dtype=float)
    proposal, generator, done = Proposal.normal(target.centre, inflation * matrix), np.random.default_rng(seed), []
    for number, (n_drawn, n_kept) in enumerate(zip(samples, resamples, strict=True), start=1):
        drawn = _possible(proposal, target, n_drawn, generator)
        dofv = target.dofv(drawn, lambda share, number=number: told.update("sir", share, f"iteration {number} of {len(samples)}"))
        kept, iteration = resample(dofv, proposal.log_density(drawn), n_kept, generator)
        done.append(iteration)
        proposal = Proposal.of(drawn[kept], target.lower, target.upper)
    return SIR(fit.parameters, names, drawn[kept], dofv[kept], tuple(done), seed)


def _check(fit: Fit, samples: Sequence[int], resamples: Sequence[int], inflation: float) -> None:
    if len(samples) != len(resamples) or not samples:
        raise OptionError(f"samples and resamples must be equally long lists, not {list(samples)} and {list(resamples)}.")
    wrong = [(drawn, kept) for drawn, kept in zip(samples, resamples, strict=True) if not 2 <= kept < drawn]
    if wrong:
        raise OptionError(f"of {wrong[0][0]} samples {wrong[0][1]} can't be kept without replacement: keep fewer, and 2 at least.")
    if not inflation > 0:
        raise OptionError(f"inflation={inflation!r} must be positive.")


def _names(fit: Fit, covariance: Covariance | np.ndarray) -> tuple[str, ...]:
    if isinstance(covariance, Covariance):
        if not covariance.exists:
            raise OptionError(f"there is no covariance to begin with: {covariance.trouble} Give a matrix, of a guess.")
        return covariance.names
    names = Scale.of(fit.parameters).names
    if np.shape(covariance) != (len(names), len(names)):
        raise OptionError(f"the proposal must be a matrix for {', '.join(names)}, not of shape {np.shape(covariance)}.")
    return names


def _possible(proposal: Proposal, target: "_Target", n: int, generator: np.random.Generator) -> np.ndarray:
    """Return n draws that lie within bounds and make a positive definite omega."""
    found, tried = [], 0
    while len(found) < n:
        if tried > _MOST_REJECTED * n:
            raise FitError("next to no vector of the proposal lies within the bounds: take a smaller covariance, or inflation below 1.")
        drawn = proposal.draw(n, generator)
        tried += n
        found += [one for one in drawn if target.is_possible(one)]
    return np.array(found[:n])


@dataclass(frozen=True, eq=False)
class _Target:
    """dOFV of vectors of parameters over that of the fit."""

    objective: Objective
    parameters: Parameters
    positions: np.ndarray
    point: object
    threads: int | None

    @classmethod
    def of(cls, objective: Objective, fit: Fit, names: tuple[str, ...], threads: int | None) -> "_Target":
        own = fit.parameters
        point = objective.point(objective.scale.pack(own), fit.method.evaluate(objective.problem, own, threads))
        return cls(objective, own, np.array([own.index(name) for name in names]), point, threads)

    @property
    def centre(self) -> np.ndarray:
        return self.parameters.values[self.positions]

    @property
    def lower(self) -> np.ndarray:
        return self.parameters.lower[self.positions]

    @property
    def upper(self) -> np.ndarray:
        return self.parameters.upper[self.positions]

    def _with(self, vector: np.ndarray) -> Parameters:
        values = self.parameters.values.copy()
        values[self.positions] = vector
        return self.parameters.unchecked(values)

    def is_possible(self, vector: np.ndarray) -> bool:
        """Whether a vector lies within the bounds and makes a positive definite omega."""
        if not np.all(np.isfinite(vector) & (vector > self.lower) & (vector < self.upper)):
            return False
        omega = self._with(vector).omega()
        return not len(omega) or bool(np.linalg.eigvalsh(omega)[0] > 0)

    def dofv(self, vectors: np.ndarray, report: Callable[[float], None]) -> np.ndarray:
        """Return dOFV of every vector, infinite where it can't be computed."""
        result = np.full(len(vectors), np.inf)

        def task(k: int) -> None:
            there = self.objective.at_parameters(self._with(vectors[k]), self.point)
            result[k] = np.inf if there is None else there - self.point.value

        with ThreadPoolExecutor(self.threads) as pool:
            for first in range(0, len(vectors), _CHUNK):
                report(first / len(vectors))
                list(pool.map(task, range(first, min(first + _CHUNK, len(vectors)))))
        return result
