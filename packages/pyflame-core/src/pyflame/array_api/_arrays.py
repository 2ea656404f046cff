"""Functions that rearrange arrays, or multiply matrices, with the standard's signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import ops
from ..dtypes import int64
from ._promotion import promoted

if TYPE_CHECKING:
    from .._tensor import Tensor


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """Expand arrays to the shape that all broadcast to."""
    return list(ops.broadcast_tensors(*arrays))


def broadcast_to(x: Tensor, /, shape: tuple[int, ...]) -> Tensor:
    """Repeat dimensions of size 1 to a given shape."""
    return ops.broadcast_to(x, shape)


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Join arrays along an axis; None flattens them first.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.concat([xp.ones(1), xp.zeros((1, 1))], axis=None)
        tensor([1., 0.])
    """
    parts = promoted(*arrays)
    if axis is None:
        return ops.cat([ops.reshape(part, (-1,)) for part in parts], 0)
    return ops.cat(list(parts), axis)


def expand_dims(x: Tensor, /, axis: int = 0) -> Tensor:
    """Insert an axis of size 1.

    Raises:
        IndexError: there is no such position.
    """
    return ops.unsqueeze(x, axis)


def flip(x: Tensor, /, *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Reverse the order along some axes, or all."""
    if axis is None:
        axis = tuple(range(x.ndim))
    return ops.flip(x, (axis,) if isinstance(axis, int) else axis) if axis != () else x


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Multiply matrices, vectors or batches of them."""
    return ops.matmul(*promoted(x1, x2))


def matrix_transpose(x: Tensor, /) -> Tensor:
    """Exchange the last two axes.

    Raises:
        RuntimeError: `x` has fewer.
    """
    return x.mT


def moveaxis(x: Tensor, source: int | tuple[int, ...], destination: int | tuple[int, ...], /) -> Tensor:
    """Move axes to other places."""
    return ops.movedim(x, source, destination)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """Put the axes in another order."""
    return ops.permute(x, axes)


def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """Repeat each element, along an axis or of the flattened array.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.repeat(xp.asarray([1, 2]), 2)
        tensor([1, 1, 2, 2])
    """
    counts = repeats if isinstance(repeats, int) else repeats.to(int64)
    return ops.repeat_interleave(x, counts, axis)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """Give another shape to the same elements."""
    y = ops.reshape(x, shape)
    return y.clone() if copy else y


def roll(x: Tensor, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Shift elements along axes; those that leave come back at the other end."""
    return ops.roll(x, shift, axis)


def squeeze(x: Tensor, /, axis: int | tuple[int, ...]) -> Tensor:
    """Remove axes of size 1.

    Raises:
        ValueError: an axis has another size.
    """
    axes = (axis,) if isinstance(axis, int) else axis
    for one in axes:
        if x.shape[one] != 1:
            raise ValueError(f"[squeeze] axis {one} of shape {tuple(x.shape)} has size {x.shape[one]}: expected 1")
    return ops.squeeze(x, axes) if axes else x


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """Join arrays along a new axis."""
    return ops.stack(list(promoted(*arrays)), axis)


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Tensor:
    """Sum products over axes of both arrays: as many of the last and first ones, or those named.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.tensordot(xp.ones((2, 3)), xp.ones((3, 4)), axes=1).shape
        pyflame.Size([2, 4])
    """
    x1, x2 = promoted(x1, x2)
    if isinstance(axes, int):
        left, right = list(range(x1.ndim - axes, x1.ndim)), list(range(axes))
    else:
        left, right = [axis % x1.ndim for axis in axes[0]], [axis % x2.ndim for axis in axes[1]]
    rows = [axis for axis in range(x1.ndim) if axis not in left]
    columns = [axis for axis in range(x2.ndim) if axis not in right]
    inner = 1
    for one, other in zip(left, right):
        if x1.shape[one] != x2.shape[other]:
            raise RuntimeError(
                f"[tensordot] x1 has shape {tuple(x1.shape)}, x2 {tuple(x2.shape)}: axes {one} and {other} differ"
            )
        inner *= x1.shape[one]
    shape = [x1.shape[axis] for axis in rows] + [x2.shape[axis] for axis in columns]
    heights, widths = 1, 1
    for axis in rows:
        heights *= x1.shape[axis]
    for axis in columns:
        widths *= x2.shape[axis]
    a = ops.reshape(ops.permute(x1, rows + left), (heights, inner))
    b = ops.reshape(ops.permute(x2, right + columns), (inner, widths))
    return ops.reshape(ops.matmul(a, b), shape)


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """Repeat the whole array along its axes."""
    return ops.tile(x, repetitions)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Cut along an axis into arrays without it."""
    return tuple(ops.unbind(x, axis))


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Multiply vectors along an axis of both arrays, which otherwise broadcast.

    Raises:
        RuntimeError: the vectors differ in length.
    """
    x1, x2 = promoted(x1, x2)
    if x1.shape[axis] != x2.shape[axis]:
        raise RuntimeError(
            f"[vecdot] x1 has shape {tuple(x1.shape)}, x2 {tuple(x2.shape)}: the sizes of axis {axis} differ"
        )
    return ops.sum(ops.mul(x1, x2), axis, dtype=x1.dtype)
