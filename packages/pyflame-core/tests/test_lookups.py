"""Rows of a table that are taken only to be added up are added where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import hooks


def steps_of(tensor: pf.Tensor) -> list[tuple[str, ...]]:
    steps: list[tuple[str, ...]] = []
    with hooks.register_op_hook(post=lambda event: steps.append(event.ops)):
        pf.eval(tensor)
    return steps


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int16, np.bool_])
@pytest.mark.parametrize("width", [(5,), (64,), (3, 70)])
def test_rows_of_a_table_are_added_in_one_step(width: tuple[int, ...], dtype: type[Any]) -> None:
    rng = np.random.default_rng(0)
    table, base = (rng.integers(0, 2, (rows, *width)).astype(dtype) for rows in (40, 9))
    rows, places = rng.integers(-40, 40, 200), rng.integers(-9, 9, 200)
    found = pf.index_add(pf.tensor(base), 0, pf.tensor(places), pf.index_select(pf.tensor(table), 0, pf.tensor(rows)))
    assert len(steps_of(found)) == 1
    expected = base.copy()
    np.add.at(expected, places, table[rows])
    np.testing.assert_array_equal(found.numpy(), expected)


def test_operands_may_be_strided_and_rows_read_elsewhere_keep_their_value() -> None:
    rng = np.random.default_rng(0)
    table, base = rng.standard_normal((8, 30)), rng.standard_normal((6, 4))
    rows, places = rng.integers(0, 30, 20), rng.integers(0, 4, 20)
    expected = base.T.copy()
    np.add.at(expected, places, table.T[rows][:, :6])
    taken = pf.index_select(pf.tensor(table).T[:, :6], 0, pf.tensor(np.repeat(rows, 2))[::2])
    for kept in ([], [taken]):
        total = pf.index_add(pf.tensor(base).T, 0, pf.tensor(places), taken)
        pf.eval(total, *kept)
        np.testing.assert_allclose(total.numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(taken.numpy(), table.T[rows][:, :6])


@pytest.mark.parametrize("bad", [-5, 4])
def test_an_index_out_of_range_is_named(bad: int) -> None:
    x, good = pf.rand(4, 8), pf.tensor([0, 1, 2, 3])
    for rows, places in ((pf.tensor([0, 1, 2, bad]), good), (good, pf.tensor([0, 1, 2, bad]))):
        with pytest.raises(IndexError, match=f"index {bad} is out of range"):
            pf.index_add(pf.zeros(4, 8), 0, places, pf.index_select(x, 0, rows)).numpy()


def test_sums_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    table = pf.tensor(rng.standard_normal((50, 700)).astype(np.float32))
    rows, places = (pf.tensor(rng.integers(0, size, 900)) for size in (50, 7))
    before, found = pf.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            total = pf.index_add(pf.zeros(7, 700), 0, places, pf.index_select(table, 0, rows))
            found.append(total.numpy().tobytes())
    finally:
        pf.set_num_threads(before)
    assert found[0] == found[1] == found[2]
