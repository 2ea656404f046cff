"""Mixed precision: which operation computes in what, and scaled losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf

A = pf.tensor(np.random.default_rng(0).standard_normal((4, 4)), dtype=pf.float32)
B = A.bfloat16()


@pytest.mark.parametrize(
    "function",
    [lambda: A @ A, lambda: pf.bmm(A[None], A[None]), lambda: pf.addmm(A, A, A), lambda: pf.einsum("ij,jk", A, A)],
)
def test_products_compute_in_lower_precision(function: Callable[[], pf.Tensor]) -> None:
    assert function().dtype is pf.float32
    with pf.autocast():
        assert function().dtype is pf.bfloat16
    with pf.amp.autocast("cpu", dtype=pf.float16):
        assert function().dtype is pf.float16


def test_sensitive_operations_compute_in_float32() -> None:
    with pf.autocast():
        assert pf.prod(B).dtype is pf.float32 and pf.quantile(B, 0.5).dtype is pf.float32
        assert (B + A).dtype is pf.float32 and B.sum().dtype is pf.bfloat16
        assert (A.double() @ A.double()).dtype is pf.float64
        assert (A.half() @ A.half()).dtype is pf.bfloat16
        assert (A.long() @ A.long()).dtype is pf.int64


def test_autocast_nests_decorates_and_switches_off() -> None:
    @pf.autocast()
    def product() -> pf.Tensor:
        return A @ A

    assert product().dtype is pf.bfloat16 and not pf.amp.is_autocast_enabled()
    with pf.autocast():
        assert pf.amp.is_autocast_enabled() and pf.amp.get_autocast_dtype() is pf.bfloat16
        with pf.autocast(enabled=False):
            assert product().dtype is pf.bfloat16 and (A @ A).dtype is pf.float32
        assert (A @ A).dtype is pf.bfloat16
    with pytest.warns(UserWarning, match="only bfloat16 and float16"), pf.autocast(dtype=pf.float32):
        assert (A @ A).dtype is pf.float32


def test_gradients_arrive_in_the_dtype_of_the_leaf() -> None:
    w = A.clone().requires_grad_()
    with pf.autocast():
        loss = (B @ w).float().pow(2).sum()
    loss.backward()
    assert w.grad is not None and w.grad.dtype is pf.float32
    exact = 2 * A.double().T @ (A.double() @ A.double())
    np.testing.assert_allclose(w.grad.double().numpy(), exact.numpy(), atol=0.15)


def test_custom_functions_choose_their_precision() -> None:
    class Product(pf.autograd.Function):
        @staticmethod
        @pf.amp.custom_fwd(cast_inputs=pf.float32)
        def forward(ctx: Any, a: pf.Tensor, b: pf.Tensor) -> pf.Tensor:
            ctx.save_for_backward(a, b)
            return a @ b

        @staticmethod
        @pf.amp.custom_bwd
        def backward(ctx: Any, grad: pf.Tensor) -> tuple[pf.Tensor, pf.Tensor]:
            a, b = ctx.saved_tensors
            assert (a.float() @ b).dtype is pf.float32
            return grad @ b.mT, a.mT.float() @ grad

    x = B.clone().requires_grad_()
    with pf.autocast():
        y = Product.apply(x, A)
        assert y.dtype is pf.float32
        y.sum().backward()
    assert x.grad is not None and x.grad.dtype is pf.bfloat16


class Descent:
    """The part of an optimizer that the scaler needs."""

    def __init__(self, *params: pf.Tensor) -> None:
        self.param_groups = [{"params": list(params)}]
        self.steps = 0

    def step(self) -> str:
        self.steps += 1
        return "stepped"


def test_scaler_scales_unscales_and_grows() -> None:
    w = pf.tensor([1.0, 2.0], requires_grad=True)
    optimizer = Descent(w)
    scaler = pf.amp.GradScaler(init_scale=8.0, growth_interval=2)
    for expected in (8.0, 16.0, 16.0, 32.0):
        w.grad = None
        scaler.scale((w * w).sum()).backward()
        assert scaler.step(optimizer) == "stepped"
        assert w.grad is not None and w.grad.tolist() == [2.0, 4.0]
        scaler.update()
        assert scaler.get_scale() == expected


def test_scaler_skips_steps_that_overflow() -> None:
    w = pf.tensor([1.0], requires_grad=True)
    optimizer = Descent(w)
    scaler = pf.amp.GradScaler(init_scale=4.0, growth_interval=2)
    for bad in (float("inf"), float("nan")):
        scaler.scale((w * bad).sum()).backward()
        assert scaler.step(optimizer) is None and optimizer.steps == 0
        scaler.update()
        w.grad = None
    assert scaler.get_scale() == 1.0
    scaler.update(new_scale=3.0)
    assert scaler.get_scale() == 3.0


def test_scaler_refuses_wrong_orders() -> None:
    w = pf.tensor([1.0], requires_grad=True)
    optimizer, scaler = Descent(w), pf.amp.GradScaler()
    with pytest.raises(RuntimeError, match="no parameter of the optimizer has a gradient"):
        scaler.step(optimizer)
    scaler = pf.amp.GradScaler()
    with pytest.raises(RuntimeError, match="no gradients were looked at"):
        scaler.update()
    scaler.scale(w.sum()).backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"after step"):
        scaler.unscale_(optimizer)
    h = pf.tensor([1.0], dtype=pf.float16, requires_grad=True)
    h.sum().backward()
    with pytest.raises(ValueError, match="float16"):
        scaler.unscale_(Descent(h))
    with pytest.raises(ValueError, match="growth_factor"):
        pf.amp.GradScaler(growth_factor=1.0)


def test_scaler_state_and_disabled_scaler() -> None:
    scaler, other = pf.amp.GradScaler(init_scale=2.0), pf.amp.GradScaler()
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == 2.0 and other.state_dict() == scaler.state_dict()
    with pytest.raises(RuntimeError, match="empty"):
        other.load_state_dict({})
    off = pf.amp.GradScaler(enabled=False)
    x = pf.ones(1)
    assert off.scale(x) is x and off.get_scale() == 1.0 and off.state_dict() == {} and not off.is_enabled()
    assert off.step(Descent()) == "stepped"
    assert [y.tolist() for y in scaler.scale([x, (x, x)])[1]] == [[2.0], [2.0]]
