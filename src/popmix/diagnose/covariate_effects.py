"""Effects of covariates on parameters as ratios to a reference subject, with their uncertainty: what a forest plot shows.

    ratio = typical parameter at the covariate value / typical parameter at the reference (eta = 0),

its interval the quantiles of the ratio over draws of the parameters. The band from 0.8 to 1.25 is that of bioequivalence. Source: FDA,
Guidance for Industry, Population Pharmacokinetics (2022).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from popmix.errors import OptionError
from popmix.estimate import Fit
from popmix.estimate.binding import bound
from popmix.likelihood import Problem, bind
from popmix.plot import Picture, forest
from popmix.table import Table


@dataclass(frozen=True, eq=False, repr=False)
class CovariateEffects:
    """Ratios to a reference subject. `table`: GROUP (the parameter), NAME (covariate and value), ESTIMATE, LOWER, UPPER."""

    reference: Mapping[str, Any]
    level: float
    table: Table

    def picture(self) -> Picture:
        """Return the forest plot, with the band from 0.8 to 1.25."""
        return forest(self.table, x_label=f"ratio to the reference ({_told(self.reference)}), {100 * self.level:g} % interval")

    def __repr__(self) -> str:
        return f"Ratios to the reference ({_told(self.reference)}), {100 * self.level:g} % intervals\n{self.table!r}"


def covariate_effects(
    fit: Fit,
    uncertainty: Any,
    values: Mapping[str, Sequence[Any]] | None = None,
    *,
    parameters: Sequence[str] | None = None,
    reference: Mapping[str, Any] | None = None,
    level: float = 0.9,
    n: int = 1000,
    seed: int = 1,
) -> CovariateEffects:
    """Return the ratio of each individual parameter to that of a reference subject, at values of one covariate after the other.

    uncertainty: a Covariance, SIR or Posterior, whose `n` draws make the intervals of `level`. values: by covariate (default: the 5th and
    95th percentile of a number over subjects, every other category). reference: by covariate (default: the median, the commonest
    category). parameters: names (default: those that change). Raises OptionError for unknown names and a model without covariates.
    """
    problem = bound(fit)
    known = {name: problem.data.covariates[name][problem.data.starts[:-1]] for name in fit.model.covariates}
    if not known:
        raise OptionError(f"{fit.model.name} has no covariates.")
    chosen = dict(values) if values is not None else {name: _usual(own) for name, own in known.items()}
    middle = {name: _middle(own) for name, own in known.items()} | dict(reference or {})
    unknown = [name for name in (*chosen, *middle) if name not in known]
    if unknown:
        raise OptionError(f"the model has no covariate {unknown[0]!r}; there are {', '.join(known)}.")
    scenarios = [(name, value) for name, own in chosen.items() for value in own if value != middle[name]]
    draws = np.vstack([fit.parameters.values, uncertainty.parameter_draws(n, seed)])
    typical = _typical(problem, fit, [middle, *(middle | {name: value} for name, value in scenarios)], draws)
    ratios = typical[:, 1:] / typical[:, :1]
    names = problem.compiled.reported
    wanted = _wanted(names, parameters, ratios[0])
    rows = []
    for parameter in wanted:
        own = ratios[:, :, names.index(parameter)]
        for k, (name, value) in enumerate(scenarios):
            low, high = np.quantile(own[1:, k], [0.5 - level / 2, 0.5 + level / 2])
            rows.append((parameter, f"{name} {_shown(value)}", own[0, k], low, high))
    columns = zip(*rows, strict=True) if rows else ((),) * 5
    names_of = ("GROUP", "NAME", "ESTIMATE", "LOWER", "UPPER")
    table = {name: np.array(cells, dtype=object if k < 2 else float) for k, (name, cells) in enumerate(zip(names_of, columns, strict=True))}
    return CovariateEffects(middle, level, Table(table))


def _wanted(names: Sequence[str], parameters: Sequence[str] | None, ratios: np.ndarray) -> list[str]:
    """Return the parameters that were asked for, or those that any covariate changes."""
    if parameters is None:
        return [name for k, name in enumerate(names) if np.any(np.abs(ratios[:, k] - 1) > 1e-12)]
    unknown = [name for name in parameters if name not in names]
    if unknown:
        raise OptionError(f"the model has no individual parameter {unknown[0]!r}; there are {', '.join(names)}.")
    return list(parameters)


def _usual(values: np.ndarray) -> list[Any]:
    if values.dtype.kind == "f" and len(np.unique(values)) > 2:
        return [float(f"{one:.3g}") for one in np.quantile(values, [0.05, 0.95])]
    return sorted(set(values.tolist()), key=str)


def _middle(values: np.ndarray) -> Any:
    if values.dtype.kind == "f" and len(np.unique(values)) > 2:
        return float(f"{np.median(values):.4g}")
    found, counts = np.unique(values.astype(str), return_counts=True)
    commonest = found[np.argmax(counts)]
    return next(value for value in values.tolist() if str(value) == commonest)


def _typical(problem: Problem, fit: Fit, scenarios: Sequence[Mapping[str, Any]], draws: np.ndarray) -> np.ndarray:
    """Return individual parameters at eta = 0 [draws, scenarios, parameters]: the records of the first subject, with other covariates."""
    table = problem.data.to_table()
    own = np.arange(problem.data.starts[1])
    columns = {name: np.tile(values[own], len(scenarios)) for name, values in table.items()}
    columns["ID"] = np.repeat([str(k) for k in range(len(scenarios))], len(own))
    for name in fit.model.covariates:
        columns[name] = np.repeat([scenario[name] for scenario in scenarios], len(own))
    made = bind(fit.model, {name: values.tolist() for name, values in columns.items()}, solver=problem.solver)
    return np.stack([made.predictions(fit.parameters.unchecked(values)).reported for values in draws])


def _told(reference: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in reference.items())


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
