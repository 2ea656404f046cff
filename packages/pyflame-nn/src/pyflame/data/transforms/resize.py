"""Transforms that change the size of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from pyflame import Generator, Tensor
from pyflame.nn import functional as F

from .crop import two
from .transform import Transform, as_batch, in_floats


class InterpolationMode(StrEnum):
    """How values between pixels are made; the names can be given as strings too."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


def check_mode(name: str, interpolation: str, modes: Sequence[str] = tuple(InterpolationMode)) -> str:
    if interpolation not in modes:
        raise ValueError(f"[{name}] interpolation is {interpolation!r}: expected {', '.join(map(str, modes))}")
    return str(interpolation)


def resized(image: Tensor, size: tuple[int, int], interpolation: str, antialias: bool) -> Tensor:
    """Return an image of another size, computed as `torch.nn.functional.interpolate` does."""
    if tuple(image.shape[-2:]) == size:
        return image
    if interpolation.startswith("nearest"):
        return as_batch(image, lambda batch: F.interpolate(batch, size, mode=interpolation))

    def change(batch: Tensor) -> Tensor:
        return F.interpolate(batch, size, mode=interpolation, align_corners=False, antialias=antialias)

    return as_batch(image, lambda batch: in_floats(batch, change))


class Resize(Transform):
    """Changes the size of an image.

    Args:
        size: height and width; one number is the shorter side, and the other keeps the proportion.
        interpolation: "nearest", "nearest-exact", "bilinear" or "bicubic".
        max_size: of the longer side, when `size` is one number.
        antialias: make smaller without artefacts; counts for "bilinear" and "bicubic".

    Raises:
        ValueError: an unknown interpolation, or sizes that exclude each other.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.Resize(4)(pf.ones(3, 8, 16)).shape
        pyflame.Size([3, 4, 8])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: str = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool = True,
    ) -> None:
        super().__init__()
        self.size = size if isinstance(size, int) else tuple(size)
        lengths = (self.size,) if isinstance(self.size, int) else self.size
        if len(lengths) > 2 or min(lengths, default=0) < 1:
            raise ValueError(f"[Resize] size is {size}: expected one or two positive numbers")
        if max_size is not None and (len(lengths) == 2 or max_size <= lengths[0]):
            raise ValueError(f"[Resize] max_size is {max_size}: it goes with one number for size, which it exceeds")
        self.interpolation, self.max_size = check_mode("Resize", interpolation), max_size
        self.antialias = antialias

    def size_of(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the height and width that an image gets."""
        if not isinstance(self.size, int) and len(self.size) == 2:
            return self.size[0], self.size[1]
        short = self.size if isinstance(self.size, int) else self.size[0]
        long = int(short * max(rows, columns) / min(rows, columns))
        if self.max_size is not None and long > self.max_size:
            short, long = int(self.max_size * short / long), self.max_size
        return (short, long) if rows <= columns else (long, short)

    def apply(self, image: Tensor) -> Tensor:
        return resized(image, self.size_of(*image.shape[-2:]), self.interpolation, self.antialias)


class RandomResizedCrop(Transform):
    """Cuts out a part of random area and proportion, and resizes it: the training transform of Inception.

    Args:
        size: height and width of the result, or one number for both.
        scale: lowest and highest share of the area.
        ratio: lowest and highest width per height.
        interpolation: "nearest", "nearest-exact", "bilinear" or "bicubic".
        antialias: make smaller without artefacts.

    Raises:
        ValueError: an unknown interpolation, or limits out of order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomResizedCrop(5)(pf.ones(3, 20, 30)).shape
        pyflame.Size([3, 5, 5])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: str = InterpolationMode.BILINEAR,
        antialias: bool = True,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        if not (0 < scale[0] <= scale[1] and 0 < ratio[0] <= ratio[1]):
            raise ValueError(f"[RandomResizedCrop] scale {tuple(scale)}, ratio {tuple(ratio)}: limits out of order")
        self.size, self.scale, self.ratio = two(size), tuple(scale), tuple(ratio)
        self.interpolation, self.antialias = check_mode("RandomResizedCrop", interpolation), antialias

    def place(self, rows: int, columns: int) -> tuple[int, int, int, int]:
        """Draw top, left, height and width; after ten parts that do not fit, it is the largest one in the middle."""
        for _ in range(10):
            area = rows * columns * self.uniform(*self.scale)
            proportion = math.exp(self.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            width, height = round(math.sqrt(area * proportion)), round(math.sqrt(area / proportion))
            if 0 < width <= columns and 0 < height <= rows:
                return self.pick(rows - height + 1), self.pick(columns - width + 1), height, width
        width, height = columns, rows
        if columns / rows < self.ratio[0]:
            height = round(columns / self.ratio[0])
        elif columns / rows > self.ratio[1]:
            width = round(rows * self.ratio[1])
        return (rows - height) // 2, (columns - width) // 2, height, width

    def apply(self, image: Tensor) -> Tensor:
        top, left, height, width = self.place(*image.shape[-2:])
        part = image[..., top : top + height, left : left + width]
        return resized(part, self.size, self.interpolation, self.antialias)
