"""Plans, donated memory, errors during evaluation, and modes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pyflame as pf
import pyflame._core as _core
from pyflame import Tensor
from pyflame.testing.bridge import to_numpy, to_tensor
from pyflame.testing.contract import mode

ops = _core.ops
ADAM = {"beta1": 0.5, "beta2": 0.5, "eps": 1e-8, "weight_decay": 0.0, "correction1": 1.0, "correction2": 1.0,
        "decoupled": False, "maximize": False}  # fmt: skip


@pytest.fixture(autouse=True)
def plain_mode() -> Iterator[None]:
    with mode():
        yield


def tensor(values: Any) -> Tensor:
    return to_tensor(np.asarray(values, np.float32), pf.float32)


def new_plans(step: Callable[[int], Tensor], count: int = 20) -> int:
    """How many plans the steps after the first two make."""
    for k in range(2):
        _core.eval(step(k))
    before = _core.stats()["plan_misses"]
    for k in range(2, count):
        _core.eval(step(k))
    missed: int = _core.stats()["plan_misses"] - before
    return missed


# ---- what varies without being structure
def test_scalars_do_not_make_plans() -> None:
    x = tensor([1, 2, 3])
    assert new_plans(lambda k: ops.exp(ops.mul(ops.add(x, 0.1 * k), k + 1))) == 0


def test_fill_values_do_not_make_plans() -> None:
    x = tensor([1, 2, 3])
    assert new_plans(lambda k: ops.add(x, ops.full(float(k), pf.float32, (3,)))) == 0


def test_learning_rates_do_not_make_plans() -> None:
    w, g, m, v = (tensor(np.ones(4)) for _ in range(4))
    assert new_plans(lambda k: ops.adam_step(w, g, m, v, lr=0.1 / (k + 1), **ADAM)[0]) == 0
    assert new_plans(lambda k: ops.sgd_step_plain(w, g, lr=0.1 / (k + 1), weight_decay=k, maximize=False)) == 0


def test_random_keys_do_not_make_plans() -> None:
    assert new_plans(lambda k: ops.uniform(seed=k, offset=3 * k, shape=(8,), dtype=pf.float32)) == 0


def test_slice_offsets_of_data_do_not_make_plans() -> None:
    data = tensor(np.arange(400).reshape(100, 4))

    def batch(k: int) -> Tensor:
        return ops.sum(ops.square(ops.slice(data, 0, 4 * k, 1, 4)))

    assert new_plans(batch) == 0
    np.testing.assert_allclose(to_numpy(batch(3)), np.square(np.arange(48, 64)).sum())


def total(size: int) -> None:
    """One plan for each size. No handle may outlive the call, as an assertion's would: it would be an output."""
    _core.eval(ops.sum(ops.exp(tensor(np.zeros(size)))))


def test_plan_cache_is_bounded_and_forgets_the_oldest() -> None:
    capacity = _core.stats()["plan_capacity"]
    try:
        _core.clear_plans()
        _core.set_plan_capacity(4)
        before = _core.stats()["plan_evictions"]
        for size in range(1, 11):
            total(size)
        assert _core.stats()["plans"] == 4
        assert _core.stats()["plan_evictions"] - before >= 6
        misses = _core.stats()["plan_misses"]
        total(10)
        assert _core.stats()["plan_misses"] == misses
        total(1)
        assert _core.stats()["plan_misses"] == misses + 1
        with pytest.raises(ValueError, match="plan cache"):
            _core.set_plan_capacity(0)
    finally:
        _core.set_plan_capacity(capacity)


# ---- memory that an update takes over
def sgd(w: Tensor, g: Tensor) -> None:
    _core.assign(w, ops.sgd_step_plain(w, g, lr=1.0, weight_decay=0.0, maximize=False))


def test_update_takes_over_the_memory_of_a_parameter() -> None:
    w, g = tensor(np.full(64, 5)), tensor(np.ones(64))
    before, address = _core.stats()["donated"], _core.storage(w)
    sgd(w, g)
    assert (to_numpy(w) == 4).all()
    assert _core.stats()["donated"] == before + 1
    assert _core.storage(w) == address


@pytest.mark.parametrize("read", ["scaled", "alias", "view", "matmul", "reduced"])
def test_pending_reader_of_the_old_parameter_sees_the_old_value(read: str) -> None:
    values = np.arange(16.0).reshape(4, 4)
    readers: dict[str, tuple[Callable[[Tensor], Tensor], Any]] = {
        "scaled": (lambda w: ops.mul(w, 1.0), values), "alias": (_core.detach, values),
        "view": (lambda w: ops.permute(_core.detach(w), (1, 0)), values.T),
        "matmul": (lambda w: ops.matmul(w, w), values @ values),
        "reduced": (lambda w: ops.sum(w, 0), values.sum(0)),
    }  # fmt: skip
    record, want = readers[read]
    for order in ("together", "update first", "old first"):
        w, g = tensor(values), tensor(np.ones((4, 4)))
        old = record(w)
        sgd(w, g)
        _core.eval({"together": [w, old], "update first": [w], "old first": [old]}[order])
        np.testing.assert_array_equal(to_numpy(old), want)
        np.testing.assert_array_equal(to_numpy(w), values - 1)


def test_numpy_window_on_the_old_parameter_keeps_its_values() -> None:
    w = tensor(np.full(8, 3))
    window = _core.to_array(w)
    sgd(w, tensor(np.ones(8)))
    _core.eval(w)
    assert (window == 3).all()
    assert (to_numpy(w) == 2).all()


def test_adam_state_is_updated_in_place_and_right() -> None:
    w, g, m, v = (tensor(np.full(32, value)) for value in (1.0, 2.0, 0.0, 0.0))
    before = _core.stats()["donated"]
    for _ in range(3):
        for target, value in zip((w, m, v), ops.adam_step(w, g, m, v, lr=0.1, **ADAM), strict=True):
            _core.assign(target, value)
        del value, target
        _core.eval([w, m, v])
    np.testing.assert_allclose(to_numpy(m), 2 * (1 - 0.5**3))
    np.testing.assert_allclose(to_numpy(v), 4 * (1 - 0.5**3))
    assert _core.stats()["donated"] == before + 9


@pytest.mark.parametrize("layer", ["batch_norm", "attention"])
def test_backward_through_one_of_several_outputs_frees_the_history_of_all(layer: str) -> None:
    """The others serve no gradient any more, so parameters behind them are updated where they lie."""
    w = pf.rand(2, 2, 3, 4).requires_grad_()
    forward: dict[str, Callable[[], Tensor]] = {
        "batch_norm": lambda: pf.ops.batch_norm(w, pf.zeros(2), pf.ones(2), training=True),
        "attention": lambda: pf.ops.scaled_dot_product_attention(w, w, w),
    }
    forward[layer]().square().sum().backward()
    assert w.grad is not None
    before, address = _core.stats()["donated"], _core.storage(w)
    with pf.no_grad():
        sgd(w, w.grad)
    pf.eval(w)
    assert _core.stats()["donated"] > before and _core.storage(w) == address


def test_updates_that_read_each_others_old_values() -> None:
    a, b = tensor(np.full(16, 1)), tensor(np.full(16, 10))
    next_a = ops.sgd_step_plain(a, b, lr=1.0, weight_decay=0.0, maximize=False)
    next_b = ops.sgd_step_plain(b, a, lr=1.0, weight_decay=0.0, maximize=False)
    _core.assign(a, next_a)
    _core.assign(b, next_b)
    del next_a, next_b
    _core.eval([a, b])
    assert (to_numpy(a) == -9).all()
    assert (to_numpy(b) == 9).all()


# ---- errors while evaluating
def test_out_of_memory_names_op_and_bytes() -> None:
    huge = ops.full(1.0, pf.float32, (10**13,))
    with pytest.raises(MemoryError, match=r"\[full\] .*40000000000000 bytes"):
        _core.eval(huge)
    assert not _core.is_evaluated(huge)
    part = ops.slice(huge, 0, 0, 1, 3)
    temporary = ops.amax(ops.flip(huge, [0]))
    del huge
    with pytest.raises(MemoryError, match=r"cannot allocate \d+ bytes"):
        _core.eval(temporary)
    del temporary  # a pending reader is a reason to store it
    np.testing.assert_array_equal(to_numpy(part), [1, 1, 1])


def test_bad_index_is_found_at_evaluation_and_leaves_tensors_usable() -> None:
    x, w = tensor([1, 2, 3]), tensor([5, 5, 5])
    picked = ops.index_select(x, to_tensor([0, 7], pf.int64), 0)
    good = ops.mul(x, 2.0)
    both = ops.add(ops.sum(picked), good)
    sgd(w, x)
    with pytest.raises(IndexError, match=r"^\[index_select\] "):
        _core.eval([both, w])
    assert not _core.is_evaluated(both)
    np.testing.assert_array_equal(to_numpy(good), [2, 4, 6])
    np.testing.assert_array_equal(to_numpy(w), [4, 3, 2])
    with pytest.raises(IndexError):
        _core.eval(both)


def test_integer_division_by_zero_raises_at_evaluation() -> None:
    quotient = ops.floor_divide(to_tensor([1, 2], pf.int64), to_tensor([1, 0], pf.int64))
    with pytest.raises(RuntimeError, match=r"^\[floor_divide\] "):
        _core.eval(quotient)


def test_nan_and_infinity_flow() -> None:
    x = tensor([np.nan, np.inf, -np.inf, 0])
    fused = ops.add(ops.mul(ops.sub(x, x), 2.0), ops.div(x, x))
    assert np.isnan(to_numpy(fused)).all()
    assert np.isnan(to_numpy(ops.sum(x)))
    assert np.isnan(to_numpy(ops.amax(x)))
    np.testing.assert_array_equal(to_numpy(ops.relu(x)), [np.nan, np.inf, 0, 0])


# ---- modes
def test_graph_limit_holds_outside_and_inside_no_grad() -> None:
    limit = _core.graph_limit()
    try:
        _core.set_graph_limit(50)
        w = tensor([1.0])
        w.requires_grad = True
        y, x = w, tensor([0.0])
        for _ in range(200):
            x, y = ops.add(x, 1.0), ops.mul(y, 1.0)
        live = _core.stats()["live_nodes"]
        assert not _core.is_evaluated(y)  # backward needs it
        with pf.no_grad():
            z = w
            for _ in range(200):
                z = ops.add(z, 1.0)
        assert _core.stats()["live_nodes"] - live < 60
        assert to_numpy(x) == 200
        assert to_numpy(z) == 201
    finally:
        _core.set_graph_limit(limit)


def test_eager_mode_equals_lazy_and_leaves_nothing_pending() -> None:
    def work() -> Tensor:
        x = tensor(np.linspace(-2, 2, 30).reshape(5, 6))
        return ops.softmax(ops.matmul(ops.tanh(x), ops.permute(ops.exp(x), (1, 0))), 1)

    lazy = work()
    assert not _core.is_evaluated(lazy)
    with mode(eager=True):
        eager = work()
        assert _core.is_evaluated(eager)
    np.testing.assert_array_equal(to_numpy(lazy), to_numpy(eager))


def test_random_numbers_do_not_depend_on_threads_or_order() -> None:
    shapes = ((1000,), (300, 500), (7,))

    def draws() -> list[Tensor]:
        return [ops.normal(seed=5, offset=1000 * k, shape=shape, dtype=pf.float32) for k, shape in enumerate(shapes)]

    threads = _core.num_threads()
    try:
        _core.set_num_threads(1)
        forward = [to_numpy(t) for t in draws()]
        _core.set_num_threads(2)
        backward = [to_numpy(t) for t in reversed(draws())][::-1]
        together = draws()
        _core.eval(together)
    finally:
        _core.set_num_threads(threads)
    for one, two, three in zip(forward, backward, together, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, to_numpy(three))
