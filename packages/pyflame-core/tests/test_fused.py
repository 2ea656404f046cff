"""Fused ops and the composites they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core
from pyflame.testing import contract
from pyflame.testing.bridge import to_numpy
from pyflame.testing.samples import OpInfo, Sample, by_name

FUSED = sorted(name for name, record in contract.records().items() if record["fused"])


def assert_close(actual: Any, expected: Any, tolerance: float) -> None:
    assert tuple(actual.shape) == tuple(expected.shape)
    assert actual.dtype is expected.dtype
    np.testing.assert_allclose(to_numpy(actual), to_numpy(expected), rtol=tolerance, atol=tolerance)


def leaves(sample: Sample) -> list[pf.Tensor]:
    tensors = [operand.tensor() for operand in sample.operands()]
    for tensor in tensors:
        tensor.requires_grad = tensor.dtype.is_floating_point
    return tensors


def gradients(info: OpInfo, sample: Sample, again: bool) -> list[pf.Tensor]:
    inputs = leaves(sample)
    output = info.call(sample, inputs)[0]
    rng = np.random.default_rng(3)
    seed = pf.tensor(rng.standard_normal(tuple(output.shape)), dtype=output.dtype)
    chosen = [x for x in inputs if x.requires_grad]
    return list(pf.autograd.grad([output], chosen, [seed], create_graph=again))


@pytest.mark.parametrize("name", FUSED)
def test_fused_equals_its_composite(name: str) -> None:
    info = by_name[name]
    for dtype, tolerance in ((pf.float64, 1e-11), (pf.float32, 2e-5), (pf.bfloat16, 0.1)):
        for sample in info.samples(dtype) if dtype in info.dtypes else ():
            operands = [operand.tensor() for operand in sample.operands()]
            results = info.call(sample, operands)
            made = _core.composite(info.call(sample, operands)[0])
            for result, expected in zip(results, made, strict=True):
                assert_close(result, expected, tolerance)


@pytest.mark.parametrize("name", [name for name in FUSED if not name.endswith("_grad")])
def test_gradient_kernel_equals_gradient_of_composite(name: str) -> None:
    info = by_name[name]
    for dtype, tolerance in ((pf.float64, 1e-11), (pf.float32, 5e-5)):
        for sample in info.samples(dtype):
            if not np.isfinite(sample.operands()[0].values).all():
                continue
            for found, expected in zip(gradients(info, sample, False), gradients(info, sample, True), strict=True):
                assert_close(found, expected, tolerance)


def test_graphs_hold_composites() -> None:
    x, weight = pf.rand(4, 6).requires_grad_(), pf.rand(6).requires_grad_()
    y = pf.ops.layer_norm(pf.gelu(x), (6,), weight)
    q = pf.rand(1, 2, 4, 4).requires_grad_()
    attended = pf.ops.scaled_dot_product_attention(q, q, q, is_causal=True)
    found = pf.autograd.grad(y.sum() + attended.sum(), [x, weight, q])
    graph = pf.get_graph(y, attended, *found)
    ops = {node.op_type for node in graph.nodes}
    assert not ops & set(FUSED)
    assert {"erf", "rsqrt", "softmax", "matmul"} <= ops
    results = pf.execute_graph(graph, ())
    for result, expected in zip(results, (y, attended, *found), strict=True):
        assert_close(result, expected, 1e-5)


def test_composite_of_an_op_that_is_not_fused_is_refused() -> None:
    with pytest.raises(ValueError, match="made of nothing else"):
        _core.composite(pf.rand(3) + 1)


def test_same_tensor_as_query_key_and_value() -> None:
    x = pf.rand(1, 2, 5, 4, dtype=pf.float64).requires_grad_()

    def attend(x: pf.Tensor) -> pf.Tensor:
        return pf.ops.scaled_dot_product_attention(x, x, x)

    assert pf.autograd.gradcheck(attend, (x,))
    assert pf.autograd.gradgradcheck(attend, (x,))


@pytest.mark.parametrize("training", [False, True])
def test_attention_keeps_no_matrix_of_scores(training: bool) -> None:
    positions = 2048
    q = pf.rand(1, 2, positions, 32).requires_grad_(training)
    y = pf.ops.scaled_dot_product_attention(q, q, q, is_causal=True)
    asked = pf.autograd.grad(y.sum(), [q]) if training else [y]
    pf.eval(q)
    assert pf.compile_graph(list(asked)).peak_bytes < positions * positions


@pytest.mark.parametrize(
    ("shapes", "mask"),
    [
        (((5, 4), (7, 4), (7, 3)), (5, 7)),
        (((2, 5, 4), (2, 7, 4), (2, 7, 3)), (2, 5, 7)),
        (((3, 2, 5, 4), (3, 2, 7, 4), (3, 2, 7, 3)), (3, 1, 1, 7)),
        (((2, 3, 2, 5, 4), (2, 3, 2, 7, 4), (2, 3, 2, 7, 3)), (3, 1, 5, 7)),
        (((5, 4), (7, 4), (7, 3)), (6, 5, 7)),
        (((2, 5, 4), (1, 7, 4), (1, 7, 3)), (5, 7)),
    ],
)
@pytest.mark.parametrize("kind", ["bool", "float"])
def test_attention_in_all_ranks_and_masks(
    shapes: tuple[tuple[int, ...], ...], mask: tuple[int, ...], kind: str
) -> None:
    rng = np.random.default_rng(1)
    q, k, v = (rng.standard_normal(shape) for shape in shapes)
    m = rng.random(mask) > 0.4 if kind == "bool" else rng.standard_normal(mask)
    scores = q @ np.swapaxes(k, -1, -2) / 2
    scores = np.where(m, scores, -np.inf) if kind == "bool" else scores + m
    top = scores.max(-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isinf(top), 0, top))
    total = powers.sum(-1, keepdims=True)
    expected = np.where(total == 0, 0, powers / np.where(total == 0, 1, total)) @ v
    tensors = [pf.tensor(x, dtype=pf.float64) for x in (q, k, v)]
    given = pf.tensor(m) if kind == "bool" else pf.tensor(m, dtype=pf.float64)
    found = pf.ops.scaled_dot_product_attention(*tensors, attn_mask=given)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
