"""Rows of a table by their number, and sums of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ... import _core
from ..._types import Array
from ...dtypes import int64
from ..distance import norm
from .sizes import constant, mask, table

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_cast = _core.ops.cast
_div = _core.ops.div
_eq = _core.ops.eq
_full = _core.ops.full
_gather = _core.ops.gather
_index_add = _core.ops.index_add
_index_select = _core.ops.index_select
_mul = _core.ops.mul
_reshape = _core.ops.reshape
_sub = _core.ops.sub
_where = _core.ops.where


def _flat_ids(op: str, input: Tensor, weight: Tensor) -> Tensor:
    if weight.ndim != 2:
        raise RuntimeError(f"[{op}] weight has shape {tuple(weight.shape)}: expected (rows, features)")
    if input.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"[{op}] input has dtype {input.dtype.name}: expected int32 or int64")
    return _reshape(input if input.dtype is int64 else _cast(input, int64), (-1,))


def _row_number(op: str, padding_idx: int | None, rows: int) -> int | None:
    """The row that gets no gradient, counted from the start."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        error = AssertionError if op == "embedding" else RuntimeError  # PyTorch's classes
        raise error(f"[{op}] padding_idx is {padding_idx}: the table has {rows} rows")
    return padding_idx % rows


def _counts(ids: Tensor, rows: int) -> Tensor:
    return _index_add(_full(0, int64, (rows,)), ids, _full(1, int64, ids.shape), 0)


def _renormalize(weight: Tensor, ids: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows in use that are longer than `max_norm` down to it, in place."""
    values = _core.detach(weight)
    length = norm(values, norm_type, 1, True)
    used = _reshape(_core.ops.gt(_counts(ids, weight.shape[0]), 0), (-1, 1))
    long = _core.ops.logical_and(used, _core.ops.gt(length, max_norm))
    _core.assign(weight, _where(long, _mul(values, _div(max_norm, _add(length, 1e-7))), values))


def _rows(
    op: str,
    weight: Tensor,
    ids: Tensor,
    padding: int | None,
    max_norm: float | None,
    norm_type: float,
    scale_grad_by_freq: bool,
) -> Tensor:
    """The rows of `ids`, with a gradient as the options say."""
    if max_norm is not None:
        _renormalize(weight, ids, max_norm, norm_type)
    rows = _index_select(weight, ids, 0)
    if not weight.requires_grad:
        return rows
    if scale_grad_by_freq:
        often = _reshape(_index_select(_counts(ids, weight.shape[0]), ids, 0), (-1, 1))
        scaled = _div(rows, _cast(often, rows.dtype))
        # The value of the rows with the gradient of the scaled ones.
        rows = _add(_core.detach(rows), _sub(scaled, _core.detach(scaled)))
    if padding is not None:
        rows = _where(_reshape(_eq(ids, padding), (-1, 1)), _core.detach(rows), rows)
    return rows


def _refuse_sparse(op: str, sparse: bool) -> None:
    if sparse:
        raise NotImplementedError(f"[{op}] cpu: sparse gradients do not exist here: leave sparse=False")


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Take rows of a table.

    Args:
        input: row numbers, any shape, int32 or int64.
        weight: (rows, features)
        padding_idx: a row that gets no gradient.
        max_norm: rows in use that are longer are first scaled down to it, in place.
        norm_type: p of the norm that `max_norm` limits.
        scale_grad_by_freq: divide the gradient of each row by how often it was taken.

    Raises:
        AssertionError: `padding_idx` is no row.
        RuntimeError: a shape or dtype does not fit.
        IndexError: a number names no row, found when the result is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.embedding(pf.tensor([1, 1]), pf.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[3., 4.],
                [3., 4.]])
    """
    op = "embedding"
    _refuse_sparse(op, sparse)
    ids = _flat_ids(op, input, weight)
    padding = _row_number(op, padding_idx, weight.shape[0])
    rows = _rows(op, weight, ids, padding, max_norm, norm_type, scale_grad_by_freq)
    return _reshape(rows, (*input.shape, weight.shape[1]))


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, average or take the largest of bags of rows of a table.

    Args:
        input: row numbers, (bags, size), or all bags in one line (numbers,) with `offsets`.
        weight: (rows, features)
        offsets: (bags,), where each bag starts in the line; evaluated here, as shapes depend on it.
        mode: "sum", "mean" or "max"; an empty bag gives zeros.
        per_sample_weights: the shape of `input`, factors of the rows, with mode "sum" only.
        include_last_offset: the last offset is the end of the last bag.
        padding_idx: a row that counts for nothing and gets no gradient.

    Raises:
        ValueError: the arguments do not go together.
        RuntimeError: offsets do not start at 0 or leave the line.

    Example:
        >>> import pyflame as pf
        >>> table = pf.tensor([[1.0], [2.0], [4.0]])
        >>> pf.ops.embedding_bag(pf.tensor([0, 1, 2]), table, pf.tensor([0, 2]), mode="sum")
        tensor([[3.],
                [4.]])
    """
    op = "embedding_bag"
    _refuse_sparse(op, sparse)
    if per_sample_weights is not None:
        if tuple(per_sample_weights.shape) != tuple(input.shape):
            raise ValueError(
                f"[{op}] input has shape {tuple(input.shape)}, per_sample_weights "
                f"{tuple(per_sample_weights.shape)}: they must agree"
            )
        if mode != "sum":
            raise NotImplementedError(f"[{op}] per_sample_weights with mode {mode!r}: only mode 'sum' takes them")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"[{op}] mode is {mode!r}: expected 'sum', 'mean' or 'max'")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError(f"[{op}] scale_grad_by_freq does not go with mode 'max'")
    bounds = _bounds(input, offsets, include_last_offset)
    ids = _flat_ids(op, input, weight)
    padding = _row_number(op, padding_idx, weight.shape[0])
    rows = _rows(op, weight, ids, None, max_norm, norm_type, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = _mul(rows, _reshape(per_sample_weights, (-1, 1)))
    counted = None if padding is None else _reshape(_core.ops.ne(ids, padding), (-1, 1))
    if mode == "max":
        return _largest(rows, counted, bounds)
    if counted is not None:
        rows = _where(counted, rows, 0.0)
    bags = len(bounds) - 1
    owner = table(np.repeat(np.arange(bags), np.diff(bounds)))
    if len(bounds) and bounds[-1] < ids.shape[0]:  # what comes after the last bag
        rows = _core.ops.slice(rows, 0, 0, 1, int(bounds[-1]))
    total = _index_add(_full(0, rows.dtype, (bags, weight.shape[1])), owner, rows, 0)
    if mode == "sum":
        return total
    if counted is None:
        sizes = constant(np.maximum(np.diff(bounds), 1)[:, None], total.dtype)
    else:
        ones = _cast(_core.ops.slice(_reshape(counted, (-1,)), 0, 0, 1, int(bounds[-1])), total.dtype)
        sizes = _core.ops.maximum(_index_add(_full(0, total.dtype, (bags,)), owner, ones, 0), 1.0)
        sizes = _reshape(sizes, (-1, 1))
    return _div(total, sizes)


def _bounds(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> Array:
    """Where bags start, and where the last one ends."""
    op = "embedding_bag"
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(f"[{op}] input has shape {tuple(input.shape)}, which states the bags: leave out offsets")
        return np.arange(input.shape[0] + 1) * input.shape[1]
    if input.ndim != 1:
        raise ValueError(f"[{op}] input has shape {tuple(input.shape)}: expected (bags, size) or (numbers,)")
    if offsets is None or offsets.ndim != 1:
        raise ValueError(f"[{op}] input has one dimension: offsets of one dimension say where its bags start")
    starts = np.asarray(_core.to_array(offsets)).astype(np.int64)
    if not include_last_offset:
        starts = np.append(starts, input.shape[0])
    elif not len(starts):
        raise RuntimeError(f"[{op}] offsets are empty: include_last_offset needs at least one")
    if len(starts) > 1 and starts[0] != 0 or starts[-1] > input.shape[0]:
        raise RuntimeError(f"[{op}] offsets begin with {starts[0]} and end with {starts[-1]}: expected 0 to the size")
    if (np.diff(starts) < 0).any():
        raise RuntimeError(f"[{op}] offsets decrease: bags follow each other")
    return starts


def _largest(rows: Tensor, counted: Tensor | None, bounds: Array) -> Tensor:
    sizes = np.diff(bounds)
    longest = max(int(sizes.max(initial=0)), 1)
    within = np.arange(longest) < sizes[:, None]
    places = np.where(within, bounds[:-1, None] + np.arange(longest), 0)
    if not rows.shape[0]:
        return _full(0, rows.dtype, (len(sizes), rows.shape[1]))
    flat = table(places.reshape(-1))
    taken = _reshape(_index_select(rows, flat, 0), (*places.shape, rows.shape[1]))
    valid = mask(within[:, :, None])
    if counted is not None:
        valid = _core.ops.logical_and(valid, _reshape(_index_select(counted, flat, 0), (*places.shape, 1)))
    taken = _where(valid, taken, -math.inf)
    chosen = _core.ops.argmax(taken, 1, True)  # the first of equals takes the whole gradient
    best = _core.ops.sum(_gather(taken, chosen, 1), 1)
    return _where(_core.ops.any(valid, 1), best, 0.0)
