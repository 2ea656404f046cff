"""Reductions over one, several or all dimensions.

The frequent ones take `dtype` by position too: Python fills in keyword-only defaults slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .. import _core
from .._core import TensorBase
from .._types import Dims
from ..dtypes import uint8
from .direct import direct
from .out import stored, stored_pair
from .results import MinMax, ValuesIndices

if TYPE_CHECKING:
    from .._tensor import Tensor
    from ..dtypes import DType

_all = _core.ops.all
_amax = _core.ops.amax
_amin = _core.ops.amin
_any = _core.ops.any
_argmax = _core.ops.argmax
_argmin = _core.ops.argmin
_cast = _core.ops.cast
_gather = _core.ops.gather
_maximum = _core.ops.maximum
_mean = _core.ops.mean
_minimum = _core.ops.minimum
_ne = _core.ops.ne
_prod = _core.ops.prod
_reshape = _core.ops.reshape
_sub = _core.ops.sub
_sum = _core.ops.sum
_where = _core.ops.where


@direct
def sum(
    x: Tensor, dim: Dims = None, keepdim: bool = False, dtype: DType | None = None, out: Tensor | None = None
) -> Tensor:
    """Add up elements; integers and bool give int64.

    Args:
        dim: one dimension or several; None for all.
        keepdim: keep the reduced dimensions with size 1.
        dtype: add up in this dtype.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sum(pf.tensor([[1, 2], [3, 4]]), dim=0)
        tensor([4, 6])
    """
    if out is not None:
        return stored("sum", out, sum(x, dim, keepdim, dtype))
    return _sum(x, dim, keepdim) if dtype is None else _in_dtype(_sum, x, dim, keepdim, dtype)


def _in_dtype(reduce: Any, x: Tensor, dim: Dims, keepdim: bool, dtype: DType) -> Tensor:
    """Small integers add up in int64 and are cut afterwards, which leaves the same bits."""
    total: Tensor = reduce(_cast(x, dtype), dim, keepdim)
    return total if total.dtype is dtype else _cast(total, dtype)


@direct
def mean(
    x: Tensor, dim: Dims = None, keepdim: bool = False, dtype: DType | None = None, out: Tensor | None = None
) -> Tensor:
    """Average elements.

    Args:
        dim: one dimension or several; None for all.
        dtype: convert to this dtype first.
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: `x` is not floating-point and no dtype is given.

    Example:
        >>> import pyflame as pf
        >>> pf.mean(pf.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
        tensor([1.5000, 3.5000])
    """
    if out is not None:
        return stored("mean", out, mean(x, dim, keepdim, dtype))
    return _mean(x if dtype is None else _cast(x, dtype), dim, keepdim)


@direct
def prod(
    x: Tensor, dim: int | None = None, keepdim: bool = False, dtype: DType | None = None, out: Tensor | None = None
) -> Tensor:
    """Multiply elements; integers and bool give int64.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.prod(pf.tensor([[1, 2], [3, 4]]), dim=1)
        tensor([ 2, 12])
    """
    if out is not None:
        return stored("prod", out, prod(x, dim, keepdim, dtype))
    return _prod(x, dim, keepdim) if dtype is None else _in_dtype(_prod, x, dim, keepdim, dtype)


def nansum(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Add up elements, counting NaN as 0.

    Example:
        >>> import pyflame as pf
        >>> pf.nansum(pf.tensor([1.0, float("nan")]))
        tensor(1.)
    """
    return sum(_where(_core.ops.isnan(x), 0, x), dim, keepdim, dtype=dtype)


def nanmean(
    x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None, out: Tensor | None = None
) -> Tensor:
    """Average the elements that are not NaN.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.nanmean(pf.tensor([1.0, float("nan"), 3.0]))
        tensor(2.)
    """
    if out is not None:
        return stored("nanmean", out, nanmean(x, dim, keepdim, dtype=dtype))
    count = _sum(_core.ops.eq(x, x), dim, keepdim)
    return _core.ops.div(nansum(x, dim, keepdim, dtype=dtype), count)


@direct
def amax(x: Tensor, dim: Dims = None, keepdim: bool = False, out: Tensor | None = None) -> Tensor:
    """Find the largest elements; ties share the gradient.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        IndexError: a reduced dimension is empty.

    Example:
        >>> import pyflame as pf
        >>> pf.amax(pf.tensor([[1, 5], [3, 4]]), dim=(0, 1))
        tensor(5)
    """
    if out is not None:
        return stored("amax", out, amax(x, dim, keepdim))
    return _amax(x, dim, keepdim)


@direct
def amin(x: Tensor, dim: Dims = None, keepdim: bool = False, out: Tensor | None = None) -> Tensor:
    """Find the smallest elements; ties share the gradient.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        IndexError: a reduced dimension is empty.

    Example:
        >>> import pyflame as pf
        >>> pf.amin(pf.tensor([[1, 5], [3, 4]]), dim=0)
        tensor([1, 4])
    """
    if out is not None:
        return stored("amin", out, amin(x, dim, keepdim))
    return _amin(x, dim, keepdim)


def aminmax(x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Find the smallest and the largest elements.

    Example:
        >>> import pyflame as pf
        >>> pf.aminmax(pf.tensor([3, 1, 2]))
        MinMax(min=tensor(1), max=tensor(3))
    """
    return MinMax(_amin(x, dim, keepdim), _amax(x, dim, keepdim))


@overload
def max(x: Tensor) -> Tensor: ...
@overload
def max(x: Tensor, dim: int, keepdim: bool = False, out: tuple[Tensor, Tensor] | None = None) -> ValuesIndices: ...
@overload
def max(x: Tensor, dim: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def max(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False, out: Any = None) -> Tensor | ValuesIndices:
    """Find the largest element of all, or along a dimension, or of two tensors (`maximum`).

    Along a dimension the result is `(values, indices)`, with the first index on ties, which also takes the gradient.

    Args:
        out: takes the result of the latter two: a tuple of tensors for values and indices, or a tensor.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([[1, 5], [3, 4]])
        >>> pf.max(x), pf.max(x, 1).indices
        (tensor(5), tensor([1, 1]))
    """
    if dim is None:
        return _amax(x)
    if isinstance(dim, TensorBase):
        return _maximum(x, dim) if out is None else stored("max", out, _maximum(x, dim))
    found = _extreme(x, _argmax, dim, keepdim)
    return found if out is None else stored_pair("max", out, found)


@overload
def min(x: Tensor) -> Tensor: ...
@overload
def min(x: Tensor, dim: int, keepdim: bool = False, out: tuple[Tensor, Tensor] | None = None) -> ValuesIndices: ...
@overload
def min(x: Tensor, dim: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def min(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False, out: Any = None) -> Tensor | ValuesIndices:
    """Find the smallest element of all, or along a dimension, or of two tensors (`minimum`).

    Along a dimension the result is `(values, indices)`, with the first index on ties, which also takes the gradient.

    Args:
        out: takes the result of the latter two: a tuple of tensors for values and indices, or a tensor.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([[1, 5], [3, 4]])
        >>> pf.min(x), pf.min(x, 1).values
        (tensor(1), tensor([1, 3]))
    """
    if dim is None:
        return _amin(x)
    if isinstance(dim, TensorBase):
        return _minimum(x, dim) if out is None else stored("min", out, _minimum(x, dim))
    found = _extreme(x, _argmin, dim, keepdim)
    return found if out is None else stored_pair("min", out, found)


def _extreme(x: Tensor, choose: _core.Op, dim: int, keepdim: bool) -> ValuesIndices:
    numbers = x if x.dtype.code else _cast(x, uint8)  # bool has no order of its own
    indices = choose(numbers, dim, True)
    values = _gather(x, indices, dim)
    if not keepdim and x.ndim:
        dim %= x.ndim
        shape = x.shape[:dim] + x.shape[dim + 1 :]
        values, indices = _reshape(values, shape), _reshape(indices, shape)
    return ValuesIndices(values, indices)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False, out: Tensor | None = None) -> Tensor:
    """Find the position of the largest element, the first on ties; NaN wins.

    Args:
        dim: None for the position in the flattened tensor.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.argmax(pf.tensor([[1, 5], [3, 4]]), dim=1)
        tensor([1, 1])
    """
    found = _argmax(x, dim, keepdim)
    return found if out is None else stored("argmax", out, found)


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False, out: Tensor | None = None) -> Tensor:
    """Find the position of the smallest element, the first on ties; NaN wins.

    Args:
        dim: None for the position in the flattened tensor.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.argmin(pf.tensor([[1, 5], [3, 4]]))
        tensor(0)
    """
    found = _argmin(x, dim, keepdim)
    return found if out is None else stored("argmin", out, found)


def any(x: Tensor, dim: Dims = None, keepdim: bool = False, out: Tensor | None = None) -> Tensor:
    """Tell whether at least one element is non-zero; uint8 tensors answer in uint8.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.any(pf.tensor([[0, 1], [0, 0]]), dim=1)
        tensor([ True, False])
    """
    if out is not None:
        return stored("any", out, any(x, dim, keepdim))
    return _truth(x, _any(x, dim, keepdim))


def all(x: Tensor, dim: Dims = None, keepdim: bool = False, out: Tensor | None = None) -> Tensor:
    """Tell whether every element is non-zero; uint8 tensors answer in uint8.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.all(pf.tensor([[1, 1], [0, 1]]), dim=1)
        tensor([ True, False])
    """
    if out is not None:
        return stored("all", out, all(x, dim, keepdim))
    return _truth(x, _all(x, dim, keepdim))


def _truth(x: Tensor, flags: Tensor) -> Tensor:
    return _cast(flags, uint8) if x.dtype is uint8 else flags  # as in PyTorch, from the time before bool


def count_nonzero(x: Tensor, dim: Dims = None) -> Tensor:
    """Count the elements that are not 0.

    Example:
        >>> import pyflame as pf
        >>> pf.count_nonzero(pf.tensor([3, 0, 5]))
        tensor(2)
    """
    return _sum(_ne(x, 0), dim)


def logsumexp(x: Tensor, dim: Dims, keepdim: bool = False, out: Tensor | None = None) -> Tensor:
    """Compute log(sum(exp(x))) without overflow.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logsumexp(pf.tensor([1000.0, 1000.0]), dim=0)
        tensor(1000.6932)
    """
    if out is not None:
        return stored("logsumexp", out, logsumexp(x, dim, keepdim))
    if not x.numel():
        return _core.ops.log(_sum(x, dim, keepdim))
    largest = _core.detach(_amax(x, dim, True))
    shift = _where(_core.ops.isfinite(largest), largest, 0.0)
    total = _core.ops.log(_sum(_core.ops.exp(_sub(x, shift)), dim, keepdim))
    return _core.ops.add(total, shift if keepdim else _reshape(shift, total.shape))
