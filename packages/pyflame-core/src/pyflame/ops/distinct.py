"""Distinct elements. The shape of the result depends on the elements, so these functions evaluate them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._types import Array
from ..dtypes import bfloat16, float32, int64
from .creation import from_array
from .shape import wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor


def unique(
    x: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Find the distinct elements, in ascending order; each NaN is distinct.

    Args:
        sorted: accepted for PyTorch's sake: the result always is.
        return_inverse: return also which of them each element is.
        return_counts: return also how often each occurs.
        dim: find distinct slices along a dimension; None for elements of the flattened tensor.

    Returns:
        The distinct elements, or a tuple of them and what else was asked for.

    Example:
        >>> import pyflame as pf
        >>> pf.unique(pf.tensor([3, 1, 3]), return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
    """
    rows, shape = _rows("unique", x, dim)
    if rows.shape[1] == 1 and not return_inverse and not x.requires_grad:
        return _of_sorted(x, dim, np.sort(rows[:, 0]), return_counts)
    order = np.lexsort(rows.T[::-1]) if rows.shape[1] else np.arange(len(rows))
    return _distinct(x, dim, rows, order, shape, return_inverse, return_counts)


def unique_consecutive(
    x: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Keep the first of equal elements that follow each other.

    Args:
        return_inverse: return also which of the kept ones each element is.
        return_counts: return also how many each stands for.
        dim: compare slices along a dimension; None for elements of the flattened tensor.

    Returns:
        The kept elements, or a tuple of them and what else was asked for.

    Example:
        >>> import pyflame as pf
        >>> pf.unique_consecutive(pf.tensor([1, 1, 2, 1]))
        tensor([1, 2, 1])
    """
    rows, shape = _rows("unique_consecutive", x, dim)
    return _distinct(x, dim, rows, np.arange(len(rows)), shape, return_inverse, return_counts)


def _rows(op: str, x: Tensor, dim: int | None) -> tuple[Array, tuple[int, ...]]:
    """What is compared, one row each, and the shape of the inverse."""
    array = _core.to_array(_core.ops.cast(x, float32) if x.dtype is bfloat16 else x)
    if dim is None:
        return array.reshape(-1, 1), tuple(x.shape)
    if not x.ndim:
        raise IndexError(f"[{op}] x is 0-d: it has no dimension {dim}")
    dim = wrap_dim(op, dim, x.ndim)
    if not x.numel() and x.shape[dim]:
        raise RuntimeError(f"[{op}] x has shape {tuple(x.shape)}: slices along dimension {dim} have no elements")
    lines = np.moveaxis(array, dim, 0)
    return lines.reshape(lines.shape[0], -1 if x.numel() else 1), (lines.shape[0],)


def _of_sorted(x: Tensor, dim: int | None, ordered: Array, return_counts: bool) -> Any:
    """The first of each stretch of equal elements, without their places in `x`."""
    firsts = np.flatnonzero(_starts(ordered[:, None]))
    found = from_array(ordered[firsts], float32 if x.dtype is bfloat16 else x.dtype)
    values = _core.ops.cast(found, x.dtype) if x.dtype is bfloat16 else found
    if dim is not None:
        values = _core.ops.reshape(values, [len(firsts) if d == dim % x.ndim else 1 for d in range(x.ndim)])
    return (values, _leaf(np.diff(np.append(firsts, len(ordered))))) if return_counts else values


def _starts(ordered: Array) -> Array:
    """Which rows differ from the one before."""
    starts = np.ones(len(ordered), bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return starts


def _distinct(
    x: Tensor,
    dim: int | None,
    rows: Array,
    order: Array,
    shape: tuple[int, ...],
    return_inverse: bool,
    return_counts: bool,
) -> Any:
    starts = _starts(rows[order])
    firsts = np.flatnonzero(starts)
    chosen = _leaf(order[firsts])
    values = _core.ops.index_select(_core.ops.reshape(x, (-1,)) if dim is None else x, chosen, dim or 0)
    results = [values]
    if return_inverse:
        inverse = np.empty(len(rows), np.int64)
        inverse[order] = np.cumsum(starts) - 1
        results.append(_leaf(inverse.reshape(shape)))
    if return_counts:
        results.append(_leaf(np.diff(np.append(firsts, len(rows)))))
    return tuple(results) if len(results) > 1 else values


def _leaf(array: Array) -> Tensor:
    return from_array(array.astype(np.int64), int64)
