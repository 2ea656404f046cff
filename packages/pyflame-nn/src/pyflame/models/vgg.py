"""VGG networks (Simonyan and Zisserman, 2014), with or without batch norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyflame import Tensor, nn

from .initial import kaiming_out, reset
from .weights import Weights, with_weights

# Convolutions in each of the five stages.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)


def make_layers(stages: Sequence[int], batch_norm: bool = False) -> nn.Sequential:
    """The convolutions of a network with these numbers of them in its stages."""
    layers: list[nn.Module] = []
    inputs = 3
    for count, outputs in zip(stages, CHANNELS):
        for _ in range(count):
            layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
            layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
            layers.append(nn.ReLU(inplace=True))
            inputs = outputs
        layers.append(nn.MaxPool2d(2, stride=2))
    return nn.Sequential(*layers)


class VGG(nn.Module):
    """A VGG network for images (batch, 3, height, width) of at least 32 by 32 pixels, with torchvision's names.

    Args:
        features: gives 512 channels.
        num_classes: features of the output.
        init_weights: draw weights as torchvision does; else they are those of the layers.
        dropout: probability that a hidden value is dropped, in training.

    Example:
        >>> from pyflame import models
        >>> model = models.vgg11(num_classes=10)
        >>> len(model.features), model.classifier[-1]
        (21, Linear(in_features=4096, out_features=10, bias=True))
    """

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            reset(self, kaiming_out, lambda weight: nn.init.normal_(weight, 0.0, 0.01))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def vgg(depth: int, norm: bool, pretrained: bool, weights: Weights, progress: bool, options: dict[str, Any]) -> VGG:
    model = VGG(make_layers(STAGES[depth], norm), **options)
    return with_weights(f"vgg{depth}{'_bn' * norm}", model, pretrained, weights, progress)


def vgg11(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-11; the first arguments are those of `resnet18`, the others those of `VGG`."""
    return vgg(11, False, pretrained, weights, progress, options)


def vgg11_bn(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-11 with batch norm; the arguments are those of `vgg11`."""
    return vgg(11, True, pretrained, weights, progress, options)


def vgg13(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-13; the arguments are those of `vgg11`."""
    return vgg(13, False, pretrained, weights, progress, options)


def vgg13_bn(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-13 with batch norm; the arguments are those of `vgg11`."""
    return vgg(13, True, pretrained, weights, progress, options)


def vgg16(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-16; the arguments are those of `vgg11`."""
    return vgg(16, False, pretrained, weights, progress, options)


def vgg16_bn(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-16 with batch norm; the arguments are those of `vgg11`."""
    return vgg(16, True, pretrained, weights, progress, options)


def vgg19(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-19; the arguments are those of `vgg11`."""
    return vgg(19, False, pretrained, weights, progress, options)


def vgg19_bn(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> VGG:
    """Make VGG-19 with batch norm; the arguments are those of `vgg11`."""
    return vgg(19, True, pretrained, weights, progress, options)
