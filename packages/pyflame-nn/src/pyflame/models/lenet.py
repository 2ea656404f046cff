"""LeNet-5 (LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998)."""

from __future__ import annotations

from collections.abc import Callable

from pyflame import Tensor, nn


class LeNet(nn.Module):
    """LeNet-5 for images (batch, in_channels, 28, 28), or of 32 by 32 pixels without the padding.

    Args:
        num_classes: features of the output.
        in_channels: channels of the images.
        padding: of the first convolution; 2 for 28 by 28 pixels, 0 for 32 by 32.
        activation: makes the activations; Tanh as in the paper.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.LeNet()(pf.randn(2, 1, 28, 28)).shape
        pyflame.Size([2, 10])
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        padding: int = 2,
        activation: Callable[[], nn.Module] = nn.Tanh,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=padding),
            activation(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            activation(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120), activation(), nn.Linear(120, 84), activation(), nn.Linear(84, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))
