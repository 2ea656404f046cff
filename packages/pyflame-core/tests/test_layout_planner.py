"""Planned layouts fit, use the mesh and stay predictable."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from pyflame.layout import LayoutConstraints, LayoutPlanner, MeshLayout


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((), MeshLayout.single_pe()),
        ((0, 9), MeshLayout.single_pe()),
        ((5, 5), MeshLayout.single_pe()),
        ((640,), MeshLayout.col_partition(10)),
        ((64, 64), MeshLayout.grid(8, 8)),
        ((2, 64, 64), MeshLayout.grid(8, 16)),
        ((512, 512, 3, 3), MeshLayout.grid(128, 256, dim_to_pe={-4: 0, -3: 1})),
    ],
)
def test_auto_layout(shape, layout):
    assert MeshLayout.auto(shape) == layout


@given(st.lists(st.integers(1, 5000), max_size=3).map(tuple), st.sampled_from([1, 2, 4, 8]), st.booleans())
def test_planned_layouts_are_valid_and_leave_no_pe_empty(shape, size, square):
    limits = LayoutConstraints(max_memory_per_pe=64 * 1024, prefer_square_tiles=square)
    try:
        layout = LayoutPlanner(limits).plan_layout(shape, size)
    except ValueError:
        assert math.prod(shape) * size > limits.max_memory_per_pe
        return
    layout.validate(shape, size, limits)
    last = layout.tile_shape((layout.pe_rows - 1, layout.pe_cols - 1), shape)
    assert 0 not in last
    if layout.total_pes > 1:
        assert math.prod(layout.tile_shape((0, 0), shape)) >= limits.min_tile_elements


def test_planner_states_why_nothing_fits():
    planner = LayoutPlanner(LayoutConstraints(max_pe_rows=2, max_pe_cols=2))
    with pytest.raises(ValueError, match="needs more than 32,768 B on some PE of every mesh up to 2x2"):
        planner.plan_layout((1000, 1000), 4)


def test_given_dims_are_kept():
    layout = MeshLayout.auto((64, 3, 64), dim_to_pe={0: 0})
    assert layout == MeshLayout.row_partition(64, dim_to_pe={0: 0})


def test_targets_have_48_kib_and_their_largest_rectangle():
    wse2, wse3 = LayoutConstraints.for_target("wse2"), LayoutConstraints.for_target("wse3")
    assert (wse2.max_pe_rows, wse2.max_pe_cols) == (994, 750)
    assert (wse3.max_pe_rows, wse3.max_pe_cols) == (1170, 755)
    assert wse2.max_memory_per_pe == wse3.max_memory_per_pe == 49_152
    with pytest.raises(ValueError, match="choose one of wse2, wse3"):
        LayoutConstraints.for_target("wse1")
    with pytest.raises(ValueError, match="min_tile_elements is 0"):
        LayoutConstraints(min_tile_elements=0)


def test_graph_values_share_the_mesh_of_the_largest():
    specs = {
        "x": ((64, 128), None),
        "w": ((128, 64), None),
        "bias": ((64,), None),
        "kernel": ((256, 8, 1, 1), None),
        "stated": ((64, 64), MeshLayout.single_pe()),
        "loss": ((), None),
    }
    nodes = [
        SimpleNamespace(id=name, output_spec=SimpleNamespace(shape=shape, dtype=4, layout=layout))
        for name, (shape, layout) in specs.items()
    ]
    limits = LayoutConstraints(max_memory_per_pe=4096, max_pe_rows=4, max_pe_cols=4)
    plan = LayoutPlanner(limits).plan_graph_layouts(SimpleNamespace(topological_order=lambda: iter(nodes)))
    assert plan == {
        "x": MeshLayout.grid(4, 4),
        "w": MeshLayout.grid(4, 4),
        "bias": MeshLayout.replicated(4, 4),
        "kernel": MeshLayout.grid(4, 4, dim_to_pe={-4: 0, -3: 1}),
        "stated": MeshLayout.single_pe(),
        "loss": MeshLayout.replicated(4, 4),
    }
    assert LayoutPlanner().plan_graph_layouts(SimpleNamespace(topological_order=list)) == {}
