"""How far float32 kernels are from float64, and that thread counts and memory do not matter."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.samples.unary import digamma, erf, erfc, erfinv

Array = np.ndarray[Any, np.dtype[Any]]

# Function, float64 reference, range, most units in the last place of the result.
FUNCTIONS: list[tuple[Callable[..., pf.Tensor], Callable[[Array], Array], float, float, float]] = [
    (pf.exp, np.exp, -87.0, 88.0, 1.5),
    (pf.exp, np.exp, -1.0, 1.0, 1.5),
    (pf.tanh, np.tanh, -10.0, 10.0, 2.5),
    (pf.tanh, np.tanh, -0.01, 0.01, 1.0),
    (pf.exp2, np.exp2, -149.0, 127.0, 1.5),
    (pf.log2, np.log2, 1e-44, 1e30, 1.5),
    (pf.log2, np.log2, 0.5, 2.0, 1.5),
    (pf.sin, np.sin, -10.0, 10.0, 1.5),
    (pf.sin, np.sin, -65000.0, 65000.0, 1.5),
    (pf.sin, np.sin, -1e30, 1e30, 1.0),
    (pf.cos, np.cos, -10.0, 10.0, 1.5),
    (pf.cos, np.cos, -65000.0, 65000.0, 1.5),
    (pf.tan, np.tan, -10.0, 10.0, 3.0),
    (pf.asin, np.arcsin, -1.0, 1.0, 2.0),
    (pf.acos, np.arccos, -1.0, 1.0, 1.5),
    (pf.atan, np.arctan, -10.0, 10.0, 2.0),
    (pf.sinh, np.sinh, -88.0, 88.0, 1.0),
    (pf.cosh, np.cosh, -88.0, 88.0, 1.0),
    (pf.asinh, np.arcsinh, -100.0, 100.0, 1.0),
    (pf.acosh, np.arccosh, 1.0, 100.0, 1.0),
    (pf.atanh, np.arctanh, -0.999, 0.999, 1.0),
    (pf.log10, np.log10, 1e-30, 1e30, 1.0),
    (pf.log10, np.log10, 1e-44, 1e-38, 1.0),
    (pf.log10, np.log10, 0.5, 2.0, 1.0),
    (pf.sinh, np.sinh, -1.0, 1.0, 1.0),
    (pf.atanh, np.arctanh, -1e-3, 1e-3, 1.0),
    (pf.lgamma, np.vectorize(math.lgamma), 0.0, 50.0, 1.0),
    (pf.lgamma, np.vectorize(math.lgamma), 0.9, 2.1, 1.0),
    (pf.lgamma, np.vectorize(math.lgamma), -20.0, 0.0, 1.0),
    (pf.digamma, np.vectorize(digamma), 0.0, 50.0, 1.0),
    (pf.digamma, np.vectorize(digamma), 1.46, 1.47, 1.0),
    (pf.digamma, np.vectorize(digamma), -20.0, 0.0, 1.0),
    (pf.erfc, erfc, -4.0, 9.0, 1.0),
    (pf.erfinv, np.vectorize(erfinv), -0.999, 0.999, 1.0),
    (lambda x: pf.atan2(x, pf.flip(x, [0])), lambda x: np.arctan2(x, x[::-1]), -3.0, 3.0, 1.0),
    (lambda x: pf.hypot(x, pf.flip(x, [0])), lambda x: np.hypot(x, x[::-1]), -3.0, 3.0, 1.0),
    (lambda x: pf.fmod(x, 0.1), lambda x: np.fmod(x, float(np.float32(0.1))), -1e4, 1e4, 0.0),
    (pf.sigmoid, lambda x: 1 / (1 + np.exp(-x)), -80.0, 80.0, 2.5),
    (pf.log, np.log, 1e-30, 1e30, 2.0),
    (pf.log, np.log, 0.5, 2.0, 2.0),
    (pf.log, np.log, 1e-44, 1e-38, 2.0),
    (pf.erf, erf, -4.0, 4.0, 2.5),
    (pf.sqrt, np.sqrt, 0.0, 1e30, 0.5),
    (pf.rsqrt, lambda x: 1 / np.sqrt(x), 1e-30, 1e30, 1.5),
    (lambda x: pf.pow(x, 1.7), lambda x: x ** float(np.float32(1.7)), 1e-10, 1e10, 1.0),
    (lambda x: pf.pow(x, -9.0), lambda x: x**-9.0, -3.0, 3.0, 1.0),
]


# The same of float64, beside NumPy's long double.
WIDE_FUNCTIONS: list[tuple[str, str, float, float, float]] = [
    ("exp", "exp", -700.0, 709.0, 1.5),
    ("exp", "exp", -1.0, 1.0, 1.5),
    ("exp", "exp", -745.0, -708.0, 1.0),
    ("log", "log", 1e-300, 1e300, 1.0),
    ("log", "log", 0.5, 2.0, 1.0),
    ("log", "log", 0.0, 2e-308, 1.0),
    ("sin", "sin", -10.0, 10.0, 2.0),
    ("sin", "sin", -1e6, 1e6, 2.5),
    ("cos", "cos", -1e6, 1e6, 2.5),
    ("tan", "tan", -10.0, 10.0, 3.5),
    ("asin", "arcsin", -1.0, 1.0, 2.0),
    ("acos", "arccos", -1.0, 1.0, 2.0),
    ("atan", "arctan", -10.0, 10.0, 2.0),
    ("sinh", "sinh", -705.0, 705.0, 4.0),
    ("sinh", "sinh", -1.0, 1.0, 4.0),
    ("cosh", "cosh", -705.0, 705.0, 4.0),
    ("tanh", "tanh", -10.0, 10.0, 3.0),
    ("asinh", "arcsinh", -1e9, 1e9, 3.0),
    ("asinh", "arcsinh", -1.0, 1.0, 3.0),
    ("acosh", "arccosh", 1.0, 2.0, 3.0),
    ("acosh", "arccosh", 1.0, 1e9, 3.0),
    ("atanh", "arctanh", -1.0, 1.0, 3.0),
    ("log2", "log2", 1e-300, 1e300, 2.0),
    ("log2", "log2", 0.5, 2.0, 2.0),
    ("log10", "log10", 1e-300, 1e300, 2.0),
    ("log10", "log10", 0.5, 2.0, 2.0),
]

# The same beside the C library, which is within a unit itself.
LIBRARY_FUNCTIONS: list[tuple[str, Callable[[Array], Array], float, float, float]] = [
    ("erf", np.vectorize(math.erf), -1.0, 1.0, 3.0),
    ("erf", np.vectorize(math.erf), -6.0, 6.0, 3.0),
    ("erfc", np.vectorize(math.erfc), -1.0, 1.0, 4.0),
    ("erfc", np.vectorize(math.erfc), -6.0, 26.0, 4.0),
]


def ulps(found: Array, exact: Array) -> float:
    spacing = np.spacing(np.abs(exact).astype(found.dtype)).astype(exact.dtype)
    return float(np.max(np.abs(found.astype(exact.dtype) - exact) / spacing))


@pytest.mark.parametrize(("function", "reference", "low", "high", "most"), LIBRARY_FUNCTIONS)
def test_functions_of_float64_are_near_those_of_the_library(
    function: str, reference: Callable[[Array], Array], low: float, high: float, most: float
) -> None:
    x = np.random.default_rng(0).uniform(low, high, 20_003)
    assert ulps(getattr(pf, function)(pf.tensor(x)).numpy(), reference(x)) <= most


def test_erfinv_of_float64_is_undone() -> None:
    x = np.random.default_rng(0).uniform(-0.9, 0.9, 2000)
    found = pf.erfinv(pf.tensor(x)).numpy()
    np.testing.assert_allclose([math.erf(y) for y in found], x, rtol=1e-15)
    near_one = 1 - 10.0 ** np.random.default_rng(0).uniform(-15, -1, 2000)
    found = pf.erfinv(pf.tensor(near_one)).numpy()
    np.testing.assert_allclose([math.erfc(y) for y in found], 1 - near_one, rtol=1e-13)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="long double is double here")
@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300, 1e-310])
@pytest.mark.parametrize(("function", "reference"), [(pf.hypot, np.hypot), (pf.atan2, np.arctan2)])
def test_functions_of_two_float64_stay_within_their_stated_error(
    function: Callable[..., pf.Tensor], reference: Callable[..., Array], scale: float
) -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 20_001)) * scale
    exact = reference(a.astype(np.longdouble), b.astype(np.longdouble))
    assert ulps(function(pf.tensor(a), pf.tensor(b)).numpy(), exact) <= 2.5


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="long double is double here")
@pytest.mark.parametrize(("function", "reference", "low", "high", "most"), WIDE_FUNCTIONS)
def test_functions_of_float64_stay_within_their_stated_error(
    function: str, reference: str, low: float, high: float, most: float
) -> None:
    x = np.random.default_rng(0).uniform(low, high, 20_000)
    assert ulps(getattr(pf, function)(pf.tensor(x)).numpy(), getattr(np, reference)(x.astype(np.longdouble))) <= most


EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, -3.0, 1.5, 1e-45, -1e-45, 1e-38, 3e38, -3e38, -8388607.5,
         math.inf, -math.inf, math.nan]  # fmt: skip


@pytest.mark.parametrize("name", ["log10", "sinh", "cosh", "atanh", "erfc", "erfinv", "lgamma", "digamma"])
def test_edges_of_float32_are_those_of_float64(name: str) -> None:
    x = np.array(EDGES, np.float32)
    with np.errstate(over="ignore"):
        expected = getattr(pf, name)(pf.tensor(x.astype(np.float64))).numpy().astype(np.float32)
    found = getattr(pf, name)(pf.tensor(x)).numpy()
    np.testing.assert_allclose(found, expected, rtol=2e-7)
    kept = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[kept]), np.signbit(expected[kept]))


@pytest.mark.parametrize(("name", "reference"), [("atan2", np.arctan2), ("hypot", np.hypot)])
def test_edges_of_pairs_of_float64_are_those_of_numpy(name: str, reference: Callable[..., Array]) -> None:
    edges = [*EDGES, 5e-324, 1e-308, 1e308, -1e308]
    a, b = (side.ravel() for side in np.meshgrid(edges, edges))
    found = getattr(pf, name)(pf.tensor(a), pf.tensor(b)).numpy()
    np.testing.assert_allclose(found, reference(a, b), rtol=1e-15, atol=5e-324)
    kept = ~np.isnan(found)
    np.testing.assert_array_equal(np.signbit(found[kept]), np.signbit(reference(a, b)[kept]))


@pytest.mark.parametrize("name", ["exp", "log"])
def test_edges_of_float64_are_those_of_numpy(name: str) -> None:
    x = np.array([*EDGES, 5e-324, 1e-308, 1e308, 709.7, 709.8, 711.0, 1e4, -745.1, -745.2, -747.0, -1e4])
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    np.testing.assert_allclose(getattr(pf, name)(pf.tensor(x)).numpy(), expected, rtol=1e-15, atol=5e-324)


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_edges_of_float64_are_those_of_the_library(name: str) -> None:
    x = np.array([*EDGES, 5e-324, 26.6, 27.0, 28.0])
    expected = np.vectorize(getattr(math, name))(x)
    np.testing.assert_allclose(getattr(pf, name)(pf.tensor(x)).numpy(), expected, rtol=1e-14, atol=5e-324)


@pytest.mark.parametrize("name", ["pow", "atan2"])
def test_edges_of_pairs_of_float32_are_those_of_float64(name: str) -> None:
    a, b = (side.ravel() for side in np.meshgrid(np.array(EDGES, np.float32), np.array(EDGES, np.float32)))
    with np.errstate(over="ignore"):
        expected = getattr(pf, name)(*(pf.tensor(x.astype(np.float64)) for x in (a, b))).numpy().astype(np.float32)
    found = getattr(pf, name)(pf.tensor(a), pf.tensor(b)).numpy()
    np.testing.assert_allclose(found, expected, rtol=2e-7)
    kept = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[kept]), np.signbit(expected[kept]))


@pytest.mark.parametrize(("dtype", "count"), [(np.float32, 11), (np.float64, 23)])
def test_powers_of_ten_have_whole_logarithms(dtype: type[Any], count: int) -> None:
    powers = np.arange(count)
    np.testing.assert_array_equal(pf.log10(pf.tensor((10.0**powers).astype(dtype))).numpy(), powers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_one_large_angle_changes_no_other_result(name: str, dtype: type[Any]) -> None:
    x = np.linspace(-5, 5, 333).astype(dtype)
    mixed = x.copy()
    mixed[100:103] = np.finfo(dtype).max / 3, np.inf, np.nan
    alone, found = (getattr(pf, name)(pf.tensor(values)).numpy() for values in (x, mixed))
    np.testing.assert_allclose(np.delete(found, [100, 101, 102]), np.delete(alone, [100, 101, 102]), rtol=3e-7)
    np.testing.assert_allclose(found[100], getattr(np, name)(np.float64(mixed[100])), rtol=3e-7)
    assert np.isnan(found[101:103]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_remainders_are_those_of_numpy(dtype: type[Any]) -> None:
    rng = np.random.default_rng(0)
    edges = np.array([0.0, -0.0, 1.0, -1.0, 3.0, 1e30, -1e30, 1e-40, np.inf, -np.inf, np.nan], dtype)
    a, b = (side.ravel() for side in np.meshgrid(edges, edges))
    a = np.concatenate([a, rng.uniform(-1e6, 1e6, 5000).astype(dtype), np.arange(-300, 300).astype(dtype) / 8])
    b = np.concatenate([b, rng.uniform(-3, 3, 5000).astype(dtype), np.full(600, 0.375, dtype)])
    with np.errstate(all="ignore"):
        for ours, numpy in ((pf.fmod, np.fmod), (pf.remainder, np.mod), (pf.floor_divide, np.floor_divide)):
            np.testing.assert_array_equal(ours(pf.tensor(a), pf.tensor(b)).numpy(), numpy(a, b))


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
