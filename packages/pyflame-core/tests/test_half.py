"""Composites of 16-bit floats: what is in between does not leave their range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf

CALLS: dict[str, Callable[[pf.Tensor], pf.Tensor]] = {
    "var": lambda x: (x * 0.1).var(1),
    "std": lambda x: x.std(1),
    "std_mean": lambda x: pf.std_mean(x, 1)[0],
    "norm": lambda x: x.norm(dim=1),
    "norm 3": lambda x: x.norm(3, dim=1),
    "vector_norm": lambda x: pf.linalg.vector_norm(x),
    "softplus": lambda x: pf.ops.softplus(x),
    "mish": lambda x: pf.ops.mish(x),
    "silu": lambda x: pf.ops.silu(x),
    "gelu by tanh": lambda x: pf.gelu(x, approximate="tanh"),
}


@pytest.mark.parametrize("dtype", [pf.float16, pf.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 15.0, 300.0])
@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients_are_those_of_float64(name: str, scale: float, dtype: pf.DType) -> None:
    given = pf.tensor(np.random.default_rng(0).standard_normal((4, 64)) * scale).to(dtype)
    found: list[Any] = []
    for kind in (dtype, pf.float64):
        x = given.detach().to(kind).requires_grad_()
        y = CALLS[name](x)
        y.sum().backward()
        assert y.dtype is kind and x.grad is not None and x.grad.dtype is kind
        found.append((y.detach().to(pf.float64).numpy(), x.grad.to(pf.float64).numpy()))
    digit = pf.finfo(dtype).eps
    for ours, exact in zip(*found, strict=True):
        np.testing.assert_allclose(ours, exact, rtol=digit, atol=digit * abs(exact).max() / 8)
