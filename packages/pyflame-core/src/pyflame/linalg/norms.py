"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import _core
from ..dtypes import DType
from ..ops.sequence import eye
from ..ops.shape import wrap_dim
from .checks import check_matrix
from .decompositions import svdvals
from .determinants import slogdet
from .solvers import inv

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Dims

_abs = _core.ops.abs
_where = _core.ops.where


def _prepared(op: str, x: Tensor, dtype: DType | None) -> Tensor:
    if not x.dtype.is_floating_point:
        raise RuntimeError(f"[{op}] x is {x.dtype.name}: expected a floating-point dtype")
    if dtype is None or dtype is x.dtype:
        return x
    if not dtype.is_floating_point or dtype.itemsize < x.dtype.itemsize:
        raise RuntimeError(f"[{op}] x is {x.dtype.name}, dtype is {dtype.name}: expected a wider floating-point dtype")
    return _core.ops.cast(x, dtype)


def vector_norm(
    x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Compute the norm of vectors, `(|x| ** ord).sum() ** (1 / ord)`; its gradient at 0 is 0.

    Args:
        ord: any number; inf for the largest, -inf for the smallest absolute value, 0 for the number of non-zeros.
        dim: the dimensions of the vectors; None for all.
        dtype: convert to this first.

    Raises:
        RuntimeError: `x` is not floating-point, or a vector without elements has no such norm.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.vector_norm(pf.tensor([3.0, 4.0]))
        tensor(5.)
    """
    x = _prepared("linalg.vector_norm", x, dtype)
    dims: Any = dim if dim is None or isinstance(dim, int) else tuple(dim) or None
    if ord in (math.inf, -math.inf) or ord < 0:
        reduced = range(x.ndim) if dims is None else (dims,) if isinstance(dims, int) else dims
        if any(not x.shape[place] for place in reduced if x.ndim):
            raise RuntimeError(f"[linalg.vector_norm] ord is {ord}: undefined for a dimension without elements")
    if ord == math.inf:
        return _abs(x).amax(dims, keepdim)
    if ord == -math.inf:
        return _abs(x).amin(dims, keepdim)
    if ord == 0:
        return _core.ops.cast(x != 0, x.dtype).sum(dims, keepdim)
    if ord == 1:
        return _abs(x).sum(dims, keepdim)
    return x.norm(ord, dims, keepdim)


def matrix_norm(
    x: Tensor, ord: float | str = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Compute the norm of matrices.

    Args:
        x: (..., n, m).
        ord: "fro" for the root of the sum of squares, "nuc" for the sum of singular values, 2 and -2 for the largest
            and smallest one; 1 and -1 for the largest and smallest sum of a column, inf and -inf of a row.
        dim: the dimensions of the matrices.
        dtype: convert to this first.

    Raises:
        RuntimeError: `x` holds no matrices, or `ord` is none of these.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.matrix_norm(pf.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
        tensor(6.)
    """
    op = "linalg.matrix_norm"
    x = _prepared(op, x, dtype)
    if x.ndim < 2:
        raise RuntimeError(f"[{op}] x has {x.ndim} dimensions: expected matrices, of at least 2")
    if len(dim) != 2:
        raise RuntimeError(f"[{op}] dim is {dim}: expected two dimensions")
    rows, columns = (wrap_dim(op, place, x.ndim) for place in dim)
    if rows == columns:
        raise RuntimeError(f"[{op}] dim {dim} names one dimension twice")
    if ord == "fro":
        return vector_norm(x, 2, (rows, columns), keepdim)
    x = x.movedim((rows, columns), (-2, -1))
    if ord in (2, -2, "nuc"):
        values = svdvals(x)
        norm = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord == 2 else values.amin(-1)
    elif ord in (1, -1, math.inf, -math.inf):
        sums = _abs(x).sum(-2 if ord in (1, -1) else -1)
        norm = sums.amax(-1) if ord in (1, math.inf) else sums.amin(-1)
    else:
        raise RuntimeError(f"[{op}] ord is {ord!r}: expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    if keepdim:
        for place in sorted((rows, columns)):
            norm = norm.unsqueeze(place)
    return norm


def norm(x: Tensor, ord: Any = None, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Compute the norm of vectors or matrices.

    Args:
        ord: None for the root of the sum of squares; else as for `vector_norm` or `matrix_norm`.
        dim: one dimension for vectors, two for matrices; None for all elements, or, with `ord`, for the vector or
            matrix that `x` is.
        dtype: convert to this first.

    Raises:
        RuntimeError: `ord` does not suit the dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.norm(pf.tensor([[3.0, 4.0]]))
        tensor(5.)
    """
    dims = (dim,) if isinstance(dim, int) else None if dim is None else tuple(dim)
    if dims is not None and len(dims) not in (1, 2) and ord is not None:
        raise RuntimeError(f"[linalg.norm] dim is {dim}: expected one dimension or two")
    if dims is None and ord is not None and x.ndim not in (1, 2):
        raise RuntimeError(f"[linalg.norm] x has {x.ndim} dimensions: with ord, give dim")
    if ord is not None and (len(dims) if dims is not None else x.ndim) == 2:
        return matrix_norm(x, ord, (-2, -1) if dims is None else dims, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"[linalg.norm] ord is {ord!r}: it is for matrices, give two dimensions")
    return vector_norm(x, 2 if ord is None else ord, dims, keepdim, dtype=dtype)


def cond(x: Tensor, p: float | str | None = None) -> Tensor:
    """Compute condition numbers, `norm(x, p) * norm(inv(x), p)`; those of singular matrices are infinite.

    Args:
        x: (..., n, m); square unless `p` is None, 2 or -2.
        p: as `ord` of `matrix_norm`; None for 2.

    Raises:
        RuntimeError: matrices are not square.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.cond(pf.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(2.)
    """
    check_matrix("linalg.cond", x, square=p not in (None, 2, -2))
    if p in (None, 2, -2):
        values = svdvals(x)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    assert p is not None
    singular = slogdet(x).sign == 0  # not det(x) == 0: a determinant underflows
    regular = _where(singular.unsqueeze(-1).unsqueeze(-1), eye(x.shape[-1], dtype=x.dtype), x)
    return _where(singular, math.inf, matrix_norm(x, p) * matrix_norm(inv(regular), p))
