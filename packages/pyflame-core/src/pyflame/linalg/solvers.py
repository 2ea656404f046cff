"""Inverses and solutions of linear systems.

Gradients: inverse and solution after Giles, "Collected matrix derivative results" (2008); pseudo-inverse after Golub
and Pereyra, "The differentiation of pseudo-inverses" (1973).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _core
from ..dtypes import finfo, int64
from ..ops.creation import zeros
from ..ops.host import HostOp, Spec
from ..ops.linalg import tril, triu
from ..ops.sequence import eye
from ..ops.shape import broadcast_shapes
from .checks import check_matrix, named_error
from .factors import Factors, stack

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Array

    Grads = Sequence[Tensor | None]


class Lstsq(NamedTuple):
    """Results of `lstsq`."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


# ---- inverse
@named_error("linalg.inv", "a matrix is singular")
def _run_inv(a: Array) -> Array:
    return Factors(a).inverse()


def _inv_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    transposed = outputs[0].mT
    return [-(transposed @ grads[0] @ transposed)]


_inv = HostOp("linalg_inv", _run_inv, lambda a: a, _inv_vjp, category="linalg")


def inv(x: Tensor) -> Tensor:
    """Invert matrices.

    Args:
        x: (..., n, n).

    Raises:
        RuntimeError: matrices are not square.
        LinAlgError: a matrix is singular, found when the value is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.inv(pf.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    check_matrix("linalg.inv", x, square=True)
    inverse: Tensor = _inv(x)
    return inverse


# ---- systems
@named_error("linalg.solve", "a matrix is singular")
def _run_solve(a: Array, b: Array) -> Array:
    return Factors(a).solve(b)


def _solve_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    assert grads[0] is not None
    grad_b = _solve(inputs[0].mT, grads[0])
    return [-(grad_b @ outputs[0].mT), grad_b]


_solve = HostOp("linalg_solve", _run_solve, lambda a, b: b, _solve_vjp, category="linalg")


def solve(a: Tensor, b: Tensor, *, left: bool = True) -> Tensor:
    """Solve `a @ x = b`.

    Args:
        a: (..., n, n).
        b: (..., n, k), or (..., n) with the batch dimensions of `a` for one right-hand side each.
        left: False solves `x @ a = b`.

    Raises:
        RuntimeError: matrices are not square, or sizes or dtypes differ.
        LinAlgError: a matrix is singular, found when the value is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.solve(pf.tensor([[2.0, 0.0], [0.0, 4.0]]), pf.tensor([2.0, 2.0]))
        tensor([1.0000, 0.5000])
    """
    check_matrix("linalg.solve", a, square=True)
    _same_dtype("linalg.solve", a, b)
    # As PyTorch tells a batch of vectors from matrices.
    if b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1]):
        if not left:
            raise RuntimeError("[linalg.solve] left=False needs matrices as b: add a dimension")
        return _broadcast_solve("linalg.solve", a, b.unsqueeze(-1)).squeeze(-1)
    return _broadcast_solve("linalg.solve", a, b) if left else _broadcast_solve("linalg.solve", a.mT, b.mT).mT


def _same_dtype(op: str, a: Tensor, b: Tensor) -> None:
    if a.dtype is not b.dtype:
        raise RuntimeError(f"[{op}] a is {a.dtype.name}, b is {b.dtype.name}: must be equal")


def _broadcast_solve(op: str, a: Tensor, b: Tensor) -> Tensor:
    if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise RuntimeError(f"[{op}] a has shape {tuple(a.shape)}, b has shape {tuple(b.shape)}: sizes do not fit")
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    solution: Tensor = _solve(a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:]))
    return solution


def solve_triangular(a: Tensor, b: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Solve `a @ x = b` with triangular matrices.

    Args:
        a: (..., n, n); only the triangle is read.
        b: (..., n, k).
        upper: which triangle.
        left: False solves `x @ a = b`.
        unitriangular: take the diagonal as ones.

    Raises:
        RuntimeError: matrices are not square, or sizes or dtypes differ.
        LinAlgError: there is a zero on a diagonal, found when the value is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.solve_triangular(pf.tensor([[2.0, 9.0], [0.0, 4.0]]), pf.tensor([[11.0], [4.0]]), upper=True)
        tensor([[1.],
                [1.]])
    """
    op = "linalg.solve_triangular"
    check_matrix(op, a, square=True)
    _same_dtype(op, a, b)
    if unitriangular:
        triangle = (triu(a, 1) if upper else tril(a, -1)) + eye(a.shape[-1], dtype=a.dtype)
    else:
        triangle = triu(a) if upper else tril(a)
    if b.ndim < 2:
        raise RuntimeError(f"[{op}] b has {b.ndim} dimensions: expected matrices, of at least 2")
    return _broadcast_solve(op, triangle, b) if left else _broadcast_solve(op, triangle.mT, b.mT).mT


# ---- pseudo-inverse and rank
def _tolerance(x: Tensor, atol: float | None, rtol: float | None) -> tuple[float, float]:
    """PyTorch's: relative to the largest singular value, unless only an absolute one is given."""
    if rtol is None:
        rtol = 0.0 if atol else max(x.shape[-2:]) * finfo(x.dtype).eps
    return atol or 0.0, rtol


def _infer_pinv(a: Spec, *, atol: float, rtol: float, hermitian: bool) -> tuple[Any, Any]:
    return (*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype


@named_error("linalg.pinv", "the iteration did not converge")
def _run_pinv(a: Array, atol: float, rtol: float, hermitian: bool) -> Array:
    if a.size == 0:
        return np.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    if hermitian:
        a = np.tril(a) + np.swapaxes(np.tril(a, -1), -1, -2)
    u, s, v = np.linalg.svd(a, full_matrices=False)
    kept = s > np.maximum(atol, rtol * s[..., :1])
    inverse = np.divide(1, s, where=kept, out=np.zeros_like(s))
    return np.swapaxes(v, -1, -2) * inverse[..., None, :] @ np.swapaxes(u, -1, -2)


def _pinv_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    a, p, g = inputs[0], outputs[0], grads[0]
    assert g is not None
    left, right = g.mT @ (p @ p.mT), (p.mT @ p) @ g.mT
    return [-(p.mT @ g @ p.mT) + left - a @ (p @ left) + right - (right @ p) @ a]


_pinv = HostOp("linalg_pinv", _run_pinv, _infer_pinv, _pinv_vjp, category="linalg")


def pinv(x: Tensor, *, atol: float | None = None, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """Compute the pseudo-inverse of Moore and Penrose.

    Args:
        x: (..., n, m).
        atol: singular values up to this count as zero; None for 0.
        rtol: the same, relative to the largest one; None for max(n, m) * eps, or 0 if `atol` is given.
        hermitian: read the lower triangle of symmetric matrices only.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.pinv(pf.tensor([[2.0, 0.0], [0.0, 0.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.0000]])
    """
    check_matrix("linalg.pinv", x, square=hermitian)
    absolute, relative = _tolerance(x, atol, rtol)
    inverse: Tensor = _pinv(x, atol=float(absolute), rtol=float(relative), hermitian=hermitian)
    return inverse


def matrix_rank(x: Tensor, *, atol: float | None = None, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """Count the singular values that are not zero; no gradient flows.

    Args:
        x: (..., n, m).
        atol, rtol, hermitian: as for `pinv`.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.matrix_rank(pf.tensor([[2.0, 0.0], [0.0, 0.0]]))
        tensor(1)
    """
    from .decompositions import eigvalsh, svdvals

    check_matrix("linalg.matrix_rank", x, square=hermitian)
    absolute, relative = _tolerance(x, atol, rtol)
    x = _core.detach(x)
    values = eigvalsh(x).abs() if hermitian else svdvals(x)
    if not values.shape[-1]:
        return values.sum(-1).long()
    limit = (values.amax(-1, keepdim=True) * relative).clamp(min=absolute)
    return (values > limit).sum(-1)


# ---- least squares
def _infer_lstsq(a: Spec, b: Spec, *, rcond: float) -> tuple[Any, Any]:
    return ((*a.shape[:-2], a.shape[-1], b.shape[-1]), a.dtype), (a.shape[:-2], int64)


@named_error("linalg.lstsq", "the iteration did not converge")
def _run_lstsq(a: Array, b: Array, rcond: float) -> tuple[Array, Array]:
    m, n = a.shape[-2:]
    x = np.empty((*a.shape[:-2], n, b.shape[-1]), a.dtype)
    smallest = max(rcond, float(np.finfo(a.dtype).eps))
    # Reflections suffice where they show that no singular value counts as zero.
    if _core.least_squares(stack(np.ascontiguousarray(a)), stack(np.ascontiguousarray(b)), smallest, stack(x)):
        return x, np.full(a.shape[:-2], min(m, n))
    u, s, v = np.linalg.svd(a, full_matrices=False)
    kept = s > rcond * s[..., :1]
    inverse = np.divide(1, s, where=kept, out=np.zeros_like(s))
    return np.swapaxes(v, -1, -2) @ (inverse[..., None] * (np.swapaxes(u, -1, -2) @ b)), kept.sum(-1)


def _lstsq_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    a, b = inputs
    inverse, grad = pinv(a, rtol=attrs["rcond"]), grads[0]
    assert grad is not None
    return [*_pinv_vjp([grad @ b.mT], [a], [inverse], {}), inverse.mT @ grad]


_lstsq = HostOp("linalg_lstsq", _run_lstsq, _infer_lstsq, _lstsq_vjp, 2, category="linalg")


def lstsq(a: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """Find `x` with the least sum of squares of `a @ x - b`, and of those the smallest.

    The driver does not change how it is computed: by reflections, or through the singular values where some may count
    as zero. It decides what else is reported: residuals by all but "gelsy" (where the matrices are tall and of full
    rank), the rank by all but "gels", singular values by "gelsd" and "gelss".

    Args:
        a: (..., n, m).
        b: (..., n, k), or (..., n) with the batch dimensions of `a`.
        rcond: singular values up to this fraction of the largest one count as zero; None for max(n, m) * eps.
        driver: "gels", "gelsy" (also None), "gelsd" or "gelss".

    Raises:
        RuntimeError: sizes or dtypes differ, or the driver is none of these.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.lstsq(pf.tensor([[1.0], [1.0]]), pf.tensor([[1.0], [3.0]])).solution
        tensor([[2.0000]])
    """
    from .decompositions import svdvals

    op = "linalg.lstsq"
    check_matrix(op, a)
    _same_dtype(op, a, b)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"[{op}] driver is {driver!r}: expected 'gels', 'gelsy', 'gelsd' or 'gelss'")
    vector = b.ndim == a.ndim - 1 and b.shape == a.shape[:-1]
    right = b.unsqueeze(-1) if vector else b
    if right.ndim < 2 or right.shape[-2] != a.shape[-2]:
        raise RuntimeError(f"[{op}] a has shape {tuple(a.shape)}, b has shape {tuple(b.shape)}: sizes do not fit")
    batch = broadcast_shapes(a.shape[:-2], right.shape[:-2])
    limit = max(a.shape[-2:]) * finfo(a.dtype).eps if rcond is None else float(rcond)
    solution, rank = _lstsq(a.expand(*batch, *a.shape[-2:]), right.expand(*batch, *right.shape[-2:]), rcond=limit)
    full = driver == "gels" or (driver in ("gelsd", "gelss") and bool((rank == a.shape[-1]).all()))
    tall = full and a.shape[-2] > a.shape[-1]
    residuals = ((a @ solution - right) ** 2).sum(-2) if tall else zeros(0, dtype=a.dtype)
    if vector:
        solution, residuals = solution.squeeze(-1), residuals.squeeze(-1) if tall else residuals
    values = svdvals(_core.detach(a)) if driver in ("gelsd", "gelss") else zeros(0, dtype=a.dtype)
    return Lstsq(solution, residuals, zeros(0, dtype=int64) if driver == "gels" else rank, values)
