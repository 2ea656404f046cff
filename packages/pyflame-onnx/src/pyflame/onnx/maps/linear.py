"""Products of matrices."""

from __future__ import annotations

import pyflame as pf
from pyflame import Tensor

from .registry import maps


@maps("MatMul", 1, 9, 13)
def matmul(a: Tensor, b: Tensor) -> Tensor:
    return pf.matmul(a, b)


@maps("Gemm", 7, 9, 11, 13)
def gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Tensor:
    product = pf.matmul(pf.t(a) if transA else a, pf.t(b) if transB else b)
    if alpha != 1.0:
        product = product * scale_of(alpha, product)
    if c is None or beta == 0.0:
        return product
    return product + (c if beta == 1.0 else c * scale_of(beta, c))


def scale_of(factor: float, x: Tensor) -> float | int:
    return factor if x.dtype.is_floating_point else int(factor)


@maps("Einsum", 12, 28)
def einsum(*values: Tensor, equation: str) -> Tensor:
    return pf.einsum(equation.replace(" ", ""), *values)


@maps("Det", 11, 22)
def det(x: Tensor) -> Tensor:
    return pf.linalg.det(x)
