"""The M-step for omega: in closed form where all of a block is free, else by Fisher scoring on what is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from popmix.engine.mode import precision_of
from popmix.likelihood import Problem
from popmix.model.parameters import OmegaBlock, Parameters

# smallest eigenvalue that is left to the correlations of a block
_LEAST_EIGENVALUE = 1e-6
_SCORING_STEPS, _MOST_HALVINGS = 3, 20


@dataclass(frozen=True, eq=False)
class Spread:
    """What of omega is estimated, by block; `counts` [declared, declared]: the weight of the effects from which each entry is known.

    `held`: parameters that are not found here: fixed ones, and SDs that stand in expressions.
    """

    problem: Problem
    parameters: Parameters
    counts: np.ndarray
    held: np.ndarray

    @classmethod
    def of(cls, problem: Problem, parameters: Parameters, weights: np.ndarray, present: np.ndarray) -> "Spread":
        """Return the M-step of a problem; `weights` by subject, `present` [subjects, effects]."""
        together = (present * weights[:, None]).T @ present
        counts = np.maximum(problem.effects.gathered(together.astype(float), len(parameters.eta_names)), 1e-300)
        held = parameters.fixed.copy()
        held[[parameters.index(name) for name in problem.compiled.lowered.linked]] = True
        return cls(problem, parameters, counts, held)

    @cached_property
    def _alone(self) -> tuple[np.ndarray, np.ndarray]:
        """Effects without correlations whose SD is estimated, and the positions of their SDs."""
        pairs = [(block.etas[0], block.sds[0]) for block in self.parameters.blocks if not block.correlations]
        found = np.array([pair for pair in pairs if not self.held[pair[1]]], dtype=np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1]

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Positions of the SDs of all effects; rows, columns and positions of the correlations."""
        sds = np.zeros(len(self.parameters.eta_names), dtype=np.int64)
        pairs = []
        for block in self.parameters.blocks:
            sds[list(block.etas)] = block.sds
            pairs += [(block.etas[row], block.etas[column], position) for row, column, position in block.correlations]
        rows, columns, positions = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
        return sds, rows, columns, positions

    @cached_property
    def _is_plain(self) -> bool:
        return self.problem.effects.is_plain

    def omega(self, values: np.ndarray) -> np.ndarray:
        """Return the matrix of a subject's effects."""
        sds, rows, columns, positions = self._places
        matrix = np.diag(values[sds] ** 2)
        if len(rows):
            matrix[rows, columns] = matrix[columns, rows] = values[positions] * values[sds[rows]] * values[sds[columns]]
        return matrix if self._is_plain else self.problem.effects.spread(matrix)

    def maximised(self, values: np.ndarray, squares: np.ndarray, least: float) -> np.ndarray:
        """Return the values of all parameters with the SDs and correlations that fit sums of products of effects [effects, effects].

        No variance falls below the share `least` of what it was.
        """
        declared = squares if self._is_plain else self.problem.effects.gathered(squares, len(self.counts))
        moments, values = declared / self.counts, values.copy()
        effects, sds = self._alone
        values[sds] = np.maximum(np.sqrt(np.maximum(moments[effects, effects], 1e-300)), np.sqrt(least) * values[sds])
        for block in self.parameters.blocks:
            if not block.correlations:
                continue
            free = ~self.held[[*block.sds, *(position for _, _, position in block.correlations)]]
            own = moments[np.ix_(block.etas, block.etas)]
            if free.all():
                self._whole(block, own, least, values)
            elif free.any():
                self._in_part(block, own, least, values)
        return values

    def _whole(self, block: OmegaBlock, moments: np.ndarray, least: float, values: np.ndarray) -> None:
        sds = np.sqrt(np.maximum(np.diag(moments), 1e-300))
        before = values[list(block.sds)]
        values[list(block.sds)] = np.maximum(sds, np.sqrt(least) * before)
        correlation = moments / np.outer(sds, sds)
        lowest = np.linalg.eigvalsh(correlation)[0]
        shrunk = 1.0 if lowest >= _LEAST_EIGENVALUE else (1 - _LEAST_EIGENVALUE) / (1 - lowest)
        for row, column, position in block.correlations:
            values[position] = shrunk * correlation[row, column]

    def _in_part(self, block: OmegaBlock, moments: np.ndarray, least: float, values: np.ndarray) -> None:
        """Take steps of Fisher scoring on log SDs and correlations, shortened until the block is positive definite."""
        floor = values[list(block.sds)] * np.sqrt(least)
        for _ in range(_SCORING_STEPS):
            omega = _matrix(block, values)
            inverse = precision_of(omega)
            changes = {p: change for p, change in _changes(block, values, omega).items() if not self.held[p]}
            pulled = [inverse @ change for change in changes.values()]
            score = np.array([0.5 * np.sum((one @ inverse) * (moments - omega)) for one in pulled])
            information = np.array([[0.5 * np.sum(one * other.T) for other in pulled] for one in pulled])
            step = np.linalg.solve(information, score)
            for _ in range(_MOST_HALVINGS):
                tried = values.copy()
                for position, change in zip(changes, step, strict=True):
                    tried[position] = values[position] * np.exp(change) if position in block.sds else values[position] + change
                if _is_possible(block, tried):
                    values[:] = tried
                    break
                step = 0.5 * step
        free = ~self.held[list(block.sds)]
        sds = np.array(block.sds)[free]
        values[sds] = np.maximum(values[sds], floor[free])


def _correlation(block: OmegaBlock, values: np.ndarray) -> np.ndarray:
    matrix = np.eye(len(block.etas))
    for row, column, position in block.correlations:
        matrix[row, column] = matrix[column, row] = values[position]
    return matrix


def _matrix(block: OmegaBlock, values: np.ndarray) -> np.ndarray:
    sds = values[list(block.sds)]
    return _correlation(block, values) * np.outer(sds, sds)


def _is_possible(block: OmegaBlock, values: np.ndarray) -> bool:
    return bool(np.linalg.eigvalsh(_correlation(block, values))[0] >= _LEAST_EIGENVALUE)


def _changes(block: OmegaBlock, values: np.ndarray, omega: np.ndarray) -> dict[int, np.ndarray]:
    """Return the derivatives of a block by log SDs and correlations, by position."""
    found = {}
    for k, position in enumerate(block.sds):
        change = np.zeros_like(omega)
        change[k] += omega[k]
        change[:, k] += omega[:, k]
        found[position] = change
    for row, column, position in block.correlations:
        change = np.zeros_like(omega)
        change[row, column] = change[column, row] = values[block.sds[row]] * values[block.sds[column]]
        found[position] = change
    return found
