"""What random effects belong to: subjects, their occasions (jars, ...), and groups of subjects; a unit has one effect of each kind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from popmix.likelihood.effects import Effects
from popmix.likelihood.problem import Problem


@dataclass(frozen=True, eq=False)
class Units:
    """The U units of one level, and where their E effects stand among those of subjects.

    `level`: its name, None for subjects; `within`: whether its units lie within subjects; `subject` [U]: the index of a unit's subject, of
    a group its first one (all have the same weight); `label` [U]: of the occasion or group in the data, of subjects their identifier;
    `number` [U]: of the occasion within its subject, from 0; `pattern` [E]: places among the declared effects; `place` [U, E]: among the
    effects of a subject.
    """

    level: str | None
    within: bool
    subject: np.ndarray
    label: np.ndarray
    number: np.ndarray
    pattern: np.ndarray
    place: np.ndarray

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return values [U, ..., E] of the units from those [subjects, ..., effects] of subjects."""
        return np.moveaxis(values[self.subject[:, None], ..., self.place], 1, -1)


def units_of(problem: Problem) -> tuple[Units, ...]:
    """Return the units of every level that has effects: subjects, levels within them, levels above."""
    effects, groupings, ids = problem.effects, problem.groupings, np.array(problem.data.ids, dtype=object)
    own = np.arange(len(ids))
    found = [_units(effects, None, own, ids, np.zeros_like(own), within=False)]
    for below in groupings.below:
        count = [len(labels) for labels in below.labels]
        label = np.array([one for labels in below.labels for one in labels], dtype=object)
        number = np.concatenate([np.arange(size) for size in count])
        found.append(_units(effects, below.name, np.repeat(own, count), label, number, within=True))
    for above in groupings.above:
        first = np.unique(above.group, return_index=True)[1]
        label = np.array(above.labels, dtype=object)
        found.append(_units(effects, above.name, first, label, np.zeros_like(first), within=False))
    return tuple(one for one in found if len(one.pattern))


def _units(effects: Effects, level: str | None, subject: np.ndarray, label: np.ndarray, number: np.ndarray, *, within: bool) -> Units:
    same = effects.level == level
    first = np.flatnonzero(same & (effects.number <= 0))
    place = first[None, :] + len(first) * number[:, None]  # the effects of one occasion follow those of the one before
    return Units(level, within, subject, label, number, effects.pattern[first], place)


def present_effects(problem: Problem) -> np.ndarray:
    """Return which effects [subjects, effects] a subject has: those of occasions that it does not have are left out."""
    present = np.ones((problem.n_subjects, len(problem.effects.pattern)), dtype=bool)
    present[:, problem.effects.number >= 0] = False
    for one in units_of(problem):
        if one.within:
            present[one.subject[:, None], one.place] = True
    return present


def column_name(effect: str) -> str:
    """Return what tables call a declared effect: eta_CL, and kappa_CL between occasions."""
    return effect if effect.startswith("kappa_") else f"eta_{effect}"


def numbered_names(problem: Problem, names: Sequence[str]) -> tuple[str, ...]:
    """Return names of a subject's effects from those declared: of occasions with their number within the subject, `kappa_CL[1]`."""
    effects = problem.effects
    own = (names[k] for k in effects.pattern.tolist())
    return tuple(name if number < 0 else f"{name}[{number + 1}]" for name, number in zip(own, effects.number.tolist(), strict=True))


def labelled_columns(problem: Problem, names: Sequence[str], values: np.ndarray) -> dict[str, np.ndarray]:
    """Return columns [subjects, ...] of effects from `values` [subjects, ..., effects]; `names` of the declared effects.

    Effects of occasions stand in a column for each label of an occasion, nan where a subject has no such occasion.
    """
    effects = problem.effects
    columns = {column_name(names[effects.pattern[k]]): values[..., k] for k in np.flatnonzero(effects.number < 0).tolist()}
    for unit in units_of(problem):
        if not unit.within:
            continue
        own = unit.of(values)
        for label in dict.fromkeys(unit.label.tolist()):
            rows = np.flatnonzero(unit.label == label)
            for k, pattern in enumerate(unit.pattern.tolist()):
                column = np.full(values.shape[:-1], np.nan)
                column[unit.subject[rows]] = own[rows, ..., k]
                columns[f"{column_name(names[pattern])}_{label}"] = column
    return columns
