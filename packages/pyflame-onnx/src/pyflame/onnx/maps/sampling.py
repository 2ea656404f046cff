"""Sampling at places that other tensors give: grids and deformed convolutions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor
from pyflame.nn import functional as F

from ..values import ints
from .convolution import padding_of, spatial
from .registry import maps

MODES = {"linear": "bilinear", "bilinear": "bilinear", "cubic": "bicubic", "bicubic": "bicubic", "nearest": "nearest"}


@maps("GridSample", 16, 20, 22)
def grid_sample(
    x: Tensor, grid: Tensor, *, align_corners: int = 0, mode: str = "linear", padding_mode: str = "zeros"
) -> Tensor:
    if mode not in MODES:
        raise ValueError(f"[GridSample] {mode!r} is none of the modes {', '.join(MODES)}")
    if x.numel() and x.ndim in (4, 5) and not (x.ndim == 5 and MODES[mode] == "bicubic"):
        if not (MODES[mode] == "nearest" and padding_mode == "reflection"):
            return F.grid_sample(x, grid, MODES[mode], padding_mode, bool(align_corners))
    return sample(x, grid, MODES[mode], padding_mode, bool(align_corners))


def sample(x: Tensor, grid: Tensor, mode: str, padding: str, align: bool) -> Tensor:
    """Sample any number of dimensions from the corners around each point."""
    count = spatial(x, "GridSample", most=4)
    sizes = x.shape[2:]
    points = [pf.select(grid, -1, count - 1 - axis) for axis in range(count)]
    where = [
        (point + 1) / 2 * (size - 1) if align else ((point + 1) * size - 1) / 2 for point, size in zip(points, sizes)
    ]
    taps: list[list[tuple[Tensor, Tensor | None]]] = []
    for place, size in zip(where, sizes):
        place = within(place, size, padding, align)
        low = pf.floor(place)
        rest = place - low
        if mode == "nearest":
            taps.append([(pf.round(place), None)])
        elif mode == "bilinear":
            taps.append([(low, 1 - rest), (low + 1, rest)])
        else:
            taps.append([(low + step, cubic(rest - step)) for step in (-1, 0, 1, 2)])
    total: Tensor | None = None
    for corner in itertools.product(*taps):
        value = elements(x, [place for place, _ in corner], padding, align)
        for _, weight in corner:
            value = value if weight is None else value * pf.unsqueeze(weight, 1)
        total = value if total is None else total + value
    assert total is not None
    return total


def cubic(distance: Tensor, a: float = -0.75) -> Tensor:
    d = pf.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return pf.where(d <= 1, near, pf.where(d < 2, far, pf.zeros_like(d)))


def within(place: Tensor, size: int, padding: str, align: bool) -> Tensor:
    """Move places outside the image into it, as the padding asks."""
    if padding == "border":
        return pf.clip(place, 0, size - 1)
    if padding != "reflection":
        return place
    low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
    span = high - low
    if span == 0:
        return pf.zeros_like(place)
    turned = pf.remainder(place - low, 2 * span)
    return pf.clip(pf.minimum(turned, 2 * span - turned) + low, 0, size - 1)


def elements(x: Tensor, places: Sequence[Tensor], padding: str, align: bool) -> Tensor:
    """Return the elements at whole places: (batch, channels, *points); zero outside the image."""
    sizes = x.shape[2:]
    inside: Tensor | None = None
    flat: Tensor | None = None
    for place, size in zip(places, sizes):
        moved = within(place, size, padding, align)
        fits = pf.logical_and(moved >= 0, moved <= size - 1)
        index = pf.cast(pf.clip(moved, 0, size - 1), pf.int64)
        inside = fits if inside is None else pf.logical_and(inside, fits)
        flat = index if flat is None else flat * size + index
    assert inside is not None and flat is not None
    batch, channels, *points = x.shape[0], x.shape[1], *flat.shape[1:]
    rows = pf.reshape(x, (batch, channels, math.prod(sizes)))
    index = pf.broadcast_to(pf.reshape(flat, (batch, 1, math.prod(points))), (batch, channels, math.prod(points)))
    found = pf.reshape(pf.gather(rows, 2, index), (batch, channels, *points))
    return found * pf.cast(pf.unsqueeze(inside, 1), x.dtype)


@maps("AffineGrid", 20, host="size")
def affine_grid(theta: Tensor, size: Any, *, align_corners: int = 0) -> Tensor:

    return F.affine_grid(theta, ints(size), bool(align_corners))


@maps("DeformConv", 19, 22)
def deform_conv(
    x: Tensor,
    w: Tensor,
    offset: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    offset_group: int = 1,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    count = spatial(x, "DeformConv")
    kernel, step, gap = w.shape[2:], list(strides or [1] * count), list(dilations or [1] * count)
    before, _ = padding_of("NOTSET", pads, x.shape[2:], kernel, step, gap)
    batch, channels, out = x.shape[0], x.shape[1], offset.shape[2:]
    taps, points = math.prod(kernel), math.prod(out)
    shape = (batch * offset_group, taps, *out)
    shifts = pf.reshape(offset, (batch * offset_group, taps, count, *out))
    places = []
    for axis in range(count):
        start = np.arange(out[axis]) * step[axis] - before[axis]
        along = np.arange(kernel[axis]) * gap[axis]
        grid = np.reshape(start, [-1 if d == axis else 1 for d in range(count)])
        inner = np.reshape(along, [-1 if d == axis else 1 for d in range(count)])
        base = np.broadcast_to(inner, kernel).reshape(taps, *[1] * count) + np.broadcast_to(grid, out)[None]
        whole = pf.cast(pf.from_numpy(np.ascontiguousarray(base[None])), x.dtype)
        places.append(pf.broadcast_to(pf.select(shifts, 2, axis) + whole, shape))
    image = pf.reshape(x, (batch * offset_group, channels // offset_group, *x.shape[2:]))
    values = interpolated(image, places)
    if mask is not None:
        values = values * pf.unsqueeze(pf.reshape(mask, shape), 1)
    per_group = channels // group
    columns = pf.reshape(values, (batch, group, per_group * taps, points))
    weights = pf.reshape(w, (1, group, w.shape[0] // group, per_group * taps))
    y = pf.reshape(pf.matmul(weights, columns), (batch, w.shape[0], *out))
    return y if bias is None else y + pf.reshape(bias, (1, -1, *[1] * count))


def interpolated(image: Tensor, places: Sequence[Tensor]) -> Tensor:
    """Interpolate linearly between the elements around each place; zero outside."""
    lows = [pf.floor(place) for place in places]
    total: Tensor | None = None
    for corner in itertools.product((0, 1), repeat=len(places)):
        value = elements(image, [low + side for low, side in zip(lows, corner)], "zeros", True)
        for place, low, side in zip(places, lows, corner):
            rest = place - low
            value = value * pf.unsqueeze(rest if side else 1 - rest, 1)
        total = value if total is None else total + value
    assert total is not None
    return total
