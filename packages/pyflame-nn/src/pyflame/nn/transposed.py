"""Transposed convolution layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pyflame import DType, Tensor

from . import functional as F
from .conv import Kernels
from .pair import Extent, extent


class TransposedConvolution(Kernels):
    """What transposed convolutions share; they differ in the number of dimensions."""

    convolve: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Extent,
        stride: Extent = 1,
        padding: Extent = 0,
        output_padding: Extent = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Extent = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        op = self._op()
        if padding_mode != "zeros":
            raise ValueError(f"[{op}] padding_mode is {padding_mode!r}: a transposed convolution has 'zeros' only")
        self.output_padding = extent(op, "output_padding", output_padding, self.rank)
        self._make((in_channels, out_channels // groups, *self.kernel_size), bias, device, dtype)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        more = self.output_padding if output_size is None else self._padding_for(input, tuple(output_size))
        convolve = type(self).convolve
        return convolve(input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation)

    def _padding_for(self, input: Tensor, size: tuple[int, ...]) -> tuple[int, ...]:
        """How much output padding gives the wanted size."""
        if len(size) == input.ndim:
            size = size[-self.rank :]
        if len(size) != self.rank:
            raise ValueError(f"[{self._op()}] output_size is {size}: expected {self.rank} or {input.ndim} numbers")
        padding = extent(self._op(), "padding", self.padding, self.rank) if not isinstance(self.padding, str) else ()
        least = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                tuple(input.shape)[-self.rank :], self.stride, padding, self.dilation, self.kernel_size
            )
        )
        most = tuple(n + s - 1 for n, s in zip(least, self.stride))
        if any(not low <= n <= high for low, n, high in zip(least, size, most)):
            raise ValueError(
                f"[{self._op()}] output_size is {size}: an input of shape {tuple(input.shape)} gives sizes "
                f"from {least} to {most}"
            )
        return tuple(n - low for n, low in zip(size, least))


class ConvTranspose1d(TransposedConvolution):
    """The gradient of `Conv1d` as a layer; the arguments are those of `ConvTranspose2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ConvTranspose1d(8, 3, 4, stride=2, padding=1)(pf.ones(2, 8, 5)).shape
        pyflame.Size([2, 3, 10])
    """

    rank, convolve = 1, F.conv_transpose1d


class ConvTranspose2d(TransposedConvolution):
    """The gradient of `Conv2d` as a layer: it enlarges the plane by the stride.

    Args:
        in_channels: channels of the input, (batch, in_channels, height, width), or without batch.
        out_channels: channels of the output.
        kernel_size: one number or (height, width), as for the others.
        padding: how much is cut off on both sides.
        output_padding: how much is added at the end, less than the stride or the dilation.
        groups: how many parts the channels are split into.

    Calling it with `output_size` as the second argument chooses the output padding.

    Raises:
        ValueError: channels do not divide into the groups, or the output size cannot be had.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.ConvTranspose2d(8, 3, 3, stride=2, padding=1)
        >>> layer(pf.ones(2, 8, 5, 5), output_size=(10, 10)).shape
        pyflame.Size([2, 3, 10, 10])
    """

    rank, convolve = 2, F.conv_transpose2d


class ConvTranspose3d(TransposedConvolution):
    """The gradient of `Conv3d` as a layer; the arguments are those of `ConvTranspose2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ConvTranspose3d(8, 3, 2, stride=2)(pf.ones(2, 8, 2, 3, 3)).shape
        pyflame.Size([2, 3, 4, 6, 6])
    """

    rank, convolve = 3, F.conv_transpose3d
