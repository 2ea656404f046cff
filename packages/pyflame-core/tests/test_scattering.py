from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf


def test_scatter_of_a_number_and_with_reduce():
    x, index = pf.ones(4), pf.tensor([3, 1])
    assert x.scatter(0, index, 5).tolist() == [1, 5, 1, 5]
    assert x.scatter(0, index, pf.tensor([2.0, 3.0]), reduce="add").tolist() == [1, 4, 1, 3]
    assert x.scatter(0, index, pf.tensor([2.0, 3.0]), reduce="multiply").tolist() == [1, 3, 1, 2]
    with pytest.raises(RuntimeError, match="reduce is 'max'"):
        x.scatter(0, index, 5, reduce="max")


def test_scatter_reduce_counts_self_or_not():
    x, index = pf.tensor([10.0, 20.0, 30.0]), pf.tensor([0, 0, 1])
    src = pf.tensor([1.0, 2.0, 3.0])
    expected = {
        "sum": ([13, 23, 30], [3, 3, 30]),
        "prod": ([20, 60, 30], [2, 3, 30]),
        "mean": ([13 / 3, 11.5, 30], [1.5, 3, 30]),
        "amax": ([10, 20, 30], [2, 3, 30]),
        "amin": ([1, 3, 30], [1, 3, 30]),
    }
    for reduce, (with_self, without) in expected.items():
        np.testing.assert_allclose(x.scatter_reduce(0, index, src, reduce).numpy(), with_self, rtol=1e-6)
        np.testing.assert_allclose(x.scatter_reduce(0, index, src, reduce, include_self=False).numpy(), without)


def test_a_tie_with_an_excluded_self_keeps_the_whole_gradient():
    x = pf.tensor([2.0], requires_grad=True)
    src = pf.tensor([2.0, 1.0], requires_grad=True)
    x.scatter_reduce(0, pf.tensor([0, 0]), src, "amax", include_self=False).sum().backward()
    assert x.grad.tolist() == [0] and src.grad.tolist() == [1, 0]


def test_index_copy_and_put():
    x = pf.zeros(2, 3)
    assert x.index_copy(1, pf.tensor([2, 0]), pf.ones(2, 2)).tolist() == [[1, 0, 1], [1, 0, 1]]
    assert x.put(pf.tensor([-1, 0]), pf.tensor([5.0, 6.0])).tolist() == [[6, 0, 0], [0, 0, 5]]
    assert x.put(pf.tensor([1, 1]), pf.ones(2), accumulate=True).tolist() == [[0, 2, 0], [0, 0, 0]]
    with pytest.raises(RuntimeError, match="source int64"):
        x.put(pf.tensor([0]), pf.tensor([1]))
    with pytest.raises(RuntimeError, match="expected \\(2, 1\\)"):
        x.index_copy(1, pf.tensor([0]), pf.ones(2, 2))


def test_index_put_writes_where_getitem_reads():
    x = np.zeros((3, 4), np.float32)
    rows, columns = np.array([[0], [2]]), np.array([1, 3])
    y = pf.index_put(pf.tensor(x), (pf.tensor(rows), pf.tensor(columns)), pf.tensor([[1.0, 2.0], [3.0, 4.0]]))
    x[rows, columns] = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(y.numpy(), x)
    mask = pf.tensor([True, False, True])
    assert pf.index_put(pf.zeros(3), (mask,), pf.tensor(7.0)).tolist() == [7, 0, 7]
    assert pf.index_put(pf.zeros(3), (pf.tensor([1, 1]),), pf.ones(2), accumulate=True).tolist() == [0, 2, 0]


def test_index_put_gradients():
    x = pf.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    v = pf.tensor([1.0, 2.0], dtype=pf.float64, requires_grad=True)
    places = (pf.tensor([0, 1]), pf.tensor([2, 0]))
    assert pf.testing.gradcheck(lambda a, b: pf.index_put(a, places, b), (x, v))


def test_masked_scatter_takes_in_order():
    mask = pf.tensor([[True, False], [True, True]])
    assert pf.masked_scatter(pf.zeros(2, 2), mask, pf.arange(1.0, 9.0)).tolist() == [[1, 0], [2, 3]]
    assert pf.masked_scatter(pf.zeros(2), pf.tensor([False, False]), pf.zeros(0)).tolist() == [0, 0]
    with pytest.raises(IndexError):
        pf.masked_scatter(pf.zeros(2), pf.tensor([True, True]), pf.ones(1)).eval()
    with pytest.raises(RuntimeError, match="expected bool"):
        pf.masked_scatter(pf.zeros(2), pf.tensor([1, 0]), pf.ones(2))


def test_index_out_of_range_is_found_at_evaluation():
    y = pf.scatter(pf.zeros(3), 0, pf.tensor([3]), 1)
    with pytest.raises(IndexError, match=r"\[scatter\] index 3"):
        y.eval()
