"""Products of vectors and matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import _core
from ..ops.sequence import arange, eye
from ..ops.strided import diagonal as _diagonal
from ..ops.tensor_products import cross as _cross, multiply_chain
from .solvers import inv

if TYPE_CHECKING:
    from .._tensor import Tensor

_matmul = _core.ops.matmul


def cross(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Multiply vectors of three elements; the products are orthogonal to both.

    Args:
        x, y: of size 3 in `dim`; the others broadcast.

    Raises:
        RuntimeError: the number of dimensions differs, or `dim` has another size.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.cross(pf.tensor([1, 0, 0]), pf.tensor([0, 1, 0]))
        tensor([0, 0, 1])
    """
    return _cross(x, y, dim)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Sum the products of elements along one dimension.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.vecdot(pf.tensor([[1, 2], [3, 4]]), pf.tensor([1, 1]))
        tensor([3, 7])
    """
    products = x * y
    total = products.sum(dim)
    return total if total.dtype is products.dtype else total.to(products.dtype)


def diagonal(x: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """View the diagonals of matrices as the last dimension.

    Args:
        x: (..., n, m).
        offset: which diagonal; positive ones are above the main diagonal.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.diagonal(pf.tensor([[1, 2], [3, 4]]))
        tensor([1, 4])
    """
    return _diagonal(x, offset, dim1, dim2)


def trace(x: Tensor) -> Tensor:
    """Sum the diagonals of matrices.

    Args:
        x: (..., n, m).

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.trace(pf.tensor([[1, 2], [3, 4]]))
        tensor(5)
    """
    return _diagonal(x, 0, -2, -1).sum(-1)


def matrix_power(x: Tensor, n: int) -> Tensor:
    """Multiply matrices with themselves, by repeated squaring.

    Args:
        x: (..., k, k).
        n: how often; 0 gives identities, negative numbers powers of the inverse.

    Raises:
        RuntimeError: matrices are not square.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.matrix_power(pf.tensor([[1, 1], [0, 1]]), 5)
        tensor([[1, 5],
                [0, 1]])
    """
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"[linalg.matrix_power] x has shape {tuple(x.shape)}: expected square matrices")
    if n == 0:
        return eye(x.shape[-1], dtype=x.dtype).expand(x.shape).clone()
    power, count = (x, n) if n > 0 else (inv(x), -n)
    result: Tensor | None = None
    while True:
        if count & 1:
            result = power if result is None else _matmul(result, power)
        count >>= 1
        if not count:
            assert result is not None
            return result if n != 1 else result.clone()
        power = _matmul(power, power)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Multiply a chain of matrices in the order that needs the fewest multiplications.

    Args:
        tensors: at least two; the first and last may be vectors.

    Raises:
        RuntimeError: there are fewer, or one is no matrix.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.multi_dot([pf.tensor([[1, 2]]), pf.tensor([[3], [4]]), pf.tensor([[2]])])
        tensor([[22]])
    """
    chain = list(tensors)
    if len(chain) < 2:
        raise RuntimeError(f"[linalg.multi_dot] got {len(chain)} tensors: expected at least two")
    ends = chain[0].ndim == 1, chain[-1].ndim == 1
    if ends[0]:
        chain[0] = chain[0].unsqueeze(0)
    if ends[1]:
        chain[-1] = chain[-1].unsqueeze(1)
    for place, x in enumerate(chain):
        if x.ndim != 2:
            raise RuntimeError(f"[linalg.multi_dot] tensor {place} has {x.ndim} dimensions: expected a matrix")
    product = multiply_chain(chain)
    return product.reshape([size for size, gone in zip(product.shape, ends) if not gone]) if any(ends) else product


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Make matrices of the powers of vectors, from 0 on.

    Args:
        x: (..., n).
        N: number of columns; None for n.

    Raises:
        RuntimeError: `N` is not larger than 1.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.vander(pf.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [1, 2, 4],
                [1, 3, 9]])
    """
    if not x.ndim:
        x = x.unsqueeze(0)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError(f"[linalg.vander] N is {count}: it must be larger than 1")
    return x.unsqueeze(-1) ** arange(count)
