"""Two-dimensional pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core
from .conv import Pair, as_pair

if TYPE_CHECKING:
    from .._tensor import Tensor

_avg_pool2d = _core.ops.avg_pool2d
_max_pool2d = _core.ops.max_pool2d


def max_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Take the largest element of each window.

    Args:
        input: (..., height, width) with at least three dimensions.
        stride: None for the kernel size.
        return_indices: return the positions in the flattened planes too.

    Raises:
        RuntimeError: the windows do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.max_pool2d(pf.arange(4.0).reshape(1, 2, 2), 2)
        tensor([[[3.]]])
    """
    op = "max_pool2d"
    kernel = as_pair(op, "kernel_size", kernel_size)
    steps = kernel if stride is None else as_pair(op, "stride", stride)
    pair = _max_pool2d(
        input, kernel, steps, as_pair(op, "padding", padding), as_pair(op, "dilation", dilation), ceil_mode
    )
    return (pair[0], pair[1]) if return_indices else pair[0]


def avg_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Average the elements of each window.

    Args:
        input: (..., height, width) with at least three dimensions.
        stride: None for the kernel size.
        count_include_pad: count padding among the elements of a window.
        divisor_override: divide by this instead of the number of elements.

    Raises:
        RuntimeError: the windows do not fit, or the divisor is 0.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.avg_pool2d(pf.arange(4.0).reshape(1, 2, 2), 2)
        tensor([[[1.5000]]])
    """
    op = "avg_pool2d"
    if divisor_override == 0:
        raise RuntimeError("[avg_pool2d] divisor_override is 0: it must not be")
    kernel = as_pair(op, "kernel_size", kernel_size)
    steps = kernel if stride is None else as_pair(op, "stride", stride)
    around = as_pair(op, "padding", padding)
    return _avg_pool2d(input, kernel, steps, around, ceil_mode, count_include_pad, divisor_override or 0)
