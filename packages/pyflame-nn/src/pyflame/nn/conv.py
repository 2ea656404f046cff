"""Convolution layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from pyflame import DType, Tensor, empty

from . import functional as F, init
from .module import Module
from .pair import Extent, extent
from .parameter import Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Kernels(Module):
    """What convolutions and transposed ones share: kernels and a bias, drawn as in PyTorch, and their description."""

    rank: ClassVar[int]
    weight: Parameter
    bias: Parameter | None
    padding: tuple[int, ...] | str
    output_padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Extent,
        stride: Extent,
        padding: Extent | str,
        dilation: Extent,
        groups: int,
        padding_mode: str,
    ) -> None:
        super().__init__()
        op = self._op()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"[{op}] {in_channels} and {out_channels} channels do not divide into {groups} groups")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = extent(op, "kernel_size", kernel_size, self.rank)
        self.stride, self.dilation = (
            extent(op, "stride", stride, self.rank),
            extent(op, "dilation", dilation, self.rank),
        )
        self.padding = padding if isinstance(padding, str) else extent(op, "padding", padding, self.rank)
        self.padding_mode = padding_mode
        self.output_padding = (0,) * self.rank

    def _op(self) -> str:
        return type(self).__name__.lower()

    def _make(self, shape: tuple[int, ...], bias: bool, device: Any, dtype: DType | None) -> None:
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        value = Parameter(empty(self.out_channels, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            init.bias_uniform_(self.bias, self.weight)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        zeros = (0,) * self.rank
        parts += [f"padding={self.padding}"] if self.padding != zeros else []
        parts += [f"dilation={self.dilation}"] if self.dilation != (1,) * self.rank else []
        parts += [f"output_padding={self.output_padding}"] if self.output_padding != zeros else []
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(parts)


class Convolution(Kernels):
    """What convolution layers share; they differ in the number of dimensions."""

    convolve: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Extent,
        stride: Extent = 1,
        padding: Extent | str = 0,
        dilation: Extent = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        op = self._op()
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"[{op}] padding_mode is {padding_mode!r}: expected one of {', '.join(PADDING_MODES)}")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"[{op}] padding is {padding!r}: expected numbers, 'same' or 'valid'")
        if padding == "same" and self.stride != (1,) * self.rank:
            raise ValueError(
                f"[{op}] padding='same' with stride {self.stride}: the size can be kept with stride 1 only"
            )
        self._make((out_channels, in_channels // groups, *self.kernel_size), bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._widths(), self.padding_mode), (0,) * self.rank
        convolve = type(self).convolve
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _widths(self) -> list[int]:
        """How much is padded before and after, from the last dimension to the first."""
        if self.padding == "valid":
            return [0] * (2 * self.rank)
        if isinstance(self.padding, tuple):
            return [width for width in reversed(self.padding) for _ in range(2)]
        totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        return [width for total in reversed(totals) for width in (total // 2, total - total // 2)]


class Conv1d(Convolution):
    """A bank of one-dimensional kernels; the arguments are those of `Conv2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Conv1d(3, 8, 3, padding="same", padding_mode="circular")(pf.ones(2, 3, 16)).shape
        pyflame.Size([2, 8, 16])
    """

    rank, convolve = 1, F.conv1d


class Conv2d(Convolution):
    """A bank of two-dimensional kernels, drawn as in PyTorch.

    Args:
        in_channels: channels of the input, (batch, in_channels, height, width), or without batch.
        out_channels: channels of the output.
        kernel_size: one number or (height, width), as for stride and dilation.
        padding: how much is added on both sides, "valid" for nothing, or "same" for as much as keeps the size.
        groups: how many parts the channels are split into, each convolved for itself.
        padding_mode: what is added: "zeros", "reflect", "replicate" or "circular".

    Raises:
        ValueError: channels do not divide into the groups, or an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Conv2d(3, 8, 3, padding=1)(pf.ones(2, 3, 16, 16)).shape
        pyflame.Size([2, 8, 16, 16])
    """

    rank, convolve = 2, F.conv2d


class Conv3d(Convolution):
    """A bank of three-dimensional kernels; the arguments are those of `Conv2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Conv3d(3, 8, 3, padding=1)(pf.ones(2, 3, 4, 6, 6)).shape
        pyflame.Size([2, 8, 4, 6, 6])
    """

    rank, convolve = 3, F.conv3d
