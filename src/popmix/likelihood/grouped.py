"""FOCE and Laplace for models with levels above the subject: modes of all effects together, objective and exact gradient.

See `popmix.likelihood.nested` for the elimination that all of it rests on. Results stand by subject: a group's own part of the objective is
shared out equally among its subjects, and its part of the derivatives by omega stands with its first one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from popmix.engine.foce import Marginal, new_marginal
from popmix.engine.members import Members
from popmix.engine.mode import precision_of
from popmix.errors import Status
from popmix.likelihood.nested import Factors, Tier, Tree

# the fall of l that is still promised at which a mode is exact to about 1e-7 of its standard deviation
_CONVERGED = 1e-14
_MOST_STEPS, _MOST_HALVINGS = 60, 25
_VALUES, _DERIVATIVES = 0, 2


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a population for given omega: `evaluate(order, etas)` returns what every subject contributes.

    `trace(etas, weights, members)` adds the traces of the method's curvature, which is the expected one where `expected`.
    """

    tree: Tree
    n_fixed: int
    omega: np.ndarray
    expected: bool
    evaluate: Callable[[int, np.ndarray], Members]
    trace: Callable[[np.ndarray, np.ndarray, Members], None]

    @cached_property
    def omegas(self) -> list[np.ndarray]:
        """Omega of the subjects' own effects, then of every tier."""
        own = slice(0, self.tree.n_own)
        return [self.omega[own, own], *(self.omega[np.ix_(tier.effects, tier.effects)] for tier in self.tree.tiers)]

    @cached_property
    def precisions(self) -> list[np.ndarray]:
        """Their inverses."""
        return [precision_of(omega) for omega in self.omegas]

    def top(self, by_subject: np.ndarray) -> np.ndarray:
        """Return sums over the outermost groups."""
        return np.bincount(self.outermost, weights=by_subject, minlength=int(self.outermost.max()) + 1)

    @cached_property
    def outermost(self) -> np.ndarray:
        """The outermost group of every subject."""
        group = self.tree.tiers[0].group
        for tier in self.tree.tiers[:-1]:
            group = tier.outer[group]
        return group

    @cached_property
    def groups_of_subjects(self) -> list[np.ndarray]:
        """For every tier the group of every subject."""
        found = [self.tree.tiers[0].group]
        for tier in self.tree.tiers[:-1]:
            found.append(tier.outer[found[-1]])
        return found

    @cached_property
    def firsts(self) -> list[np.ndarray]:
        """For every tier the first subject of each group."""
        return [np.unique(group, return_index=True)[1] for group in self.groups_of_subjects]

    def summed(self, number: int, by_subject: np.ndarray) -> np.ndarray:
        """Return sums over the groups of a tier."""
        total = np.zeros((self.tree.tiers[number].n_groups, *by_subject.shape[1:]))
        np.add.at(total, self.groups_of_subjects[number], by_subject)
        return total

    def together_mean(self, number: int, by_subject: np.ndarray) -> np.ndarray:
        """Return for every subject the mean over its group of a tier."""
        group = self.groups_of_subjects[number]
        return (self.summed(number, by_subject) / np.bincount(group)[:, None])[group]

    def heights(self, etas: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return l of every outermost group."""
        shared = np.zeros(len(etas))
        for number, tier in enumerate(self.tree.tiers):
            first = self.firsts[number]
            effects = etas[first][:, tier.effects]
            shared[first] += 0.5 * np.einsum("gk,km,gm->g", effects, self.precisions[number + 1], effects)
        return self.top(values + shared)

    def slopes(self, etas: np.ndarray, by_subject: np.ndarray, prior: bool = True) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return [subjects, n, k] by subject as right-hand sides of own effects and of each tier, with the gradient of the tiers' prior."""
        own, groups = by_subject[:, : self.tree.n_own], []
        for number, tier in enumerate(self.tree.tiers):
            total = self.summed(number, by_subject[:, tier.effects])
            if prior:
                total += (etas[self.firsts[number]][:, tier.effects] @ self.precisions[number + 1])[:, :, None]
            groups.append(total)
        return own, groups

    def together(self, own: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
        """Return [subjects, n, k] from own effects and those of each tier."""
        whole = np.zeros((len(own), len(self.omega), own.shape[2]))
        whole[:, : self.tree.n_own] = own
        for number, tier in enumerate(self.tree.tiers):
            whole[:, tier.effects] = groups[number][self.groups_of_subjects[number]]
        return whole

    def factors(self, found: Members, expected: bool, *, mended: bool = False) -> Factors | None:
        """Return the elimination of the expected or the exact curvature, None where it is not positive definite."""
        curvature = found.expected if expected else found.cross[:, :, self.n_fixed :]
        return self.tree.factorised(curvature, self.precisions[1:], mended=mended)

    def climb(self, etas: np.ndarray) -> tuple[Members, Factors | None, np.ndarray]:
        """Minimise l of every group from `etas` on, in place; returns the derivatives there, the exact curvature, and statuses."""
        for _ in range(_MOST_STEPS):
            found = self.evaluate(_DERIVATIVES, etas)
            if np.any(found.status != Status.OK):
                return found, None, found.status
            exact = self.factors(found, False)
            used = exact or self.factors(found, False, mended=True)
            if used is None:
                return found, None, np.full(len(etas), Status.CURVATURE_NOT_POSITIVE)
            right = self.slopes(etas, found.gradient[:, self.n_fixed :, None])
            step = self.together(*used.solve(*right))[:, :, 0]
            decrement = self.top(self._promised(right, step))
            before = self.heights(etas, found.value)
            settled = decrement < np.maximum(_CONVERGED, 1e-15 * np.abs(before))
            if np.all(settled):
                return found, exact, found.status
            if not self._descend(etas, step, before, decrement, settled):
                status = np.where(settled[self.outermost], Status.OK, Status.MODE_NOT_CONVERGED)
                return found, exact, status
        return found, exact, np.where(settled[self.outermost], Status.OK, Status.MODE_NOT_CONVERGED)

    def _promised(self, right: tuple[np.ndarray, list[np.ndarray]], step: np.ndarray) -> np.ndarray:
        """Return gradient times step by subject, that of a group with its first subject."""
        own, groups = right
        promised = np.einsum("nk,nk->n", own[:, :, 0], step[:, : self.tree.n_own])
        for number, tier in enumerate(self.tree.tiers):
            first = self.firsts[number]
            promised[first] += np.einsum("gk,gk->g", groups[number][:, :, 0], step[first][:, tier.effects])
        return promised

    def _descend(self, etas: np.ndarray, step: np.ndarray, before: np.ndarray, decrement: np.ndarray, settled: np.ndarray) -> bool:
        """Move every group along -step, halving where l does not fall; False when no group that is not settled could move."""
        length, start, waiting = np.where(settled, 0.0, 1.0), etas.copy(), ~settled
        # below this the fall of l drowns in its rounding: the quadratic model is right
        surely = decrement < 1e-10 * (1.0 + np.abs(before))
        for _ in range(_MOST_HALVINGS):
            etas[:] = start - length[self.outermost][:, None] * step
            found = self.evaluate(_VALUES, etas)
            heights = self.heights(etas, np.where(found.status == Status.OK, found.value, np.inf))
            fell = heights <= before - 1e-4 * length * decrement
            waiting &= ~(fell | (surely & np.isfinite(heights)))
            if not np.any(waiting):
                return True
            length[waiting] *= 0.5
        length[waiting] = 0.0
        etas[:] = start - length[self.outermost][:, None] * step
        return bool(np.any(length > 0))

    def marginal(self, etas: np.ndarray) -> Marginal:
        """Return objective and gradient at the modes reached from `etas`."""
        result = new_marginal(len(etas), self.n_fixed, len(self.omega))
        for number, tier in enumerate(self.tree.tiers):
            # starts may have been moved for each subject on its own: the subjects of a group share its effects
            etas[:, tier.effects] = self.together_mean(number, etas[:, tier.effects])
        found, exact, status = self.climb(etas)
        result.eta[:], result.status[:], result.failed_at[:] = etas, status, found.failed_at
        if np.any(status != Status.OK):
            return result
        curvature = self.factors(found, True) if self.expected else exact
        if curvature is None or exact is None:
            result.status[:] = Status.CURVATURE_NOT_POSITIVE
            return result
        result.ofv[:] = self._objective(etas, found.value, curvature)
        weights = curvature.blocks()
        self.trace(etas, weights, found)
        result.status[:] = found.status
        self._fill_gradient(etas, found, weights, exact, result)
        return result

    def _objective(self, etas: np.ndarray, values: np.ndarray, curvature: Factors) -> np.ndarray:
        heights = curvature.log_determinants()
        ofv = 2.0 * values + np.linalg.slogdet(self.omegas[0])[1] + heights[0]
        for number, tier in enumerate(self.tree.tiers):
            effects = etas[self.firsts[number]][:, tier.effects]
            quadratic = np.einsum("gk,km,gm->g", effects, self.precisions[number + 1], effects)
            shared = quadratic + np.linalg.slogdet(self.omegas[number + 1])[1] + heights[number + 1]
            group = self.groups_of_subjects[number]
            ofv += (shared / np.bincount(group))[group]
        return ofv

    def _fill_gradient(self, etas: np.ndarray, found: Members, weights: np.ndarray, exact: Factors, result: Marginal) -> None:
        n_fixed = self.n_fixed
        w = self.together(*exact.solve(*self.slopes(etas, found.traces[:, n_fixed:, None], prior=False)))[:, :, 0]
        crossed = found.cross[:, :, :n_fixed]
        result.by_fixed[:] = 2.0 * found.gradient[:, :n_fixed] + found.traces[:, :n_fixed] - np.einsum("nk,nkx->nx", w, crossed)
        result.mode_by_fixed[:] = -self.together(*exact.solve(*self.slopes(etas, crossed, prior=False)))
        result.inverse_curvature[:] = exact.blocks()
        changes = np.einsum("nk,nm->nkm", etas, etas) - self.omega + weights
        changes -= 0.5 * (np.einsum("nk,nm->nkm", w, etas) + np.einsum("nk,nm->nkm", etas, w))
        for number, omega in enumerate(self.omegas):
            effects = np.arange(self.tree.n_own) if number == 0 else self.tree.tiers[number - 1].effects
            rows = np.arange(len(etas)) if number == 0 else self.firsts[number - 1]
            if len(omega):
                place = np.ix_(rows, effects, effects)
                result.by_omega[place] = -(self.precisions[number] @ changes[place] @ self.precisions[number])

    def information(self, etas: np.ndarray, inverse: np.ndarray) -> np.ndarray:
        """Return P - P A P [subjects, n, n] of own effects, and with the first subject of a group of its effects, A their covariance."""
        told = np.zeros((len(etas), *self.omega.shape))
        for number, precision in enumerate(self.precisions):
            effects = np.arange(self.tree.n_own) if number == 0 else self.tree.tiers[number - 1].effects
            rows = np.arange(len(etas)) if number == 0 else self.firsts[number - 1]
            place = np.ix_(rows, effects, effects)
            told[place] = precision - precision @ inverse[place] @ precision
        return told


def tree_of(level: np.ndarray, n_above: int, groups: dict[str, np.ndarray]) -> Tree:
    """Return the tree of levels above subjects; `groups` by name from the outermost in, only those that have effects count."""
    n_own = len(level) - n_above
    names = [name for name in reversed(groups) if name in level[n_own:]]
    tiers = []
    for number, name in enumerate(names):
        group, outer = groups[name], None
        if number + 1 < len(names):
            first = np.unique(group, return_index=True)[1]
            outer = groups[names[number + 1]][first]
        tiers.append(Tier(np.flatnonzero(level == name), group, outer))
    return Tree(n_own, tuple(tiers))
