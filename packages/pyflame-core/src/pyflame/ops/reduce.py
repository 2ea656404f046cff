"""Reductions over one, several or all dimensions.

The frequent ones take `dtype` by position too: Python fills in keyword-only defaults slowly.
"""

from __future__ import annotations

import math
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
_mul = _core.ops.mul
_ne = _core.ops.ne
_pow = _core.ops.pow
_prod = _core.ops.prod
_relu = _core.ops.relu
_reshape = _core.ops.reshape
_sqrt = _core.ops.sqrt
_square = _core.ops.square
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


def norm(
    x: Tensor, p: float | str = "fro", dim: Dims = None, keepdim: bool = False, out: Tensor | None = None
) -> Tensor:
    """Compute the p-norm of the elements; its gradient at 0 is 0.

    Args:
        p: the order: a number, `inf`, `-inf`, or "fro", which is 2.
        out: takes the result instead of a new tensor.

    Raises:
        ValueError: `p` is another string.

    Example:
        >>> import pyflame as pf
        >>> pf.norm(pf.tensor([3.0, 4.0])), pf.norm(pf.tensor([3.0, -4.0]), 1)
        (tensor(5.), tensor(7.))
    """
    if out is not None:
        return stored("norm", out, norm(x, p, dim, keepdim))
    if p == "fro" or p == 2:
        return root(_sum(_square(x), dim, keepdim))
    if isinstance(p, str):
        raise ValueError(f"[norm] p is {p!r}: expected a number or 'fro'")
    size = _core.ops.abs(x)
    if p in (math.inf, -math.inf) and not x.numel():
        raise RuntimeError(f"[norm] x has shape {tuple(x.shape)}, p is {p}: the extreme of no elements is not defined")
    if p == 1:
        return _sum(size, dim, keepdim)
    if p == math.inf:
        return _amax(size, dim, keepdim)
    if p == -math.inf:
        return _amin(size, dim, keepdim)
    if p == 0:
        # The sign stands for 0 and has its gradient, which is 0 everywhere.
        return _sum(_where(_ne(x, 0), 1.0, _core.ops.sign(x)), dim, keepdim)
    # The power of 1 stands in at 0, where its gradient may be infinite.
    zero = _core.ops.eq(size, 0)
    powers = _where(zero, 0.0, _pow(_where(zero, 1.0, size), p)) if 0 < p < 1 else _pow(size, p)
    total = _sum(powers, dim, keepdim)
    empty = _core.ops.eq(total, 0)
    return _where(empty, 0.0, _pow(_where(empty, 1.0, total), 1.0 / p)) if p > 0 else _pow(total, 1.0 / p)


def root(x: Tensor) -> Tensor:
    """The square root, with gradient 0 at 0, where that of 1 stands in."""
    zero = _core.ops.eq(x, 0)
    return _where(zero, 0.0, _sqrt(_where(zero, 1.0, x)))


def dist(a: Tensor, b: Tensor, p: float = 2) -> Tensor:
    """Compute the p-norm of a - b.

    Example:
        >>> import pyflame as pf
        >>> pf.dist(pf.tensor([1.0, 2.0]), pf.tensor([4.0, 6.0]))
        tensor(5.)
    """
    return norm(_sub(a, b), p)


# More rows than this, and distances go by a matrix product.
_PRODUCT_FROM: dict[str | None, float] = {
    None: 25,
    "use_mm_for_euclid_dist_if_necessary": 25,
    "use_mm_for_euclid_dist": -1,
    "donot_use_mm_for_euclid_dist": math.inf,
}


def _squared_distances(x1: Tensor, x2: Tensor) -> Tensor:
    """|a - b|^2 of all pairs of rows as |a|^2 + |b|^2 - 2 a b, which rounding may leave below 0."""
    rows, columns = (_sum(_square(x), -1, True) for x in (x1, x2))
    return _sub(rows + columns.mT, _mul(x1 @ x2.mT, 2.0))


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """Compute the p-norm distance of each row of one matrix to each row of another; its gradient at 0 is 0.

    Args:
        x1: (..., n, features).
        x2: (..., m, features); leading dimensions broadcast.
        p: 0 or more, or `inf`.
        compute_mode: how Euclidean distances are computed. "use_mm_for_euclid_dist" goes by a matrix product, which is
            many times faster and loses digits of distances that are small beside the rows;
            "donot_use_mm_for_euclid_dist" goes by differences; "use_mm_for_euclid_dist_if_necessary" and None go by a
            product for more than 25 rows in either matrix.

    Returns:
        The distances, (..., n, m).

    Raises:
        RuntimeError: a matrix has fewer than two dimensions, or the numbers of features differ.
        ValueError: the mode is unknown.

    Example:
        >>> import pyflame as pf
        >>> pf.cdist(pf.tensor([[0.0, 0.0], [3.0, 4.0]]), pf.tensor([[3.0, 4.0]]))
        tensor([[5.],
                [0.]])
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"[cdist] x1 has shape {tuple(x1.shape)}, x2 {tuple(x2.shape)}: expected at least two dimensions "
            "and as many features in the last one"
        )
    if p < 0:
        raise RuntimeError(f"[cdist] p is {p}: expected 0 or more")
    if compute_mode not in _PRODUCT_FROM:
        modes = ", ".join(str(mode) for mode in _PRODUCT_FROM)
        raise ValueError(f"[cdist] compute_mode is {compute_mode!r}: expected one of {modes}")
    alike = x1.dtype == x2.dtype and x1.dtype.is_floating_point
    most = _PRODUCT_FROM[compute_mode]
    if p == 2 and alike and (x1.shape[-2] > most or x2.shape[-2] > most):
        return root(_relu(_squared_distances(x1, x2)))
    rows = _reshape(x1, (*x1.shape[:-1], 1, x1.shape[-1]))
    columns = _reshape(x2, (*x2.shape[:-2], 1, *x2.shape[-2:]))
    differences = _sub(rows, columns)
    if not differences.shape[-1]:
        return _sum(differences, -1)
    return norm(differences, p, -1)
