"""Graphs that once went wrong, at their smallest."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pyflame as pf
import pyflame._core as _core
from pyflame import Tensor
from pyflame.ops import conv2d
from pyflame.testing.bridge import bits, to_numpy, to_tensor
from pyflame.testing.contract import mode

ops = _core.ops


@pytest.fixture(autouse=True)
def plain_mode() -> Iterator[None]:
    with mode():
        yield


def tensor(values: Any) -> Tensor:
    return to_tensor(np.asarray(values, np.float64), pf.float64)


def copied(values: Any) -> Tensor:
    """A pending temporary."""
    return ops.cat([tensor(values)], 0)


def test_result_does_not_overwrite_a_row_that_is_broadcast_later() -> None:
    values = np.random.default_rng(0).random((50, 1000))
    x = copied(values)
    total = ops.flip(ops.add(x, ops.slice(x, 0, 0, 1, 1)), [0])
    del x
    np.testing.assert_array_equal(to_numpy(total), (values + values[:1])[::-1])


def test_split_program_does_not_overwrite_what_its_second_half_reads() -> None:
    parts = [copied(np.full(5, float(k))) for k in range(20)]
    total = parts[0]
    for part in parts[1:]:
        total = ops.add(total, part)
    for part in reversed(parts):
        total = ops.mul(ops.add(total, part), 0.5)
    del parts, part
    want = float(sum(range(20)))
    for k in reversed(range(20)):
        want = (want + k) * 0.5
    np.testing.assert_allclose(to_numpy(total), np.full(5, want))


def test_kept_alias_of_a_constant_has_its_value() -> None:
    positions = ops.arange_int(-1, 2, 4, pf.int64)
    same = ops.positive(positions)
    del positions
    np.testing.assert_array_equal(to_numpy(same), [-1, 1, 3, 5])


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0, 0), (2, 0, 3), (3, 2, 0)])
@pytest.mark.parametrize("dtype", [pf.int64, pf.float32, pf.bfloat16])
def test_sum_of_nothing_is_zero_in_every_shape(shape: tuple[int, ...], dtype: pf.DType) -> None:
    x = to_tensor(np.zeros(shape), dtype)
    for dims in (None, 0, 1):
        np.testing.assert_array_equal(to_numpy(ops.sum(x, dims)), np.zeros(shape).sum(dims))


def test_pool_positions_survive_the_evaluation_of_the_maxima() -> None:
    x = to_tensor(np.random.default_rng(1).permutation(64).reshape(1, 4, 4, 4), pf.float32)
    x.requires_grad = True
    maxima, positions = ops.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False)
    joined = ops.cat([positions, maxima], 0)
    upper = ops.triu(maxima, 0)
    del maxima, positions
    _core.eval(joined)
    upstream = [ops.full(1.0, pf.float32, tuple(t.shape)) for t in (joined, upper)]
    early = _core.gradients_of([joined, upper], upstream, [x], True, False)[0]
    maxima, positions = ops.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False)
    outputs = [ops.cat([positions, maxima], 0), ops.triu(maxima, 0)]
    assert bits(early) == bits(_core.gradients_of(outputs, upstream, [x], True, False)[0])


def test_joining_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^\[cat\] expected at least one tensor"):
        ops.cat([], 0)


def test_more_than_sixteen_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^\[reshape\] shape has 17 entries"):
        ops.reshape(tensor([1.0]), (1,) * 17)


def test_slice_of_a_number_is_refused() -> None:
    with pytest.raises(IndexError, match=r"^\[slice\] a 0-d tensor"):
        ops.slice(tensor(1.0), 0, 0, 1, 1)


# ---- observers
class Stop(Exception):
    pass


def stop(step: Any) -> None:
    if "matmul" in step.ops:
        raise Stop


def test_stopped_run_does_not_apply_an_update_twice() -> None:
    w, g = tensor(np.ones(8)), tensor(np.ones(8))
    _core.assign(w, ops.sgd_step_plain(w, g, lr=0.5, weight_decay=0.0, maximize=False))
    product = ops.matmul(w, w)
    _core.set_observer(stop, None, None)
    try:
        with pytest.raises(Stop):
            _core.eval([w, product])
    finally:
        _core.set_observer(None, None, None)
    assert to_numpy(product) == 2
    assert (to_numpy(w) == 0.5).all()


def test_observer_may_run_the_same_plan() -> None:
    values = np.arange(4.0)
    product = ops.matmul(copied(values), tensor(values))
    inner: list[Any] = []

    def again(step: Any) -> None:
        if not inner:
            inner.append(None)
            inner.append(_core.item(ops.matmul(copied(np.ones(4)), tensor(np.ones(4)))))

    _core.set_observer(again, None, None)
    try:
        assert _core.item(product) == values @ values
    finally:
        _core.set_observer(None, None, None)
    assert inner[1] == 4


def test_observer_that_asks_for_the_running_tensor_gets_an_error() -> None:
    product = ops.matmul(tensor(np.ones(4)), tensor(np.ones(4)))

    def ask(step: Any) -> None:
        _core.item(product)

    _core.set_observer(ask, None, None)
    try:
        with pytest.raises(RuntimeError, match=r"^\[eval\] the tensor belongs to a run"):
            _core.eval(product)
    finally:
        _core.set_observer(None, None, None)
    assert _core.item(product) == 4


@pytest.mark.parametrize("kernel", [3, 7])
def test_chained_convolutions_of_a_few_channels_write_where_they_should(kernel: int) -> None:
    # Two panels of results from one block of places, pixels apart because the next convolution wants channels last.
    rng = np.random.default_rng(0)
    pad = kernel // 2
    x, first, second = (rng.standard_normal(s) for s in ((2, 3, 32, 32), (64, 3, kernel, kernel), (64, 64, 3, 3)))

    def chain(dtype: pf.DType) -> np.ndarray[Any, Any]:
        a, b, c = (pf.tensor(value, dtype=dtype) for value in (x, first, second))
        return conv2d(conv2d(a, b, padding=pad), c, padding=1).numpy()

    for _ in range(3):
        expected = chain(pf.float64)
        assert np.abs(chain(pf.float32) - expected).max() < 1e-5 * np.abs(expected).max()


def test_sizes_whose_product_cannot_be_counted_are_refused() -> None:
    for count in (0, 1):
        for shape in ((2**62, 4), (2**40, 2**40, -1)):
            with pytest.raises(RuntimeError, match="more elements than can be addressed"):
                pf.zeros(count).reshape(*shape)
