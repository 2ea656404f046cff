"""Pooling."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, ops

from .conv import Pair, pair


def max_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest value of each window, and with `return_indices` its position in the flattened plane.

    Args:
        input: (batch, channels, height, width) or (channels, height, width)
        stride: distance between windows; the kernel size if None.
        ceil_mode: also take a last window that hangs over the end.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.max_pool2d(pf.arange(16.0).reshape(1, 4, 4), 2).tolist()
        [[[5.0, 7.0], [13.0, 15.0]]]
    """
    kernel = pair(kernel_size)
    values, indices = ops.max_pool2d(
        input,
        kernel=kernel,
        stride=kernel if stride is None else pair(stride),
        padding=pair(padding),
        dilation=pair(dilation),
        ceil_mode=ceil_mode,
    )
    return (values, indices) if return_indices else values


def avg_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window.

    Args:
        input: (batch, channels, height, width) or (channels, height, width)
        stride: distance between windows; the kernel size if None.
        count_include_pad: divide by the window's size, padding included.
        divisor_override: divide by this number instead.

    Raises:
        ValueError: `divisor_override` is zero.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.avg_pool2d(pf.arange(16.0).reshape(1, 4, 4), 2).tolist()
        [[[2.5, 4.5], [10.5, 12.5]]]
    """
    if divisor_override == 0:
        raise ValueError("[avg_pool2d] divisor_override is 0: expected another number or None")
    kernel = pair(kernel_size)
    return ops.avg_pool2d(
        input,
        kernel=kernel,
        stride=kernel if stride is None else pair(stride),
        padding=pair(padding),
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor=divisor_override or 0,
    )
