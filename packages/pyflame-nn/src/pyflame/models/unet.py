"""U-Net (Ronneberger et al., 2015), with batch norm and without a loss of size."""

from __future__ import annotations

from collections.abc import Sequence

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions, each with batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        layers: list[nn.Module] = []
        for inputs in (in_channels, out_channels):
            layers += [
                nn.Conv2d(inputs, out_channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """A U-Net that gives each pixel of images (batch, in_channels, height, width) a value for each class.

    Args:
        in_channels: channels of the images.
        num_classes: channels of the output, (batch, num_classes, height, width).
        features: channels at each size, which is halved from one to the next.
        bilinear: enlarge by interpolation instead of learned kernels.

    Raises:
        ValueError: there is but one size, or an image is too small to be halved so often.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.UNet(1, 2, features=(4, 8, 16))(pf.randn(1, 1, 18, 13)).shape
        pyflame.Size([1, 2, 18, 13])
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 2,
        features: Sequence[int] = (64, 128, 256, 512, 1024),
        bilinear: bool = False,
    ) -> None:
        super().__init__()
        if len(features) < 2:
            raise ValueError(f"[unet] features is {tuple(features)}: expected the channels of at least two sizes")
        self.smallest = 2 ** (len(features) - 1)
        self.down = nn.ModuleList(DoubleConv(a, b) for a, b in zip((in_channels, *features), features))
        below, above = list(reversed(features[1:])), list(reversed(features[:-1]))
        self.enlarge = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), nn.Conv2d(a, b, 1))
            if bilinear
            else nn.ConvTranspose2d(a, b, 2, stride=2)
            for a, b in zip(below, above)
        )
        self.up = nn.ModuleList(DoubleConv(2 * b, b) for b in above)
        self.head = nn.Conv2d(features[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        if min(x.shape[-2:]) < self.smallest:
            raise ValueError(
                f"[unet] the input has shape {tuple(x.shape)}: height and width must be at least {self.smallest}"
            )
        passed: list[Tensor] = []
        for place, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if place else x)
            passed.append(x)
        for enlarge, block, beside in zip(self.enlarge, self.up, reversed(passed[:-1])):
            x = enlarge(x)
            # Halving rounds down, so that an odd size comes back one smaller.
            x = F.pad(x, (0, beside.shape[-1] - x.shape[-1], 0, beside.shape[-2] - x.shape[-2]))
            x = block(pf.cat([beside, x], 1))
        return self.head(x)
