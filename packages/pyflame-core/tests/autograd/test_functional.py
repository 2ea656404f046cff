"""Jacobians, Hessians and products with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.autograd import functional as AF

X = pf.tensor([[0.5, -1.0], [2.0, 0.3]], dtype=pf.float64)
Y = pf.tensor([1.5, -0.5], dtype=pf.float64)


def pair(x: pf.Tensor, y: pf.Tensor) -> tuple[pf.Tensor, pf.Tensor]:
    return x @ y, x.sin().sum() * y


def energy(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
    return (x**3 @ y * y).sum()


def differences(function: Any, inputs: tuple[pf.Tensor, ...], place: int) -> list[np.ndarray[Any, Any]]:
    """Jacobians of each output by central differences."""
    rows = []
    for index in np.ndindex(tuple(inputs[place].shape)):
        ends = []
        for step in (1e-6, -1e-6):
            moved = inputs[place].numpy().copy()
            moved[index] += step
            found = function(*inputs[:place], pf.tensor(moved), *inputs[place + 1 :])
            ends.append([y.numpy() for y in (found if isinstance(found, tuple) else (found,))])
        rows.append([(a - b) / 2e-6 for a, b in zip(*ends)])
    shape = tuple(inputs[place].shape)
    return [np.moveaxis(np.array(column), 0, -1).reshape(*column[0].shape, *shape) for column in zip(*rows)]


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_jacobian_of_two_outputs_and_two_inputs(strategy: str) -> None:
    found = AF.jacobian(pair, (X, Y), vectorize=True, strategy=strategy)
    for place in range(2):
        for output, expected in enumerate(differences(pair, (X, Y), place)):
            np.testing.assert_allclose(found[output][place].numpy(), expected, atol=1e-8)


def test_hessian_and_products_agree() -> None:
    hessian = AF.hessian(energy, (X, Y))
    outer = AF.hessian(energy, (X, Y), vectorize=True, outer_jacobian_strategy="forward-mode")
    v = (pf.ones_like(X) * 0.3, pf.tensor([1.0, -2.0], dtype=pf.float64))
    value, product = AF.hvp(energy, (X, Y), v)
    assert value.item() == energy(X, Y).item()
    assert AF.vhp(energy, (X, Y), v)[1][0].tolist() == product[0].tolist()
    flat = np.block([[hessian[a][b].numpy().reshape((X, Y)[a].numel(), -1) for b in range(2)] for a in range(2)])
    weights = np.concatenate([x.numpy().ravel() for x in v])
    np.testing.assert_allclose(np.concatenate([x.numpy().ravel() for x in product]), flat @ weights, atol=1e-12)
    np.testing.assert_allclose(flat, flat.T, atol=1e-12)
    np.testing.assert_allclose(outer[1][0].numpy(), hessian[1][0].numpy(), atol=1e-12)


def test_vjp_and_jvp_are_transposes() -> None:
    u = (pf.tensor([1.0, 2.0], dtype=pf.float64), pf.tensor([-1.0, 0.5], dtype=pf.float64))
    v = (pf.ones_like(X), pf.ones_like(Y) * 2)
    _, pulled = AF.vjp(pair, (X, Y), u)
    outputs, pushed = AF.jvp(pair, (X, Y), v)
    left = sum((a * b).sum().item() for a, b in zip(pulled, v))
    right = sum((a * b).sum().item() for a, b in zip(pushed, u))
    assert np.isclose(left, right) and outputs[0].tolist() == pair(X, Y)[0].tolist()


def test_forms_of_input_and_output_are_kept() -> None:
    assert isinstance(AF.jacobian(pf.sin, Y), pf.Tensor)
    assert isinstance(AF.jacobian(lambda x: (x, x), Y), tuple)
    assert isinstance(AF.jacobian(lambda x: x, (Y,)), tuple)
    assert AF.jacobian(lambda x: x[:0], Y).shape == (0, 2)
    assert AF.hessian(lambda x: (x * x).sum().reshape(1), Y).shape == (2, 2)


def test_create_graph_differentiates_the_result() -> None:
    x = pf.tensor([1.0, 2.0], dtype=pf.float64, requires_grad=True)
    assert not AF.jacobian(lambda x: x**3, x).requires_grad
    made = AF.jacobian(lambda x: x**3, x, create_graph=True)
    made.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [6.0, 12.0]


def test_independent_inputs_are_zero_or_refused() -> None:
    assert AF.jacobian(lambda x, y: x * 2, (Y, Y))[1].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert AF.jacobian(lambda x: pf.ones(2), Y).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert AF.jvp(lambda x: pf.ones(2), Y, Y)[1].tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="strict mode"):
        AF.jacobian(lambda x, y: x * 2, (Y, Y), strict=True)
    with pytest.raises(RuntimeError, match="output 0 is independent"):
        AF.vjp(lambda x: pf.ones(2), Y, Y, strict=True)
    with pytest.raises(RuntimeError, match="strict mode"):
        AF.hessian(lambda x: x.sum(), Y, strict=True)


def test_wrong_arguments_raise() -> None:
    with pytest.raises(RuntimeError, match="v may be left out only"):
        AF.vjp(pf.sin, Y)
    with pytest.raises(RuntimeError, match=r"v 0 has shape \(3,\)"):
        AF.jvp(pf.sin, Y, pf.ones(3))
    with pytest.raises(RuntimeError, match="v has 2 tensors"):
        AF.jvp(pf.sin, Y, (Y, Y))
    with pytest.raises(RuntimeError, match="single element"):
        AF.hessian(pf.sin, Y)
    with pytest.raises(TypeError, match="input 0 is a int"):
        AF.jacobian(pf.sin, 3)
    with pytest.raises(ValueError, match="strategy"):
        AF.jacobian(pf.sin, Y, strategy="sideways")
