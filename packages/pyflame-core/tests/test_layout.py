"""Placement of elements: partition, round trips, sizes and errors."""

from __future__ import annotations

import copy
import json
import math
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from pyflame.layout import LayoutConstraints, LayoutType, MeshLayout, PECoord, get_tile_shape, memory_usage_per_pe


def spread(index, shape):
    return sum(index) % 2, sum(index) % 3


each_kind = pytest.mark.parametrize("kind", LayoutType)
CONTIGUOUS = (LayoutType.SINGLE_PE, LayoutType.ROW_PARTITION, LayoutType.COL_PARTITION, LayoutType.GRID)
shapes = st.lists(st.sampled_from([1, 2, 3, 4, 5, 7, 0]), max_size=3).map(tuple)
counts = st.integers(1, 5)


@st.composite
def layouts(draw, kind, ndim):
    rows, cols, block_rows, block_cols = (draw(counts) for _ in range(4))
    axes = draw(st.permutations([0, 1]))
    dims = draw(st.lists(st.integers(-ndim, ndim - 1), max_size=2, unique_by=lambda dim: dim % ndim)) if ndim else []
    pairs = dict(zip(dims, axes, strict=False)) or None
    match kind:
        case LayoutType.SINGLE_PE:
            return MeshLayout.single_pe()
        case LayoutType.ROW_PARTITION:
            return MeshLayout.row_partition(rows, dim_to_pe=pairs)
        case LayoutType.COL_PARTITION:
            return MeshLayout.col_partition(cols, dim_to_pe=pairs)
        case LayoutType.GRID:
            return MeshLayout.grid(rows, cols, dim_to_pe=pairs)
        case LayoutType.REPLICATED:
            return MeshLayout.replicated(rows, cols)
        case LayoutType.BLOCK_CYCLIC:
            return MeshLayout.block_cyclic(rows, cols, block_rows, block_cols, dim_to_pe=pairs)
        case LayoutType.CUSTOM:
            return MeshLayout.custom(rows + 1, cols + 2, spread)


@st.composite
def placed(draw, kind):
    shape = draw(shapes)
    return draw(layouts(kind, len(shape))), shape


def mesh(layout):
    return [PECoord(row, col) for row in range(layout.pe_rows) for col in range(layout.pe_cols)]


def element_ids(shape):
    return np.arange(math.prod(shape)).reshape(shape)


@each_kind
@given(st.data())
def test_tiles_hold_every_element_equally_often(kind, data):
    layout, shape = data.draw(placed(kind))
    copies = layout.total_pes
    if layout.type is not LayoutType.CUSTOM:
        row_dim, col_dim = layout.split_dims(len(shape))
        copies = (layout.pe_rows if row_dim is None else 1) * (layout.pe_cols if col_dim is None else 1)
    elif shape:
        copies = 1
    tiles = [element_ids(shape)[layout.tile_indices(pe, shape)].ravel() for pe in mesh(layout)]
    assert np.bincount(np.concatenate(tiles), minlength=math.prod(shape)).tolist() == [copies] * math.prod(shape)


@each_kind
@given(st.data())
def test_default_split_leaves_no_replicas_in_two_dimensions(kind, data):
    layout, shape = data.draw(placed(kind))
    if layout.dim_to_pe is None and layout.type is not LayoutType.REPLICATED and len(shape) >= 2:
        held = sum(math.prod(layout.tile_shape(pe, shape)) for pe in mesh(layout))
        assert held == math.prod(shape)


@each_kind
@given(st.data())
def test_tile_shape_matches_indices_and_memory(kind, data):
    layout, shape = data.draw(placed(kind))
    sizes = []
    for pe in mesh(layout):
        tile = layout.tile_shape(pe, shape)
        assert min(tile, default=0) >= 0
        assert element_ids(shape)[layout.tile_indices(pe, shape)].shape == tile
        sizes.append(math.prod(tile))
    assert layout.memory_per_pe(shape, 4) == 4 * max(sizes)


@each_kind
@given(st.data())
def test_element_position_round_trips(kind, data):
    layout, shape = data.draw(placed(kind))
    for index in np.ndindex(shape):
        pe, local = layout.pe_for_element(index, shape), layout.local_indices(index, shape)
        assert layout.global_indices(pe, local, shape) == index
        picked = element_ids(shape)[layout.tile_indices(pe, shape)]
        assert picked[local] == element_ids(shape)[index]


@pytest.mark.parametrize("kind", CONTIGUOUS)
@given(st.data())
def test_slices_cut_the_same_tile_as_indices(kind, data):
    layout, shape = data.draw(placed(kind))
    ids = element_ids(shape)
    for pe in mesh(layout):
        np.testing.assert_array_equal(ids[layout.tile_slices(pe, shape)], ids[layout.tile_indices(pe, shape)])


@each_kind
@given(st.data())
def test_text_and_dict_round_trip(kind, data):
    layout, _ = data.draw(placed(kind))
    owner = layout.owner_fn
    assert MeshLayout.parse(str(layout), owner_fn=owner) == layout
    assert MeshLayout.parse(repr(layout), owner_fn=owner) == layout
    assert MeshLayout.from_dict(json.loads(json.dumps(layout.to_dict())), owner_fn=owner) == layout
    for twin in (copy.deepcopy(layout), pickle.loads(pickle.dumps(layout))):
        assert twin == layout
        assert hash(twin) == hash(layout)


@pytest.mark.parametrize(
    ("layout", "shape", "tiles"),
    [
        (MeshLayout.row_partition(4), (10, 2), [(3, 2), (3, 2), (3, 2), (1, 2)]),
        (MeshLayout.row_partition(4), (5,), [(2,), (2,), (1,), (0,)]),
        (MeshLayout.col_partition(3), (2, 7), [(2, 3), (2, 3), (2, 1)]),
        (MeshLayout.grid(2, 2), (3,), [(2,), (1,), (2,), (1,)]),
        (MeshLayout.grid(2, 2), (9, 3, 3), [(9, 2, 2), (9, 2, 1), (9, 1, 2), (9, 1, 1)]),
        (MeshLayout.grid(2, 2, dim_to_pe={0: 1}), (3, 3), [(2, 3), (1, 3), (2, 3), (1, 3)]),
        (MeshLayout.grid(2, 2), (), [()] * 4),
        (MeshLayout.row_partition(2), (0, 3), [(0, 3), (0, 3)]),
        (MeshLayout.row_partition(3), (1, 1), [(1, 1), (0, 1), (0, 1)]),
        (MeshLayout.block_cyclic(2, 1, 2, 1), (7, 1), [(4, 1), (3, 1)]),
        (MeshLayout.custom(2, 3, spread), (), [()] * 6),
        (MeshLayout.custom(2, 3, spread), (2,), [(1,), (0,), (0,), (0,), (1,), (0,)]),
    ],
)
def test_tile_shapes_of_uneven_splits(layout, shape, tiles):
    assert [layout.tile_shape(pe, shape) for pe in mesh(layout)] == tiles


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("grid(4,4)", MeshLayout.grid(4, 4)),
        (" MeshLayout.grid(rows=2, cols=3) ", MeshLayout.grid(2, 3)),
        ("grid(2, 2, dim_to_pe={0: 1})", MeshLayout.grid(2, 2, dim_to_pe={0: 1})),
        ("block_cyclic(2, 2, 4, 8)", MeshLayout.block_cyclic(2, 2, 4, 8)),
        ("single_pe()", MeshLayout.single_pe()),
    ],
)
def test_parse_reads_calls(text, layout):
    assert MeshLayout.parse(text) == layout


@pytest.mark.parametrize(
    "text", ["", "grid", "grid(4)", "mesh(4, 4)", "auto((4, 4))", "grid(x, 4)", "grid(0, 4)", "grid(**{})", "1 + 1"]
)
def test_parse_refuses_other_text(text):
    with pytest.raises(ValueError, match=r"^\[layout\] "):
        MeshLayout.parse(text)


def test_reading_never_chooses_the_owner_function():
    layout = MeshLayout.custom(2, 3, spread)
    for read, stored in ((MeshLayout.parse, str(layout)), (MeshLayout.from_dict, layout.to_dict())):
        with pytest.raises(ValueError, match="pass owner_fn="):
            read(stored)
        with pytest.raises(ValueError, match="was made with"):
            read(stored, owner_fn=mesh)


def test_unnamed_owner_function_is_not_stored():
    with pytest.raises(ValueError, match="define it with def at module level"):
        MeshLayout.custom(1, 1, lambda index, shape: (0, 0)).to_dict()


def test_equality_is_structural_and_by_owner_identity():
    assert MeshLayout.grid(2, 2) == MeshLayout(LayoutType.GRID, np.int64(2), 2)
    assert MeshLayout.grid(2, 2) != MeshLayout.replicated(2, 2)
    assert MeshLayout.grid(2, 2, dim_to_pe={1: 0, 0: 1}) == MeshLayout.grid(2, 2, dim_to_pe=[(0, 1), (1, 0)])
    assert MeshLayout.replicated(2, 2, dim_to_pe={0: 0}) == MeshLayout.replicated(2, 2)
    assert MeshLayout.custom(2, 3, spread) == MeshLayout.custom(2, 3, spread)
    assert MeshLayout.custom(2, 3, spread) != MeshLayout.custom(2, 3, lambda index, shape: (0, 0))
    with pytest.raises(AttributeError):
        MeshLayout.grid(2, 2).pe_rows = 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MeshLayout.grid(0, 2), ValueError, "pe_rows is 0"),
        (lambda: MeshLayout.grid(2.0, 2), TypeError, "pe_rows is 2.0"),
        (lambda: MeshLayout.grid(True, 2), TypeError, "pe_rows is True"),
        (lambda: MeshLayout.block_cyclic(2, 2, 0, 1), ValueError, "block_row_size is 0"),
        (lambda: MeshLayout(LayoutType.GRID, 2, 2, 1, 1), ValueError, "use block_cyclic"),
        (lambda: MeshLayout(LayoutType.ROW_PARTITION, 2, 2), ValueError, "use grid"),
        (lambda: MeshLayout(LayoutType.CUSTOM, 2, 2), ValueError, "only custom"),
        (lambda: MeshLayout.grid(2, 2, dim_to_pe={}), ValueError, "use replicated"),
        (lambda: MeshLayout.grid(2, 2, dim_to_pe={0: 2}), ValueError, "mesh axis"),
        (lambda: MeshLayout.grid(2, 2, dim_to_pe={0: 0, 1: 0}), ValueError, "one to each"),
        (lambda: MeshLayout.grid(2, 2, dim_to_pe={2: 0}).tile_shape((0, 0), (4, 4)), IndexError, "2 dimensions"),
        (lambda: MeshLayout.grid(2, 2, dim_to_pe={0: 0, -1: 1}).tile_shape((0, 0), (4,)), ValueError, "both mesh"),
        (lambda: MeshLayout.grid(2, 2).tile_shape((2, 0), (4, 4)), IndexError, "outside the 2x2 mesh"),
        (lambda: MeshLayout.grid(2, 2).tile_shape((-1, 0), (4, 4)), IndexError, "outside the 2x2 mesh"),
        (lambda: MeshLayout.grid(2, 2).tile_shape((0, 0), (-1, 4)), ValueError, "negative size"),
        (lambda: MeshLayout.grid(2, 2).pe_for_element((4, 0), (4, 4)), IndexError, "outside shape"),
        (lambda: MeshLayout.grid(2, 2).pe_for_element((0,), (4, 4)), IndexError, "1 entries"),
        (lambda: MeshLayout.grid(2, 2).global_indices((0, 0), (2, 0), (4, 4)), IndexError, "outside shape"),
        (lambda: MeshLayout.block_cyclic(2, 2, 1, 1).tile_slices((0, 0), (4, 4)), ValueError, "use tile_indices"),
        (lambda: MeshLayout.custom(2, 3, spread).tile_slices((0, 0), (4, 4)), ValueError, "use tile_indices"),
        (lambda: MeshLayout.custom(2, 3, spread).split_dims(2), ValueError, "tile_indices"),
        (lambda: MeshLayout.custom(1, 3, spread).tile_shape((0, 0), (4,)), ValueError, "outside the 1x3 mesh"),
        (lambda: MeshLayout.grid(2, 2).memory_per_pe((4, 4), "f4"), TypeError, "no element size"),
        (lambda: MeshLayout.grid(2, 2).memory_per_pe((4, 4), 0), ValueError, "at least 1"),
        (lambda: MeshLayout.from_dict({}), ValueError, "not a valid LayoutType"),
        (lambda: MeshLayout.from_dict({"type": "grid", "size": 4}), ValueError, "cannot read"),
    ],
)
def test_errors_state_the_facts(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_element_size_comes_from_itemsize():
    layout = MeshLayout.grid(2, 2)
    assert layout.memory_per_pe((4, 4), np.dtype("f8")) == layout.memory_per_pe((4, 4), 8) == 32


def test_validate_checks_mesh_and_memory():
    small = LayoutConstraints(max_memory_per_pe=64, max_pe_rows=2, max_pe_cols=2)
    MeshLayout.grid(2, 2).validate((8, 8), 4, small)
    with pytest.raises(ValueError, match=r"per-PE memory 80 B exceeds 64 B for shape \(10, 8\) in grid\(2, 2\)"):
        MeshLayout.grid(2, 2).validate((10, 8), 4, small)
    with pytest.raises(ValueError, match="a 3x1 mesh exceeds 2x2 PEs"):
        MeshLayout.row_partition(3).validate((8, 8), 4, small)


def test_tensor_queries_read_shape_itemsize_and_layout():
    t = SimpleNamespace(shape=(5, 3), itemsize=2, layout=MeshLayout.row_partition(4))
    assert get_tile_shape(t) == (2, 3)
    assert memory_usage_per_pe(t) == {"min": 0, "max": 12, "average": 7.5, "total": 30}
    t.layout = None
    assert get_tile_shape(t) == (5, 3)
    assert memory_usage_per_pe(t)["total"] == 30
