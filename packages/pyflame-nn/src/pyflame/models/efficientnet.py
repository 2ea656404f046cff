"""EfficientNet (Tan and Le, 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyflame import Tensor, nn

from .blocks import Conv2dNormActivation, Norm, SqueezeExcitation, StochasticDepth, divisible
from .initial import kaiming_out, reset
from .weights import Weights, with_weights


@dataclass(frozen=True)
class MBConvConfig:
    """One stage of an EfficientNet: expansion, kernel, stride, channels of input and output, and blocks."""

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int


B0 = (
    MBConvConfig(1, 3, 1, 32, 16, 1),
    MBConvConfig(6, 3, 2, 16, 24, 2),
    MBConvConfig(6, 5, 2, 24, 40, 2),
    MBConvConfig(6, 3, 2, 40, 80, 3),
    MBConvConfig(6, 5, 1, 80, 112, 3),
    MBConvConfig(6, 5, 2, 112, 192, 4),
    MBConvConfig(6, 3, 1, 192, 320, 1),
)


class MBConv(nn.Module):
    """An inverted residual with squeeze and excitation, of which the whole may be skipped in training."""

    def __init__(self, config: MBConvConfig, inputs: int, stride: int, skipped: float, norm: Norm) -> None:
        super().__init__()
        hidden = divisible(inputs * config.expand_ratio)
        parts: list[nn.Module] = []
        if hidden != inputs:
            parts.append(Conv2dNormActivation(inputs, hidden, 1, norm_layer=norm, activation_layer=nn.SiLU))
        parts.append(Conv2dNormActivation(hidden, hidden, config.kernel, stride, hidden, norm, nn.SiLU))
        parts.append(SqueezeExcitation(hidden, max(1, inputs // 4), nn.SiLU))
        parts.append(Conv2dNormActivation(hidden, config.out_channels, 1, norm_layer=norm, activation_layer=None))
        self.block = nn.Sequential(*parts)
        self.stochastic_depth = StochasticDepth(skipped)
        self.use_res_connect = stride == 1 and inputs == config.out_channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return x + self.stochastic_depth(y) if self.use_res_connect else y


class EfficientNet(nn.Module):
    """An EfficientNet for images (batch, 3, height, width), with torchvision's names.

    Args:
        inverted_residual_setting: its stages; those of B0 by default.
        dropout: probability that a value before the classifier is dropped, in training.
        stochastic_depth_prob: probability that the last block is skipped, in training; earlier ones are less often.
        num_classes: features of the output.
        norm_layer: makes a norm of a number of channels; batch norm by default.
        last_channel: channels before the classifier; four times those of the last stage by default.

    Raises:
        ValueError: the setting is empty.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.EfficientNet(num_classes=10).eval()(pf.randn(1, 3, 32, 32)).shape
        pyflame.Size([1, 10])
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[MBConvConfig] = B0,
        dropout: float = 0.2,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Norm | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        if not inverted_residual_setting:
            raise ValueError("[efficientnet] inverted_residual_setting is empty: expected at least one stage")
        norm = norm_layer or nn.BatchNorm2d
        first = inverted_residual_setting[0].input_channels
        features: list[nn.Module] = [Conv2dNormActivation(3, first, 3, 2, 1, norm, nn.SiLU)]
        total, done = sum(config.num_layers for config in inverted_residual_setting), 0
        for config in inverted_residual_setting:
            stage: list[nn.Module] = []
            for place in range(config.num_layers):
                inputs = config.input_channels if place == 0 else config.out_channels
                stride = config.stride if place == 0 else 1
                stage.append(MBConv(config, inputs, stride, stochastic_depth_prob * done / total, norm))
                done += 1
            features.append(nn.Sequential(*stage))
        outputs = inverted_residual_setting[-1].out_channels
        last = 4 * outputs if last_channel is None else last_channel
        features.append(Conv2dNormActivation(outputs, last, 1, 1, 1, norm, nn.SiLU))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        bound = 1.0 / math.sqrt(num_classes)
        reset(self, kaiming_out, lambda weight: nn.init.uniform_(weight, -bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def efficientnet_b0(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> EfficientNet:
    """Make EfficientNet-B0; the first arguments are those of `resnet18`, the others those of `EfficientNet`."""
    return with_weights("efficientnet_b0", EfficientNet(B0, **options), pretrained, weights, progress)
