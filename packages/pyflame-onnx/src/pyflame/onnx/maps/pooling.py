"""Pooling over windows, over everything, and over regions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor
from pyflame.nn import functional as F

from ..values import ints
from .convolution import spatial
from .reduce import lowest
from .registry import maps
from .windows import Windows, windows_of

MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@maps("MaxPool", 1, 8, 10, 11, 12, 22, counts_outputs=True)
def max_pool(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    storage_order: int = 0,
    strides: Sequence[int] | None = None,
    outputs: int = 1,
) -> Tensor | tuple[Tensor, Tensor]:
    count = spatial(x, "MaxPool")
    windows = windows_of(x, kernel_shape, auto_pad, pads, strides, dilations, ceil_mode)
    if outputs > 1:
        return max_with_places(x, windows, bool(storage_order))
    pool = MAX_POOL[count]
    if windows.is_simple and x.dtype.is_floating_point:
        return pool(x, windows.kernel, windows.strides, windows.before, windows.dilations)
    padded = windows.padded(x, lowest(x.dtype))
    if x.dtype.is_floating_point:
        return pool(padded, windows.kernel, windows.strides, 0, windows.dilations)
    largest = pf.amax(windows.gathered(x, lowest(x.dtype)), 2)
    return pf.reshape(largest, (*x.shape[:2], *windows.counts))


def max_with_places(x: Tensor, windows: Windows, by_columns: bool) -> tuple[Tensor, Tensor]:
    """Return the largest elements and where they lie in the flattened input."""
    values = windows.gathered(x, lowest(x.dtype))
    order = np.arange(math.prod(windows.sizes)).reshape(windows.sizes[::-1] if by_columns else windows.sizes)
    inside = windows.spread(1, 0, 0).astype(bool)
    place = np.zeros(inside.shape, np.int64)
    place[inside] = (order.T if by_columns else order).reshape(-1)
    table = pf.broadcast_to(pf.from_numpy(place[windows.places()]), values.shape)
    best = pf.argmax(values, 2, keepdim=True)
    images = pf.reshape(pf.arange(x.shape[0] * x.shape[1]) * math.prod(windows.sizes), (*x.shape[:2], 1, 1))
    shape = (*x.shape[:2], *windows.counts)
    return pf.reshape(pf.amax(values, 2), shape), pf.reshape(pf.gather(table, 2, best) + images, shape)


@maps("AveragePool", 7, 10, 11, 19, 22)
def average_pool(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    count = spatial(x, "AveragePool")
    windows = windows_of(x, kernel_shape, auto_pad, pads, strides, dilations, ceil_mode)
    if windows.is_simple and not any(gap > 1 for gap in windows.dilations):
        return AVERAGE_POOL[count](x, windows.kernel, windows.strides, windows.before, False, bool(count_include_pad))
    total = pf.sum(windows.gathered(x, 0.0), 2)
    counted = windows.spread(1, int(bool(count_include_pad)), 0)[windows.places()].sum(0)
    mean = total / pf.cast(pf.from_numpy(np.maximum(counted, 1)), x.dtype)
    return pf.reshape(mean, (*x.shape[:2], *windows.counts))


@maps("LpPool", 2, 11, 18, 22)
def lp_pool(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    p: int = 2,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    windows = windows_of(x, kernel_shape, auto_pad, pads, strides, dilations, ceil_mode)
    powers = pf.pow(pf.abs(windows.gathered(x, 0.0)), p)
    return pf.reshape(pf.pow(pf.sum(powers, 2), 1.0 / p), (*x.shape[:2], *windows.counts))


@maps("GlobalAveragePool", 1, 22)
def global_average_pool(x: Tensor) -> Tensor:
    return pf.mean(x, list(range(2, x.ndim)), True) if x.ndim > 2 else x


@maps("GlobalMaxPool", 1, 22)
def global_max_pool(x: Tensor) -> Tensor:
    return pf.amax(x, list(range(2, x.ndim)), True) if x.ndim > 2 else x


@maps("GlobalLpPool", 2, 22)
def global_lp_pool(x: Tensor, *, p: int = 2) -> Tensor:
    powers = pf.sum(pf.pow(pf.abs(x), p), list(range(2, x.ndim)), True)
    return pf.pow(powers, 1.0 / p)


@maps("MaxUnpool", 9, 11, 22, host="output_shape")
def max_unpool(
    x: Tensor,
    places: Tensor,
    output_shape: Any = None,
    *,
    kernel_shape: Sequence[int],
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    count = x.ndim - 2
    step, margin = list(strides or [1] * count), list(pads or [0] * (2 * count))
    sizes = [
        (size - 1) * stride + extent - margin[axis] - margin[axis + count]
        for axis, (size, stride, extent) in enumerate(zip(x.shape[2:], step, kernel_shape))
    ]
    inferred = [*x.shape[:2], *sizes]
    flat = pf.zeros((math.prod(inferred),), dtype=x.dtype)
    index = pf.reshape(places, (places.numel(),))
    whole = pf.reshape(pf.scatter(flat, 0, index, pf.reshape(x, (x.numel(),))), inferred)
    if output_shape is None:
        return whole
    missing = [want - have for want, have in zip(ints(output_shape), inferred)]
    ends = [amount for amount in reversed(missing) for amount in (0, amount)]
    return pf.pad(whole, ends)
