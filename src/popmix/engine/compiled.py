"""How the engine is compiled: entries with an address, parts inside them, and calls by address.

Numba optimises a callee again inside each of its callers. The larger functions of the engine are therefore entries: compiled
once by `address_of`, cached on disk, and called through their address by `call_at`. Small parts are compiled into the entries.
"""

from collections.abc import Callable

from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic

# division by zero gives inf or nan, which the density reports as a status, instead of an exception
compiled = njit(nogil=True, cache=True, error_model="numpy")

part = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)

# a part that LLVM would not put into its caller by itself, for loops in which the call costs more than the work
inlined = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)


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


def ready(function: Callable, *examples: object) -> None:
    """Compile a function for the types of `examples`, or load it from the cache."""
    function.compile(tuple(typeof(example) for example in examples))


def address_of(function: Callable, *examples: object) -> int:
    """Compile a function for the types of `examples` (or load it from the cache) and return its address."""
    signature = tuple(typeof(example) for example in examples)
    function.compile(signature)
    result = function.overloads[signature]
    if types.unliteral(result.signature.return_type) != types.int64:
        raise TypeError(f"{function.__name__} must return int64 to be called by address, not {result.signature.return_type}")
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
