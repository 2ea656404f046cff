"""Pooling to a given size: windows that differ in length, one dimension after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _core
from ..._types import Array
from ..pool import avg_pool2d, max_pool2d
from .pooling import check_rank
from .sizes import between, constant, mask, table
from .windows import take_windows

if TYPE_CHECKING:
    from ..._tensor import Tensor

_gather = _core.ops.gather
_reshape = _core.ops.reshape

OutputSize = int | None | Sequence[int | None]


def _wanted(op: str, input: Tensor, output_size: OutputSize, count: int) -> list[int]:
    check_rank(op, input, count)
    asked = list(output_size) if isinstance(output_size, Sequence) else [output_size] * count
    if len(asked) != count:
        error = ValueError if count > 1 and len(asked) >= input.ndim else RuntimeError  # PyTorch's classes
        raise error(f"[{op}] output_size has {len(asked)} values: expected one, or {count}")
    wanted = [have if want is None else want for have, want in zip(input.shape[-count:], asked)]
    if min(wanted) < 0:
        raise RuntimeError(f"[{op}] output_size is {tuple(wanted)}: sizes are not negative")
    if 0 in tuple(input.shape)[input.ndim - count :]:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: there is nothing to pool")
    return wanted


def _windows(extent: int, count: int) -> tuple[Array, Array]:
    """Positions of each window's elements, (count, longest), and which of them count."""
    first = np.arange(count) * extent // max(count, 1)
    last = -(-(np.arange(count) + 1) * extent // max(count, 1))
    longest = int((last - first).max(initial=1))
    places = first[:, None] + np.arange(longest)
    return np.minimum(places, extent - 1), places < last[:, None]


def _mean_along(x: Tensor, dim: int, count: int) -> Tensor:
    if x.shape[dim] == count:
        return x
    places, valid = _windows(x.shape[dim], count)
    taken = take_windows(x, dim, places)
    if not valid.all():
        counts = _reshape(mask(valid), [*valid.shape, *[1] * (taken.ndim - dim - 2)])
        taken = _core.ops.where(counts, taken, 0.0)
    total = _core.ops.sum(taken, dim + 1)
    return _core.ops.div(total, between(constant(valid.sum(1), x.dtype), tuple(total.shape), dim))


def _mean(op: str, input: Tensor, output_size: OutputSize, count: int) -> Tensor:
    wanted = _wanted(op, input, output_size, count)
    if set(wanted) == {1}:
        return _core.ops.mean(input, tuple(range(input.ndim - count, input.ndim)), True)
    for place, want in enumerate(wanted):
        input = _mean_along(input, input.ndim - count + place, want)
    return input


def _largest_along(x: Tensor, dim: int, count: int) -> tuple[Tensor, Tensor]:
    """The largest element of each window and its place in the dimension."""
    places, valid = _windows(x.shape[dim], count)
    taken = take_windows(x, dim, places)
    lead = [1] * dim
    rest = [1] * (taken.ndim - dim - 2)
    if not valid.all():
        counts = _reshape(mask(valid), [*valid.shape, *rest])
        taken = _core.ops.where(counts, taken, -math.inf)
    chosen = _core.ops.argmax(taken, dim + 1, True)
    values = _gather(taken, chosen, dim + 1)
    first = _reshape(table(places[:, 0]), [*lead, count, 1, *rest])
    return _core.ops.sum(values, dim + 1), _core.ops.sum(_core.ops.add(chosen, first), dim + 1)


def _largest(op: str, input: Tensor, output_size: OutputSize, count: int, return_indices: bool) -> Any:
    wanted = _wanted(op, input, output_size, count)
    sizes = tuple(input.shape)[-count:]
    if count == 2 and 0 not in wanted and not any(size % want for size, want in zip(sizes, wanted)):
        return max_pool2d(input, [size // want for size, want in zip(sizes, wanted)], return_indices=return_indices)
    x, flat = input, None
    stride = 1
    # From the last dimension on, so that among equals the first in memory wins.
    for place in reversed(range(count)):
        dim = input.ndim - count + place
        x, chosen = _largest_along(x, dim, wanted[place])
        step = _core.ops.mul(chosen, stride)
        flat = step if flat is None else _core.ops.add(step, _gather(flat, chosen, dim))
        stride *= sizes[place]
    return (x, flat) if return_indices else x


def adaptive_avg_pool1d(input: Tensor, output_size: OutputSize) -> Tensor:
    """Average over windows chosen for an output of a given length.

    Args:
        input: (batch, channels, length) or (channels, length).

    Example:
        >>> import pyflame as pf
        >>> pf.ops.adaptive_avg_pool1d(pf.tensor([[1.0, 2.0, 6.0]]), 2)
        tensor([[1.5000, 4.0000]])
    """
    return _mean("adaptive_avg_pool1d", input, output_size, 1)


def adaptive_avg_pool2d(input: Tensor, output_size: OutputSize) -> Tensor:
    """Average over windows chosen for an output of a given size.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        output_size: height and width; None keeps a size.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.adaptive_avg_pool2d(pf.arange(4.0).reshape(1, 2, 2), 1)
        tensor([[[1.5000]]])
    """
    op = "adaptive_avg_pool2d"
    wanted = _wanted(op, input, output_size, 2)
    height, width = input.shape[-2:]
    if 0 not in wanted and not height % wanted[0] and not width % wanted[1]:
        return avg_pool2d(input, (height // wanted[0], width // wanted[1]))
    return _mean(op, input, output_size, 2)


def adaptive_avg_pool3d(input: Tensor, output_size: OutputSize) -> Tensor:
    """Average over windows chosen for an output of a given size.

    Args:
        input: (batch, channels, depth, height, width) or (channels, depth, height, width).
        output_size: depth, height and width; None keeps a size.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.adaptive_avg_pool3d(pf.arange(8.0).reshape(1, 2, 2, 2), 1).item()
        3.5
    """
    return _mean("adaptive_avg_pool3d", input, output_size, 3)


def adaptive_max_pool1d(input: Tensor, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Take the largest element of windows chosen for an output of a given length.

    Args:
        input: (batch, channels, length) or (channels, length).
        return_indices: return the positions too.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.adaptive_max_pool1d(pf.tensor([[1.0, 2.0, 6.0]]), 2)
        tensor([[2., 6.]])
    """
    return _largest("adaptive_max_pool1d", input, output_size, 1, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Take the largest element of windows chosen for an output of a given size.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        return_indices: return the positions in the flattened planes too.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.adaptive_max_pool2d(pf.arange(4.0).reshape(1, 2, 2), 1)
        tensor([[[3.]]])
    """
    return _largest("adaptive_max_pool2d", input, output_size, 2, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Take the largest element of windows chosen for an output of a given size.

    Args:
        input: (batch, channels, depth, height, width) or (channels, depth, height, width).
        return_indices: return the positions in the flattened volumes too.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.adaptive_max_pool3d(pf.arange(8.0).reshape(1, 2, 2, 2), 1).item()
        7.0
    """
    return _largest("adaptive_max_pool3d", input, output_size, 3, return_indices)
