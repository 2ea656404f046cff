"""Recurrent layers whose cells and gates nobody reads keep one step of them."""

from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf

GATES = {2: 4, 3: 3}  # of the cells LSTM and GRU


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", GATES)
def test_results_do_not_depend_on_what_else_is_read(cell: int, reverse: bool, dtype: type[np.floating]) -> None:
    steps, batch, hidden, gates = 6, 3, 21, GATES[cell]
    rng = np.random.default_rng(cell)
    shapes = [(steps, batch, gates * hidden), (gates * hidden, hidden), (gates * hidden,), (batch, hidden)]
    shapes += [(batch, hidden)] if cell == 2 else []
    operands = [pf.tensor(rng.standard_normal(shape).astype(dtype)) for shape in shapes]

    def run() -> list[pf.Tensor]:
        return list(pf._core.ops.recurrent(operands, cell, reverse))

    every = [part.numpy() for part in pf.eval(*run())]
    for k, expected in enumerate(every):
        np.testing.assert_array_equal(run()[k].numpy(), expected)
