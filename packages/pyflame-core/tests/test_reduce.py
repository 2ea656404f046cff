from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf

A = np.random.default_rng(0).normal(size=(3, 4, 5))
DIMS: list[Any] = [None, 0, -1, (0, 2), (0, 1, 2)]


@pytest.mark.parametrize("dim", DIMS, ids=str)
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize(
    ("name", "reference"),
    [("sum", np.sum), ("mean", np.mean), ("amax", np.max), ("amin", np.min), ("var", np.var), ("std", np.std)],
)
def test_reductions_equal_numpy(name: str, reference: Any, dim: Any, keepdim: bool) -> None:
    extra = {"ddof": 1} if name in ("var", "std") else {}
    expected = reference(A, axis=dim, keepdims=keepdim, **extra)
    found = getattr(pf, name)(pf.tensor(A), dim, keepdim=keepdim)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("p", [0, 1, 2, 3, np.inf, -np.inf])
def test_norm_equals_numpy(p: float) -> None:
    np.testing.assert_allclose(pf.norm(pf.tensor(A), p, 1).numpy(), np.linalg.norm(A, p, 1), rtol=1e-12)


def test_max_and_min_in_three_forms() -> None:
    x = pf.tensor([[1, 5, 5], [7, 3, 7]])
    assert (x.max().item(), x.min().item()) == (7, 1)
    values, indices = x.max(1)
    assert values.tolist() == [5, 7] and indices.tolist() == [1, 0]
    assert x.min(0, keepdim=True).indices.tolist() == [[0, 1, 0]]
    assert pf.max(x, pf.tensor(4)).tolist() == [[4, 5, 5], [7, 4, 7]]
    assert pf.tensor([False, True]).max(0).values.item() is True
    assert pf.tensor(3.0).max(0).values.item() == 3.0


def test_nan_wins() -> None:
    x = pf.tensor([1.0, float("nan"), 3.0])
    assert np.isnan(x.max().item()) and x.argmax().item() == 1 and x.max(0).indices.item() == 1
    assert x.nansum().item() == 4.0 and x.nanmean().item() == 2.0


def test_arg_any_all_count() -> None:
    x = pf.tensor([[0, 2, 1], [3, 0, 0]])
    assert x.argmax().item() == 3 and x.argmin(1).tolist() == [0, 1]
    assert x.any(0).tolist() == [True] * 3 and x.all(1).tolist() == [False, False]
    assert x.count_nonzero().item() == 3 and x.count_nonzero(1).tolist() == [2, 1]


def test_dtypes_of_sums() -> None:
    assert pf.ones(2, dtype=pf.int8).sum().dtype is pf.int64 and pf.ones(2, dtype=pf.bool).prod(0).dtype is pf.int64
    assert pf.ones(2, dtype=pf.float16).sum().dtype is pf.float16
    assert pf.ones(2, dtype=pf.int32).sum(dtype=pf.float64).dtype is pf.float64
    assert pf.tensor([1, 2]).mean(dtype=pf.float32).item() == 1.5


def test_dtype_is_that_of_the_sum_and_of_its_result():
    big = pf.tensor([2**30, 2**30, 2**30])
    assert (
        big.sum(dtype=pf.int32).tolist() == np.array(3 * 2**30).astype(np.int32)
        and big.sum(dtype=pf.int32).dtype is pf.int32
    )
    assert big.prod(dtype=pf.float64).item() == 2.0**90
    assert pf.ones(5000, dtype=pf.float16).sum(dtype=pf.float32).item() == 5000
    assert pf.tensor([0.6, 0.6]).sum(dtype=pf.int64).item() == 0
    assert pf.nansum(pf.tensor([1.0, float("nan")]), dtype=pf.float64).dtype is pf.float64


def test_logsumexp_is_stable() -> None:
    x = pf.tensor([[1000.0, 1000.0], [-np.inf, -np.inf]])
    found = x.logsumexp(1).tolist()
    assert found[0] == pytest.approx(1000 + np.log(2)) and found[1] == -np.inf


@pytest.mark.parametrize("mode", [None, "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
@pytest.mark.parametrize("rows", [3, 40])
def test_distances_by_product_and_by_difference(mode: str | None, rows: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, rows, 7)), rng.standard_normal((2, 5, 7))
    b[:, 0] = a[:, 0]
    x = pf.tensor(a, requires_grad=True)
    distances = pf.cdist(x, pf.tensor(b), compute_mode=mode)
    differences = a[:, :, None] - b[:, None]
    expected = np.sqrt((differences**2).sum(-1))
    np.testing.assert_allclose(distances.detach().numpy(), expected, atol=1e-7)
    distances[:, 1:, 1:].sum().backward()
    slopes = differences / np.where(expected == 0, 1, expected)[..., None]
    slopes[:, 0] = slopes[:, :, 0] = 0
    np.testing.assert_allclose(x.grad.numpy(), slopes.sum(2), atol=1e-6)


def test_distance_of_a_row_to_itself_has_no_slope() -> None:
    x = pf.ones(2, 3, requires_grad=True)
    pf.cdist(x, x, compute_mode="use_mm_for_euclid_dist").sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="expected one of None, use_mm"):
        pf.cdist(x, x, compute_mode="fast")


def test_variance_of_too_few_elements_is_nan() -> None:
    assert np.isnan(pf.tensor([1.0]).var().item()) and pf.tensor([1.0]).var(unbiased=False).item() == 0.0
    variance, centre = pf.var_mean(pf.tensor(A), 1)
    np.testing.assert_allclose(variance.numpy(), A.var(1, ddof=1))
    np.testing.assert_allclose(centre.numpy(), A.mean(1))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pf.ones(2, 2).sum(2), IndexError, r"\[sum\]"),
        (lambda: pf.ones(2, 2).sum((0, 0)), RuntimeError, "more than once"),
        (lambda: pf.tensor([1]).mean(), RuntimeError, r"\[mean\]"),
        (lambda: pf.zeros(0).amax(), RuntimeError, "no identity"),
        (lambda: pf.zeros(0, 2).argmax(0), IndexError, r"\[argmax\]"),
        (lambda: pf.ones(2).norm("nuc"), ValueError, r"\[norm\] p is 'nuc'"),
    ],
)
def test_wrong_calls_are_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
