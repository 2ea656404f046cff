"""Arguments of any structure: their tensors, and the same structure with types in place of tensors."""

from __future__ import annotations

import dataclasses
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


def plain(result: Any, path: str = "") -> list[tuple[str, pf.Tensor]]:
    """The tensors of a result of any structure with their names: keys of dicts and fields, positions elsewhere.

    Raises:
        TypeError: something in it is neither tensor nor container nor plain value.
    """
    if isinstance(result, pf.Tensor):
        return [(path, result)]
    if isinstance(result, dict):
        items: list[tuple[str, Any]] = [(str(key), value) for key, value in result.items()]
    elif dataclasses.is_dataclass(result) and not isinstance(result, type):
        items = [(field.name, getattr(result, field.name)) for field in dataclasses.fields(result)]
    elif isinstance(result, list | tuple):
        names = getattr(result, "_fields", None) or map(str, range(len(result)))
        items = list(zip(names, result))
    elif result is None or isinstance(result, str | int | float | complex):
        return []
    else:
        raise TypeError(
            f"[onnx] the result {path or 'of the model'} is of type {type(result).__name__}: return tensors, or "
            "tuples, lists, dicts and dataclasses of them"
        )
    return [pair for key, value in items for pair in plain(value, f"{path}_{key}" if path else key)]


class Flat:
    """A model whose result is a flat tuple of tensors.

    Args:
        model: module or function.

    Attributes:
        names: of the tensors in the result of the last call; empty for a single tensor and for positions.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.names: list[str] = []
        self.__name__ = getattr(model, "__name__", type(model).__name__)
        self.forward = model.forward if hasattr(model, "forward") else model
        for method in ("named_parameters", "named_buffers"):
            if hasattr(model, method):
                setattr(self, method, getattr(model, method))
        if not hasattr(model, "named_parameters"):
            self.__wrapped__ = model  # its signature names the inputs

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[pf.Tensor, ...]:
        found = plain(self.model(*args, **kwargs))
        if not found:
            raise ValueError("[onnx] the model returns no tensor: there is nothing to export")
        self.names = [f"output_{name}" if name.isdigit() else name or "output" for name, _ in found]
        return tuple(tensor for _, tensor in found)
