"""Layouts on tensors: stating them, following them, keeping values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core, _layouts
from pyflame.layout import MeshLayout

GRID = MeshLayout.grid(2, 2)
ROWS = MeshLayout.row_partition(4)


def placed(shape: tuple[int, ...] = (4, 4), layout: MeshLayout = GRID) -> Any:
    return pf.to_layout(pf.tensor(np.arange(np.prod(shape), dtype=np.float32).reshape(shape)), layout)


def test_layout_is_part_of_the_type() -> None:
    x = pf.ones(4, 4)
    assert x.layout is None
    y = x.to_layout(GRID)
    assert y.layout == GRID and y.shape == (4, 4) and x.layout is None
    assert pf.to_layout(y, GRID) is y and pf.to_layout(y, None).layout is None


def test_factories_take_a_layout() -> None:
    assert pf.zeros(4, 4, layout=GRID).layout == GRID
    assert pf.tensor([[1.0, 2.0]], layout=ROWS).layout == ROWS
    assert pf.zeros_like(pf.ones(4, 4, layout=GRID)).layout == GRID
    assert pf.rand_like(pf.ones(4, 4, layout=GRID)).layout == GRID
    x = pf.ones(4, 4)
    likes = (pf.rand_like, pf.randn_like, lambda x, layout: pf.randint_like(x, 3, layout=layout))
    assert all(like(x, layout=GRID).layout == GRID for like in likes)
    new = (x.new_zeros, x.new_ones, x.new_empty, lambda size, layout: x.new_full(size, 2, layout=layout))
    assert all(make((4, 4), layout=GRID).layout == GRID for make in new)
    assert x.new_tensor([[1, 2]], layout=GRID).layout == GRID and pf.randperm(4, layout=ROWS).layout == ROWS
    x = pf.ones(2)
    assert _layouts.apply_layout(x, None) is x


def test_wrong_layouts_are_refused() -> None:
    with pytest.raises(TypeError, match="must be a MeshLayout, got str"):
        pf.to_layout(pf.ones(2), "grid")


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x + 1.0, GRID),
        (lambda x: x.exp(), GRID),
        (lambda x: x + x, GRID),
        (lambda x: pf.where(x > 1.0, x, 0.0), GRID),
        (lambda x: x.sum(0), MeshLayout.grid(2, 2, dim_to_pe={-1: 1})),
        (lambda x: x.sum(1, keepdim=True), MeshLayout.grid(2, 2, dim_to_pe={-2: 0})),
        (lambda x: x.sum(), MeshLayout.replicated(2, 2)),
        (lambda x: pf.softmax(x, dim=1), GRID),
        (lambda x: x.T, MeshLayout.grid(2, 2, dim_to_pe={-1: 0, -2: 1})),
        (lambda x: pf.matmul(x, x), GRID),
        (lambda x: pf.cat([x, x], 0), GRID),
        (lambda x: x.tril(), GRID),
        (lambda x: x.double(), GRID),
    ],
)
def test_results_follow(function: Callable[[Any], Any], expected: MeshLayout) -> None:
    for x in (placed(), placed().exp()):
        layout = function(x).layout
        assert layout is not None
        shape = function(x).shape
        tiles = [layout.tile_shape((r, c), shape) for r in range(2) for c in range(2)]
        assert tiles == [expected.tile_shape((r, c), shape) for r in range(2) for c in range(2)]


def test_operands_that_do_not_fit_are_moved_visibly() -> None:
    graph = pf.get_graph(placed(layout=ROWS).exp() + placed().exp())
    moves = [node for node in graph if node.op_type == "to_layout"]
    assert len(moves) == 1 and graph.node(graph.outputs[0].node_id).output_layout == moves[0].output_layout
    graph.validate()


def test_operands_without_a_layout_are_not_moved() -> None:
    graph = pf.get_graph(pf.eval(pf.ones(4, 4)) * 1.0 + placed())
    assert all(node.op_type != "to_layout" for node in graph)
    assert graph.node(graph.outputs[0].node_id).output_layout == GRID


@pytest.mark.parametrize("layout", [GRID, ROWS, MeshLayout.replicated(2, 3), MeshLayout.block_cyclic(2, 2, 1, 1)])
def test_values_and_gradients_do_not_change(layout: MeshLayout) -> None:
    def run(place: Callable[[Any], Any]) -> tuple[Any, Any]:
        x = pf.tensor(np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4), requires_grad=True)
        y = pf.matmul(place(x).tanh(), x.T).sum(0, keepdim=True) + place(x * 2.0)
        y.square().sum().backward()
        return y.detach().numpy(), x.grad.numpy()

    for got, expected in zip(run(lambda t: pf.to_layout(t, layout)), run(lambda t: t)):
        np.testing.assert_array_equal(got, expected)


def test_gradients_come_back_in_the_layout_of_the_operand() -> None:
    x = placed(layout=ROWS).requires_grad_()
    pf.to_layout(x, GRID).sum().backward()
    assert x.grad.layout == ROWS and x.grad.tolist() == [[1.0] * 4] * 4


def test_layouts_survive_evaluation() -> None:
    x = placed().exp()
    pf.eval(x)
    assert x.layout == GRID and (x + 1.0).layout == GRID


def test_tracing_keeps_layouts() -> None:
    traced = pf.trace(lambda a, b: a + b, (placed(), placed(layout=ROWS)))
    assert [spec.layout for spec in traced.input_specs] == [GRID, ROWS]
    assert "to_layout" in [node.op_type for node in traced.graph]
    assert traced(pf.ones(4, 4), pf.ones(4, 4)).layout is not None
    again = pf.Graph.from_json(traced.graph.to_json())
    assert again.fingerprint() == traced.graph.fingerprint()


def test_equal_layouts_have_one_number() -> None:
    number = _layouts.layout_number(MeshLayout.grid(3, 5))
    assert _layouts.layout_number(MeshLayout.grid(3, 5)) == number
    assert _layouts.layout_by_number(number) == MeshLayout.grid(3, 5)
    assert _layouts.layout_number(None) == 0 and _core.layout_id(pf.ones(2)) == 0
    with pytest.raises(ValueError, match="no layout number"):
        _layouts.layout_by_number(60000)


def test_queries_on_tensors() -> None:
    x = placed((10, 8), MeshLayout.grid(4, 4))
    assert pf.get_tile_shape(x, (3, 0)) == (1, 2)
    assert pf.memory_usage_per_pe(x)["total"] == 320
    assert pf.get_tile_shape(pf.ones(3)) == (3,)
