"""Gradients of the parts of one tensor are joined instead of padded with zeros and added."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import pyflame as pf
from pyflame import hooks

Split = Callable[[pf.Tensor], list[pf.Tensor]]
Array = npt.NDArray[np.float32]


def steps_of(tensor: pf.Tensor) -> list[tuple[str, ...]]:
    steps: list[tuple[str, ...]] = []
    with hooks.register_op_hook(post=lambda event: steps.append(event.ops)):
        pf.eval(tensor)
    return steps


def heads(x: pf.Tensor) -> list[pf.Tensor]:
    parts = x.reshape(4, 5, 3, 2, 6).permute(2, 0, 3, 1, 4)
    return [parts[i] for i in range(3)]


SPLITS: dict[str, Split] = {
    "heads": heads,
    "halves": lambda x: [x[..., 18:], x[..., :18]],
    "uneven": lambda x: [x[:, :1], x[:, 1:4], x[:, 4:]],
}


def gradient_and_reference(split: Split, shape: tuple[int, ...]) -> tuple[pf.Tensor, Array]:
    """Of the sum of the parts' squares, part k counted k + 1 times."""
    values = np.random.default_rng(0).standard_normal(shape).astype("f")
    x = pf.tensor(values, requires_grad=True)
    total = pf.tensor(0.0)
    for k, part in enumerate(split(x)):
        total = total + (part * part * (k + 1)).sum()
    total.backward()
    assert x.grad is not None
    counts = np.zeros(values.size, "f")
    for k, part in enumerate(split(pf.arange(values.size).reshape(shape))):
        counts[part.numpy().ravel()] += k + 1
    return x.grad, 2 * values * counts.reshape(shape)


@pytest.mark.parametrize("name", SPLITS)
def test_parts_that_fill_a_tensor_are_joined(name: str) -> None:
    gradient, reference = gradient_and_reference(SPLITS[name], (4, 5, 36))
    steps = steps_of(gradient)
    assert sum("embed" in ops or "permute" in ops for ops in steps) == 1, steps
    np.testing.assert_allclose(gradient.numpy(), reference, rtol=1e-6)


OTHERS: dict[str, Split] = {
    "a gap": lambda x: [x[:2], x[3:]],
    "an overlap": lambda x: [x[:3], x[2:]],
    "steps": lambda x: [x[::2], x[1::2]],
    "two dimensions": lambda x: [x[:2], x[:, 2:]],
    "not only parts": lambda x: [x[:2], x[2:], x],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_sums_of_parts_stay(name: str) -> None:
    gradient, reference = gradient_and_reference(OTHERS[name], (4, 5))
    np.testing.assert_allclose(gradient.numpy(), reference, rtol=1e-6)


def test_a_part_that_is_wanted_itself_stays() -> None:
    x = pf.tensor([1.0, 2.0, 3.0], requires_grad=True)
    left, right = x[:2], x[2:]
    (left * 2).sum().backward()
    first = x.grad
    (right * 3).sum().backward()
    assert first is not None and x.grad is not None
    pf.eval(first, x.grad)
    assert x.grad.tolist() == [2.0, 2.0, 3.0] and first.tolist() == [2.0, 2.0, 0.0]


def test_long_sums_of_parts() -> None:
    x = pf.ones(5000, requires_grad=True)
    total = sum(x[k : k + 1].sum() * float(k) for k in range(1, 5000))
    total.backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.arange(5000.0))
