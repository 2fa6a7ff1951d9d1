"""The conditional distribution of each subject's random effects and parameters, given its data and the estimates: means, SDs, samples."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from popmix.engine.mode import precision_of
from popmix.engine.saem import Moves
from popmix.errors import OptionError, SupportError
from popmix.estimate.binding import load_engine
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.result import Fit
from popmix.estimate.saem.method import SAEM
from popmix.estimate.support import PRIORS
from popmix.likelihood import Problem, bind
from popmix.likelihood.simulation import Simulation
from popmix.likelihood.units import column_name, labelled_columns, numbered_names, present_effects
from popmix.table import Table

_DEFAULT_SEED = 1
# iterations that are forgotten, those over which means must stand still, and the distance between those from which samples are taken
_WARM_UP, _WINDOW, _THINNED = 100, 50, 5
_GAIN, _STEP = 0.05, 0.3
_NEWS = 20


@dataclass(frozen=True, eq=False, repr=False)
class ConditionalDistribution:
    """What is known of each subject: its random effects and individual parameters given its data, at the estimates of a fit.

    `table`: a row for each subject with ID and, for every effect and parameter, its conditional mean and SD (`sd_...`), effects of
    occasions by their label as in `Fit.individuals_table`. `effects` [subjects, samples, effects] and `parameters` [subjects, samples,
    parameters] are samples, named by `effect_names` (those of occasions with their number within the subject, `kappa_CL[1]`) and
    `parameter_names`; `labelled`: the samples of effects by the names of the table. Effects of occasions that a subject does not have
    are nan. `converged`: whether the means stood still at the end of `iterations`.
    """

    table: Table
    ids: np.ndarray
    effect_names: tuple[str, ...]
    parameter_names: tuple[str, ...]
    effects: np.ndarray
    parameters: np.ndarray
    labelled: Mapping[str, np.ndarray]
    iterations: int
    converged: bool

    def samples(self) -> Table:
        """Return the samples as a table with ID, SAMPLE (from 1), the effects (those of occasions by label) and the parameters."""
        n, count = self.effects.shape[:2]
        columns = {"ID": np.repeat(self.ids, count), "SAMPLE": np.tile(np.arange(1, count + 1), n)}
        columns |= {name: values.ravel() for name, values in self.labelled.items()}
        return Table(columns | {name: self.parameters[:, :, k].ravel() for k, name in enumerate(self.parameter_names)})

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def conditional(
    fit: Fit,
    n_samples: int = 100,
    *,
    seed: int | None = None,
    chains: int | None = None,
    tolerance: float = 0.05,
    iterations: int = 2000,
    threads: int | None = None,
    progress: Progress | None = None,
) -> ConditionalDistribution:
    """Simulate each subject's effects by the chains of SAEM at the estimates of a fit, whatever its method.

    The chains run until, over the last 50 iterations, the running mean of no effect has moved by more than `tolerance` of its conditional
    SD (root mean square over subjects), for at most `iterations`; then `n_samples` are taken, five iterations apart. The same `seed` gives
    the same numbers on any number of threads. Raises OptionError, and SupportError for levels above subjects, a Mixture, or a model
    without random effects.
    """
    for name, value, least in (("n_samples", n_samples, 0), ("iterations", iterations, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise OptionError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if not tolerance > 0:
        raise OptionError(f"tolerance must be a positive number, not {tolerance!r}.")
    told, method = progress or Silent(), SAEM(chains=chains)
    load_engine(told, fit.model, method, fit.solution.solver)
    problem = bind(fit.model, fit.data, weights=fit.weights, solver=fit.solution.solver)
    _check(method, problem)
    moves = Moves(_DEFAULT_SEED if seed is None else seed, *method.steps)
    everybody = np.arange(problem.n_subjects)
    omega = problem.omega(fit.parameters)
    with Simulation.of(problem, everybody, method.chains_for(problem.n_subjects), 0, omega, moves, threads) as simulation:
        return _Work(problem, simulation, fit, omega).run(n_samples, tolerance, iterations, told)


def _check(method: SAEM, problem: Problem) -> None:
    try:
        # the estimates are given: priors of parameters have no say in the effects
        method.check(problem, apart=(PRIORS,))
    except SupportError as error:
        raise SupportError(f"conditional distributions are simulated by the chains of SAEM: {error}") from error


class _Work:
    """The sums of a simulation of a problem at the estimates of a fit."""

    def __init__(self, problem: Problem, simulation: Simulation, fit: Fit, omega: np.ndarray) -> None:
        self.problem, self.simulation, self.fit = problem, simulation, fit
        self.precision, self.root, self.fixed = precision_of(omega), np.linalg.cholesky(omega), problem.fixed(fit.parameters)
        self.nothing, self.still = np.zeros((0, len(self.fixed))), np.zeros((problem.n_subjects, 0, problem.code.n_etas))
        self.present = present_effects(problem)
        self.iteration, self.count = 0, 0
        self.sums = [0.0, 0.0, 0.0, 0.0]

    def run(self, n_samples: int, tolerance: float, iterations: int, told: Progress) -> ConditionalDistribution:
        for _ in range(_WARM_UP):
            self._move(1 / (self.iteration + 2) if self.iteration < 20 else _GAIN)
        means, converged = [], False
        for done in range(iterations):
            self._move(1 / (self.iteration + 1))
            self._add()
            means = [*means[-_WINDOW:], self.sums[0] / self.count]
            if (done + 1) % _NEWS == 0:
                told.update("conditional", done / iterations, f"iteration {done + 1}")
            if done >= 2 * _WINDOW and done % 10 == 0 and self._moved(np.array(means)) <= tolerance:
                converged = True
                break
        samples = [self._sampled() for _ in range(math.ceil(n_samples / self.simulation.chains.eta.shape[1]))]
        return self._result(samples, n_samples, converged)

    def _move(self, gain: float) -> None:
        self.simulation.move(self.iteration, self.fixed, self.precision, self.root, self.nothing, self.still, gain=gain, step=_STEP)
        self.iteration += 1

    def _add(self) -> None:
        eta, phi = self.simulation.chains.eta, self.simulation.reported(self.fixed)
        self.count += 1
        for k, one in enumerate((eta, eta**2, phi, phi**2)):
            self.sums[k] = self.sums[k] + one.mean(axis=1)

    def _moments(self, which: int) -> tuple[np.ndarray, np.ndarray]:
        mean = self.sums[which] / self.count
        return mean, np.sqrt(np.maximum(self.sums[which + 1] / self.count - mean**2, 0.0))

    def _moved(self, means: np.ndarray) -> float:
        """Return by how many conditional SDs the means have moved (root mean square over subjects, the largest of all effects)."""
        sd = np.maximum(self._moments(0)[1], 1e-300)
        return float(np.sqrt(np.mean((np.ptp(means, axis=0) / sd) ** 2, axis=0)).max())

    def _sampled(self) -> tuple[np.ndarray, np.ndarray]:
        for _ in range(_THINNED):
            self._move(1 / (self.iteration + 1))
        return self.simulation.chains.eta.copy(), self.simulation.reported(self.fixed)

    def _result(self, samples: list[tuple[np.ndarray, np.ndarray]], n_samples: int, converged: bool) -> ConditionalDistribution:
        problem, shape = self.problem, (self.problem.n_subjects, 0)
        declared, reported = self.fit.parameters.eta_names, problem.compiled.reported
        names = numbered_names(problem, [column_name(name) for name in declared])
        effects, parameters = (
            np.concatenate([one[k] for one in samples], axis=1)[:, :n_samples] if samples else np.zeros((*shape, width))
            for k, width in enumerate((len(names), len(reported)))
        )
        effects = np.where(self.present[:, None], effects, np.nan)
        ids = np.array(problem.data.ids, dtype=object)
        columns = {"ID": ids}
        mean, sd = (labelled_columns(problem, declared, own) for own in self._moments(0))
        for name, values in mean.items():
            columns |= {name: values, f"sd_{name}": sd[name]}
        mean, sd = self._moments(2)
        for k, name in enumerate(reported):
            columns |= {name: mean[:, k], f"sd_{name}": sd[:, k]}
        labelled = labelled_columns(problem, declared, effects)
        table = Table(columns)
        return ConditionalDistribution(table, ids, names, reported, effects, parameters, labelled, self.iteration, converged)
