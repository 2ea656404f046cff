"""SqueezeNet (Iandola et al., 2016)."""

from __future__ import annotations

from typing import Any

import pyflame as pf
from pyflame import Tensor, nn

from .initial import reset
from .weights import Weights, with_weights

# The network in order: "pool", or the channels of a fire's squeeze; it gives eight times as many.
ORDER: dict[str, tuple[int | str, ...]] = {
    "1_0": ("pool", 16, 16, 32, "pool", 32, 48, 48, 64, "pool", 64),
    "1_1": ("pool", 16, 16, "pool", 32, 32, "pool", 48, 48, 64, 64),
}


class Fire(nn.Module):
    """A 1x1 convolution to few channels, from which a 1x1 and a 3x3 convolution make many.

    Args:
        inplanes: channels of the input.
        squeeze_planes: channels in the middle.
        expand1x1_planes: channels of the 1x1 convolution.
        expand3x3_planes: channels of the 3x3 convolution.
    """

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return pf.cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet for images (batch, 3, height, width) of at least 21 by 21 pixels, with torchvision's names.

    Args:
        version: "1_0", or "1_1" with less to compute.
        num_classes: features of the output.
        dropout: probability that a value before the last convolution is dropped, in training.

    Raises:
        ValueError: there is no such version.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.SqueezeNet("1_1", num_classes=10)(pf.randn(1, 3, 32, 32)).shape
        pyflame.Size([1, 10])
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in ORDER:
            raise ValueError(f"[squeezenet] version is {version!r}: expected '1_0' or '1_1'")
        channels = 96 if version == "1_0" else 64
        layers: list[nn.Module] = [
            nn.Conv2d(3, channels, 7 if version == "1_0" else 3, stride=2),
            nn.ReLU(inplace=True),
        ]
        for part in ORDER[version]:
            if isinstance(part, str):
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
            else:
                layers.append(Fire(channels, part, 4 * part, 4 * part))
                channels = 8 * part
        self.features = nn.Sequential(*layers)
        last = nn.Conv2d(512, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)))
        reset(self, nn.init.kaiming_uniform_, nn.init.kaiming_uniform_)
        nn.init.normal_(last.weight, 0.0, 0.01)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(self.features(x))
        return y.flatten(1)


def squeezenet1_0(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> SqueezeNet:
    """Make SqueezeNet 1.0; the first arguments are those of `resnet18`, the others those of `SqueezeNet`."""
    return with_weights("squeezenet1_0", SqueezeNet("1_0", **options), pretrained, weights, progress)


def squeezenet1_1(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> SqueezeNet:
    """Make SqueezeNet 1.1; the arguments are those of `squeezenet1_0`."""
    return with_weights("squeezenet1_1", SqueezeNet("1_1", **options), pretrained, weights, progress)
