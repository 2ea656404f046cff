"""NumPy arrays of any of the ten dtypes to tensors and back, below the public API."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType, all_dtypes, bfloat16, bool_

Array = npt.NDArray[Any]

BY_NAME = {dtype.name: dtype for dtype in all_dtypes}


def bfloat16_bits(values: Array) -> Array:
    """The upper halves of float32 values, rounded to even; what NumPy has no dtype for."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).reshape(np.shape(values)).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded).astype(np.uint16)


def bfloat16_values(bits: Array) -> Array:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def rounded(values: Any, dtype: DType) -> Array:
    """Values as `dtype` holds them, in the arithmetic of references: float64, int64 or bool."""
    array = np.asarray(values)
    with np.errstate(all="ignore"):
        if dtype is bfloat16:
            return bfloat16_values(bfloat16_bits(array.astype(np.float32))).astype(np.float64)
        if dtype.is_floating_point:
            return array.astype(dtype.to_numpy()).astype(np.float64)
        return array.astype(np.bool_) if dtype is bool_ else array.astype(dtype.to_numpy()).astype(np.int64)


def to_tensor(values: Any, dtype: DType) -> Tensor:
    """A new evaluated tensor of `dtype`."""
    if dtype is bfloat16:
        return _core.from_array(bfloat16_bits(np.asarray(values, dtype=np.float32)), dtype.code, False)
    with np.errstate(all="ignore"):
        return _core.from_array(np.array(values, dtype=dtype.to_numpy(), order="C"), dtype.code, False)


def to_numpy(tensor: Tensor) -> Array:
    """The tensor's values in the arithmetic of references."""
    array = _core.to_array(tensor)
    return rounded(bfloat16_values(array) if tensor.dtype is bfloat16 else array, tensor.dtype)


def bits(tensor: Tensor) -> bytes:
    """The tensor's elements in row-major order, for comparisons that allow no rounding."""
    return _core.to_array(tensor).tobytes()
