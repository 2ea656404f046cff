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


def test_rows_come_with_gradients_and_are_counted() -> None:
    first, second, idle = pf.zeros(2), pf.ones(3), pf.ones(1)
    first.grad, second.grad = pf.full((2,), 5.0), pf.full((3,), 6.0)
    state = {first: {"step": 1, "m": pf.zeros(2)}, second: {"step": 7, "m": pf.zeros(3)}}
    rows = pf.ops.update_rows([first, second, idle], state, ("m",), "step")
    assert rows is not None and list(rows) == [2, 8]
    assert [part is given for part, given in zip(rows[2][0], (first, first.grad, state[first]["m"]))] == [True] * 3
    assert rows[8][0][0] is second and [entry["step"] for entry in state.values()] == [2, 8]
    uncounted = pf.ops.update_rows([first, second], state, ("m",))
    assert (
        uncounted is not None and [row[0] is given for row, given in zip(uncounted[0], (first, second))] == [True] * 2
    )
    assert pf.ops.update_rows([idle], {}, ()) == {}


def test_rows_without_all_state_are_not_counted() -> None:
    first, second = pf.zeros(2), pf.ones(3)
    first.grad, second.grad = pf.full((2,), 5.0), pf.full((3,), 6.0)
    state = {first: {"step": 1, "m": pf.zeros(2)}, second: {"step": 7}}
    assert pf.ops.update_rows([first, second], state, ("m",), "step") is None
    assert pf.ops.update_rows([first], {}, (), "step") is None
    assert state[first]["step"] == 1
    with pytest.raises(KeyError, match="count"):
        pf.ops.update_rows([first], state, ("m",), "count")
    with pytest.raises(TypeError, match="params: expected tensors, got int"):
        pf.ops.update_rows([3], state, ("m",))  # type: ignore[list-item]
    with pytest.raises(TypeError, match="a dict for each parameter, got list"):
        pf.ops.update_rows([first], {first: []}, ("m",))  # type: ignore[dict-item]
