"""AlexNet in the form of Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014)."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, nn

from .weights import Weights, with_weights


class AlexNet(nn.Module):
    """AlexNet for images (batch, 3, height, width) of at least 63 by 63 pixels, with torchvision's names.

    Args:
        num_classes: features of the output.
        dropout: probability that a hidden value is dropped, in training.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.AlexNet(num_classes=10)(pf.randn(1, 3, 64, 64)).shape
        pyflame.Size([1, 10])
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def alexnet(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> AlexNet:
    """Make AlexNet; the first arguments are those of `resnet18`, the others those of `AlexNet`."""
    return with_weights("alexnet", AlexNet(**options), pretrained, weights, progress)
