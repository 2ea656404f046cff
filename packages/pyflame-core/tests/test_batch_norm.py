"""Batch normalization by the batch's own moments: accuracy, special values, and what it may be combined with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.ops import batch_norm

Array = np.ndarray[Any, np.dtype[Any]]
SHAPES = [(2, 3), (37, 70), (3000, 5), (3, 7, 5), (9, 4, 40), (8, 6, 31, 33), (1, 3, 50, 50)]


def reference(x: Array, grad: Array, weight: Array, bias: Array) -> tuple[Array, ...]:
    """Result and gradients of x, weight and bias in float64."""
    x, grad = x.astype(np.float64), grad.astype(np.float64)
    dims, shape = (0, *range(2, x.ndim)), (-1, *(1,) * (x.ndim - 2))
    deviation = np.sqrt(x.var(dims, keepdims=True) + 1e-5)
    y = (x - x.mean(dims, keepdims=True)) / deviation
    slope = grad - grad.mean(dims, keepdims=True) - y * (grad * y).mean(dims, keepdims=True)
    w = weight.astype(np.float64).reshape(shape)
    return y * w + bias.reshape(shape), slope * w / deviation, (grad * y).sum(dims), grad.sum(dims)


def run(x: Array, grad: Array, weight: Array, bias: Array) -> list[Array]:
    values = [pf.tensor(array).requires_grad_() for array in (x, weight, bias)]
    y = batch_norm(values[0], None, None, *values[1:], training=True)
    found = pf.autograd.grad([y], values, [pf.tensor(grad)])
    return [y.detach().numpy(), *(gradient.numpy() for gradient in found)]


def arrays(shape: tuple[int, ...], offset: float = 0.0) -> tuple[Array, ...]:
    rng = np.random.default_rng(0)
    x, grad = (rng.standard_normal(shape, dtype=np.float32) for _ in range(2))
    weight, bias = (rng.standard_normal(shape[1], dtype=np.float32) for _ in range(2))
    return x + np.float32(offset), grad, weight, bias


@pytest.mark.parametrize("shape", SHAPES)
def test_results_and_gradients_are_those_of_float64(shape: tuple[int, ...]) -> None:
    given = arrays(shape)
    for found, expected in zip(run(*given), reference(*given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_a_mean_far_from_zero_costs_no_more_than_its_own_rounding(shape: tuple[int, ...]) -> None:
    given = arrays(shape, offset=1000.0)
    y, expected = run(*given)[0], reference(*given)[0]
    assert np.abs(y - expected).max() < 1e-3  # a thousand in units of 2^-24, times the largest weight


@pytest.mark.parametrize("shape", [(16, 3), (16, 3, 40)])
def test_one_sample_unlike_all_others_does_not_spoil_the_variance(shape: tuple[int, ...]) -> None:
    for place in (0, 9):
        x, *rest = arrays(shape)
        x[place] += 1e6
        for found, expected in zip(run(x, *rest)[:2], reference(x, *rest)[:2], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_results_do_not_depend_on_the_number_of_threads(shape: tuple[int, ...]) -> None:
    given, before = arrays(shape), pf.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            found.append(run(*given))
    finally:
        pf.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 40)])
def test_a_channel_with_an_infinity_spoils_no_other(shape: tuple[int, ...]) -> None:
    x, grad, weight, bias = arrays(shape)
    clean = run(x, grad, weight, bias)
    for value in (np.inf, -np.inf, np.nan):
        for place in (0, -1):
            x[place, 1] = value
            mean = pf.zeros(3)
            batch_norm(pf.tensor(x), mean, None, training=True, momentum=1.0)
            np.testing.assert_equal(float(mean[1]), value)
            found = run(x, grad, weight, bias)
            assert np.isnan(found[0][:, 1]).all() and np.isnan(found[1][:, 1]).all()
            for a, b in zip(found[:2], clean[:2], strict=True):
                np.testing.assert_array_equal(a[:, ::2], b[:, ::2])
            x[place, 1] = 0.5


def test_the_result_may_be_changed_in_place() -> None:
    x, grad, weight, bias = arrays((4, 3, 5))
    leaf = pf.tensor(x).requires_grad_()
    y = batch_norm(leaf * 1.0, None, None, pf.tensor(weight), pf.tensor(bias), training=True)
    y.relu_()
    y.backward(pf.tensor(grad))
    masked = np.where(reference(x, grad, weight, bias)[0] > 0, grad, np.float32(0))
    np.testing.assert_allclose(leaf.grad.numpy(), reference(x, masked, weight, bias)[1], atol=1e-5)


def test_running_statistics_take_the_unbiased_variance() -> None:
    x = arrays((6, 3, 5))[0]
    mean, variance = pf.ones(3), pf.ones(3)
    batch_norm(pf.tensor(x), mean, variance, training=True, momentum=0.25)
    np.testing.assert_allclose(mean.numpy(), 0.75 + 0.25 * x.mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(variance.numpy(), 0.75 + 0.25 * x.var((0, 2), ddof=1), rtol=1e-5)


@pytest.mark.parametrize("dtype", [pf.float16, pf.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: pf.DType) -> None:
    x, _, weight, bias = arrays((6, 3, 5))
    half = pf.tensor(x).to(dtype)
    y = batch_norm(half, None, None, pf.tensor(weight), pf.tensor(bias), training=True)
    exact = batch_norm(half.float(), None, None, pf.tensor(weight), pf.tensor(bias), training=True)
    assert y.dtype is dtype and y.equal(exact.to(dtype))


def test_moments_can_be_asked_for_after_their_result_has_been_evaluated() -> None:
    x, grad, weight, bias = arrays((4, 3, 5))
    leaf = pf.tensor(x).requires_grad_()
    y = batch_norm(leaf, None, None, pf.tensor(weight), pf.tensor(bias), training=True)
    pf.eval(y)
    y.backward(pf.tensor(grad))
    np.testing.assert_allclose(leaf.grad.numpy(), reference(x, grad, weight, bias)[1], atol=1e-5)
