"""Products with the bias, residual and rectifier that follow them: one step, and the bits of separate ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pyflame as pf
from pyflame import hooks

Chain = Callable[[pf.Tensor, pf.Tensor, pf.Tensor], pf.Tensor]

# What follows a product, given the bias and the residual.
CHAINS: dict[str, Chain] = {
    "bias": lambda y, b, r: y + b,
    "bias on the left": lambda y, b, r: b + y,
    "bias as a row": lambda y, b, r: y + b.reshape(1, -1),
    "rectifier": lambda y, b, r: pf.relu(y),
    "bias, rectifier": lambda y, b, r: pf.relu(y + b),
    "residual": lambda y, b, r: r + y,
    "bias, residual": lambda y, b, r: r + (y + b),
    "all": lambda y, b, r: pf.relu((y + b) + r),
}
# Rows, inner size and columns: small, skinny and blocked products, tiles that are not full, a long inner size.
SIZES = [(3, 40, 50), (1, 600, 700), (9, 520, 33), (100, 700, 90), (130, 1100, 2), (70, 1500, 100), (1100, 64, 1000)]


def operands(rows: int, inner: int, columns: int) -> tuple[pf.Tensor, pf.Tensor, pf.Tensor, pf.Tensor]:
    rng = np.random.default_rng(0)
    shapes = (rows, inner), (inner, columns), (columns,), (rows, columns)
    x, weight, bias, residual = (pf.tensor(rng.standard_normal(shape).astype("f")) for shape in shapes)
    return x, weight, bias, residual


def steps_of(*tensors: pf.Tensor) -> list[str]:
    steps: list[str] = []
    with hooks.register_op_hook(post=lambda event: steps.append(event.op)):
        pf.eval(*tensors)
    return steps


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_one_step_has_the_bits_of_separate_ones(name: str, size: tuple[int, int, int]) -> None:
    x, weight, bias, residual = operands(*size)
    fused = CHAINS[name](x @ weight, bias, residual)
    assert len(steps_of(fused)) == 1
    product = pf.eval(x @ weight)
    np.testing.assert_array_equal(fused.numpy(), CHAINS[name](product, bias, residual).numpy())


def test_batches_and_transposed_weights() -> None:
    rng = np.random.default_rng(1)
    x, weight = (pf.tensor(rng.standard_normal(shape).astype("f")) for shape in ((2, 3, 40, 64), (48, 64)))
    bias, residual = (pf.tensor(rng.standard_normal(shape).astype("f")) for shape in ((48,), (2, 3, 40, 48)))
    for left in (x, x.transpose(0, 1).contiguous().transpose(0, 1)):
        fused = pf.relu(left @ weight.T + bias + residual)
        assert steps_of(fused)[-1] == "matmul+add+add+relu"
        product = pf.eval(left @ weight.T)
        np.testing.assert_array_equal(fused.numpy(), pf.relu(product + bias + residual).numpy())


def test_special_values_pass_through() -> None:
    x, weight = pf.tensor([[1.0], [-1.0], [float("inf")], [float("nan")], [0.0]]), pf.tensor([[1.0, -2.0]])
    bias = pf.tensor([-1.0, -0.0])
    result = pf.relu(x @ weight + bias).numpy()
    np.testing.assert_array_equal(result, [[0, 0], [0, 2], [np.inf, 0], [np.nan, np.nan], [0, 0]])


OTHERS: dict[str, Chain] = {
    "residual before the bias": lambda y, b, r: (y + r) + b,
    "a factor": lambda y, b, r: y * b,
    "a bias by row": lambda y, b, r: y + r[:, :1],
    "a difference": lambda y, b, r: y - b,
    "itself": lambda y, b, r: y + y,
    "a row laid out by a view": lambda y, b, r: y + b.expand(40, 20),
    "a transposed view": lambda y, b, r: y + r.reshape(20, 40).T,
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_steps_stay_behind_the_product(name: str) -> None:
    x, weight, bias, residual = operands(40, 30, 20)
    fused = OTHERS[name](x @ weight, bias, residual)
    assert len(steps_of(fused)) > 1
    product = pf.eval(x @ weight)
    np.testing.assert_array_equal(fused.numpy(), OTHERS[name](product, bias, residual).numpy())


def test_a_product_that_is_wanted_itself_stays() -> None:
    x, weight, bias, _ = operands(40, 30, 20)
    product = x @ weight
    shifted = product + bias
    assert "matmul" in steps_of(product, shifted)
    np.testing.assert_array_equal(shifted.numpy(), product.numpy() + bias.numpy())


def test_gradients_are_those_of_the_steps() -> None:
    x, weight, bias, residual = operands(40, 30, 20)
    leaves = [pf.tensor(t.numpy(), requires_grad=True) for t in (x, weight, bias, residual)]
    pf.relu(leaves[0] @ leaves[1] + leaves[2] + leaves[3]).square().sum().backward()
    a, w, b, r = (t.numpy().astype("d") for t in (x, weight, bias, residual))
    g = 2 * np.maximum(a @ w + b + r, 0)
    for leaf, exact in zip(leaves, (g @ w.T, a.T @ g, g.sum(0), g)):
        assert leaf.grad is not None
        np.testing.assert_allclose(leaf.grad.numpy(), exact, rtol=1e-4, atol=1e-4)
