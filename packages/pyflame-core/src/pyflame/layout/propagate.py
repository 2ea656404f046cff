"""Which layout the result of an operation has, and which inputs must be moved first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .fields import LayoutType
from .mesh_layout import MeshLayout
from .moves import follow, holds, reshaped_dims, whole, with_splits
from .tiles import Index

Layouts = Sequence[MeshLayout | None]
Moves = tuple[MeshLayout | None, ...]
Result = tuple[MeshLayout | None, Moves]
Rule = Callable[[Mapping[str, Any], Layouts, Sequence[Index], Index], Result]


def propagate(
    category: str,
    attrs: Mapping[str, Any],
    input_layouts: Layouts,
    input_shapes: Sequence[Sequence[int]],
    output_shape: Sequence[int],
) -> Result:
    """Layout of an operation's result, and for each input the layout to move it to first, or None.

    A layout of None is none stated: such an input is never moved and forces nothing. The operand with the most
    elements leads (the first of equals); a full copy on every PE yields to a split operand it already serves. The
    result is split like its leader; splits of dimensions that are reduced, or shrink to size 1, become replicas.

    - elementwise, expand: other operands move to the part of the leader's split they share, replicas for the rest.
    - reduction: over `attrs["dims"]` (an int, several, or None for all).
    - matmul: equal layouts stay; an operand split off the inner dimension meets full copies where it is; otherwise
      both go to the grid of the larger mesh. Further inputs are added to the product elementwise.
    - permute (`attrs["dims"]`), reshape, slice: splits follow their dimension. A reshape keeps those that need no
      traffic.
    - cat: operands move to the leader's layout.
    - conv, pool: the first input leads; weights are full copies on its mesh.
    - layout: `attrs["layout"]`. random, creation: the same if given, else default.
    - norm, index, loss, shape, custom, default: dimensions that keep place and size keep their split if the number of
      dimensions stays, else full copies on the leader's mesh; inputs on other meshes move to full copies there.

    Args:
        category: one of the names above.
        attrs: attributes of the operation.
        input_layouts: one per input.
        input_shapes: one per input.
        output_shape: shape of the result.

    Raises:
        ValueError: if the category is unknown.
        KeyError: if an attribute named above is missing.

    Example:
        >>> grid = MeshLayout.grid(2, 2)
        >>> propagate("elementwise", {}, [grid, MeshLayout.single_pe()], [(8, 8), (8,)], (8, 8))
        (MeshLayout.grid(2, 2), (None, MeshLayout.grid(2, 2)))
    """
    rule = _RULES.get(category)
    if rule is None:
        raise ValueError(f"[propagate] unknown category {category!r}: choose one of {', '.join(_RULES)}")
    if category not in _PLACING and not any(input_layouts):
        return None, (None,) * len(input_layouts)
    return rule(attrs, input_layouts, [tuple(shape) for shape in input_shapes], tuple(output_shape))


def _leader(layouts: Layouts, shapes: Sequence[Index]) -> tuple[MeshLayout, Index]:
    placed = [(layout, shape) for layout, shape in zip(layouts, shapes, strict=True) if layout is not None]
    leader = max(placed, key=_numel)
    served = [item for item in placed if leader[0].covers(item[0]) and not item[0].covers(leader[0])]
    return max(served, key=_numel) if served else leader


def _numel(operand: tuple[MeshLayout, Index]) -> int:
    return math.prod(operand[1])


def _aligned(layouts: Layouts, shapes: Sequence[Index], out: MeshLayout, out_shape: Index) -> Moves:
    """Moves that give each operand of a broadcast the part of the result's split it shares."""
    moves: list[MeshLayout | None] = []
    for layout, shape in zip(layouts, shapes, strict=True):
        shift = len(out_shape) - len(shape)
        shared = {dim + shift: dim for dim, n in enumerate(shape) if n == out_shape[dim + shift]}
        target = follow(out, out_shape, shape, shared)
        moves.append(None if layout is None or holds(layout, target, len(shape)) else target)
    return tuple(moves)


def _elementwise(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    layout, shape = _leader(layouts, shapes)
    shift = len(out_shape) - len(shape)
    out = follow(layout, shape, out_shape, {dim: dim + shift for dim in range(len(shape))})
    return out, _aligned(layouts, shapes, out, out_shape)


def _kept(shape: Index, out_shape: Index) -> dict[int, int]:
    """Dimensions that stay in place, less those that shrink to one element."""
    if len(shape) != len(out_shape):
        return {}
    return {dim: dim for dim, (n, out) in enumerate(zip(shape, out_shape, strict=True)) if out != 1 or n == 1}


def _reduction(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    layout, shape = _leader(layouts, shapes)
    given = attrs.get("dims")
    dims = range(len(shape)) if given is None else (given,) if isinstance(given, int) else given
    reduced = {dim % len(shape) for dim in dims} if shape else set()
    kept = [dim for dim in range(len(shape)) if dim not in reduced]
    if shape == out_shape:  # a scan, or a reduction of dimensions that have one element
        moved = {dim: dim for dim in range(len(shape))}
    elif len(shape) == len(out_shape):
        moved = {dim: dim for dim in kept}
    else:
        moved = {dim: place for place, dim in enumerate(kept)}
    return follow(layout, shape, out_shape, moved), _gathered(layouts, layout)


def _matmul(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    left, right = layouts[0] or layouts[1], layouts[1] or layouts[0]
    if left is None or right is None:
        return _default(attrs, layouts, shapes, out_shape)
    targets = [left, right]
    if not (
        (left == right and left.type is not LayoutType.CUSTOM)
        or (right.covers(left) and _spares_inner(left, shapes[0], 0))
        or (left.covers(right) and _spares_inner(right, shapes[1], 1))
    ):
        mesh = max(left, right, key=lambda layout: layout.total_pes)
        targets = [MeshLayout.grid(mesh.pe_rows, mesh.pe_cols)] * 2
    dims: list[int | None] = [None, None]
    for side, (target, shape) in enumerate(zip(targets, shapes, strict=False)):
        inner = _inner_dim(shape, side)
        for axis, dim in enumerate(target.split_dims(len(shape))):
            if dim is None or dim == inner or dims[axis] is not None:
                continue
            place = _product_dim(dim, side, shapes, out_shape)
            if place not in dims:
                dims[axis] = place
    leader = targets[1] if targets[0].covers(targets[1]) else targets[0]
    out = with_splits(leader, (dims[0], dims[1]), len(out_shape))
    moves = [
        None if layout is None or _same(layout, target, len(shape)) else target
        for layout, target, shape in zip(layouts, targets, shapes, strict=False)
    ]
    return out, (*moves, *_aligned(layouts[2:], shapes[2:], out, out_shape))


def _inner_dim(shape: Index, side: int) -> int:
    return max(0, len(shape) - 2) if side else len(shape) - 1


def _spares_inner(layout: MeshLayout, shape: Index, side: int) -> bool:
    return layout.type is not LayoutType.CUSTOM and _inner_dim(shape, side) not in layout.split_dims(len(shape))


def _product_dim(dim: int, side: int, shapes: Sequence[Index], out_shape: Index) -> int:
    """Dimension of the product that an outer or batch dimension of an operand becomes."""
    if dim == len(shapes[side]) - 1:
        return len(out_shape) - 1
    # A vector operand leaves no dimension of its own in the product.
    from_end = len(shapes[side]) - dim - (1 if len(shapes[1 - side]) == 1 else 0)
    return len(out_shape) - from_end


def _same(layout: MeshLayout, target: MeshLayout, ndim: int) -> bool:
    return holds(layout, target, ndim) and holds(target, layout, ndim)


def _permute(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    layout, shape = _leader(layouts, shapes)
    moved = {dim % len(shape): place for place, dim in enumerate(attrs["dims"])}
    return follow(layout, shape, out_shape, moved), _gathered(layouts, layout)


def _reshape(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    layout, shape = _leader(layouts, shapes)
    if shape == out_shape or layout.type is LayoutType.CUSTOM:
        moved = {dim: dim for dim in range(len(shape))}
    else:
        moved = reshaped_dims(layout, shape, out_shape)
    return follow(layout, shape, out_shape, moved), _gathered(layouts, layout)


def _slice(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    layout, shape = _leader(layouts, shapes)
    return follow(layout, shape, out_shape, _kept(shape, out_shape)), _gathered(layouts, layout)


def _cat(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    # torch lets an empty 1-D tensor take part in any cat: there is nothing of it to move.
    placed = [layout if len(shape) == len(out_shape) else None for layout, shape in zip(layouts, shapes, strict=True)]
    if not any(placed):
        return None, (None,) * len(layouts)
    layout, shape = _leader(placed, shapes)
    out = follow(layout, shape, out_shape, {dim: dim for dim in range(len(shape))})
    return out, tuple(None if item is None or holds(item, out, len(out_shape)) else out for item in placed)


def _windowed(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    first = layouts[0]
    if first is None:
        layout, _ = _leader(layouts, shapes)
        copies = whole(layout)
        return copies, _copied(layouts, copies)
    return follow(first, shapes[0], out_shape, _kept(shapes[0], out_shape)), (
        None,
        *_copied(layouts[1:], whole(first)),
    )


def _copied(layouts: Layouts, copies: MeshLayout) -> Moves:
    return tuple(None if layout is None or layout.covers(copies) else copies for layout in layouts)


def _gathered(layouts: Layouts, leader: MeshLayout) -> Moves:
    """Moves that bring operands from other meshes onto the leader's, where they lie as full copies."""
    mesh = (leader.pe_rows, leader.pe_cols)
    return tuple(
        None if layout is None or (layout.pe_rows, layout.pe_cols) == mesh or layout.covers(leader) else whole(leader)
        for layout in layouts
    )


def _default(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    layout, shape = _leader(layouts, shapes)
    moved = {dim: dim for dim in _kept(shape, out_shape) if shape[dim] == out_shape[dim]}
    return follow(layout, shape, out_shape, moved), _gathered(layouts, layout)


def _placing(attrs: Mapping[str, Any], layouts: Layouts, shapes: Sequence[Index], out_shape: Index) -> Result:
    if attrs.get("layout") is not None:
        return attrs["layout"], (None,) * len(layouts)
    return _default(attrs, layouts, shapes, out_shape) if any(layouts) else (None, (None,) * len(layouts))


_PLACING = ("layout", "random", "creation")
_RULES: dict[str, Rule] = {
    "elementwise": _elementwise,
    "expand": _elementwise,
    "reduction": _reduction,
    "matmul": _matmul,
    "permute": _permute,
    "reshape": _reshape,
    "slice": _slice,
    "cat": _cat,
    "conv": _windowed,
    "pool": _windowed,
    **dict.fromkeys(_PLACING, _placing),
    **dict.fromkeys(("norm", "index", "scan", "sort", "loss", "shape", "custom", "default"), _default),
}
