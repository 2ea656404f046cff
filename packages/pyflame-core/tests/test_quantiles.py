from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf

X = np.random.default_rng(0).standard_normal((4, 7))


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("dim", [None, 0, -1])
def test_quantile_equals_numpy(interpolation, dim):
    q = np.array([0.0, 0.23, 0.5, 1.0])
    y = pf.quantile(pf.tensor(X), pf.tensor(q), dim, keepdim=True, interpolation=interpolation)
    np.testing.assert_allclose(y.numpy(), np.quantile(X, q, axis=dim, keepdims=True, method=interpolation))


def test_nan_decides_or_is_left_out():
    x = X.copy()
    x[1, 2] = np.nan
    y = pf.quantile(pf.tensor(x), 0.4, 1)
    np.testing.assert_array_equal(np.isnan(y.numpy()), [False, True, False, False])
    np.testing.assert_allclose(pf.nanquantile(pf.tensor(x), 0.4, 1).numpy(), np.nanquantile(x, 0.4, axis=1))


def test_gradient():
    x = pf.tensor(X, requires_grad=True)
    assert pf.testing.gradcheck(lambda t: pf.quantile(t, 0.3, 1), (x,))


def test_refuses_what_it_cannot_do():
    x = pf.tensor(X)
    with pytest.raises(RuntimeError, match="q is 1.5"):
        pf.quantile(x, 1.5)
    with pytest.raises(RuntimeError, match="dtype int64"):
        pf.quantile(pf.tensor([1, 2]), 0.5)
    with pytest.raises(RuntimeError, match="empty"):
        pf.quantile(pf.zeros(0), 0.5)
    with pytest.raises(RuntimeError, match="interpolation"):
        pf.quantile(x, 0.5, interpolation="cubic")
    with pytest.raises(RuntimeError, match="float64, the dtype of x"):
        pf.quantile(x, pf.tensor([0.5]))
