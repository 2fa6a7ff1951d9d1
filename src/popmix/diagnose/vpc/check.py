"""`vpc` and `npc`: from a fit to its predictive checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from popmix.data import EventTable, read
from popmix.diagnose.npde import Limits
from popmix.diagnose.residuals import limits_of
from popmix.diagnose.vpc.binless import binless_vpc
from popmix.diagnose.vpc.bins import Bins
from popmix.diagnose.vpc.continuous import VPC, Correction, Layout, continuous_vpc, percentiles_of
from popmix.diagnose.vpc.cumulative import CumulativeVPC, cumulative_check
from popmix.diagnose.vpc.discrete import CategoryVPC, category_check
from popmix.diagnose.vpc.numerical import INTERVALS, NPC, numerical_check
from popmix.diagnose.vpc.strata import Stratification, axis_of, strata_of
from popmix.diagnose.vpc.survival import SurvivalVPC, survival_check
from popmix.errors import OptionError
from popmix.estimate import Fit
from popmix.estimate.binding import bound
from popmix.estimate.progress import Progress, Silent
from popmix.likelihood import Problem, bind, expectation_of
from popmix.model.declarations import Distribution
from popmix.simulate import Replicates, replicates
from popmix.simulate.events import all_event_times, event_times
from popmix.simulate.follow_up import FollowUp
from popmix.table import Table

_DV = 2


def vpc(
    fit: Fit,
    n: int = 1000,
    *,
    endpoint: str | None = None,
    against: str = "TIME",
    bins: Bins | None = "auto",
    stratify: Stratification = None,
    percentiles: Sequence[float] = (5, 50, 95),
    level: float = 0.95,
    correction: str | None = None,
    reference: Any = None,
    lower_bound: float = 0.0,
    log_data: bool = False,
    event: int | None = 1,
    uncertainty: Any = None,
    convention: str = "type7",
    simulated: Replicates | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> VPC | CategoryVPC | SurvivalVPC | CumulativeVPC:
    """Return the visual predictive check of an endpoint (default: the first that is observed) by `n` simulated data sets.

    against: a column of numbers (TIME, TAD, PRED, a covariate); bins: as in `popmix.diagnose.vpc.bins`, None for smooth quantiles without
    bins; stratify: a column or labels. percentiles, level: of the data, and of the interval of each in simulated data sets. correction:
    "prediction" (Bergstrand's pcVPC), "variability" (with it), or "reference" with `reference`: {column: value} (AMT, a covariate, ...)
    that holds in the reference, or data with the same records; `lower_bound` of the outcome, `log_data` for a DV that is a logarithm.
    event: which event of a repeated one, None: the mean number of all. uncertainty: draws of parameters for the replicates, a Covariance,
    SIR or Posterior, or an array [n, parameters]; without it the estimates are taken as known. convention: of percentiles, "type7" or
    "psn". simulated: replicates of the fit that are there already (`popmix.simulate.replicates`), in place of n and uncertainty.

    Counts and categories get shares, events Kaplan and Meier's survival or the mean cumulative number. Raises OptionError, and
    SupportError for a LogLikelihood.
    """
    problem = bound(fit, progress) if simulated is None else simulated.problem
    name = _endpoint(problem, endpoint)
    own, table = _positions(problem, name), _with_axes(fit, problem)
    stratum, kind = strata_of(problem, table, stratify), _kind(problem, name)
    _refuse_idle(name, kind, event, correction, bins, against)

    def made() -> Replicates:
        return simulated or _simulated(problem, fit, n, draws_of(uncertainty, n, seed), seed, threads, progress)

    # all that can be wrong is asked before the simulation
    if kind == "TimeToEvent":
        return _events(FollowUp.of(problem, name), made, name, stratum[own], event, level, seed, threads)
    columns = (axis_of(table, against, own), stratum[own], table["ID"][own])
    layout = Layout(against, *columns, bins, percentiles_of(percentiles), level, convention)
    referred = None if reference is None else _reference(fit, problem, reference, threads)[own]
    correcting = Correction(correction, table["PRED"][own].astype(float), referred, lower_bound, log_data)
    observed, drawn = _observed(problem, own), made().dv[:, own]
    if kind != "continuous":
        return category_check(name, observed, drawn, layout)
    check = binless_vpc if bins is None else continuous_vpc
    return check(name, observed, drawn, layout, correcting, limits_of(problem, name, own))


def _positions(problem: Problem, name: str) -> np.ndarray:
    """Return the positions of the observations of an endpoint."""
    names = np.array([one.lowered.name for one in problem.compiled.endpoints], dtype=object)
    return np.flatnonzero(names[problem.timeline.endpoint] == name)


def _refuse_idle(name: str, kind: str, event: int | None, correction: str | None, bins: Bins | None, against: str) -> None:
    """Raise OptionError for options that have no meaning for a kind of outcome, and for an event that is none."""
    if event is not None and (isinstance(event, bool) or not isinstance(event, int) or event < 1):
        raise OptionError(f"event={event!r}: 1 is the first one, None stands for the number of all.")
    if kind == "TimeToEvent" and against != "TIME":
        raise OptionError(f"{name} is the time of an event, laid out along TIME: leave out against={against!r}.")
    if kind != "continuous" and correction is not None:
        raise OptionError(f"{name} is {kind}: shares and survival have no correction={correction!r}; stratify instead.")
    if kind not in ("continuous", "TimeToEvent") and bins is None:
        raise OptionError(f"{name} is {kind}: shares of categories need bins; leave out bins=None.")


def npc(
    fit: Fit,
    n: int = 1000,
    *,
    endpoint: str | None = None,
    intervals: Sequence[float] = INTERVALS,
    level: float = 0.95,
    uncertainty: Any = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> NPC:
    """Return the numerical predictive check of an endpoint: the shares of observations outside prediction intervals of given widths.

    Arguments as in `vpc`. A value below a limit lies below every interval whose lower end is above the limit, and so on. Raises
    OptionError, and SupportError for a LogLikelihood.
    """
    problem = bound(fit, progress)
    name = _endpoint(problem, endpoint)
    if _kind(problem, name) == "TimeToEvent":
        raise OptionError(f"{name} is the time of an event: use vpc, which compares survival.")
    simulated = _simulated(problem, fit, n, draws_of(uncertainty, n, seed), seed, threads, progress)
    own = _positions(problem, name)
    observed, drawn = _beyond(_observed(problem, own), simulated.dv[:, own], limits_of(problem, name, own))
    return numerical_check(name, observed, drawn, intervals, level)


def replicates_of(
    fit: Fit, n: int, *, uncertainty: Any = None, seed: int = 1, threads: int | None = None, progress: Progress | None = None
) -> Replicates:
    """Return `n` replicates of the data of a fit at its estimates, or at draws of what is known of their uncertainty."""
    return _simulated(bound(fit, progress), fit, n, draws_of(uncertainty, n, seed), seed, threads, progress)


def _simulated(
    problem: Problem, fit: Fit, n: int, values: np.ndarray | None, seed: int, threads: int | None, progress: Progress | None
) -> Replicates:
    (progress or Silent()).update("simulate", None, f"{n} replicates")
    return replicates(problem, fit.parameters, n, values=values, seed=seed, threads=threads)


def draws_of(uncertainty: Any, n: int, seed: int) -> np.ndarray | None:
    """Return parameters [n, V] drawn from what is known of their uncertainty: a value with `parameter_draws`, or an array as it is."""
    if uncertainty is None or isinstance(uncertainty, np.ndarray):
        return uncertainty
    if not hasattr(uncertainty, "parameter_draws"):
        raise OptionError(f"uncertainty={type(uncertainty).__name__}: give a Covariance, SIR or Posterior, or an array of draws.")
    return uncertainty.parameter_draws(n, seed)


def _endpoint(problem: Problem, endpoint: str | None) -> str:
    observed = [one.lowered.name for one in problem.compiled.endpoints]
    known = [name for name in problem.model.observations if name in observed]
    if endpoint is None:
        return known[0]
    if endpoint not in known:
        raise OptionError(f"endpoint={endpoint!r} is not observed; there are {', '.join(known)}.")
    return endpoint


def _kind(problem: Problem, name: str) -> str:
    declared = problem.model.observations[name].prediction
    return declared.kind if isinstance(declared, Distribution) else "continuous"


def _observed(problem: Problem, own: np.ndarray) -> np.ndarray:
    return problem.timeline.times[problem.timeline.observed_row[own], _DV]


def _with_axes(fit: Fit, problem: Problem) -> Table:
    """Return the predictions of a fit with the time after dose."""
    since = problem.timeline.times[problem.timeline.observed_row, 1]
    table = fit.predictions_table
    return Table({name: table[name] for name in table} | {"TAD": np.where(since < 0, np.nan, since)})


def _beyond(observed: np.ndarray, simulated: np.ndarray, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Return values with those beyond a limit as -inf and inf, observed and simulated alike."""
    seen = np.select([limits.side == "left", limits.side == "right"], [-np.inf, np.inf], observed)
    low, high = np.nan_to_num(limits.low, nan=-np.inf), np.nan_to_num(limits.high, nan=np.inf)
    between = limits.side == "between"
    drawn = np.where((simulated < low) & ~between, -np.inf, np.where((simulated > high) & ~between, np.inf, simulated))
    return np.where(between, 0.5 * (limits.low + limits.high), seen), drawn


def _reference(fit: Fit, problem: Problem, reference: Any, threads: int | None) -> np.ndarray:
    """Return the population predictions of the same records under reference doses and covariates."""
    table = _changed(problem.data, reference) if isinstance(reference, Mapping) else read(reference, expectation=expectation_of(fit.model))
    other = bind(fit.model, table, solver=problem.solver)
    if other.n_observations != problem.n_observations:
        raise OptionError(
            f"reference has {other.n_observations} observations; it must have the {problem.n_observations} of the data, in order."
        )
    found = other.predictions(fit.parameters, slopes=False, threads=threads).f
    on_log = np.array([one.lowered.log_scale for one in other.compiled.endpoints])[other.timeline.endpoint]
    return np.where(on_log, np.exp(np.where(on_log, found, 0.0)), found)


def _changed(table: EventTable, values: Mapping[str, Any]) -> EventTable:
    events = {"AMT": "amt", "RATE": "rate", "DUR": "duration", "II": "ii", "ADDL": "addl"}
    changed, covariates = {}, dict(table.covariates)
    for name, value in values.items():
        if name in events:
            own = getattr(table, events[name])
            # only doses have them, and what was absent stays absent
            changed[events[name]] = np.where(table.dosing & ~np.isnan(own.astype(float)), value, own)
        elif name in covariates:
            own = covariates[name]
            covariates[name] = np.full(table.n_rows, float(value) if own.dtype.kind == "f" else str(value), dtype=own.dtype)
        else:
            raise OptionError(f"reference names {name!r}, which is no column of doses ({', '.join(events)}) and no covariate of the model.")
    return replace(table, **changed, covariates=covariates)


def _events(
    followed: FollowUp,
    made: Callable[[], Replicates],
    name: str,
    stratum: np.ndarray,
    event: int | None,
    level: float,
    seed: int,
    threads: int | None,
) -> SurvivalVPC | CumulativeVPC:
    if event is None and followed.goes_on is False:
        raise OptionError(f"{name}: nobody is followed after an event, so that event=None has no numbers to compare.")
    if event is None or (event > 1 and followed.by_interval):
        drawn = all_event_times(made(), name, seed=seed, threads=threads)
    else:
        drawn = event_times(made(), name, event, seed=seed, threads=threads)
    times = drawn.censored[:, followed.subjects]
    groups = stratum[np.searchsorted(followed.subject, followed.subjects)]
    if event is None:
        return cumulative_check(name, groups, followed, times, level)
    own = times[..., event - 1] if event <= times.shape[-1] else np.full(times.shape[:2], np.inf)
    return survival_check(name, event, groups, followed.event(event), own, followed.ends[followed.subjects], level)


__all__ = ["CategoryVPC", "CumulativeVPC", "NPC", "SurvivalVPC", "VPC", "npc", "vpc"]
