"""Result layouts by category of operation, and the moves they ask for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from pyflame.layout import LayoutType, MeshLayout, propagate

SINGLE = MeshLayout.single_pe()
GRID = MeshLayout.grid(2, 2)
COPIES = MeshLayout.replicated(2, 2)
ROWS = MeshLayout.row_partition(4)
COLS = MeshLayout.col_partition(4)
CYCLIC = MeshLayout.block_cyclic(2, 2, 1, 1)
CUSTOM = MeshLayout.custom(2, 2, lambda index, shape: (sum(index) % 2, 0))


def over_rows(layout=GRID):
    """The mesh of the layout with the last dimension split over PE rows."""
    return MeshLayout.grid(layout.pe_rows, layout.pe_cols, dim_to_pe={-1: 0})


ONLY_ROWS = MeshLayout.grid(2, 2, dim_to_pe={-2: 0})
ONLY_COLS = MeshLayout.grid(2, 2, dim_to_pe={-1: 1})
M = (8, 8)

ELEMENTWISE = [
    # layouts, shapes, output shape, result, moves
    ([None, None], [M, M], M, None, [None, None]),
    ([GRID, None], [M, M], M, GRID, [None, None]),
    ([None, GRID], [M, (8,)], M, ONLY_COLS, [None, None]),
    ([GRID, GRID], [M, M], M, GRID, [None, None]),
    ([GRID, GRID], [M, (8,)], M, GRID, [None, None]),
    ([GRID, GRID], [(8,), M], M, GRID, [None, None]),
    ([GRID, GRID], [M, (8, 1)], M, GRID, [None, ONLY_ROWS]),
    ([GRID, GRID], [(8, 1), (1, 8)], M, GRID, [ONLY_ROWS, ONLY_COLS]),
    ([GRID, ONLY_ROWS], [M, (8, 1)], M, GRID, [None, None]),
    ([GRID, COPIES], [M, M], M, GRID, [None, None]),
    ([COPIES, GRID], [M, M], M, GRID, [None, None]),
    ([COPIES, COPIES], [M, M], M, COPIES, [None, None]),
    ([SINGLE, COPIES], [M, M], M, SINGLE, [None, None]),
    ([ROWS, GRID], [M, M], M, ROWS, [None, ROWS]),
    ([GRID, ROWS], [M, M], M, GRID, [None, GRID]),
    ([ROWS, GRID], [(8,), M], M, GRID, [GRID, None]),
    ([ROWS, ROWS], [M, (8,)], M, ROWS, [None, MeshLayout.replicated(4, 1)]),
    ([ROWS, MeshLayout.grid(4, 1)], [M, M], M, ROWS, [None, None]),
    ([GRID, SINGLE], [M, ()], M, GRID, [None, COPIES]),
    ([GRID, GRID], [M, ()], M, GRID, [None, None]),
    ([GRID, CYCLIC], [M, M], M, GRID, [None, GRID]),
    ([CUSTOM, CUSTOM], [M, M], M, CUSTOM, [None, None]),
    ([CUSTOM, GRID], [M, (8,)], M, CUSTOM, [None, COPIES]),
    ([CUSTOM], [(8,)], M, COPIES, [COPIES]),
    ([GRID, None, ROWS], [M, M, M], M, GRID, [None, None, GRID]),
]


@pytest.mark.parametrize(("layouts", "shapes", "out_shape", "result", "moves"), ELEMENTWISE)
def test_elementwise(layouts, shapes, out_shape, result, moves):
    assert propagate("elementwise", {}, layouts, shapes, out_shape) == (result, tuple(moves))


@pytest.mark.parametrize(
    ("layout", "shape", "dims", "out_shape", "result"),
    [
        (GRID, M, None, (), COPIES),
        (GRID, M, [0], (8,), GRID),
        (GRID, M, 1, (8,), over_rows()),
        (GRID, M, -1, (8, 1), ONLY_ROWS),
        (GRID, M, [0, 1], (1, 1), COPIES),
        (GRID, (3, 8, 8), [0], M, GRID),
        (GRID, (3, 8, 8), [-1], (3, 8), over_rows()),
        (GRID, M, 1, M, GRID),
        (GRID, (), None, (), GRID),
        (ROWS, M, [0], (8,), MeshLayout.replicated(4, 1)),
        (ROWS, M, [1], (8,), ROWS),
        (COLS, M, [0], (8,), COLS),
        (SINGLE, M, None, (), SINGLE),
        (COPIES, M, [0], (8,), COPIES),
        (CYCLIC, M, [1], (8,), MeshLayout.block_cyclic(2, 2, 1, 1, dim_to_pe={-1: 0})),
        (CUSTOM, M, [0], (8,), COPIES),
    ],
)
def test_reduction(layout, shape, dims, out_shape, result):
    assert propagate("reduction", {"dims": dims}, [layout], [shape], out_shape) == (result, (None,))


@pytest.mark.parametrize(
    ("left", "right", "result", "moves"),
    [
        (GRID, GRID, GRID, [None, None]),
        (CYCLIC, CYCLIC, CYCLIC, [None, None]),
        (ROWS, MeshLayout.replicated(4, 1), ROWS, [None, None]),
        (ROWS, MeshLayout.replicated(4, 4), ROWS, [None, None]),
        (MeshLayout.replicated(1, 4), COLS, COLS, [None, None]),
        (ROWS, ROWS, ROWS, [None, None]),
        (COPIES, COPIES, COPIES, [None, None]),
        (SINGLE, SINGLE, SINGLE, [None, None]),
        (GRID, COPIES, GRID, [None, GRID]),
        (GRID, SINGLE, GRID, [None, GRID]),
        (GRID, MeshLayout.grid(2, 4), MeshLayout.grid(2, 4), [MeshLayout.grid(2, 4), None]),
        (COLS, MeshLayout.replicated(1, 4), MeshLayout.grid(1, 4), [None, MeshLayout.grid(1, 4)]),
        (ROWS, COLS, MeshLayout.grid(4, 1), [None, MeshLayout.grid(4, 1)]),
        (CUSTOM, CUSTOM, GRID, [GRID, GRID]),
        (ROWS, None, ROWS, [None, None]),
        (None, GRID, GRID, [None, None]),
        (CUSTOM, None, GRID, [GRID, None]),
    ],
)
def test_matmul(left, right, result, moves):
    assert propagate("matmul", {}, [left, right], [M, M], M) == (result, tuple(moves))


def test_matmul_of_vectors_and_batches():
    assert propagate("matmul", {}, [GRID, GRID], [(8, 8), (8,)], (8,)) == (over_rows(), (None, None))
    assert propagate("matmul", {}, [GRID, GRID], [(8,), (8, 8)], (8,)) == (GRID, (None, None))
    assert propagate("matmul", {}, [GRID, GRID], [(8,), (8,)], ()) == (COPIES, (None, None))
    assert propagate("matmul", {}, [GRID, GRID], [(3, 8, 8), (8, 8)], (3, 8, 8)) == (GRID, (None, None))
    batch = MeshLayout.row_partition(4, dim_to_pe={0: 0})
    copies = MeshLayout.replicated(4, 1)
    out = MeshLayout.row_partition(4, dim_to_pe={-3: 0})
    assert propagate("matmul", {}, [batch, copies], [(8, 4, 4), (4, 4)], (8, 4, 4)) == (out, (None, None))
    assert propagate("matmul", {}, [batch, None], [(8, 4, 4), (4,)], (8, 4))[0] == ROWS


def test_matmul_bias_follows_the_product():
    result = propagate("matmul", {}, [GRID, GRID, SINGLE], [M, M, (8,)], M)
    assert result == (GRID, (None, None, GRID))
    assert propagate("matmul", {}, [None, None, GRID], [M, M, (8,)], M) == (COPIES, (None, None, None))


@pytest.mark.parametrize(
    ("category", "attrs", "layout", "shape", "out_shape", "result"),
    [
        ("permute", {"dims": (1, 0)}, GRID, M, M, MeshLayout.grid(2, 2, dim_to_pe={-1: 0, -2: 1})),
        ("permute", {"dims": (0, 1)}, CUSTOM, M, M, CUSTOM),
        ("permute", {"dims": (1, 0)}, CUSTOM, M, M, COPIES),
        ("permute", {"dims": (1, 0)}, MeshLayout.grid(2, 2, dim_to_pe={0: 1, 1: 0}), M, M, GRID),
        (
            "permute",
            {"dims": (-2, -3, -1)},
            GRID,
            (3, 4, 8),
            (4, 3, 8),
            MeshLayout.grid(2, 2, dim_to_pe={-3: 0, -1: 1}),
        ),
        ("reshape", {}, GRID, M, (8, 1, 8), MeshLayout.grid(2, 2, dim_to_pe={-3: 0, -1: 1})),
        ("reshape", {}, GRID, M, (1, 8, 8), GRID),
        ("reshape", {}, ROWS, M, (64,), ROWS),
        ("reshape", {}, COLS, (3, 8), (3, 4, 2), MeshLayout.col_partition(4, dim_to_pe={-2: 1})),
        ("reshape", {}, COLS, (3, 8), (3, 2, 4), MeshLayout.replicated(1, 4)),
        ("reshape", {}, COLS, (3, 8), (24,), MeshLayout.replicated(1, 4)),
        ("reshape", {}, CYCLIC, M, (64,), COPIES),
        ("reshape", {}, CUSTOM, M, M, CUSTOM),
        ("reshape", {}, CUSTOM, M, (64,), COPIES),
        ("reshape", {}, SINGLE, M, (64,), SINGLE),
        ("slice", {}, GRID, M, (3, 8), GRID),
        ("slice", {}, GRID, M, (8, 1), ONLY_ROWS),
        ("slice", {}, CUSTOM, M, (3, 8), COPIES),
        ("conv", {}, GRID, (1, 3, 8, 8), (1, 5, 6, 6), GRID),
        ("pool", {}, GRID, (1, 3, 8, 8), (1, 3, 1, 1), COPIES),
        ("norm", {}, GRID, M, M, GRID),
        ("index", {}, GRID, M, (3, 8), ONLY_COLS),
        ("index", {}, GRID, M, (3, 4, 8), COPIES),
        ("loss", {}, GRID, M, (), COPIES),
        ("random", {}, GRID, M, M, GRID),
        ("creation", {"layout": ROWS}, GRID, M, M, ROWS),
        ("layout", {"layout": ROWS}, GRID, M, M, ROWS),
    ],
)
def test_single_operand(category, attrs, layout, shape, out_shape, result):
    assert propagate(category, attrs, [layout], [shape], out_shape) == (result, (None,))


def test_expand_moves_its_input_to_where_copies_are_needed():
    assert propagate("expand", {}, [GRID], [(8, 1)], M) == (GRID, (ONLY_ROWS,))


def test_cat_takes_the_layout_of_the_largest():
    assert propagate("cat", {}, [ROWS, GRID], [(2, 8), (6, 8)], M) == (GRID, (GRID, None))
    assert propagate("cat", {}, [COPIES, GRID], [(6, 8), (2, 8)], M) == (GRID, (None, None))
    assert propagate("cat", {}, [ROWS, GRID], [(0,), M], M) == (GRID, (None, None))
    assert propagate("cat", {}, [ROWS, None], [(0,), M], M) == (None, (None, None))


def test_convolution_weights_are_copies_on_the_mesh_of_the_input():
    shapes, out = [(1, 3, 8, 8), (5, 3, 3, 3), (5,)], (1, 5, 6, 6)
    assert propagate("conv", {}, [GRID, ROWS, COPIES], shapes, out) == (GRID, (None, COPIES, None))
    assert propagate("conv", {}, [None, GRID, None], shapes, out) == (COPIES, (None, COPIES, None))


def test_other_operations_gather_strangers_onto_the_mesh():
    assert propagate("norm", {}, [GRID, GRID, ROWS], [M, (8,), (8,)], M) == (GRID, (None, None, COPIES))


def test_nothing_placed_and_nothing_asked():
    assert propagate("creation", {}, [], [], M) == (None, ())
    assert propagate("random", {"layout": GRID}, [], [], M) == (GRID, ())
    assert propagate("matmul", {}, [None, None], [M, M], M) == (None, (None, None))


def test_unknown_category():
    with pytest.raises(ValueError, match="unknown category 'elemwise': choose one of elementwise"):
        propagate("elemwise", {}, [GRID], [M], M)


kinds = st.sampled_from([SINGLE, GRID, COPIES, ROWS, COLS, CYCLIC, CUSTOM, ONLY_ROWS, ONLY_COLS])
extents = st.sampled_from([1, 2, 3, 4, 8])


def tile(layout, pe, shape):
    """Numbers of the elements a PE holds; nothing outside the mesh."""
    if pe[0] >= layout.pe_rows or pe[1] >= layout.pe_cols:
        return set()
    return set(np.arange(math.prod(shape)).reshape(shape)[layout.tile_indices(pe, shape)].ravel().tolist())


def pes(layout):
    return [(row, col) for row in range(layout.pe_rows) for col in range(layout.pe_cols)]


@given(st.lists(extents, min_size=2, max_size=3), st.data())
def test_elementwise_operands_are_where_the_result_is(full, data):
    out_shape, layouts, shapes = tuple(full), [], []
    for _ in range(3):
        shape = [data.draw(st.sampled_from([1, n])) for n in full][data.draw(st.integers(0, len(full) - 2)) :]
        layouts.append(data.draw(st.none() | kinds))
        shapes.append(tuple(shape))
    assume(np.broadcast_shapes(*shapes) == out_shape and any(layouts))
    out, moves = propagate("elementwise", {}, layouts, shapes, out_shape)
    for layout, move, shape in zip(layouts, moves, shapes, strict=True):
        if layout is None:
            assert move is None
            continue
        numbers = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), out_shape)
        for pe in pes(out):
            needed = set(numbers[out.tile_indices(pe, out_shape)].ravel().tolist())
            assert needed <= tile(move or layout, pe, shape)


@given(kinds, st.lists(extents, min_size=2, max_size=3), st.randoms())
def test_reshape_adds_replicas_but_never_swaps_owners(layout, full, random):
    shape, factors = tuple(full), []
    for n in full:
        factors += [2] * (n.bit_length() - 1) if n & (n - 1) == 0 else [n]
    out = [1]
    for factor in factors:
        if random.random() < 0.5:
            out.append(factor)
        else:
            out[-1] *= factor
    out_shape = tuple(out)
    result, _ = propagate("reshape", {}, [layout], [shape], out_shape)
    if layout.type is LayoutType.CUSTOM:
        return
    for pe in pes(layout):
        assert tile(layout, pe, shape) <= tile(result, pe, out_shape)


@given(kinds, st.permutations([0, 1, 2]))
def test_permute_leaves_elements_where_they_are(layout, dims):
    shape = (3, 4, 8)
    out_shape = tuple(shape[dim] for dim in dims)
    result, _ = propagate("permute", {"dims": dims}, [layout], [shape], out_shape)
    if layout.type is LayoutType.CUSTOM:
        return
    numbers = np.arange(math.prod(shape)).reshape(shape).transpose(dims)
    for pe in pes(layout):
        assert tile(layout, pe, shape) == set(numbers[result.tile_indices(pe, out_shape)].ravel().tolist())
