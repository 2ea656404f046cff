"""Samples of the weighted sums of elements at places that an index names."""

from __future__ import annotations

import numpy as np

from ...dtypes import DType, float32, float64, int64
from ..bridge import Array
from .model import Operand, OpInfo, Sample, draw, generator

# batch, channels, size, taps, points
CASES = (
    (2, 3, 4, 2, 5), (1, 5, 7, 1, 19), (2, 1, 3, 4, 1), (1, 9, 40, 2, 33), (2, 2, 3, 2, 0), (0, 2, 3, 2, 4),
    (2, 0, 3, 2, 4), (1, 2, 3, 0, 4),
)  # fmt: skip
MEMORIES = ("dense", "transposed", "sliced", "expanded")


def taken(x: Array, index: Array) -> Array:
    """(n, c, k, p): the elements of each plane at the places of its image, zeros at -1."""
    images = np.arange(len(x))[:, None, None, None]
    channels = np.arange(x.shape[1])[:, None, None]
    return np.where(index[:, None] < 0, 0.0, x[images, channels, index[:, None]])


def weighted_gather(x: Array, index: Array, weight: Array) -> Array:
    return (taken(x, index) * weight[:, None]).sum(2)


def weighted_scatter(a: Array, index: Array, weight: Array, size: int) -> Array:
    out = np.zeros((*a.shape[:2], size))
    for image, tap, point in np.ndindex(*index.shape):
        if index[image, tap, point] >= 0:
            out[image, :, index[image, tap, point]] += weight[image, tap, point] * a[image, :, point]
    return out


def gathered_dot(a: Array, x: Array, index: Array) -> Array:
    return (taken(x, index) * a[:, :, None]).sum(1)


def samples(name: str, dtype: DType) -> list[Sample]:
    rng = generator(name)
    result = []
    for k, (batch, channels, size, taps, points) in enumerate(CASES):
        memory = MEMORIES[k % len(MEMORIES)] if batch else "dense"
        shapes = {"x": (batch, channels, size), "a": (batch, channels, points), "weight": (batch, taps, points)}
        parts = {part: Operand(draw(rng, shape, dtype, -4, 4), dtype, memory) for part, shape in shapes.items()}
        index = Operand(rng.integers(-1, size, (batch, taps, points)), int64, memory)
        if name == "weighted_gather":
            result.append(Sample((parts["x"], index, parts["weight"])))
        elif name == "weighted_scatter":
            result.append(Sample((parts["a"], index, parts["weight"]), {"size": size}))
        else:
            result.append(Sample((parts["a"], parts["x"], index)))
    return result


WEIGHTED = [
    OpInfo(name, lambda dtype, name=name: samples(name, dtype), reference, (float64, float32), slack=4)  # type: ignore[misc]
    for name, reference in (
        ("weighted_gather", weighted_gather),
        ("weighted_scatter", weighted_scatter),
        ("gathered_dot", gathered_dot),
    )
]
