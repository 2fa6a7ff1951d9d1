"""How the engine is compiled: one decorator, and calls by address that keep compilation short.

Numba optimises a callee again inside each of its callers. Functions in the middle of the engine are therefore compiled
once, by `address_of`, and called through their address by `call_at`; both sides are cached on disk.
"""

from collections.abc import Callable

import llvmlite.ir as ir
from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic

# division by zero gives inf or nan, which the density reports as a status, instead of an exception
compiled = njit(nogil=True, cache=True, error_model="numpy")

# for parts of one function that are called once or twice: passing many arrays costs more to compile than the code itself
inlined = njit(inline="always", error_model="numpy")


@intrinsic
def call_at(typing_context, address, arguments):
    """Call a compiled function that returns int64 at an address, with a tuple of arguments of exactly its types."""
    signature = types.int64(types.int64, arguments)

    def generate(context, builder, signature, values):
        kinds = list(signature.args[1].types)
        unpacked = cgutils.unpack_tuple(builder, values[1], len(kinds))
        function_type = context.call_conv.get_function_type(types.int64, kinds)
        pointer = builder.inttoptr(values[0], function_type.as_pointer())
        _, result = context.call_conv.call_function(builder, pointer, types.int64, kinds, unpacked)
        return result

    return signature, generate


def address_of(function: Callable, *examples: object) -> int:
    """Compile a function for the types of `examples` (or load it from the cache) and return its address."""
    signature = tuple(typeof(example) for example in examples)
    function.compile(signature)
    result = function.overloads[signature]
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
