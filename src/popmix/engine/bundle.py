"""Bundles: named arrays and numbers that compiled functions receive as one address.

Numba passes a named tuple of arrays by value, seven machine words and a reference count per array, through every call: with
the hundred arrays of this engine most of the compilation would go into moving them around. A bundle is a block of memory that
holds the fields of a named tuple one after the other; compiled code reads a field where it needs it, as `work.state.z`.
Fields are int64 (truth values too), float64, contiguous arrays, and bundles. Compiled code never changes a field, only
the contents of arrays.
"""

from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, lower_getattr_generic, register_model, unbox
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from popmix.engine.stamp import sources

_WORD = ir.IntType(64)
_SOURCES = sources()


class BundleType(types.Type):
    """The type of a bundle for Numba; compiled functions are cached by its name, a digest of its fields and of the engine.

    Numba notices a change of the file that holds a cached function, but not of the files behind what it calls.
    """

    def __init__(self, name: str, fields: tuple[tuple[str, types.Type], ...]) -> None:
        self.fields = dict(fields)
        digest = sha256(repr([_SOURCES, *((field, str(kind)) for field, kind in fields)]).encode()).hexdigest()
        # short: the names of all functions contain it
        super().__init__(f"{name}_{digest[:12]}")

    def position(self, wanted: str) -> int:
        """Return the word at which a field begins."""
        sizes = [_size(kind) for kind in self.fields.values()]
        return sum(sizes[: list(self.fields).index(wanted)])


class Bundle:
    """The fields of a named tuple in one block of memory, which this object keeps alive."""

    __slots__ = ("_numba_type_", "address", "fields", "memory")

    def __init__(self, fields: NamedTuple) -> None:
        self.fields = [_field(value) for value in fields]
        self._numba_type_ = _bundle_type(type(fields), tuple(_kind(value) for value in self.fields))
        self.memory = np.array([word for value in self.fields for word in _words(value)], dtype=np.int64)
        self.address = self.memory.ctypes.data


@lru_cache(maxsize=64)
def _bundle_type(kind: type, kinds: tuple[types.Type, ...]) -> BundleType:
    return BundleType(kind.__name__, tuple(zip(kind._fields, kinds, strict=True)))


@lru_cache(maxsize=64)
def _array_type(dtype: np.dtype, n_axes: int) -> types.Array:
    return types.Array(from_dtype(dtype), n_axes, "C")


def _field(value: Any) -> Any:
    return Bundle(value) if isinstance(value, tuple) else value


def _kind(value: Any) -> types.Type:
    if isinstance(value, Bundle):
        return value._numba_type_
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError("an array of a bundle must be contiguous")
        return _array_type(value.dtype, value.ndim)
    return types.float64 if isinstance(value, float) else types.int64


def _words(value: Any) -> list[int]:
    if isinstance(value, Bundle):
        return [value.address]
    if isinstance(value, np.ndarray):
        return [value.ctypes.data, *value.shape]
    return [int(np.float64(value).view(np.int64)) if isinstance(value, float) else int(value)]


def _size(kind: types.Type) -> int:
    return 1 + kind.ndim if isinstance(kind, types.Array) else 1


register_model(BundleType)(models.OpaqueModel)


@infer_getattr
class _BundleAttributes(AttributeTemplate):
    key = BundleType

    def generic_resolve(self, bundle: BundleType, attribute: str) -> types.Type | None:
        return bundle.fields.get(attribute)


@unbox(BundleType)
def _unbox(kind: BundleType, obj: Any, context: Any) -> NativeValue:
    address = context.pyapi.object_getattr_string(obj, "address")
    word = context.pyapi.long_as_longlong(address)
    context.pyapi.decref(address)
    return NativeValue(context.builder.inttoptr(word, ir.IntType(8).as_pointer()))


@lower_getattr_generic(BundleType)
def _read_field(context: Any, builder: ir.IRBuilder, bundle: BundleType, value: ir.Value, attribute: str) -> ir.Value:
    kind, position = bundle.fields[attribute], bundle.position(attribute)
    words = builder.bitcast(value, _WORD.as_pointer())

    def word(offset: int) -> ir.Value:
        loaded = builder.load(builder.gep(words, [_WORD(position + offset)]))
        # the words of a bundle never change, so a loop may read them once
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    if isinstance(kind, BundleType):
        return builder.inttoptr(word(0), ir.IntType(8).as_pointer())
    if not isinstance(kind, types.Array):
        return builder.bitcast(word(0), context.get_value_type(kind))
    array = make_array(kind)(context, builder)
    itemsize = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [word(1 + axis) for axis in range(kind.ndim)]
    strides = [_WORD(itemsize)]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.inttoptr(word(0), context.get_data_type(kind.dtype).as_pointer())
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=_WORD(itemsize), meminfo=None)
    return array._getvalue()
