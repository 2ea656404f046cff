"""Errors of float32 results against float64, beside PyTorch's on the same input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

functional = torch.nn.functional
PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "softmax": (lambda x: pf.softmax(x, -1), lambda x: torch.softmax(x, -1)),
    "softmax columns": (lambda x: pf.softmax(x, 0), lambda x: torch.softmax(x, 0)),
    "log_softmax": (lambda x: pf.log_softmax(x, -1), lambda x: torch.log_softmax(x, -1)),
    "layer_norm": (lambda x: pf.ops.layer_norm(x, (1000,)), lambda x: functional.layer_norm(x, (1000,))),
    "rms_norm": (lambda x: pf.ops.rms_norm(x, (1000,)), lambda x: functional.rms_norm(x, (1000,))),
    "group_norm": (
        lambda x: pf.ops.group_norm(x.reshape(16, 8, -1), 4),
        lambda x: functional.group_norm(x.reshape(16, 8, -1), 4),
    ),
    "attention": (
        lambda x: pf.ops.scaled_dot_product_attention(*(x.reshape(3, 2, -1, 16)[k] for k in range(3))),
        lambda x: functional.scaled_dot_product_attention(*(x.reshape(3, 1, 2, -1, 16)[k] for k in range(3)))[0],
    ),
    "gelu": (pf.gelu, functional.gelu),
}


def errors(found: Any, exact: Any) -> tuple[float, float]:
    """The root of the mean square, and the largest, relative to the largest exact value."""
    difference = np.abs(found.astype(np.float64) - exact) / np.abs(exact).max()
    return float(np.sqrt((difference**2).mean())), float(difference.max())


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_forward_and_backward_are_as_exact_as_in_torch(name: str) -> None:
    ours, theirs = PAIRS[name]
    x = (np.random.default_rng(0).standard_normal((96, 1000)) * 3 + 1).astype(np.float32)
    exact_x = torch.tensor(x.astype(np.float64), requires_grad=True)
    seed = np.random.default_rng(1).standard_normal(tuple(theirs(exact_x).shape))
    exact = theirs(exact_x)
    (exact_grad,) = torch.autograd.grad(exact, exact_x, torch.tensor(seed))
    torch_x = torch.tensor(x, requires_grad=True)
    torch_y = theirs(torch_x)
    (torch_grad,) = torch.autograd.grad(torch_y, torch_x, torch.tensor(seed, dtype=torch.float32))
    our_x = pf.tensor(x, requires_grad=True)
    our_y = ours(our_x)
    (our_grad,) = pf.autograd.grad([our_y], [our_x], [pf.tensor(seed, dtype=pf.float32)])
    for mine, other, reference in ((our_y, torch_y, exact), (our_grad, torch_grad, exact_grad)):
        found = errors(mine.detach().numpy(), reference.detach().numpy())
        given = errors(other.detach().numpy(), reference.detach().numpy())
        for mine_error, other_error in zip(found, given, strict=True):
            assert mine_error <= 2 * other_error + 1e-9, (found, given)
