"""Orthogonal weights, as functions of matrices without constraints (Lezcano-Casado, 2019)."""

from __future__ import annotations

import math
from typing import TypeVar

from pyflame import Tensor, cat, eye, finfo, linalg, no_grad, randn, stack, where, zeros, zeros_like

from ..module import Module
from .parametrize import register_parametrization

Changed = TypeVar("Changed", bound=Module)
MAPS = ("matrix_exp", "cayley", "householder")


def matrix_exp(a: Tensor) -> Tensor:
    """The exponential of matrices (..., n, n): a Taylor polynomial of a small multiple, squared again and again."""
    norm = linalg.norm(a.detach().reshape(*a.shape[:-2], -1), dim=-1)
    largest = float(norm.max().item()) if a.numel() else 0.0
    squarings = max(0, math.ceil(math.log2(largest / 0.5))) if largest > 0.5 else 0
    x = a / 2.0**squarings
    result = term = eye(a.shape[-1], dtype=a.dtype).expand(a.shape)
    for k in range(1, 14):  # 0.5 ** 14 / 14! is below the precision of float64
        term = term @ x / k
        result = result + term
    for _ in range(squarings):
        result = result @ result
    return result


def householder_product(a: Tensor) -> Tensor:
    """The first columns of the product of reflections whose vectors stand below the diagonal of (..., n, k)."""
    n, k = a.shape[-2:]
    vectors = a.tril(-1)
    scale = 2.0 / (1.0 + vectors.square().sum(-2))
    result = eye(n, k, dtype=a.dtype).expand(*a.shape[:-2], n, k)
    for j in reversed(range(k)):
        unit = zeros(n, dtype=a.dtype)
        unit[j] = 1.0
        v = (vectors[..., :, j] + unit).unsqueeze(-1)
        result = result - (scale[..., j, None, None] * v) @ (v.mT @ result)
    return result


def reflections(q: Tensor) -> tuple[Tensor, Tensor]:
    """The vectors of Householder's decomposition of (..., n, k), below the diagonal, and the diagonal that is left."""
    n, k = q.shape[-2:]
    rest, columns, diagonal = q, [], []
    for j in range(k):
        x = rest[..., j:, j]
        head = x[..., 0]
        length = linalg.vector_norm(x, dim=-1)
        sign = where(head >= 0, 1.0, -1.0).to(q.dtype)
        tail = x[..., 1:] / (head + sign * length).unsqueeze(-1) if n - j > 1 else x[..., 1:]
        tau = 2.0 / (1.0 + tail.square().sum(-1, keepdim=True))
        v = cat([zeros(*q.shape[:-2], j, dtype=q.dtype), zeros_like(head).unsqueeze(-1) + 1.0, tail], -1).unsqueeze(-1)
        if n - j > 1:
            rest = rest - (tau.unsqueeze(-1) * v) @ (v.mT @ rest)
        diagonal.append(-sign)
        columns.append(cat([zeros(*q.shape[:-2], j + 1, dtype=q.dtype), tail], -1))
    return stack(columns, -1), stack(diagonal, -1)


def orthonormal(a: Tensor) -> Tensor:
    """The nearest in QR's sense: with positive diagonal of R."""
    q, r = linalg.qr(a)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape, self.orthogonal_map = tuple(weight.shape), orthogonal_map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        n, k = x.shape[-2:]
        if self.orthogonal_map == "householder":
            q = householder_product(x) * x.detach().diagonal(dim1=-2, dim2=-1).trunc().unsqueeze(-2)
        else:
            lower = x.tril()
            if n != k:
                lower = cat([lower, zeros(*x.shape[:-1], n - k, dtype=x.dtype)], -1)
            skew = lower - lower.mT
            if self.orthogonal_map == "matrix_exp":
                q = matrix_exp(skew)
            else:
                one = eye(n, dtype=x.dtype)
                q = linalg.solve(one - skew / 2, one + skew / 2)
            q = q[..., :k]
        if self.use_trivialization and self.base is not None:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        if tuple(q.shape) != self.shape:
            raise ValueError(f"[orthogonal] the value has shape {tuple(q.shape)}: expected {self.shape}")
        with no_grad():
            wide = q.shape[-2] < q.shape[-1]
            tall = q.detach().mT if wide else q.detach()
            n, k = tall.shape[-2:]
            if not self.use_trivialization:
                if self.orthogonal_map != "householder":
                    raise NotImplementedError(
                        f"[orthogonal] a matrix cannot be assigned to {self.orthogonal_map!r} without trivialization: "
                        f"use_trivialization=True or 'householder' can"
                    )
                vectors, diagonal = reflections(tall)
                found = vectors + eye(n, k, dtype=q.dtype) * diagonal.unsqueeze(-2)
                return found.mT if wide else found
            if n > k:
                tall = cat([tall, randn(*tall.shape[:-1], n - k, dtype=q.dtype)], -1)
                self.base = orthonormal(tall)
            else:
                gap = (tall.mT @ tall - eye(n, dtype=q.dtype)).abs().max().item()
                self.base = tall.clone() if gap < 10 * n * finfo(q.dtype).eps else orthonormal(tall)
            # Reflections of these vectors are the identity, as is the exponential of their skew-symmetric part.
            return -eye(*q.shape[-2:], dtype=q.dtype).expand(q.shape).clone()


def orthogonal(
    module: Changed, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Changed:
    """Parametrize a matrix so that its columns, or its rows if there are fewer, are orthonormal.

    Args:
        name: of a parameter (..., m, n).
        orthogonal_map: "matrix_exp", "cayley" or "householder"; the first for square matrices, the last for others, if
            None.
        use_trivialization: keep a fixed orthogonal matrix besides, so that any value can be assigned and training
            starts near it.

    Raises:
        ValueError: there is no such parameter, it has fewer than two dimensions, or the map is unknown.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(20, 40))
        >>> pf.allclose(layer.weight.T @ layer.weight, pf.eye(20), atol=1e-5)
        True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"[orthogonal] {type(module).__name__} has no parameter or buffer {name!r}")
    if weight.ndim < 2:
        raise ValueError(f"[orthogonal] {name!r} has {weight.ndim} dimensions: expected a matrix or several")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(f"[orthogonal] orthogonal_map is {orthogonal_map!r}: expected one of {', '.join(MAPS)}")
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True)
