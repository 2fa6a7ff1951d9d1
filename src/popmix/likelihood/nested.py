"""Levels above the subject: the marginal likelihood of groups of subjects that share random effects, nested to any depth.

A group's joint density is the sum over its subjects of l_i(e_i, b) and over its groups of 1/2 b' P b, with the effects e_i of a subject
and those b of the groups around it. Its curvature is an arrow at every level: subjects hang together through b alone. So the effects of a
subject are eliminated first,

    S_i = H_bb - H_be H_ee^-1 H_eb,

the sums of S_i over the subjects of a group give the curvature of its own effects, and so on outwards. Determinants, steps, columns of
the inverse and the derivatives of modes follow from the same elimination; the cost grows with the number of subjects.

    OFV_G = 2 l + sum log det omega + log det H,    gradient as in `popmix.engine.foce` with the blocks of H^-1 that belong to each subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# eigenvalues of a mended pivot, in units of its largest
_FLATTEST = 1e-6


@dataclass(frozen=True, eq=False)
class Tier:
    """A level above subjects: its effects (positions among those of a subject) and the group of every subject, from 0.

    `outer`: for every group of this level its group in the next one out (None for the outermost).
    """

    effects: np.ndarray
    group: np.ndarray
    outer: np.ndarray | None

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.group.max(initial=-1)) + 1


@dataclass(frozen=True, eq=False)
class Tree:
    """The levels above subjects from the innermost out, and how many effects are a subject's own (they come first)."""

    n_own: int
    tiers: tuple[Tier, ...]

    def factorised(self, curvature: np.ndarray, precisions: Sequence[np.ndarray], *, mended: bool = False) -> "Factors | None":
        """Eliminate subjects, then tier after tier; None where a pivot is not positive definite.

        curvature [subjects, n, n]: of each subject's density in its own effects and those of its groups, the latter without their prior;
        precisions: of each tier. `mended` makes the eigenvalues of such pivots positive, for steps that lead away from a saddle.
        """
        own = slice(0, self.n_own)
        gains, pivots = [], [_mended(curvature[:, own, own]) if mended else curvature[:, own, own]]
        if not _positive(pivots[0]):
            return None
        inverse = np.linalg.inv(pivots[0])
        gain = inverse @ curvature[:, own, self.n_own :]
        rest = curvature[:, self.n_own :, self.n_own :] - np.swapaxes(curvature[:, own, self.n_own :], 1, 2) @ gain
        gains.append(gain)
        inverses, place = [inverse], self._positions()
        members = self.tiers[0].group
        for number, tier in enumerate(self.tiers):
            total = np.zeros((tier.n_groups, *rest.shape[1:]))
            np.add.at(total, members, rest)
            mine, others = place[number]
            pivot = total[:, mine[:, None], mine[None, :]] + precisions[number]
            pivot = _mended(pivot) if mended else pivot
            if not _positive(pivot):
                return None
            inverse = np.linalg.inv(pivot)
            gain = inverse @ total[:, mine[:, None], others[None, :]]
            rest = total[:, others[:, None], others[None, :]] - total[:, others[:, None], mine[None, :]] @ gain
            pivots.append(pivot)
            inverses.append(inverse)
            gains.append(gain)
            members = tier.outer
        return Factors(self, tuple(pivots), tuple(inverses), tuple(gains))

    def _positions(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return for every tier where its effects, and those of the tiers further out, stand in what is left when it is eliminated."""
        found, left = [], [position for tier in self.tiers for position in tier.effects.tolist()]
        order = sorted(left)
        for tier in self.tiers:
            mine = [order.index(position) for position in tier.effects.tolist()]
            order_left = [position for position in order if position not in tier.effects]
            found.append((np.array(mine, dtype=np.int64), np.array([order.index(one) for one in order_left], dtype=np.int64)))
            order = order_left
        return found


@dataclass(frozen=True, eq=False)
class Factors:
    """The elimination of a population's curvature: pivots, their inverses, and gains inverse x coupling, for subjects and every tier."""

    tree: Tree
    pivots: tuple[np.ndarray, ...]
    inverses: tuple[np.ndarray, ...]
    gains: tuple[np.ndarray, ...]

    def log_determinants(self) -> list[np.ndarray]:
        """Return log det of the pivots: by subject, then by group of every tier."""
        return [np.linalg.slogdet(pivot)[1] if pivot.shape[1] else np.zeros(len(pivot)) for pivot in self.pivots]

    def solve(self, own: np.ndarray, groups: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Solve for right-hand sides own [subjects, n_own, k] and of each tier [groups, effects, k]."""
        tree, place = self.tree, self.tree._positions()
        found_own = self.inverses[0] @ own
        passed = -np.swapaxes(self.gains[0], 1, 2) @ own
        members, parts = tree.tiers[0].group, []
        for number, tier in enumerate(tree.tiers):
            total = np.zeros((tier.n_groups, *passed.shape[1:]))
            np.add.at(total, members, passed)
            mine, others = place[number]
            right = groups[number] + total[:, mine]
            parts.append(self.inverses[number + 1] @ right)
            passed = total[:, others] - np.swapaxes(self.gains[number + 1], 1, 2) @ right
            members = tier.outer
        return self._backward(found_own, parts, place)

    def _backward(self, own: np.ndarray, parts: list[np.ndarray], place: list) -> tuple[np.ndarray, list[np.ndarray]]:
        tree, around = self.tree, None
        solved: list[np.ndarray] = [np.zeros(0)] * len(parts)
        for number in range(len(parts) - 1, -1, -1):
            mine, others = place[number]
            value = parts[number] if around is None else parts[number] - self.gains[number + 1] @ around
            solved[number] = value
            whole = np.zeros((len(value), len(mine) + len(others), value.shape[2]))
            whole[:, mine] = value
            if around is not None:
                whole[:, others] = around
            inner = tree.tiers[number - 1].outer if number > 0 else tree.tiers[0].group
            around = whole[inner]
        return own - self.gains[0] @ around, solved

    def blocks(self) -> np.ndarray:
        """Return the blocks [subjects, n, n] of the inverse that belong to each subject's own effects and those of its groups."""
        tree, place, around = self.tree, self.tree._positions(), None
        for number in range(len(tree.tiers) - 1, -1, -1):
            mine, others = place[number]
            block = _bordered(self.inverses[number + 1], self.gains[number + 1], around, mine, others)
            inner = tree.tiers[number - 1].outer if number > 0 else tree.tiers[0].group
            around = block[inner]
        n_own, n = tree.n_own, tree.n_own + around.shape[1]
        return _bordered(self.inverses[0], self.gains[0], around, np.arange(n_own), np.arange(n_own, n))


def _bordered(inverse: np.ndarray, gain: np.ndarray, around: np.ndarray | None, mine: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the inverse over `mine` and `others` from that of the pivot and the inverse over the others."""
    size = len(mine) + len(others)
    block = np.zeros((len(inverse), size, size))
    if around is None or not len(others):
        block[:, mine[:, None], mine[None, :]] = inverse
        return block
    crossed = -gain @ around
    block[:, others[:, None], others[None, :]] = around
    block[:, mine[:, None], others[None, :]] = crossed
    block[:, others[:, None], mine[None, :]] = np.swapaxes(crossed, 1, 2)
    block[:, mine[:, None], mine[None, :]] = inverse - crossed @ np.swapaxes(gain, 1, 2)
    return block


def _mended(matrices: np.ndarray) -> np.ndarray:
    """Return matrices with their eigenvalues made positive, none much smaller than the largest."""
    if not matrices.size or not np.all(np.isfinite(matrices)):
        return matrices
    values, vectors = np.linalg.eigh(matrices)
    values = np.maximum(np.abs(values), _FLATTEST * np.max(np.abs(values), axis=1, keepdims=True))
    return (vectors * values[:, None, :]) @ np.swapaxes(vectors, 1, 2)


def _positive(matrices: np.ndarray) -> bool:
    """Whether all matrices are positive definite."""
    if not matrices.size:
        return True
    if not np.all(np.isfinite(matrices)):
        return False
    return bool(np.min(np.linalg.eigvalsh(matrices)[:, 0]) > 0)
