"""Gathering, scattering and finding elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, axis_of, host, lift, number
from .registry import maps


def counted_from_front(indices: Tensor, size: int) -> Tensor:
    """Return indices without negative ones, which count from the end."""
    wide = pf.cast(indices, pf.int64)
    return pf.where(wide < 0, wide + size, wide)


@maps("Gather", 1, 11, 13, carried="same")
def gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    axis = axis_of(axis, x.ndim, "Gather")
    flat = pf.reshape(counted_from_front(indices, x.shape[axis]), (indices.numel(),))
    found = pf.index_select(x, axis, flat)
    return pf.reshape(found, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@maps("GatherElements", 11, 13, carried="same")
def gather_elements(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    axis = axis_of(axis, x.ndim, "GatherElements")
    return pf.gather(x, axis, counted_from_front(indices, x.shape[axis]))


def flat_places(indices: Tensor, sizes: Sequence[int]) -> Tensor:
    """Turn tuples of indices, along the last axis, into places in a flattened tensor."""
    place = pf.zeros(indices.shape[:-1], dtype=pf.int64)
    for column, size in enumerate(sizes):
        place = place * size + counted_from_front(pf.select(indices, -1, column), size)
    return place


@maps("GatherND", 11, carried="same")
def gather_nd(x: Tensor, indices: Tensor) -> Tensor:
    return gather_nd_of_batches(x, indices)


@maps("GatherND", 12, 13, carried="same")
def gather_nd_of_batches(x: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Tensor:
    depth = indices.shape[-1]
    if batch_dims + depth > x.ndim:
        raise ValueError(f"[GatherND] {depth} indices after {batch_dims} batches, {x.ndim} dimensions: too many")
    batch, middle, rest = (x.shape[part] for part in parts(batch_dims, depth))
    count = math.prod(batch)
    places = flat_places(indices, middle)
    places = pf.reshape(places, (count, math.prod(places.shape[batch_dims:])))
    places = places + pf.reshape(pf.arange(count) * math.prod(middle), (count, 1))
    rows = pf.reshape(x, (count * math.prod(middle), *rest))
    found = pf.index_select(rows, 0, pf.reshape(places, (places.numel(),)))
    return pf.reshape(found, (*indices.shape[:-1], *rest))


def parts(first: int, second: int) -> tuple[slice, slice, slice]:
    return slice(0, first), slice(first, first + second), slice(first + second, None)


REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def scatter_into(x: Tensor, dim: int, index: Tensor, updates: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return pf.scatter(x, dim, index, updates)
    if reduction not in REDUCTIONS:
        raise ValueError(f"[Scatter] reduction {reduction!r} is none of none, {', '.join(REDUCTIONS)}")
    return pf.scatter_reduce(x, dim, index, updates, REDUCTIONS[reduction])


@maps("Scatter", 9, carried="same")
@maps("ScatterElements", 11, 13, carried="same")
def scatter_elements(x: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0) -> Tensor:
    return scatter_elements_with_reduction(x, indices, updates, axis=axis)


@maps("ScatterElements", 16, 18, carried="same")
def scatter_elements_with_reduction(
    x: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none"
) -> Tensor:
    axis = axis_of(axis, x.ndim, "ScatterElements")
    return scatter_into(x, axis, counted_from_front(indices, x.shape[axis]), updates, reduction)


@maps("ScatterND", 11, 13, carried="same")
def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    return scatter_nd_with_reduction(x, indices, updates)


@maps("ScatterND", 16, 18, carried="same")
def scatter_nd_with_reduction(x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    depth = indices.shape[-1]
    if depth > x.ndim:
        raise ValueError(f"[ScatterND] {depth} indices for {x.ndim} dimensions: too many")
    rest = x.shape[depth:]
    places = flat_places(indices, x.shape[:depth])
    count, width = places.numel(), math.prod(rest)
    rows = pf.reshape(x, (math.prod(x.shape[:depth]), width))
    index = pf.broadcast_to(pf.reshape(places, (count, 1)), (count, width))
    changed = scatter_into(rows, 0, index, pf.reshape(updates, (count, width)), reduction)
    return pf.reshape(changed, x.shape)


@maps("TensorScatter", 24)
def tensor_scatter(
    cache: Tensor, update: Tensor, start: Tensor | None = None, *, axis: int = -2, mode: str = "linear"
) -> Tensor:
    axis = axis_of(axis, cache.ndim, "TensorScatter")
    batch, size, new = cache.shape[0], cache.shape[axis], update.shape[axis]
    first = pf.zeros((batch,), dtype=pf.int64) if start is None else pf.cast(start, pf.int64)
    shape = [batch if d == 0 else new if d == axis else 1 for d in range(cache.ndim)]
    places = pf.reshape(pf.reshape(first, (batch, 1)) + pf.arange(new), shape)
    index = pf.remainder(places, size) if mode == "circular" else places
    return pf.scatter(cache, axis, pf.broadcast_to(index, update.shape), update)


@maps("OneHot", 9, 11, 28, host="depth")
def one_hot(indices: Tensor, depth: Any, values: Tensor, *, axis: int = -1) -> Tensor:
    count = int(number(depth))
    place = axis_of(axis, indices.ndim + 1, "OneHot")
    wanted = pf.unsqueeze(pf.cast(indices, pf.int64), place)
    wanted = pf.where(wanted < 0, wanted + count, wanted)
    shape = [count if axis == place else 1 for axis in range(indices.ndim + 1)]
    is_hot = pf.eq(wanted, pf.reshape(pf.arange(count), shape))
    return pf.where(is_hot, pf.select(values, 0, 1), pf.select(values, 0, 0))


@maps("NonZero", 9, 13, host="x")
def non_zero(x: Any) -> Tensor:
    return pf.from_numpy(np.stack(np.nonzero(np.atleast_1d(host(x)))).astype(np.int64))


@maps("Compress", 9, 11, 28, host="condition", carried="same")
def compress(x: Tensor, condition: Any, *, axis: int | None = None) -> Tensor:
    flat = pf.reshape(x, (x.numel(),)) if axis is None else x
    along = 0 if axis is None else axis_of(axis, x.ndim, "Compress")
    kept = np.flatnonzero(host(condition).reshape(-1)[: flat.shape[along]])
    return pf.index_select(flat, along, pf.from_numpy(kept))


@maps("Unique", 11, 28, host="x")
def unique(x: Any, *, axis: int | None = None, sorted: int = 1) -> tuple[Any, ...]:
    array: Array = host(x)
    along = None if axis is None else axis_of(axis, array.ndim, "Unique")
    values, first, inverse, counts = np.unique(array, True, True, True, axis=along)
    inverse = inverse.reshape(-1)
    if not sorted:  # in the order of first occurrence
        order = np.argsort(first)
        values = np.take(values, order, axis=along or 0)
        first, counts, inverse = first[order], counts[order], np.argsort(order)[inverse]
    indices = (pf.from_numpy(part.astype(np.int64)) for part in (first, inverse, counts))
    return (lift(values), *indices)


@maps("NonMaxSuppression", 10, 11, host="*")
def non_max_suppression(
    boxes: Any, scores: Any, limit: Any = None, iou: Any = None, least: Any = None, *, center_point_box: int = 0
) -> Tensor:
    """Keep the best boxes of each class that overlap none kept before; what is kept depends on the values."""
    corners, confidence = host(boxes).astype(np.float32), host(scores)
    if center_point_box:
        half = corners[..., 2:] / 2
        corners = np.concatenate([corners[..., :2] - half, corners[..., :2] + half], -1)
    low, high = np.minimum(corners[..., :2], corners[..., 2:]), np.maximum(corners[..., :2], corners[..., 2:])
    most = int(number(limit)) if limit is not None else 0
    overlap = 0.0 if iou is None else number(iou)
    threshold = -math.inf if least is None else number(least)
    kept = [
        (batch, label, place)
        for batch in range(confidence.shape[0])
        for label in range(confidence.shape[1])
        for place in suppress(low[batch], high[batch], confidence[batch, label], most, overlap, threshold)
    ]
    return pf.from_numpy(np.array(kept, np.int64).reshape(-1, 3))


def suppress(low: Array, high: Array, scores: Array, most: int, overlap: float, threshold: float) -> list[int]:
    """Choose boxes of one class greedily, the best first."""
    areas = np.prod(high - low, -1)
    order = [int(place) for place in np.argsort(-scores, kind="stable") if scores[place] > threshold]
    chosen: list[int] = []
    while order and len(chosen) < most:
        best, rest = order[0], np.array(order[1:], np.int64)
        chosen.append(best)
        if not rest.size:
            break
        common = np.minimum(high[best], high[rest]) - np.maximum(low[best], low[rest])
        shared = np.prod(np.maximum(common, 0), -1)
        union = areas[best] + areas[rest] - shared
        ratio = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
        order = rest[ratio <= overlap].tolist()
    return chosen
