"""What transforms share: images come as tensors, arrays or PIL images, and chance comes from pyflame."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import Generator, Tensor, as_tensor, get_default_dtype, rand, randint, tensor


def to_image(image: Any) -> Tensor:
    """Return a tensor as it is, an array as a tensor, and a PIL image as floats of shape (C, H, W)."""
    if isinstance(image, Tensor):
        return image
    return as_tensor(image) if isinstance(image, np.ndarray) else from_pixels(image)


def from_pixels(image: Any) -> Tensor:
    """Return pixels of shape (H, W) or (H, W, C) as (C, H, W); bytes become floats from 0 to 1."""
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3):
        raise ValueError(f"[transforms] pixels have shape {pixels.shape}: expected (H, W) or (H, W, C)")
    pixels = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    if pixels.dtype == np.uint8:
        return tensor(pixels / 255.0, dtype=get_default_dtype())
    return tensor(np.ascontiguousarray(pixels))


class Transform:
    """Base class: a subclass says in `apply` what happens to a tensor.

    Args:
        generator: of pyflame, for transforms that draw; `pf.default_generator` unless given.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> class Invert(transforms.Transform):
        ...     def apply(self, image):
        ...         return 1 - image
        >>> Invert()(pf.zeros(1, 1, 2))
        tensor([[[1., 1.]]])
    """

    def __init__(self, generator: Generator | None = None) -> None:
        self.generator = generator

    def __call__(self, image: Any) -> Any:
        return self.apply(to_image(image))

    def apply(self, image: Tensor) -> Any:
        """Return the transformed tensor."""
        raise NotImplementedError(f"[transforms] {type(self).__name__} has no apply(image)")

    def happens(self, probability: float) -> bool:
        """Draw whether something of this probability happens."""
        return rand((), generator=self.generator).item() < probability

    def pick(self, count: int) -> int:
        """Draw a number below a count."""
        return int(randint(0, count, (), generator=self.generator).item())


def check_probability(transform: Any, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"[{type(transform).__name__}] p is {p}: expected a probability")
