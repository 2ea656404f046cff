"""Inverses, solutions and least squares of the core's own factors: as near as LAPACK's, for any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf

Array = np.ndarray[Any, np.dtype[Any]]
SIZES = [1, 2, 7, 31, 32, 33, 97]
DTYPES = [np.float32, np.float64]


def normal(*shape: int) -> Array:
    return np.random.default_rng(shape[-1]).standard_normal(shape)


def graded(n: int) -> Array:
    """Rows and columns of sizes from 1 down to 1e-4."""
    scale = np.logspace(0, -4, n)
    return normal(n, n) * scale[:, None] * scale[::-1]


def ill(n: int) -> Array:
    """Singular values from 1 to 1e-5."""
    u, _, v = np.linalg.svd(normal(n, n))
    return u * np.logspace(0, -5, n) @ v


def needs_exchanges(n: int) -> Array:
    return np.fliplr(np.eye(n)) + 1e-3 * np.tril(normal(n, n))


MATRICES = [lambda n: normal(n, n), graded, ill, needs_exchanges]


def residual(a: Array, x: Array, b: Array) -> float:
    """|a x - b| in units of what rounding the product would give."""
    a, x = a.astype(np.longdouble), x.astype(np.longdouble)
    scale = np.linalg.norm(a.astype(float)) * np.linalg.norm(x.astype(float)) * np.finfo(b.dtype).eps
    return float(np.linalg.norm((a @ x - b).astype(float)) / scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("make", MATRICES)
def test_residuals_are_those_of_lapack(make: Callable[[int], Array], n: int, dtype: type[Any]) -> None:
    a, b = make(n).astype(dtype), normal(n, 5).astype(dtype)
    unit = np.eye(n, dtype=dtype)
    found = [pf.linalg.inv(pf.tensor(a)).numpy(), pf.linalg.solve(pf.tensor(a), pf.tensor(b)).numpy()]
    # NumPy asks LAPACK for float64 whatever the dtype: residuals in units of rounding are compared.
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    lapack = [np.linalg.inv(wide_a), np.linalg.solve(wide_a, wide_b)]
    for ours, theirs, right in zip(found, lapack, [unit, b], strict=True):
        assert ours.dtype == dtype
        assert residual(a, ours, right) <= 2 * residual(wide_a, theirs, right.astype(np.float64)) + 0.25
    sign, logabsdet = (part.numpy() for part in pf.linalg.slogdet(pf.tensor(a)))
    exact_sign, exact = np.linalg.slogdet(a.astype(np.float64))
    assert sign == exact_sign
    np.testing.assert_allclose(logabsdet, exact, rtol=1e3 * np.finfo(dtype).eps, atol=3e4 * np.finfo(dtype).eps)


def test_stacks_of_matrices_and_none_at_all() -> None:
    a, b = normal(2, 3, 4, 4), normal(2, 3, 4, 2)
    np.testing.assert_allclose(pf.linalg.inv(pf.tensor(a)).numpy(), np.linalg.inv(a), rtol=1e-9)
    np.testing.assert_allclose(pf.linalg.solve(pf.tensor(a), pf.tensor(b)).numpy(), np.linalg.solve(a, b), rtol=1e-9)
    np.testing.assert_allclose(pf.linalg.det(pf.tensor(a)).numpy(), np.linalg.det(a), rtol=1e-9)
    assert pf.linalg.inv(pf.zeros(0, 3, 3)).shape == (0, 3, 3)
    assert pf.linalg.inv(pf.zeros(2, 0, 0)).shape == (2, 0, 0)
    assert pf.linalg.det(pf.zeros(2, 0, 0)).tolist() == [1, 1]
    assert pf.linalg.solve(pf.zeros(0, 0), pf.zeros(0, 2)).shape == (0, 2)
    assert pf.linalg.solve(pf.eye(3), pf.zeros(3, 0)).shape == (3, 0)


def test_singular_matrices_are_named_and_have_no_determinant() -> None:
    a = normal(3, 40, 40)
    a[1, :, 7] = 0
    for call in (lambda x: pf.linalg.inv(x), lambda x: pf.linalg.solve(x, x)):
        with pytest.raises(pf.linalg.LinAlgError, match=r"singular \(pivot 7 of matrix 1 is zero\)"):
            call(pf.tensor(a)).numpy()
    sign, logabsdet = pf.linalg.slogdet(pf.tensor(a))
    assert pf.linalg.det(pf.tensor(a)).numpy()[1] == sign.numpy()[1] == 0 and logabsdet.numpy()[1] == -np.inf
    a[2, 0, 0] = np.nan
    assert np.isnan(pf.linalg.det(pf.tensor(a)).numpy()[2])


def smallest_solution(a: Array, b: Array, rcond: float) -> Array:
    return np.linalg.pinv(a.astype(np.float64), rcond) @ b.astype(np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 2), (40, 33), (200, 50), (64, 64), (3, 9), (33, 70), (40, 200)])
@pytest.mark.parametrize("scale", [1.0, 1e15, 1e-15, 1e-30])
def test_least_squares_are_those_of_singular_values(shape: tuple[int, int], scale: float, dtype: type[Any]) -> None:
    a, b = (normal(*shape) * scale).astype(dtype), normal(shape[0], 3).astype(dtype)
    solution, _, rank, _ = pf.linalg.lstsq(pf.tensor(a), pf.tensor(b))
    exact = smallest_solution(a, b, 1e-12)
    condition = np.linalg.cond(a.astype(np.float64))
    error = np.linalg.norm(solution.numpy() - exact) / np.linalg.norm(exact)
    assert error <= 30 * condition * max(1.0, condition / 30) * np.finfo(dtype).eps and rank.item() == min(shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 4), (70, 40), (40, 70), (50, 50)])
def test_least_squares_of_a_deficient_rank_are_the_smallest(shape: tuple[int, int], dtype: type[Any]) -> None:
    a = (normal(shape[0], 3) @ normal(3, shape[1])).astype(dtype)
    b = normal(shape[0], 2).astype(dtype)
    solution, _, rank, _ = pf.linalg.lstsq(pf.tensor(a), pf.tensor(b))
    exact = smallest_solution(a, b, 1e-5)
    np.testing.assert_allclose(solution.numpy(), exact, rtol=0, atol=300 * np.finfo(dtype).eps * np.abs(exact).max())
    assert rank.item() == 3
    nothing = pf.linalg.lstsq(pf.tensor(np.zeros(shape, dtype)), pf.tensor(b))
    assert nothing.rank.item() == 0 and not nothing.solution.numpy().any()


def test_rcond_decides_which_singular_values_count() -> None:
    u, _, v = np.linalg.svd(normal(6, 4), full_matrices=False)
    a, b = u * [1.0, 0.5, 0.1, 0.01] @ v, normal(6, 1)
    for rcond, rank in ((1e-4, 4), (0.02, 3), (0.3, 2)):
        found = pf.linalg.lstsq(pf.tensor(a), pf.tensor(b), rcond)
        assert found.rank.item() == rank
        np.testing.assert_allclose(found.solution.numpy(), smallest_solution(a, b, rcond), rtol=1e-9)


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 3, 5)])
def test_least_squares_of_stacks_have_gradients(shape: tuple[int, ...]) -> None:
    a, b = (pf.tensor(normal(*s), requires_grad=True) for s in (shape, (2, shape[1], 2)))
    assert pf.testing.gradcheck(lambda a, b: pf.linalg.lstsq(a, b).solution, (a, b))
    assert pf.testing.gradgradcheck(lambda a, b: pf.linalg.lstsq(a, b).solution, (a, b))


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    a, b, stack = (pf.tensor(normal(*s).astype(np.float32)) for s in ((300, 300), (300, 200), (90, 20, 20)))
    before, found = pf.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            results = (pf.linalg.inv(a), pf.linalg.solve(a, b), pf.linalg.lstsq(b, a).solution, pf.linalg.inv(stack))
            found.append([result.numpy().tobytes() for result in results])
    finally:
        pf.set_num_threads(before)
    assert found[0] == found[1] == found[2]
