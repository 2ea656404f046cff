"""Random images, for trying programs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.dataset import Dataset
from .arrays import Function


class FakeData(Dataset[tuple[Any, Any]]):
    """Images of random bytes with random labels; an item is always the same, and nothing is stored.

    An item is an array of bytes (height, width, channels) and the label.

    Args:
        size: how many items there are.
        image_size: channels, height and width.
        num_classes: how many labels there are.
        transform: what is done to an image, such as `transforms.ToTensor()`.
        target_transform: what is done to a label.
        random_offset: chooses other items.

    Example:
        >>> from pyflame.datasets import FakeData
        >>> image, label = FakeData(size=8, image_size=(3, 4, 5))[0]
        >>> image.shape, 0 <= label < 10
        ((4, 5, 3), True)
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: Sequence[int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Function = None,
        target_transform: Function = None,
        random_offset: int = 0,
    ) -> None:
        if size < 0 or num_classes < 1 or len(image_size) != 3:
            raise ValueError(f"[FakeData] size {size}, {num_classes} classes, images {tuple(image_size)}: not possible")
        self.size, self.image_size, self.num_classes = size, tuple(image_size), num_classes
        self.transform, self.target_transform, self.random_offset = transform, target_transform, random_offset

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not -self.size <= index < self.size:
            raise IndexError(f"[FakeData] index {index}: there are {self.size} items")
        source = np.random.default_rng([index % self.size, self.random_offset])
        channels, height, width = self.image_size
        image: Any = source.integers(0, 256, (height, width, channels), dtype=np.uint8)
        target: Any = int(source.integers(self.num_classes))
        if self.transform is not None:
            image = self.transform(image)
        return image, self.target_transform(target) if self.target_transform is not None else target
