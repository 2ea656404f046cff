"""Convolution layers."""

from __future__ import annotations

import math
from typing import Any

from pyflame import DType, Tensor, empty

from . import functional as F, init
from .module import Module
from .pair import Pair, pair
from .parameter import Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Conv2d(Module):
    """A bank of two-dimensional kernels, drawn as in PyTorch.

    Args:
        in_channels: channels of the input, (batch, in_channels, height, width).
        out_channels: channels of the output.
        kernel_size: one number or (height, width), as for stride and dilation.
        padding: zeros added on both sides, "valid" for none, or "same" for as many as keep the size.
        groups: how many parts the channels are split into, each convolved for itself.
        padding_mode: only "zeros" is available so far.

    Raises:
        ValueError: channels do not divide into the groups, or an argument is out of range.
        NotImplementedError: another padding mode.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Conv2d(3, 8, 3, padding=1)(pf.ones(2, 3, 16, 16)).shape
        pyflame.Size([2, 8, 16, 16])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"[conv2d] {in_channels} and {out_channels} channels do not divide into {groups} groups")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"[conv2d] padding_mode is {padding_mode!r}: expected one of {', '.join(PADDING_MODES)}")
        if padding_mode != "zeros":
            raise NotImplementedError(
                f"[conv2d] padding_mode={padding_mode!r} is not available yet: pad the input with pf.pad instead"
            )
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"[conv2d] padding is {padding!r}: expected numbers, 'same' or 'valid'")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = pair(kernel_size), pair(stride), pair(dilation)
        self.padding = padding if isinstance(padding, str) else pair(padding)
        self.padding_mode = padding_mode
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(
                f"[conv2d] padding='same' with stride {self.stride}: the size can be kept with stride 1 only"
            )
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            init.bias_uniform_(self.bias, self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding not in ((0, 0), "valid"):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)
