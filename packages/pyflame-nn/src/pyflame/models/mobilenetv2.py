"""MobileNetV2 (Sandler et al., 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyflame import Tensor, nn

from .blocks import Conv2dNormActivation, Norm, divisible
from .initial import kaiming_out, reset
from .weights import Weights, with_weights

# Expansion, channels, blocks and stride of each stage.
SETTING = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """A depthwise convolution between two 1x1 ones that widen and narrow, beside a shortcut if the shapes agree.

    Args:
        inp: channels of the input.
        oup: channels of the output.
        stride: of the depthwise convolution, 1 or 2.
        expand_ratio: how many times wider the middle is.
        norm_layer: makes a norm of a number of channels.
    """

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Norm | None = None) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"[mobilenet_v2] stride is {stride}: expected 1 or 2")
        norm = norm_layer or nn.BatchNorm2d
        hidden = int(round(inp * expand_ratio))
        parts: list[nn.Module] = []
        if expand_ratio != 1:
            parts.append(Conv2dNormActivation(inp, hidden, 1, norm_layer=norm, activation_layer=nn.ReLU6))
        parts.append(Conv2dNormActivation(hidden, hidden, 3, stride, hidden, norm, nn.ReLU6))
        self.conv = nn.Sequential(*parts, nn.Conv2d(hidden, oup, 1, bias=False), norm(oup))
        self.use_res_connect = stride == 1 and inp == oup

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.use_res_connect else y


class MobileNetV2(nn.Module):
    """MobileNetV2 for images (batch, 3, height, width), with torchvision's names.

    Args:
        num_classes: features of the output.
        width_mult: factor of all channels.
        inverted_residual_setting: (expansion, channels, blocks, stride) of each stage.
        round_nearest: channels are multiples of it.
        block: makes a block; `InvertedResidual` by default.
        norm_layer: makes a norm of a number of channels; batch norm by default.
        dropout: probability that a value before the classifier is dropped, in training.

    Raises:
        ValueError: the setting is empty or has not four numbers a stage.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> model = models.MobileNetV2(num_classes=10, width_mult=0.25).eval()
        >>> model(pf.randn(1, 3, 32, 32)).shape
        pyflame.Size([1, 10])
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Norm | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        setting = SETTING if inverted_residual_setting is None else inverted_residual_setting
        if not setting or any(len(stage) != 4 for stage in setting):
            raise ValueError(f"[mobilenet_v2] the setting is {setting}: expected stages of four numbers")
        norm = norm_layer or nn.BatchNorm2d
        inputs = divisible(32 * width_mult, round_nearest)
        self.last_channel = divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [Conv2dNormActivation(3, inputs, 3, 2, 1, norm, nn.ReLU6)]
        for expansion, channels, count, stride in setting:
            outputs = divisible(channels * width_mult, round_nearest)
            for place in range(count):
                make = block or InvertedResidual
                first = stride if place == 0 else 1
                features.append(make(inputs, outputs, first, expand_ratio=expansion, norm_layer=norm))
                inputs = outputs
        features.append(Conv2dNormActivation(inputs, self.last_channel, 1, 1, 1, norm, nn.ReLU6))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.last_channel, num_classes))
        reset(self, kaiming_out, lambda weight: nn.init.normal_(weight, 0.0, 0.01))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


def mobilenet_v2(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> MobileNetV2:
    """Make MobileNetV2; the first arguments are those of `resnet18`, the others those of `MobileNetV2`."""
    return with_weights("mobilenet_v2", MobileNetV2(**options), pretrained, weights, progress)
