"""Tensors as the arrays that files hold. NumPy has no bfloat16: its bits are held as uint16."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _core
from ..dtypes import DType, all_dtypes

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Array
    from .source import Source

MAX_DIMS = 16
DTYPES = {dtype.name: dtype for dtype in all_dtypes}


class Entry(NamedTuple):
    """A tensor to be written; its values are asked for when their turn comes."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    values: Callable[[], Array]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def entry_of(name: str, tensor: Tensor) -> Entry:
    return Entry(name, tensor.dtype, tuple(tensor.shape), lambda: to_stored(tensor))


def byte_count(source: Source, dtype: DType, shape: Sequence[int], what: str) -> int:
    """How many bytes the values of a tensor take.

    Raises:
        SerializationError: more dimensions or elements than a tensor can have.
    """
    span = math.prod(max(size, 1) for size in shape) * dtype.itemsize
    if len(shape) > MAX_DIMS or span >= 2**62:
        raise source.refuse(f"{what} has shape {tuple(shape)}: more than a tensor can have")
    return 0 if 0 in shape else span


def storage_dtype(dtype: DType) -> np.dtype[Any]:
    """The little-endian NumPy type that holds a dtype in files."""
    name = "uint16" if dtype.name == "bfloat16" else dtype.name
    return np.dtype(name).newbyteorder("<")


def to_stored(tensor: Tensor) -> Array:
    """The values of a tensor, evaluated and contiguous."""
    array = _core.to_array(tensor)
    return np.ascontiguousarray(array, storage_dtype(tensor.dtype)).reshape(array.shape)


def raw_bytes(array: Array) -> memoryview:
    """The bytes of a contiguous array."""
    return array.reshape(-1).view(np.uint8).data


def from_stored(source: Source, raw: Array, dtype: DType, shape: Sequence[int], what: str) -> Array:
    """Bytes of a file as an array of the form its dtype is held in; the number of bytes is right.

    Raises:
        SerializationError: a bool is neither 0 nor 1.
    """
    if dtype.name == "bool" and raw.size and raw.max() > 1:
        raise source.refuse(f"{what} has dtype bool and holds a byte that is neither 0 nor 1")
    if raw.size and raw.__array_interface__["data"][0] % dtype.itemsize:
        source.spend(raw.size, what)
        raw = raw.copy()  # kernels need aligned elements
    stored = storage_dtype(dtype)
    array = raw.view(stored).astype(stored.newbyteorder("="), copy=False).reshape(shape)
    array.flags.writeable = False
    return array


def as_tensor(array: Array, dtype: DType) -> Tensor:
    """A tensor on the memory of an array that nobody writes to."""
    return _core.from_array(array, dtype.code, True)
