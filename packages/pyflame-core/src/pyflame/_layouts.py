"""Layouts of tensors: the core stores a number per node, this module knows the object behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _core

if TYPE_CHECKING:
    from ._tensor import Tensor
    from .layout import MeshLayout

# Number 0 states no layout. Numbers are never reused: nodes and plans keep them.
_objects: list[MeshLayout | None] = [None]
_numbers: dict[MeshLayout | None, int] = {None: 0}
_MAX_LAYOUTS = 0xFFFF  # a node has 16 bits for the number

# Rules of `propagate` that operations use instead of that of their category.
_RULES = {
    "expand": "expand",
    "permute": "permute",
    "reshape": "reshape",
    "slice": "slice",
    "cat": "cat",
    "to_layout": "layout",
    "alias": "elementwise",
    "flip": "elementwise",
    "softmax_grad": "elementwise",
    "log_softmax_grad": "elementwise",
    "tril": "elementwise",
    "triu": "elementwise",
}
_CATEGORIES = {"update": "elementwise"}


def layout_number(layout: MeshLayout | None) -> int:
    """The number that stands for a layout in the core."""
    number = _numbers.get(layout)
    if number is None:
        if len(_objects) > _MAX_LAYOUTS:
            raise RuntimeError(
                f"[layout] more than {_MAX_LAYOUTS} different layouts in one process: reuse layout objects"
            )
        number = _numbers[layout] = len(_objects)
        _objects.append(layout)
    return number


def layout_by_number(number: int) -> MeshLayout | None:
    """The layout a number stands for.

    Raises:
        ValueError: no layout has this number.
    """
    if not 0 <= number < len(_objects):
        raise ValueError(f"[layout] there is no layout number {number}")
    return _objects[number]


def layout_of(t: Tensor) -> MeshLayout | None:
    """The layout of a tensor, None if none is stated.

    Example:
        >>> import pyflame as pf
        >>> layout_of(pf.to_layout(pf.ones(4, 4), pf.MeshLayout.grid(2, 2)))
        MeshLayout.grid(2, 2)
    """
    return _objects[_core.layout_id(t)]


def to_layout(t: Tensor, layout: MeshLayout | None) -> Tensor:
    """The same values placed in another way; the CPU ignores placement. Differentiable.

    Args:
        t: tensor of any shape.
        layout: where the elements go; None takes the statement back.

    Raises:
        TypeError: layout is no MeshLayout.

    Example:
        >>> import pyflame as pf
        >>> x = pf.to_layout(pf.ones(4, 4), pf.MeshLayout.grid(2, 2))
        >>> (x + 1).layout
        MeshLayout.grid(2, 2)
    """
    from .layout import MeshLayout  # tensors without layouts, nearly all, do not pay for the import

    if layout is not None and not isinstance(layout, MeshLayout):
        raise TypeError(
            f"[to_layout] layout must be a MeshLayout, got {type(layout).__name__}: for example MeshLayout.grid(4, 4)"
        )
    number = layout_number(layout)
    return t if _core.layout_id(t) == number else _core.ops.to_layout(t, number)


def apply_layout(t: Tensor, layout: MeshLayout | None) -> Tensor:
    """What the keyword `layout=` of a factory does: None states nothing."""
    return t if layout is None else to_layout(t, layout)


def _propagation_attrs(op: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes in the terms of `propagate`."""
    if op == "to_layout":
        return {"layout": layout_by_number(attrs["layout"])}
    if op == "permute":
        return {"dims": attrs["dims"]}
    return {"dims": attrs.get("dim")}


def infer_layout(
    op: str,
    category: str,
    attrs: Mapping[str, Any],
    shape: Sequence[int],
    numbers: Sequence[int],
    shapes: Sequence[Sequence[int]],
) -> tuple[int, list[int]]:
    """The layout of a result and, for each operand, the one to move it to first or -1: the core's question."""
    from .layout import propagate

    rule = _RULES.get(op) or _CATEGORIES.get(category, category)
    layouts = [_objects[number] for number in numbers]
    out, moves = propagate(rule, _propagation_attrs(op, attrs), layouts, shapes, shape)
    return layout_number(out), [-1 if move is None else layout_number(move) for move in moves]


_core.set_layout_hook(infer_layout)
