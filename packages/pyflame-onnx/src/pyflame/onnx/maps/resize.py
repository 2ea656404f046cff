"""Resizing: each output element is a weighted sum of input elements, one axis after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, axes_of, host, ints
from .registry import maps


@dataclass(frozen=True)
class Rule:
    """How output places become input places, and which inputs count how much.

    Attributes:
        mode: nearest, linear or cubic.
        transformation: how a coordinate is carried over.
        nearest_mode: which way the nearest one is rounded.
        cubic: the coefficient of the cubic kernel.
        exclude_outside: leave out inputs beyond the edge, and make the weights of the others larger.
        extrapolation: the value of what lies outside, for tf_crop_and_resize.
        antialias: widen the kernel when the output is smaller.
    """

    mode: str = "nearest"
    transformation: str = "half_pixel"
    nearest_mode: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    extrapolation: float = 0.0
    antialias: bool = False


def half_pixel_symmetric(out: Array, size: int, count: int, scale: float) -> Array:
    center = size / 2
    offset = center * (1 - count / (size * scale)) if scale else 0.0
    return offset + (out + 0.5) / scale - 0.5


def align_corners(out: Array, size: int, count: int, scale: float) -> Array:
    # The last output lies on the last input only if the scaled size is a whole number.
    last = size * scale - 1
    return out * (size - 1) / last if count > 1 or last > 0 else out * 0.0


Transformation = Callable[[Array, int, int, float], Array]
TRANSFORMATIONS: dict[str, Transformation] = {
    "half_pixel": lambda out, size, count, scale: (out + 0.5) / scale - 0.5,
    "half_pixel_symmetric": half_pixel_symmetric,
    "pytorch_half_pixel": lambda out, size, count, scale: (out + 0.5) / scale - 0.5 if count > 1 else out * 0.0,
    "align_corners": align_corners,
    "asymmetric": lambda out, size, count, scale: out / scale,
    "tf_half_pixel_for_nn": lambda out, size, count, scale: (out + 0.5) / scale,
}
NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda where: np.ceil(where - 0.5),
    "round_prefer_ceil": lambda where: np.floor(where + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def places_of(rule: Rule, size: int, count: int, scale: float, roi: tuple[float, float] | None) -> Array:
    """Return where in the input each output element lies."""
    out = np.arange(count, dtype=np.float64)
    if rule.transformation == "tf_crop_and_resize":
        start, end = roi or (0.0, 1.0)
        if count > 1:
            return start * (size - 1) + out * (end - start) * (size - 1) / (count - 1)
        return out + 0.5 * (start + end) * (size - 1)
    if rule.transformation not in TRANSFORMATIONS:
        raise ValueError(f"[Resize] {rule.transformation!r} is no coordinate_transformation_mode")
    return TRANSFORMATIONS[rule.transformation](out, size, count, scale)


def linear_kernel(distance: Array, _: float) -> Array:
    return np.maximum(1 - np.abs(distance), 0)


def cubic_kernel(distance: Array, a: float) -> Array:
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def taps_of(rule: Rule, where: Array, size: int, scale: float) -> tuple[Array, Array]:
    """Return which inputs make each output, and their weights: both (outputs, taps)."""
    if rule.mode == "nearest":
        if rule.nearest_mode not in NEAREST:
            raise ValueError(f"[Resize] {rule.nearest_mode!r} is no nearest_mode")
        index = NEAREST[rule.nearest_mode](where)[:, None]
        return np.clip(index, 0, size - 1).astype(np.int64), np.ones_like(index)
    if rule.mode not in ("linear", "cubic"):
        raise ValueError(f"[Resize] {rule.mode!r} is none of the modes nearest, linear, cubic")
    kernel, reach = (linear_kernel, 1) if rule.mode == "linear" else (cubic_kernel, 2)
    shrink = min(scale, 1.0) if rule.antialias else 1.0
    support = reach / shrink
    first = np.floor(where - support).astype(np.int64) + 1
    index = first[:, None] + np.arange(math.ceil(2 * support))[None, :]
    weight = kernel((index - where[:, None]) * shrink, rule.cubic)
    if rule.exclude_outside:
        weight = np.where((index < 0) | (index >= size), 0.0, weight)
    total = weight.sum(1, keepdims=True)
    weight = weight / np.where(total == 0, 1, total) if rule.exclude_outside or rule.antialias else weight
    return np.clip(index, 0, size - 1), weight


def resize_axis(x: Tensor, axis: int, index: Array, weight: Array) -> Tensor:
    """Replace an axis by weighted sums of its elements."""
    count, taps = index.shape
    if taps == 1:
        return pf.index_select(x, axis, pf.from_numpy(index.reshape(-1)))
    shape = [count if place == axis else 1 for place in range(x.ndim)]
    parts = [
        pf.index_select(x, axis, pf.from_numpy(np.ascontiguousarray(index[:, tap])))
        * pf.reshape(pf.cast(pf.from_numpy(np.ascontiguousarray(weight[:, tap])), x.dtype), shape)
        for tap in range(taps)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def resize_axes(
    x: Tensor, axes: Sequence[int], sizes: Sequence[int], scales: Sequence[float], roi: Sequence[float], rule: Rule
) -> Tensor:
    """Resize the given axes."""
    outside = None
    wide = x
    if rule.mode != "nearest" and not x.dtype.is_floating_point:
        wide = pf.cast(x, pf.float32)
    for number, (axis, count, scale) in enumerate(zip(axes, sizes, scales)):
        size = x.shape[axis]
        region = (roi[number], roi[number + len(axes)]) if len(roi) == 2 * len(axes) else None
        is_crop = rule.transformation == "tf_crop_and_resize"
        if count == size and scale == 1.0 and not (is_crop and region not in (None, (0.0, 1.0))):
            continue
        if size == 0 and count:
            raise ValueError(f"[Resize] axis {axis} has no element to make {count} of")
        where = places_of(rule, size, count, scale, region)
        if is_crop:
            beyond = np.reshape((where < 0) | (where > size - 1), [-1 if d == axis else 1 for d in range(x.ndim)])
            outside = beyond if outside is None else outside | beyond
        wide = resize_axis(wide, axis, *taps_of(rule, where, size, scale))
    if outside is not None and outside.any():
        mask = pf.from_numpy(np.ascontiguousarray(outside))
        wide = pf.where(mask, pf.full((), rule.extrapolation, dtype=wide.dtype), wide)
    if wide.dtype == x.dtype:
        return wide
    limits = pf.iinfo(x.dtype)
    return pf.cast(pf.clip(pf.round(wide), limits.min, limits.max), x.dtype)


def sizes_and_scales(
    x: Tensor, axes: Sequence[int], scales: Any, sizes: Any, policy: str = "stretch"
) -> tuple[list[int], list[float]]:
    """Return the output sizes and scales that an operator asks for, by one or the other."""
    have = [x.shape[axis] for axis in axes]
    if scales is not None and host(scales).size:
        factors = [float(scale) for scale in host(scales).reshape(-1).astype(np.float64)]
        if len(factors) != len(axes) or min(factors) <= 0:
            raise ValueError(f"[Resize] scales {factors} for {len(axes)} axes: a positive one for each is needed")
        return [math.floor(size * factor) for size, factor in zip(have, factors)], factors
    if sizes is None or not host(sizes).size:
        raise ValueError("[Resize] neither scales nor sizes are given")
    wanted = ints(sizes)
    if len(wanted) != len(axes):
        raise ValueError(f"[Resize] sizes {wanted} for {len(axes)} axes: one for each is needed")
    factors = [want / size if size else 1.0 for want, size in zip(wanted, have)]
    if policy != "stretch":
        if policy not in ("not_larger", "not_smaller"):
            raise ValueError(f"[Resize] {policy!r} is no keep_aspect_ratio_policy")
        factor = min(factors) if policy == "not_larger" else max(factors)
        return [math.floor(size * factor + 0.5) for size in have], [factor] * len(have)
    return wanted, factors


@maps("Upsample", 7)
def upsample_with_attribute(x: Tensor, *, scales: Sequence[float], mode: str = "nearest") -> Tensor:
    return upsample(x, np.array(scales, np.float32), mode=mode)


@maps("Upsample", 9, host="scales")
def upsample(x: Tensor, scales: Any, *, mode: str = "nearest") -> Tensor:
    axes = range(x.ndim)
    rule = Rule(mode, "asymmetric", "floor")
    return resize_axes(x, axes, *sizes_and_scales(x, axes, scales, None), (), rule)


@maps("Resize", 10, host="scales")
def resize_by_scales(x: Tensor, scales: Any, *, mode: str = "nearest") -> Tensor:
    return upsample(x, scales, mode=mode)


@maps("Resize", 11, 13, host=("roi", "scales", "sizes"))
def resize(
    x: Tensor,
    roi: Any = None,
    scales: Any = None,
    sizes: Any = None,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Tensor:
    return resize_some_axes(
        x,
        roi,
        scales,
        sizes,
        coordinate_transformation_mode=coordinate_transformation_mode,
        cubic_coeff_a=cubic_coeff_a,
        exclude_outside=exclude_outside,
        extrapolation_value=extrapolation_value,
        mode=mode,
        nearest_mode=nearest_mode,
    )


@maps("Resize", 18, 19, host=("roi", "scales", "sizes"))
def resize_some_axes(
    x: Tensor,
    roi: Any = None,
    scales: Any = None,
    sizes: Any = None,
    *,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Tensor:
    along = list(range(x.ndim)) if axes is None else axes_of(axes, x.ndim, "Resize")
    rule = Rule(
        mode,
        coordinate_transformation_mode,
        nearest_mode,
        cubic_coeff_a,
        bool(exclude_outside),
        extrapolation_value,
        bool(antialias),
    )
    region = [] if roi is None else [float(edge) for edge in host(roi).reshape(-1)]
    counts, factors = sizes_and_scales(x, along, scales, sizes, keep_aspect_ratio_policy)
    return resize_axes(x, along, counts, factors, region, rule)
