"""What transforms share: images come as tensors, arrays or PIL images, and chance comes from pyflame."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from pyflame import (
    Generator,
    Tensor,
    TraceError,
    as_tensor,
    float32,
    float64,
    from_numpy,
    get_default_dtype,
    iinfo,
    rand,
    tensor,
)


def to_image(image: Any) -> Tensor:
    """Return an image as a tensor (..., C, H, W).

    Tensors stay as they are. PIL images and arrays of bytes are pixels (H, W) or (H, W, C) and become floats from 0 to
    1; other arrays have the channels first already.
    """
    if isinstance(image, Tensor):
        return image
    if isinstance(image, np.ndarray) and image.dtype != np.uint8:
        return as_tensor(image)
    return from_pixels(image)


def from_pixels(image: Any) -> Tensor:
    """Return pixels of shape (H, W) or (H, W, C) as (C, H, W); bytes become floats from 0 to 1."""
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3):
        raise ValueError(f"[transforms] pixels have shape {pixels.shape}: expected (H, W) or (H, W, C)")
    pixels = np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1))
    if pixels.dtype != np.uint8:
        return tensor(pixels)
    kind = get_default_dtype()
    if kind in (float32, float64):  # one pass, without a copy
        return from_numpy(np.divide(pixels, 255, dtype=kind.to_numpy()), copy=False)
    return tensor(pixels / np.float32(255), dtype=kind)


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
        result = self.apply(to_image(image))
        if isinstance(result, Tensor) and not result.requires_grad:
            # Random crops and turns make another graph of each batch; piece by piece the graphs are always the same.
            with suppress(TraceError):  # in a function that is being traced, nothing has a value yet
                result.eval()
        return result

    def apply(self, image: Tensor) -> Any:
        """Return the transformed tensor."""
        raise NotImplementedError(f"[transforms] {type(self).__name__} has no apply(image)")

    def __repr__(self) -> str:
        options = {name: value for name, value in vars(self).items() if not name.startswith("_") and value is not None}
        listed = (f"{name}={value!r}" for name, value in options.items() if not isinstance(value, Tensor | Generator))
        return f"{type(self).__name__}({', '.join(listed)})"

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw a number from an interval."""
        return low + (high - low) * float(rand((), dtype=float64, generator=self.generator).item())

    def happens(self, probability: float) -> bool:
        """Draw whether something of this probability happens."""
        return self.uniform() < probability

    def pick(self, count: int) -> int:
        """Draw a whole number below a count."""
        return min(int(self.uniform(0, count)), count - 1)


def check_probability(transform: Any, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"[{type(transform).__name__}] p is {p}: expected a probability")


def in_floats(image: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change an image in floats; whole numbers are rounded and clipped to what their dtype can hold."""
    if image.dtype.is_floating_point:
        return change(image)
    limits = iinfo(image.dtype)
    return change(image.to(float32)).round().clamp(limits.min, limits.max).to(image.dtype)


def as_batch(image: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply what takes a batch (n, C, H, W) to an image of any leading dimensions."""
    if image.ndim < 3:
        raise ValueError(f"[transforms] the image has shape {tuple(image.shape)}: expected (..., C, H, W)")
    result = change(image.reshape(-1, *image.shape[-3:]))
    return result.reshape(*image.shape[:-3], *result.shape[-3:])


def check_image(image: Tensor, name: str, channels: tuple[int, ...] = ()) -> None:
    if image.ndim < 3 or (channels and image.shape[-3] not in channels):
        wanted = " or ".join(map(str, channels)) or "C"
        raise ValueError(f"[{name}] the image has shape {tuple(image.shape)}: expected (..., {wanted}, H, W)")


def interval(name: str, what: str, value: Any, low: float, center: float | None = None) -> tuple[float, float]:
    """Return two limits: those given, or those at a distance from a center."""
    if isinstance(value, int | float):
        if value < 0:
            raise ValueError(f"[{name}] {what} is {value}: a single number must not be negative")
        middle = 0.0 if center is None else center
        return max(middle - value, low), middle + value
    first, second = value
    if not low <= first <= second:
        raise ValueError(f"[{name}] {what} is {tuple(value)}: expected two numbers in order, from {low} on")
    return float(first), float(second)
