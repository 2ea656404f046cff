"""Small made-up problems: points of the plane to classify, waves to continue, symbols to remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import Array, ArrayDataset, Function


def source(seed: int, train: bool) -> np.random.Generator:
    """Return the generator of the items to train with, or of others to test."""
    return np.random.default_rng([seed, 0 if train else 1])


def balanced(num_samples: int, num_classes: int) -> Array:
    """Return labels in turn, so that classes differ by one item at most."""
    if num_samples < 1 or num_classes < 1:
        raise ValueError(f"[datasets] {num_samples} samples of {num_classes} classes: expected at least one of each")
    return np.arange(num_samples, dtype=np.int64) % num_classes


class Blobs(ArrayDataset):
    """Normally distributed points around the centers of classes.

    Args:
        num_samples: how many points.
        num_classes: how many centers, which lie within `center_box` in each dimension.
        num_features: dimensions of a point.
        std: standard deviation in each dimension.
        center_box: lowest and highest coordinate of a center.
        train: points to train with, or others to test, around the same centers.
        seed: fixes centers and points.
        transform: what is done to a point.
        target_transform: what is done to a label.

    Example:
        >>> from pyflame.datasets import Blobs
        >>> points, labels = Blobs(num_samples=6).fetch(range(6))
        >>> points.shape, labels
        (pyflame.Size([6, 2]), tensor([0, 1, 2, 0, 1, 2]))
    """

    def __init__(
        self,
        num_samples: int = 1000,
        num_classes: int = 3,
        num_features: int = 2,
        std: float = 1.0,
        center_box: Sequence[float] = (-10.0, 10.0),
        train: bool = True,
        seed: int = 0,
        transform: Function = None,
        target_transform: Function = None,
    ) -> None:
        labels = balanced(num_samples, num_classes)
        low, high = center_box
        self.centers = np.random.default_rng(seed).uniform(low, high, (num_classes, num_features))
        noise = std * source(seed, train).standard_normal((num_samples, num_features))
        points = (self.centers[labels] + noise).astype(np.float32)
        super().__init__(points, labels, transform, target_transform)


class Moons(ArrayDataset):
    """Two half circles that reach into each other, as those of scikit-learn's `make_moons`.

    Args:
        num_samples: how many points.
        noise: standard deviation of what is added to each coordinate.
        train: points to train with, or others to test.
        seed: fixes the points.
        transform: what is done to a point.
        target_transform: what is done to a label.

    Example:
        >>> from pyflame.datasets import Moons
        >>> point, label = Moons(num_samples=4, noise=0.0)[0]
        >>> point, label
        (tensor([1., 0.]), 0)
    """

    def __init__(
        self,
        num_samples: int = 1000,
        noise: float = 0.1,
        train: bool = True,
        seed: int = 0,
        transform: Function = None,
        target_transform: Function = None,
    ) -> None:
        labels = balanced(num_samples, 2)
        outer = num_samples - num_samples // 2
        angles = np.where(
            labels == 0, *(np.pi * (np.arange(num_samples) // 2) / max(n - 1, 1) for n in (outer, num_samples // 2))
        )
        points = np.stack([np.cos(angles), np.sin(angles)], 1)
        points[labels == 1] = np.array([1.0, 0.5]) - points[labels == 1]
        points += noise * source(seed, train).standard_normal(points.shape)
        super().__init__(points.astype(np.float32), labels, transform, target_transform)


class Spirals(ArrayDataset):
    """Arms of a spiral around the origin, one for each class.

    Args:
        num_samples: how many points.
        num_classes: how many arms.
        turns: how often an arm goes round.
        noise: standard deviation of what is added to each coordinate; an arm ends at radius 1.
        train: points to train with, or others to test.
        seed: fixes the points.
        transform: what is done to a point.
        target_transform: what is done to a label.

    Example:
        >>> from pyflame.datasets import Spirals
        >>> dataset = Spirals(num_samples=9, num_classes=3)
        >>> dataset[4][0].shape, dataset[4][1]
        (pyflame.Size([2]), 1)
    """

    def __init__(
        self,
        num_samples: int = 1000,
        num_classes: int = 2,
        turns: float = 1.5,
        noise: float = 0.02,
        train: bool = True,
        seed: int = 0,
        transform: Function = None,
        target_transform: Function = None,
    ) -> None:
        labels, chance = balanced(num_samples, num_classes), source(seed, train)
        radius = np.sqrt(chance.uniform(size=num_samples))  # as many points on each piece of the arm
        angles = 2 * np.pi * (turns * radius + labels / num_classes)
        points = radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        points += noise * chance.standard_normal(points.shape)
        super().__init__(points.astype(np.float32), labels, transform, target_transform)


class SineWave(ArrayDataset):
    """Pieces of sine waves of random frequency and phase, and how each goes on.

    An item is the piece (length, 1) and the next values (horizon, 1).

    Args:
        num_samples: how many waves.
        length: values that are given.
        horizon: values that follow.
        frequencies: lowest and highest number of periods in 100 values.
        noise: standard deviation of what is added to the given values.
        train: waves to train with, or others to test.
        seed: fixes the waves.
        transform: what is done to a piece.
        target_transform: what is done to the next values.

    Example:
        >>> from pyflame.datasets import SineWave
        >>> piece, following = SineWave(num_samples=4, length=20, horizon=5)[0]
        >>> piece.shape, following.shape
        (pyflame.Size([20, 1]), pyflame.Size([5, 1]))
    """

    def __init__(
        self,
        num_samples: int = 1000,
        length: int = 50,
        horizon: int = 1,
        frequencies: Sequence[float] = (1.0, 5.0),
        noise: float = 0.0,
        train: bool = True,
        seed: int = 0,
        transform: Function = None,
        target_transform: Function = None,
    ) -> None:
        if min(num_samples, length, horizon) < 1:
            raise ValueError(
                f"[SineWave] {num_samples} waves of {length} + {horizon} values: expected at least one of each"
            )
        chance, (low, high) = source(seed, train), frequencies
        rate = chance.uniform(low, high, (num_samples, 1)) / 100
        phase = chance.uniform(0, 1, (num_samples, 1))
        waves = np.sin(2 * np.pi * (rate * np.arange(length + horizon) + phase))
        waves[:, :length] += noise * chance.standard_normal((num_samples, length))
        values = waves.astype(np.float32)[..., None]
        super().__init__(values[:, :length].copy(), values[:, length:].copy(), transform, target_transform)


class CopyTask(ArrayDataset):
    """Symbols to repeat after a delay: the memory task of Hochreiter and Schmidhuber, 1997.

    An input is `length` symbols, `delay` blanks, a mark and `length` blanks; its target is blank but for the symbols,
    which come last. Symbols are numbered from 1; 0 is the blank and `num_symbols + 1` the mark.

    Args:
        num_samples: how many sequences.
        length: symbols to remember.
        delay: blanks between symbols and mark.
        num_symbols: how many kinds of symbols there are.
        train: sequences to train with, or others to test.
        seed: fixes the sequences.
        transform: what is done to an input.
        target_transform: what is done to a target.

    Example:
        >>> from pyflame.datasets import CopyTask
        >>> given, wanted = CopyTask(num_samples=1, length=2, delay=1, num_symbols=3)[0]
        >>> given[2:], wanted[:4], bool((given[:2] == wanted[4:]).all())
        (tensor([0, 4, 0, 0]), tensor([0, 0, 0, 0]), True)
    """

    def __init__(
        self,
        num_samples: int = 1000,
        length: int = 10,
        delay: int = 20,
        num_symbols: int = 8,
        train: bool = True,
        seed: int = 0,
        transform: Function = None,
        target_transform: Function = None,
    ) -> None:
        if min(num_samples, length, num_symbols) < 1 or delay < 0:
            raise ValueError(
                f"[CopyTask] {num_samples} sequences, {length} of {num_symbols} symbols, delay {delay}: too few"
            )
        symbols = source(seed, train).integers(1, num_symbols + 1, (num_samples, length))
        given: Any = np.zeros((num_samples, 2 * length + delay + 1), np.int64)
        wanted: Any = np.zeros_like(given)
        given[:, :length], given[:, length + delay], wanted[:, -length:] = symbols, num_symbols + 1, symbols
        super().__init__(given, wanted, transform, target_transform)
