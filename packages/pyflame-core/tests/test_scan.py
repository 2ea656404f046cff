from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf


def test_cumsum_of_bool_counts():
    assert pf.cumsum(pf.tensor([True, False, True]), 0).tolist() == [1, 1, 2]


def test_cumsum_converts_to_dtype_first():
    y = pf.cumsum(pf.tensor([100, 100], dtype=pf.int8), 0, dtype=pf.int8)
    assert y.dtype is pf.int8 and y.tolist() == [100, -56]


def test_cumsum_of_float32_accumulates_in_double():
    x = np.full(10**6, 0.1, np.float32)
    assert abs(pf.cumsum(pf.tensor(x), 0)[-1].item() - x.astype(np.float64).sum()) < 0.01


@pytest.mark.parametrize("dim", [0, 1])
def test_cumprod_gradient_with_zeros(dim):
    x = pf.tensor([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]], dtype=pf.float64, requires_grad=True)
    assert pf.testing.gradcheck(lambda t: pf.cumprod(t, dim), (x,))
    assert pf.testing.gradgradcheck(lambda t: pf.cumprod(t, dim), (x,))


def test_logcumsumexp_survives_infinities():
    x = pf.tensor([-np.inf, -np.inf, 1.0, 1000.0], requires_grad=True)
    y = pf.logcumsumexp(x, 0)
    y[2:].sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), [-np.inf, -np.inf, 1, 1000])
    np.testing.assert_allclose(x.grad.numpy(), [0, 0, 1, 1])


def test_cummax_of_bool_stays_bool():
    values, indices = pf.cummax(pf.tensor([False, True, False]), 0)
    assert values.dtype is pf.bool and values.tolist() == [False, True, True] and indices.tolist() == [0, 1, 1]


def test_diff_with_ends_and_order():
    x = pf.tensor([1.0, 4.0, 9.0])
    assert pf.diff(x, prepend=pf.zeros(1), append=pf.zeros(1)).tolist() == [1, 3, 5, -9]
    assert pf.diff(x, n=5).shape == (0,)
    with pytest.raises(RuntimeError, match="n is -1"):
        pf.diff(x, n=-1)


def test_trapezoid_with_positions():
    y, x = pf.tensor([[1.0, 2.0], [3.0, 4.0]]), pf.tensor([0.0, 3.0])
    assert pf.trapezoid(y, x).tolist() == [4.5, 10.5]
    assert pf.trapezoid(y, x, dim=0).tolist() == [6, 9]
    with pytest.raises(RuntimeError, match="both given"):
        pf.trapezoid(y, x, dx=1)
