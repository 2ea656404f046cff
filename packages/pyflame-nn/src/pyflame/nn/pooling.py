"""Pooling layers with windows of a fixed size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pyflame import Tensor

from . import functional as F
from .module import Module
from .pair import Extent, extent


class Pool(Module):
    """What these layers share; a subclass names the function for its number of dimensions."""

    pool: ClassVar[Callable[..., Any]]


class MaxPool(Pool):
    """What layers of largest values share."""

    def __init__(
        self,
        kernel_size: Extent,
        stride: Extent | None = None,
        padding: Extent = 0,
        dilation: Extent = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        return type(self).pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class AvgPool(Pool):
    """What layers of means share."""

    def __init__(
        self,
        kernel_size: Extent,
        stride: Extent | None = None,
        padding: Extent = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class DivisorPool(AvgPool):
    """Means with a divisor of choice, which one dimension does not have."""

    def __init__(
        self,
        kernel_size: Extent,
        stride: Extent | None = None,
        padding: Extent = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Any:
        options = (self.ceil_mode, self.count_include_pad, self.divisor_override)
        return type(self).pool(input, self.kernel_size, self.stride, self.padding, *options)


class LPPool(Pool):
    """What layers of norms share."""

    def __init__(
        self, norm_type: float, kernel_size: Extent, stride: Extent | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Tensor) -> Any:
        return type(self).pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPool):
    """The largest value of each window; the arguments are those of `MaxPool2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MaxPool1d(2)(pf.ones(2, 3, 8)).shape
        pyflame.Size([2, 3, 4])
    """

    pool = F.max_pool1d


class MaxPool2d(MaxPool):
    """The largest value of each window.

    Args:
        kernel_size: one number or (height, width), as for the others.
        stride: distance between windows; the kernel size if None.
        return_indices: return (values, positions in the flattened plane).
        ceil_mode: also take a last window that hangs over the end.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MaxPool2d(2)(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 4, 4])
    """

    pool = F.max_pool2d


class MaxPool3d(MaxPool):
    """The largest value of each window; the arguments are those of `MaxPool2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MaxPool3d(2)(pf.ones(2, 3, 8, 8, 8)).shape
        pyflame.Size([2, 3, 4, 4, 4])
    """

    pool = F.max_pool3d


class AvgPool1d(AvgPool):
    """The mean of each window of (batch, channels, length); see `AvgPool2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AvgPool1d(2)(pf.ones(2, 3, 8)).shape
        pyflame.Size([2, 3, 4])
    """

    pool = F.avg_pool1d

    def __init__(
        self,
        kernel_size: Extent,
        stride: Extent | None = None,
        padding: Extent = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        op = "avg_pool1d"
        size = extent(op, "kernel_size", kernel_size, 1)
        step = size if stride is None else extent(op, "stride", stride, 1)
        super().__init__(size, step, extent(op, "padding", padding, 1), ceil_mode, count_include_pad)

    def forward(self, input: Tensor) -> Any:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AvgPool2d(DivisorPool):
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
        >>> nn.AvgPool2d(2)(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 4, 4])
    """

    pool = F.avg_pool2d


class AvgPool3d(DivisorPool):
    """The mean of each window; the arguments are those of `AvgPool2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AvgPool3d(2)(pf.ones(2, 3, 8, 8, 8)).shape
        pyflame.Size([2, 3, 4, 4, 4])
    """

    pool = F.avg_pool3d


class LPPool1d(LPPool):
    """The p-norm of each window of 1 dimension.

    Args:
        norm_type: which norm, p.
        kernel_size: size of the window.
        stride: distance between windows; the kernel size if None.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LPPool1d(2, 2)(pf.ones(2, 3, 8)).shape
        pyflame.Size([2, 3, 4])
    """

    pool = F.lp_pool1d


class LPPool2d(LPPool):
    """The p-norm of each window of 2 dimensions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LPPool2d(2, 2)(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 4, 4])
    """

    pool = F.lp_pool2d


class LPPool3d(LPPool):
    """The p-norm of each window of 3 dimensions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LPPool3d(2, 2)(pf.ones(2, 3, 8, 8, 8)).shape
        pyflame.Size([2, 3, 4, 4, 4])
    """

    pool = F.lp_pool3d
