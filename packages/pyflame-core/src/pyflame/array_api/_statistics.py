"""Reductions, running sums and the truth of arrays with the standard's signatures.

PyTorch takes an empty tuple of dimensions for all of them; the standard takes it for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from ..dtypes import DType
from ._promotion import Axis

if TYPE_CHECKING:
    from .._tensor import Tensor


def all(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Tell whether every element is non-zero."""
    return x != 0 if axis == () else ops.all(x != 0, axis, keepdims)


def any(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Tell whether at least one element is non-zero."""
    return x != 0 if axis == () else ops.any(x != 0, axis, keepdims)


def count_nonzero(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Count the elements that are not 0."""
    return sum(x != 0, axis=axis, keepdims=keepdims)


def cumulative_prod(
    x: Tensor, /, *, axis: int | None = None, dtype: DType | None = None, include_initial: bool = False
) -> Tensor:
    """Multiply the elements so far along an axis.

    Raises:
        ValueError: `axis` is missing, and `x` is not 1-d.
    """
    y = ops.cumprod(x, _one_axis("cumulative_prod", x, axis), dtype=dtype)
    return _started(y, axis, 1) if include_initial else y


def cumulative_sum(
    x: Tensor, /, *, axis: int | None = None, dtype: DType | None = None, include_initial: bool = False
) -> Tensor:
    """Add up the elements so far along an axis.

    Raises:
        ValueError: `axis` is missing, and `x` is not 1-d.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.cumulative_sum(xp.asarray([1, 2, 3]), include_initial=True)
        tensor([0, 1, 3, 6])
    """
    y = ops.cumsum(x, _one_axis("cumulative_sum", x, axis), dtype=dtype)
    return _started(y, axis, 0) if include_initial else y


def _one_axis(name: str, x: Tensor, axis: int | None) -> int:
    if axis is None and x.ndim != 1:
        raise ValueError(f"[{name}] x has {x.ndim} dimensions: say along which axis")
    return axis or 0


def _started(y: Tensor, axis: int | None, first: int) -> Tensor:
    axis = (axis or 0) % y.ndim
    shape = [1 if d == axis else size for d, size in enumerate(y.shape)]
    return ops.cat([ops.full(shape, first, dtype=y.dtype), y], axis)


def diff(
    x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Subtract each element from the next along an axis."""
    return ops.diff(x, n, axis, prepend, append)


def max(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Find the largest elements."""
    return ops.positive(x) if axis == () else ops.amax(x, axis, keepdims)


def mean(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Average elements."""
    return ops.positive(x) if axis == () else ops.mean(x, axis, keepdims)


def min(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Find the smallest elements."""
    return ops.positive(x) if axis == () else ops.amin(x, axis, keepdims)


def prod(x: Tensor, /, *, axis: Axis = None, dtype: DType | None = None, keepdims: bool = False) -> Tensor:
    """Multiply elements.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.prod(xp.full((2, 3), 2), axis=(0, 1))
        tensor(64)
    """
    if axis is None or isinstance(axis, int):
        return ops.prod(x, axis, keepdims, dtype=dtype)
    axes = sorted(one % x.ndim for one in axis)
    rest = [d for d in range(x.ndim) if d not in axes]
    flat = ops.reshape(ops.permute(x, rest + axes), [x.shape[d] for d in rest] + [_extent(x, axes)])
    y = ops.prod(flat, -1, dtype=dtype)
    return ops.reshape(y, [1 if d in axes else size for d, size in enumerate(x.shape)]) if keepdims else y


def _extent(x: Tensor, axes: list[int]) -> int:
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return count


def std(x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Compute the standard deviation."""
    return ops.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def sum(x: Tensor, /, *, axis: Axis = None, dtype: DType | None = None, keepdims: bool = False) -> Tensor:
    """Add up elements."""
    if axis == ():
        return ops.sum(ops.unsqueeze(x, 0), 0, dtype=dtype)
    return ops.sum(x, axis, keepdims, dtype=dtype)


def var(x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Compute the variance; `correction` is taken from the number of elements."""
    if axis == ():
        return var(ops.unsqueeze(x, 0), axis=0, correction=correction)
    return ops.var(x, axis, correction=correction, keepdim=keepdims)
