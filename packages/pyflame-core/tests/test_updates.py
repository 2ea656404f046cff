"""Updates of many parameters run as one loop: the bits of single updates, and nothing taken that is still read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.bridge import bits

Row = tuple[pf.Tensor, ...]
ADAM = (1e-2, 0.9, 0.999, 1e-8, 0.01, 1 - 0.9**3, 1 - 0.999**3)

UPDATES: dict[str, tuple[int, Callable[[list[Row]], None]]] = {
    "sgd": (2, lambda rows: pf.ops.sgd_update(rows, 0.1, weight_decay=0.01)),
    "momentum": (3, lambda rows: pf.ops.sgd_update(rows, 0.1, 0.9, 0.1, 0.01)),
    "nesterov": (3, lambda rows: pf.ops.sgd_update(rows, 0.1, 0.9, nesterov=True)),
    "adam": (4, lambda rows: pf.ops.adam_update(rows, *ADAM)),
    "adamw": (4, lambda rows: pf.ops.adam_update(rows, *ADAM, decoupled=True)),
    "amsgrad": (5, lambda rows: pf.ops.adam_update(rows, *ADAM, amsgrad=True)),
}


def rows_of(count: int, operands: int, sizes: tuple[int, ...], dtype: pf.DType = pf.float32) -> list[Row]:
    rng = np.random.default_rng(0)

    def part(size: int, k: int) -> pf.Tensor:
        values = rng.standard_normal(size)
        return pf.tensor(np.abs(values) if k > 1 else values, dtype=dtype)  # moments are not negative

    return [tuple(part(sizes[row % len(sizes)], k) for k in range(operands)) for row in range(count)]


def values(rows: list[Row]) -> list[bytes]:
    return [bits(part) for row in rows for part in row]


@pytest.mark.parametrize("name", UPDATES)
def test_many_updates_at_once_have_the_bits_of_single_ones(name: str) -> None:
    operands, update = UPDATES[name]
    for dtype in (pf.float32, pf.float64, pf.bfloat16):
        for count, sizes in ((3, (5, 16, 1)), (70, (7, 33)), (4, (40_000, 3, 16_384))):
            together, apart = (rows_of(count, operands, sizes, dtype) for _ in range(2))
            for _ in range(2):
                update(together)
                pf.eval(*(part for row in together for part in row))
                for row in apart:
                    update([row])
                    pf.eval(*row)
            assert values(together) == values(apart), f"{name}, {dtype}, {count} parameters"


def test_updates_do_not_depend_on_threads() -> None:
    found = set()
    before = pf.get_num_threads()
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            rows = rows_of(5, 4, (50_000, 10, 20_000))
            UPDATES["adam"][1](rows)
            pf.eval(*(part for row in rows for part in row))
            found.add(tuple(values(rows)))
    finally:
        pf.set_num_threads(before)
    assert len(found) == 1


def test_updates_that_depend_on_each_other_run_in_order() -> None:
    rows, expected = (rows_of(2, 4, (100,)) for _ in range(2))
    for _ in range(3):  # one plan: every update reads what the one before it made
        UPDATES["adam"][1](rows)
        UPDATES["adam"][1](expected)
        pf.eval(*(part for row in expected for part in row))
    pf.eval(*(part for row in rows for part in row))
    assert values(rows) == values(expected)


def test_a_gradient_that_is_another_parameter_is_read_before_it_changes() -> None:
    first, second = pf.full((200,), 2.0), pf.full((200,), 3.0)
    pf.eval(first, second)
    pf.ops.sgd_update([(first, second), (second, pf.ones(200))], 0.5)
    pf.eval(first, second)
    assert first.tolist() == [0.5] * 200 and second.tolist() == [2.5] * 200


def test_gradients_that_are_copied_first() -> None:
    wide = pf.tensor(np.random.default_rng(0).standard_normal((30, 20)), dtype=pf.float32)
    parameters: list[Any] = [pf.zeros(20, 30), pf.zeros(600), pf.zeros(20, 30)]
    pf.ops.sgd_update([(parameters[0], wide.T), (parameters[1], wide.reshape(600) * 1.0), (parameters[2], wide.T)], 1.0)
    for parameter, gradient in zip(parameters, (wide.T, wide.reshape(600), wide.T), strict=True):
        np.testing.assert_array_equal(parameter.numpy(), -gradient.numpy())


def test_parameters_with_a_gradient_are_updated_and_counted() -> None:
    first, second, idle = pf.zeros(2), pf.ones(3), pf.ones(1)
    first.grad, second.grad = pf.full((2,), 5.0), pf.full((3,), 6.0)
    state = {first: {"step": 1, "v": pf.zeros(2)}, second: {"step": 7, "v": pf.ones(3)}}
    asked = []

    def attributes(step: int) -> tuple[float, ...]:
        asked.append(step)
        return (float(step), 0.5, 0.0, 0.0, False, False, False)

    updated = pf.ops.update_params("sgd_step", [first, second, idle], state, ("v",), attributes, "step")
    assert updated is not None and [found is given for found, given in zip(updated, (first, second))] == [True] * 2
    assert asked == [2, 8] and [entry["step"] for entry in state.values()] == [2, 8]
    assert (first.tolist(), second.tolist(), idle.tolist()) == ([-10.0] * 2, [1 - 8 * 6.5] * 3, [1.0])
    assert [entry["v"].tolist() for entry in state.values()] == [[5.0] * 2, [6.5] * 3]
    assert pf.ops.update_params("sgd_step", [idle], {}, ("v",), attributes, "step") == []
    assert pf.ops.update_params("sgd_step_plain", [second], {}, (), (1.0, 0.0, False)) is not None
    assert second.tolist() == [1 - 8 * 6.5 - 6] * 3


def test_nothing_is_updated_or_counted_where_state_is_missing() -> None:
    first, second = pf.zeros(2), pf.ones(3)
    first.grad, second.grad = pf.full((2,), 5.0), pf.full((3,), 6.0)
    state = {first: {"step": 1, "v": pf.zeros(2)}, second: {"step": 7}}
    attrs = (1.0, 0.5, 0.0, 0.0, False, False, False)

    def update(params: list[Any], state: dict[Any, Any], keys: tuple[str, ...] = ("v",), counter: Any = None) -> Any:
        return pf.ops.update_params("sgd_step", params, state, keys, (lambda _: attrs) if counter else attrs, counter)

    assert update([first, second], state, counter="step") is None
    assert update([first], {}, counter="step") is None
    assert (state[first]["step"], first.tolist()) == (1, [0.0, 0.0])
    with pytest.raises(KeyError, match="count"):
        update([first], state, counter="count")
    with pytest.raises(TypeError, match="params: expected tensors, got int"):
        update([3], state)
    with pytest.raises(TypeError, match="a dict for each parameter, got list"):
        update([first], {first: []})
    with pytest.raises(TypeError, match="sgd_step has 1 states, got 2 keys"):
        update([first], state, ("v", "w"))
    with pytest.raises(TypeError, match=r"\[sgd_step\] takes 7 attributes, got 1"):
        pf.ops.update_params("sgd_step", [first], state, ("v",), (1.0,))
    with pytest.raises(TypeError, match="the function of an update op"):
        pf.ops.update_params("add", [first], state, (), ())
    with pytest.raises(RuntimeError, match=r"\[sgd_step\]"):
        update([first], {first: {"v": pf.zeros(3)}})


def test_gradients_are_found_and_forgotten() -> None:
    first, second = pf.zeros(2), pf.ones(3)
    first.grad = pf.full((2,), 5.0)
    found, undo = pf.ops.start_step([{"params": [first, second]}, {"params": [second]}], [], {}, False)
    assert [[tensor is first for tensor in tensors] for tensors in found] == [[True], []] and undo is not None
    pf.ops.forget_grads([first, second])
    assert first.grad is None
    with pytest.raises(TypeError, match="expected tensors, got int"):
        pf.ops.forget_grads([3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="params: expected tensors, got int"):
        pf.ops.start_step([{"params": [3]}], [], {}, False)
    with pytest.raises(TypeError, match='dicts with "params"'):
        pf.ops.start_step([{}], [], {}, False)
    with pytest.raises(TypeError, match="waiting: expected tensors"):
        pf.ops.start_step([], [3], {}, True)  # type: ignore[list-item]


def test_the_loss_is_evaluated_with_the_gradients_of_few_parameters() -> None:
    def started(elements: int, in_place: bool, keep: bool = True) -> tuple[bool, bool, int]:
        p = pf.ones(elements, requires_grad=True)
        loss = (p * p).sum()
        loss.backward()
        if not keep:
            del loss
        waiting: list[pf.Tensor] = []
        pf.ops.start_step([{"params": [p]}], waiting, {}, in_place)
        assert p.grad is not None
        return keep and loss.is_evaluated(), p.grad.is_evaluated(), len(waiting)

    assert started(10, True) == (True, True, 1)
    assert started(10, False) == (False, False, 1)
    assert started(2**18 + 1, True) == (False, False, 1)
    assert started(10, True, keep=False) == (False, True, 0)
    waiting: list[pf.Tensor] = []
    pf.ops.start_step([], waiting, {}, True)
    assert waiting == []  # it was asked for before


ADAM_STATE = ("m", "v")


class Model:
    """A parameter with gradient and state, evaluated."""

    def __init__(self, size: int = 20, dtype: pf.DType = pf.float32) -> None:
        (row,) = rows_of(1, 4, (size,), dtype)
        pf.eval(*row)
        self.param, self.param.grad = row[0], row[1]
        self.state = {row[0]: dict(zip(ADAM_STATE, row[2:]))}

    def update(self) -> None:
        assert pf.ops.update_params("adam_step", [self.param], self.state, ADAM_STATE, (*ADAM, False, False))

    def parts(self) -> list[pf.Tensor]:
        return [self.param, *self.state[self.param].values()]


def test_updates_of_what_nothing_else_sees_run_at_once_and_in_place() -> None:
    for dtype in (pf.float32, pf.float64, pf.bfloat16):
        for size in (1, 20, 70_000):
            now, later = Model(size, dtype), Model(size, dtype)
            places, versions = [part.data_ptr() for part in now.parts()], [part._version for part in now.parts()]
            now.update()
            assert all(part.is_evaluated() for part in now.parts())
            assert [part.data_ptr() for part in now.parts()] == places
            assert [part._version for part in now.parts()] == [version + 1 for version in versions]
            with pf.graph_scope():  # what is collected goes through a graph
                later.update()
            assert not any(part.is_evaluated() for part in later.parts())
            assert list(map(bits, now.parts())) == list(map(bits, later.parts()))


@pytest.mark.parametrize("kind", ["pending", "view", "detached", "array", "shared state"])
def test_what_others_see_is_not_overwritten(kind: str) -> None:
    model = Model()
    before = model.param.numpy().copy()
    expected = Model()
    expected.update()
    shown: Any = None
    if kind == "pending":
        shown = model.param * 1.0
    elif kind == "view":
        shown = model.param[:5]
    elif kind == "detached":
        shown = model.param.detach()
    elif kind == "array":
        shown = model.param.numpy()
    else:
        shared = model.state[model.param]["m"]
        model.state[model.param]["m"] = model.state[model.param]["v"] = shared
    model.update()
    if kind == "pending":
        np.testing.assert_array_equal(shown.numpy(), before)
    elif kind == "view":  # shares the parameter's memory, as everywhere
        np.testing.assert_array_equal(shown.numpy(), expected.param.numpy()[:5])
    elif kind == "detached":
        np.testing.assert_array_equal(shown.numpy(), expected.param.numpy())
    if kind != "shared state":
        assert bits(model.param) == bits(expected.param)


def test_a_backward_over_an_overwritten_parameter_is_refused() -> None:
    model = Model()
    model.param.requires_grad = True
    product = (model.param * model.param).sum()
    with pf.no_grad():
        model.update()
    with pytest.raises(RuntimeError, match="changed in place"):
        product.backward()


def test_updates_in_place_that_depend_on_each_other() -> None:
    first, second = pf.full((200,), 2.0), pf.full((200,), 3.0)
    pf.eval(first, second)
    first.grad, second.grad = second, first
    pf.ops.update_params("sgd_step_plain", [first, second], {}, (), (0.5, 0.0, False))
    assert (first.tolist(), second.tolist()) == ([0.5] * 200, [2.75] * 200)
    shared = pf.eval(pf.ones(200))
    first.grad = second.grad = shared
    pf.ops.update_params("sgd_step_plain", [first, second], {}, (), (0.5, 0.0, False))
    assert (first.tolist(), second.tolist()) == ([0.0] * 200, [2.25] * 200)


def test_what_was_derived_from_a_parameter_goes_with_its_old_value() -> None:
    rng = np.random.default_rng(0)
    x, w = (pf.tensor(rng.standard_normal(shape), dtype=pf.float32) for shape in ((96, 128), (128, 128)))
    w.grad = pf.eval(pf.ones(128, 128))
    for _ in range(6):  # enough for its order to be kept
        product = (x @ w.T).numpy()
    assert pf.ops.update_params("sgd_step_plain", [w], {}, (), (1.0, 0.0, False)) is not None
    np.testing.assert_allclose((x @ w.T).numpy(), product - x.numpy().sum(1, keepdims=True), rtol=1e-4, atol=1e-4)


def test_pending_changes_are_taken_back_to_the_first_operand() -> None:
    kept = pf.eval(pf.tensor([1.0, 2.0]))
    moved, other, evaluated = kept.clone(), pf.eval(pf.ones(2)), pf.eval(pf.ones(2))
    pf.eval(moved)
    view = moved[:1]
    for _ in range(3):
        pf.ops.assign(moved, moved * 0.5 + 1.0)
    pf.ops.assign(other, pf.cat([pf.zeros(1), other[:1]]) * 2.0)  # begins with a value of another shape
    pf.ops.take_back([moved, other, evaluated])
    assert (moved.tolist(), view.tolist(), other.tolist(), evaluated.tolist()) == ([1, 2], [1], [0, 2], [1, 1])
    with pytest.raises(TypeError, match="expected tensors, got int"):
        pf.ops.take_back([3])  # type: ignore[list-item]
