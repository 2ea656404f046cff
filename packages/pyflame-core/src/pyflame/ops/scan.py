"""Running sums, products and extremes, and what neighbours along a dimension differ by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .._types import Number
from ..dtypes import bool_, int64, uint8
from .direct import direct
from .out import stored, stored_pair
from .results import ValuesIndices
from .shape import wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor
    from ..dtypes import DType

_cast = _core.ops.cast
_cummax = _core.ops.cummax
_cummin = _core.ops.cummin
_cumprod = _core.ops.cumprod
_cumsum = _core.ops.cumsum
_logcumsumexp = _core.ops.logcumsumexp


def cumsum(x: Tensor, dim: int, *, dtype: DType | None = None, out: Tensor | None = None) -> Tensor:
    """Add up the elements so far along a dimension; integers and bool give int64.

    Args:
        dtype: convert to this dtype first.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.cumsum(pf.tensor([[1, 2, 3], [4, 5, 6]]), dim=1)
        tensor([[ 1,  3,  6],
                [ 4,  9, 15]])
    """
    if out is not None:
        return stored("cumsum", out, cumsum(x, dim, dtype=dtype))
    return _accumulate(_cumsum, x, dim, dtype)


def cumprod(x: Tensor, dim: int, *, dtype: DType | None = None, out: Tensor | None = None) -> Tensor:
    """Multiply the elements so far along a dimension; integers and bool give int64.

    Args:
        dtype: convert to this dtype first.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.cumprod(pf.tensor([1.0, 2.0, 3.0]), dim=0)
        tensor([1., 2., 6.])
    """
    if out is not None:
        return stored("cumprod", out, cumprod(x, dim, dtype=dtype))
    return _accumulate(_cumprod, x, dim, dtype)


def _accumulate(op: _core.Op, x: Tensor, dim: int, dtype: DType | None) -> Tensor:
    if dtype is not None and dtype is not x.dtype:
        x = _cast(x, dtype)
    if x.dtype is bool_:
        x = _cast(x, int64)
    y = op(x, dim)
    return y if dtype is None or y.dtype is dtype else _cast(y, dtype)


@direct
def logcumsumexp(x: Tensor, dim: int, out: Tensor | None = None) -> Tensor:
    """Compute log(cumsum(exp(x))) without overflow.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logcumsumexp(pf.tensor([1000.0, 1000.0]), dim=0)
        tensor([1000.0000, 1000.6932])
    """
    if out is not None:
        return stored("logcumsumexp", out, logcumsumexp(x, dim))
    return _logcumsumexp(x, dim)


def cummax(x: Tensor, dim: int, *, out: tuple[Tensor, Tensor] | None = None) -> ValuesIndices:
    """Find the largest element so far along a dimension and its place, the last one on ties; NaN wins.

    Args:
        out: tensors that take values and indices.

    Example:
        >>> import pyflame as pf
        >>> pf.cummax(pf.tensor([1, 3, 2, 5]), dim=0).values
        tensor([1, 3, 3, 5])
    """
    found = _extreme(_cummax, x, dim)
    return found if out is None else stored_pair("cummax", out, found)


def cummin(x: Tensor, dim: int, *, out: tuple[Tensor, Tensor] | None = None) -> ValuesIndices:
    """Find the smallest element so far along a dimension and its place, the last one on ties; NaN wins.

    Args:
        out: tensors that take values and indices.

    Example:
        >>> import pyflame as pf
        >>> pf.cummin(pf.tensor([3, 1, 2, 0]), dim=0).indices
        tensor([0, 1, 1, 3])
    """
    found = _extreme(_cummin, x, dim)
    return found if out is None else stored_pair("cummin", out, found)


def _extreme(op: _core.Op, x: Tensor, dim: int) -> ValuesIndices:
    values, indices = op(_cast(x, uint8) if x.dtype is bool_ else x, dim)
    return ValuesIndices(_cast(values, bool_) if x.dtype is bool_ else values, indices)


def diff(x: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
    """Subtract each element from the next along a dimension; of bool tensors, tell where they differ.

    Args:
        n: how many times to do so.
        prepend, append: what to put before and behind `x` along `dim` first.

    Raises:
        RuntimeError: `x` is 0-d, or `n` is negative.

    Example:
        >>> import pyflame as pf
        >>> pf.diff(pf.tensor([1, 4, 9, 16]), n=2)
        tensor([2, 2])
    """
    if not x.ndim:
        raise RuntimeError("[diff] x has shape (): expected at least one dimension")
    if n < 0:
        raise RuntimeError(f"[diff] n is {n}: expected 0 or more")
    dim = wrap_dim("diff", dim, x.ndim)
    if prepend is not None or append is not None:
        x = _core.ops.cat([part for part in (prepend, x, append) if part is not None], dim)
    step = _core.ops.logical_xor if x.dtype is bool_ else _core.ops.sub
    for _ in range(min(n, x.shape[dim])):
        length = x.shape[dim] - 1
        x = step(_core.ops.slice(x, dim, 1, 1, length), _core.ops.slice(x, dim, 0, 1, length))
    return x


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Tensor:
    """Integrate along a dimension by the trapezoidal rule.

    Args:
        x: where the samples are: 1-d, or broadcast with `y`; in the way of `dx`.
        dx: the distance of the samples, 1 by default.

    Raises:
        RuntimeError: `x` and `dx` are both given, or `x` has another number of samples.

    Example:
        >>> import pyflame as pf
        >>> pf.trapezoid(pf.tensor([1.0, 2.0, 3.0]), dx=2)
        tensor(8.)
    """
    dim = wrap_dim("trapezoid", dim, y.ndim)
    if x is not None and dx is not None:
        raise RuntimeError("[trapezoid] x and dx are both given: give one of them")
    if not y.shape[dim]:
        return _cast(_core.ops.sum(y, dim), y.dtype)
    length = y.shape[dim] - 1
    pairs = _core.ops.add(_core.ops.slice(y, dim, 1, 1, length), _core.ops.slice(y, dim, 0, 1, length))
    if x is None:
        return _core.ops.mul(_core.ops.sum(pairs, dim), (1 if dx is None else dx) / 2)
    if x.ndim == 1:
        if x.shape[0] != y.shape[dim]:
            raise RuntimeError(f"[trapezoid] x has {x.shape[0]} samples, y has {y.shape[dim]} along dimension {dim}")
        widths = _core.ops.reshape(diff(x), [length if d == dim else 1 for d in range(y.ndim)])
    else:
        widths = diff(x, dim=dim - y.ndim)
    return _core.ops.div(_core.ops.sum(_core.ops.mul(widths, pairs), dim), 2)
