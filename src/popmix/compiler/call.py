"""Calling a compiled model function from Numba code through its address."""

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_REAL = ir.DoubleType().as_pointer()
_WORD = ir.IntType(64)


@intrinsic
def call_model(typing_context, address, a, d, c, t, out):
    """Call `void f(double *a, double *d, double *c, double *t, double *out)` at an address.

    The five arguments are C-contiguous float64 arrays; nothing is checked, so sizes are the caller's duty.
    """
    signature = types.void(types.int64, a, d, c, t, out)

    def generate(context, builder, signature, arguments):
        function_type = ir.FunctionType(ir.VoidType(), [_REAL] * 5)
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        builder.call(function, _pointers(context, builder, signature.args[1:], arguments[1:], [_REAL] * 5))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def call_looped(typing_context, address, start, stop, rows, a, d, c, t, out):
    """Call `void f(int64 start, int64 stop, int64 capacity, int64 *rows, double *a, ..., double *out)` at an address.

    The capacity is the length of the rows of `a`; nothing is checked.
    """
    signature = types.void(types.int64, types.int64, types.int64, rows, a, d, c, t, out)

    def generate(context, builder, signature, arguments):
        kinds = [_WORD.as_pointer(), *[_REAL] * 5]
        function_type = ir.FunctionType(ir.VoidType(), [_WORD, _WORD, _WORD, *kinds])
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        amounts = cgutils.create_struct_proxy(signature.args[4])(context, builder, arguments[4])
        capacity = cgutils.unpack_tuple(builder, amounts.shape)[1]
        data = _pointers(context, builder, signature.args[3:], arguments[3:], kinds)
        builder.call(function, [arguments[1], arguments[2], capacity, *data])
        return context.get_dummy_value()

    return signature, generate


def _pointers(context, builder, types, arrays, kinds):
    """Return the addresses of the elements of arrays."""
    data = []
    for array_type, array, kind in zip(types, arrays, kinds, strict=True):
        proxy = cgutils.create_struct_proxy(array_type)(context, builder, array)
        data.append(builder.bitcast(proxy.data, kind))
    return data
