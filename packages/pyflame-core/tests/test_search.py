from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf


def test_searchsorted_options():
    edges = pf.tensor([1.0, 3.0, 3.0, 5.0])
    assert pf.searchsorted(edges, pf.tensor([3.0])).tolist() == [1]
    assert pf.searchsorted(edges, pf.tensor([3.0]), side="right").tolist() == [3]
    assert pf.searchsorted(edges, 3.0, right=True, out_int32=True).dtype is pf.int32
    shuffled = pf.tensor([5.0, 1.0, 3.0])
    assert pf.searchsorted(shuffled, pf.tensor([4.0]), sorter=shuffled.argsort()).tolist() == [2]
    with pytest.raises(RuntimeError, match="give one of them"):
        pf.searchsorted(edges, edges, side="left", right=True)


def test_bucketize():
    assert pf.bucketize(pf.tensor([[0, 3], [4, 9]]), pf.tensor([3, 5])).tolist() == [[0, 0], [1, 2]]
    with pytest.raises(RuntimeError, match="one dimension"):
        pf.bucketize(pf.ones(2), pf.ones(2, 2))


def test_histc_equals_numpy():
    x = np.random.default_rng(0).standard_normal(500)
    np.testing.assert_array_equal(pf.histc(pf.tensor(x), 9, -2, 2).numpy(), np.histogram(x, 9, (-2, 2))[0])
    np.testing.assert_array_equal(pf.histc(pf.tensor(x), 6).numpy(), np.histogram(x, 6)[0])
    assert pf.histc(pf.tensor([2.0, 2.0]), 4).tolist() == [0, 0, 2, 0]
    with pytest.raises(RuntimeError, match="not finite"):
        pf.histc(pf.tensor([np.inf]), 4)


def test_bincount():
    x = pf.tensor([1, 1, 3])
    assert x.bincount(minlength=6).tolist() == [0, 2, 0, 1, 0, 0]
    assert x.bincount(pf.tensor([1, 2, 3])).dtype is pf.float64
    assert pf.bincount(pf.tensor([], dtype=pf.int64)).tolist() == []
    for wrong in (pf.tensor([-1]), pf.tensor([1.0]), pf.tensor([[1]])):
        with pytest.raises(RuntimeError):
            pf.bincount(wrong)


def test_isin():
    x = pf.tensor([[1.0, np.nan], [3.0, 4.0]])
    assert pf.isin(x, pf.tensor([4.0, np.nan, 1.0])).tolist() == [[True, False], [False, True]]
    assert pf.isin(x, 3, invert=True).tolist() == [[True, True], [False, True]]
    assert pf.isin(x, pf.zeros(0)).any().item() is False


def test_shapes_that_depend_on_data_cannot_be_traced():
    for function in (pf.nonzero, pf.unique, pf.bincount):
        with pytest.raises(pf.TraceError):
            pf.trace(function, pf.tensor([1, 2]))
