"""Calling compiled functions of five arrays from Python."""

import ctypes

import numpy as np

from popmix.compiler.emit import Function, compile_functions
from popmix.compiler.program import Program, Symbolic

_POINTER = ctypes.POINTER(ctypes.c_double)


def compiled(program: Program, variables: list[Symbolic], outputs: list[Symbolic]):
    """Return a Python function of the values of the variables that returns those of the outputs."""
    inputs = {symbol: (1, k) for k, symbol in enumerate(variables)}
    code = compile_functions(program, [Function("f", inputs, dict(enumerate(outputs)))])
    call = ctypes.CFUNCTYPE(None, *[_POINTER] * 5)(code.addresses["f"])

    def evaluate(*values: float) -> np.ndarray:
        given, out, none = np.array(values, dtype=float), np.full(len(outputs), np.nan), np.zeros(1)
        call(*(each.ctypes.data_as(_POINTER) for each in (none, given, none, none, out)))
        return out

    evaluate.code = code  # keeps the machine code alive
    return evaluate


def jet(program: Program, expression: Symbolic, variables: list[Symbolic]):
    """Return a function that gives value [1], first [n] and second derivatives [n, n] of an expression, flat."""
    first = [program.differentiate(expression, x) for x in variables]
    second = [program.differentiate(slope, x) for slope in first for x in variables]
    return compiled(program, variables, [expression, *first, *second])
