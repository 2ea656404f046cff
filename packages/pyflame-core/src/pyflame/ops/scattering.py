"""Copies of a tensor with elements written, or combined, where an index says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import _core
from .._core import TensorBase
from .._types import Number
from ..dtypes import DType, bool_, iinfo, int64
from .index import _positions
from .out import stored
from .shape import broadcast_shapes, wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor

_cast = _core.ops.cast
_expand = _core.ops.expand
_full = _core.ops.full
_gather = _core.ops.gather
_reshape = _core.ops.reshape
_scatter = _core.ops.scatter
_scatter_add = _core.ops.scatter_add
_scatter_reduce = _core.ops.scatter_reduce
_slice = _core.ops.slice
_where = _core.ops.where
_CODES = {"prod": 0, "amax": 1, "amin": 2}


def _like_index(index: Tensor, src: Tensor) -> Tensor:
    """The part of a source that an index of its rank reaches."""
    if src.ndim == index.ndim:
        for d, size in enumerate(index.shape):
            if src.shape[d] > size:
                src = _slice(src, d, 0, 1, size)
    return src


def _same_dtype(op: str, x: Tensor, source: Tensor) -> None:
    if source.dtype is not x.dtype:
        raise RuntimeError(f"[{op}] x has dtype {x.dtype.name}, the source {source.dtype.name}: convert one of them")


def scatter(x: Tensor, dim: int, index: Tensor, src: Tensor | Number, *, reduce: str | None = None) -> Tensor:
    """Write each element of `src` to the place that `index` names along `dim`; of several, the last one stays.

    Args:
        index: as many dimensions as `x`, no larger in any but `dim`.
        src: of the dtype of `x`, no smaller than `index` in any dimension; or a number.
        reduce: "add" or "multiply" to combine with what is there.

    Raises:
        RuntimeError: shapes or dtypes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.scatter(pf.zeros(3), 0, pf.tensor([2, 0]), pf.tensor([1.0, 2.0]))
        tensor([2., 0., 1.])
    """
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"[scatter] reduce is {reduce!r}: expected 'add' or 'multiply'")
    index = _positions("scatter", index)
    src = _like_index(index, src) if isinstance(src, TensorBase) else _full(src, x.dtype, index.shape)
    if reduce == "add":
        return _scatter_add(x, index, src, dim)
    return _scatter_reduce(x, index, src, dim, _CODES["prod"]) if reduce else _scatter(x, index, src, dim)


def _neutral(reduce: str, dtype: DType) -> float:
    """What an element becomes before its first source, so that it does not count."""
    if reduce in ("sum", "mean", "prod"):
        return 1 if reduce == "prod" else 0
    if dtype.is_floating_point:
        return -math.inf if reduce == "amax" else math.inf
    if dtype is bool_:
        return reduce == "amin"
    return iinfo(dtype).min if reduce == "amax" else iinfo(dtype).max


def scatter_reduce(
    x: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine each element of `src` with the element of `x` that `index` names along `dim`.

    Args:
        index: as many dimensions as `x`, no larger in any but `dim`.
        src: of the dtype of `x`, no smaller than `index` in any dimension.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: count the elements of `x` where something is scattered.

    Raises:
        RuntimeError: shapes or dtypes do not fit, or `reduce` is another word.

    Example:
        >>> import pyflame as pf
        >>> pf.scatter_reduce(pf.ones(2), 0, pf.tensor([0, 0]), pf.tensor([3.0, 5.0]), "amax")
        tensor([5., 1.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"[scatter_reduce] reduce is {reduce!r}: expected sum, prod, mean, amax or amin")
    _same_dtype("scatter_reduce", x, src)
    index = _positions("scatter_reduce", index)
    src = _like_index(index, src)
    base = x if include_self else _scatter(x, index, _full(_neutral(reduce, x.dtype), x.dtype, index.shape), dim)
    if reduce in _CODES:
        return _scatter_reduce(base, index, src, dim, _CODES[reduce])
    total = _scatter_add(base, index, src, dim)
    if reduce == "sum":
        return total
    counts = _scatter_add(_full(int(include_self), int64, x.shape), index, _full(1, int64, index.shape), dim)
    counts = _cast(_core.ops.maximum(counts, 1), x.dtype)
    divide = _core.ops.div if x.dtype.is_floating_point else _core.ops.floor_divide
    return divide(total, counts)


def index_copy(x: Tensor, dim: int, index: Tensor, source: Tensor, out: Tensor | None = None) -> Tensor:
    """Replace the slices of `x` that `index` names by those of `source`.

    Args:
        index: 1-d.
        source: of the dtype of `x` and its shape, but for the size of `dim`, which is that of `index`.
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        IndexError: `index` has more than one dimension, or names no slice (found when the result is computed).

    Example:
        >>> import pyflame as pf
        >>> pf.index_copy(pf.zeros(3), 0, pf.tensor([2]), pf.tensor([5.0]))
        tensor([0., 0., 5.])
    """
    if out is not None:
        return stored("index_copy", out, index_copy(x, dim, index, source))
    dim = wrap_dim("index_copy", dim, x.ndim)
    if index.ndim > 1:
        raise IndexError(f"[index_copy] index has shape {tuple(index.shape)}: expected at most one dimension")
    _same_dtype("index_copy", x, source)
    expected = [index.numel() if d == dim else size for d, size in enumerate(x.shape)]
    if list(source.shape) != expected and not (not source.ndim and index.numel() == 1 and x.ndim <= 1):
        raise RuntimeError(
            f"[index_copy] source has shape {tuple(source.shape)}: expected {tuple(expected)} for x of shape "
            f"{tuple(x.shape)}"
        )
    along = [index.numel() if d == dim else 1 for d in range(x.ndim)]
    places = _expand(_reshape(_positions("index_copy", index), along), expected)
    return _scatter(x, places, _reshape(source, expected), dim)


def put(x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Write, or add, elements at places of the flattened tensor; negative places count from the end.

    Args:
        source: as many elements as `index`, of the dtype of `x`.

    Raises:
        RuntimeError: numbers of elements or dtypes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.put(pf.zeros(2, 2), pf.tensor([0, 3]), pf.tensor([1.0, 2.0]))
        tensor([[1., 0.],
                [0., 2.]])
    """
    _same_dtype("put", x, source)
    if index.numel() != source.numel():
        raise RuntimeError(f"[put] index has {index.numel()} elements, source {source.numel()}: expected as many")
    places = _reshape(_positions("put", index), (-1,))
    return _write_flat(x, _wrapped(places, x.numel()), _reshape(source, (-1,)), accumulate)


def _wrapped(index: Tensor, size: int) -> Tensor:
    return _where(_core.ops.lt(index, 0), _core.ops.add(index, size), index)


def _write_flat(x: Tensor, places: Tensor, values: Tensor, accumulate: bool) -> Tensor:
    write = _scatter_add if accumulate else _scatter
    return _reshape(write(_reshape(x, (-1,)), places, values, 0), x.shape)


def index_put(x: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """Write, or add, values at positions given by one index per dimension, as `x[indices] = values` does.

    Args:
        indices: integers that broadcast together, masks, which are evaluated, or None for a whole dimension.
        values: broadcast to the shape of `x[indices]`, of the dtype of `x`.
        accumulate: add to what is there.

    Raises:
        IndexError: there are more indices than dimensions, or a mask has another shape.
        RuntimeError: dtypes differ, or `values` does not broadcast.

    Example:
        >>> import pyflame as pf
        >>> pf.index_put(pf.zeros(2, 2), (pf.tensor([0, 1]), pf.tensor([1, 0])), pf.tensor(5.0))
        tensor([[0., 5.],
                [5., 0.]])
    """
    _same_dtype("index_put", x, values)
    # The element numbers of x, indexed in the same way, are the places to write to.
    numbers = _reshape(_core.ops.arange_int(0, 1, x.numel(), int64), x.shape)
    places = numbers[tuple(slice(None) if index is None else index for index in indices)]
    flat = _reshape(_expand(values, places.shape), (-1,))
    return _write_flat(x, _reshape(places, (-1,)), flat, accumulate)


def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Replace the elements where `mask` holds by those of `source`, one after the other.

    Args:
        mask: bool, broadcast with `x`.
        source: at least as many elements as the mask holds at, of the dtype of `x`.

    Raises:
        RuntimeError: the mask is not bool, or dtypes differ.
        IndexError: `source` has too few elements, found when the result is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.masked_scatter(pf.zeros(3), pf.tensor([True, False, True]), pf.tensor([1.0, 2.0]))
        tensor([1., 0., 2.])
    """
    if mask.dtype is not bool_:
        raise RuntimeError(f"[masked_scatter] mask has dtype {mask.dtype.name}: expected bool")
    _same_dtype("masked_scatter", x, source)
    shape = broadcast_shapes(x.shape, mask.shape)
    x, mask = _expand(x, shape), _expand(mask, shape)
    if not source.numel():
        source = _full(0, x.dtype, (1,)) if not _core.item(_core.ops.any(mask)) else source
    flags = _reshape(mask, (-1,))
    order = _core.ops.sub(_core.ops.cumsum(_cast(flags, int64), 0), 1)
    taken = _gather(_reshape(source, (-1,)), _where(flags, order, 0), 0)
    return _where(mask, _reshape(taken, shape), x)
