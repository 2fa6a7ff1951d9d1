"""Exact answers in decimal arithmetic: exponentials of matrices, divided differences, derivatives."""

from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np

_DIGITS = 120
_TERMS = 60


def matrix_exponential(matrix: list[list[Decimal]]) -> list[list[Decimal]]:
    """Return exp(matrix) to about 80 digits: Taylor's series of a 2^-s part of it, squared s times."""
    n = len(matrix)
    with localcontext() as context:
        context.prec = _DIGITS
        largest = max(sum(abs(value) for value in row) for row in matrix)
        squarings = 0
        while largest > 1:
            largest /= 2
            squarings += 1
        scaled = [[value / 2**squarings for value in row] for row in matrix]
        total = [[Decimal(int(i == j)) for j in range(n)] for i in range(n)]
        term = total
        for k in range(1, _TERMS):
            term = [[value / k for value in row] for row in _product(term, scaled)]
            total = [[a + b for a, b in zip(one, other, strict=True)] for one, other in zip(total, term, strict=True)]
        for _ in range(squarings):
            total = _product(total, total)
        return total


def divided_difference(nodes: list[float], dt: float) -> float:
    """Return exp(dt .)[nodes]: the corner of the exponential of dt (diag(nodes) + ones above it), equal nodes or not."""
    n = len(nodes)
    exact = [[Decimal(0)] * n for _ in range(n)]
    for i, node in enumerate(nodes):
        exact[i][i] = Decimal(node) * Decimal(dt)
        if i + 1 < n:
            exact[i][i + 1] = Decimal(dt)
    return float(matrix_exponential(exact)[0][-1])


def jets(function: Callable[[list[Decimal]], list[Decimal]], x: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values [n], first [n, S] and second derivatives [n, S, S] of a function in decimal arithmetic.

    Central differences with a step of 1e-30 in 120 digits: exact to double precision.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        step, size = Decimal("1e-30"), len(x)
        at = {}

        def value(*moves: int) -> list[Decimal]:
            key = tuple(sorted(moves))
            if key not in at:
                point = [Decimal(one) for one in x]
                for move in key:
                    point[abs(move) - 1] += step if move > 0 else -step
                at[key] = function(point)
            return at[key]

        n = len(value())
        first, second = np.zeros((n, size)), np.zeros((n, size, size))
        for d in range(1, size + 1):
            for i, (high, low) in enumerate(zip(value(d), value(-d), strict=True)):
                first[i, d - 1] = float((high - low) / (2 * step))
            for e in range(1, d + 1):
                corners = (value(d, e), value(d, -e), value(-d, e), value(-d, -e))
                for i, (a, b, c, f) in enumerate(zip(*corners, strict=True)):
                    second[i, d - 1, e - 1] = second[i, e - 1, d - 1] = float((a - b - c + f) / (4 * step * step))
        return np.array([float(one) for one in value()]), first, second


def _product(a: list[list[Decimal]], b: list[list[Decimal]]) -> list[list[Decimal]]:
    columns = list(zip(*b, strict=True))
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Decimal(0)) for column in columns] for row in a]
