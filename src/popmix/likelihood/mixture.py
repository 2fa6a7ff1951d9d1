"""Latent groups: the likelihood of a subject is the sum over groups, each with its share.

    OFV_i = -2 log sum_g s_g exp(-OFV_ig / 2),    P(g | y_i) = s_g exp(-OFV_ig / 2) / sum_h s_h exp(-OFV_ih / 2)

The gradient is the average of the groups' own by their probabilities, and -2 sum_g P(g | y_i) d log s_g / dx. Source: NONMEM's $MIXTURE
(Users Guide VII), with every group's own modes.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from popmix.compiler.build import CompiledModel
from popmix.engine.foce import NOT_FINITE, OK, Marginal

_REALS = np.ctypeslib.ndpointer(dtype=np.float64, flags="C_CONTIGUOUS")


# shares that are written as share and 1 - share add up to 1 but for this
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Shares:
    """Shares of the latent groups by subject [subjects, G], and their derivatives by thetas and sigmas [subjects, G, X]."""

    values: np.ndarray
    slopes: np.ndarray


def shares_of(compiled: CompiledModel, fixed: np.ndarray, covariates: np.ndarray, times: np.ndarray) -> Shares:
    """Return the shares at given thetas and sigmas; `covariates` and `times` are those of the first record of every subject."""
    n_groups, n_fixed = len(compiled.lowered.shares), len(fixed)
    function = ctypes.CFUNCTYPE(None, _REALS, _REALS, _REALS, _REALS, _REALS)(compiled.address("shares"))
    unknowns, nothing = np.concatenate([fixed, np.zeros(compiled.n_etas)]), np.zeros(1)
    out = np.zeros((len(covariates), n_groups * (1 + n_fixed)))
    for row, values in enumerate(covariates):
        function(nothing, unknowns, np.ascontiguousarray(values), np.ascontiguousarray(times[row]), out[row])
    return Shares(out[:, :n_groups], out[:, n_groups:].reshape(-1, n_groups, n_fixed))


def impossible_shares(shares: Shares, ids: Sequence[str]) -> str:
    """Say which subjects have shares that are not positive or do not add up to 1; empty where all have."""
    wrong = np.flatnonzero((np.abs(shares.values.sum(axis=1) - 1.0) > _ROUNDING) | ~np.all(shares.values > 0, axis=1))
    if not len(wrong):
        return ""
    values = ", ".join(f"{value:g}" for value in shares.values[wrong[0]])
    return f"{values} (subject {ids[wrong[0]]}{f' and {len(wrong) - 1} more' if len(wrong) > 1 else ''})"


def mixed(groups: Sequence[Marginal], shares: Shares) -> tuple[Marginal, np.ndarray]:
    """Return the marginal likelihood over all groups, with the modes of the most probable one, and the probabilities [subjects, G].

    A subject that fails in one group, or a group without a positive share, has a status.
    """
    status = groups[0].status.copy()
    failed_at = groups[0].failed_at.copy()
    for group in groups[1:]:
        failed_at = np.where(status == OK, group.failed_at, failed_at)
        status = np.where(status == OK, group.status, status)
    possible = np.all(shares.values > 0, axis=1)
    status[(status == OK) & ~possible] = NOT_FINITE
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = np.log(shares.values) - 0.5 * np.column_stack([group.ofv for group in groups])
        highest = np.max(heights, axis=1, keepdims=True)
        sums = np.sum(np.exp(heights - highest), axis=1, keepdims=True)
        membership = np.exp(heights - highest) / sums
        by_share = np.einsum("ng,ngx->nx", membership / shares.values, shares.slopes)
    best = np.argmax(np.where(np.isfinite(membership), membership, -1.0), axis=1)

    def average(field: str) -> np.ndarray:
        return np.einsum("ng,ng...->n...", membership, np.stack([getattr(group, field) for group in groups], axis=1))

    def chosen(field: str) -> np.ndarray:
        return np.stack([getattr(group, field) for group in groups], axis=1)[np.arange(len(best)), best]

    combined = Marginal(
        ofv=(-2.0 * (highest + np.log(sums)))[:, 0],
        eta=np.ascontiguousarray(chosen("eta")),
        by_fixed=average("by_fixed") - 2.0 * by_share,
        by_omega=average("by_omega"),
        mode_by_fixed=chosen("mode_by_fixed"),
        inverse_curvature=chosen("inverse_curvature"),
        status=status,
        failed_at=failed_at,
    )
    return combined, membership
