"""Two-dimensional convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import _core
from .join import pad

if TYPE_CHECKING:
    from .._tensor import Tensor

_add = _core.ops.add
_conv2d = _core.ops.conv2d
_grad_input = _core.ops.conv2d_grad_input
_reshape = _core.ops.reshape

Pair = int | Sequence[int]


def as_pair(op: str, name: str, value: Pair) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    if len(value) == 1:
        return value[0], value[0]
    if len(value) != 2:
        raise RuntimeError(f"[{op}] {name} has {len(value)} values: expected one, or two for height and width")
    return value[0], value[1]


def with_batch(op: str, x: Tensor) -> Tensor:
    """Give (channels, height, width) a batch of one."""
    if x.ndim == 4:
        return x
    if x.ndim != 3:
        raise RuntimeError(f"[{op}] input has shape {tuple(x.shape)}: expected (channels, height, width) or a batch")
    return _reshape(x, (1, *x.shape))


def _with_bias(op: str, y: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return y
    if bias.shape != (y.shape[1],):
        raise RuntimeError(
            f"[{op}] bias has shape {tuple(bias.shape)}: expected ({y.shape[1]},), one per output channel"
        )
    return _add(y, _reshape(bias, (-1, 1, 1)))


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate images with filters.

    Args:
        input: (batch, channels, height, width), or the same without batch.
        weight: (out_channels, channels / groups, kernel_height, kernel_width).
        bias: (out_channels,).
        padding: zeros on each side, or "valid" for none, or "same" for an output as large as the input.

    Raises:
        RuntimeError: shapes do not fit, or padding="same" with a stride.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.conv2d(pf.ones(1, 1, 3, 3), pf.ones(1, 1, 2, 2))[0, 0]
        tensor([[4., 4.],
                [4., 4.]])
    """
    x = with_batch("conv2d", input)
    steps, spread = as_pair("conv2d", "stride", stride), as_pair("conv2d", "dilation", dilation)
    if isinstance(padding, str):
        x, around = _named_padding(x, weight, padding, steps, spread)
    else:
        around = as_pair("conv2d", "padding", padding)
    y = _with_bias("conv2d", _conv2d(x, weight, steps, around, spread, groups), bias)
    return y if input.ndim == 4 else _reshape(y, y.shape[1:])


def _named_padding(
    x: Tensor, weight: Tensor, padding: str, stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[Tensor, tuple[int, int]]:
    if padding == "valid":
        return x, (0, 0)
    if padding != "same":
        raise RuntimeError(f"[conv2d] padding is {padding!r}: expected numbers, 'same' or 'valid'")
    if stride != (1, 1):
        raise RuntimeError(f"[conv2d] padding='same' needs stride 1, got {stride}: state the padding in numbers")
    height, width = (dilation[i] * (weight.shape[2 + i] - 1) for i in range(2))
    if height % 2 or width % 2:  # one more at the end
        x = pad(x, (0, width % 2, 0, height % 2))
    return x, (height // 2, width // 2)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:
    """Apply the transpose of `conv2d` as a linear map: its gradient with respect to the input.

    Args:
        input: (batch, channels, height, width), or the same without batch.
        weight: (channels, out_channels / groups, kernel_height, kernel_width).
        bias: (out_channels,).
        output_padding: added to one side of the output, less than the stride or the dilation.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.conv_transpose2d(pf.ones(1, 1, 2, 2), pf.ones(1, 1, 2, 2))[0, 0]
        tensor([[1., 2., 1.],
                [2., 4., 2.],
                [1., 2., 1.]])
    """
    op = "conv_transpose2d"
    x = with_batch(op, input)
    if weight.ndim != 4 or x.shape[1] != weight.shape[0]:
        raise RuntimeError(
            f"[{op}] input has shape {tuple(input.shape)}, weight {tuple(weight.shape)}: "
            "expected weight (channels, out_channels / groups, kernel_height, kernel_width)"
        )
    steps, around = as_pair(op, "stride", stride), as_pair(op, "padding", padding)
    spread, extra = as_pair(op, "dilation", dilation), as_pair(op, "output_padding", output_padding)
    if not all(0 <= extra[i] < max(steps[i], spread[i]) for i in range(2)):
        raise RuntimeError(f"[{op}] output_padding {extra} must be less than stride {steps} or dilation {spread}")
    whole = [(x.shape[2 + i] - 1) * steps[i] + spread[i] * (weight.shape[2 + i] - 1) + 1 for i in range(2)]
    height, width = (whole[i] - 2 * around[i] + extra[i] for i in range(2))
    if height < 1 or width < 1:
        raise RuntimeError(f"[{op}] padding {around} leaves nothing of an output of {whole[0]} x {whole[1]}")
    if all(extra[i] < steps[i] for i in range(2)):
        y = _grad_input(x, weight, height, width, steps, around, spread, groups)
    else:  # the padding is more than the kernel could have reached: cut and pad the whole
        y = _grad_input(x, weight, whole[0], whole[1], steps, (0, 0), spread, groups)
        y = pad(y, (-around[1], extra[1] - around[1], -around[0], extra[0] - around[0]))
    y = _with_bias(op, y, bias)
    return y if input.ndim == 4 else _reshape(y, y.shape[1:])
