"""Factors of matrices, by LAPACK on the host; gradients are graph ops.

Gradients: Cholesky after Murray, "Differentiation of the Cholesky decomposition" (2016); QR after Seeger et al.,
"Auto-Differentiating Linear Algebra" (2017); SVD after Townsend, "Differentiating the Singular Value Decomposition"
(2016); symmetric eigenvalues after Giles, "Collected matrix derivative results" (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .. import _core
from ..ops.creation import zeros
from ..ops.host import HostOp, Spec
from ..ops.join import cat
from ..ops.linalg import tril, triu
from ..ops.sequence import eye
from ..ops.strided import diagonal
from ..ops.views import diag_embed
from .checks import check_matrix, named_error
from .solvers import inv

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Array

    Grads = Sequence[Tensor | None]


class QR(NamedTuple):
    """Factors of `qr`."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """Factors of `svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Eigh(NamedTuple):
    """Results of `eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _needs_gradient(x: Tensor) -> bool:
    return x.requires_grad and _core.grad_enabled()


def _half_lower(x: Tensor) -> Tensor:
    """The lower triangle with half the diagonal."""
    return tril(x) - diag_embed(diagonal(x, 0, -2, -1)) * 0.5


# ---- Cholesky
@named_error("linalg.cholesky", "a matrix is not positive-definite")
def _run_cholesky(a: Array) -> Array:
    return np.linalg.cholesky(a)  # of which it reads the lower triangle


def _cholesky_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    factor, grad = outputs[0], grads[0]
    assert grad is not None
    inverse = inv(factor)
    half = inverse.mT @ _half_lower(factor.mT @ tril(grad)) @ inverse
    return [(half + half.mT) * 0.5]


_cholesky = HostOp("linalg_cholesky", _run_cholesky, lambda a: a, _cholesky_vjp, category="linalg")


def cholesky(x: Tensor, *, upper: bool = False) -> Tensor:
    """Factor symmetric positive-definite matrices into a triangle and its transpose.

    Args:
        x: (..., n, n); its lower triangle is read, or the upper one if `upper`.
        upper: return the upper factor, so that `x = R.mT @ R`.

    Raises:
        RuntimeError: matrices are not square.
        LinAlgError: a matrix is not positive-definite, found when the value is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.cholesky(pf.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])
    """
    check_matrix("linalg.cholesky", x, square=True)
    factor: Tensor = _cholesky(x.mT if upper else x)
    return factor.mT if upper else factor


# ---- QR
def _infer_qr(a: Spec, *, complete: bool) -> tuple[Any, Any]:
    *batch, rows, columns = a.shape
    inner = rows if complete else min(rows, columns)
    return ((*batch, rows, inner), a.dtype), ((*batch, inner, columns), a.dtype)


def _run_qr(a: Array, complete: bool) -> tuple[Array, Array]:
    if a.size == 0:  # LAPACK refuses
        rows, columns = a.shape[-2:]
        inner = rows if complete else min(rows, columns)
        q = np.broadcast_to(np.eye(rows, inner, dtype=a.dtype), (*a.shape[:-1], inner))
        return q, np.zeros((*a.shape[:-2], inner, columns), a.dtype)
    q, r = np.linalg.qr(a, "complete" if complete else "reduced")
    return q, r


def _qr_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    q, r = outputs
    rows, columns = inputs[0].shape[-2:]
    if attrs["complete"] and rows > columns:
        raise RuntimeError("[linalg.qr] mode 'complete' has no gradient for tall matrices: use mode 'reduced'")
    grad_q = zeros(q.shape, dtype=q.dtype) if grads[0] is None else grads[0]
    grad_r = zeros(r.shape, dtype=r.dtype) if grads[1] is None else grads[1]
    if rows >= columns:
        return [_tall_qr_grad(q, r, grad_q, grad_r)]
    # The first columns are factored, the others are q @ r there.
    grad_q = grad_q + inputs[0][..., rows:] @ grad_r[..., rows:].mT
    first = _tall_qr_grad(q, r[..., :rows], grad_q, grad_r[..., :rows])
    return [cat([first, q @ grad_r[..., rows:]], -1)]


def _tall_qr_grad(q: Tensor, r: Tensor, grad_q: Tensor, grad_r: Tensor) -> Tensor:
    m = r @ triu(grad_r).mT - grad_q.mT @ q
    return (grad_q + q @ (tril(m) + tril(m, -1).mT)) @ inv(r).mT


_qr = HostOp("linalg_qr", _run_qr, _infer_qr, _qr_vjp, 2, category="linalg")


def qr(x: Tensor, mode: str = "reduced") -> QR:
    """Factor matrices into orthonormal columns and an upper triangle.

    Args:
        x: (..., n, m).
        mode: "reduced"; "complete" for a square Q; "r" for R alone, with an empty Q.

    Raises:
        RuntimeError: `mode` is none of these, or `x` holds no matrices.

    Example:
        >>> import pyflame as pf
        >>> q, r = pf.linalg.qr(pf.tensor([[3.0, 1.0], [4.0, 2.0]]))
        >>> pf.allclose(q @ r, pf.tensor([[3.0, 1.0], [4.0, 2.0]]))
        True
    """
    check_matrix("linalg.qr", x)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"[linalg.qr] mode is {mode!r}: expected 'reduced', 'complete' or 'r'")
    q, r = _qr(x, complete=mode == "complete")
    return QR(zeros(0, dtype=x.dtype) if mode == "r" else q, r)


# ---- singular values
def _infer_svd(a: Spec, *, full: bool) -> tuple[Any, Any, Any]:
    *batch, rows, columns = a.shape
    inner = min(rows, columns)
    left, right = (rows, columns) if full else (inner, inner)
    return ((*batch, rows, left), a.dtype), ((*batch, inner), a.dtype), ((*batch, right, columns), a.dtype)


@named_error("linalg.svd", "the iteration did not converge")
def _run_svd(a: Array, full: bool) -> tuple[Array, Array, Array]:
    if a.size == 0:
        *batch, rows, columns = a.shape
        left, right = (rows, columns) if full else (0, 0)
        u = np.broadcast_to(np.eye(rows, left, dtype=a.dtype), (*batch, rows, left))
        v = np.broadcast_to(np.eye(right, columns, dtype=a.dtype), (*batch, right, columns))
        return u, np.zeros((*batch, min(rows, columns)), a.dtype), v
    u, s, v = np.linalg.svd(a, full_matrices=full)
    return u, s, v


def _skew(x: Tensor) -> Tensor:
    return x - x.mT


def _svd_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    s = outputs[1]
    inner = s.shape[-1]
    u, vh = outputs[0][..., :inner], outputs[2][..., :inner, :]
    grad_u, grad_s = grads[0], grads[1]
    grad_v = None if grads[2] is None else grads[2][..., :inner, :].mT
    middle = diag_embed(s * 0 if grad_s is None else grad_s)
    if grad_u is None and grad_v is None:
        return [u @ middle @ vh]
    one = eye(inner, dtype=s.dtype)
    gaps = s.unsqueeze(-2) ** 2 - s.unsqueeze(-1) ** 2 + one
    outside: Tensor | None = None
    if grad_u is not None:
        grad_u = grad_u[..., :inner]
        middle = middle + _skew(u.mT @ grad_u) / gaps * s.unsqueeze(-2)
        if u.shape[-2] > inner:
            scaled = grad_u / s.unsqueeze(-2)
            outside = (scaled - u @ (u.mT @ scaled)) @ vh
    if grad_v is not None:
        middle = middle + s.unsqueeze(-1) * (_skew(vh @ grad_v) / gaps)
        if vh.shape[-1] > inner:
            scaled = (grad_v / s.unsqueeze(-2)).mT
            part = u @ (scaled - (scaled @ vh.mT) @ vh)
            outside = part if outside is None else outside + part
    grad = u @ middle @ vh
    return [grad if outside is None else grad + outside]


_svd = HostOp("linalg_svd", _run_svd, _infer_svd, _svd_vjp, 3, category="linalg")


def svd(x: Tensor, full_matrices: bool = True) -> SVD:
    """Factor matrices into rotations and singular values, in descending order.

    The gradient through U and Vh needs distinct singular values.

    Args:
        x: (..., n, m).
        full_matrices: square U and Vh; else only as many columns and rows as there are singular values.

    Raises:
        RuntimeError: `x` holds no matrices.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.svd(pf.tensor([[3.0, 0.0], [0.0, 4.0]])).S
        tensor([4., 3.])
    """
    check_matrix("linalg.svd", x)
    return SVD(*_svd(x, full=full_matrices))


@named_error("linalg.svdvals", "the iteration did not converge")
def _run_svdvals(a: Array) -> Array:
    return np.linalg.svd(a, compute_uv=False) if a.size else _run_svd(a, False)[1]


# Less than half of the work where no gradient is recorded, which needs the vectors.
_svdvals = HostOp("linalg_svdvals", _run_svdvals, lambda a: _infer_svd(a, full=False)[1], category="linalg")


def svdvals(x: Tensor) -> Tensor:
    """Compute singular values, in descending order.

    Args:
        x: (..., n, m).

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.svdvals(pf.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor([4., 3.])
    """
    check_matrix("linalg.svdvals", x)
    values: Tensor = _svd(x, full=False)[1] if _needs_gradient(x) else _svdvals(x)
    return values


# ---- symmetric eigenvalues
def _infer_eigh(a: Spec, *, uplo: str) -> tuple[Any, Any]:
    return (a.shape[:-1], a.dtype), a


@named_error("linalg.eigh", "the iteration did not converge")
def _run_eigh(a: Array, uplo: Literal["L", "U"]) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(a, uplo)
    return values, vectors


def _eigh_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    values, vectors = outputs
    middle = diag_embed(values * 0 if grads[0] is None else grads[0])
    if grads[1] is not None:
        one = eye(values.shape[-1], dtype=values.dtype)
        gaps = values.unsqueeze(-2) - values.unsqueeze(-1) + one
        middle = middle + (vectors.mT @ grads[1]) * (1 - one) / gaps
    return [vectors @ middle @ vectors.mT]


_eigh = HostOp("linalg_eigh", _run_eigh, _infer_eigh, _eigh_vjp, 2, category="linalg")


def eigh(x: Tensor, UPLO: str = "L") -> Eigh:
    """Compute eigenvalues, in ascending order, and eigenvectors of symmetric matrices.

    The gradient through eigenvectors needs distinct eigenvalues.

    Args:
        x: (..., n, n).
        UPLO: the triangle that is read, "L" or "U".

    Raises:
        RuntimeError: matrices are not square, or `UPLO` is neither.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.eigh(pf.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
        tensor([1., 3.])
    """
    return Eigh(*_eigh(x, uplo=_triangle("linalg.eigh", x, UPLO)))


def _triangle(op: str, x: Tensor, uplo: str) -> str:
    check_matrix(op, x, square=True)
    if uplo.upper() not in ("L", "U"):
        raise RuntimeError(f"[{op}] UPLO is {uplo!r}: expected 'L' or 'U'")
    return uplo.upper()


@named_error("linalg.eigvalsh", "the iteration did not converge")
def _run_eigvalsh(a: Array, uplo: Literal["L", "U"]) -> Array:
    return np.linalg.eigvalsh(a, uplo)


_eigvalsh = HostOp("linalg_eigvalsh", _run_eigvalsh, lambda a, *, uplo: _infer_eigh(a, uplo=uplo)[0], category="linalg")


def eigvalsh(x: Tensor, UPLO: str = "L") -> Tensor:
    """Compute the eigenvalues of symmetric matrices, in ascending order.

    Args:
        x: (..., n, n).
        UPLO: the triangle that is read, "L" or "U".

    Raises:
        RuntimeError: matrices are not square, or `UPLO` is neither.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.eigvalsh(pf.tensor([[2.0, 1.0], [1.0, 2.0]]))
        tensor([1., 3.])
    """
    triangle = _triangle("linalg.eigvalsh", x, UPLO)
    values: Tensor = _eigh(x, uplo=triangle)[0] if _needs_gradient(x) else _eigvalsh(x, uplo=triangle)
    return values
