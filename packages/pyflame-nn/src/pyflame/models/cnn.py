"""A small convolutional network for images of any size."""

from __future__ import annotations

from collections.abc import Sequence

from pyflame import Tensor, nn


class CNN(nn.Module):
    """Stages of convolution, batch norm, ReLU and halving, an average over the places and a classifier.

    Args:
        in_channels: channels of the images, (batch, in_channels, height, width).
        num_classes: features of the output.
        channels: channels after each stage; height and width must be at least 2 ** len(channels).
        hidden: features of the classifier's hidden layer.
        dropout: probability that a hidden value is dropped, in training.

    Raises:
        ValueError: there are no stages.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.CNN(1, 10, channels=(8, 16))(pf.randn(2, 1, 28, 28)).shape
        pyflame.Size([2, 10])
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        channels: Sequence[int] = (32, 64),
        hidden: int = 128,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        if not channels:
            raise ValueError("[cnn] channels is empty: expected the channels of at least one stage")
        stages: list[nn.Module] = []
        for inputs, outputs in zip((in_channels, *channels), channels):
            stages += [
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.features = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d((4, 4))
        self.classifier = nn.Sequential(
            nn.Linear(channels[-1] * 16, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))
