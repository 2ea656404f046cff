"""Windows along a dimension: gathered by index, and added back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ... import _core
from ..._types import Array
from ..creation import zeros
from ..join import pad
from .sizes import Extent, batched, spread, table

if TYPE_CHECKING:
    from ..._tensor import Tensor

_index_add = _core.ops.index_add
_index_select = _core.ops.index_select
_permute = _core.ops.permute
_reshape = _core.ops.reshape


def starts(count: int, taps: int, step: int, dilation: int) -> Array:
    """Positions of each window's elements, (count, taps)."""
    return np.arange(count)[:, None] * step + np.arange(taps) * dilation


def window_count(extent: int, taps: int, step: int, dilation: int) -> int:
    """How many windows fit."""
    return (extent - dilation * (taps - 1) - 1) // step + 1


def take_windows(x: Tensor, dim: int, positions: Array) -> Tensor:
    """Replace dimension `dim` by the two of `positions`: windows and their elements."""
    shape = tuple(x.shape)
    flat = _index_select(x, table(positions.reshape(-1)), dim)
    return _reshape(flat, (*shape[:dim], *positions.shape, *shape[dim + 1 :]))


def add_windows(windows: Tensor, dim: int, positions: Array, extent: int) -> Tensor:
    """Sum windows (dimensions `dim` and `dim + 1`) where they came from: the transpose of `take_windows`."""
    shape = tuple(windows.shape)
    lead, rest = shape[:dim], shape[dim + 2 :]
    base = zeros(*lead, extent, *rest, dtype=windows.dtype)
    return _index_add(base, table(positions.reshape(-1)), _reshape(windows, (*lead, positions.size, *rest)), dim)


def _checked(op: str, kernel_size: Extent, dilation: Extent, padding: Extent, stride: Extent) -> list[tuple[int, ...]]:
    found = []
    named = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    for name, value in named.items():
        pair = spread(op, name, value, 2)
        if min(pair) < (name != "padding"):
            raise RuntimeError(f"[{op}] {name} is {pair}: each must be at least {int(name != 'padding')}")
        found.append(pair)
    return found


def im2col(input: Tensor, kernel_size: Extent, dilation: Extent = 1, padding: Extent = 0, stride: Extent = 1) -> Tensor:
    """List the windows of images as columns; `unfold` of `nn.functional`.

    Args:
        input: (batch, channels, height, width), or the same without batch.
        kernel_size: one number or (height, width), as for the others.

    Returns:
        (batch, channels * kernel_height * kernel_width, windows)

    Raises:
        RuntimeError: the windows do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.im2col(pf.arange(4.0).reshape(1, 1, 2, 2), (1, 2))
        tensor([[[0., 2.],
                 [1., 3.]]])
    """
    op = "im2col"
    kernel, gaps, around, steps = _checked(op, kernel_size, dilation, padding, stride)
    x = batched(op, input, 2)
    x = pad(x, (around[1], around[1], around[0], around[0]))
    counts = [window_count(x.shape[2 + i], kernel[i], steps[i], gaps[i]) for i in range(2)]
    if min(counts) < 1:
        raise RuntimeError(
            f"[{op}] input has shape {tuple(input.shape)}: no window of kernel {kernel}, dilation {gaps}, padding "
            f"{around} fits"
        )
    for i in (1, 0):
        x = take_windows(x, 2 + i, starts(counts[i], kernel[i], steps[i], gaps[i]))
    batch, channels = x.shape[0], x.shape[1]
    columns = _permute(x, (0, 1, 3, 5, 2, 4))
    size = channels * kernel[0] * kernel[1]
    lead = (batch, size) if input.ndim == 4 else (size,)
    return _reshape(columns, (*lead, counts[0] * counts[1]))


def col2im(
    input: Tensor,
    output_size: Extent,
    kernel_size: Extent,
    dilation: Extent = 1,
    padding: Extent = 0,
    stride: Extent = 1,
) -> Tensor:
    """Sum columns into the windows they stand for: the transpose of `im2col`, `fold` of `nn.functional`.

    Args:
        input: (batch, channels * kernel_height * kernel_width, windows), or the same without batch.
        output_size: (height, width) of the images.

    Raises:
        RuntimeError: sizes do not agree.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.col2im(pf.ones(1, 2, 2), (1, 3), (1, 2))
        tensor([[[[1., 2., 1.]]]])
    """
    op = "col2im"
    kernel, gaps, around, steps = _checked(op, kernel_size, dilation, padding, stride)
    size = spread(op, "output_size", output_size, 2)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected (columns, windows) or a batch")
    x = input if input.ndim == 3 else _reshape(input, (1, *input.shape))
    whole = [size[i] + 2 * around[i] for i in range(2)]
    counts = [window_count(whole[i], kernel[i], steps[i], gaps[i]) for i in range(2)]
    taps = kernel[0] * kernel[1]
    if min(counts) < 1 or x.shape[1] % taps or x.shape[2] != counts[0] * counts[1]:
        raise RuntimeError(
            f"[{op}] input has shape {tuple(input.shape)}: expected columns of a multiple of {taps} and "
            f"{counts[0]} x {counts[1]} windows"
        )
    channels = x.shape[1] // taps
    x = _permute(_reshape(x, (x.shape[0], channels, *kernel, *counts)), (0, 1, 4, 2, 5, 3))
    for i in (0, 1):
        x = add_windows(x, 2 + i, starts(counts[i], kernel[i], steps[i], gaps[i]), whole[i])
    x = pad(x, (-around[1], -around[1], -around[0], -around[0]))
    return x if input.ndim == 3 else _reshape(x, tuple(x.shape)[1:])
