"""Sampling at the places of a grid: infinities, gradients of places, numbers of threads."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pyflame as pf


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 2, 3, 4, 5)])
def test_nearest_places_have_gradients_of_zero(shape: tuple[int, ...], padding: str) -> None:
    rank = len(shape) - 2
    rng = np.random.default_rng(0)
    x = pf.tensor(rng.standard_normal(shape), requires_grad=True)
    grid = pf.tensor(rng.uniform(-1.5, 1.5, (shape[0], *(3,) * rank, rank)), requires_grad=True)
    pf.ops.grid_sample(x, grid, "nearest", padding, True).sum().backward()
    assert grid.grad is not None and not grid.grad.numpy().any()
    assert x.grad is not None and x.grad.numpy().any()


def test_elements_beside_the_input_are_not_read() -> None:
    image = pf.tensor([[[[math.inf, 1.0], [2.0, math.nan]]]])
    far = pf.tensor([[[[-5.0, -5.0], [1e30, 5.0], [math.inf, 0.0]]]])
    np.testing.assert_array_equal(pf.ops.grid_sample(image, far, align_corners=True).numpy(), np.zeros((1, 1, 1, 3)))
    corner = pf.tensor([[[[1.0, -1.0]]]])  # its neighbours to the right are none
    assert pf.ops.grid_sample(image[..., :1, :], corner, align_corners=True).tolist() == [[[[1.0]]]]


@pytest.mark.parametrize("index", [-2, 4])
def test_an_index_out_of_range_is_named(index: int) -> None:
    x, a, weight, size = pf.rand(1, 2, 4), pf.rand(1, 2, 3), pf.rand(1, 1, 3), {"size": 4}
    places = pf.tensor([[[0, index, -1]]])
    record = pf._core.ops
    for name, call in {
        "weighted_gather": lambda: record.weighted_gather(x, places, weight),
        "weighted_scatter": lambda: record.weighted_scatter(a, places, weight, **size),
        "gathered_dot": lambda: record.gathered_dot(a, x, places),
    }.items():
        with pytest.raises(IndexError, match=rf"\[{name}\] index {index} is out of range"):
            call().numpy()


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    image, places = rng.standard_normal((2, 70, 20, 30)), np.tanh(rng.standard_normal((2, 40, 50, 2)))
    upstream = pf.tensor(rng.standard_normal((2, 70, 40, 50)).astype(np.float32))
    before, found = pf.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            x, grid = (pf.tensor(part.astype(np.float32), requires_grad=True) for part in (image, places))
            y = pf.ops.grid_sample(x, grid, align_corners=False)
            found.append([part.detach().numpy().tobytes() for part in (y, *pf.autograd.grad(y, [x, grid], upstream))])
    finally:
        pf.set_num_threads(before)
    assert found[0] == found[1] == found[2]
