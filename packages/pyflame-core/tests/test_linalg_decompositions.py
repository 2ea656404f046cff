"""`pyflame.linalg`: values against NumPy, first and second derivatives against differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing import gradcheck, gradgradcheck

rng = np.random.default_rng(7)
A = rng.normal(size=(2, 3, 3)) + 2 * np.eye(3)
TALL = rng.normal(size=(2, 4, 3))
B = rng.normal(size=(2, 3, 2))
S = A @ A.swapaxes(-1, -2) + np.eye(3)


def tensor(values: Any) -> pf.Tensor:
    return pf.tensor(values, dtype=pf.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: pf.linalg.inv(pf.tensor(A)), np.linalg.inv(A)),
        (lambda: pf.linalg.det(pf.tensor(A)), np.linalg.det(A)),
        (lambda: pf.linalg.slogdet(pf.tensor(A)).logabsdet, np.linalg.slogdet(A)[1]),
        (lambda: pf.linalg.solve(pf.tensor(A), pf.tensor(B)), np.linalg.solve(A, B)),
        (lambda: pf.linalg.cholesky(pf.tensor(S)), np.linalg.cholesky(S)),
        (lambda: pf.linalg.cholesky(pf.tensor(S), upper=True).mT, np.linalg.cholesky(S)),
        (lambda: pf.linalg.pinv(pf.tensor(TALL)), np.linalg.pinv(TALL)),
        (lambda: pf.linalg.svdvals(pf.tensor(TALL)), np.linalg.svd(TALL, compute_uv=False)),
        (lambda: pf.linalg.eigvalsh(pf.tensor(S)), np.linalg.eigvalsh(S)),
        (lambda: pf.linalg.matrix_rank(pf.tensor(TALL)), np.linalg.matrix_rank(TALL)),
        (lambda: pf.linalg.matrix_power(pf.tensor(A), -3), np.linalg.matrix_power(A, -3)),
        (lambda: pf.linalg.cond(pf.tensor(A), 1), np.linalg.cond(A, 1)),
        (lambda: pf.linalg.norm(pf.tensor(A), "nuc", (-2, -1)), np.linalg.norm(A, "nuc", (-2, -1))),
        (
            lambda: pf.linalg.lstsq(pf.tensor(TALL[0]), pf.tensor(TALL[1])).solution,
            np.linalg.lstsq(TALL[0], TALL[1])[0],
        ),
        (lambda: pf.kron(pf.tensor(B[0]), pf.tensor(A)), np.kron(B[0], A)),
        (lambda: pf.tensordot(pf.tensor(A), pf.tensor(B), ([0, 2], [0, 1])), np.tensordot(A, B, ([0, 2], [0, 1]))),
        (lambda: pf.linalg.multi_dot([pf.tensor(A[0]), pf.tensor(B[0]), pf.tensor(B[1].T)]), A[0] @ B[0] @ B[1].T),
    ],
)
def test_values_equal_numpy(call: Any, expected: Any) -> None:
    np.testing.assert_allclose(call().numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (pf.linalg.inv, A),
        (pf.linalg.det, A),
        (lambda x: pf.linalg.slogdet(x).logabsdet, A),
        (lambda x: pf.linalg.solve(x, pf.tensor(B)), A),
        (lambda x: pf.linalg.solve(pf.tensor(A), x), B),
        (lambda x: pf.linalg.cholesky(x @ x.mT + pf.eye(3, dtype=pf.float64)), A),
        (lambda x: pf.linalg.solve_triangular(x, pf.tensor(B), upper=True), A),
        (lambda x: pf.linalg.qr(x), TALL),
        (lambda x: pf.linalg.qr(x.mT), TALL),
        (lambda x: [t * t for t in pf.linalg.svd(x, full_matrices=False)], TALL),
        (lambda x: [t * t for t in pf.linalg.eigh(x + x.mT)], A),
        (pf.linalg.pinv, TALL),
        (lambda x: pf.linalg.matrix_power(x, -2), A),
        (lambda x: pf.linalg.norm(x, "nuc", (-2, -1)), TALL),
        (lambda x: pf.linalg.matrix_norm(x, 2), TALL),
        (lambda x: pf.diag_embed(pf.diagonal(x, 0, -2, -1), 1), A),
        (lambda x: x.unfold(1, 2, 1), TALL),
        (lambda x: x.as_strided((3, 2), (2, 3), 1), TALL),
        (lambda x: pf.einsum("bij,bkj->ik", x, x), TALL),
    ],
)
def test_derivatives_equal_differences(function: Any, values: Any) -> None:
    assert gradcheck(function, tensor(values))
    assert gradgradcheck(function, tensor(values[:1]))


def test_the_gradient_of_the_determinant_of_a_singular_matrix_is_its_cofactors() -> None:
    x = tensor([[1.0, 2.0], [2.0, 4.0]])
    pf.linalg.det(x).backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [[4, -2], [-2, 1]], atol=1e-12)


def test_factors_multiply_to_the_matrix() -> None:
    x = pf.tensor(TALL)
    q, r = pf.linalg.qr(x, "complete")
    u, s, vh = pf.linalg.svd(x)
    values, vectors = pf.linalg.eigh(pf.tensor(S))
    for product in (q @ r, u[..., :3] * s.unsqueeze(-2) @ vh):
        np.testing.assert_allclose(product.numpy(), TALL, atol=1e-12)
    np.testing.assert_allclose((vectors * values.unsqueeze(-2) @ vectors.mT).numpy(), S, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pf.linalg.inv(pf.zeros(2, 2)).eval(), pf.linalg.LinAlgError, r"\[linalg.inv\] a matrix is singular"),
        (lambda: pf.linalg.cholesky(-pf.eye(2)).eval(), pf.linalg.LinAlgError, "positive-definite"),
        (lambda: pf.linalg.inv(pf.zeros(2, 3)), RuntimeError, "square"),
        (lambda: pf.linalg.svd(pf.zeros(3)), RuntimeError, "matrices"),
        (lambda: pf.linalg.qr(pf.eye(2).long()), RuntimeError, "float32 or float64"),
        (lambda: pf.linalg.solve(pf.eye(2), pf.zeros(3, 1)), RuntimeError, "sizes do not fit"),
        (lambda: pf.linalg.solve(pf.eye(2), pf.zeros(2, 1).double()), RuntimeError, "must be equal"),
        (lambda: pf.linalg.norm(pf.zeros(2), "fro"), RuntimeError, "for matrices"),
        (lambda: pf.zeros(3).unfold(0, 4, 1), RuntimeError, r"\[unfold\]"),
    ],
)
def test_wrong_calls_are_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("p", [1, math.inf, "fro", "nuc"])
def test_condition_numbers_equal_numpy_and_are_infinite_where_singular(p: Any) -> None:
    a = np.stack([np.random.default_rng(0).random((3, 3)), 1e-120 * np.eye(3), np.ones((3, 3)), np.zeros((3, 3))])
    found = pf.linalg.cond(pf.tensor(a), p).numpy()
    np.testing.assert_allclose(found[:2], [np.linalg.cond(matrix, p) for matrix in a[:2]], rtol=1e-10)
    assert np.isinf(found[2:]).all()
