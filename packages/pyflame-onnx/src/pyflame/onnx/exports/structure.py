"""Arguments of any structure: their tensors, and the same structure with types in place of tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyflame as pf


def tensors_in(item: Any) -> list[pf.Tensor]:
    """The tensors of nested tuples, lists and dicts, in order."""
    if isinstance(item, pf.Tensor):
        return [item]
    if isinstance(item, dict):
        return [one for value in item.values() for one in tensors_in(value)]
    if isinstance(item, list | tuple):
        return [one for value in item for one in tensors_in(value)]
    return []


def shaped(item: Any, shapes: Iterator[tuple[int, ...]]) -> Any:
    """The same structure, each tensor replaced by the type it has with another shape."""
    if isinstance(item, pf.Tensor):
        return pf.TensorSpec(next(shapes), item.dtype)
    if isinstance(item, dict):
        return {key: shaped(value, shapes) for key, value in item.items()}
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return type(item)(*(shaped(value, shapes) for value in item))
    if isinstance(item, list | tuple):
        return type(item)(shaped(value, shapes) for value in item)
    return item
