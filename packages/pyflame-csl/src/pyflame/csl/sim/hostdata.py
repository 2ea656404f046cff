"""Host arrays as the memcpy engine sees them: 32-bit words, in row-major or column-major order of PEs."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class DataType(IntEnum):
    """Size of a memcpy element; 16-bit elements travel in the low halves of 32-bit words."""

    MEMCPY_32BIT = 0
    MEMCPY_16BIT = 1


class Order(IntEnum):
    """Order of a host array of h x w PEs with l elements each: (h, w, l) or (l, w, h)."""

    ROW_MAJOR = 0
    COL_MAJOR = 1


def words_of(name: str, array: NDArray[Any], count: int) -> NDArray[np.uint32]:
    """A flat view of `array` as `count` 32-bit words; raises where dtype, size or layout do not allow it."""
    if not isinstance(array, np.ndarray) or array.dtype.itemsize != 4:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(
            f"[csl] {name} has {found}: memcpy takes arrays of 4-byte elements, 16-bit values in the low halves"
        )
    if not array.flags.c_contiguous:
        raise ValueError(f"[csl] {name} is not contiguous: pass numpy.ascontiguousarray(...) or .ravel()")
    if array.size != count:
        raise ValueError(f"[csl] {name} has {array.size} elements, the copy needs {count}")
    return array.reshape(-1).view(np.uint32)


def to_rows(words: NDArray[np.uint32], order: Order, width: int, height: int, length: int) -> NDArray[np.uint32]:
    """One row of `length` words per PE, PEs in row-major order."""
    if order == Order.ROW_MAJOR:
        return words.reshape(height * width, length)
    return words.reshape(length, width, height).transpose(2, 1, 0).reshape(height * width, length)


def from_rows(
    rows: NDArray[np.uint32], into: NDArray[np.uint32], order: Order, width: int, height: int, length: int
) -> None:
    """The inverse of `to_rows`, written into the host array."""
    block = rows.reshape(height, width, length)
    into[:] = (block if order == Order.ROW_MAJOR else block.transpose(2, 1, 0)).reshape(-1)
