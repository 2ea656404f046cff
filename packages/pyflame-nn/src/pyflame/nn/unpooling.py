"""Layers that undo max pooling as far as it can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from pyflame import Tensor

from . import functional as F
from .module import Module
from .pair import Extent, extent


class MaxUnpool(Module):
    """What these layers share; they differ in the number of dimensions."""

    rank: ClassVar[int]
    unpool: ClassVar[Callable[..., Tensor]]

    def __init__(self, kernel_size: Extent, stride: Extent | None = None, padding: Extent = 0) -> None:
        super().__init__()
        op = type(self).__name__.lower()
        self.kernel_size = extent(op, "kernel_size", kernel_size, self.rank)
        self.stride = self.kernel_size if stride is None else extent(op, "stride", stride, self.rank)
        self.padding = extent(op, "padding", padding, self.rank)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return type(self).unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpool):
    """Puts the values of `MaxPool1d` back where they came from, among zeros.

    Args:
        kernel_size: that of the pooling, as are stride and padding.

    Called with (input, indices, output_size=None).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MaxUnpool1d(2)(*nn.MaxPool1d(2, return_indices=True)(pf.ones(2, 3, 8))).shape
        pyflame.Size([2, 3, 8])
    """

    rank, unpool = 1, F.max_unpool1d


class MaxUnpool2d(MaxUnpool):
    """Puts the values of `MaxPool2d` back where they came from, among zeros.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MaxUnpool2d(2)(*nn.MaxPool2d(2, return_indices=True)(pf.ones(2, 3, 8, 8))).shape
        pyflame.Size([2, 3, 8, 8])
    """

    rank, unpool = 2, F.max_unpool2d


class MaxUnpool3d(MaxUnpool):
    """Puts the values of `MaxPool3d` back where they came from, among zeros.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MaxUnpool3d(2)(*nn.MaxPool3d(2, return_indices=True)(pf.ones(2, 3, 8, 8, 8))).shape
        pyflame.Size([2, 3, 8, 8, 8])
    """

    rank, unpool = 3, F.max_unpool3d
