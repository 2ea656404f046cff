from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core

draw = np.random.default_rng(0)
M, N, V, BATCH = draw.normal(size=(3, 4)), draw.normal(size=(4, 5)), draw.normal(size=4), draw.normal(size=(2, 3, 4))


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (lambda: pf.tensor(M) @ pf.tensor(N), M @ N),
        (lambda: pf.mm(pf.tensor(M), pf.tensor(N)), M @ N),
        (lambda: pf.mv(pf.tensor(M), pf.tensor(V)), M @ V),
        (lambda: pf.dot(pf.tensor(V), pf.tensor(V)), V @ V),
        (lambda: pf.matmul(pf.tensor(V), pf.tensor(N)), V @ N),
        (lambda: pf.matmul(pf.tensor(BATCH), pf.tensor(N)), BATCH @ N),
        (lambda: pf.bmm(pf.tensor(BATCH), pf.tensor(BATCH).mT), BATCH @ BATCH.swapaxes(1, 2)),
        (lambda: pf.outer(pf.tensor(V), pf.tensor(V)), np.outer(V, V)),
        (lambda: pf.inner(pf.tensor(BATCH), pf.tensor(M)), np.inner(BATCH, M)),
        (lambda: pf.addmm(pf.ones(5, dtype=pf.float64), pf.tensor(M), pf.tensor(N), beta=2, alpha=3), 2 + 3 * M @ N),
        (lambda: pf.addmm(pf.full((5,), np.nan, dtype=pf.float64), pf.tensor(M), pf.tensor(N), beta=0), M @ N),
        (lambda: pf.addmv(pf.ones(3, dtype=pf.float64), pf.tensor(M), pf.tensor(V)), 1 + M @ V),
    ],
)
def test_products_equal_numpy(ours: Any, expected: Any) -> None:
    np.testing.assert_allclose(ours().numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("equation", "operands"),
    [
        ("ij,jk->ik", (M, N)),
        ("ij,jk", (M, N)),
        ("ij->ji", (M,)),
        ("ij->", (M,)),
        ("ij->i", (M,)),
        ("ii", (draw.normal(size=(3, 3)),)),
        ("ii->i", (draw.normal(size=(3, 3)),)),
        ("iji->j", (draw.normal(size=(3, 2, 3)),)),
        ("bij,jk->bik", (BATCH, N)),
        ("bij,bkj->bik", (BATCH, BATCH)),
        ("...ij,jk->...ik", (BATCH, N)),
        ("b...,b...->...", (BATCH, BATCH)),
        ("i,j->ij", (V, V)),
        ("i,i->i", (V, V)),
        ("ij,jk,k->i", (M, N, draw.normal(size=5))),
        ("bhqd,bhkd->bhqk", (draw.normal(size=(2, 3, 4, 5)), draw.normal(size=(2, 3, 6, 5)))),
        ("i,jk->", (V, M)),
    ],
)
def test_einsum_equals_numpy(equation: str, operands: tuple[Any, ...]) -> None:
    found = pf.einsum(equation, *(pf.tensor(x) for x in operands))
    np.testing.assert_allclose(found.numpy(), np.einsum(equation, *operands), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("padding", "stride", "kernel"),
    [(0, 1, (3, 3)), (1, 2, (3, 3)), ("same", 1, (3, 2)), ("valid", 1, (2, 2)), ((1, 0), (2, 1), (3, 1))],
)
def test_conv2d_equals_sums(padding: Any, stride: Any, kernel: tuple[int, int]) -> None:
    x, w, b = draw.normal(size=(2, 3, 6, 5)), draw.normal(size=(4, 3, *kernel)), draw.normal(size=4)
    found = pf.ops.conv2d(pf.tensor(x), pf.tensor(w), pf.tensor(b), stride, padding)
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    if padding == "same":
        pads = [((k - 1) // 2, k - 1 - (k - 1) // 2) for k in kernel]
    else:
        around = 0 if padding == "valid" else padding
        pads = [(p, p) for p in ((around, around) if isinstance(around, int) else around)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), *pads)), kernel, (2, 3))
    expected = np.einsum("nchwij,ocij->nohw", windows[:, :, ::sh, ::sw], w) + b[:, None, None]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)
    one = pf.ops.conv2d(pf.tensor(x[0]), pf.tensor(w), pf.tensor(b), stride, padding)
    np.testing.assert_allclose(one.numpy(), expected[0], rtol=1e-10)


def test_conv_transpose2d_is_the_adjoint_of_conv2d() -> None:
    x, w = pf.tensor(draw.normal(size=(1, 3, 7, 7))), pf.tensor(draw.normal(size=(4, 3, 3, 3)))
    y = pf.ops.conv2d(x, w, None, 2, 1)
    u = pf.tensor(draw.normal(size=tuple(y.shape)))
    back = pf.ops.conv_transpose2d(u, w, None, 2, 1)
    assert back.shape == x.shape and (back * x).sum().item() == pytest.approx((u * y).sum().item())
    assert pf.ops.conv_transpose2d(u, w, None, 2, 1, output_padding=1).shape == (1, 3, 8, 8)


def test_pooling() -> None:
    x = pf.tensor(np.arange(32.0).reshape(1, 2, 4, 4))
    values, indices = pf.ops.max_pool2d(x, 2, return_indices=True)
    assert values[0, 0].tolist() == [[5, 7], [13, 15]] and indices[0, 1].tolist() == [[5, 7], [13, 15]]
    assert pf.ops.avg_pool2d(x, 2)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert pf.ops.adaptive_avg_pool2d(x, (1, None)).shape == (1, 2, 1, 4)
    assert pf.ops.adaptive_avg_pool2d(x, (4, 3))[0, 0, 0].tolist() == [0.5, 1.5, 2.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pf.mm(pf.tensor(M), pf.tensor(V)), r"\[mm\] a has shape \(3, 4\), b has shape \(4,\)"),
        (lambda: pf.tensor(M) @ pf.tensor(M), "inner sizes 4 and 3 differ"),
        (lambda: pf.bmm(pf.ones(2, 1, 1), pf.ones(3, 1, 1)), "batch sizes differ"),
        (lambda: pf.einsum("ij,jk->ik", pf.tensor(M)), "names 2 operands, got 1"),
        (lambda: pf.einsum("ijk->i", pf.tensor(M)), "does not fit operand 0"),
        (lambda: pf.einsum("ij,jk->ik", pf.tensor(M), pf.tensor(M)), "index 'j' has sizes 4 and 3"),
        (lambda: pf.einsum("ij->iq", pf.tensor(M)), "output indices"),
        (lambda: pf.ops.conv2d(pf.ones(1, 2, 3, 3), pf.ones(1, 3, 2, 2)), r"\[conv2d\]"),
        (lambda: pf.ops.conv2d(pf.ones(1, 2, 3, 3), pf.ones(1, 2, 2, 2), pf.ones(2)), "bias has shape"),
        (lambda: pf.ops.conv2d(pf.ones(3, 3), pf.ones(1, 2, 2, 2)), "input has shape"),
    ],
)
def test_wrong_shapes_are_named(call: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call()


def test_linear_with_a_vector_gives_one_output_without_a_dimension() -> None:
    x, weight = pf.arange(6.0).reshape(2, 3), pf.tensor([1.0, -2.0, 0.5])
    assert pf.ops.linear(x, weight).tolist() == (x @ weight).tolist()
    assert pf.ops.linear(x, weight, pf.tensor([1.0])).tolist() == (x @ weight + 1.0).tolist()
    with pytest.raises(RuntimeError, match=r"weight has shape \(1, 3, 1\): expected"):
        pf.ops.linear(x, weight.reshape(1, 3, 1))


@pytest.mark.parametrize("dtype", [pf.float32, pf.float64, pf.bfloat16])
@pytest.mark.parametrize("rows", [(), (1,), (5,), (2, 3), (64,)])
def test_linear_has_the_bits_of_product_and_sum(dtype: pf.DType, rows: tuple[int, ...]) -> None:
    given = [pf.randn(*shape, dtype=dtype) for shape in ((*rows, 33), (20, 33), (20,))]
    seed = pf.randn(*rows, 20, dtype=dtype)

    def results(linear: Any) -> tuple[list[pf.Tensor], list[str]]:
        x, weight, bias = (tensor.clone().requires_grad_() for tensor in given)
        y = pf.relu(linear(x, weight, bias))
        found = [y, *pf.autograd.grad([y], [x, weight, bias], [seed])]
        return found, _core.compile_report(found, True)["kernels"]

    found, kernels = results(pf.ops.linear)
    expected, composite_kernels = results(lambda x, weight, bias: x @ weight.T + bias)
    assert [value.tolist() for value in found] == [value.tolist() for value in expected]
    assert sorted(kernels) == sorted(composite_kernels)


def test_linear_of_mixed_dtypes_promotes_as_product_and_sum_do() -> None:
    x, weight, bias = pf.rand(2, 3), pf.rand(4, 3), pf.rand(4, dtype=pf.float64)
    y = pf.ops.linear(x, weight, bias)
    assert y.dtype is pf.float64
    assert y.tolist() == ((x @ weight.T) + bias).tolist()


@pytest.mark.parametrize("dtype", [pf.float32, pf.float64, pf.bfloat16, pf.int32])
@pytest.mark.parametrize("shape", [(5, 70, 3, 40), (1, 6, 7, 40), (3, 4, 40, 40), (0, 4, 2, 40)])
def test_batches_in_any_order_times_one_matrix(dtype: pf.DType, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, w = (pf.tensor(rng.integers(-4, 5, size).astype("f")).to(dtype) for size in (shape, (40, 24)))
    for order in ((1, 0, 2, 3), (2, 1, 0, 3), (0, 2, 1, 3), (0, 1, 2, 3)):
        turned = x.permute(*order)
        expected = turned.to(pf.float64).numpy() @ w.to(pf.float64).numpy()
        assert np.array_equal(
            (turned @ w).to(pf.float64).numpy(), np.float64(pf.tensor(expected).to(dtype).to(pf.float64).numpy())
        )
