"""Estimation from several start values: what each of them led to, and the best."""

from dataclasses import replace

import numpy as np

from popmix.errors import FitError, OptionError
from popmix.estimate.method import Method, Outcome, Setting
from popmix.estimate.scale import Scale
from popmix.likelihood import Problem
from popmix.model.parameters import Parameters
from popmix.table import Table

# thetas are spread by factors between 1/5 and 5 (on their unconstrained scale), SDs of random effects between 1/2 and 2
_THETA, _SD = 5.0, 2.0
# objectives as near as this belong to one optimum
_SAME = 0.1


def check_starts(n_starts: int) -> None:
    """Raise OptionError for what is no number of starts."""
    if isinstance(n_starts, bool) or not isinstance(n_starts, int) or n_starts < 1:
        raise OptionError(f"n_starts={n_starts!r} must be a whole number of at least 1.")


def estimate_from(method: Method, problem: Problem, begin: Parameters, setting: Setting, n_starts: int) -> tuple[Outcome, Table]:
    """Return the best outcome of `n_starts` estimations, the first from `begin`, and a table with a row for each.

    Columns: start, ofv, converged, optimum (1 is the best; nan where nothing was reached), reason, and the estimates by name. An interrupt
    ends the work with the best so far. Raises FitError when none of them could be done.
    """
    if n_starts == 1:
        found = method.estimate(problem, begin, setting)
        return found, _table(begin, [(found, found.convergence.reason)])
    done: list[tuple[Outcome | None, str]] = []
    for number, start in enumerate(spread_starts(begin, n_starts, setting.seed)):
        setting.progress.update("start", number / n_starts, f"start {number + 1} of {n_starts}")
        try:
            found = method.estimate(problem, start, replace(setting, checkpoint=setting.checkpoint.of_start(number)))
        except FitError as error:
            done.append((None, str(error).splitlines()[0]))
            continue
        done.append((found, found.convergence.reason))
        if found.interrupted:
            break
    reached = [found for found, _ in done if found is not None and np.isfinite(found.evaluation.ofv + found.evaluation.prior)]
    if not reached:
        raise FitError(f"none of {n_starts} starts could be fitted; from the first: {done[0][1]}")
    best = min(reached, key=lambda found: found.evaluation.ofv + found.evaluation.prior)
    return replace(best, interrupted=any(found.interrupted for found in reached)), _table(begin, done)


def spread_starts(begin: Parameters, n_starts: int, seed: int) -> list[Parameters]:
    """Return start values: those given, then random ones around them; the same for the same seed, whatever their number."""
    scale, starts = Scale.of(begin), [begin]
    middle = scale.pack(begin)
    kinds = np.array(begin.kinds)[scale.free]
    reach = np.where(kinds == "theta", np.log(_THETA), np.where(np.isin(kinds, ("iiv", "iov")), np.log(_SD), 0.0))
    for number in range(1, n_starts):
        uniform = np.random.default_rng([seed, number]).uniform(-1.0, 1.0, len(middle))
        starts.append(begin.unchecked(scale.unpack(middle + reach * uniform)))
    return starts


def no_starts() -> Table:
    """Return the table of what was not estimated: no row."""
    return Table({"start": np.zeros(0, dtype=int), "ofv": np.zeros(0), "converged": np.zeros(0, dtype=bool), "optimum": np.zeros(0)})


def several_optima(starts: Table) -> list[str]:
    """Return a sentence when starts ended at different optima, or failed."""
    optima = starts["optimum"]
    failed = int(np.sum(np.isnan(optima)))
    if starts.n_rows <= 1 or (not failed and np.all(optima == 1)):
        return []
    parts = []
    for number in np.unique(optima[np.isfinite(optima)]):
        own = starts["ofv"][optima == number]
        parts.append(f"OFV {own.min():.3f} ({len(own)} of {starts.n_rows})")
    parts += [f"nothing ({failed} of {starts.n_rows})"] if failed else []
    return [f"the starts reached {', '.join(parts)}: see fit.starts."]


def _table(begin: Parameters, done: list[tuple[Outcome | None, str]]) -> Table:
    values = np.array([np.full(len(begin), np.nan) if found is None else found.evaluation.parameters.values for found, _ in done])
    ofv = np.array([np.nan if found is None else (found.evaluation.ofv + found.evaluation.prior) for found, _ in done])
    columns = {
        "start": np.arange(1, len(done) + 1),
        "ofv": ofv,
        "converged": np.array([found is not None and found.convergence.converged for found, _ in done]),
        "optimum": _ranked(ofv),
        "reason": np.array([reason for _, reason in done], dtype=object),
    }
    return Table(columns | {name: values[:, k] for k, name in enumerate(begin.names)})


def _ranked(ofv: np.ndarray) -> np.ndarray:
    """Return the number of the optimum that each objective belongs to, 1 for the lowest."""
    ranks, number, last = np.full(len(ofv), np.nan), 0, -np.inf
    for k in np.argsort(ofv):
        if not np.isfinite(ofv[k]):
            continue
        if ofv[k] > last + _SAME:
            number, last = number + 1, ofv[k]
        ranks[k] = number
    return ranks
