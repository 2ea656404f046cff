"""Searching, sorting, sets and selection with the standard's signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .. import ops
from ..dtypes import int64
from ._promotion import Operand, promoted

if TYPE_CHECKING:
    from .._tensor import Tensor


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Tensor
    inverse_indices: Tensor


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Find the position of the largest element, the first on ties."""
    return ops.argmax(x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Find the position of the smallest element, the first on ties."""
    return ops.argmin(x, axis, keepdims)


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the places of the elements in sorted order."""
    return ops.argsort(x, axis, descending)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Find the positions of the elements that are not 0, one array per axis.

    Raises:
        ValueError: `x` is 0-d.
    """
    if not x.ndim:
        raise ValueError("[nonzero] x is 0-d: it has no axes")
    return tuple(ops.nonzero(x, as_tuple=True))


def searchsorted(x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None) -> Tensor:
    """Find where values belong in a sorted array so that it stays sorted."""
    return ops.searchsorted(*promoted(x1, x2), side=side, sorter=None if sorter is None else sorter.to(int64))


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Sort along an axis; equal elements keep their order.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.sort(xp.asarray([3, 1, 2]), descending=True)
        tensor([3, 2, 1])
    """
    return ops.sort(x, axis, descending).values


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Take slices along an axis.

    Raises:
        ValueError: `axis` is missing, and `x` is not 1-d.
    """
    if axis is None and x.ndim != 1:
        raise ValueError(f"[take] x has {x.ndim} dimensions: say along which axis")
    return ops.index_select(x, axis or 0, indices)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Take the elements that indices name along an axis; other axes broadcast."""
    indices = indices.to(int64)
    return ops.take_along_dim(x, ops.where(indices < 0, indices + x.shape[axis], indices), axis)


def unique_all(x: Tensor, /) -> UniqueAll:
    """Find the distinct elements, where each is first, which of them each element is, and how often each occurs.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.unique_all(xp.asarray([3, 1, 3])).indices
        tensor([1, 0])
    """
    values, inverse, counts = ops.unique(x, return_inverse=True, return_counts=True)
    order = ops.argsort(ops.reshape(inverse, (-1,)))
    starts = ops.sub(ops.cumsum(counts, 0), counts)
    return UniqueAll(values, ops.index_select(order, 0, starts), inverse, counts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """Find the distinct elements and how often each occurs."""
    return UniqueCounts(*ops.unique(x, return_counts=True))


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """Find the distinct elements and which of them each element is."""
    return UniqueInverse(*ops.unique(x, return_inverse=True))


def unique_values(x: Tensor, /) -> Tensor:
    """Find the distinct elements."""
    values: Any = ops.unique(x)
    return values


def where(condition: Tensor, x1: Operand, x2: Operand, /) -> Tensor:
    """Take `x1` where the condition holds, else `x2`."""
    x1, x2 = promoted(x1, x2)
    return ops.where(condition, x1, x2)
