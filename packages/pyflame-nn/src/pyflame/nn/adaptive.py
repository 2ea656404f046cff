"""Pooling layers whose windows follow from the size of the output, fixed or drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pyflame import Tensor

from . import functional as F
from .module import Module
from .pair import Extent, extent

OutputSize = int | None | tuple[int | None, ...]


class AdaptiveAvgPool(Module):
    """What adaptive layers of means share; a subclass names the function for its number of dimensions."""

    pool: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        return type(self).pool(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool(AdaptiveAvgPool):
    """What adaptive layers of largest values share."""

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return type(self).pool(input, self.output_size, self.return_indices)


class FractionalMaxPool(Module):
    """What pools with drawn windows share; they differ in the number of dimensions."""

    rank: ClassVar[int]
    pool: ClassVar[Callable[..., Any]]
    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: Extent,
        output_size: Extent | None = None,
        output_ratio: float | tuple[float, ...] | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        op = f"fractional_max_pool{self.rank}d"
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"[{op}] output_size is {output_size}, output_ratio {output_ratio}: give one of them")
        self.kernel_size, self.return_indices = extent(op, "kernel_size", kernel_size, self.rank), return_indices
        self.output_size = None if output_size is None else extent(op, "output_size", output_size, self.rank)
        self.output_ratio = (output_ratio,) * self.rank if isinstance(output_ratio, int | float) else output_ratio
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"[{op}] output_ratio is {output_ratio}: expected a number between 0 and 1")
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Tensor) -> Any:
        pool = type(self).pool
        return pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples
        )


class FractionalMaxPool2d(FractionalMaxPool):
    """The largest value of windows whose places are drawn (Graham, 2014).

    Args:
        kernel_size: size of the windows.
        output_size: how many windows, one number or (height, width).
        output_ratio: instead of it, a part of the input's size, between 0 and 1.
        return_indices: return (values, positions in the flattened plane).

    Raises:
        ValueError: not exactly one of output size and ratio is given.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.FractionalMaxPool2d(2, output_ratio=0.5)(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 4, 4])
    """

    rank, pool = 2, F.fractional_max_pool2d


class FractionalMaxPool3d(FractionalMaxPool):
    """The largest value of windows whose places are drawn, in three dimensions; see `FractionalMaxPool2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.FractionalMaxPool3d(2, output_size=(2, 3, 4))(pf.ones(2, 3, 8, 8, 8)).shape
        pyflame.Size([2, 3, 2, 3, 4])
    """

    rank, pool = 3, F.fractional_max_pool3d


class AdaptiveAvgPool1d(AdaptiveAvgPool):
    """The mean of each of as many windows as there are to be outputs.

    Args:
        output_size: one number or one for each dimension; None keeps the size.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AdaptiveAvgPool1d(3)(pf.ones(2, 3, 8)).shape
        pyflame.Size([2, 3, 3])
    """

    pool = F.adaptive_avg_pool1d


class AdaptiveAvgPool2d(AdaptiveAvgPool):
    """The mean of each of as many windows as there are to be outputs.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AdaptiveAvgPool2d(3)(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 3, 3])
    """

    pool = F.adaptive_avg_pool2d


class AdaptiveAvgPool3d(AdaptiveAvgPool):
    """The mean of each of as many windows as there are to be outputs.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AdaptiveAvgPool3d(3)(pf.ones(2, 3, 8, 8, 8)).shape
        pyflame.Size([2, 3, 3, 3, 3])
    """

    pool = F.adaptive_avg_pool3d


class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """The largest value of each of as many windows as there are to be outputs.

    Args:
        output_size: one number or one for each dimension; None keeps the size.
        return_indices: return (values, positions in the flattened plane).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AdaptiveMaxPool1d(3)(pf.ones(2, 3, 8)).shape
        pyflame.Size([2, 3, 3])
    """

    pool = F.adaptive_max_pool1d


class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """The largest value of each of as many windows as there are to be outputs.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AdaptiveMaxPool2d(3)(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 3, 3])
    """

    pool = F.adaptive_max_pool2d


class AdaptiveMaxPool3d(AdaptiveMaxPool):
    """The largest value of each of as many windows as there are to be outputs.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.AdaptiveMaxPool3d(3)(pf.ones(2, 3, 8, 8, 8)).shape
        pyflame.Size([2, 3, 3, 3, 3])
    """

    pool = F.adaptive_max_pool3d


class GlobalAvgPool2d(Module):
    """The mean of each channel's plane, which keeps height and width with size one.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.GlobalAvgPool2d()(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 1, 1])
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_avg_pool2d(input, 1)


class GlobalMaxPool2d(Module):
    """The largest value of each channel's plane, which keeps height and width with size one.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.GlobalMaxPool2d()(pf.ones(2, 3, 8, 8)).shape
        pyflame.Size([2, 3, 1, 1])
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, 1)
