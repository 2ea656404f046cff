"""Ordering along a dimension, and elements chosen by their place in the order. NaN is larger than everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .. import _core
from .out import stored, stored_pair
from .results import ValuesIndices

if TYPE_CHECKING:
    from .._tensor import Tensor

_full = _core.ops.full
_kthvalue = _core.ops.kthvalue
_median = _core.ops.median
_mode = _core.ops.mode
_nanmedian = _core.ops.nanmedian
_reshape = _core.ops.reshape
_sort = _core.ops.sort
_topk = _core.ops.topk


def sort(
    x: Tensor,
    dim: int = -1,
    descending: bool = False,
    stable: bool = True,
    out: tuple[Tensor, Tensor] | None = None,
) -> ValuesIndices:
    """Sort along a dimension; equal elements keep their order.

    Args:
        stable: accepted for PyTorch's sake: the sort always is.
        out: tensors that take values and indices.

    Example:
        >>> import pyflame as pf
        >>> values, indices = pf.sort(pf.tensor([3, 1, 2]))
        >>> values, indices
        (tensor([1, 2, 3]), tensor([1, 2, 0]))
    """
    found = ValuesIndices(*_sort(x, dim, descending))
    return found if out is None else stored_pair("sort", out, found)


def argsort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the places of the elements in sorted order.

    Args:
        stable: accepted for PyTorch's sake: the sort always is.

    Example:
        >>> import pyflame as pf
        >>> pf.argsort(pf.tensor([3, 1, 2]), descending=True)
        tensor([0, 2, 1])
    """
    indices: Tensor = _sort(x, dim, descending)[1]
    return indices


def msort(x: Tensor) -> Tensor:
    """Sort along the first dimension.

    Example:
        >>> import pyflame as pf
        >>> pf.msort(pf.tensor([[3, 1], [2, 4]]))
        tensor([[2, 1],
                [3, 4]])
    """
    values: Tensor = _sort(x, 0)[0]
    return values


def topk(
    x: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
    out: tuple[Tensor, Tensor] | None = None,
) -> ValuesIndices:
    """Take the k largest (or smallest) elements along a dimension; of equal ones, those that come first.

    Args:
        sorted: return them in order.
        out: tensors that take values and indices.

    Raises:
        RuntimeError: the dimension has fewer than `k` elements.

    Example:
        >>> import pyflame as pf
        >>> pf.topk(pf.tensor([3.0, 1.0, 2.0]), 2).values
        tensor([3., 2.])
    """
    found = ValuesIndices(*_topk(x, dim, k, largest, sorted))
    return found if out is None else stored_pair("topk", out, found)


def kthvalue(
    x: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices:
    """Find the k-th smallest element along a dimension, counted from 1.

    Args:
        out: tensors that take values and indices.

    Raises:
        RuntimeError: the dimension has fewer than `k` elements.

    Example:
        >>> import pyflame as pf
        >>> pf.kthvalue(pf.tensor([3.0, 1.0, 2.0]), 2).values
        tensor(2.)
    """
    found = ValuesIndices(*_kthvalue(x, dim, keepdim, k))
    return found if out is None else stored_pair("kthvalue", out, found)


def mode(x: Tensor, dim: int = -1, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None) -> ValuesIndices:
    """Find the most frequent element along a dimension, the smallest of several, and its last place.

    Args:
        out: tensors that take values and indices.

    Example:
        >>> import pyflame as pf
        >>> pf.mode(pf.tensor([3, 1, 3, 2])).values
        tensor(3)
    """
    found = ValuesIndices(*_mode(x, dim, keepdim))
    return found if out is None else stored_pair("mode", out, found)


@overload
def median(x: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def median(
    x: Tensor, dim: int, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices: ...
def median(x: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Tensor | ValuesIndices:
    """Find the middle element in sorted order, the lower of two; NaN if there is one.

    Args:
        dim: None for the median of all elements, without its place.
        out: takes the result, a tuple of two tensors where there are indices.

    Example:
        >>> import pyflame as pf
        >>> pf.median(pf.tensor([4.0, 1.0, 3.0, 2.0]))
        tensor(2.)
    """
    return _middle("median", _median, x, dim, keepdim, out)


@overload
def nanmedian(x: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def nanmedian(
    x: Tensor, dim: int, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> ValuesIndices: ...
def nanmedian(x: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Tensor | ValuesIndices:
    """Find the middle of the elements that are not NaN, the lower of two.

    Args:
        dim: None for the median of all elements, without its place.
        out: takes the result, a tuple of two tensors where there are indices.

    Example:
        >>> import pyflame as pf
        >>> pf.nanmedian(pf.tensor([4.0, float("nan"), 3.0]))
        tensor(3.)
    """
    return _middle("nanmedian", _nanmedian, x, dim, keepdim, out)


def _middle(name: str, op: _core.Op, x: Tensor, dim: int | None, keepdim: bool, out: Any) -> Any:
    if dim is not None:
        found = ValuesIndices(*op(x, dim, keepdim))
        return found if out is None else stored_pair(name, out, found)
    if not x.numel() and x.dtype.is_floating_point:
        value = _full(float("nan"), x.dtype, ())
    else:
        value = op(_reshape(x, (-1,)), 0)[0]
    return value if out is None else stored(name, out, value)
