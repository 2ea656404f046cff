"""Matrix products and triangles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import _core
from .._autocast import lower_inputs
from .._types import Number
from .direct import direct
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor

_add = _core.ops.add
_linear = _core.linear
_matmul = _core.ops.matmul
_mul = _core.ops.mul
_reshape = _core.ops.reshape
_tril = _core.ops.tril
_triu = _core.ops.triu


def _need(op: str, a: Tensor, rank_a: int, b: Tensor, rank_b: int) -> None:
    if a.ndim != rank_a or b.ndim != rank_b:
        raise RuntimeError(
            f"[{op}] a has shape {tuple(a.shape)}, b has shape {tuple(b.shape)}: expected {rank_a}-d and {rank_b}-d"
        )


@direct
def matmul(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Multiply matrices, vectors, or batches of them.

    Args:
        a: (..., n, k), or (k,) for a row.
        b: (..., k, m), or (k,) for a column. Leading dimensions broadcast.
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: the inner sizes differ, or an operand is 0-d.

    Example:
        >>> import pyflame as pf
        >>> pf.matmul(pf.tensor([[1, 2], [3, 4]]), pf.tensor([1, 1]))
        tensor([3, 7])
    """
    if out is not None:
        return stored("matmul", out, matmul(a, b))
    return _matmul(a, b)


@direct
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute `x @ weight.T + bias`.

    Args:
        x: (..., in_features)
        weight: (out_features, in_features), or (in_features,) for one output without a dimension.
        bias: (out_features,)

    Raises:
        RuntimeError: `weight` has other dimensions, or sizes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.linear(pf.tensor([[1.0, 2.0]]), pf.tensor([[3.0, 4.0]]), pf.tensor([0.5]))
        tensor([[11.5000]])
    """
    return _linear(x, weight, bias)


def mm(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Multiply two matrices.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.mm(pf.tensor([[1, 2]]), pf.tensor([[3], [4]]))
        tensor([[11]])
    """
    if out is not None:
        return stored("mm", out, mm(a, b))
    if a.ndim != 2 or b.ndim != 2:
        _need("mm", a, 2, b, 2)
    return _matmul(a, b)


def mv(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Multiply a matrix and a vector.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.mv(pf.tensor([[1, 2], [3, 4]]), pf.tensor([1, 1]))
        tensor([3, 7])
    """
    if out is not None:
        return stored("mv", out, mv(a, b))
    _need("mv", a, 2, b, 1)
    return _matmul(a, b)


def bmm(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Multiply two batches of matrices, pair by pair.

    Args:
        a: (batch, n, k).
        b: (batch, k, m).
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.bmm(pf.ones(2, 1, 3), pf.ones(2, 3, 1)).shape
        pyflame.Size([2, 1, 1])
    """
    if out is not None:
        return stored("bmm", out, bmm(a, b))
    _need("bmm", a, 3, b, 3)
    if a.shape[0] != b.shape[0]:
        raise RuntimeError(f"[bmm] a has shape {tuple(a.shape)}, b has shape {tuple(b.shape)}: batch sizes differ")
    return _matmul(a, b)


def dot(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Sum the products of two vectors.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.dot(pf.tensor([1, 2]), pf.tensor([3, 4]))
        tensor(11)
    """
    if out is not None:
        return stored("dot", out, dot(a, b))
    _need("dot", a, 1, b, 1)
    return _matmul(a, b)


def inner(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Sum the products along the last dimension of both.

    Args:
        a: (..., k), or 0-d.
        b: (..., k), or 0-d.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.inner(pf.tensor([[1, 2], [3, 4]]), pf.tensor([1, 1]))
        tensor([3, 7])
    """
    if out is not None:
        return stored("inner", out, inner(a, b))
    if not a.ndim or not b.ndim:
        return _mul(a, b)
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"[inner] a has shape {tuple(a.shape)}, b has shape {tuple(b.shape)}: the last sizes differ")
    rows, columns = (_reshape(x, (math.prod(x.shape[:-1]), x.shape[-1])) for x in (a, b))
    return _reshape(_matmul(rows, _core.ops.permute(columns, (1, 0))), a.shape[:-1] + b.shape[:-1])


def outer(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Multiply each element of one vector with each of another.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.outer(pf.tensor([1, 2]), pf.tensor([3, 4]))
        tensor([[3, 4],
                [6, 8]])
    """
    if out is not None:
        return stored("outer", out, outer(a, b))
    _need("outer", a, 1, b, 1)
    return _mul(_reshape(a, (-1, 1)), _reshape(b, (1, -1)))


def _scaled_sum(x: Tensor, product: Tensor, beta: Number, alpha: Number) -> Tensor:
    if alpha != 1:
        product = _mul(product, alpha)
    if beta == 0:  # what is multiplied by 0 is not looked at, NaN included
        return _core.ops.expand(product, product.shape)
    return _add(x if beta == 1 else _mul(x, beta), product)


@lower_inputs
def addmm(x: Tensor, a: Tensor, b: Tensor, *, beta: Number = 1, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """Compute `beta * x + alpha * (a @ b)`.

    Args:
        x: broadcasts to (n, m).
        a: (n, k).
        b: (k, m).
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.addmm(pf.tensor([[10]]), pf.tensor([[1, 2]]), pf.tensor([[3], [4]]))
        tensor([[21]])
    """
    if out is not None:
        return stored("addmm", out, addmm(x, a, b, beta=beta, alpha=alpha))
    return _scaled_sum(x, mm(a, b), beta, alpha)


def addmv(x: Tensor, a: Tensor, b: Tensor, *, beta: Number = 1, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """Compute `beta * x + alpha * (a @ b)` for a matrix and a vector.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.addmv(pf.tensor([10]), pf.tensor([[1, 2]]), pf.tensor([3, 4]))
        tensor([21])
    """
    if out is not None:
        return stored("addmv", out, addmv(x, a, b, beta=beta, alpha=alpha))
    return _scaled_sum(x, mv(a, b), beta, alpha)


@lower_inputs
def baddbmm(
    x: Tensor, a: Tensor, b: Tensor, *, beta: Number = 1, alpha: Number = 1, out: Tensor | None = None
) -> Tensor:
    """Compute `beta * x + alpha * (a @ b)` for batches of matrices.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.baddbmm(pf.ones(1, 1, 1), pf.ones(2, 1, 3), pf.ones(2, 3, 1))[:, 0, 0]
        tensor([4., 4.])
    """
    if out is not None:
        return stored("baddbmm", out, baddbmm(x, a, b, beta=beta, alpha=alpha))
    return _scaled_sum(x, bmm(a, b), beta, alpha)


@direct
def tril(x: Tensor, diagonal: int = 0, out: Tensor | None = None) -> Tensor:
    """Keep the lower triangle of each matrix, with zeros elsewhere.

    Args:
        x: (..., n, m).
        diagonal: the last diagonal kept; positive ones are above the main diagonal.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.tril(pf.ones(2, 2))
        tensor([[1., 0.],
                [1., 1.]])
    """
    if out is not None:
        return stored("tril", out, tril(x, diagonal))
    return _tril(x, diagonal)


@direct
def triu(x: Tensor, diagonal: int = 0, out: Tensor | None = None) -> Tensor:
    """Keep the upper triangle of each matrix, with zeros elsewhere.

    Args:
        x: (..., n, m).
        diagonal: the first diagonal kept; positive ones are above the main diagonal.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.triu(pf.ones(2, 2))
        tensor([[1., 1.],
                [0., 1.]])
    """
    if out is not None:
        return stored("triu", out, triu(x, diagonal))
    return _triu(x, diagonal)


ger = outer
vdot = dot
