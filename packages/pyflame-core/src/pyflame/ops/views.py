"""Matrices made of diagonals, and diagonals of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .shape import wrap_dim
from .strided import diagonal as matrix_diagonal

if TYPE_CHECKING:
    from .._tensor import Tensor

_embed = _core.ops.embed
_permute = _core.ops.permute
_reshape = _core.ops.reshape


def diag_embed(x: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Put the last dimension on the diagonal of matrices of zeros.

    Args:
        x: (..., n).
        offset: which diagonal; positive ones are above the main diagonal.
        dim1, dim2: the dimensions of the matrices in the result.

    Raises:
        RuntimeError: `dim1` and `dim2` are the same.

    Example:
        >>> import pyflame as pf
        >>> pf.diag_embed(pf.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    ndim = x.ndim + 1
    if not x.ndim:
        raise IndexError("[diag_embed] a 0-d tensor has no last dimension")
    rows, columns = wrap_dim("diag_embed", dim1, ndim), wrap_dim("diag_embed", dim2, ndim)
    if rows == columns:
        raise RuntimeError(f"[diag_embed] dim1 {dim1} and dim2 {dim2} are the same dimension")
    size = x.shape[-1] + abs(offset)
    if not x.shape[-1]:  # no element to embed
        shape = [*x.shape[:-1], size, size]
        flat = _core.ops.expand(_reshape(_core.ops.full(0, x.dtype, ()), [1] * len(shape)), shape)
    else:
        # In the flattened matrix the diagonal is a slice.
        start = offset if offset > 0 else -offset * size
        flat = _reshape(_embed(x, -1, start, size + 1, size * size), (*x.shape[:-1], size, size))
    rest = iter(range(ndim - 2))
    order = [ndim - 2 if dim == rows else ndim - 1 if dim == columns else next(rest) for dim in range(ndim)]
    return _permute(flat, order)


def diag(x: Tensor, diagonal: int = 0) -> Tensor:
    """Make a matrix of a vector, or take the diagonal of a matrix.

    Args:
        x: (n,) or (n, m).
        diagonal: which one; positive ones are above the main diagonal.

    Raises:
        RuntimeError: `x` has another number of dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.diag(pf.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    if x.ndim == 1:
        return diag_embed(x, diagonal)
    if x.ndim != 2:
        raise RuntimeError(f"[diag] x has shape {tuple(x.shape)}: expected one or two dimensions")
    return matrix_diagonal(x, diagonal).clone()


def diagflat(x: Tensor, offset: int = 0) -> Tensor:
    """Put all elements on the diagonal of a matrix of zeros.

    Example:
        >>> import pyflame as pf
        >>> pf.diagflat(pf.tensor([[1, 2]]))
        tensor([[1, 0],
                [0, 2]])
    """
    return diag_embed(_reshape(x, (-1,)), offset)
