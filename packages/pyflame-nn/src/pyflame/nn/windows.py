"""Layers that cut a plane into windows, and put windows together."""

from __future__ import annotations

from pyflame import Tensor

from . import functional as F
from .module import Module
from .pair import Extent


class Unfold(Module):
    """Makes a column of each window of (batch, channels, height, width).

    Args:
        kernel_size: size of the windows, one number or (height, width), as for the others.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Unfold((2, 3))(pf.ones(2, 5, 3, 4)).shape
        pyflame.Size([2, 30, 4])
    """

    def __init__(self, kernel_size: Extent, dilation: Extent = 1, padding: Extent = 0, stride: Extent = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Unfold):
    """Adds up the columns of `Unfold` where their windows lie.

    Args:
        output_size: (height, width) of the plane.
        kernel_size: size of the windows, one number or (height, width), as for the others.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Fold((3, 4), (2, 3))(pf.ones(2, 30, 4)).shape
        pyflame.Size([2, 5, 3, 4])
    """

    def __init__(
        self,
        output_size: Extent,
        kernel_size: Extent,
        dilation: Extent = 1,
        padding: Extent = 0,
        stride: Extent = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
