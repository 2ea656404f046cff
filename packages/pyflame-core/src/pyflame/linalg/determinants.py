"""Determinants. Gradients after Giles, "Collected matrix derivative results" (2008)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..ops.host import HostOp, Spec
from .checks import check_matrix
from .factors import Factors
from .solvers import inv

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Array

    Grads = Sequence[Tensor | None]


class SLogDet(NamedTuple):
    """Results of `slogdet`."""

    sign: Tensor
    logabsdet: Tensor


def _scalars(a: Spec) -> tuple[Any, Any]:
    return a.shape[:-2], a.dtype


def _run_det(a: Array) -> Array:
    factors = Factors(a)
    with np.errstate(over="ignore", under="ignore"):
        return factors.parity() * factors.diagonal().prod(-1)


def _det_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    assert grads[0] is not None
    return [grads[0][..., None, None] * _cofactor(inputs[0])]


def _run_cofactor(a: Array) -> Array:
    """det(a) times the inverse transpose, also where a is singular: through products of singular values."""
    if a.size == 0:
        return np.zeros_like(a)
    u, s, v = np.linalg.svd(a)
    others = np.broadcast_to(s[..., None, :], a.shape).copy()
    others[..., np.arange(a.shape[-1]), np.arange(a.shape[-1])] = 1
    sign = np.round(np.linalg.det(u) * np.linalg.det(v))[..., None, None]
    return (sign * (u * others.prod(-1)[..., None, :] @ v)).astype(a.dtype)


def _cofactor_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    grad, inverse = grads[0], inv(inputs[0]).mT
    cofactors = outputs[0]
    assert grad is not None
    return [(grad * cofactors).sum((-2, -1), keepdim=True) * inverse - cofactors @ grad.mT @ inverse]


_det = HostOp("linalg_det", _run_det, _scalars, _det_vjp, category="linalg")
_cofactor = HostOp("linalg_cofactor", _run_cofactor, lambda a: a, _cofactor_vjp, category="linalg")


def det(x: Tensor) -> Tensor:
    """Compute determinants; the first derivative is defined for singular matrices too.

    Args:
        x: (..., n, n).

    Raises:
        RuntimeError: matrices are not square.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.det(pf.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(8.)
    """
    check_matrix("linalg.det", x, square=True)
    value: Tensor = _det(x)
    return value


def _run_slogdet(a: Array) -> tuple[Array, Array]:
    factors = Factors(a)
    diagonal = factors.diagonal()
    with np.errstate(divide="ignore"):
        return factors.parity() * np.sign(diagonal).prod(-1), np.log(np.abs(diagonal)).sum(-1)


def _slogdet_vjp(grads: Grads, inputs: Sequence[Tensor], outputs: Sequence[Tensor], attrs: dict[str, Any]) -> Grads:
    return [None if grads[1] is None else grads[1][..., None, None] * inv(inputs[0]).mT]


_slogdet = HostOp(
    "linalg_slogdet", _run_slogdet, lambda a: (_scalars(a), _scalars(a)), _slogdet_vjp, 2, category="linalg"
)


def slogdet(x: Tensor) -> SLogDet:
    """Compute the signs and the logarithms of the absolute values of determinants.

    Args:
        x: (..., n, n).

    Raises:
        RuntimeError: matrices are not square.

    Example:
        >>> import pyflame as pf
        >>> pf.linalg.slogdet(pf.tensor([[-1.0, 0.0], [0.0, 1.0]])).sign
        tensor(-1.)
    """
    check_matrix("linalg.slogdet", x, square=True)
    return SLogDet(*_slogdet(x))
