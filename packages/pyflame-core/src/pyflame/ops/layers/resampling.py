"""Resizing by interpolation, one dimension after another: each output is a weighted sum of a few inputs.

Positions and weights are computed in the precision that PyTorch uses, so that both choose the same neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _core
from ..._types import Array, Sizes
from ..half import narrow, wide
from .adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .sizes import between, constant, table
from .windows import take_windows

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_index_select = _core.ops.index_select
_mul = _core.ops.mul

_RANKS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
_FEW = 4  # with more neighbours than these, one gather and a sum make a smaller graph than a sum of gathers


def _step(extent: int, count: int, factor: float | None, align: bool, kind: Any) -> Any:
    """The distance between outputs, in input elements."""
    if align:
        return kind(extent - 1) / kind(count - 1) if count > 1 else kind(0)
    return kind(1.0 / factor) if factor else kind(extent) / kind(count)


def _nearest(extent: int, count: int, factor: float | None, exact: bool, kind: Any) -> Array:
    places = np.arange(count).astype(kind)
    places = (places + kind(0.5) if exact else places) * _step(extent, count, factor, False, kind)
    return np.minimum(np.floor(places).astype(np.int64), extent - 1)


def _linear(extent: int, count: int, factor: float | None, align: bool, kind: Any) -> tuple[Array, Array]:
    if extent == count:
        return np.arange(count)[:, None], np.ones((count, 1))
    places = _sources(extent, count, factor, align, kind)
    places = np.maximum(places, kind(0))
    low = np.minimum(np.floor(places).astype(np.int64), extent - 1)
    share = np.clip(places - low.astype(kind), kind(0), kind(1))
    return np.stack([low, np.minimum(low + 1, extent - 1)], 1), np.stack([kind(1) - share, share], 1)


def _sources(extent: int, count: int, factor: float | None, align: bool, kind: Any) -> Array:
    step = _step(extent, count, factor, align, kind)
    outputs = np.arange(count).astype(kind)
    return outputs * step if align else (outputs + kind(0.5)) * step - kind(0.5)


def cubic_weights(share: Any, a: float = -0.75) -> list[Any]:
    """Weights of the neighbours at -1, 0, 1 and 2 of a place `share` beyond 0, for numbers, arrays or tensors.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981).
    """

    def near(x: Any) -> Any:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0

    def far(x: Any) -> Any:
        return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a

    return [far(share + 1.0), near(share), near(1.0 - share), far(2.0 - share)]


def _cubic(extent: int, count: int, factor: float | None, align: bool, kind: Any) -> tuple[Array, Array]:
    places = _sources(extent, count, factor, align, kind)
    low = np.floor(places)
    taps = np.clip(low.astype(np.int64)[:, None] + np.arange(-1, 3), 0, extent - 1)
    return taps, np.stack(cubic_weights(places - low), 1)


def _triangle(x: Array) -> Array:
    return np.maximum(1.0 - np.abs(x), 0.0)


def _keys(x: Array, a: float = -0.5) -> Array:
    x = np.abs(x)
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _smoothed(
    extent: int, count: int, factor: float | None, align: bool, kind: Any, cubic: bool
) -> tuple[Array, Array]:
    """The filter, as wide as the distance between outputs."""
    step = _step(extent, count, factor, align, kind)
    reach = (2.0 if cubic else 1.0) * max(float(step), 1.0)
    centre = float(step) * (np.arange(count) + 0.5)
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + reach + 0.5).astype(np.int64), extent)
    taps = first[:, None] + np.arange(max(int((last - first).max(initial=1)), 1))
    distance = (taps - centre[:, None] + 0.5) / max(float(step), 1.0)
    weights = np.where(taps < last[:, None], _keys(distance) if cubic else _triangle(distance), 0.0)
    total = weights.sum(1, keepdims=True)
    return np.minimum(taps, extent - 1), weights / np.where(total == 0.0, 1.0, total)


def _weighted(x: Tensor, dim: int, taps: Array, weights: Array) -> Tensor:
    count, each = taps.shape
    shape = [count if d == dim else size for d, size in enumerate(x.shape)]
    if each > _FEW:
        taken = take_windows(x, dim, taps)
        factors = _core.ops.reshape(constant(weights, x.dtype), [*taps.shape, *[1] * (x.ndim - dim - 1)])
        return _core.ops.sum(_mul(taken, factors), dim + 1)
    total: Tensor | None = None
    for k in range(each):
        part = _index_select(x, table(taps[:, k]), dim)
        if not (weights[:, k] == 1.0).all():
            part = _mul(part, between(constant(weights[:, k], x.dtype), shape, dim))
        total = part if total is None else _add(total, part)
    assert total is not None
    return total


def _plan(
    input: Tensor,
    size: Sizes | None,
    scale_factor: float | Sequence[float] | None,
    recompute: bool | None,
    mode: str,
) -> tuple[list[int], list[float | None]]:
    """Sizes of the output, and the factors that positions are computed with (None: from the sizes)."""
    op, rank = "interpolate", input.ndim - 2
    if (size is None) == (scale_factor is None):
        raise ValueError(f"[{op}] exactly one of size and scale_factor is needed, got {size} and {scale_factor}")
    if size is not None:
        sizes = [size] * rank if isinstance(size, int) else list(size)
        if len(sizes) != rank:
            raise ValueError(f"[{op}] size has {len(sizes)} values, input has {rank} dimensions to resize")
        if recompute:
            raise ValueError(f"[{op}] recompute_scale_factor does not go with size")
        factors: list[float | None] = [None] * rank
    else:
        assert scale_factor is not None
        given = [float(scale_factor)] * rank if isinstance(scale_factor, (int, float)) else list(scale_factor)
        if len(given) != rank:
            raise ValueError(f"[{op}] scale_factor has {len(given)} values, input has {rank} dimensions to resize")
        sizes = [math.floor(input.shape[2 + i] * given[i]) for i in range(rank)]
        factors = [None] * rank if recompute or mode == "area" else [*given]
    if min(sizes) < 1 or 0 in tuple(input.shape)[1:]:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}, output size {sizes}: sizes must be positive")
    return sizes, factors


def interpolate(
    input: Tensor,
    size: Sizes | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize signals, images or volumes.

    Args:
        input: (batch, channels, length), (batch, channels, height, width) or (batch, channels, depth, height, width).
        size: of the output, for each dimension after the channels.
        scale_factor: instead of `size`, by how much to enlarge.
        mode: "nearest", "nearest-exact", "area"; "linear" for signals, "bilinear" or "bicubic" for images,
            "trilinear" for volumes.
        align_corners: map the centres of the corner elements to each other, not their outer edges.
        recompute_scale_factor: compute positions from the sizes, not from the factor given.
        antialias: widen the filter when making smaller; for "bilinear" and "bicubic".

    Raises:
        ValueError: arguments do not go together.
        NotImplementedError: the mode is not made for so many dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.interpolate(pf.tensor([[[0.0, 1.0]]]), size=3, mode="linear", align_corners=True)
        tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    op, rank = "interpolate", input.ndim - 2
    if mode in ("nearest", "nearest-exact", "area"):
        if align_corners is not None:
            raise ValueError(f"[{op}] align_corners goes with linear and cubic modes, not with {mode!r}")
    elif mode not in _RANKS:
        raise NotImplementedError(
            f"[{op}] mode is {mode!r}: expected nearest, nearest-exact, area, {', '.join(_RANKS)}"
        )
    if antialias and (mode not in ("bilinear", "bicubic") or rank != 2):
        raise ValueError(f"[{op}] antialias goes with bilinear and bicubic images, not with {mode!r}")
    if not 1 <= rank <= 3 or _RANKS.get(mode, rank) != rank:
        raise NotImplementedError(f"[{op}] cpu: mode {mode!r} does not resize an input of shape {tuple(input.shape)}")
    sizes, factors = _plan(input, size, scale_factor, recompute_scale_factor, mode)
    if mode == "area":
        return _AREA[rank](input, sizes)
    x, align = input, bool(align_corners)
    kind = np.float64 if input.dtype.itemsize == 8 else np.float32
    if mode.startswith("nearest"):
        for i in range(rank):
            places = _nearest(input.shape[2 + i], sizes[i], factors[i], mode == "nearest-exact", kind)
            x = _index_select(x, table(places), 2 + i)
        return x
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"[{op}] cpu: input has dtype {input.dtype.name}: mode {mode!r} needs a float")
    x = wide(x)
    for i in reversed(range(rank)):
        extent, count, factor = input.shape[2 + i], sizes[i], factors[i]
        if antialias and extent == count:
            continue
        if antialias:
            taps, weights = _smoothed(extent, count, factor, align, kind, mode == "bicubic")
        else:
            taps, weights = (_cubic if mode == "bicubic" else _linear)(extent, count, factor, align, kind)
        x = _weighted(x, 2 + i, taps, weights)
    return narrow(x, input.dtype)
