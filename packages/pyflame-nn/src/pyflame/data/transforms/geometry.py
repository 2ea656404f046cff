"""Transforms that turn, move, stretch and slant images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyflame import Generator, Tensor, cat, from_numpy, ones_like, tensor, where
from pyflame.nn import functional as F

from .resize import InterpolationMode, check_mode
from .transform import Transform, as_batch, check_image, in_floats, interval

Matrix = np.ndarray[Any, np.dtype[np.float64]]
Fill = float | Sequence[float]
MODES = (InterpolationMode.NEAREST, InterpolationMode.BILINEAR)


def inverse_matrix(
    angle: float,
    translate: Sequence[float] = (0.0, 0.0),
    scale: float = 1.0,
    shear: Sequence[float] = (0.0, 0.0),
    center: Sequence[float] = (0.0, 0.0),
) -> Matrix:
    """Return the matrix (2, 3) from places in the result to places in the image, both in pixels from its middle.

    Args:
        angle: degrees, clockwise.
        translate: pixels to the right and down.
        shear: degrees of slant along x and along y.
        center: the point that stays where it is, but for `translate`.
    """
    turn, slant_x, slant_y = (math.radians(degrees) for degrees in (angle, *shear))
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    along_y = np.array([[1.0, 0.0], [-math.tan(slant_y), 1.0]])
    along_x = np.array([[1.0, -math.tan(slant_x)], [0.0, 1.0]])
    inverse = np.linalg.inv(scale * rotation @ along_y @ along_x)
    middle = np.asarray(center, np.float64)
    return np.hstack([inverse, (middle - inverse @ (middle + np.asarray(translate)))[:, None]])


def expanded_size(matrix: Matrix, rows: int, columns: int) -> tuple[int, int]:
    """Return the height and width in which the whole turned image has room."""
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * np.array([columns / 2, rows / 2])
    turned = corners @ np.linalg.inv(matrix[:, :2]).T + np.array([columns / 2, rows / 2])
    low, high = turned.min(0), turned.max(0)
    extent = high - low
    # Rounding errors must not cost a row, and a quarter turn needs none more.
    whole = np.abs(extent - np.rint(extent)) < 1e-4
    width, height = np.where(whole, np.rint(extent), np.ceil(high - 1e-4) - np.floor(low + 1e-4))
    return int(height), int(width)


def sampled(image: Tensor, matrix: Matrix, size: tuple[int, int], interpolation: str, fill: Fill) -> Tensor:
    """Return an image of a size, each of whose pixels comes from the place that the matrix gives."""
    rows, columns = image.shape[-2:]
    height, width = size
    x, y = np.meshgrid(np.arange(width) + (1 - width) / 2, np.arange(height) + (1 - height) / 2)
    places = np.stack([x, y, np.ones_like(x)], -1) @ matrix.T / np.array([columns / 2, rows / 2])

    def change(batch: Tensor) -> Tensor:
        kind = np.float64 if batch.dtype.itemsize == 8 else np.float32
        grid = from_numpy(places.astype(kind)[None], copy=False).expand(batch.shape[0], -1, -1, -1)
        if not isinstance(fill, Sequence) and fill == 0:
            return F.grid_sample(batch, grid, interpolation, align_corners=False)
        # How much of a pixel comes from inside of the image.
        both = F.grid_sample(cat([batch, ones_like(batch[:, :1])], 1), grid, interpolation, align_corners=False)
        inside, values = both[:, -1:], both[:, :-1]
        color = tensor(fill if isinstance(fill, Sequence) else [fill], dtype=batch.dtype).reshape(1, -1, 1, 1)
        if interpolation == InterpolationMode.NEAREST:
            return where(inside < 0.5, color, values)
        return values + (1 - inside) * color

    return as_batch(image, lambda batch: in_floats(batch, change))


def off_middle(center: Sequence[float] | None, image: Tensor) -> tuple[float, float]:
    """Return a point of the image, given from its upper left corner, as seen from its middle."""
    return (0.0, 0.0) if center is None else (center[0] - image.shape[-1] / 2, center[1] - image.shape[-2] / 2)


class RandomRotation(Transform):
    """Turns an image by a random angle.

    Args:
        degrees: lowest and highest angle, counter-clockwise, or one number for both directions.
        interpolation: "nearest" or "bilinear".
        expand: make the result large enough for the whole turned image; else it has the size of the image.
        center: (x, y) in pixels from the upper left corner; the middle if None.
        fill: value outside of the image, one number or one for each channel.

    Raises:
        ValueError: an unknown interpolation, or angles out of order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomRotation((90, 90))(pf.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
        tensor([[[2., 4.],
                 [1., 3.]]])
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: str = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Fill = 0,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.degrees = interval("RandomRotation", "degrees", degrees, -math.inf)
        self.interpolation = check_mode("RandomRotation", interpolation, MODES)
        self.expand, self.center, self.fill = expand, center, fill

    def apply(self, image: Tensor) -> Tensor:
        check_image(image, "RandomRotation")
        matrix = inverse_matrix(-self.uniform(*self.degrees), center=off_middle(self.center, image))
        rows, columns = image.shape[-2:]
        size = expanded_size(matrix, rows, columns) if self.expand else (rows, columns)
        return sampled(image, matrix, size, self.interpolation, self.fill)


class RandomAffine(Transform):
    """Turns, moves, scales and slants an image at random; its middle stays, but for the move.

    Args:
        degrees: lowest and highest angle, clockwise, or one number for both directions.
        translate: highest moves to the sides and up or down, as shares of width and height.
        scale: lowest and highest factor.
        shear: degrees of slant along x: one number for both directions, or two limits, or four with those along y.
        interpolation: "nearest" or "bilinear".
        fill: value outside of the image, one number or one for each channel.
        center: (x, y) in pixels from the upper left corner; the middle if None.

    Raises:
        ValueError: an unknown interpolation, or numbers out of order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomAffine(0, scale=(2, 2))(pf.arange(16.0).reshape(1, 4, 4))[0, 0]
        tensor([5., 5., 6., 6.])
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: str = InterpolationMode.NEAREST,
        fill: Fill = 0,
        center: Sequence[float] | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        name = "RandomAffine"
        self.degrees = interval(name, "degrees", degrees, -math.inf)
        self.translate = tuple(translate) if translate is not None else (0.0, 0.0)
        if len(self.translate) != 2 or not all(0 <= share <= 1 for share in self.translate):
            raise ValueError(f"[{name}] translate is {translate}: expected two shares from 0 to 1")
        self.scale = interval(name, "scale", scale, 0.0) if scale is not None else (1.0, 1.0)
        if self.scale[0] <= 0:
            raise ValueError(f"[{name}] scale is {scale}: expected positive factors")
        along_x: Any = 0.0 if shear is None else shear
        along_y: Any = 0.0
        if not isinstance(along_x, int | float) and len(along_x) == 4:
            along_x, along_y = along_x[:2], along_x[2:]
        self.shear = tuple(interval(name, "shear", limits, -math.inf) for limits in (along_x, along_y))
        self.interpolation = check_mode(name, interpolation, MODES)
        self.fill, self.center = fill, center

    def apply(self, image: Tensor) -> Tensor:
        check_image(image, "RandomAffine")
        rows, columns = image.shape[-2:]
        angle = self.uniform(*self.degrees)
        reach = self.translate[0] * columns, self.translate[1] * rows
        move = [round(self.uniform(-most, most)) for most in reach]
        scale = self.uniform(*self.scale)
        shear = [self.uniform(*limits) for limits in self.shear]
        matrix = inverse_matrix(angle, move, scale, shear, off_middle(self.center, image))
        return sampled(image, matrix, (rows, columns), self.interpolation, self.fill)
