"""The two-stage method: every subject is fitted alone, then the individual estimates are summarised.

The standard summary takes the mean and the covariance of the individual estimates phi_i, on the scale on which they are normal, as those of
the population; it counts the errors of the estimates as variability between subjects. The global one knows their covariances M_i and
finds mean mu and covariance omega of phi_i ~ N(mu, omega + M_i) by the EM algorithm

    C_i = (M_i^-1 + omega^-1)^-1,   b_i = C_i (M_i^-1 phi_i + omega^-1 mu),   mu = mean b_i,   omega = mean [C_i + (b_i - mu)(b_i - mu)'].

Subjects that can't be fitted alone count in neither. Source: Steimer, Mallet, Golmard and Boisvieux (Drug Metab Rev 15:265, 1984).
"""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from popmix.errors import FitError, OptionError, PopmixError, SupportError
from popmix.estimate.binding import load_engine
from popmix.estimate.default import default_method
from popmix.estimate.marginal import Marginal
from popmix.estimate.objective import Objective, natural_information
from popmix.estimate.progress import Progress, Silent
from popmix.estimate.scale import Scale
from popmix.likelihood import Problem, bind
from popmix.model.declarations import Block, Eta, IndividualParameter, Mixture, Theta
from popmix.model.model import Model
from popmix.model.parameters import Parameters, parameters_of
from popmix.table import Table

_REALS = np.ctypeslib.ndpointer(dtype=np.float64, flags="C_CONTIGUOUS")
_SUMMARIES = ("standard", "global")
# an information matrix whose smallest eigenvalue, after scaling to unit diagonal, is below this says nothing about some combination
_LEAST_INFORMATION = 1e-7
# nor does one in which a coordinate (a logarithm, mostly) has a standard error as large as this
_WIDEST = 5.0
# an estimate that ran this far away (on the unconstrained scale, mostly logarithms) has no optimum within reach
_FARTHEST = 12.0
# the fit of a subject with as many observations as parameters leaves no residual error to estimate
_MOST_EM, _EM_TOLERANCE = 2000, 1e-10


@dataclass(frozen=True, eq=False)
class TwoStage:
    """Individual fits and their summary.

    population: name, typical value, its SE on the normal scale's own (`se_phi`), SD between subjects (as iiv), by individual parameter.
    individuals: a row for each subject: ID, its estimates, `fitted`, and the reason where it could not be fitted alone. `summary`:
    "standard" or "global"; phi, covariances: estimates [subjects fitted, parameters] on the normal scale, with their covariances.
    """

    model: Model
    summary: str
    population: Table
    individuals: Table
    phi: np.ndarray
    covariances: np.ndarray

    @property
    def n_failed(self) -> int:
        """Number of subjects that could not be fitted alone."""
        return int(np.sum(~self.individuals["fitted"]))

    def estimates(self) -> dict[str, float]:
        """Return the typical values by the name of the individual parameter, and iiv_<parameter>."""
        rows = list(self.population.rows())
        return {row["name"]: float(row["typical"]) for row in rows} | {f"iiv_{row['name']}": float(row["sd"]) for row in rows}


def two_stage(
    model: Model, data: Any, *, summary: str = "standard", columns: Mapping[str, str] | None = None, progress: Progress | None = None
) -> TwoStage:
    """Fit every subject alone and summarise: see `popmix.estimate.two_stage`.

    Every theta and residual SD that is not fixed is estimated for each subject. Raises OptionError for an unknown summary, SupportError for
    models with effects that a subject alone can't have, FitError when fewer than two subjects can be fitted.
    """
    if summary not in _SUMMARIES:
        raise OptionError(f"summary={summary!r} doesn't exist: it is 'standard' or 'global'.")
    alone = alone_model(model)
    told = progress or Silent()
    # a prior of the population is none of one subject
    method = replace(default_method(alone), prior=False)
    load_engine(told, alone, method)
    problem = bind(alone, data, columns=columns)
    method.check(problem)
    names = [name for name, one in model.parameters.items() if one.iiv is not None]
    links = [LINKS[model.parameters[name].family](model.parameters[name]) for name in names]
    fits = [_fitted(problem, method, subject, names, links, told) for subject in range(problem.n_subjects)]
    usable = [one for one in fits if not one.reason]
    if len(usable) < 2:
        raise FitError(f"{len(usable)} of {problem.n_subjects} subjects can be fitted alone, which is too few: {fits[0].reason or ''}")
    phi, covariances = np.array([one.phi for one in usable]), np.array([one.covariance for one in usable])
    mean, omega, errors = (_standard if summary == "standard" else _global)(phi, covariances)
    population = Table(
        {
            "name": np.array(names, dtype=object),
            "typical": np.array([link.inverse(value) for link, value in zip(links, mean, strict=True)]),
            "phi": mean,
            "se_phi": errors,
            "sd": np.sqrt(np.diag(omega)),
        }
    )
    return TwoStage(model, summary, population, _individuals(problem, fits), phi, covariances)


def alone_model(model: Model) -> Model:
    """Return a model as it is for one subject: without random effects. Raises SupportError for those of occasions, levels and mixtures."""
    kinds = {name for name, one in model.declarations.items() if isinstance(one, Mixture)}
    levels = {effect.member for effect in model.random_effects() if effect.level is not None}
    if kinds or levels:
        raise SupportError(
            f"a subject alone can't have {', '.join(sorted(kinds | levels))}: the two-stage method knows effects of subjects only."
        )
    changed = {}
    for name, one in model.declarations.items():
        if isinstance(one, IndividualParameter):
            changed[name] = replace(one, iiv=None, iov=None)
        elif isinstance(one, Eta):
            changed[name] = Theta(0.0, fixed=True)
        elif not isinstance(one, Block):
            changed[name] = one
    return Model(model.name, model.doc, changed)


@dataclass(frozen=True, eq=False)
class _Link:
    """The scale on which an individual parameter is normal."""

    forward: Callable[[float], float]
    inverse: Callable[[float], float]


def _logit_between(declared: IndividualParameter) -> _Link:
    low, high = declared.lower or 0.0, 1.0 if declared.upper is None else declared.upper
    return _Link(lambda value: np.log((value - low) / (high - value)), lambda phi: low + (high - low) / (1.0 + np.exp(-phi)))


# how an individual parameter of a family becomes normal
LINKS = {
    "Normal": lambda declared: _Link(lambda value: value, lambda phi: phi),
    "LogNormal": lambda declared: _Link(np.log, np.exp),
    "LogitNormal": _logit_between,
}


@dataclass(frozen=True, eq=False)
class _Alone:
    """One subject's fit: its values of the population parameters, its individual parameters on the normal scale; why there is none."""

    values: np.ndarray
    phi: np.ndarray
    covariance: np.ndarray
    reason: str


def _fitted(problem: Problem, method: Marginal, subject: int, names: list[str], links: list[_Link], told: Progress) -> _Alone:
    weights = np.zeros(problem.n_subjects)
    weights[subject] = 1.0
    own, start = replace(problem, weights=weights), parameters_of(problem.model)
    nothing = np.full(len(names), np.nan)
    failed = _Alone(np.full(len(start), np.nan), nothing, np.diag(nothing), "")
    told.update("fit", (subject + 1) / problem.n_subjects, f"subject {problem.data.ids[subject]} alone")
    n_observed = int(np.diff(problem.timeline.first_observation)[subject])
    if n_observed <= start.n_estimated and problem.n_gaussian[subject]:
        return replace(failed, reason=f"{n_observed} observations for {start.n_estimated} parameters")
    try:
        found = method.minimise(own, start, 1, Silent())
    except PopmixError as error:
        return replace(failed, reason=str(error).splitlines()[0])
    parameters = found.point.state.parameters
    scale = Scale.of(parameters)
    if not found.converged or np.max(np.abs(scale.pack(parameters) - scale.pack(start)), initial=0.0) > _FARTHEST:
        return replace(failed, reason="no optimum: a parameter runs away")
    covariance = _covariance(Objective(own, scale, method.rule, 1), found.point.state)
    if covariance is None:
        return replace(failed, reason="a combination of parameters has no information")
    phi, slopes = _normal_scale(own, subject, parameters, names, links)
    if not np.all(np.isfinite(phi)):
        return replace(failed, reason="a parameter lies on the edge of its range")
    return _Alone(parameters.values, phi, slopes @ covariance @ slopes.T, "")


def _covariance(objective: Objective, state: Any) -> np.ndarray | None:
    """Return the covariance of the free parameters on the natural scale, twice the inverse information about -2 log L, None without one."""
    problem, free = objective.problem, objective.scale.free
    information = natural_information(problem, state.parameters, problem.information(state, objective.rule, threads=1))[np.ix_(free, free)]
    diagonal = np.sqrt(np.diag(information))
    if not np.all(np.isfinite(diagonal)) or np.any(diagonal <= 0):
        return None
    scaled = information / np.outer(diagonal, diagonal)
    if np.linalg.eigvalsh(scaled)[0] < _LEAST_INFORMATION:
        return None
    full = np.zeros((len(state.parameters), len(state.parameters)))
    full[np.ix_(free, free)] = 2.0 * np.linalg.inv(scaled) / np.outer(diagonal, diagonal)
    slopes = np.diag(objective.scale.jacobian(objective.scale.pack(state.parameters))[free])
    return None if np.any(np.sqrt(np.diag(full)[free]) > _WIDEST * np.abs(slopes)) else full


def _normal_scale(
    problem: Problem, subject: int, parameters: Parameters, names: list[str], links: list[_Link]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the individual parameters on the normal scale and their slopes in the population parameters (central differences)."""
    compiled, first = problem.compiled, problem.timeline.first_row[subject]
    function = ctypes.CFUNCTYPE(None, _REALS, _REALS, _REALS, _REALS, _REALS)(compiled.address("reported"))
    covariates, times = (np.ascontiguousarray(one[first]) for one in (problem.timeline.at, problem.timeline.times))
    chosen = [compiled.reported.index(name) for name in names]

    def at(values: np.ndarray) -> np.ndarray:
        out = np.zeros(max(len(compiled.reported), 1))
        function(np.zeros(1), np.ascontiguousarray(values[compiled.positions]), covariates, times, out)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.array([link.forward(value) for link, value in zip(links, out[chosen], strict=True)])

    slopes = np.zeros((len(names), len(parameters)))
    for position, value in enumerate(parameters.values):
        step = np.zeros(len(parameters))
        step[position] = 1e-5 * max(abs(value), 1e-3)
        slopes[:, position] = (at(parameters.values + step) - at(parameters.values - step)) / (2 * step[position])
    return at(parameters.values), slopes


def _standard(phi: np.ndarray, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    omega = np.atleast_2d(np.cov(phi, rowvar=False, ddof=1))
    return np.mean(phi, axis=0), omega, np.sqrt(np.diag(omega) / len(phi))


def _global(phi: np.ndarray, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean, omega, _ = _standard(phi, covariances)
    told = np.linalg.inv(covariances)
    omega = omega + 1e-12 * np.trace(omega) * np.eye(len(omega))
    for _ in range(_MOST_EM):
        inside = np.linalg.inv(told + np.linalg.inv(omega))
        posterior = np.einsum("nij,nj->ni", inside, np.einsum("nij,nj->ni", told, phi) + np.linalg.solve(omega, mean))
        before = omega
        mean = np.mean(posterior, axis=0)
        apart = posterior - mean
        omega = np.mean(inside + np.einsum("ni,nj->nij", apart, apart), axis=0)
        if np.max(np.abs(omega - before)) < _EM_TOLERANCE * np.trace(omega):
            break
    errors = np.sqrt(np.diag(np.linalg.inv(np.sum(np.linalg.inv(covariances + omega), axis=0))))
    return mean, omega, errors


def _individuals(problem: Problem, fits: list[_Alone]) -> Table:
    names = parameters_of(problem.model).names
    values = np.array([one.values for one in fits])
    columns = {"ID": np.array(problem.data.ids, dtype=object)} | {name: values[:, k] for k, name in enumerate(names)}
    reasons = np.array([one.reason for one in fits], dtype=object)
    return Table(columns | {"fitted": reasons == "", "reason": reasons})
