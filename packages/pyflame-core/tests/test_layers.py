"""Kernels of layers: what the comparison with stored values does not show."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core, ops
from pyflame.ops.layers import attention

RNG = np.random.default_rng(3)


def test_integer_products_accumulate_in_int32():
    a = RNG.integers(-128, 128, (4, 300)).astype(np.int8)
    b = RNG.integers(0, 256, (300, 5)).astype(np.uint8)
    rows, columns = np.array([3, -1, 0, 7], np.int8), RNG.integers(0, 256, 5).astype(np.uint8)
    found = ops.matmul_integer(pf.tensor(a), pf.tensor(b), pf.tensor(rows), pf.tensor(columns))
    expected = (a.astype(np.int64) - rows[:, None]) @ (b.astype(np.int64) - columns)
    assert found.dtype is pf.int32
    np.testing.assert_array_equal(found.numpy(), expected)
    with pytest.raises(RuntimeError, match="expected int8 or uint8"):
        ops.matmul_integer(pf.tensor(a).int(), pf.tensor(b))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_integer_convolution_equals_that_of_wide_integers(rank):
    x = RNG.integers(0, 256, (2, 4, *[5] * rank)).astype(np.uint8)
    w = RNG.integers(-128, 128, (6, 2, *[3] * rank)).astype(np.int8)
    options = {"stride": 2, "padding": 1, "groups": 2}
    found = ops.conv_integer(pf.tensor(x), pf.tensor(w), 7, pf.tensor([1, 2, 3, 4, 5, 6]), **options)
    wide, filters = x.astype(float) - 7, w.astype(float) - np.arange(1, 7).reshape(-1, 1, *[1] * rank)
    convolve = {1: ops.conv1d, 2: ops.conv2d, 3: ops.conv3d}[rank]
    expected = convolve(pf.tensor(wide), pf.tensor(filters), **options).numpy()
    assert found.dtype is pf.int32
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("dtype", [pf.uint8, pf.int8, pf.int16, pf.int32, pf.int64])
def test_products_of_integers_stay_in_their_dtype_and_wrap(dtype):
    info = pf.iinfo(dtype)
    a = RNG.integers(info.min, info.max, (3, 4), dtype=dtype.to_numpy(), endpoint=True)
    b = RNG.integers(info.min, info.max, (4, 2), dtype=dtype.to_numpy(), endpoint=True)
    found = pf.tensor(a) @ pf.tensor(b)
    assert found.dtype is dtype
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found.numpy(), a @ b)


def test_convolution_in_three_dimensions_sums_over_the_window():
    x, w = RNG.normal(size=(1, 2, 3, 3, 3)), RNG.normal(size=(1, 2, 2, 2, 2))
    found = ops.conv3d(pf.tensor(x), pf.tensor(w)).numpy()
    assert found.shape == (1, 1, 2, 2, 2)
    np.testing.assert_allclose(found[0, 0, 1, 0, 1], (x[0, :, 1:, :2, 1:] * w[0]).sum())


def test_transposed_convolution_is_the_transpose():
    for name, shape in (("1d", (5,)), ("2d", (5, 4)), ("3d", (4, 5, 3))):
        x = pf.tensor(RNG.normal(size=(1, 4, *shape)), requires_grad=True)
        w = pf.tensor(RNG.normal(size=(6, 2, *[2] * len(shape))))
        y = getattr(ops, "conv" + name)(x, w, stride=2, padding=1, groups=2)
        u = RNG.normal(size=tuple(y.shape))
        y.backward(pf.tensor(u))
        extra = tuple((size + 2 - 2) % 2 for size in shape)
        back = getattr(ops, "conv_transpose" + name)(
            pf.tensor(u), w, stride=2, padding=1, output_padding=extra, groups=2
        )
        np.testing.assert_allclose(back.numpy(), x.grad.numpy(), atol=1e-12)


def test_unfolding_and_folding_count_how_often_an_element_is_covered():
    x = pf.ones(1, 2, 5, 4)
    covered = ops.col2im(ops.im2col(x, 3, padding=1), (5, 4), 3, padding=1)
    assert covered[0, 0, 0, 0].item() == 4.0 and covered[0, 1, 2, 2].item() == 9.0


def test_unpooling_undoes_what_pooling_kept():
    x = pf.tensor(RNG.permutation(2 * 6 * 6).reshape(1, 2, 6, 6).astype(np.float32))
    values, places = ops.max_pool2d(x, 2, return_indices=True)
    again, _ = ops.max_pool2d(ops.max_unpool2d(values, places, 2), 2, return_indices=True)
    np.testing.assert_array_equal(again.numpy(), values.numpy())
    with pytest.raises(ValueError, match="output_size"):
        ops.max_unpool2d(values, places, 2, output_size=(9, 9))


def test_infinities_stay_in_their_windows():
    x = pf.tensor([[np.inf, 1.0, 2.0, 3.0, 4.0]])
    assert ops.adaptive_avg_pool1d(x, 2).tolist() == [[np.inf, 3.0]]


def test_half_precision_norms_are_computed_in_float32():
    x = pf.full((1, 4096), 100.0, dtype=pf.float16) + pf.arange(4096).to(pf.float16).reshape(1, -1) / 64
    y = ops.layer_norm(x, (4096,))
    assert y.dtype is pf.float16
    assert abs(y.float().mean().item()) < 1e-2 and abs(y.float().std().item() - 1.0) < 1e-2
    assert np.isfinite(ops.rms_norm(x * 100, (4096,)).float().numpy()).all()  # the squares exceed float16


def test_embedding_bags_scale_gradients_by_frequency():
    ids, table = pf.tensor([[0, 1], [1, 1]]), pf.ones(3, 2, requires_grad=True)
    ops.embedding_bag(ids, table, mode="sum", scale_grad_by_freq=True).sum().backward()
    assert table.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


def test_embedding_limits_rows_in_use_only():
    table = pf.tensor([[3.0, 4.0], [6.0, 8.0]])
    ops.embedding(pf.tensor([1]), table, max_norm=1.0)
    np.testing.assert_allclose(table.numpy(), [[3.0, 4.0], [0.6, 0.8]], rtol=1e-5)
    with pytest.raises(NotImplementedError, match="sparse"):
        ops.embedding(pf.tensor([1]), table, sparse=True)


def test_an_embedding_number_beyond_the_table_is_an_error_at_evaluation():
    with pytest.raises(IndexError):
        ops.embedding(pf.tensor([2]), pf.ones(2, 3)).numpy()


def test_a_query_that_sees_nothing_attends_to_zeros():
    q, k = pf.ones(2, 3, requires_grad=True), pf.ones(4, 3)
    mask = pf.tensor([[False] * 4, [True] * 4])
    y = ops.scaled_dot_product_attention(q, k, k, mask)
    y.sum().backward()
    assert y.tolist() == [[0.0] * 3, [1.0] * 3]
    assert np.isfinite(q.grad.numpy()).all()


@pytest.mark.parametrize("kind", ["plain", "causal", "mask", "row mask"])
def test_attention_by_blocks_of_queries_equals_attention_at_once(kind, monkeypatch):
    arrays = [RNG.normal(size=(2, 3, size, 4)) for size in (140, 130, 130)]
    options = {
        "causal": {"is_causal": True},
        "mask": {"attn_mask": pf.tensor(RNG.normal(size=(3, 140, 130)))},
        "row mask": {"attn_mask": pf.tensor(RNG.integers(0, 2, (1, 130)) > 0)},
    }.get(kind, {})
    results = []
    for at_once in (False, True):
        if at_once:
            monkeypatch.setattr(attention, "_fused", lambda *operands: None)
        inputs = [pf.tensor(array, requires_grad=True) for array in arrays]
        y = ops.scaled_dot_product_attention(*inputs, **options)
        (y * y).sum().backward()
        results.append([y.detach().numpy(), *(x.grad.numpy() for x in inputs)])
    for by_blocks, at_once in zip(*results):
        np.testing.assert_allclose(by_blocks, at_once, atol=1e-12)


def test_attention_without_gradient_does_not_hold_all_scores(monkeypatch):
    q = pf.randn(4, 2048, 16)
    pf.eval(q)
    by_blocks = _core.compile_only([ops.scaled_dot_product_attention(q, q, q)])["peak_bytes"]
    monkeypatch.setattr(attention, "_fused", lambda *operands: None)
    at_once = _core.compile_only([ops.scaled_dot_product_attention(q, q, q)])["peak_bytes"]
    assert by_blocks < at_once / 3


def test_attention_drops_weights_and_keeps_their_mean():
    q = pf.zeros(200, 1, 8)
    y = ops.scaled_dot_product_attention(q, pf.zeros(200, 100, 8), pf.ones(200, 100, 1), dropout_p=0.25)
    assert abs(y.mean().item() - 1.0) < 0.05 and y.std().item() > 0.0


def test_recurrent_networks_drop_between_layers_in_training_only():
    weights = [pf.ones(3, 3) * 0.1 for _ in range(4)]
    x, h = pf.ones(2, 4, 3), pf.zeros(2, 4, 3)
    run = lambda train: ops.rnn_tanh(x, h, weights, False, 2, 0.5, train, False, False)[0].numpy()
    np.testing.assert_array_equal(run(False), run(False))
    assert not np.array_equal(run(True), run(True))
    with pytest.raises(RuntimeError, match="do not make 3 layers"):
        ops.rnn_tanh(x, h, weights, False, 3, 0.0, False, False, False)


def test_ctc_of_a_target_that_is_too_long():
    logits = pf.zeros(2, 1, 3, requires_grad=True)
    for zero, value in ((False, np.inf), (True, 0.0)):
        loss = ops.ctc_loss(pf.log_softmax(logits, 2), pf.tensor([[1, 1]]), [2], [2], zero_infinity=zero)
        assert loss.item() == value
    loss.backward()
    assert logits.grad.abs().sum().item() == 0.0
    with pytest.raises(RuntimeError, match="input_lengths"):
        ops.ctc_loss(pf.log_softmax(logits, 2), pf.tensor([[1, 1]]), [3], [2])


def test_ctc_does_not_underflow_over_long_sequences():
    steps = 400
    loss = ops.ctc_loss(
        pf.log_softmax(pf.zeros(steps, 1, 20), 2), pf.tensor([[1, 2, 3]]), [steps], [3], reduction="sum"
    )
    assert 0.0 < loss.item() < steps * np.log(20.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: ops.conv1d(x, pf.ones(1, 2, 3)), RuntimeError, r"\[conv1d\] input has shape \(1, 3, 4, 4\)"),
        (lambda x: ops.conv3d(x, pf.ones(1, 2, 3, 3, 3)), RuntimeError, "channels do not agree with 1 groups"),
        (lambda x: ops.max_pool3d(x, 9), RuntimeError, "more than the"),
        (lambda x: ops.adaptive_avg_pool2d(x, (1, 2, 3)), RuntimeError, "output_size has 3 values"),
        (lambda x: ops.layer_norm(x, (3,)), RuntimeError, r"expected its last sizes to be \(3,\)"),
        (lambda x: ops.group_norm(x, 2), RuntimeError, "do not divide into 2 groups"),
        (lambda x: ops.interpolate(x, 2, 2.0), ValueError, "exactly one of size and scale_factor"),
        (lambda x: ops.interpolate(x, 2, mode="linear"), NotImplementedError, "does not resize"),
        (lambda x: ops.grid_sample(x, x, align_corners=False), RuntimeError, r"\(batch, out_height, out_width, 2\)"),
        (lambda x: ops.pixel_shuffle(x, 2), RuntimeError, "do not divide by 4"),
        (lambda x: pf.pad(x, (4, 4), mode="reflect"), NotImplementedError, "pads the last 1, 2 or 3"),
        (lambda x: pf.pad(x, (4, 4, 0, 0), mode="reflect"), RuntimeError, "cannot pad dimension 3"),
        (lambda x: ops.scaled_dot_product_attention(x, x, x[0, 0, :2]), RuntimeError, "must agree"),
        (lambda x: ops.embedding_bag(pf.tensor([0]), x[0, 0]), ValueError, "offsets"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_call(call, error, words):
    with pytest.raises(error, match=words):
        call(pf.ones(1, 3, 4, 4))


def test_gradient_of_ctc_loss_is_finite_where_the_loss_is():
    x = pf.randn(7, 2, 4, dtype=pf.float64, requires_grad=True)
    targets = pf.tensor([[1, 2, 3], [1, 1, 1]])
    (loss := pf.ops.ctc_loss(x.log_softmax(2), targets, [7, 4], [3, 3], reduction="none")).sum().backward()
    assert np.isfinite(loss.detach().numpy()).tolist() == [True, False]
    assert np.isfinite(x.grad.numpy()).all(axis=(0, 2)).tolist() == [True, False]
