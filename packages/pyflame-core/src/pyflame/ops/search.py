"""Searching sorted values, and counting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import TensorBase
from .._types import Number
from ..dtypes import bool_, float32, float64, int32, int64
from .creation import tensor

if TYPE_CHECKING:
    from .._tensor import Tensor

_cast = _core.ops.cast
_full = _core.ops.full
_gather = _core.ops.gather
_index_add = _core.ops.index_add
_reshape = _core.ops.reshape
_searchsorted = _core.ops.searchsorted
_where = _core.ops.where


def searchsorted(
    sorted_sequence: Tensor,
    values: Tensor | Number,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Find where values belong in sorted sequences so that they stay sorted.

    Args:
        sorted_sequence: 1-d, or (..., n) with one sequence for each line of `values`.
        values: any shape, or (..., m).
        right: put a value behind equal elements, not before them.
        side: "left" or "right", another spelling of `right`.
        sorter: the places of the elements of an unsorted sequence in sorted order.

    Raises:
        RuntimeError: the shapes do not fit, or `side` contradicts `right`.

    Example:
        >>> import pyflame as pf
        >>> pf.searchsorted(pf.tensor([1, 3, 5]), pf.tensor([0, 3, 9]))
        tensor([0, 1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"[searchsorted] side is {side!r}: expected 'left' or 'right'")
    if side == "left" and right:
        raise RuntimeError("[searchsorted] side is 'left' and right is True: give one of them")
    if sorter is not None:
        if sorter.shape != sorted_sequence.shape or sorter.dtype is not int64:
            raise RuntimeError(
                f"[searchsorted] sorter has shape {tuple(sorter.shape)} and dtype {sorter.dtype.name}: expected "
                f"{tuple(sorted_sequence.shape)} and int64"
            )
        sorted_sequence = _gather(sorted_sequence, sorter, -1)
    if not isinstance(values, TensorBase):
        values = tensor(values)
    places = _searchsorted(sorted_sequence, values, right or side == "right")
    return _cast(places, int32) if out_int32 else places


def bucketize(x: Tensor | Number, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Find which interval between sorted boundaries each element falls into.

    Args:
        boundaries: 1-d, sorted.
        right: an interval includes its left boundary, not its right one.

    Raises:
        RuntimeError: `boundaries` is not 1-d.

    Example:
        >>> import pyflame as pf
        >>> pf.bucketize(pf.tensor([1, 4, 9]), pf.tensor([3, 5]))
        tensor([0, 1, 2])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"[bucketize] boundaries has shape {tuple(boundaries.shape)}: expected one dimension")
    return searchsorted(boundaries, x, out_int32=out_int32, right=right)


def histc(x: Tensor, bins: int = 100, min: Number = 0, max: Number = 0) -> Tensor:
    """Count the elements in intervals of equal width; those outside are not counted.

    Args:
        min, max: the range; where they are equal, that of the elements, which evaluates `x`.

    Raises:
        RuntimeError: `x` is not floating-point, or the range is not one.

    Example:
        >>> import pyflame as pf
        >>> pf.histc(pf.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
        tensor([0., 2., 1., 0.])
    """
    if not x.dtype.is_floating_point:
        raise RuntimeError(f"[histc] x has dtype {x.dtype.name}: expected a floating-point dtype")
    if bins < 1:
        raise RuntimeError(f"[histc] bins is {bins}: expected 1 or more")
    flat = _core.detach(_reshape(x, (-1,)))
    if min == max and flat.numel():
        min, max = _core.item(_core.ops.amin(flat)), _core.item(_core.ops.amax(flat))
    if min == max:
        min, max = min - 1, max + 1
    if not (math.isfinite(min) and math.isfinite(max)):
        raise RuntimeError(f"[histc] the range [{min}, {max}] is not finite: give min and max")
    if min > max:
        raise RuntimeError(f"[histc] min is {min}, max {max}: expected max to be larger")
    inside = _core.ops.logical_and(_core.ops.ge(flat, min), _core.ops.le(flat, max))
    scaled = _core.ops.div(_core.ops.mul(_core.ops.sub(_where(inside, flat, min), min), bins), max - min)
    places = _core.ops.minimum(_cast(scaled, int64), bins - 1)
    counts = _index_add(_full(0, int64, (bins,)), places, _cast(inside, int64), 0)
    return _cast(counts, x.dtype)


def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count how often each number occurs; evaluates `x`, as the shape depends on it.

    Args:
        x: 1-d, integers of 0 or more.
        weights: what each element counts, of the shape of `x`.
        minlength: the least length of the result.

    Raises:
        RuntimeError: `x` is not 1-d, has negative elements or no integers, or `weights` another shape.

    Example:
        >>> import pyflame as pf
        >>> pf.bincount(pf.tensor([1, 1, 3]))
        tensor([0, 2, 0, 1])
    """
    if x.dtype.is_floating_point or x.dtype is bool_ or x.ndim != 1:
        raise RuntimeError(
            f"[bincount] x has shape {tuple(x.shape)} and dtype {x.dtype.name}: expected one dimension of integers"
        )
    if minlength < 0:
        raise RuntimeError(f"[bincount] minlength is {minlength}: expected 0 or more")
    if weights is not None and weights.shape != x.shape:
        raise RuntimeError(
            f"[bincount] x has shape {tuple(x.shape)}, weights {tuple(weights.shape)}: expected the same"
        )
    if x.numel():
        if _core.item(_core.ops.amin(x)) < 0:
            raise RuntimeError("[bincount] x has negative elements: only 0 and more can be counted")
        minlength = max(minlength, int(_core.item(_core.ops.amax(x))) + 1)
    if weights is None:
        weights = _core.ops.expand(_full(1, int64, ()), x.shape)
    elif weights.dtype is not float32:
        weights = _cast(weights, float64)
    return _index_add(_full(0, weights.dtype, (minlength,)), _cast(x, int64), weights, 0)


def isin(
    elements: Tensor | Number, test_elements: Tensor | Number, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Tell which elements are among others; NaN never is.

    Args:
        assume_unique: accepted for PyTorch's sake: it makes no difference.
        invert: tell which are not.

    Example:
        >>> import pyflame as pf
        >>> pf.isin(pf.tensor([1, 2, 3]), pf.tensor([2, 4]))
        tensor([False,  True, False])
    """
    x, pool = (side if isinstance(side, TensorBase) else tensor(side) for side in (elements, test_elements))
    if not pool.numel():
        return _full(invert, bool_, x.shape)
    ordered = _core.ops.sort(_reshape(pool, (-1,)), 0)[0]
    places = _core.ops.minimum(_searchsorted(ordered, x), pool.numel() - 1)
    nearest = _reshape(_core.ops.index_select(ordered, _reshape(places, (-1,)), 0), x.shape)
    compare: Any = _core.ops.ne if invert else _core.ops.eq
    return compare(x, nearest)
