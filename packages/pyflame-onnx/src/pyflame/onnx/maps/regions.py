"""Pooling over regions of interest, whose corners decide which elements are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, host
from .registry import maps


@maps("MaxRoiPool", 1, 22, host="rois")
def max_roi_pool(x: Tensor, rois: Any, *, pooled_shape: Sequence[int], spatial_scale: float = 1.0) -> Tensor:
    height, width = x.shape[2:]
    results = []
    for region in host(rois):
        batch = int(region[0])
        left, top, right, bottom = (math.floor(edge * spatial_scale + 0.5) for edge in region[1:].tolist())
        rows = bins(top, bottom, pooled_shape[0], height)
        columns = bins(left, right, pooled_shape[1], width)
        image = pf.select(x, 0, batch)
        cells = [
            pf.amax(image[:, slice(*row), slice(*column)], [1, 2])
            if row[0] < row[1] and column[0] < column[1]
            else pf.zeros((x.shape[1],), dtype=x.dtype)
            for row in rows
            for column in columns
        ]
        results.append(pf.reshape(pf.stack(cells, 1), (x.shape[1], *pooled_shape)))
    return pf.stack(results) if results else pf.zeros((0, x.shape[1], *pooled_shape), dtype=x.dtype)


def bins(first: int, last: int, count: int, size: int) -> list[tuple[int, int]]:
    """Divide a stretch of pixels into bins, which may overlap by one, and cut them to the image."""
    step = max(last - first + 1, 1) / count
    edges = [(first + math.floor(i * step), first + math.ceil((i + 1) * step)) for i in range(count)]
    return [(min(max(start, 0), size), min(max(end, 0), size)) for start, end in edges]


@maps("RoiAlign", 10, host=("rois", "batches"))
def roi_align(
    x: Tensor,
    rois: Any,
    batches: Any,
    *,
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Tensor:
    return align(x, host(rois), host(batches), mode, (output_height, output_width), sampling_ratio, spatial_scale, 0.0)


@maps("RoiAlign", 16, 22, host=("rois", "batches"))
def roi_align_half_pixel(
    x: Tensor,
    rois: Any,
    batches: Any,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Tensor:
    shift = 0.5 if coordinate_transformation_mode == "half_pixel" else 0.0
    size = (output_height, output_width)
    return align(x, host(rois), host(batches), mode, size, sampling_ratio, spatial_scale, shift)


def align(
    x: Tensor, rois: Array, batches: Array, mode: str, size: tuple[int, int], ratio: int, scale: float, shift: float
) -> Tensor:
    """Sample regions at points between the pixels, and pool the samples of each cell."""
    height, width = x.shape[2:]
    flat = pf.reshape(x, (*x.shape[:2], height * width))
    results = []
    for region, batch in zip(rois.astype(np.float64), batches):
        left, top, right, bottom = region * scale - shift
        tall, wide = bottom - top, right - left
        if not shift:  # the older rule: a region has at least one pixel
            tall, wide = max(tall, 1.0), max(wide, 1.0)
        down, across = (ratio or max(math.ceil(n / cells), 1) for n, cells in zip((tall, wide), size))
        rows = samples(top, tall / size[0], size[0], down, height)
        columns = samples(left, wide / size[1], size[1], across, width)
        image = pf.select(flat, 0, int(batch))
        corners = []
        for row, row_weight in rows:
            for column, column_weight in columns:
                place = pf.from_numpy((row[:, None] * width + column[None, :]).reshape(-1))
                weight = pf.from_numpy((row_weight[:, None] * column_weight[None, :]).reshape(-1))
                corners.append(pf.index_select(image, 1, place) * pf.cast(weight, x.dtype))
        cells = [pf.reshape(part, (x.shape[1], size[0], down, size[1], across)) for part in corners]
        if mode == "avg":
            results.append(pf.mean(cells[0] + cells[1] + cells[2] + cells[3], [2, 4]))
        else:  # of each sample its largest weighted corner
            largest = pf.maximum(pf.maximum(cells[0], cells[1]), pf.maximum(cells[2], cells[3]))
            results.append(pf.amax(largest, [2, 4]))
    return pf.stack(results) if results else pf.zeros((0, x.shape[1], *size), dtype=x.dtype)


def samples(start: float, cell: float, cells: int, per_cell: int, size: int) -> list[tuple[Array, Array]]:
    """Return the two pixels beside each sample of one axis, with their weights; none beyond the image."""
    where = start + (np.arange(cells * per_cell) + 0.5) * (cell / per_cell)
    outside = (where < -1.0) | (where > size)
    where = np.clip(where, 0, size - 1)
    low = np.floor(where).astype(np.int64)
    high = np.minimum(low + 1, size - 1)
    rest = where - low
    return [(low, np.where(outside, 0, 1 - rest)), (high, np.where(outside, 0, rest))]
