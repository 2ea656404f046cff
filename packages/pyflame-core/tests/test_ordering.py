from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.int16, np.uint8])
@pytest.mark.parametrize("descending", [False, True])
def test_long_lines_sort_as_numpy_does(dtype, descending):
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((2, 5000)) * 100).astype(dtype)
    values, indices = pf.sort(pf.tensor(x), descending=descending)
    order = np.argsort(-x.astype(np.float64) if descending else x, axis=-1, kind="stable")
    np.testing.assert_array_equal(indices.numpy(), order)
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(x, order, -1))


def test_integers_beyond_double_precision_sort_exactly():
    x = np.array([2**62 + 1, 2**62, -(2**63), 2**63 - 1])
    assert pf.sort(pf.tensor(x)).values.tolist() == sorted(x.tolist())


@pytest.mark.parametrize("k", [1, 7, 500, 2000, 5000])
def test_topk_of_long_lines(k):
    x = np.random.default_rng(2).permutation(5000).astype(np.float32)
    values, indices = pf.topk(pf.tensor(x), k)
    np.testing.assert_array_equal(values.numpy(), np.sort(x)[::-1][:k])
    np.testing.assert_array_equal(x[indices.numpy()], values.numpy())
    loose = pf.topk(pf.tensor(x), k, sorted=False).values
    np.testing.assert_array_equal(np.sort(loose.numpy()), np.sort(x)[-k:])


def test_gradient_of_sorted_values_returns_to_their_places():
    x = pf.tensor([3.0, 1.0, 2.0], requires_grad=True)
    (pf.sort(x).values * pf.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100, 1, 10]


def test_results_have_names():
    x = pf.tensor([[3.0, 1.0, 2.0]])
    for pair in (x.sort(), x.topk(1), x.kthvalue(1), x.median(1), x.mode(), x.max(1), x.cummax(1)):
        assert pair.values is pair[0] and pair.indices is pair[1]
    assert x.aminmax().min.item() == 1


def test_median_of_everything():
    assert pf.median(pf.tensor([[4, 1], [3, 2]])).item() == 2
    assert np.isnan(pf.median(pf.zeros(0)).item())
    assert np.isnan(pf.median(pf.tensor([1.0, np.nan])).item())
    assert pf.nanmedian(pf.tensor([1.0, np.nan])).item() == 1


def test_functions_over_sort():
    x = pf.tensor([[3, 1], [2, 4]])
    assert x.msort().tolist() == [[2, 1], [3, 4]]
    assert x.argsort(descending=True).tolist() == [[0, 1], [1, 0]]
