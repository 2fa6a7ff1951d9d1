"""The exponential function in plain arithmetic, which the compiler runs for several arguments at once.

A call of the C library costs more than everything else in a closed form; within a loop over an array this one costs a quarter.
"""

import math

import llvmlite.ir as ir
from numba import njit, types
from numba.extending import intrinsic

_LOG2_E = 1.0 / math.log(2.0)
# log(2) in two parts: the first has so few digits that its multiples by whole numbers are exact
_LOG2_HIGH, _LOG2_LOW = float.fromhex("0x1.62e42fefap-1"), float.fromhex("0x1.cf79abc9e3b39p-40")
# adding it rounds to a whole number, which then stands in the lowest bits
_ROUNDER = 6755399441055744.0
# Taylor coefficients 1/k!; |r| <= log(2)/2, so that the first term left out is below 5e-18
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = (1.0 / math.factorial(k) for k in range(2, 14))
_LEAST, _GREATEST = -708.0, 709.0


@intrinsic
def _power_of_two(typing_context, rounded):
    """2^n from n + _ROUNDER, for |n| <= 1022."""

    def generate(context, builder, signature, values):
        word = ir.IntType(64)
        exponent = builder.add(builder.bitcast(values[0], word), ir.Constant(word, 1023))
        return builder.bitcast(builder.shl(exponent, ir.Constant(word, 52)), ir.DoubleType())

    return types.float64(types.float64), generate


@njit(nogil=True, error_model="numpy", fastmath={"contract"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def exponential(x):
    """exp(x) to one unit in the last place: 2^n exp(r), x = n log(2) + r; 0 below -708, inf above 709."""
    rounded = x * _LOG2_E + _ROUNDER
    n = rounded - _ROUNDER
    r = (x - n * _LOG2_HIGH) - n * _LOG2_LOW
    s = r * r
    s2 = s * s
    low = 0.5 + r * _C3
    middle = (_C4 + r * _C5) + s * (_C6 + r * _C7)
    high = (_C8 + r * _C9) + s * (_C10 + r * _C11) + s2 * (_C12 + r * _C13)
    value = (1.0 + (r + s * (low + s * (middle + s2 * high)))) * _power_of_two(rounded)
    value = 0.0 if x < _LEAST else value
    return math.inf if x > _GREATEST else value
