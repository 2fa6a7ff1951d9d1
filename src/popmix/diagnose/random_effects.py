"""Pictures of the random effects of a fit, level by level: of subjects, of their occasions (jars, ...), of the groups above them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from popmix.diagnose.pictures import headed
from popmix.errors import SupportError
from popmix.estimate import Fit, conditional
from popmix.estimate.binding import bound
from popmix.estimate.progress import Progress
from popmix.likelihood import Problem
from popmix.likelihood.units import Units, column_name, units_of
from popmix.plot import Picture, effect_distributions, effect_pairs, effects_against_covariates
from popmix.table import Table

# conditional samples of each subject in a picture; their means, for which chains would go on, are not drawn
_SAMPLES, _ITERATIONS = 20, 1
_MOST_LABELS = 12  # of occasions that can stand side by side as categories


@dataclass(frozen=True, eq=False)
class Effects:
    """Random effects of one level in tables: modes, and samples of the conditional distributions (None where there are none).

    `level`: its name, "" for subjects; tables have a row for each unit: ID, UNIT (the label of occasion or group; not of subjects) and the
    effects. `sds` (omega) and `shrinkage` (percent) by effect; `covariates`: at the first record of each unit, the label of occasions
    among them.
    """

    level: str
    modes: Table
    samples: Table | None
    sds: Mapping[str, float]
    shrinkage: Mapping[str, float]
    covariates: Table


@dataclass(frozen=True, eq=False)
class RandomEffects:
    """The random effects of a fit by level, subjects first; `note`: why there are no samples beside the modes, "" where there are."""

    levels: tuple[Effects, ...]
    note: str = ""


def effects_of(fit: Fit, *, seed: int = 1, progress: Progress | None = None) -> RandomEffects:
    """Return the random effects of every level, with samples of their conditional distributions."""
    problem = bound(fit)
    levels, drawn, note = units_of(problem), None, ""
    if levels:
        try:
            drawn = conditional(fit, _SAMPLES, seed=seed, iterations=_ITERATIONS, progress=progress).effects
        except SupportError as error:
            note = f"No samples of the conditional distributions beside the modes: {error}"
    return RandomEffects(tuple(_of_level(fit, problem, units, drawn) for units in levels), note)


def _of_level(fit: Fit, problem: Problem, units: Units, drawn: np.ndarray | None) -> Effects:
    declared, sds = fit.parameters.eta_names, np.sqrt(np.diag(fit.parameters.omega()))
    names = {pattern: column_name(declared[pattern]) for pattern in units.pattern.tolist()}
    of_units = {"ID": np.array(problem.data.ids, dtype=object)[units.subject]}
    if units.level is not None:
        of_units["UNIT"] = units.label
    modes = {name: _modes(fit.individuals_table, units, name) for name in names.values()}
    samples = None
    if drawn is not None:
        own = units.of(drawn)
        repeated = {name: np.repeat(values, own.shape[1]) for name, values in of_units.items()}
        samples = Table(repeated | {name: own[..., k].ravel() for k, name in enumerate(names.values())})
    return Effects(
        level=units.level or "",
        modes=Table(of_units | modes),
        samples=samples,
        sds={name: float(sds[pattern]) for pattern, name in names.items()},
        shrinkage={name: fit.shrinkage[declared[pattern]] for pattern, name in names.items()},
        covariates=Table(of_units | _labels(units) | covariates_of(problem, units)),
    )


def _modes(individuals: Table, units: Units, name: str) -> np.ndarray:
    """Return the modes [units] of an effect from the table of subjects, where those of occasions have a column for each label."""
    if not units.within:
        return individuals[name][units.subject]
    own = zip(units.label.tolist(), units.subject.tolist(), strict=True)
    return np.array([individuals[f"{name}_{label}"][subject] for label, subject in own], dtype=float)


def _labels(units: Units) -> dict[str, np.ndarray]:
    """Return the label that effects within subjects are held against: a number, or one of a few words that subjects share."""
    if not units.within:
        return {}
    try:
        return {str(units.level): units.label.astype(float)}
    except ValueError:
        few = len(set(units.label.tolist())) <= _MOST_LABELS
        return {str(units.level): units.label} if few else {}


def covariates_of(problem: Problem, units: Units) -> dict[str, np.ndarray]:
    """Return the covariates of the model at the first record of each unit; of groups those alone that all their subjects share."""
    data = problem.data
    first = data.starts[:-1][units.subject]
    if units.within:
        number = next(one.number for one in problem.groupings.below if one.name == units.level)
        first = np.unique(data.subject * (int(number.max(initial=0)) + 1) + number, return_index=True)[1]
    found = {name: data.covariates[name] for name in problem.model.covariates if name in data.covariates}
    above = [one.group for one in problem.groupings.above if one.name == units.level]
    if above:
        own = data.starts[:-1]
        found = {name: values for name, values in found.items() if np.all(values[own] == values[first][above[0]])}
    return {name: values[first] for name, values in found.items()}


def effect_pictures(fit: Fit, found: RandomEffects | None = None, *, progress: Progress | None = None) -> list[Picture]:
    """Return the pictures of random effects of every level: distributions with shrinkage; against covariates (of occasions also by
    occasion), and in pairs; modes beside samples.
    """
    own = found or effects_of(fit, progress=progress)
    return [headed(picture, fit) for effects in own.levels for picture in _drawn(effects)]


def _drawn(own: Effects) -> Sequence[Picture]:
    pictures = [effect_distributions(own.modes, own.sds, own.shrinkage, own.samples)]
    if set(own.covariates) - {"ID", "UNIT"}:
        pictures.append(effects_against_covariates(own.modes, own.covariates, own.samples))
    if len(own.sds) > 1:
        pictures.append(effect_pairs(own.modes, own.samples))
    return [replace(one, title=f"{one.title} ({own.level})") if own.level else one for one in pictures]
