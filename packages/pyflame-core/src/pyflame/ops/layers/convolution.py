"""Convolution in one and three dimensions, as two-dimensional ones.

A signal is an image of height one. A volume is a batch of images, one for each output depth, whose channels are those
of all the slices that the kernel spans there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import _core
from ..conv import conv2d, conv_transpose2d
from ..join import pad
from .sizes import AXES, Extent, batched, between, spread, unbatched
from .windows import add_windows, starts, take_windows, window_count

if TYPE_CHECKING:
    from ..._tensor import Tensor

_permute = _core.ops.permute
_reshape = _core.ops.reshape


def _checked(
    op: str, count: int, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, transposed: bool
) -> Tensor:
    """Return the input with a batch, after checking what does not depend on sizes."""
    x = batched(op, input, count)
    shapes = f"[{op}] input has shape {tuple(input.shape)}, weight {tuple(weight.shape)}"
    if weight.ndim != count + 2:
        raise RuntimeError(f"{shapes}: weight needs {count + 2} dimensions, the last for {', '.join(AXES[-count:])}")
    if groups < 1:
        raise RuntimeError(f"[{op}] groups is {groups}: it must be positive")
    channels = weight.shape[0] if transposed else weight.shape[1] * groups
    if x.shape[1] != channels or weight.shape[0] % groups:
        raise RuntimeError(f"{shapes}: channels do not agree with {groups} groups")
    out = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and tuple(bias.shape) != (out,):
        raise RuntimeError(f"[{op}] bias has shape {tuple(bias.shape)}: expected ({out},), one per output channel")
    return x


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Extent = 1,
    padding: Extent | str = 0,
    dilation: Extent = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate signals with filters.

    Args:
        input: (batch, channels, length), or the same without batch.
        weight: (out_channels, channels / groups, kernel_length).
        bias: (out_channels,).
        padding: zeros on each side, or "valid" for none, or "same" for an output as long as the input.

    Raises:
        RuntimeError: shapes do not fit, or padding="same" with a stride.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.conv1d(pf.ones(1, 1, 4), pf.ones(1, 1, 2))
        tensor([[[2., 2., 2.]]])
    """
    op = "conv1d"
    x = _checked(op, 1, input, weight, bias, groups, False)
    around: str | tuple[int, int] = padding if isinstance(padding, str) else (0, spread(op, "padding", padding, 1)[0])
    y = conv2d(
        _flat(x),
        _flat(weight),
        bias,
        (1, spread(op, "stride", stride, 1)[0]),
        around,
        (1, spread(op, "dilation", dilation, 1)[0]),
        groups,
    )
    return unbatched(_line(y), input)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Extent = 1,
    padding: Extent = 0,
    output_padding: Extent = 0,
    groups: int = 1,
    dilation: Extent = 1,
) -> Tensor:
    """Apply the transpose of `conv1d` as a linear map.

    Args:
        input: (batch, channels, length), or the same without batch.
        weight: (channels, out_channels / groups, kernel_length).
        bias: (out_channels,).
        output_padding: added to one side of the output, less than the stride or the dilation.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.conv_transpose1d(pf.ones(1, 1, 2), pf.ones(1, 1, 2))
        tensor([[[1., 2., 1.]]])
    """
    op = "conv_transpose1d"
    x = _checked(op, 1, input, weight, bias, groups, True)
    y = conv_transpose2d(
        _flat(x),
        _flat(weight),
        bias,
        (1, spread(op, "stride", stride, 1)[0]),
        (0, spread(op, "padding", padding, 1)[0]),
        (0, spread(op, "output_padding", output_padding, 1)[0]),
        groups,
        (1, spread(op, "dilation", dilation, 1)[0]),
    )
    return unbatched(_line(y), input)


def _flat(x: Tensor) -> Tensor:
    return _reshape(x, (*x.shape[:2], 1, x.shape[2]))


def _line(y: Tensor) -> Tensor:
    return _reshape(y, (*y.shape[:2], y.shape[3]))


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Extent = 1,
    padding: Extent | str = 0,
    dilation: Extent = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate volumes with filters.

    Args:
        input: (batch, channels, depth, height, width), or the same without batch.
        weight: (out_channels, channels / groups, kernel_depth, kernel_height, kernel_width).
        bias: (out_channels,).
        padding: zeros on each side, or "valid" for none, or "same" for an output as large as the input.

    Raises:
        RuntimeError: shapes do not fit, or padding="same" with a stride.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.conv3d(pf.ones(1, 1, 2, 2, 2), pf.ones(1, 1, 2, 2, 2)).item()
        8.0
    """
    op = "conv3d"
    x = _checked(op, 3, input, weight, bias, groups, False)
    steps, gaps = spread(op, "stride", stride, 3), spread(op, "dilation", dilation, 3)
    if min(steps) < 1 or min(gaps) < 1:
        raise RuntimeError(f"[{op}] stride is {steps}, dilation {gaps}: each must be at least 1")
    taps = weight.shape[2]
    reach = gaps[0] * (taps - 1)
    planes: str | tuple[int, int]
    if isinstance(padding, str):
        if padding == "same" and steps != (1, 1, 1):
            raise RuntimeError(f"[{op}] padding='same' needs stride 1, got {steps}: state the padding in numbers")
        if padding not in ("same", "valid"):
            raise RuntimeError(f"[{op}] padding is {padding!r}: expected numbers, 'same' or 'valid'")
        planes, before = padding, reach // 2 if padding == "same" else 0
        after = reach - before if padding == "same" else 0
    else:
        around = spread(op, "padding", padding, 3)
        if min(around) < 0:
            raise RuntimeError(f"[{op}] padding is {around}: each must be at least 0")
        planes, before, after = (around[1], around[2]), around[0], around[0]
    x = pad(x, (0, 0, 0, 0, before, after))
    batch, channels, depth, height, width = x.shape
    count = window_count(depth, taps, steps[0], gaps[0])
    if taps < 1 or count < 1:
        raise RuntimeError(f"[{op}] the kernel spans {reach + 1}, more than the {depth} padded elements in depth")
    if taps > 1 or steps[0] > 1:
        x = take_windows(x, 2, starts(count, taps, steps[0], gaps[0]))
        x = _permute(x, (0, 2, 1, 3, 4, 5))
    else:
        x = _permute(x, (0, 2, 1, 3, 4))
    slices = _reshape(x, (batch * count, channels * taps, height, width))
    filters = _reshape(weight, (weight.shape[0], weight.shape[1] * taps, *weight.shape[3:]))
    y = conv2d(slices, filters, bias, steps[1:], planes, gaps[1:], groups)
    y = _permute(_reshape(y, (batch, count, *y.shape[1:])), (0, 2, 1, 3, 4))
    return unbatched(y, input)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Extent = 1,
    padding: Extent = 0,
    output_padding: Extent = 0,
    groups: int = 1,
    dilation: Extent = 1,
) -> Tensor:
    """Apply the transpose of `conv3d` as a linear map.

    Args:
        input: (batch, channels, depth, height, width), or the same without batch.
        weight: (channels, out_channels / groups, kernel_depth, kernel_height, kernel_width).
        bias: (out_channels,).
        output_padding: added to one side of the output, less than the stride or the dilation.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.conv_transpose3d(pf.ones(1, 1, 1, 1, 1), pf.ones(1, 2, 2, 2, 2)).shape
        pyflame.Size([1, 2, 2, 2, 2])
    """
    op = "conv_transpose3d"
    x = _checked(op, 3, input, weight, bias, groups, True)
    steps, around = spread(op, "stride", stride, 3), spread(op, "padding", padding, 3)
    gaps, extra = spread(op, "dilation", dilation, 3), spread(op, "output_padding", output_padding, 3)
    if not all(0 <= extra[i] < max(steps[i], gaps[i]) for i in range(3)):
        raise RuntimeError(f"[{op}] output_padding {extra} must be less than stride {steps} or dilation {gaps}")
    batch, channels, depth, height, width = x.shape
    taps, out = weight.shape[2], weight.shape[1] * groups
    slices = _reshape(_permute(x, (0, 2, 1, 3, 4)), (batch * depth, channels, height, width))
    filters = _reshape(weight, (channels, weight.shape[1] * taps, *weight.shape[3:]))
    y = conv_transpose2d(slices, filters, None, steps[1:], around[1:], extra[1:], groups, gaps[1:])
    y = _permute(_reshape(y, (batch, depth, out, taps, *y.shape[2:])), (0, 2, 1, 3, 4, 5))
    natural = (depth - 1) * steps[0] + gaps[0] * (taps - 1) + 1
    if natural - 2 * around[0] + extra[0] < 1:
        raise RuntimeError(f"[{op}] padding {around} leaves nothing of {natural} elements in depth")
    y = add_windows(y, 2, starts(depth, taps, steps[0], gaps[0]), natural)
    y = pad(y, (0, 0, 0, 0, -around[0], extra[0] - around[0]))
    if bias is not None:
        y = _core.ops.add(y, between(bias, y.shape, 1))
    return unbatched(y, input)
