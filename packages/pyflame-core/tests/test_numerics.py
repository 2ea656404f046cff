"""How far float32 kernels are from float64, and that thread counts and memory do not matter."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.samples.unary import erf

Array = np.ndarray[Any, np.dtype[Any]]

# Function, float64 reference, range, most units in the last place of the result.
FUNCTIONS: list[tuple[Callable[..., pf.Tensor], Callable[[Array], Array], float, float, float]] = [
    (pf.exp, np.exp, -87.0, 88.0, 1.5),
    (pf.exp, np.exp, -1.0, 1.0, 1.5),
    (pf.tanh, np.tanh, -10.0, 10.0, 2.5),
    (pf.tanh, np.tanh, -0.01, 0.01, 1.5),
    (pf.sigmoid, lambda x: 1 / (1 + np.exp(-x)), -80.0, 80.0, 2.5),
    (pf.log, np.log, 1e-30, 1e30, 2.0),
    (pf.log, np.log, 0.5, 2.0, 2.0),
    (pf.log, np.log, 1e-44, 1e-38, 2.0),
    (pf.erf, erf, -4.0, 4.0, 2.5),
    (pf.sqrt, np.sqrt, 0.0, 1e30, 0.5),
    (pf.rsqrt, lambda x: 1 / np.sqrt(x), 1e-30, 1e30, 1.5),
    (lambda x: pf.pow(x, 1.7), lambda x: x ** float(np.float32(1.7)), 1e-10, 1e10, 1.0),
]


def ulps(found: Array, exact: Array) -> float:
    spacing = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(found.astype(np.float64) - exact) / spacing))


@pytest.mark.parametrize(("function", "reference", "low", "high", "most"), FUNCTIONS)
def test_functions_stay_within_their_stated_error(
    function: Callable[..., pf.Tensor], reference: Callable[[Array], Array], low: float, high: float, most: float
) -> None:
    rng = np.random.default_rng(0)
    for size in (20_000, 37):  # whole vectors, and a last one that is not
        x = rng.uniform(low, high, size).astype(np.float32)
        assert ulps(function(pf.tensor(x)).numpy(), reference(x.astype(np.float64))) <= most


def test_exp_reaches_its_limits() -> None:
    x = pf.tensor([-math.inf, -104.0, -100.0, -87.5, 0.0, 88.7, 89.0, math.inf, math.nan])
    with np.errstate(over="ignore"):
        expected = np.exp(x.numpy().astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(pf.exp(x).numpy(), expected, rtol=1e-6, atol=1.5e-45)


def test_gelu_is_near_the_larger_of_its_terms() -> None:
    x = np.random.default_rng(0).uniform(-6, 6, 20_000).astype(np.float32)
    exact = x.astype(np.float64)
    error = np.abs(pf.gelu(pf.tensor(x)).numpy() - exact * 0.5 * (erf(exact / math.sqrt(2)) + 1))
    assert float(np.max(error / np.spacing(np.abs(x) / 2 + np.float32(1e-30)))) <= 4.0


def softmax_columns(x: pf.Tensor) -> pf.Tensor:
    return pf.softmax(x, 0)


# Rows of float64 beside rows of float32, and the largest error relative to the largest result: PyTorch 2.13's, measured
# on the same input, is what `tests/torch/test_numerics.py` compares with.
ROWS: dict[str, Callable[[pf.Tensor], pf.Tensor]] = {
    "softmax": lambda x: pf.softmax(x, -1),
    "softmax columns": softmax_columns,
    "log_softmax": lambda x: pf.log_softmax(x, -1),
    "layer_norm": lambda x: pf.ops.layer_norm(x, (x.shape[-1],)),
    "rms_norm": lambda x: pf.ops.rms_norm(x, (x.shape[-1],)),
    "group_norm": lambda x: pf.ops.group_norm(x.reshape(16, 8, -1), 4),
    "attention": lambda x: pf.ops.scaled_dot_product_attention(*(x.reshape(3, 2, -1, 16)[k] for k in range(3))),
    "gelu": pf.gelu,
    "sum": lambda x: x.sum(0),
}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_rows_are_exact_to_a_few_units(name: str) -> None:
    x = np.random.default_rng(0).standard_normal((96, 1000)) * 3 + 1
    exact = ROWS[name](pf.tensor(x.astype(np.float32).astype(np.float64), dtype=pf.float64)).numpy()
    found = ROWS[name](pf.tensor(x.astype(np.float32))).numpy()
    assert found.dtype == np.float32
    error = np.abs(found - exact) / np.abs(exact).max()
    assert error.max() < 4e-6 and np.sqrt((error**2).mean()) < 2e-7


def run_all(x: Array) -> list[bytes]:
    inputs = [pf.tensor(x, requires_grad=True) for _ in ROWS]
    results = [ROWS[name](tensor) for name, tensor in zip(sorted(ROWS), inputs, strict=True)]
    gradients = pf.autograd.grad([(y * y).sum() for y in results], inputs)
    weights = [pf.tensor(np.random.default_rng(k).standard_normal((64, 16)), dtype=pf.float32) for k in range(2)]
    states = pf.zeros(1, 40, 16), pf.zeros(1, 40, 16)
    sequence = pf.tensor(x[:, :640].reshape(96, 40, 16), dtype=pf.float32)
    lstm = pf.ops.lstm(sequence, states, weights, False, 1, 0.0, False, False, False)
    return [tensor.detach().numpy().tobytes() for tensor in (*results, *gradients, *lstm)]


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    x = np.random.default_rng(0).standard_normal((96, 1000)).astype(np.float32)
    before = pf.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            found.append(run_all(x))
    finally:
        pf.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (1, 300), (2, 128), (4, 1000), (5, 257)])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_of_few_queries_reads_keys_where_they_lie(queries: int, keys: int, masked: bool) -> None:
    rng = np.random.default_rng(keys)
    q = rng.standard_normal((2, 4, queries, 24)).astype(np.float32)
    # As a cache keeps them: (batch, position, group, feature).
    k, v = (rng.standard_normal((2, keys, 2, size)).astype(np.float32) for size in (24, 20))
    mask = rng.random((queries, keys)) < 0.7
    mask[:, 0] = True
    tensors = [pf.tensor(q), pf.tensor(k).transpose(1, 2), pf.tensor(v).transpose(1, 2)]
    options = {"attn_mask": pf.tensor(mask)} if masked else {}
    found = pf.ops.scaled_dot_product_attention(*tensors, enable_gqa=True, **options).numpy()
    wide_k, wide_v = (np.repeat(x.astype(np.float64).transpose(0, 2, 1, 3), 2, axis=1) for x in (k, v))
    scores = q.astype(np.float64) @ wide_k.swapaxes(2, 3) / math.sqrt(24)
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * (mask if masked else 1.0)
    exact = weights / weights.sum(-1, keepdims=True) @ wide_v
    np.testing.assert_allclose(found, exact, rtol=0, atol=3e-6)


@pytest.mark.parametrize(("queries", "keys", "width"), [(300, 300, 16), (50, 200, 20), (200, 130, 16), (3, 70, 16)])
@pytest.mark.parametrize("apart", [False, True])
def test_causal_attention_over_several_blocks(queries: int, keys: int, width: int, apart: bool) -> None:
    rng = np.random.default_rng(keys)
    arrays = [rng.standard_normal(s) for s in ((2, 4, queries, 24), (2, keys, 2, 24), (2, keys, 2, width))]
    grad = rng.standard_normal((2, 4, queries, width))

    def inputs(dtype: pf.DType) -> list[pf.Tensor]:
        q, k, v = (pf.tensor(a.astype(np.float32), dtype=dtype) for a in arrays)
        swapped = [t.transpose(1, 2) for t in (k, v)]  # rows as a cache keeps them, far apart
        return [t.detach().requires_grad_() for t in (q, *(swapped if apart else [t.contiguous() for t in swapped]))]

    def exact(q: pf.Tensor, k: pf.Tensor, v: pf.Tensor) -> pf.Tensor:
        k, v = (pf.repeat_interleave(t, 2, 1) for t in (k, v))
        scores = q @ k.transpose(2, 3) / math.sqrt(24)
        seen = pf.tensor(np.tri(queries, keys, dtype=bool))
        return pf.softmax(pf.where(seen, scores, -math.inf), -1) @ v

    found, expected = [], []
    for results, dtype, attend in (
        (expected, pf.float64, exact),
        (found, pf.float32, lambda *qkv: pf.ops.scaled_dot_product_attention(*qkv, is_causal=True, enable_gqa=True)),
    ):
        given = inputs(dtype)
        y = attend(*given)
        results += [t.detach().numpy() for t in (y, *pf.autograd.grad(y, given, pf.tensor(grad, dtype=dtype)))]
    for near, true in zip(found, expected, strict=True):
        np.testing.assert_allclose(near, true, rtol=0, atol=2e-6 * np.abs(true).max())
