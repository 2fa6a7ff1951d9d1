"""Differential equations of a model, and what kind they are: compartments in closed form, linear, or any."""

from dataclasses import dataclass

import symengine

from popmix.compiler.program import ZERO, Program, Symbolic


@dataclass(frozen=True)
class Shape:
    """A mammillary structure: an optional depot (compartment 0), a central and up to two peripheral compartments."""

    has_depot: bool
    n_peripherals: int

    @property
    def n_states(self) -> int:
        """Number of compartments, the depot included."""
        return int(self.has_depot) + 1 + self.n_peripherals

    @property
    def central(self) -> int:
        """Index of the central compartment."""
        return int(self.has_depot)


@dataclass(frozen=True)
class Dynamics:
    """x' = f(x, t) with x(0) = `initial`: one expression per state, in the order of `amounts`."""

    amounts: tuple[Symbolic, ...]
    derivatives: tuple[Symbolic, ...]
    initial: tuple[Symbolic, ...]


@dataclass(frozen=True)
class Mammillary:
    """A recognised mammillary system: positions of its states (depot, central, peripherals) and k10 (k12, k21, ...), ka."""

    shape: Shape
    order: tuple[int, ...]
    rates: tuple[Symbolic, ...]


def mammillary(program: Program, dynamics: Dynamics, clock: set[Symbolic]) -> Mammillary | None:
    """Return the mammillary system that the equations are, None when they are not.

    They must be linear, without constant input and from zero; all that leaves a depot or a peripheral compartment must arrive in the
    central one. The rates may depend on covariates but not on `clock` (time): they hold between two records.
    """
    matrix = linear_part(program, dynamics, clock)
    if matrix is None or any(value != ZERO for value in dynamics.initial) or not _is_homogeneous(dynamics):
        return None
    n = len(matrix)
    for central in range(n):
        others = [i for i in range(n) if i != central]
        depots = [i for i in others if matrix[i][central] == ZERO]
        peripherals = [i for i in others if matrix[i][central] != ZERO]
        if len(depots) <= 1 and len(peripherals) <= 2 and _is_star(matrix, central, others):
            return _mammillary(matrix, central, depots, peripherals)
    return None


def linear_part(program: Program, dynamics: Dynamics, clock: set[Symbolic]) -> list[list[Symbolic]] | None:
    """Return A where the equations are x' = A x + b with A and b free of states and of time, None otherwise."""
    amounts, matrix = dynamics.amounts, []
    for derivative in dynamics.derivatives:
        row = [symengine.expand(program.differentiate(derivative, amount)) for amount in amounts]
        if program.leaves(derivative) & clock or any(program.leaves(entry) & set(amounts) for entry in row):
            return None
        # what branches on a state has pieces that are linear, no more
        if any(program.leaves(symbol) & set(amounts) for symbol in derivative.free_symbols & program.auxiliaries.keys()):
            return None
        matrix.append(row)
    return matrix


def _is_homogeneous(dynamics: Dynamics) -> bool:
    """Whether linear equations have no constant input."""
    nothing = dict.fromkeys(dynamics.amounts, ZERO)
    return all(symengine.expand(derivative.xreplace(nothing)) == ZERO for derivative in dynamics.derivatives)


def _is_star(matrix: list[list[Symbolic]], central: int, others: list[int]) -> bool:
    """Whether all exchange goes through the central compartment and what leaves the others arrives there."""
    apart = all(matrix[i][j] == ZERO for i in others for j in others if i != j)
    return apart and all(symengine.expand(matrix[central][i] + matrix[i][i]) == ZERO and matrix[i][i] != ZERO for i in others)


def _mammillary(matrix: list[list[Symbolic]], central: int, depots: list[int], peripherals: list[int]) -> Mammillary:
    lost = -matrix[central][central] - sum((matrix[i][central] for i in peripherals), ZERO)
    rates = [symengine.expand(lost)]
    for i in peripherals:
        rates += [matrix[i][central], matrix[central][i]]
    rates += [matrix[central][i] for i in depots]
    return Mammillary(Shape(bool(depots), len(peripherals)), (*depots, central, *peripherals), tuple(rates))
