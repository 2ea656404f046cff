from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf

A = np.array([-7, -2, 3, 8])
B = np.array([2, -3, 2, -3])
F = np.array([-1.75, -0.5, 0.0, 0.5, 2.5])


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (lambda a, b: a // b, A // B),
        (lambda a, b: a % b, A % B),
        (lambda a, b: a.fmod(b), np.fmod(A, B)),
        (lambda a, b: pf.div(a, b, rounding_mode="floor"), A // B),
        (lambda a, b: pf.div(a, b, rounding_mode="trunc"), np.trunc(A / B).astype(int)),
        (lambda a, b: pf.add(a, b, alpha=3), A + 3 * B),
        (lambda a, b: pf.sub(a, b, alpha=3), A - 3 * B),
        (lambda a, b: pf.rsub(a, b), B - A),
        (lambda a, b: 2 - a, 2 - A),
        (lambda a, b: a**2, A**2),
        (lambda a, b: a & b, A & B),
        (lambda a, b: a ^ b, A ^ B),
        (lambda a, b: ~a, ~A),
        (lambda a, b: a << 2, A << 2),
        (lambda a, b: a >> 1, A >> 1),
        (lambda a, b: pf.where(a > b, a, b), np.maximum(A, B)),
        (lambda a, b: a.clamp(-2, 3), np.clip(A, -2, 3)),
        (lambda a, b: a.clip(max=pf.tensor(0)), np.minimum(A, 0)),
        (lambda a, b: pf.fma(a, b, 1), A * B + 1),
        (lambda a, b: a.masked_fill(a < 0, 0), np.maximum(A, 0)),
    ],
)
def test_integers_equal_numpy(ours: Any, expected: Any) -> None:
    found = ours(pf.tensor(A), pf.tensor(B))
    assert found.dtype is pf.int64
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (lambda x: x.round(), np.round(F)),
        (lambda x: pf.round(x, decimals=1), np.round(F, 1)),
        (lambda x: x.frac(), F - np.trunc(F)),
        (lambda x: pf.sinc(x), np.sinc(F)),
        (lambda x: x.deg2rad(), np.deg2rad(F)),
        (lambda x: pf.logit(x, 0.1), np.log(np.clip(F, 0.1, 0.9) / (1 - np.clip(F, 0.1, 0.9)))),
        (lambda x: pf.lerp(x, x + 4, 0.25), F + 1),
        (lambda x: x.addcmul(x, x, value=2), F + 2 * F * F),
        (lambda x: x.addcdiv(x, x + 9, value=2), F + 2 * F / (F + 9)),
        (lambda x: pf.heaviside(x, pf.tensor(0.5, dtype=pf.float64)), np.heaviside(F, 0.5)),
        (lambda x: pf.copysign(x, -1.0), np.copysign(F, -1.0)),
        (lambda x: pf.logaddexp2(x, x), np.logaddexp2(F, F)),
        (lambda x: pf.ldexp(x, pf.tensor(3)), np.ldexp(F, 3)),
        (lambda x: pf.hypot(x, x + 1), np.hypot(F, F + 1)),
        (lambda x: pf.xlogy(0.0 * x, x - x), np.zeros(5)),
        (lambda x: pf.ops.leaky_relu(x, 0.1), np.where(F > 0, F, 0.1 * F)),
        (lambda x: pf.ops.elu(x), np.where(F > 0, F, np.expm1(F))),
        (lambda x: pf.ops.softplus(x), np.log1p(np.exp(F))),
        (lambda x: pf.silu(x), F / (1 + np.exp(-F))),
        (lambda x: pf.ops.logsigmoid(x), -np.log1p(np.exp(-F))),
    ],
)
def test_floats_equal_numpy(ours: Any, expected: Any) -> None:
    np.testing.assert_allclose(ours(pf.tensor(F)).numpy(), expected, rtol=1e-12, atol=1e-15)


def test_special_values() -> None:
    x = pf.tensor([float("nan"), float("inf"), -float("inf"), 1.0])
    assert x.isnan().tolist() == [True, False, False, False] and x.isposinf().tolist() == [False, True, False, False]
    assert x.isneginf().tolist() == [False, False, True, False] and x.isreal().tolist() == [True] * 4
    assert pf.nan_to_num(x, 0.5, 2.0, -2.0).tolist() == [0.5, 2.0, -2.0, 1.0]
    assert np.isnan(x.clamp(0, 1).tolist()[0]) and pf.fmax(x, pf.zeros(4)).tolist()[0] == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_below_its_domain_acosh_is_nan(dtype: type) -> None:
    assert pf.acosh(pf.tensor(np.array([0.99, 0, -0.5, -1, -1e9, -1e30, -np.inf], dtype))).isnan().all()


def test_the_origin_has_no_direction_but_a_gradient() -> None:
    y, x = pf.tensor([0.0, 1e-30, 1.0], requires_grad=True), pf.tensor([0.0, 0.0, 1.0], requires_grad=True)
    pf.atan2(y, x).sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), [0, 0, 0.5])
    np.testing.assert_allclose(x.grad.numpy(), [0, 0, -0.5], atol=1e-20)


@pytest.mark.parametrize("function", [pf.fmax, pf.fmin])
def test_of_equal_elements_the_first_has_the_gradient(function: Any) -> None:
    x, y = (
        pf.tensor([1.0, float("nan"), 2.0], requires_grad=True),
        pf.tensor([1.0, 2.0, float("nan")], requires_grad=True),
    )
    z = function(x, y)
    z.sum().backward()
    assert (z.tolist(), x.grad.tolist(), y.grad.tolist()) == ([1.0, 2.0, 2.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0])


def test_closeness() -> None:
    nan = float("nan")
    a, b = pf.tensor([1.0, float("inf"), nan]), pf.tensor([1.0 + 1e-7, float("inf"), nan])
    assert pf.isclose(a, b).tolist() == [True, True, False] and pf.allclose(a, b, equal_nan=True)
    assert not pf.allclose(a, b) and pf.equal(pf.ones(2), pf.ones(2)) and not pf.equal(pf.ones(2), pf.ones(3))


def test_clamp_gradient_passes_on_the_closed_interval() -> None:
    x = pf.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    x.clamp(-1, 1).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pf.ones(2) + pf.ones(3), RuntimeError, r"\[add\]"),
        (lambda: pf.div(pf.ones(2), 2, rounding_mode="up"), ValueError, "rounding_mode is 'up'"),
        (lambda: pf.gelu(pf.ones(2), "erf"), RuntimeError, r"\[gelu\] approximate"),
        (lambda: pf.clamp(pf.ones(2)), ValueError, r"\[clamp\]"),
        (lambda: pf.tensor([2]) ** -1, RuntimeError, "negative integer power"),
        (lambda: pf.where(pf.ones(2), 1, 0), RuntimeError, "expected bool"),
        (lambda: pf.ones(2) & 1, RuntimeError, r"\[bitwise_and\]"),
        (lambda: pf.ones(2) + "a", TypeError, "unsupported operand"),
        (lambda: pf.exp("a"), TypeError, r"\[exp\]"),
        (lambda: pf.ones(2) + 2**70, OverflowError, "64 bits"),
    ],
)
def test_wrong_calls_are_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
