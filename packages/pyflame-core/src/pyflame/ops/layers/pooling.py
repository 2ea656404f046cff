"""Pooling in one and three dimensions, and by powers.

A signal is an image of height one; a volume is pooled in its planes and then in depth, which gives the same maxima
and means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import _core
from ..pool import avg_pool2d, max_pool2d
from .sizes import AXES, Extent, spread

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_gather = _core.ops.gather
_mul = _core.ops.mul
_reshape = _core.ops.reshape


def check_rank(op: str, input: Tensor, count: int) -> None:
    if input.ndim not in (count + 1, count + 2):
        raise RuntimeError(
            f"[{op}] input has shape {tuple(input.shape)}: expected (channels, {', '.join(AXES[-count:])}) or a batch"
        )


def _flat(x: Tensor) -> Tensor:
    return _reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def _line(x: Tensor) -> Tensor:
    return _reshape(x, (*x.shape[:-2], x.shape[-1]))


def _columns(x: Tensor) -> Tensor:
    """(..., depth, height, width) -> (..., depth, height * width)"""
    return _reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))


def max_pool1d(
    input: Tensor,
    kernel_size: Extent,
    stride: Extent | None = None,
    padding: Extent = 0,
    dilation: Extent = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Take the largest element of each window of signals.

    Args:
        input: (batch, channels, length) or (channels, length).
        stride: None for the kernel size.
        return_indices: return the positions too.

    Raises:
        RuntimeError: the windows do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.max_pool1d(pf.tensor([[1.0, 4.0, 2.0, 3.0]]), 2)
        tensor([[4., 3.]])
    """
    op = "max_pool1d"
    check_rank(op, input, 1)
    kernel = spread(op, "kernel_size", kernel_size, 1)
    steps = kernel if stride is None else spread(op, "stride", stride, 1)
    around, gaps = spread(op, "padding", padding, 1), spread(op, "dilation", dilation, 1)
    found = max_pool2d(_flat(input), (1, *kernel), (1, *steps), (0, *around), (1, *gaps), ceil_mode, return_indices)
    return (_line(found[0]), _line(found[1])) if return_indices else _line(found)


def max_pool3d(
    input: Tensor,
    kernel_size: Extent,
    stride: Extent | None = None,
    padding: Extent = 0,
    dilation: Extent = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Take the largest element of each window of volumes.

    Args:
        input: (batch, channels, depth, height, width) or (channels, depth, height, width).
        stride: None for the kernel size.
        return_indices: return the positions in the flattened volumes too.

    Raises:
        RuntimeError: the windows do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.max_pool3d(pf.arange(8.0).reshape(1, 2, 2, 2), 2)
        tensor([[[[7.]]]])
    """
    op = "max_pool3d"
    check_rank(op, input, 3)
    kernel = spread(op, "kernel_size", kernel_size, 3)
    steps = kernel if stride is None else spread(op, "stride", stride, 3)
    around, gaps = spread(op, "padding", padding, 3), spread(op, "dilation", dilation, 3)
    height, width = input.shape[-2:]
    planes = max_pool2d(input, kernel[1:], steps[1:], around[1:], gaps[1:], ceil_mode, True)
    lead, size = planes[0].shape[:-3], planes[0].shape[-2:]
    deep = max_pool2d(_columns(planes[0]), (kernel[0], 1), (steps[0], 1), (around[0], 0), (gaps[0], 1), ceil_mode, True)
    shape = (*lead, deep[0].shape[-2], *size)
    values = _reshape(deep[0], shape)
    if not return_indices:
        return values
    # A place in (depth, columns) names the depth, and there the place in the plane.
    chosen = deep[1]
    columns = _columns(planes[1])
    inside = _gather(
        _reshape(columns, (*lead, columns.shape[-2] * columns.shape[-1])), _reshape(chosen, (*lead, -1)), len(lead)
    )
    depth = _core.ops.floor_divide(_reshape(chosen, (*lead, -1)), max(columns.shape[-1], 1))
    return values, _reshape(_add(_mul(depth, height * width), inside), shape)


def avg_pool1d(
    input: Tensor,
    kernel_size: Extent,
    stride: Extent | None = None,
    padding: Extent = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Average the elements of each window of signals.

    Args:
        input: (batch, channels, length) or (channels, length).
        stride: None for the kernel size.
        count_include_pad: count padding among the elements of a window.

    Raises:
        RuntimeError: the windows do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.avg_pool1d(pf.tensor([[1.0, 4.0, 2.0, 3.0]]), 2)
        tensor([[2.5000, 2.5000]])
    """
    op = "avg_pool1d"
    check_rank(op, input, 1)
    kernel = spread(op, "kernel_size", kernel_size, 1)
    steps = kernel if stride is None else spread(op, "stride", stride, 1)
    around = spread(op, "padding", padding, 1)
    return _line(avg_pool2d(_flat(input), (1, *kernel), (1, *steps), (0, *around), ceil_mode, count_include_pad))


def avg_pool3d(
    input: Tensor,
    kernel_size: Extent,
    stride: Extent | None = None,
    padding: Extent = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Average the elements of each window of volumes.

    Args:
        input: (batch, channels, depth, height, width) or (channels, depth, height, width).
        stride: None for the kernel size.
        count_include_pad: count padding among the elements of a window.
        divisor_override: divide by this instead of the number of elements.

    Raises:
        RuntimeError: the windows do not fit, or the divisor is 0.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.avg_pool3d(pf.arange(8.0).reshape(1, 2, 2, 2), 2)
        tensor([[[[3.5000]]]])
    """
    op = "avg_pool3d"
    check_rank(op, input, 3)
    kernel = spread(op, "kernel_size", kernel_size, 3)
    steps = kernel if stride is None else spread(op, "stride", stride, 3)
    around = spread(op, "padding", padding, 3)
    planes = avg_pool2d(input, kernel[1:], steps[1:], around[1:], ceil_mode, count_include_pad, divisor_override)
    size = planes.shape[-2:]
    deep = avg_pool2d(
        _columns(planes),
        (kernel[0], 1),
        (steps[0], 1),
        (around[0], 0),
        ceil_mode,
        count_include_pad,
        None if divisor_override is None else 1,
    )
    return _reshape(deep, (*deep.shape[:-1], *size))


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: int, stride: Extent | None = None, ceil_mode: bool = False
) -> Tensor:
    """Take the p-norm of each window of signals.

    Args:
        input: (batch, channels, length) or (channels, length).
        norm_type: p.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.lp_pool1d(pf.tensor([[3.0, 4.0]]), 2, 2)
        tensor([[5.]])
    """
    powers = avg_pool1d(_core.ops.pow(input, norm_type), kernel_size, stride, 0, ceil_mode)
    return _root(powers, kernel_size, norm_type)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Extent, stride: Extent | None = None, ceil_mode: bool = False
) -> Tensor:
    """Take the p-norm of each window of images.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        norm_type: p.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.lp_pool2d(pf.ones(1, 2, 2), 2, 2)
        tensor([[[2.]]])
    """
    kernel = spread("lp_pool2d", "kernel_size", kernel_size, 2)
    check_rank("lp_pool2d", input, 2)
    steps = kernel if stride is None else spread("lp_pool2d", "stride", stride, 2)
    powers = avg_pool2d(_core.ops.pow(input, norm_type), kernel, steps, 0, ceil_mode)
    return _root(powers, kernel[0] * kernel[1], norm_type)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Extent, stride: Extent | None = None, ceil_mode: bool = False
) -> Tensor:
    """Take the p-norm of each window of volumes.

    Args:
        input: (batch, channels, depth, height, width) or (channels, depth, height, width).
        norm_type: p.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.lp_pool3d(pf.ones(1, 2, 2, 1), 2, (2, 2, 1))
        tensor([[[[2.]]]])
    """
    kernel = spread("lp_pool3d", "kernel_size", kernel_size, 3)
    powers = avg_pool3d(_core.ops.pow(input, norm_type), kernel, stride, 0, ceil_mode)
    return _root(powers, kernel[0] * kernel[1] * kernel[2], norm_type)


def _root(means: Tensor, count: int, norm_type: float) -> Tensor:
    """Undo the mean and the power; an odd power keeps a sign, and a negative sum counts as none."""
    size = _core.ops.relu(_core.ops.abs(means))
    return _core.ops.pow(_mul(_mul(_core.ops.sign(means), size), count), 1.0 / norm_type)
