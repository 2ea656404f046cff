"""Densely connected networks (Huang et al., 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor, nn

from .weights import Weights, with_weights


class DenseLayer(nn.Module):
    """New channels, made by a 1x1 and a 3x3 convolution of all channels before them."""

    def __init__(self, inputs: int, growth_rate: int, bn_size: int, drop_rate: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(inputs, bn_size * growth_rate, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, 3, padding=1, bias=False)
        self.drop_rate = drop_rate

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.relu1(self.norm1(x)))
        y = self.conv2(self.relu2(self.norm2(y)))
        return nn.functional.dropout(y, self.drop_rate, self.training) if self.drop_rate else y


class DenseBlock(nn.Module):
    """Layers each of which sees the output of all before."""

    def __init__(self, layers: int, inputs: int, growth_rate: int, bn_size: int, drop_rate: float) -> None:
        super().__init__()
        for place in range(layers):
            layer = DenseLayer(inputs + place * growth_rate, growth_rate, bn_size, drop_rate)
            self.add_module(f"denselayer{place + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = pf.cat([x, layer(x)], 1)
        return x


class DenseNet(nn.Module):
    """A densely connected network for images (batch, 3, height, width), with torchvision's names.

    Args:
        growth_rate: channels that a layer adds.
        block_config: layers in each block.
        num_init_features: channels of the first convolution.
        bn_size: channels between the convolutions of a layer, in multiples of `growth_rate`.
        drop_rate: probability that a value a layer adds is dropped, in training.
        num_classes: features of the output.
        memory_efficient: taken for the sake of PyTorch's habits; memory is planned for the whole graph anyway.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> model = models.DenseNet(8, (2, 2), 16, num_classes=10).eval()
        >>> model(pf.randn(1, 3, 32, 32)).shape
        pyflame.Size([1, 10])
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0.0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        channels = num_init_features
        parts: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            "norm0": nn.BatchNorm2d(channels),
            "relu0": nn.ReLU(inplace=True),
            "pool0": nn.MaxPool2d(3, stride=2, padding=1),
        }
        for place, layers in enumerate(block_config, 1):
            parts[f"denseblock{place}"] = DenseBlock(layers, channels, growth_rate, bn_size, drop_rate)
            channels += layers * growth_rate
            if place < len(block_config):
                parts[f"transition{place}"] = transition(channels)
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.relu(self.features(x))
        return self.classifier(nn.functional.adaptive_avg_pool2d(y, (1, 1)).flatten(1))


def transition(channels: int) -> nn.Sequential:
    """Half the channels at half the size."""
    return nn.Sequential(
        {
            "norm": nn.BatchNorm2d(channels),
            "relu": nn.ReLU(inplace=True),
            "conv": nn.Conv2d(channels, channels // 2, 1, bias=False),
            "pool": nn.AvgPool2d(2, stride=2),
        }
    )


def densenet121(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> DenseNet:
    """Make DenseNet-121; the first arguments are those of `resnet18`, the others those of `DenseNet`."""
    return with_weights("densenet121", DenseNet(32, (6, 12, 24, 16), 64, **options), pretrained, weights, progress)
