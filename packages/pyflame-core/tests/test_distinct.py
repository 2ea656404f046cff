from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_unique_equals_numpy(dim):
    x = np.random.default_rng(3).integers(0, 2, (4, 5))
    found = pf.unique(pf.tensor(x), return_inverse=True, return_counts=True, dim=dim)
    expected = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
    for one, other in zip(found, expected):
        np.testing.assert_array_equal(one.numpy(), other)


def test_unique_consecutive_keeps_order():
    values, inverse, counts = pf.unique_consecutive(pf.tensor([2, 2, 1, 2]), True, True)
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([2, 1, 2], [0, 0, 1, 2], [2, 1, 1])


def test_every_nan_is_distinct():
    assert pf.unique(pf.tensor([np.nan, 1.0, np.nan])).shape == (3,)


def test_bfloat16_and_empty():
    assert pf.unique(pf.tensor([2.0, 1.0, 2.0], dtype=pf.bfloat16)).tolist() == [1, 2]
    assert pf.unique(pf.zeros(0)).shape == (0,)
    with pytest.raises(IndexError, match="0-d"):
        pf.unique(pf.tensor(1), dim=0)


def test_unique_passes_gradients_to_the_first_of_equals():
    x = pf.tensor([3.0, 1.0, 3.0], requires_grad=True)
    (pf.unique(x) * pf.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [10, 1, 0]
