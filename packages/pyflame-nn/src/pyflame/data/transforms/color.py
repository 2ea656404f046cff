"""Transforms of colours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyflame import Generator, Tensor, iinfo, randperm, stack, where

from .pixels import gray
from .transform import Transform, check_image, in_floats, interval

Range = float | Sequence[float]


def blend(image: Tensor, other: Tensor | float, share: float, bound: float) -> Tensor:
    """Mix an image and another, or go on beyond the image when its share is over 1."""
    return (share * image + (1 - share) * other).clamp(0, bound)


def shift_hue(image: Tensor, shift: float) -> Tensor:
    """Turn the colours of an image of values from 0 to 1 along the wheel, by way of hue, saturation and value."""
    red, green, blue = image.unbind(-3)
    value, low = image.amax(-3), image.amin(-3)
    spread = value - low
    gray_pixel = spread == 0
    divisor = where(gray_pixel, 1.0, spread)
    from_red, from_green, from_blue = ((value - channel) / divisor for channel in (red, green, blue))
    hue = where(value == red, from_blue - from_green, 4.0 + from_green - from_red)
    hue = where((value == green) & (value != red), 2.0 + from_red - from_blue, hue)
    sector = ((hue / 6 + shift + 1.0) % 1.0) * 6.0
    sector = where(gray_pixel, 0.0, sector)
    # A channel is low in one third of the wheel, high in another, and between them on the way.
    channels = []
    for offset in (5.0, 3.0, 1.0):
        place = (offset + sector) % 6.0
        rise = place.minimum(4.0 - place).clamp(0.0, 1.0)
        channels.append(value - spread * rise)
    return stack(channels, -3)


class ColorJitter(Transform):
    """Changes brightness, contrast, saturation and hue by random amounts, in random order.

    Args:
        brightness: lowest and highest factor, or the largest distance of one from 1.
        contrast: likewise.
        saturation: likewise.
        hue: lowest and highest shift along the colour wheel, within -0.5 and 0.5, or the largest distance from 0.

    Raises:
        ValueError: numbers out of order, or images without one or three channels.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.ColorJitter(brightness=(0.5, 0.5))(pf.ones(1, 1, 2))
        tensor([[[0.5000, 0.5000]]])
    """

    def __init__(
        self,
        brightness: Range = 0,
        contrast: Range = 0,
        saturation: Range = 0,
        hue: Range = 0,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        name = "ColorJitter"
        self.brightness = interval(name, "brightness", brightness, 0.0, 1.0)
        self.contrast = interval(name, "contrast", contrast, 0.0, 1.0)
        self.saturation = interval(name, "saturation", saturation, 0.0, 1.0)
        self.hue = interval(name, "hue", hue, -math.inf)
        if not -0.5 <= self.hue[0] <= self.hue[1] <= 0.5:
            raise ValueError(f"[{name}] hue is {hue}: expected shifts within -0.5 and 0.5")

    def apply(self, image: Tensor) -> Tensor:
        check_image(image, "ColorJitter", (1, 3))
        steps = (self._brightness, self._contrast, self._saturation, self._hue)
        limits = (self.brightness, self.contrast, self.saturation, self.hue)
        amounts = [self.uniform(*pair) for pair in limits]
        bound = 1.0 if image.dtype.is_floating_point else float(iinfo(image.dtype).max)
        for place in randperm(4, generator=self.generator).tolist():
            if limits[place] != ((0.0, 0.0) if place == 3 else (1.0, 1.0)):
                step, amount = steps[place], amounts[place]
                image = in_floats(image, lambda x, step=step, amount=amount: step(x, amount, bound))  # type: ignore[misc]
        return image

    def _brightness(self, image: Tensor, factor: float, bound: float) -> Tensor:
        return blend(image, 0.0, factor, bound)

    def _contrast(self, image: Tensor, factor: float, bound: float) -> Tensor:
        return blend(image, gray(image, 1).mean((-3, -2, -1), keepdim=True), factor, bound)

    def _saturation(self, image: Tensor, factor: float, bound: float) -> Tensor:
        return blend(image, gray(image, 1), factor, bound) if image.shape[-3] == 3 else image

    def _hue(self, image: Tensor, shift: float, bound: float) -> Tensor:
        return shift_hue(image / bound, shift) * bound if image.shape[-3] == 3 else image
