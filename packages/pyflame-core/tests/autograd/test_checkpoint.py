"""Checkpoints: the same numbers from less memory."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.utils.checkpoint import checkpoint, checkpoint_sequential

WIDTH, ROWS, LAYERS, GROUP = 32, 512, 24, 4


def block(x: pf.Tensor, weights: list[pf.Tensor], generator: pf.Generator) -> pf.Tensor:
    for weight in weights:
        x = pf.tanh(x @ weight)
        keep = pf.rand(ROWS, WIDTH, generator=generator) > 0.1
        x = x * keep * pf.sigmoid(x)
    return x


def train(checkpointed: bool, read_loss: bool) -> tuple[list[np.ndarray[Any, Any]], dict[str, int], int]:
    """Gradients of a deep chain, the plan that computes them, and the bytes alive before backward."""
    pf.manual_seed(0)
    weights = [(pf.randn(WIDTH, WIDTH) * 0.4).requires_grad_() for _ in range(LAYERS)]
    x = pf.randn(ROWS, WIDTH, requires_grad=True)
    pf.eval(*weights, x)
    gc.collect()  # what other tests left must not go meanwhile
    start = pf.get_memory_allocated()
    generator = pf.Generator().manual_seed(1)
    y = x
    for first in range(0, LAYERS, GROUP):
        group = weights[first : first + GROUP]
        y = checkpoint(block, y, group, generator) if checkpointed else block(y, group, generator)
    loss = (y * y).mean()
    if read_loss:
        loss.item()
    held = pf.get_memory_allocated() - start
    loss.backward()
    grads = [w.grad for w in [x, *weights] if w.grad is not None]
    assert len(grads) == LAYERS + 1
    plan = pf._core.compile_only(grads)
    pf.eval(grads)
    return [grad.numpy() for grad in grads], plan, held


def test_gradients_are_equal_and_the_plan_needs_half_the_memory() -> None:
    plain, plan, _ = train(False, read_loss=False)
    again, smaller, _ = train(True, read_loss=False)
    for a, b in zip(plain, again):
        np.testing.assert_array_equal(a, b)
    assert smaller["peak_bytes"] < 0.5 * plan["peak_bytes"]
    assert smaller["steps"] > plan["steps"], "something is computed twice"


def test_a_loss_that_is_read_first_keeps_only_what_enters_a_checkpoint() -> None:
    plain, _, held = train(False, read_loss=True)
    again, _, less = train(True, read_loss=True)
    for a, b in zip(plain, again):
        np.testing.assert_array_equal(a, b)
    row = ROWS * WIDTH * 4
    assert held > LAYERS * 3 * row and less < (LAYERS / GROUP + 3) * row


def test_second_derivatives() -> None:
    x = pf.tensor([0.3, -0.7], dtype=pf.float64, requires_grad=True)
    assert pf.autograd.gradcheck(lambda x: checkpoint(lambda x: pf.tanh(x) * pf.exp(x), x), x)
    assert pf.autograd.gradgradcheck(lambda x: checkpoint(lambda x: pf.tanh(x) * pf.exp(x), x), x)


def test_structures_keywords_and_closures() -> None:
    w = pf.tensor(2.0, requires_grad=True)
    x = pf.tensor([1.0, 2.0], requires_grad=True)

    def function(x: pf.Tensor, *, power: int) -> dict[str, Any]:
        return {"y": (x**power * w).exp().log(), "both": (x * w, [x.max(dim=0).values]), "n": 3}

    result = checkpoint(function, x, power=2)
    assert result["n"] == 3
    (result["y"].sum() + result["both"][0].sum() + result["both"][1][0]).backward()
    assert x.grad is not None and w.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [2 * 2 + 2, 2 * 2 * 2 + 2 + 1], rtol=1e-5)
    np.testing.assert_allclose(w.grad.item(), 5 + 3, rtol=1e-5)


def test_nested_checkpoints_and_functions_inside() -> None:
    class Double(pf.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
            return grad * 2

    def inner(x: pf.Tensor) -> pf.Tensor:
        return Double.apply(pf.exp(x)) * x

    def outer(x: pf.Tensor) -> pf.Tensor:
        return pf.sin(checkpoint(inner, pf.cos(x)))

    x = pf.tensor([0.3, -0.7], dtype=pf.float64, requires_grad=True)
    assert pf.autograd.gradcheck(lambda x: checkpoint(outer, x), x)


def test_random_draws_inside_repeat() -> None:
    x = pf.ones(1000, requires_grad=True)
    y = checkpoint(lambda x: (x * pf.rand(1000)).exp(), x)
    values = pf.log(y.detach())
    pf.rand(7)  # moves the default stream on
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), (values * values.exp()).numpy(), rtol=1e-5, atol=1e-6)


def test_eager_mode_and_no_grad_compute_the_same() -> None:
    def function(x: pf.Tensor) -> pf.Tensor:
        return pf.tanh(x).exp()

    with pf.eager():
        x = pf.tensor([0.5], requires_grad=True)
        checkpoint(function, x).sum().backward()
        eager = x.grad
    x = pf.tensor([0.5], requires_grad=True)
    checkpoint(function, x).sum().backward()
    assert eager is not None and x.grad is not None and eager.item() == x.grad.item()
    with pf.no_grad():
        assert not checkpoint(function, x).requires_grad


def test_checkpoint_sequential_groups_functions() -> None:
    functions = [pf.sin, pf.exp, pf.tanh, pf.cos, pf.exp]
    x = pf.tensor([0.5, 1.0], dtype=pf.float64, requires_grad=True)
    assert pf.autograd.gradcheck(lambda x: checkpoint_sequential(functions, 2, x), x)
    y = x
    for function in functions:
        y = function(y)
    assert checkpoint_sequential(functions, 2, x).tolist() == y.tolist()
    with pytest.raises(ValueError, match="between 1 and"):
        checkpoint_sequential(functions, 6, x)
    with pytest.raises(NotImplementedError, match="use_reentrant"):
        checkpoint(pf.exp, x, use_reentrant=True)
