"""The unconstrained scale on which an optimiser works, and the chain rule to it.

Thetas: identity, log(theta - lower), -log(upper - theta) or the logit between bounds; SDs: the logarithm; correlations of a
block: row i of the Cholesky factor of the correlation matrix is a unit vector given by i - 1 angles,

    u_i1 = sin a_1,   u_i2 = cos a_1 sin a_2,   ...,   u_ii = cos a_1 cos a_2 ... cos a_(i-1)

so that correlation_ij = (1 - 1e-6) u_i . u_j is positive definite for any angles. The edge of the possible lies at a finite place, an
angle of 90 degrees, where the objective is symmetric: a search that is drawn there ends there (Rapisarda, Brigo and Mercurio, IMA J
Manag Math 18:55, 2007). Nearer to a singular omega its inverse leaves no digits for a gradient. Fixed parameters are left out.
"""

from dataclasses import dataclass

import numpy as np

from popmix.model.parameters import OmegaBlock, Parameters

# start values may lie on a bound only by rounding; inside the transform they keep this relative distance to it
_MARGIN = 1e-10
# smallest eigenvalue that a search leaves to the correlations of a block
_LEAST_EIGENVALUE = 1e-6


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
            factor = np.linalg.cholesky(_stretched(_correlation(block, parameters.values)))
            for row, column, position in block.correlations:
                coordinates[position] = np.arctan2(factor[row, column], np.linalg.norm(factor[row, column + 1 :]))
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
                    values[position] = (1 - _LEAST_EIGENVALUE) * (factor[row] @ factor[column])
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

    def curves(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the second derivative of each natural value by its own coordinate; 0 for correlations, which `bend` has."""
        full = self._full(coordinates)
        found = [0.0 if self.template.kinds[one] == "corr" else self._curve(one, full[one]) for one in self.free]
        return np.array(found, dtype=float)

    def bend(self, coordinates: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return sum over natural values of gradient x their second derivative by each coordinate, for correlations only.

        At the edge of a singular block the first derivatives vanish, and this is all the curvature that there is.
        """
        full = self._full(coordinates)
        bends = np.zeros(len(self.template))
        for block in self.blocks:
            factor = _rows(block, full)
            for row, column, position in block.correlations:
                change = np.concatenate([np.zeros(column), -factor[row, column:]])
                bends[position] = sum(gradient[other] * slope for other, slope in _moved(block, factor, row, change))
        return bends[self.free]

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

    def _curve(self, position: int, coordinate: float) -> float:
        low, high = self.template.lower[position], self.template.upper[position]
        if np.isinf(low) and np.isinf(high):
            return 0.0
        slope = self._slope(position, coordinate)
        if np.isinf(low) or np.isinf(high):
            return slope if np.isinf(high) else -slope
        return -slope * np.tanh(0.5 * coordinate)


def _inside(distance: float, bound: float) -> float:
    """Return the distance to a bound, or the margin where the value lies on it."""
    return max(distance, _MARGIN * abs(bound)) or _MARGIN


def _correlation(block: OmegaBlock, values: np.ndarray) -> np.ndarray:
    matrix = np.eye(len(block.etas))
    for row, column, position in block.correlations:
        matrix[row, column] = matrix[column, row] = values[position]
    return matrix


def _stretched(correlation: np.ndarray) -> np.ndarray:
    """Return the products u_i . u_j that make a matrix of correlations, or the matrix itself where it is too near the edge."""
    identity = np.eye(len(correlation))
    stretched = identity + (correlation - identity) / (1 - _LEAST_EIGENVALUE)
    return stretched if np.linalg.eigvalsh(stretched)[0] > 0 else correlation


def _rows(block: OmegaBlock, full: np.ndarray) -> np.ndarray:
    """Return the Cholesky factor of the correlations, its rows unit vectors."""
    sines, cosines = _sines_and_cosines(block, full)
    return _unit_rows(sines, cosines)


def _fill_correlations(block: OmegaBlock, full: np.ndarray, matrix: np.ndarray) -> None:
    """Write d correlation / d angle."""
    sines, cosines = _sines_and_cosines(block, full)
    factor = _unit_rows(sines, cosines)
    for row, column, position in block.correlations:
        turned_sines, turned_cosines = sines[row].copy(), cosines[row].copy()
        turned_sines[column], turned_cosines[column] = cosines[row, column], -sines[row, column]
        change = _unit_rows(turned_sines[None], turned_cosines[None])[0]
        change[:column] = 0.0
        for other, slope in _moved(block, factor, row, change):
            matrix[other, position] = slope


def _sines_and_cosines(block: OmegaBlock, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sines and cosines of the angles, [row, column]; the last of a row is a right angle, so that it takes what is left."""
    sines, cosines = np.eye(len(block.etas)), 1.0 - np.eye(len(block.etas))
    for row, column, position in block.correlations:
        sines[row, column], cosines[row, column] = np.sin(full[position]), np.cos(full[position])
    return sines, cosines


def _unit_rows(sines: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    return sines * np.cumprod(np.hstack([np.ones((len(sines), 1)), cosines[:, :-1]]), axis=1)


def _moved(block: OmegaBlock, factor: np.ndarray, row: int, change: np.ndarray) -> list[tuple[int, float]]:
    """Return (position, change) of the correlations that move when a row of the factor does."""
    found = []
    for other_row, other_column, other in block.correlations:
        if row in (other_row, other_column):
            partner = other_column if other_row == row else other_row
            found.append((other, (1 - _LEAST_EIGENVALUE) * float(change @ factor[partner])))
    return found
