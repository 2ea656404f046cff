"""Views, joins, splits and copies in another arrangement against PyTorch, over random shapes, dtypes and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pyflame.dtypes import all_dtypes
from pyflame.testing import differential

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="PyTorch is not installed")

Shape = tuple[int, ...]
Case = tuple[str, Any, list[Shape]]


def joins(rng: np.random.Generator, shape: Shape, a: int) -> Iterator[Case]:
    parts = [shape] * 3
    if shape and rng.random() < 0.6:
        axis = int(rng.integers(len(shape)))
        parts = [(*shape[:axis], int(rng.integers(4)), *shape[axis + 1 :]) for _ in range(3)]
    for name in ("cat", "hstack", "vstack", "dstack", "column_stack", "stack", "row_stack", "concat"):
        yield name, lambda lib, x, y, z, name=name: getattr(lib, name)([x, y, z]), parts
    yield "cat dim", lambda lib, x, y, z: lib.cat([x, y, z], a), parts
    yield "stack dim", lambda lib, x, y, z: lib.stack([x, y, z], a), [shape] * 3
    blocks = [differential.draw_shape(rng, 2) for _ in range(3)]
    yield "block_diag", lambda lib, x, y, z: lib.block_diag(x, y, z), blocks
    for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
        yield name, lambda lib, x, name=name: getattr(lib, name)(x), [shape]
        yield f"{name} of two", lambda lib, x, y, name=name: getattr(lib, name)(x, y), [shape, blocks[0]]
        yield f"{name} of a list", lambda lib, x, y, name=name: getattr(lib, name)([x, y]), [shape, blocks[0]]
    wide = differential.draw_broadcast(rng, 3)
    yield "broadcast_tensors", lambda lib, x, y, z: lib.broadcast_tensors(x, y, z), wide
    yield "broadcast_tensors refused", lambda lib, x, y: lib.broadcast_tensors(x, y), [shape, blocks[0]]
    yield "broadcast_to", lambda lib, x: lib.broadcast_to(x, shape), [blocks[0]]
    yield "expand_as", lambda lib, x, y: x.expand_as(y), wide[:2]
    yield "cartesian_prod", lambda lib, x, y: lib.cartesian_prod(x, y), [(3,), (2,)]
    yield "meshgrid", lambda lib, x, y: lib.meshgrid(x, y, indexing="ij"), [(3,), (2,)]
    yield "meshgrid xy", lambda lib, x, y, z: lib.meshgrid(x, y, z, indexing="xy"), [(3,), (2,), ()]


def splits(rng: np.random.Generator, shape: Shape, a: int, n: int, m: int) -> Iterator[Case]:
    cuts = [int(cut) for cut in rng.integers(-4, 6, rng.integers(4))]
    yield "tensor_split", lambda lib, x: lib.tensor_split(x, n, a), [shape]
    yield "tensor_split at", lambda lib, x: lib.tensor_split(x, cuts, a), [shape]
    yield "tensor_split tensor", lambda lib, x: lib.tensor_split(x, lib.tensor(cuts, dtype=lib.int64), a), [shape]
    for name in ("hsplit", "vsplit", "dsplit"):
        yield name, lambda lib, x, name=name: getattr(lib, name)(x, n), [shape]
        yield f"{name} at", lambda lib, x, name=name: getattr(lib, name)(x, cuts), [shape]
    yield "split", lambda lib, x: lib.split(x, n, a), [shape]
    yield "split sizes", lambda lib, x: lib.split(x, [n, m], a), [shape]
    yield "chunk", lambda lib, x: lib.chunk(x, n, a), [shape]
    yield "unbind", lambda lib, x: lib.unbind(x, a), [shape]
    yield "narrow", lambda lib, x: lib.narrow(x, a, m - 1, n), [shape]
    yield "select", lambda lib, x: lib.select(x, a, n - 2), [shape]


def copies(rng: np.random.Generator, shape: Shape, a: int, b: int, n: int) -> Iterator[Case]:
    counts = [int(count) for count in rng.integers(0, 3, rng.integers(5))]
    size = shape[a] if -len(shape) <= a < len(shape) else 2
    each = [int(count) for count in rng.integers(0, 3, size)]
    shift = n - 2
    yield "tile", lambda lib, x: lib.tile(x, counts), [shape]
    yield "repeat", lambda lib, x: x.repeat(counts), [shape]
    yield "repeat_interleave", lambda lib, x: lib.repeat_interleave(x, n, a), [shape]
    yield "repeat_interleave flat", lambda lib, x: lib.repeat_interleave(x, n), [shape]
    yield "repeat_interleave each", lambda lib, x: lib.repeat_interleave(x, lib.tensor(each).long(), a), [shape]
    yield "repeat_interleave alone", lambda lib, x: lib.repeat_interleave(lib.tensor(each).long()), [shape]
    yield "repeat_interleave size", lambda lib, x: lib.repeat_interleave(x, n, a, output_size=6), [shape]
    yield "roll", lambda lib, x: lib.roll(x, shift, a), [shape]
    yield "roll flat", lambda lib, x: lib.roll(x, shift), [shape]
    yield "roll two", lambda lib, x: lib.roll(x, (shift, n), (a, b)), [shape]
    yield "flip", lambda lib, x: lib.flip(x, (a, b)), [shape]
    yield "fliplr", lambda lib, x: lib.fliplr(x), [shape]
    yield "flipud", lambda lib, x: lib.flipud(x), [shape]
    yield "rot90", lambda lib, x: lib.rot90(x, shift, (a, b)), [shape]
    yield "diag_embed", lambda lib, x: lib.diag_embed(x, shift, a, b), [shape]
    yield "diagflat", lambda lib, x: lib.diagflat(x, shift), [shape]


def views(rng: np.random.Generator, shape: Shape, a: int, b: int, n: int, m: int) -> Iterator[Case]:
    flat = differential.draw_shape(rng, 2)
    size, stride = [int(s) for s in rng.integers(0, 3, 2)], [int(s) for s in rng.integers(0, 4, 2)]
    order = tuple(int(dim) for dim in rng.permutation(len(shape)))
    yield "diagonal", lambda lib, x: lib.diagonal(x, n - 2, a, b), [shape]
    yield "diag", lambda lib, x: lib.diag(x, n - 2), [flat]
    yield "trace", lambda lib, x: x.trace(), [flat]
    yield "unfold", lambda lib, x: x.unfold(a, n, m), [shape]
    yield "as_strided", lambda lib, x: x.as_strided(size, stride, n), [shape]
    yield "as_strided of a slice", lambda lib, x: x[1:].as_strided(size, stride), [shape]
    yield "unflatten", lambda lib, x: lib.unflatten(x, a, (n, -1)), [shape]
    yield "unflatten sizes", lambda lib, x: x.unflatten(a, (n, m)), [shape]
    yield "flatten", lambda lib, x: lib.flatten(x, a, b), [shape]
    yield "ravel", lambda lib, x: lib.ravel(x), [shape]
    yield "squeeze", lambda lib, x: lib.squeeze(x), [shape]
    yield "squeeze dim", lambda lib, x: lib.squeeze(x, a), [shape]
    yield "squeeze dims", lambda lib, x: lib.squeeze(x, (a, b)), [shape]
    yield "unsqueeze", lambda lib, x: lib.unsqueeze(x, a), [shape]
    yield "transpose", lambda lib, x: lib.transpose(x, a, b), [shape]
    yield "movedim", lambda lib, x: lib.movedim(x, a, b), [shape]
    yield "t", lambda lib, x: lib.t(x), [flat]
    yield "permute", lambda lib, x: lib.permute(x, order), [shape]
    yield "reshape", lambda lib, x: lib.reshape(x, (n, -1)), [shape]
    yield "view_as", lambda lib, x, y: x.view_as(y), [shape, shape[::-1]]
    yield "reshape_as", lambda lib, x, y: x.reshape_as(y), [shape, flat]
    yield "expand", lambda lib, x: x.expand(n, *shape), [shape]


def draw(seed: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    shape = differential.draw_shape(rng, 4) or (2,)
    a, b = (int(rng.integers(-len(shape) - 1, len(shape) + 1)) for _ in range(2))
    n, m = int(rng.integers(4)), int(rng.integers(4))
    yield from joins(rng, shape, a)
    yield from splits(rng, shape, a, n, m)
    yield from copies(rng, shape, a, b, n)
    yield from views(rng, shape, a, b, n, m)


@pytest.mark.parametrize("seed", range(20))
def test_results_and_gradients_are_those_of_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    succeeded = 0
    for name, call, shapes in draw(seed):
        dtype = all_dtypes[rng.integers(len(all_dtypes))]
        operands = [(differential.draw_values(rng, shape, dtype), dtype) for shape in shapes]
        # PyTorch loses the history of results without elements here and there.
        full = all(np.size(values) for values, _ in operands)
        try:
            succeeded += differential.compare(call, operands, gradient=full)
        except AssertionError as error:
            error.add_note(f"case: {name}")
            raise
    assert succeeded > 20


def test_combinations() -> None:
    for r in range(4):
        for again in (False, True):
            call = lambda lib, x: lib.combinations(x, r, again)  # noqa: B023
            differential.compare(call, [(np.arange(5.0), all_dtypes[-1])], gradient=r > 0)
