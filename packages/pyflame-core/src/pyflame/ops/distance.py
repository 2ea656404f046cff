"""Norms of vectors and the distances they measure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import _core
from .._types import Dims
from .half import in_float32
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor

_amax = _core.ops.amax
_amin = _core.ops.amin
_mul = _core.ops.mul
_ne = _core.ops.ne
_pow = _core.ops.pow
_relu = _core.ops.relu
_reshape = _core.ops.reshape
_sqrt = _core.ops.sqrt
_square = _core.ops.square
_sub = _core.ops.sub
_sum = _core.ops.sum
_where = _core.ops.where


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
    return _norm(x, p, dim, keepdim)


@in_float32
def _norm(x: Tensor, p: float | str, dim: Dims, keepdim: bool) -> Tensor:
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
