"""The elimination of nested groups against the same numbers from dense matrices."""

import numpy as np
import pytest

from popmix.likelihood.grouped import tree_of
from popmix.likelihood.nested import Tree

# positions of effects are mixed on purpose: two of the subject's own, then those of two levels
LEVELS = {
    "one level": np.array([None, None, "SITE"], dtype=object),
    "two levels": np.array([None, None, "SITE", "REGION", "SITE"], dtype=object),
    "three levels": np.array([None, "COUNTRY", "SITE", "REGION"], dtype=object),
    "no effect of the subject's own": np.array(["SITE", "REGION"], dtype=object),
}
GROUPS = {
    "COUNTRY": np.array([0, 0, 0, 0, 0, 0, 0, 1, 1]),
    "REGION": np.array([0, 0, 0, 0, 1, 1, 1, 2, 2]),
    "SITE": np.array([0, 0, 1, 1, 2, 3, 3, 4, 4]),
}


def case(name: str) -> tuple[Tree, np.ndarray, list[np.ndarray], np.ndarray, list[np.ndarray]]:
    """Return a tree, curvatures by subject, precisions by tier, the dense curvature, and where each subject's effects stand in it."""
    level = LEVELS[name]
    n_above = sum(one is not None for one in level)
    tree = tree_of(level, n_above, GROUPS)
    rng = np.random.default_rng(7)
    n, n_subjects = len(level), len(GROUPS["SITE"])
    roots = rng.normal(size=(n_subjects, n, n + 2))
    curvature = roots @ np.swapaxes(roots, 1, 2)
    precisions = [np.diag(rng.uniform(0.5, 2.0, len(tier.effects))) for tier in tree.tiers]
    places, size = [np.zeros(n, dtype=int) for _ in range(n_subjects)], 0
    for subject in range(n_subjects):
        places[subject][: tree.n_own] = size + np.arange(tree.n_own)
        size += tree.n_own
    group = tree.tiers[0].group
    blocks = []
    for number, tier in enumerate(tree.tiers):
        for one in range(tier.n_groups):
            for subject in np.flatnonzero(group == one):
                places[subject][tier.effects] = size + np.arange(len(tier.effects))
            blocks.append((size + np.arange(len(tier.effects)), precisions[number]))
            size += len(tier.effects)
        group = tier.outer[group] if tier.outer is not None else group
    dense = np.zeros((size, size))
    for subject, place in enumerate(places):
        dense[np.ix_(place, place)] += curvature[subject]
    for place, precision in blocks:
        dense[np.ix_(place, place)] += precision
    return tree, curvature, precisions, dense, places


@pytest.mark.parametrize("name", LEVELS)
def test_determinant_and_blocks_of_the_inverse(name: str) -> None:
    tree, curvature, precisions, dense, places = case(name)
    factors = tree.factorised(curvature, precisions)
    total = sum(float(np.sum(part)) for part in factors.log_determinants())
    assert total == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-12)
    inverse = np.linalg.inv(dense)
    for subject, place in enumerate(places):
        np.testing.assert_allclose(factors.blocks()[subject], inverse[np.ix_(place, place)], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", LEVELS)
def test_solution(name: str) -> None:
    tree, curvature, precisions, dense, places = case(name)
    factors = tree.factorised(curvature, precisions)
    right = np.random.default_rng(3).normal(size=(len(dense), 2))
    own = np.array([right[place[: tree.n_own]] for place in places])
    group, groups = tree.tiers[0].group, []
    for tier in tree.tiers:
        first = np.unique(group, return_index=True)[1]
        groups.append(np.array([right[places[subject][tier.effects]] for subject in first]))
        group = tier.outer[group] if tier.outer is not None else group
    found_own, found_groups = factors.solve(own, groups)
    expected = np.linalg.solve(dense, right)
    np.testing.assert_allclose(found_own, [expected[place[: tree.n_own]] for place in places], rtol=1e-9, atol=1e-12)
    group = tree.tiers[0].group
    for tier, found in zip(tree.tiers, found_groups, strict=True):
        first = np.unique(group, return_index=True)[1]
        np.testing.assert_allclose(found, [expected[places[subject][tier.effects]] for subject in first], rtol=1e-9, atol=1e-12)
        group = tier.outer[group] if tier.outer is not None else group


def test_indefinite_curvature_has_no_factors() -> None:
    tree, curvature, precisions, _, _ = case("two levels")
    curvature[3, 0, 0] = -1.0
    assert tree.factorised(curvature, precisions) is None
