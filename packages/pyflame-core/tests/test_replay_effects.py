"""Compiled functions that leave gradients, and methods that each replay calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pyflame as pf

Reason = Callable[..., str]


def test_gradients_are_left_where_the_function_leaves_them() -> None:
    w, idle = pf.ones(3, requires_grad=True), pf.ones(2, requires_grad=True)

    @pf.compile
    def accumulating(x: pf.Tensor) -> pf.Tensor:
        loss = (w * x * x).sum() + 0.0 * idle.sum()
        loss.backward()
        return loss

    x = pf.tensor([1.0, 2.0, 3.0])
    for count in range(1, 4):  # from no gradient, and from one
        loss = accumulating(x)
        assert w.grad is not None and w.grad.tolist() == [count, 4.0 * count, 9.0 * count]
        assert idle.grad is not None and idle.grad.tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="history of this tensor was freed"):
        loss.backward()
    for _ in range(6):
        w.grad = idle.grad = None
        accumulating(x)
        assert w.grad.tolist() == [1.0, 4.0, 9.0]
    assert accumulating.fallback_reasons == () and accumulating.replays >= 6
    w.grad = pf.tensor([5.0, 5.0, 5.0])
    accumulating(x)
    assert w.grad.tolist() == [6.0, 9.0, 14.0]
    w.register_hook(lambda grad: grad * 2)
    w.grad = idle.grad = None
    for _ in range(2):
        w.grad = None
        accumulating(x)
        assert w.grad.tolist() == [2.0, 8.0, 18.0]


def test_gradients_that_cannot_be_left(compiled_reason: Reason) -> None:
    w = pf.ones(3, requires_grad=True)

    def at_an_argument(x: pf.Tensor) -> pf.Tensor:
        (w * x).sum().backward()
        return x * 2

    x = pf.ones(3, requires_grad=True)
    assert "gradient at an argument" in compiled_reason(at_an_argument, x)
    assert x.grad is not None and x.grad.tolist() == [3.0] * 3
    assert "grad" in compiled_reason(lambda x: x * w.grad, pf.ones(3))

    def hooked(x: pf.Tensor) -> pf.Tensor:
        (v * x).sum().backward()
        return x * 2

    v = pf.ones(3, requires_grad=True)
    v.register_hook(lambda grad: grad * 2)
    assert "hooks" in compiled_reason(hooked, pf.ones(3))
    assert v.grad is not None and v.grad.tolist() == [6.0] * 3


class Counter:
    """Acts at each call of a function, replayed or not."""

    def __init__(self) -> None:
        self.count, self.factor = 0, 2.0

    def step(self) -> None:
        if not pf.compilation.postpone(self.step):
            self.count += int(pf.ones(1).sum().item())


pf.compilation.acts(Counter, "step", frozenset(), lambda counter: [])


class Louder(Counter):
    def step(self) -> None:
        super().step()


def test_methods_that_act_are_called_by_each_replay(compiled_reason: Reason) -> None:
    counter = Counter()

    @pf.compile
    def f(x: pf.Tensor) -> pf.Tensor:
        y = x * 2
        counter.step()
        return y + 1

    assert [f(pf.ones(1)).item() for _ in range(5)] == [3.0] * 5
    assert (counter.count, f.replays, f.fallback_reasons) == (5, 4, ())
    louder = Louder()
    assert "step cannot be seen through" in compiled_reason(lambda x: (louder.step(), x * 2)[1], pf.ones(1))
    assert louder.count == 3
    assert "uses factor of" in compiled_reason(lambda x: (counter.step(), x * counter.factor)[1], pf.ones(1))
