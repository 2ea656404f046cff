"""Hooks on tensors: when they run, what they may change, and how long they live."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import pyflame as pf


def leaf(*values: float) -> pf.Tensor:
    return pf.tensor(values, requires_grad=True)


def test_hook_of_leaf_replaces_the_gradient() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda grad: grad * 10)
    x.register_hook(lambda grad: grad + 1)
    (x * x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [21.0, 41.0]


def test_hook_of_intermediate_sees_the_whole_gradient_and_changes_what_flows_on() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    seen: list[pf.Tensor] = []

    def hook(grad: pf.Tensor) -> pf.Tensor:
        seen.append(grad)
        return grad * 2

    y.register_hook(hook)
    y.retain_grad()
    (y.sum() + (y * y).sum()).backward()
    assert len(seen) == 1, "once, with the sum over all users"
    assert seen[0].tolist() == [7.0, 13.0]
    assert y.grad is not None and y.grad.tolist() == [14.0, 26.0], "retained after the hooks"
    assert x.grad is not None and x.grad.tolist() == [42.0, 78.0]


def test_hooks_get_lazy_gradients_and_run_in_grad_too() -> None:
    x = leaf(1.0)
    lazy = []
    x.register_hook(lambda grad: lazy.append(pf.is_lazy(grad)))
    (found,) = pf.autograd.grad((x * 5).sum(), x)
    assert lazy == [True] and found.tolist() == [5.0]


def test_removed_hook_does_not_run() -> None:
    x = leaf(1.0)
    calls = []
    with x.register_hook(lambda grad: calls.append(1)):
        x.sum().backward()
    handle = x.register_hook(lambda grad: calls.append(2))
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert calls == [1]


def test_hook_survives_an_update_of_the_leaf() -> None:
    x = leaf(1.0)
    calls = []
    x.register_hook(lambda grad: calls.append(grad.item()))
    for _ in range(3):
        (x * x).sum().backward()
        with pf.no_grad():
            x.add_(1.0)
        x.grad = None
    assert calls == [2.0, 4.0, 6.0]


def test_hook_is_skipped_off_the_path() -> None:
    x, z = leaf(1.0), leaf(1.0)
    y = x * 2
    y.register_hook(lambda grad: pytest.fail("not on the path"))
    pf.autograd.grad((y + z).sum(), z)


@pytest.mark.parametrize(
    ("returned", "error"), [(3, TypeError), (pf.ones(3), RuntimeError), (pf.ones(2, dtype=pf.float64), RuntimeError)]
)
def test_wrong_result_of_hook_raises(returned: Any, error: type[Exception]) -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda grad: returned)
    with pytest.raises(error, match=r"\[register_hook\] hook '<lambda>'"):
        x.sum().backward()
    assert x.grad is None


def test_exception_in_hook_reaches_the_caller_and_leaves_the_history() -> None:
    x = leaf(1.0)
    y = (x * 2).sum()

    def fail(grad: pf.Tensor) -> None:
        raise KeyError("mine")

    handle = x.register_hook(fail)
    with pytest.raises(KeyError, match="mine"):
        y.backward()
    handle.remove()
    y.backward()
    assert x.grad is not None and x.grad.tolist() == [2.0] and pf.is_grad_enabled()


def test_tensors_without_gradient_refuse_hooks() -> None:
    with pytest.raises(RuntimeError, match="does not require grad"):
        pf.ones(2).register_hook(print)
    with pytest.raises(RuntimeError, match="only leaves"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)


def test_post_accumulate_hook_sees_the_sum_and_may_clear_it() -> None:
    x = leaf(1.0)
    seen = []

    def hook(tensor: pf.Tensor) -> None:
        assert tensor is x and tensor.grad is not None
        seen.append(tensor.grad.item())

    x.register_post_accumulate_grad_hook(hook)
    (x * 2).sum().backward()
    (x * 3).sum().backward(inputs=[x])
    pf.autograd.grad((x * 4).sum(), x)
    assert seen == [2.0, 5.0]


def test_hook_in_backward_with_create_graph_is_differentiated() -> None:
    x = leaf(3.0)
    x.register_hook(lambda grad: grad * grad)
    (first,) = pf.autograd.grad((x * x).sum(), x, create_graph=True)
    assert first.tolist() == [36.0]
    x2 = leaf(3.0)
    y = x2 * x2
    y.register_hook(lambda grad: grad * x2)
    (first,) = pf.autograd.grad(y.sum(), x2, create_graph=True)  # 2 x * x
    (second,) = pf.autograd.grad(first.sum(), x2)
    assert first.tolist() == [18.0] and second.tolist() == [12.0]


def test_hooks_die_with_their_tensor() -> None:
    class Watched:
        def __call__(self, grad: pf.Tensor) -> None:
            pass

    x = leaf(1.0)
    y = x * 2
    hook = Watched()
    alive = weakref.ref(hook)
    y.register_hook(hook)
    del hook
    gc.collect()
    assert alive() is not None
    del y
    gc.collect()
    assert alive() is None


def test_hook_that_holds_its_tensor_goes_with_the_history() -> None:
    class Watched:
        tensor: pf.Tensor

        def __call__(self, grad: pf.Tensor) -> None:
            pass

    y = leaf(1.0) * 2
    hook = Watched()
    hook.tensor = y
    alive = weakref.ref(hook)
    y.register_hook(hook)
    y.sum().backward()
    del hook, y
    gc.collect()
    assert alive() is None


def test_hooks_keep_the_plan() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda grad: grad * 2)
    for step in range(4):
        (x * x).sum().backward()
        pf.eval(x.grad)
        x.grad = None
        if step == 1:
            before = pf.compile_cache_stats()["misses"]
    assert pf.compile_cache_stats()["misses"] == before


def test_grad_fn_shows_the_history() -> None:
    x = leaf(1.0)
    y = (x * 2 + pf.ones(1)).exp()
    assert y.grad_fn.name() == "ExpBackward0" and x.grad_fn is None
    ((added, index),) = y.grad_fn.next_functions
    assert added.name() == "AddBackward0" and index == 0
    (product, _), (constant, _) = added.next_functions
    assert constant is None and product.name() == "MulBackward0"
    (accumulate, _), (number, _) = product.next_functions
    assert number is None and accumulate.name() == "AccumulateGrad" and accumulate.variable is x
    assert np.isclose(y.item(), np.exp(3.0))
    assert y.grad_fn == y.grad_fn and len({y.grad_fn, y.grad_fn}) == 1
