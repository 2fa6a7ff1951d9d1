"""Differential equations as compiled functions: the right-hand side and its derivatives, only those that are not always zero.

`equations_0` writes f [n]; `equations_1` also the non-zero f_x and f_d, one after the other; `equations_2` further f_xx, f_xd and
f_dd. The lists of `Patterns` say which ones they are, in the order of `out`. `equations_t` writes f_t [n], T and TAD going together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from popmix.compiler.emit import Function
from popmix.compiler.jets import Entries, Expansion, JetFunction
from popmix.compiler.program import ZERO, Program, Symbolic


@dataclass(frozen=True, eq=False)
class Patterns:
    """Positions of the derivatives that are not always zero; equation i, states j and k, structural directions d and e.

    `x` [., 2] holds (i, j), `d` (i, d), `xx` [., 3] (i, j, k) with k <= j, `xd` (i, j, d) and `dd` (i, d, e) with e <= d.
    """

    x: np.ndarray
    d: np.ndarray
    xx: np.ndarray
    xd: np.ndarray
    dd: np.ndarray


def equation_functions(
    program: Program,
    derivatives: Sequence[Symbolic],
    amounts: Sequence[Symbolic],
    directions: Sequence[Symbolic],
    times: Sequence[Symbolic],
    inputs: Mapping[Symbolic, tuple[int, int]],
) -> tuple[list[Function], Patterns]:
    """Return the functions of a right-hand side and the patterns of their results."""
    values = {(i,): derivative for i, derivative in enumerate(derivatives)}
    x = _differentiated(program, values, amounts)
    d = _differentiated(program, values, directions)
    xx = _differentiated(program, x, amounts, symmetric=True)
    xd = _differentiated(program, x, directions)
    dd = _differentiated(program, d, directions, symmetric=True)
    first, second = Expansion(values, x, d), Expansion(values, x, d, xx, xd, dd)
    by_time = [sum((program.differentiate(derivative, time) for time in times), ZERO) for derivative in derivatives]
    packed = inputs | {amount: (0, k * (1 + len(directions))) for k, amount in enumerate(amounts)}
    width = 1 + len(directions) + len(directions) * (len(directions) + 1) // 2
    wide = inputs | {amount: (0, k * width) for k, amount in enumerate(amounts)}
    functions = [
        Function("equations_0", inputs, dict(enumerate(derivatives))),
        Function("equations_1", inputs, dict(enumerate(first.flat()))),
        Function("equations_2", inputs, dict(enumerate(second.flat()))),
        Function("equations_t", inputs, dict(enumerate(by_time))),
        JetFunction.of("jets_1", packed, first, len(directions), second=False),
        JetFunction.of("jets_2", wide, second, len(directions), second=True),
    ]
    return functions, Patterns(_table(x, 2), _table(d, 2), _table(xx, 3), _table(xd, 3), _table(dd, 3))


def _differentiated(program: Program, entries: Entries, variables: Sequence[Symbolic], symmetric: bool = False) -> Entries:
    """Return the non-zero derivatives of entries; of symmetric second derivatives the lower triangle."""
    found: Entries = {}
    for position, expression in entries.items():
        last = position[-1] + 1 if symmetric else len(variables)
        for index, variable in enumerate(variables[:last]):
            slope = program.differentiate(expression, variable)
            if slope != ZERO:
                found[*position, index] = slope
    return found


def _table(entries: Entries, width: int) -> np.ndarray:
    return np.array(list(entries), dtype=np.int64).reshape(-1, width)
