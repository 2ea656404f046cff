"""What several networks are built of, with torchvision's names."""

from __future__ import annotations

from collections.abc import Callable

import pyflame as pf
from pyflame import Tensor, nn

Norm = Callable[[int], nn.Module]


class Conv2dNormActivation(nn.Sequential):
    """A convolution without bias that keeps the size when its stride is 1, its norm and its activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        groups: int = 1,
        norm_layer: Norm = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] | None = nn.ReLU,
    ) -> None:
        padding = (kernel_size - 1) // 2
        conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
        super().__init__(conv, norm_layer(out_channels), *([activation_layer()] if activation_layer else []))
        self.out_channels = out_channels


class SqueezeExcitation(nn.Module):
    """Scale channels by what a small network makes of their means (Hu et al., 2018)."""

    def __init__(
        self, input_channels: int, squeeze_channels: int, activation: Callable[[], nn.Module] = nn.ReLU
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x)))))


class StochasticDepth(nn.Module):
    """Drop whole rows of a batch, in training, and scale the others (Huang et al., 2016)."""

    def __init__(self, p: float, mode: str = "row") -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0 or mode not in ("row", "batch"):
            raise ValueError(f"[stochastic_depth] p is {p}, mode {mode!r}: expected 0 to 1, and 'row' or 'batch'")
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        rows = x.shape[0] if self.mode == "row" else 1
        keep = (pf.rand(rows, *[1] * (x.ndim - 1), dtype=x.dtype) >= self.p).to(x.dtype)
        return x * (keep if self.p == 1.0 else keep / (1.0 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"


def divisible(value: float, divisor: int = 8) -> int:
    """The nearest multiple of a divisor that is no more than a tenth below the value."""
    near = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * value else near
