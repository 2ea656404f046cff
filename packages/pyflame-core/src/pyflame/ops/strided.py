"""Views by strides: windows on the memory of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import _core
from .shape import wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor


def as_strided(x: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """View the memory of a tensor, and of what it is a view of, as another shape.

    The memory of a tensor that is no view is its elements in order.

    Args:
        size: the shape of the view.
        stride: for each dimension, the distance of neighbours in elements.
        storage_offset: where the view starts, in elements; by default where `x` does.

    Raises:
        RuntimeError: the view leaves the memory.

    Example:
        >>> import pyflame as pf
        >>> pf.as_strided(pf.arange(6), (3, 2), (1, 2))
        tensor([[0, 2],
                [1, 3],
                [2, 4]])
    """
    offset = x.storage_offset() if storage_offset is None else storage_offset
    return _core.strided_view(x, size, stride, offset)


def as_strided_scatter(
    x: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """Return a copy of `x`, laid out in order, with the elements that `as_strided` would show replaced.

    Args:
        src: new values, of shape `size`.
        size: the shape of the window.
        stride: for each dimension, the distance of neighbours in elements.
        storage_offset: where the window starts, in elements; by default 0.

    Raises:
        RuntimeError: the window leaves `x`, or `src` has another shape or dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.as_strided_scatter(pf.zeros(2, 2), pf.ones(2), (2,), (3,))
        tensor([[1., 0.],
                [0., 1.]])
    """
    if tuple(src.shape) != tuple(size):
        raise RuntimeError(f"[as_strided_scatter] src has shape {tuple(src.shape)}, the window {tuple(size)}")
    return _core.ops.as_strided_scatter(x, src, storage_offset or 0, stride)


def diagonal(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """View the diagonals of two dimensions as the last dimension.

    Args:
        offset: which diagonal: above the main one if positive, below if negative.
        dim1: rows.
        dim2: columns.

    Raises:
        RuntimeError: the dimensions are the same.
        IndexError: a dimension is out of range.

    Example:
        >>> import pyflame as pf
        >>> x = pf.zeros(2, 2)
        >>> _ = x.diagonal().fill_(1)
        >>> x
        tensor([[1., 0.],
                [0., 1.]])
    """
    rows, columns = wrap_dim("diagonal", dim1, x.ndim), wrap_dim("diagonal", dim2, x.ndim)
    if rows == columns:
        raise RuntimeError(f"[diagonal] dim1 and dim2 are both dimension {rows}: they must differ")
    strides, start = _core.window(x)
    length = min(x.shape[rows] + min(offset, 0), x.shape[columns] - max(offset, 0))
    if length > 0:
        start += offset * strides[columns] if offset > 0 else -offset * strides[rows]
    rest = [dim for dim in range(x.ndim) if dim not in (rows, columns)]
    size = [*(x.shape[dim] for dim in rest), max(length, 0)]
    return _core.strided_view(x, size, [*(strides[dim] for dim in rest), strides[rows] + strides[columns]], start)


def unfold(x: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """View the windows of a dimension, `step` apart, as a new last dimension of `size`.

    Raises:
        RuntimeError: the size is negative or exceeds the dimension, or the step is not positive.

    Example:
        >>> import pyflame as pf
        >>> pf.arange(5).unfold(0, 3, 2)
        tensor([[0, 1, 2],
                [2, 3, 4]])
    """
    dim = wrap_dim("unfold", dimension, x.ndim)
    length = x.shape[dim] if x.ndim else 1
    if not 0 <= size <= length:
        raise RuntimeError(f"[unfold] size {size} does not fit dimension {dim} of size {length}")
    if step < 1:
        raise RuntimeError(f"[unfold] step {step} must be positive")
    strides, start = _core.window(x)
    shape = list(x.shape)
    if not x.ndim:
        return _core.strided_view(x, [size], [1], start)
    shape[dim] = (length - size) // step + 1
    windows = [*strides]
    windows[dim] *= step
    return _core.strided_view(x, [*shape, size], [*windows, strides[dim]], start)
