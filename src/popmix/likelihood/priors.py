"""The priors of a model as one function of the parameters on their natural scale, with exact derivatives.

The value is -2 log of the prior density without its constants, as NONMEM's NWPRI adds it to the OFV:

    Normal ((x - mean) / sd)^2                          LogNormal ((log x - mean) / sd)^2 + 2 log x
    HalfNormal (x / sd)^2                               HalfStudentT (df + 1) log(1 + (x / scale)^2 / df)
    JointNormal (x - mean)' covariance^-1 (x - mean)    LKJ -2 (shape - 1) log det R
    InverseWishart (df + K + 1) log det W + tr(S W^-1)

Each is a density of what it is declared for: a theta, a standard deviation, the correlation matrix R of a block, its covariance matrix W.
The mode of a posterior depends on that choice, so a penalised fit (MAP) with an InverseWishart has no Jacobian from W to standard
deviations. Priors of fixed parameters are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from popmix.model.declarations import Block, JointNormal, Prior
from popmix.model.effects import correlation_name
from popmix.model.model import Model
from popmix.model.parameters import OmegaBlock, Parameters
from popmix.model.results import result_names, slot_prior


@dataclass(frozen=True, eq=False)
class OfNumber:
    """The prior of one parameter."""

    kind: str
    position: int
    arguments: dict[str, float]

    @property
    def positions(self) -> list[int]:
        """The position of the parameter."""
        return [self.position]

    def derivatives(self, values: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the value with its first and second derivatives by all parameters."""
        value, slope, curve = _NUMBERS[self.kind](float(values[self.position]), **self.arguments)
        gradient, curvature = np.zeros(len(values)), np.zeros((len(values), len(values)))
        gradient[self.position], curvature[self.position, self.position] = slope, curve
        return value, gradient, curvature


@dataclass(frozen=True, eq=False)
class OfThetas:
    """The multivariate normal prior of several thetas: their positions, mean and precision (the inverse of the covariance)."""

    positions: np.ndarray
    mean: np.ndarray
    precision: np.ndarray

    def derivatives(self, values: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the value with its first and second derivatives by all parameters."""
        gradient, curvature = np.zeros(len(values)), np.zeros((len(values), len(values)))
        away = values[self.positions] - self.mean
        gradient[self.positions] = 2.0 * self.precision @ away
        curvature[np.ix_(self.positions, self.positions)] = 2.0 * self.precision
        return float(away @ self.precision @ away), gradient, curvature


@dataclass(frozen=True, eq=False)
class OfMatrix:
    """A prior of the correlation matrix (`is_correlation`) or the covariance matrix W of a block: c log det W + tr(S W^-1).

    `fixed` tells which parameters are held.
    """

    block: OmegaBlock
    is_correlation: bool
    c: float
    s: np.ndarray
    fixed: np.ndarray

    @property
    def positions(self) -> list[int]:
        """Positions of the parameters of which the matrix is made: SDs (of a covariance matrix), then correlations."""
        sds = [] if self.is_correlation else list(self.block.sds)
        return [one for one in (*sds, *(position for _, _, position in self.block.correlations)) if not self.fixed[one]]

    def derivatives(self, values: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the value with its first and second derivatives by all parameters."""
        matrix = self._matrix(values)
        inverse = np.linalg.inv(matrix)
        told, positions = inverse @ self.s @ inverse, self.positions
        gradient, curvature = np.zeros(len(values)), np.zeros((len(values), len(values)))
        changes = {one: self._change(values, (one,)) for one in positions}
        for one, change in changes.items():
            gradient[one] = np.sum((self.c * inverse - told) * change)
            for other, second in changes.items():
                moved = change @ inverse @ second
                curvature[one, other] = np.sum((2.0 * told - self.c * inverse) * (moved + moved.T) / 2.0)
                curvature[one, other] += np.sum((self.c * inverse - told) * self._change(values, (one, other)))
        return self.c * float(np.linalg.slogdet(matrix)[1]) + float(np.sum(self.s * inverse)), gradient, curvature

    def _matrix(self, values: np.ndarray) -> np.ndarray:
        return self._change(values, ())

    def _change(self, values: np.ndarray, by: tuple[int, ...]) -> np.ndarray:
        """Return the derivative of the matrix by none, one or two of its parameters: each entry is a product of them."""
        size = len(self.block.etas)
        result = np.zeros((size, size))
        sds = [[]] * size if self.is_correlation else [[one] for one in self.block.sds]
        for k in range(size):
            result[k, k] = _product(sds[k] + sds[k], by, values)
        for row, column, position in self.block.correlations:
            result[row, column] = result[column, row] = _product([position, *sds[row], *sds[column]], by, values)
        return result


def _product(factors: list[int], by: tuple[int, ...], values: np.ndarray) -> float:
    """Return the derivative of a product of parameters."""
    if not by:
        return float(np.prod(values[factors])) if factors else 1.0
    rest = [factors[:k] + factors[k + 1 :] for k, one in enumerate(factors) if one == by[0]]
    return sum(_product(left, by[1:], values) for left in rest)


@dataclass(frozen=True, eq=False)
class Priors:
    """All priors of a model; `terms` have derivatives of their own, and their sum is that of the whole."""

    terms: tuple[OfNumber | OfThetas | OfMatrix, ...]
    size: int

    @classmethod
    def of(cls, model: Model, parameters: Parameters) -> Priors:
        """Return the priors of the parameters that are not fixed."""
        terms = [*_of_numbers(model, parameters), *_of_thetas(model, parameters), *_of_blocks(model, parameters)]
        return cls(tuple(terms), len(parameters))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def value(self, values: np.ndarray) -> float:
        """Return -2 log of the density at all values (natural scale) without constants."""
        return float(sum(term.derivatives(values)[0] for term in self.terms))

    def gradient(self, values: np.ndarray) -> np.ndarray:
        """Return the derivatives of the value by all parameters on the natural scale."""
        return sum((term.derivatives(values)[1] for term in self.terms), np.zeros(self.size))

    def curvature(self, values: np.ndarray) -> np.ndarray:
        """Return the second derivatives of the value by all parameters on the natural scale."""
        return sum((term.derivatives(values)[2] for term in self.terms), np.zeros((self.size, self.size)))


def flat_ones(priors: Priors, parameters: Parameters) -> list[str]:
    """Return the names of the parameters that are estimated without a prior."""
    told = {int(position) for term in priors.terms for position in term.positions}
    return [name for k, name in enumerate(parameters.names) if k not in told and not parameters.fixed[k]]


def _of_numbers(model: Model, parameters: Parameters) -> list[OfNumber | OfMatrix]:
    found = []
    for name, slot in result_names(model.declarations).items():
        prior, position = slot_prior(model.declarations, slot), parameters.index(name)
        if prior is None or slot.field == "correlation" or parameters.fixed[position]:
            continue
        if prior.kind == "InverseWishart":
            found.append(_inverse_wishart(prior, OmegaBlock((0,), (position,), ()), parameters))
        else:
            found.append(OfNumber(prior.kind, position, prior.arguments))
    return found


def _of_thetas(model: Model, parameters: Parameters) -> list[OfThetas]:
    """Return the joint priors; of one with fixed members, the prior of the others given these."""
    found = []
    for joint in model.declarations.values():
        if isinstance(joint, JointNormal):
            positions, mean = np.array([parameters.index(name) for name in joint.members]), np.array(joint.mean)
            precision, free = np.linalg.inv(np.array(joint.covariance)), ~parameters.fixed[positions]
            if not free.any():
                continue
            own, held = precision[np.ix_(free, free)], precision[np.ix_(free, ~free)]
            shift = np.linalg.solve(own, held @ (parameters.values[positions[~free]] - mean[~free]))
            found.append(OfThetas(positions[free], mean[free] - shift, own))
    return found


def _of_blocks(model: Model, parameters: Parameters) -> list[OfMatrix]:
    found = []
    for declared in model.blocks.values():
        if declared.prior is None or declared.fixed:
            continue
        block = _block_of(declared, model, parameters)
        if declared.prior.kind == "LKJ":
            size = len(block.etas)
            c = -2.0 * (declared.prior.arguments["shape"] - 1.0)
            found.append(OfMatrix(block, True, c, np.zeros((size, size)), parameters.fixed))
        else:
            found.append(_inverse_wishart(declared.prior, block, parameters))
    return found


def _block_of(declared: Block, model: Model, parameters: Parameters) -> OmegaBlock:
    first = parameters.index(correlation_name(declared, 1, 0, model.declarations))
    return next(block for block in parameters.blocks if any(position == first for _, _, position in block.correlations))


def _inverse_wishart(prior: Prior, block: OmegaBlock, parameters: Parameters) -> OfMatrix:
    size, scale = len(block.etas), prior.arguments.get("scale", 1.0)
    matrix = np.array(scale, dtype=float) if isinstance(scale, tuple) else scale * np.eye(size)
    return OfMatrix(block, False, prior.arguments["df"] + size + 1.0, matrix, parameters.fixed)


def _normal(x: float, mean: float, sd: float) -> tuple[float, float, float]:
    away = (x - mean) / sd
    return away**2, 2.0 * away / sd, 2.0 / sd**2


def _log_normal(x: float, mean: float, sd: float) -> tuple[float, float, float]:
    if x <= 0:
        return np.inf, np.nan, np.nan
    away = (np.log(x) - mean) / sd
    slope = 2.0 * away / sd + 2.0
    return away**2 + 2.0 * np.log(x), slope / x, (2.0 / sd**2 - slope) / x**2


def _half_normal(x: float, sd: float) -> tuple[float, float, float]:
    return _normal(x, 0.0, sd)


def _half_student(x: float, df: float, scale: float) -> tuple[float, float, float]:
    u, k = x / scale, df + 1.0
    below = df + u**2
    return k * np.log1p(u**2 / df), 2.0 * k * u / below / scale, 2.0 * k * (df - u**2) / below**2 / scale**2


_NUMBERS: dict[str, Callable[..., tuple[float, float, float]]] = {
    "Normal": _normal,
    "LogNormal": _log_normal,
    "HalfNormal": _half_normal,
    "HalfStudentT": _half_student,
}
