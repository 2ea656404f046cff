"""Products of tensors beyond the matrix product: over chosen dimensions, of chains, of blocks and of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .._types import Number
from ..dtypes import int64
from .linalg import _scaled_sum, bmm, outer
from .shape import broadcast_shapes, wrap_dim
from .strided import diagonal

if TYPE_CHECKING:
    from .._tensor import Tensor

_arange = _core.ops.arange_int
_expand = _core.ops.expand
_matmul = _core.ops.matmul
_mul = _core.ops.mul
_permute = _core.ops.permute
_reshape = _core.ops.reshape


def _sum_as(x: Tensor, dim: Any) -> Tensor:
    """The sum in the dtype of the terms, as products have it."""
    total = _core.ops.sum(x, dim)
    return total if total.dtype is x.dtype else _core.ops.cast(total, x.dtype)


def addbmm(x: Tensor, a: Tensor, b: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Compute `beta * x + alpha * (a @ b).sum(0)`.

    Args:
        x: broadcasts to (n, m).
        a: (batch, n, k).
        b: (batch, k, m).

    Example:
        >>> import pyflame as pf
        >>> pf.addbmm(pf.zeros(1, 1), pf.ones(2, 1, 3), pf.ones(2, 3, 1))
        tensor([[6.]])
    """
    return _scaled_sum(x, _sum_as(bmm(a, b), 0), beta, alpha)


def addr(x: Tensor, a: Tensor, b: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Compute `beta * x + alpha * outer(a, b)`.

    Args:
        x: broadcasts to (n, m).
        a: (n,).
        b: (m,).

    Example:
        >>> import pyflame as pf
        >>> pf.addr(pf.tensor([[10, 20]]), pf.tensor([1]), pf.tensor([3, 4]))
        tensor([[13, 24]])
    """
    return _scaled_sum(x, outer(a, b), beta, alpha)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Multiply and sum over dimensions of both tensors.

    Args:
        dims: how many of the last dimensions of `a` and the first of `b`; or two lists, of `a` and of `b`.

    Raises:
        RuntimeError: the dimensions differ in number or size.

    Example:
        >>> import pyflame as pf
        >>> pf.tensordot(pf.ones(2, 3), pf.ones(3, 4), 1).shape
        pyflame.Size([2, 4])
    """
    if isinstance(dims, _core.TensorBase):
        dims = _core.to_array(dims).tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"[tensordot] dims is {dims}, a has {a.ndim} dimensions, b has {b.ndim}")
        dims = (list(range(a.ndim - dims, a.ndim)), list(range(dims)))
    pairs: list[list[int]] = [[given] if isinstance(given, int) else list(given) for given in dims]
    left, right = ([wrap_dim("tensordot", dim, x.ndim) for dim in given] for given, x in zip(pairs, (a, b)))
    if len(left) != len(right):
        raise RuntimeError(f"[tensordot] {len(left)} dimensions of a and {len(right)} of b: expected as many")
    for p, q in zip(left, right):
        if a.shape[p] != b.shape[q]:
            # One of them may be 1: its elements are then summed with all of the other's.
            if 1 not in (a.shape[p], b.shape[q]):
                raise RuntimeError(
                    f"[tensordot] a has shape {tuple(a.shape)}, b has shape {tuple(b.shape)}: "
                    f"sizes of dimension {p} of a and {q} of b differ"
                )
            if a.shape[p] == 1:
                b = _core.ops.cast(_core.ops.sum(b, q, True), b.dtype)
            else:
                a = _core.ops.cast(_core.ops.sum(a, p, True), a.dtype)
    rows, columns = [d for d in range(a.ndim) if d not in left], [d for d in range(b.ndim) if d not in right]
    shape = [*(a.shape[d] for d in rows), *(b.shape[d] for d in columns)]
    inner = math.prod(a.shape[d] for d in left)
    x = _reshape(_permute(a, [*rows, *left]), (math.prod(a.shape[d] for d in rows), inner))
    y = _reshape(_permute(b, [*right, *columns]), (inner, math.prod(b.shape[d] for d in columns)))
    return _reshape(_matmul(x, y), shape)


def kron(a: Tensor, b: Tensor) -> Tensor:
    """Put a copy of `b`, multiplied by it, in place of each element of `a`.

    Example:
        >>> import pyflame as pf
        >>> pf.kron(pf.tensor([[1, 2]]), pf.tensor([[1], [10]]))
        tensor([[ 1,  2],
                [10, 20]])
    """
    ndim = max(a.ndim, b.ndim)
    left, right = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    x = _reshape(a, [size for one in left for size in (one, 1)])
    y = _reshape(b, [size for one in right for size in (1, one)])
    return _reshape(_mul(x, y), [p * q for p, q in zip(left, right)])


def cross(x: Tensor, y: Tensor, dim: int | None = None) -> Tensor:
    """Multiply vectors of three elements; the products are orthogonal to both.

    Args:
        dim: the dimension of the vectors; None for the first one of size 3.

    Raises:
        RuntimeError: the number of dimensions differs, or `dim` has another size than 3.

    Example:
        >>> import pyflame as pf
        >>> pf.cross(pf.tensor([1, 0, 0]), pf.tensor([0, 1, 0]))
        tensor([0, 0, 1])
    """
    if x.ndim != y.ndim:
        raise RuntimeError(f"[cross] x has {x.ndim} dimensions, y has {y.ndim}: must be equal")
    shape = broadcast_shapes(x.shape, y.shape)
    place = next((d for d, size in enumerate(shape) if size == 3), 0) if dim is None else wrap_dim("cross", dim, x.ndim)
    if not shape or x.shape[place] != 3 or y.shape[place] != 3:
        raise RuntimeError(
            f"[cross] x has shape {tuple(x.shape)}, y has shape {tuple(y.shape)}: expected size 3 in dimension {place}"
        )
    a, b = (_expand(z, shape).unbind(place) for z in (x, y))
    parts = [a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3] for k in range(3)]
    return _core.ops.cat([part.unsqueeze(place) for part in parts], place)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Make a matrix of powers of a vector.

    Args:
        x: (n,).
        N: number of columns; None for n.
        increasing: powers from 0 on; else up to 0.

    Raises:
        RuntimeError: `x` is no vector, or `N` is negative.

    Example:
        >>> import pyflame as pf
        >>> pf.vander(pf.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [4, 2, 1],
                [9, 3, 1]])
    """
    if x.ndim != 1:
        raise RuntimeError(f"[vander] x has {x.ndim} dimensions: expected a vector")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError(f"[vander] N is {count}: it must not be negative")
    powers = _arange(0, 1, count, int64) if increasing else _arange(count - 1, -1, count, int64)
    return _core.ops.pow(_reshape(x, (-1, 1)), powers)


def trace(x: Tensor) -> Tensor:
    """Sum the diagonal of a matrix.

    Raises:
        RuntimeError: `x` is no matrix.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([[1, 2], [3, 4]]).trace()
        tensor(5)
    """
    if x.ndim != 2:
        raise RuntimeError(f"[trace] x has {x.ndim} dimensions: expected a matrix")
    return diagonal(x).sum()


def chain_matmul(*matrices: Tensor) -> Tensor:
    """Multiply a chain of matrices in the order that needs the fewest multiplications.

    Raises:
        RuntimeError: one is no matrix.

    Example:
        >>> import pyflame as pf
        >>> pf.chain_matmul(pf.tensor([[1, 2]]), pf.tensor([[3], [4]]), pf.tensor([[2]]))
        tensor([[22]])
    """
    if not matrices:
        raise RuntimeError("[chain_matmul] expected at least one matrix, got none")
    for place, x in enumerate(matrices):
        if x.ndim != 2:
            raise RuntimeError(f"[chain_matmul] tensor {place} has {x.ndim} dimensions: expected a matrix")
    return multiply_chain(matrices)


def multiply_chain(chain: Sequence[Tensor]) -> Tensor:
    """The classic dynamic programme: Cormen et al., "Introduction to Algorithms", section 15.2."""
    count, sizes = len(chain), [chain[0].shape[0], *(x.shape[1] for x in chain)]
    cost = {(place, place): 0 for place in range(count)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for first in range(count - length):
            last = first + length
            options = {
                middle: cost[first, middle]
                + cost[middle + 1, last]
                + sizes[first] * sizes[middle + 1] * sizes[last + 1]
                for middle in range(first, last)
            }
            cut[first, last] = min(options, key=lambda middle: options[middle])
            cost[first, last] = options[cut[first, last]]

    def product(first: int, last: int) -> Tensor:
        if first == last:
            return chain[first]
        middle = cut[first, last]
        return _matmul(product(first, middle), product(middle + 1, last))

    return product(0, count - 1)
