"""The joint posterior density of a problem as the engine takes it: coordinates, priors, blocks and copies of random effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from popmix.engine.population import ABOVE, ANGLE, BELOW, BETWEEN, FREE, HALF_STUDENT, LOG_NORMAL, Plan
from popmix.likelihood.priors import OfNumber, OfThetas, Priors
from popmix.likelihood.problem import Problem
from popmix.model.parameters import OmegaBlock, Parameters


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the random effects of a subject stand in copies of the declared blocks.

    `blocks` as the parameters have them; `copies` [(block, effects of a subject in the order of the block)].
    """

    blocks: tuple[OmegaBlock, ...]
    copies: tuple[tuple[int, tuple[int, ...]], ...]

    @classmethod
    def of(cls, problem: Problem, parameters: Parameters) -> Layout:
        """Return the layout of a problem."""
        effects, copies = problem.effects, []
        for b, block in enumerate(parameters.blocks):
            for number in np.unique(effects.number[effects.pattern == block.etas[0]]):
                places = [int(np.flatnonzero((effects.pattern == eta) & (effects.number == number))[0]) for eta in block.etas]
                copies.append((b, tuple(places)))
        return cls(parameters.blocks, tuple(copies))


def counted_subjects(problem: Problem) -> np.ndarray:
    """Return the positions of the subjects that have a weight."""
    return np.flatnonzero(problem.weights > 0)


def plan_of(problem: Problem, parameters: Parameters, layout: Layout, centred: np.ndarray) -> Plan:
    """Return the plan of the posterior; `centred` [subjects, effects]; sampler positions are the coordinates themselves."""
    free = np.flatnonzero(~parameters.fixed)
    kinds = [_kind(parameters, position) for position in free]
    subjects, n_effects = counted_subjects(problem), len(problem.effects.pattern)
    n_population, n_subjects = len(free), len(subjects)
    widest = max((len(block.etas) for block in layout.blocks), default=1)
    slots = np.zeros((len(layout.copies), widest), dtype=np.int64)
    for row, (_, places) in zip(slots, layout.copies, strict=True):
        row[: len(places)] = places
    return Plan(
        kind=np.array(kinds, dtype=np.int64),
        place=free.astype(np.int64),
        low=np.ascontiguousarray(parameters.lower[free]),
        high=np.ascontiguousarray(parameters.upper[free]),
        values=parameters.values.copy(),
        unknowns=np.array(problem.compiled.positions, dtype=np.int64),
        **_blocks(parameters, free, layout, widest),
        **_priors(Priors.of(problem.model, parameters), parameters, layout, widest),
        copy=np.array([b for b, _ in layout.copies], dtype=np.int64),
        slot=slots,
        subjects=subjects.astype(np.int64),
        centred=centred.astype(np.int64),
        centre=np.zeros(n_population + n_subjects * n_effects),
        t=np.eye(n_population),
        m=np.zeros((n_subjects, n_effects, n_population)),
        c=np.broadcast_to(np.eye(n_effects), (n_subjects, n_effects, n_effects)).copy(),
    )


def _kind(parameters: Parameters, position: int) -> int:
    if parameters.kinds[position] == "corr":
        return ANGLE
    low, high = np.isfinite(parameters.lower[position]), np.isfinite(parameters.upper[position])
    return BETWEEN if low and high else ABOVE if low else BELOW if high else FREE


def _blocks(parameters: Parameters, free: np.ndarray, layout: Layout, widest: int) -> dict[str, np.ndarray]:
    n = len(layout.blocks)
    sd, correlation = np.zeros((n, widest), dtype=np.int64), np.zeros((n, widest, widest), dtype=np.int64)
    angle, held = np.full((n, widest, widest), -1, dtype=np.int64), np.zeros((n, widest, widest))
    coordinate = {position: p for p, position in enumerate(free)}
    for b, block in enumerate(layout.blocks):
        sd[b, : len(block.etas)] = block.sds
        turned = partial_correlations(block, parameters.values)
        for row, column, position in block.correlations:
            angle[b, row, column] = coordinate.get(position, -1)
            held[b, row, column] = turned[row, column] if position not in coordinate else 0.0
            correlation[b, row, column] = position
    size = np.array([len(block.etas) for block in layout.blocks], dtype=np.int64)
    return {"size": size, "sd": sd, "angle": angle, "held": held, "correlation": correlation}


def partial_correlations(block: OmegaBlock, values: np.ndarray) -> np.ndarray:
    """Return the coordinates of the correlations of a block, the inverse hyperbolic tangents of its canonical partial correlations."""
    matrix = np.eye(len(block.etas))
    for row, column, position in block.correlations:
        matrix[row, column] = matrix[column, row] = values[position]
    factor, result = np.linalg.cholesky(matrix), np.zeros_like(matrix)
    for row, column, _ in block.correlations:
        result[row, column] = np.arcsinh(factor[row, column] / np.linalg.norm(factor[row, column + 1 :]))
    return result


def _priors(priors: Priors, parameters: Parameters, layout: Layout, widest: int) -> dict[str, np.ndarray]:
    n, n_values = len(layout.blocks), len(parameters)
    quadratic, linear, others = np.zeros((n_values, n_values)), np.zeros(n_values), []
    shape, df, scale = np.zeros(n), np.zeros(n), np.zeros((n, widest, widest))
    for term in priors.terms:
        if isinstance(term, OfNumber) and term.kind in ("Normal", "HalfNormal"):
            given, v = term.arguments, term.position
            quadratic[v, v] += given["sd"] ** -2
            linear[v] += given.get("mean", 0.0) * given["sd"] ** -2
        elif isinstance(term, OfNumber):
            code = LOG_NORMAL if term.kind == "LogNormal" else HALF_STUDENT
            others.append((code, term.position, *term.arguments.values()))
        elif isinstance(term, OfThetas):
            quadratic[np.ix_(term.positions, term.positions)] += term.precision
            linear[term.positions] += term.precision @ term.mean
        else:
            b = next(b for b, block in enumerate(layout.blocks) if block.sds[-1] in term.block.sds)
            shape[b] -= term.c / 2.0 if term.is_correlation else 0.0
            if not term.is_correlation:
                df[b], size = term.c, len(term.s)
                scale[b, :size, :size] = np.linalg.cholesky(term.s)
    kind, place, a, b = (np.array(column) for column in zip(*others, strict=True)) if others else (np.zeros(0),) * 4
    return {
        "shape": shape,
        "df": df,
        "scale": scale,
        "quadratic": quadratic,
        "linear": linear,
        "other_kind": kind.astype(np.int64),
        "other_place": place.astype(np.int64),
        "other_a": a.astype(float),
        "other_b": b.astype(float),
    }
