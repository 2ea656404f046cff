"""Arrays of constants and weights. NumPy has no bfloat16: its bits are held as uint16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..dtypes import DType

if TYPE_CHECKING:
    from .._types import Array

_STORED = {dtype.name: dtype for dtype in dtypes.all_dtypes if dtype is not dtypes.bfloat16}


def storage_name(dtype: DType) -> str:
    """NumPy's name of the type that holds a dtype."""
    return "uint16" if dtype is dtypes.bfloat16 else dtype.name


def dtype_of(array: Array) -> DType:
    """The dtype of an array, bfloat16 excepted.

    Raises:
        TypeError: the array's dtype is none of PyFlame's.
    """
    if array.dtype.name not in _STORED:
        raise TypeError(f"[graph] an array of {array.dtype.name} is of none of PyFlame's dtypes")
    return _STORED[array.dtype.name]


def stored_array(value: Any, dtype: DType | None) -> Array:
    """A read-only contiguous array of the form its dtype is held in."""
    array = np.asarray(value)
    expected = storage_name(dtype or dtype_of(array))
    if array.dtype.name != expected:
        raise TypeError(f"[graph] {dtype} is held as {expected}, the array has dtype {array.dtype.name}")
    array = np.ascontiguousarray(array).reshape(array.shape).view()
    array.flags.writeable = False
    return array
