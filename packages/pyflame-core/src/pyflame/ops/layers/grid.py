"""Sampling at places that a tensor states."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _core
from ...dtypes import DType, int64
from ..half import narrow, wide
from .resampling import cubic_weights
from .sizes import constant

if TYPE_CHECKING:
    from ..._tensor import Tensor
    from ..._types import Array

    # Of one dimension: whole coordinates (batch, taps, points) of the elements around each place, and their weights.
    _Taps = tuple[Tensor, Tensor]

_add = _core.ops.add
_cast = _core.ops.cast
_div = _core.ops.div
_floor = _core.ops.floor
_ge = _core.ops.ge
_le = _core.ops.le
_lt = _core.ops.lt
_gt = _core.ops.gt
_maximum = _core.ops.maximum
_minimum = _core.ops.minimum
_mul = _core.ops.mul
_permute = _core.ops.permute
_reshape = _core.ops.reshape
_sub = _core.ops.sub
_where = _core.ops.where

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


def _limit(x: Tensor, size: int) -> Tensor:
    """Move into [0, size - 1]; what is moved, or lies on a bound, has no gradient."""
    inside = _core.ops.logical_and(_gt(x, 0.0), _lt(x, float(size - 1)))
    return _where(inside, x, _minimum(_maximum(_core.detach(x), 0.0), float(size - 1)))


def _reflect(x: Tensor, size: int, align: bool) -> Tensor:
    """Mirror at the centres of the outer elements, or at their edges."""
    low, span = (0.0, size - 1.0) if align else (-0.5, float(size))
    if span == 0.0:
        return _mul(x, 0.0)
    away = _core.ops.abs(_sub(x, low))
    rest = _core.ops.fmod(away, span)
    turned = _core.ops.fmod(_floor(_div(_core.detach(away), span)), 2.0)
    return _add(_where(_core.ops.eq(turned, 0.0), rest, _sub(span, rest)), low)


def _positions(x: Tensor, size: int, align: bool) -> Tensor:
    """From [-1, 1] to elements."""
    if align:
        return _mul(_add(x, 1.0), (size - 1) / 2.0)
    return _div(_sub(_mul(_add(x, 1.0), float(size)), 1.0), 2.0)


def _padded(x: Tensor, size: int, padding: str, align: bool) -> Tensor:
    if padding == "reflection":
        x = _reflect(x, size, align)
    if padding != "zeros":
        return _limit(x, size)
    # Beyond one element outside nothing is seen: numbers stay where they have a floor and an index.
    return _minimum(_maximum(x, -2.0), float(size + 1))


def _column(array: Array, dtype: DType) -> Tensor:
    return constant(np.asarray(array)[:, None], dtype)


def _nearest(place: Tensor) -> _Taps:
    spot = _core.ops.round(place)
    return spot, _add(_sub(spot, _core.detach(spot)), 1.0)  # one, with the gradient of rounding: zero


def _linear(place: Tensor) -> _Taps:
    low = _core.detach(_floor(place))
    above = np.arange(2)
    # 1 - share and share
    weights = _add(_mul(_sub(place, low), _column(2 * above - 1, place.dtype)), _column(1 - above, place.dtype))
    return _add(low, _column(above, place.dtype)), weights


def _cubic(place: Tensor, size: int, padding: str, align: bool) -> _Taps:
    low = _core.detach(_floor(place))
    spots = _add(low, _column(np.arange(-1, 3), place.dtype))
    return _core.detach(_padded(spots, size, padding, align)), _core.ops.cat(cubic_weights(_sub(place, low)), 1)


def _product(taps: list[_Taps], sizes: Sequence[int]) -> _Taps:
    """Positions in the flattened input and weights of all combinations; -1 is a position outside."""
    index: Any = None
    inside: Any = None
    weight: Any = None
    for k, ((spots, shares), size) in enumerate(zip(taps, sizes)):
        batch, count, points = spots.shape
        shape = (batch, *(count if d == k else 1 for d in range(len(sizes))), points)
        spots, shares = _reshape(_core.detach(spots), shape), _reshape(shares, shape)
        here = _core.ops.logical_and(_ge(spots, 0.0), _le(spots, float(size - 1)))
        inside = here if inside is None else _core.ops.logical_and(inside, here)
        step = math.prod(sizes[k + 1 :])
        whole = _mul(_cast(_minimum(_maximum(spots, 0.0), float(size - 1)), int64), step)
        index = whole if index is None else _add(index, whole)
        weight = shares if weight is None else _mul(weight, shares)
    index = _where(inside, index, -1)
    flat = (index.shape[0], math.prod(index.shape[1:-1]), index.shape[-1])
    return _reshape(index, flat), _reshape(weight, flat)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Sample images or volumes at the places that a grid states.

    Args:
        input: (batch, channels, height, width) or (batch, channels, depth, height, width).
        grid: (batch, out_height, out_width, 2) or (batch, out_depth, out_height, out_width, 3), places (x, y) or
            (x, y, z) from -1 to 1; NaN counts as -1.
        mode: "bilinear", "nearest", or "bicubic" for images.
        padding_mode: what is outside: "zeros", "border" or "reflection".
        align_corners: whether -1 and 1 are the centres of the outer elements, not their edges.

    Raises:
        ValueError: a mode is unknown.
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> image = pf.arange(4.0).reshape(1, 1, 2, 2)
        >>> pf.ops.grid_sample(image, pf.zeros(1, 1, 1, 2), align_corners=True)
        tensor([[[[1.5000]]]])
    """
    op, rank = "grid_sample", input.ndim - 2
    if mode not in MODES:
        raise ValueError(f"[{op}] mode is {mode!r}: expected one of {', '.join(MODES)}")
    if padding_mode not in PADDINGS:
        raise ValueError(f"[{op}] padding_mode is {padding_mode!r}: expected one of {', '.join(PADDINGS)}")
    if align_corners is None:
        warnings.warn(f"[{op}] align_corners is not given: taking False, as PyTorch does", stacklevel=2)
    shapes = f"[{op}] input has shape {tuple(input.shape)}, grid {tuple(grid.shape)}"
    if rank not in (2, 3) or grid.ndim != input.ndim or grid.shape[0] != input.shape[0] or grid.shape[-1] != rank:
        raise RuntimeError(f"{shapes}: expected images and (batch, out_height, out_width, 2), or volumes likewise")
    if input.dtype is not grid.dtype:
        raise RuntimeError(f"[{op}] input has dtype {input.dtype.name}, grid {grid.dtype.name}: they must agree")
    if 0 in tuple(input.shape)[2:]:
        raise RuntimeError(f"{shapes}: the input has no elements to sample")
    if mode == "bicubic" and rank == 3:
        raise RuntimeError(f"{shapes}: mode 'bicubic' samples images only")
    align = bool(align_corners)
    out = tuple(grid.shape)[1:-1]
    count = math.prod(out)
    flat = _reshape(wide(grid), (input.shape[0], 1, count, rank))
    flat = _where(_core.ops.isnan(flat), -1.0, flat)
    sizes = tuple(input.shape)[2:]
    taps: list[_Taps] = []
    for k, size in enumerate(sizes):  # a grid names the last dimension first
        column = _reshape(_core.ops.slice(flat, 3, rank - 1 - k, 1, 1), (input.shape[0], 1, count))
        place = _positions(column, size, align)
        if mode == "bicubic":
            taps.append(_cubic(place, size, padding_mode, align))
        else:
            place = _padded(place, size, padding_mode, align)
            taps.append(_nearest(place) if mode == "nearest" else _linear(place))
    index, weight = _product(taps, sizes)
    channels = _reshape(wide(input), (*tuple(input.shape)[:2], math.prod(sizes)))
    sampled = _reshape(_core.ops.weighted_gather(channels, index, weight), (*tuple(input.shape)[:2], *out))
    return narrow(sampled, input.dtype)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Make the grid for `grid_sample` that an affine map of the output's places gives.

    Args:
        theta: (batch, 2, 3) for images, (batch, 3, 4) for volumes.
        size: of the output, (batch, channels, height, width) or (batch, channels, depth, height, width).
        align_corners: as for `grid_sample`.

    Raises:
        ValueError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.affine_grid(pf.tensor([[[1.0, 0, 0], [0, 1, 0]]]), (1, 1, 1, 2), align_corners=True)
        tensor([[[[-1.,  0.],
                  [ 1.,  0.]]]])
    """
    op, rank = "affine_grid", len(size) - 2
    if not theta.dtype.is_floating_point:
        raise ValueError(f"[{op}] theta has dtype {theta.dtype.name}: expected a float")
    if rank not in (2, 3):
        raise NotImplementedError(f"[{op}] cpu: size is {tuple(size)}: expected four or five numbers")
    if tuple(theta.shape) != (size[0], rank, rank + 1):
        raise ValueError(f"[{op}] theta has shape {tuple(theta.shape)}: expected {(size[0], rank, rank + 1)}")
    if min(size) < 1:
        raise ValueError(f"[{op}] size is {tuple(size)}: each must be positive")
    if align_corners is None:
        warnings.warn(f"[{op}] align_corners is not given: taking False, as PyTorch does", stacklevel=2)
    axes = []
    for count in size[2:]:
        line = np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)
        axes.append(line if align_corners else line * (count - 1) / count)
    mesh = np.meshgrid(*axes, indexing="ij")
    base = np.stack([*reversed(mesh), np.ones_like(mesh[0])], -1).reshape(-1, rank + 1)
    grid = _core.ops.matmul(constant(base, theta.dtype), _permute(theta, (0, 2, 1)))
    return _reshape(grid, (size[0], *size[2:], rank))
