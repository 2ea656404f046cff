"""Nested tuples, lists and dicts taken apart and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import _core
from .parts import TensorSpec


@dataclass(frozen=True, slots=True)
class Tree:
    """The structure of a value that holds tensors.

    Args:
        kind: "tensor", "value" (something that is no tensor), "tuple", "list", "dict" or "namedtuple".
        children: of a container.
        data: the value itself, the keys of a dict, or the type of a named tuple.
    """

    kind: str
    children: tuple[Tree, ...] = ()
    data: Any = None

    @property
    def num_tensors(self) -> int:
        """How many tensors a value of this structure holds."""
        return (self.kind == "tensor") + sum(child.num_tensors for child in self.children)


def flatten(value: Any, leaves: list[Any]) -> Tree:
    """Appends the tensors (or tensor types) in a value to `leaves`; the structure around them."""
    if isinstance(value, _core.TensorBase | TensorSpec):
        leaves.append(value)
        return Tree("tensor")
    if isinstance(value, dict):
        return Tree("dict", tuple(flatten(item, leaves) for item in value.values()), tuple(value))
    if isinstance(value, tuple | list):
        children = tuple(flatten(item, leaves) for item in value)
        if hasattr(value, "_fields"):
            return Tree("namedtuple", children, type(value))
        return Tree("list" if isinstance(value, list) else "tuple", children)
    return Tree("value", data=value)


def unflatten(tree: Tree, leaves: Iterator[Any]) -> Any:
    """The value of a structure, its tensors taken from `leaves`."""
    if tree.kind == "tensor":
        return next(leaves)
    if tree.kind == "value":
        return tree.data
    items = [unflatten(child, leaves) for child in tree.children]
    if tree.kind == "dict":
        return dict(zip(tree.data, items))
    if tree.kind == "namedtuple":
        return tree.data(*items)
    return tuple(items) if tree.kind == "tuple" else items


def paths(tree: Tree, path: str) -> Iterator[str]:
    """A name for each tensor, such as x, x_0 or x_mask."""
    if tree.kind == "tensor":
        yield path
    keys = tree.data if tree.kind == "dict" else range(len(tree.children))
    for key, child in zip(keys, tree.children):
        yield from paths(child, f"{path}_{key}" if path else str(key))
