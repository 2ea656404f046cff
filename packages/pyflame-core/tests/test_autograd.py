from __future__ import annotations

from typing import Any

import pytest

import pyflame as pf
from pyflame.testing import gradcheck, gradgradcheck


def leaf(*values: float) -> pf.Tensor:
    return pf.tensor(values, dtype=pf.float64, requires_grad=True)


def test_backward_accumulates() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [5.0, 7.0]
    x.zero_grad()
    assert x.grad is None


def test_gradient_is_needed_beyond_one_element() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"\[backward\] the output has shape \(2,\)"):
        (x * x).backward()
    (x * x).backward(pf.tensor([1.0, 10.0], dtype=pf.float64))
    assert x.grad is not None and x.grad.tolist() == [2.0, 40.0]


def test_second_backward_needs_retain_graph() -> None:
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    assert x.grad is not None and x.grad.item() == 8.0


def test_backward_without_history() -> None:
    with pytest.raises(RuntimeError, match="does not require grad"):
        pf.ones(1).backward()


def test_grad_returns_without_accumulating() -> None:
    x, y = leaf(3.0), leaf(4.0)
    dx, dy = pf.autograd.grad((x * y).sum(), [x, y])
    assert (dx.item(), dy.item()) == (4.0, 3.0) and x.grad is None


def test_unused_inputs() -> None:
    x, y = leaf(3.0), leaf(4.0)
    with pytest.raises(RuntimeError, match="input 1 is not used"):
        pf.autograd.grad(x.sum(), [x, y])
    assert pf.autograd.grad(x.sum(), [x, y], allow_unused=True)[1] is None
    assert pf.autograd.grad(x.sum(), [x, y], materialize_grads=True)[1].tolist() == [0.0]
    with pytest.raises(RuntimeError, match="does not require grad"):
        pf.autograd.grad(x.sum(), pf.ones(1))


def test_gradients_of_gradients() -> None:
    x = leaf(2.0)
    (first,) = pf.autograd.grad((x**3).sum(), x, create_graph=True)
    (second,) = pf.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = pf.autograd.grad(second.sum(), x)
    assert (first.item(), second.item(), third.item()) == (12.0, 12.0, 6.0)


def test_inputs_limit_accumulation() -> None:
    x, y = leaf(3.0), leaf(4.0)
    (x * y).sum().backward(inputs=[x])
    assert x.grad is not None and y.grad is None


def test_retain_grad_of_intermediate() -> None:
    x = leaf(3.0)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad is not None and y.grad.item() == 12.0 and not y.is_leaf and y.grad_fn.name() == "MulBackward0"


def test_modes_nest_and_decorate() -> None:
    x = leaf(1.0)

    @pf.no_grad()
    def inside() -> bool:
        return (x * 2).requires_grad

    @pf.no_grad
    def bare() -> bool:
        return pf.is_grad_enabled()

    with pf.no_grad():
        assert not pf.is_grad_enabled()
        with pf.enable_grad():
            assert (x * 2).requires_grad
        with pf.set_grad_enabled(True):
            assert pf.is_grad_enabled()
        assert not (x * 2).requires_grad
    with pf.inference_mode():
        assert not pf.is_grad_enabled()
    assert not inside() and not bare() and pf.is_grad_enabled()
    pf.set_grad_enabled(False)
    assert not pf.is_grad_enabled()
    pf.set_grad_enabled(True)


def test_mode_is_restored_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), pf.no_grad():
        raise ZeroDivisionError
    assert pf.is_grad_enabled()


def test_only_floats_require_grad() -> None:
    with pytest.raises(RuntimeError, match="only floating-point"):
        pf.tensor([1], requires_grad=True)
    with pytest.raises(RuntimeError, match="only leaves"):
        (leaf(1.0) * 2).requires_grad = False


def test_detach_cuts_history() -> None:
    x = leaf(3.0)
    (x * x.detach()).sum().backward()
    assert x.grad is not None and x.grad.item() == 3.0


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.var(0),
        lambda x: x.norm(),
        lambda x: x.norm(3, dim=0),
        lambda x: x.logsumexp(1),
        lambda x: x.max(1).values,
        lambda x: pf.clamp(x, -0.5, 0.5),
        lambda x: pf.gelu(x),
        lambda x: pf.ops.softplus(x),
        lambda x: pf.ops.elu(x),
        lambda x: pf.sinc(x),
        lambda x: pf.einsum("ij,kj->ik", x, x),
        lambda x: pf.einsum("ii->i", x[:, :2]),
        lambda x: pf.roll(x, 1, 1) * pf.flip(x, (0,)),
        lambda x: pf.pad(x, (1, -1), value=2.0) ** 2,
        lambda x: x.repeat(2, 2) * 2,
        lambda x: pf.stack([x, x * x]),
        lambda x: x.prod(0),
    ],
)
def test_composites_agree_with_differences(function: Any) -> None:
    x = pf.testing.make_tensor(2, 3, dtype=pf.float64, low=-2, high=2, requires_grad=True, seed=3)
    assert gradcheck(function, x) and gradgradcheck(function, x, atol=1e-4)


def test_gradcheck_finds_a_wrong_gradient() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"\[gradcheck\] input 0"):
        gradcheck(lambda x: x * x.detach(), x)
    assert not gradcheck(lambda x: x * x.detach(), x, raise_exception=False)
    with pytest.warns(UserWarning, match="float64"):
        gradcheck(lambda x: x, pf.ones(1, requires_grad=True), eps=1e-2)


def test_norm_has_zero_gradient_at_zero() -> None:
    x = pf.zeros(3, requires_grad=True)
    x.norm().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 0]
