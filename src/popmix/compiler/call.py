"""Calling a compiled model function from Numba code through its address."""

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def call_model(typing_context, address, a, d, c, t, out):
    """Call `void f(double *a, double *d, double *c, double *t, double *out)` at an address.

    The five arguments are C-contiguous float64 arrays; nothing is checked, so sizes are the caller's duty.
    """
    signature = types.void(types.int64, a, d, c, t, out)

    def generate(context, builder, signature, arguments):
        pointer = ir.DoubleType().as_pointer()
        function_type = ir.FunctionType(ir.VoidType(), [pointer] * 5)
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        data = []
        for kind, value in zip(signature.args[1:], arguments[1:], strict=True):
            array = cgutils.create_struct_proxy(kind)(context, builder, value)
            data.append(builder.bitcast(array.data, pointer))
        builder.call(function, data)
        return context.get_dummy_value()

    return signature, generate
