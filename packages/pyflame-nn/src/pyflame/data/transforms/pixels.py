"""Transforms of the values of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyflame import DType, Generator, Tensor, cat, tensor

from .transform import Transform, check_probability, from_pixels, in_floats

WEIGHTS = (0.2989, 0.587, 0.114)  # ITU-R BT.601


class ToTensor(Transform):
    """Makes a tensor of shape (C, H, W) from a PIL image or an array (H, W) or (H, W, C); bytes become 0 to 1.

    Raises:
        ValueError: an array of another rank.

    Example:
        >>> import numpy as np
        >>> from pyflame.data import transforms
        >>> transforms.ToTensor()(np.array([[0, 255]], np.uint8))
        tensor([[[0., 1.]]])
    """

    def __call__(self, image: Any) -> Any:
        return image if isinstance(image, Tensor) else from_pixels(image)


class Normalize(Transform):
    """Subtracts a mean from each channel and divides by a standard deviation.

    Args:
        mean: one number for each channel.
        std: likewise.

    Raises:
        ValueError: a standard deviation of 0, or images without a channel dimension.
        TypeError: images of whole numbers.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.Normalize([1.0], [0.5])(pf.ones(1, 1, 2))
        tensor([[[0., 0.]]])
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if 0 in std:
            raise ValueError("[Normalize] std has a 0: nothing can be divided by it")
        self.mean, self.std = list(mean), list(std)
        self._parts: dict[DType, tuple[Tensor, Tensor]] = {}  # making tensors takes longer than the arithmetic

    def apply(self, image: Tensor) -> Tensor:
        if image.ndim < 3:
            raise ValueError(f"[Normalize] the image has shape {tuple(image.shape)}: expected (..., C, H, W)")
        parts = self._parts.get(image.dtype)
        if parts is None:
            if not image.dtype.is_floating_point:
                raise TypeError(
                    f"[Normalize] the image is of {image.dtype.name}: expected floats; ConvertImageDtype() makes them"
                )
            mean, std = (tensor(values, dtype=image.dtype).reshape(-1, 1, 1) for values in (self.mean, self.std))
            parts = self._parts[image.dtype] = mean, std
        return (image - parts[0]) / parts[1]


class Grayscale(Transform):
    """Makes one channel, or three equal ones, of red, green and blue (ITU-R BT.601).

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.Grayscale()(pf.ones(3, 1, 2))
        tensor([[[0.9999, 0.9999]]])
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        if num_output_channels not in (1, 3):
            raise ValueError(f"[Grayscale] num_output_channels is {num_output_channels}: expected 1 or 3")
        self.num_output_channels = num_output_channels

    def apply(self, image: Tensor) -> Tensor:
        return gray(image, self.num_output_channels)


class RandomGrayscale(Transform):
    """Takes the colours away with probability `p`; the number of channels stays.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> list(transforms.RandomGrayscale(p=0.0)(pf.ones(3, 1, 1)).shape)
        [3, 1, 1]
    """

    def __init__(self, p: float = 0.1, generator: Generator | None = None) -> None:
        super().__init__(generator)
        check_probability(self, p)
        self.p = p

    def apply(self, image: Tensor) -> Tensor:
        return gray(image, image.shape[-3]) if self.happens(self.p) else image


def gray(image: Tensor, channels: int) -> Tensor:
    if image.ndim < 3 or image.shape[-3] not in (1, 3):
        raise ValueError(f"[Grayscale] the image has shape {tuple(image.shape)}: expected (..., 1 or 3, H, W)")
    if image.shape[-3] == 3:
        image = in_floats(image, lambda x: (x * tensor(WEIGHTS, dtype=x.dtype).reshape(3, 1, 1)).sum(-3, keepdim=True))
    return cat([image] * channels, -3) if channels > 1 else image
