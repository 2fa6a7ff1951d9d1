"""The random effects of a subject, made of those that a model declares: its own, of each of its occasions, and of its groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from popmix.model.parameters import Parameters

_ONE = -1


@dataclass(frozen=True, eq=False)
class Effects:
    """Where the N effects of a subject come from: its own, then of levels within it by copy, then of the levels above it.

    `pattern` [N]: the position among the declared effects; `number` [N]: the occasion (or jar, ...) within the subject, -1 for others;
    `level` [N]: names of levels, None for the subject. Effects of different copies are independent, those of one have the variances and
    correlations declared. The last `n_above` effects are shared by all subjects of a group.
    """

    pattern: np.ndarray
    number: np.ndarray
    level: np.ndarray
    n_above: int

    @classmethod
    def of(cls, parameters: Parameters, below: Sequence[tuple[str, int]]) -> "Effects":
        """Return the effects of a subject; `below` names the levels within subjects and the most that a subject has of each."""
        counts, rows = dict(below), []
        levels = parameters.levels
        rows += [(k, _ONE, None) for k, level in enumerate(levels) if level is None]
        for name, count in below:
            own = [k for k, level in enumerate(levels) if level == name]
            rows += [(k, number, name) for number in range(count) for k in own]
        above = [(k, _ONE, level) for k, level in enumerate(levels) if level is not None and level not in counts]
        pattern, number, level = zip(*rows, *above, strict=True) if rows or above else ((), (), ())
        return cls(np.array(pattern, dtype=np.int64), np.array(number, dtype=np.int64), np.array(level, dtype=object), len(above))

    @property
    def is_plain(self) -> bool:
        """Whether a subject has each effect once, in the order of their declaration."""
        return bool(np.array_equal(self.pattern, np.arange(len(self.pattern))))

    @property
    def _same(self) -> np.ndarray:
        """Mask [N, N] of the effects of one copy."""
        return (self.number[:, None] == self.number[None, :]) & (self.level[:, None] == self.level[None, :])

    def spread(self, matrix: np.ndarray) -> np.ndarray:
        """Return the matrix [..., N, N] of a subject's effects for one [..., P, P] of the declared ones."""
        if self.is_plain:
            return matrix
        return np.where(self._same, matrix[..., self.pattern[:, None], self.pattern[None, :]], 0.0)

    def gathered(self, matrix: np.ndarray, n_declared: int) -> np.ndarray:
        """Return derivatives [..., P, P] by a matrix of the declared effects from those [..., N, N] by that of a subject's."""
        if self.is_plain:
            return matrix
        found = np.zeros((*matrix.shape[:-2], n_declared, n_declared))
        rows, columns = np.nonzero(self._same)
        place = (self.pattern[rows], self.pattern[columns])
        np.add.at(np.moveaxis(found, (-2, -1), (0, 1)), place, np.moveaxis(matrix[..., rows, columns], -1, 0))
        return found
