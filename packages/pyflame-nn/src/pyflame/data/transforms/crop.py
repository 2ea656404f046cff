"""Transforms that cut, pad and mirror images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyflame import Generator, Tensor, flip, index_select, tensor
from pyflame.nn import functional as F

from .transform import Transform, check_probability

MODES = ("constant", "edge", "reflect", "symmetric")


def two(size: int | Sequence[int]) -> tuple[int, int]:
    """Return height and width."""
    height, width = (size, size) if isinstance(size, int) else (tuple(size) * 2 if len(size) == 1 else tuple(size))
    return height, width


def four(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom from one number, two (left and right, top and bottom) or four."""
    values = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(values) not in (1, 2, 4):
        raise ValueError(f"[transforms] padding has {len(values)} numbers: expected 1, 2 or 4")
    left, top, right, bottom = (values * 4)[:4] if len(values) != 2 else values * 2
    return left, top, right, bottom


def padded(image: Tensor, sides: Sequence[int], fill: float = 0.0, mode: str = "constant") -> Tensor:
    left, top, right, bottom = sides
    if mode == "constant":
        return F.pad(image, (left, right, top, bottom), value=fill)
    for dim, before, after in ((-2, top, bottom), (-1, left, right)):
        same: Any = mode  # NumPy has the same names
        places = np.pad(np.arange(image.shape[dim]), (before, after), same)
        image = index_select(image, dim, tensor(places))
    return image


class Pad(Transform):
    """Adds a border.

    Args:
        padding: one number, (left and right, top and bottom), or (left, top, right, bottom).
        fill: its value.
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    Raises:
        ValueError: an unknown mode, or another count of numbers.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.Pad((1, 0), fill=2.0)(pf.ones(1, 1, 1))
        tensor([[[2., 1., 2.]]])
    """

    def __init__(self, padding: int | Sequence[int], fill: float = 0.0, padding_mode: str = "constant") -> None:
        super().__init__()
        if padding_mode not in MODES:
            raise ValueError(f"[Pad] padding_mode is {padding_mode!r}: expected {', '.join(MODES)}")
        self.padding, self.fill, self.padding_mode = four(padding), fill, padding_mode

    def apply(self, image: Tensor) -> Tensor:
        return padded(image, self.padding, self.fill, self.padding_mode)


class CenterCrop(Transform):
    """Cuts out the middle; what lies outside of a smaller image is 0.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.CenterCrop((1, 2))(pf.arange(12.0).reshape(1, 3, 4))
        tensor([[[5., 6.]]])
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = two(size)

    def apply(self, image: Tensor) -> Tensor:
        (height, width), (rows, columns) = self.size, image.shape[-2:]
        missing, lacking = max(width - columns, 0), max(height - rows, 0)
        if missing or lacking:
            image = padded(image, (missing // 2, lacking // 2, (missing + 1) // 2, (lacking + 1) // 2))
            rows, columns = image.shape[-2:]
        top, left = round((rows - height) / 2), round((columns - width) / 2)
        return image[..., top : top + height, left : left + width]


class FiveCrop(Transform):
    """Cuts out the four corners and the middle, as a tuple of five images.

    Raises:
        ValueError: the image is too small.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> [part.item() for part in transforms.FiveCrop(1)(pf.arange(9.0).reshape(1, 3, 3))]
        [0.0, 2.0, 6.0, 8.0, 4.0]
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = two(size)

    def apply(self, image: Tensor) -> tuple[Tensor, ...]:
        (height, width), (rows, columns) = self.size, image.shape[-2:]
        if rows < height or columns < width:
            raise ValueError(f"[FiveCrop] the image is {rows} x {columns}, smaller than {height} x {width}")
        places = [(top, left) for top in (0, rows - height) for left in (0, columns - width)]
        places.append((round((rows - height) / 2), round((columns - width) / 2)))
        return tuple(image[..., top : top + height, left : left + width] for top, left in places)


class RandomCrop(Transform):
    """Cuts out a part at a random place.

    Args:
        size: height and width, or one number for both.
        padding: a border that is added before.
        pad_if_needed: add a border to images that are too small.
        fill: value of the border.
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    Raises:
        ValueError: the image is too small.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> list(transforms.RandomCrop(2, padding=1)(pf.ones(3, 4, 4)).shape)
        [3, 2, 2]
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float = 0.0,
        padding_mode: str = "constant",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.size, self.pad_if_needed = two(size), pad_if_needed
        self.border = Pad(padding or 0, fill, padding_mode)

    def apply(self, image: Tensor) -> Tensor:
        height, width = self.size
        if any(self.border.padding):
            image = self.border.apply(image)
        rows, columns = image.shape[-2:]
        if self.pad_if_needed and (rows < height or columns < width):
            across, down = max(width - columns, 0), max(height - rows, 0)
            image = padded(image, (across, down, across, down), self.border.fill, self.border.padding_mode)
            rows, columns = image.shape[-2:]
        if rows < height or columns < width:
            raise ValueError(f"[RandomCrop] the image is {rows} x {columns}, smaller than {height} x {width}")
        top, left = self.pick(rows - height + 1), self.pick(columns - width + 1)
        return image[..., top : top + height, left : left + width]


class RandomHorizontalFlip(Transform):
    """Mirrors left and right with probability `p`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomHorizontalFlip(p=1.0)(pf.tensor([[[1.0, 2.0]]]))
        tensor([[[2., 1.]]])
    """

    dim = -1

    def __init__(self, p: float = 0.5, generator: Generator | None = None) -> None:
        super().__init__(generator)
        check_probability(self, p)
        self.p = p

    def apply(self, image: Tensor) -> Tensor:
        return flip(image, (self.dim,)) if self.happens(self.p) else image


class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirrors top and bottom with probability `p`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomVerticalFlip(p=1.0)(pf.tensor([[[1.0], [2.0]]]))
        tensor([[[2.],
                 [1.]]])
    """

    dim = -2
