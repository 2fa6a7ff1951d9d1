"""The unconstrained scale on which an optimiser works, and the chain rule to it.

Thetas: identity, log(theta - lower), -log(upper - theta) or the logit between bounds; SDs: the logarithm; correlations of a
block: row i of the Cholesky factor of the correlation matrix is (y_i1, ..., y_i(i-1), 1) divided by its length, which is
positive definite for any y; its coordinate is asinh(y), on which a correlation near 1 is not far. Fixed parameters are left out.
"""

from dataclasses import dataclass

import numpy as np

from popmix.model.parameters import OmegaBlock, Parameters

# start values may lie on a bound only by rounding; inside the transform they keep this relative distance to it
_MARGIN = 1e-10
# how far from a bound of zero a search begins for a value that lies exactly on it
_OFF_BOUND = 1e-3


@dataclass(frozen=True, eq=False)
class Scale:
    """The free parameters of a model on the unconstrained scale; `template` holds the fixed values."""

    template: Parameters
    free: np.ndarray
    blocks: tuple[OmegaBlock, ...]

    @classmethod
    def of(cls, parameters: Parameters) -> "Scale":
        """Return the scale of the parameters that are not fixed."""
        blocks = tuple(block for block in parameters.blocks if block.correlations)
        return cls(parameters, np.flatnonzero(~parameters.fixed), blocks)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters; a correlation stands for its unconstrained coordinate."""
        return tuple(self.template.names[position] for position in self.free)

    def pack(self, parameters: Parameters) -> np.ndarray:
        """Return the unconstrained coordinates of the free parameters."""
        coordinates = np.zeros(len(parameters))
        for position, kind in enumerate(parameters.kinds):
            if kind != "corr":
                coordinates[position] = self._to_line(position, parameters.values[position])
        for block in self.blocks:
            factor = np.linalg.cholesky(_correlation(block, parameters.values))
            for row, column, position in block.correlations:
                coordinates[position] = np.arcsinh(factor[row, column] / factor[row, row])
        return coordinates[self.free]

    def unpack(self, coordinates: np.ndarray) -> np.ndarray:
        """Return all values on the natural scale, fixed ones included."""
        full = self._full(coordinates)
        values = self.template.values.copy()
        for position in self.free:
            if self.template.kinds[position] != "corr":
                values[position] = self._from_line(position, full[position])
        for block in self.blocks:
            factor = _rows(block, full)
            for row, column, position in block.correlations:
                if not self.template.fixed[position]:
                    values[position] = factor[row] @ factor[column]
        return values

    def jacobian(self, coordinates: np.ndarray) -> np.ndarray:
        """Return d natural values / d coordinates, shape [parameters, free]."""
        full = self._full(coordinates)
        matrix = np.zeros((len(self.template), len(self.template)))
        for position, kind in enumerate(self.template.kinds):
            if kind != "corr":
                matrix[position, position] = self._slope(position, full[position])
        for block in self.blocks:
            _fill_correlations(block, full, matrix)
        return matrix[:, self.free]

    def _full(self, coordinates: np.ndarray) -> np.ndarray:
        full = np.zeros(len(self.template))
        full[self.free] = coordinates
        return full

    def _to_line(self, position: int, value: float) -> float:
        low, high = self.template.lower[position], self.template.upper[position]
        if np.isinf(low) and np.isinf(high):
            return value
        if np.isinf(high):
            return np.log(_inside(value - low, low))
        if np.isinf(low):
            return -np.log(_inside(high - value, high))
        share = min(max((value - low) / (high - low), _MARGIN), 1 - _MARGIN)
        return np.log(share / (1 - share))

    def _from_line(self, position: int, coordinate: float) -> float:
        low, high = self.template.lower[position], self.template.upper[position]
        if np.isinf(low) and np.isinf(high):
            return coordinate
        with np.errstate(over="ignore", under="ignore"):
            if np.isinf(high):
                return low + np.exp(coordinate)
            if np.isinf(low):
                return high - np.exp(-coordinate)
            return low + (high - low) / (1 + np.exp(-coordinate))

    def _slope(self, position: int, coordinate: float) -> float:
        low, high = self.template.lower[position], self.template.upper[position]
        if np.isinf(low) and np.isinf(high):
            return 1.0
        if np.isinf(high):
            return np.exp(coordinate)
        if np.isinf(low):
            return np.exp(-coordinate)
        return (high - low) / (2 + np.exp(coordinate) + np.exp(-coordinate))


def _inside(distance: float, bound: float) -> float:
    """Return the distance to a bound, or a small one where the value lies on it."""
    if distance > 0 or bound != 0:
        return max(distance, _MARGIN * abs(bound))
    return _OFF_BOUND


def _correlation(block: OmegaBlock, values: np.ndarray) -> np.ndarray:
    matrix = np.eye(len(block.etas))
    for row, column, position in block.correlations:
        matrix[row, column] = matrix[column, row] = values[position]
    return matrix


def _rows(block: OmegaBlock, full: np.ndarray) -> np.ndarray:
    """Return the Cholesky factor whose unnormalised rows hold the coordinates and a final 1."""
    factor = np.eye(len(block.etas))
    for row, column, position in block.correlations:
        factor[row, column] = np.sinh(full[position])
    return factor / np.linalg.norm(factor, axis=1, keepdims=True)


def _fill_correlations(block: OmegaBlock, full: np.ndarray, matrix: np.ndarray) -> None:
    """Write d correlation / d coordinate: d row / d y_k = (e_k - row row_k) / length, d y_k / d coordinate = cosh."""
    factor = _rows(block, full)
    for row, column, position in block.correlations:
        unit = np.zeros(len(block.etas))
        unit[column] = 1.0
        change = (unit - factor[row] * factor[row, column]) * factor[row, row] * np.cosh(full[position])
        for other_row, other_column, other in block.correlations:
            if other_row == row:
                matrix[other, position] += change @ factor[other_column]
            if other_column == row:
                matrix[other, position] += factor[other_row] @ change
