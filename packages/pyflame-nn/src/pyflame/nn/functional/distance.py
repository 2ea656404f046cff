"""Distances and likeness of vectors."""

from __future__ import annotations

from pyflame import Tensor, broadcast_tensors, clamp, index_select, norm, triu_indices

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return the cosine of the angle between vectors along a dimension.

    Args:
        x1: broadcasts with `x2`.
        eps: the least length of a vector.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.cosine_similarity(pf.tensor([[3.0, 4.0]]), pf.tensor([[3.0, 0.0]]))
        tensor([0.6000])
    """
    a, b = broadcast_tensors(x1, x2)
    return ((a / _length(a, dim, eps)) * (b / _length(b, dim, eps))).sum(dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    """The norm, of at least `eps`; the bound changes the value only, the gradient passes as if there were none."""
    length = norm(x, 2, dim, keepdim=True)
    return length + (clamp(length, min=eps) - length).detach()


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Return the p-norm of `x1 - x2 + eps` along the last dimension.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.pairwise_distance(pf.tensor([[3.0, 4.0]]), pf.zeros(1, 2))
        tensor([5.0000])
    """
    return norm(x1 - x2 + eps, p, -1, keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return the p-norms of the differences of all pairs of rows, the first with the second first.

    Args:
        input: (rows, features)

    Raises:
        RuntimeError: the input is no matrix, or `p` is negative.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.pdist(pf.tensor([[0.0], [1.0], [3.0]]))
        tensor([1., 3., 2.])
    """
    if input.ndim != 2 or p < 0:
        raise RuntimeError(f"[pdist] input has shape {tuple(input.shape)}, p is {p}: expected a matrix and p >= 0")
    rows = input.shape[0]
    pairs = triu_indices(rows, rows, 1)
    return norm(index_select(input, 0, pairs[0]) - index_select(input, 0, pairs[1]), p, 1)
