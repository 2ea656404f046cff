"""Pooling layers."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor

from . import functional as F
from .module import Module
from .pair import Pair


class MaxPool2d(Module):
    """The largest value of each window.

    Args:
        kernel_size: one number or (height, width), as for the others.
        stride: distance between windows; the kernel size if None.
        return_indices: return (values, positions in the flattened plane).
        ceil_mode: also take a last window that hangs over the end.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MaxPool2d(2)(pf.ones(1, 3, 8, 8)).shape
        pyflame.Size([1, 3, 4, 4])
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The mean of each window.

    Args:
        kernel_size: one number or (height, width), as for the others.
        stride: distance between windows; the kernel size if None.
        ceil_mode: also take a last window that hangs over the end.
        count_include_pad: divide by the window's size, padding included.
        divisor_override: divide by this number instead.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AvgPool2d(2)(pf.ones(1, 3, 8, 8)).shape
        pyflame.Size([1, 3, 4, 4])
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
