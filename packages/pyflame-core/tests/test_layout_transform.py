"""Compatibility, kinds of layout change and their cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from pyflame.layout import MeshLayout, TransformKind

SINGLE = MeshLayout.single_pe()
ROWS = MeshLayout.row_partition(2)
COLS = MeshLayout.col_partition(2)
GRID = MeshLayout.grid(2, 2)
COPIES = MeshLayout.replicated(2, 2)
CYCLIC = MeshLayout.block_cyclic(2, 2, 1, 1)
CHECKERED = MeshLayout.custom(2, 2, lambda index, shape: (sum(index) % 2, 0))
ALL = [SINGLE, ROWS, COLS, GRID, COPIES, CYCLIC, CHECKERED, MeshLayout.grid(3, 2), MeshLayout.replicated(1, 3)]


@pytest.mark.parametrize(
    ("source", "target", "kind", "cost"),
    [
        (GRID, GRID, TransformKind.NONE, 0),
        (SINGLE, MeshLayout.grid(1, 1), TransformKind.NONE, 0),
        (COPIES, GRID, TransformKind.SLICE, 0),
        (COPIES, SINGLE, TransformKind.SLICE, 0),
        (SINGLE, COPIES, TransformKind.BROADCAST, 3 * 64),
        (COPIES, MeshLayout.replicated(2, 3), TransformKind.BROADCAST, 2 * 64),
        (SINGLE, GRID, TransformKind.SCATTER, 48),
        (GRID, SINGLE, TransformKind.GATHER, 48),
        (GRID, COPIES, TransformKind.ALL_GATHER, 4 * 48),
        (ROWS, COLS, TransformKind.REDISTRIBUTE, 48),
        (GRID, CYCLIC, TransformKind.REDISTRIBUTE, 48),
        (ROWS, GRID, TransformKind.REDISTRIBUTE, 32),
        (ROWS, MeshLayout.grid(2, 1), TransformKind.REDISTRIBUTE, 0),
        (SINGLE, CHECKERED, TransformKind.SCATTER, 32),
        (CHECKERED, COPIES, TransformKind.ALL_GATHER, 32 + 32 + 64 + 64),
    ],
)
def test_transform_kind_and_cost_of_16_floats(source, target, kind, cost):
    transform = source.transform_to(target)
    assert transform.kind is kind
    assert transform.cost((4, 4), 4) == cost


@given(st.sampled_from(ALL), st.sampled_from(ALL), st.lists(st.integers(0, 5), max_size=3).map(tuple))
def test_cost_counts_what_each_target_pe_lacks(source, target, shape):
    ids = np.arange(math.prod(shape)).reshape(shape)
    lacking = 0
    for row in range(target.pe_rows):
        for col in range(target.pe_cols):
            needed = set(ids[target.tile_indices((row, col), shape)].ravel().tolist())
            if row < source.pe_rows and col < source.pe_cols:
                needed -= set(ids[source.tile_indices((row, col), shape)].ravel().tolist())
            lacking += len(needed)
    assert source.transform_to(target).cost(shape, 4) == 4 * lacking


@given(st.sampled_from(ALL), st.sampled_from(ALL), st.lists(st.integers(0, 5), max_size=3).map(tuple))
def test_compatible_layouts_need_no_traffic_one_way(a, b, shape):
    assert a.compatible_with(b) == b.compatible_with(a)
    if a.compatible_with(b):
        assert 0 in (a.transform_to(b).cost(shape, 1), b.transform_to(a).cost(shape, 1))


def test_cost_of_a_full_wafer_is_arithmetic():
    wafer = MeshLayout.grid(994, 750)
    assert SINGLE.transform_to(wafer).cost((100_000, 50_000), 2) == 2 * (100_000 * 50_000 - 101 * 67)
