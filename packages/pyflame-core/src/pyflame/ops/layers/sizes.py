"""Arguments that are one number or one for each dimension, and inputs with or without a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import _core
from ...dtypes import DType, bool_, float64, int64
from ..creation import from_array

if TYPE_CHECKING:
    from ..._tensor import Tensor
    from ..._types import Array

Extent = int | Sequence[int]
AXES = ("depth", "height", "width")

_reshape = _core.ops.reshape


def spread(op: str, name: str, value: Extent, count: int) -> tuple[int, ...]:
    """Return one number for each of `count` dimensions.

    Raises:
        RuntimeError: there are more or fewer.
    """
    if isinstance(value, int):
        return (value,) * count
    if len(value) == 1:
        return (int(value[0]),) * count
    if len(value) != count:
        raise RuntimeError(f"[{op}] {name} has {len(value)} values: expected one, or {count}")
    return tuple(int(v) for v in value)


def batched(op: str, x: Tensor, count: int) -> Tensor:
    """Give (channels, `count` sizes) a batch of one; refuse other ranks."""
    if x.ndim == count + 2:
        return x
    if x.ndim != count + 1:
        raise RuntimeError(
            f"[{op}] input has shape {tuple(x.shape)}: expected (channels, {', '.join(AXES[-count:])}) or a batch"
        )
    return _reshape(x, (1, *x.shape))


def unbatched(y: Tensor, like: Tensor) -> Tensor:
    """Take away the batch of one that `batched` gave."""
    return _reshape(y, tuple(y.shape)[1:]) if y.ndim > like.ndim else y


def table(array: Array) -> Tensor:
    """Return positions as a tensor."""
    return from_array(array, int64)


def mask(array: Array) -> Tensor:
    """Return truth values as a tensor."""
    return from_array(array, bool_)


def constant(array: Array, dtype: DType) -> Tensor:
    """Return numbers as a tensor of any dtype."""
    return _core.ops.cast(from_array(array.astype("float64"), float64), dtype)


def between(x: Tensor, shape: Sequence[int], dim: int) -> Tensor:
    """Give a tensor of one dimension the shape that broadcasts along `dim`."""
    return _reshape(x, [-1 if d == dim else 1 for d in range(len(shape))])
