"""Drawn digits: a stand-in for MNIST that needs no files."""

from __future__ import annotations

import numpy as np

from .arrays import Array, ArrayDataset, Function
from .synthetic import balanced, source

# Corners x,y of each digit's strokes in a box of width 2 and height 4; a bar separates strokes.
STROKES = (
    "0.4,0 1.6,0 2,0.6 2,3.4 1.6,4 0.4,4 0,3.4 0,0.6 0.4,0",
    "0.4,0.8 1.1,0 1.1,4 | 0.4,4 1.8,4",
    "0,0.8 0.5,0 1.5,0 2,0.8 2,1.5 0,4 2,4",
    "0,0.5 0.5,0 1.5,0 2,0.6 2,1.4 1.4,2 0.8,2 | 1.4,2 2,2.6 2,3.4 1.5,4 0.5,4 0,3.5",
    "1.5,4 1.5,0 0,2.8 2,2.8",
    "1.9,0 0.2,0 0.1,1.8 1.4,1.7 2,2.3 2,3.3 1.4,4 0.4,4 0,3.6",
    "1.7,0.2 0.8,0.6 0,2.2 0,3.4 0.5,4 1.5,4 2,3.4 2,2.6 1.5,2 0.5,2 0,2.6",
    "0,0 2,0 0.8,4",
    "0.5,2 0,1.4 0,0.6 0.5,0 1.5,0 2,0.6 2,1.4 1.5,2 0.5,2 0,2.6 0,3.4 0.5,4 1.5,4 2,3.4 2,2.6 1.5,2",
    "2,1.4 1.5,2 0.5,2 0,1.4 0,0.6 0.5,0 1.5,0 2,0.6 2,1.8 1.2,3.6 0.4,4",
)


class SyntheticDigits(ArrayDataset):
    """Drawn digits of random size, place, slant, turn and thickness, in the format of `MNIST`.

    An item is an array of bytes (image_size, image_size), white on black, and the digit.

    Args:
        num_samples: how many images.
        image_size: height and width in pixels.
        noise: standard deviation of what is added to each pixel, in units of white.
        train: images to train with, or others to test.
        seed: fixes the images.
        transform: what is done to an image, such as `transforms.ToTensor()`.
        target_transform: what is done to a digit.

    Raises:
        ValueError: no samples, or images under 8 pixels.

    Example:
        >>> from pyflame.datasets import SyntheticDigits
        >>> image, digit = SyntheticDigits(num_samples=10)[7]
        >>> image.shape, digit
        ((28, 28), 7)
    """

    def __init__(
        self,
        num_samples: int = 1000,
        image_size: int = 28,
        noise: float = 0.05,
        train: bool = True,
        seed: int = 0,
        transform: Function = None,
        target_transform: Function = None,
    ) -> None:
        if image_size < 8:
            raise ValueError(f"[SyntheticDigits] image_size is {image_size}: expected at least 8 pixels")
        labels, chance = balanced(num_samples, 10), source(seed, train)
        images = np.empty((num_samples, image_size, image_size), np.uint8)
        for image, label in zip(images, labels):
            ink = draw(segments(int(label)), image_size, chance) + noise * chance.standard_normal(image.shape)
            image[:] = np.clip(np.rint(255 * ink), 0, 255)
        super().__init__(images, labels, transform, target_transform, as_tensors=False)


def segments(digit: int) -> Array:
    """Return the lines of a digit, (n, 2 ends, 2 coordinates), around the origin."""
    strokes = [[corner.split(",") for corner in stroke.split()] for stroke in STROKES[digit].split("|")]
    lines = [line for stroke in strokes for line in zip(stroke, stroke[1:])]
    return np.array(lines, np.float64) - np.array([1.0, 2.0])


def draw(lines: Array, size: int, chance: np.random.Generator) -> Array:
    """Return a picture, from 0 to 1, of lines that were slanted, turned, scaled and moved at random."""
    slant, turn = chance.uniform(-0.25, 0.25, 2)
    width, height = chance.uniform([0.85, 0.85], [1.15, 1.15]) * (0.15 * size)
    move = chance.uniform(-0.08, 0.08, 2) * size + (size - 1) / 2
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    ends = lines @ np.array([[width, 0.0], [-slant * width, height]]) @ rotation + move
    begin, direction = ends[:, 0], ends[:, 1] - ends[:, 0]
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).reshape(-1, 1, 2)  # (pixels, 1, (x, y))
    along = ((pixels - begin) * direction).sum(-1) / np.maximum((direction**2).sum(-1), 1e-12)
    nearest = begin + np.clip(along, 0, 1)[..., None] * direction
    distance = np.sqrt(((pixels - nearest) ** 2).sum(-1).min(-1))
    thickness = chance.uniform(0.03, 0.06) * size
    return np.clip(thickness + 0.5 - distance, 0, 1).reshape(size, size)
