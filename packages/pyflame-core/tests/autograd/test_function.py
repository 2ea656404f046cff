"""Functions with gradients of their own."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import pyflame as pf
from pyflame.autograd.function import once_differentiable

Function = pf.autograd.Function


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
        assert not pf.is_grad_enabled()
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
        (x,) = ctx.saved_tensors
        return grad * 3 * x * x


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
        return grad * ctx.saved_tensors[0]


class MulAdd(Function):
    """Two outputs and an argument that is no tensor, in the newer form."""

    @staticmethod
    def forward(x: pf.Tensor, y: pf.Tensor, scale: float) -> tuple[pf.Tensor, pf.Tensor]:
        return x * y * scale, x + y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0], inputs[1])
        ctx.scale = inputs[2]

    @staticmethod
    def backward(ctx: Any, product: pf.Tensor, total: pf.Tensor) -> tuple[Any, ...]:
        x, y = ctx.saved_tensors
        return product * y * ctx.scale + total, product * x * ctx.scale + total, None


def wide(*values: float) -> pf.Tensor:
    return pf.tensor(values, dtype=pf.float64, requires_grad=True)


@pytest.mark.parametrize("function", [Cube, Exp])
def test_gradients_of_every_order(function: type[Function]) -> None:
    x = wide(0.5, -1.0, 2.0)
    assert pf.autograd.gradcheck(function.apply, x)
    assert pf.autograd.gradgradcheck(function.apply, x)


def test_several_outputs_and_setup_context() -> None:
    x, y = wide(1.0, 2.0), wide(3.0, 4.0)
    assert pf.autograd.gradcheck(lambda x, y: MulAdd.apply(x, y, 2.0), (x, y))
    assert pf.autograd.gradgradcheck(lambda x, y: MulAdd.apply(x, y, 2.0), (x, y))
    product, total = MulAdd.apply(x, y, 2.0)
    assert product.grad_fn == total.grad_fn and product.grad_fn.name() == "MulAddBackward"
    total.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1.0, 1.0], "the other output counts as zeros"


def test_needs_input_grad_and_unrecorded_calls() -> None:
    seen: list[Any] = []

    class Look(Function):
        @staticmethod
        def forward(ctx: Any, x: pf.Tensor, y: pf.Tensor, k: int) -> pf.Tensor:
            seen.append(ctx.needs_input_grad)
            return x * y * k

        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> tuple[Any, ...]:
            return grad, None, None

    x = wide(1.0)
    assert Look.apply(x, pf.ones(1), 2).requires_grad
    with pf.no_grad():
        assert not Look.apply(x, pf.ones(1), 2).requires_grad
    assert not Look.apply(pf.ones(1), pf.ones(1), 2).requires_grad
    assert seen == [(True, False, False), (True, False, False), (False, False, False)]


def test_unmaterialised_and_constant_outputs() -> None:
    class Pair(Function):
        @staticmethod
        def forward(ctx: Any, x: pf.Tensor) -> tuple[Any, ...]:
            fixed = x * 2
            ctx.mark_non_differentiable(fixed)
            ctx.set_materialize_grads(False)
            return fixed, x * 3, x > 0, "text"

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            assert grads[0] is None and grads[2] is None and grads[3] is None
            return grads[1] * 3

    x = wide(1.0)
    fixed, y, mask, text = Pair.apply(x)
    assert not fixed.requires_grad and y.requires_grad and mask.tolist() == [True] and text == "text"
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3.0]


def test_argument_returned_as_it_is_becomes_another_tensor() -> None:
    class Identity(Function):
        @staticmethod
        def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
            return x

        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
            return grad * 7

    x = wide(1.0)
    y = Identity.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [7.0]


class AddOne(Function):
    @staticmethod
    def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
        x.add_(1)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
        return grad * 5


def test_dirty_argument_continues_its_history() -> None:
    x = wide(1.0)
    y = x * 2
    result = AddOne.apply(y)
    assert result is y and y.tolist() == [3.0] and y.grad_fn.name() == "AddOneBackward"
    (y * y).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [60.0]
    with pytest.raises(RuntimeError, match="leaf that requires grad"):
        AddOne.apply(wide(1.0))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ((1, 2), "returned 2 gradients: expected 1"),
        ((), "returned 0 gradients"),
        (pf.ones(3), r"has shape \(3,\), the argument \(2,\)"),
        (3, "is a int"),
    ],
)
def test_wrong_gradients_raise(result: Any, message: str) -> None:
    class Wrong(Cube):
        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> Any:
            return result

    with pytest.raises(RuntimeError, match=rf"\[Wrong\].*{message}"):
        Wrong.apply(wide(1.0, 2.0)).sum().backward()


def test_gradients_are_fitted_to_the_argument() -> None:
    class Wide(Cube):
        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> Any:
            return pf.ones(3, 2), None, None

    x = pf.ones(2, requires_grad=True)
    Wide.apply(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3.0, 3.0] and x.grad.dtype is pf.float32


def test_once_differentiable_refuses_the_second_derivative() -> None:
    class Once(Cube):
        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
            assert not pf.is_grad_enabled()
            return grad * 3 * ctx.saved_tensors[0] ** 2

    x = wide(2.0)
    weight = wide(1.0)
    (first,) = pf.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    assert first.tolist() == [12.0]
    (first,) = pf.autograd.grad(Once.apply(x), x, weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_exceptions_pass_and_leave_no_trace() -> None:
    class Fail(Cube):
        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
            raise ValueError("mine")

    x = wide(1.0)
    y = Fail.apply(x)
    for _ in range(2):
        with pytest.raises(ValueError, match="mine"):
            y.sum().backward(retain_graph=True)
    assert x.grad is None and pf.is_grad_enabled()


class Kept:
    """Something a context holds."""


@pytest.mark.parametrize("mode", ["unused", "backward", "failed"])
def test_contexts_are_freed(mode: str) -> None:
    kept: list[weakref.ref[Any]] = []

    class Holding(Function):
        @staticmethod
        def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
            ctx.held = Kept()
            kept.append(weakref.ref(ctx.held))
            kept.append(weakref.ref(ctx))
            y = x * 2
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
            if mode == "failed":
                raise ValueError("mine")
            return grad * 2

    x = wide(1.0)
    y = Holding.apply(x).sum()
    assert all(ref() is not None for ref in kept)
    if mode == "backward":
        y.backward()
    elif mode == "failed":
        with pytest.raises(ValueError, match="mine"):
            y.backward()
    del y
    gc.collect()
    assert all(ref() is None for ref in kept)


def test_history_frees_the_context_though_the_result_lives() -> None:
    x = wide(1.0)
    y = Exp.apply(x)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        y.sum().backward()


def test_training_loop_finds_its_plan_and_leaks_nothing() -> None:
    x = pf.ones(4, requires_grad=True)
    for step in range(30):
        loss = (Cube.apply(x) + Exp.apply(x)).sum()
        loss.backward()
        with pf.no_grad():
            x.sub_(x.grad * 1e-3)  # type: ignore[operator]
        x.grad = None
        pf.eval(x)
        if step == 3:
            gc.collect()  # what other tests left must not go meanwhile
            before = pf.runtime_info()
    after = pf.runtime_info()
    assert after["plan_misses"] == before["plan_misses"]
    assert after["live_nodes"] == before["live_nodes"] and after["live_bytes"] == before["live_bytes"]


def test_functions_work_evaluated_eagerly_and_in_debug_mode() -> None:
    with pf.eager():
        x = wide(2.0)
        Exp.apply(Cube.apply(x)).sum().backward()
        assert x.grad is not None
        expected = x.grad.item()
    x = wide(2.0)
    pf.set_debug_mode(True)
    try:
        Exp.apply(Cube.apply(x)).sum().backward()
        assert x.grad is not None and x.grad.item() == expected
    finally:
        pf.set_debug_mode(False)


def test_value_saved_is_that_of_the_call() -> None:
    x = wide(2.0)
    y = Cube.apply(x).sum()
    with pf.no_grad():
        x.fill_(5.0)
    y.backward()
    assert x.grad is None or x.grad.item() == 12.0
