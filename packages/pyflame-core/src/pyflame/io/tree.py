"""Nested dicts, lists and tuples as JSON data, beside a flat list of their tensors.

None, true, "text", 3, 2.5      themselves                {"float": "nan"}       a float that JSON lacks
[...]                           a list                    {"tuple": [...]}       a tuple
{"dict": {key: value}}          a dict with text as keys  {"items": [[k, v]]}    a dict with other keys
{"tensor": 3}                   the tensor number 3
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._tensor import Tensor
from .source import Source, is_size

MAX_DEPTH = 100


def encode(op: str, obj: Any, place: Callable[[str, Tensor], int]) -> Any:
    """An object as JSON data.

    Args:
        op: for messages.
        obj: what is to be stored.
        place: takes the path of a tensor and the tensor, returns its number.

    Raises:
        TypeError: something in it cannot be stored.
        ValueError: it is nested too deeply, or contains itself.
    """

    def walk(value: Any, path: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(f"[{op}] {path[:80]}... lies more than {MAX_DEPTH} levels deep: it may contain itself")
        if isinstance(value, Tensor):
            return {"tensor": place(path, value)}
        if isinstance(value, list):
            return [walk(item, inner(path, k), depth + 1) for k, item in enumerate(value)]
        if isinstance(value, tuple):
            return {"tuple": [walk(item, inner(path, k), depth + 1) for k, item in enumerate(value)]}
        if isinstance(value, Mapping):
            if all(isinstance(key, str) for key in value):
                return {"dict": {str(key): walk(item, inner(path, key), depth + 1) for key, item in value.items()}}
            pairs = [[scalar_key(key, path), walk(item, inner(path, key), depth + 1)] for key, item in value.items()]
            return {"items": pairs}
        return scalar(value, path)

    def scalar_key(key: Any, path: str) -> Any:
        if isinstance(key, tuple):
            return {"tuple": [scalar(item, path) for item in key]}
        if isinstance(key, int) and abs(key) >= 2**63:
            raise ValueError(f"[{op}] {path or 'obj'} has a key of more than 64 bits")
        return scalar(key, path)

    def scalar(value: Any, path: str) -> Any:
        if isinstance(value, np.bool_ | np.integer | np.floating):
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": str(float(value))}
        where = f"{path} is" if path else "obj is"
        raise TypeError(
            f"[{op}] {where} a {type(value).__name__}: tensors, numbers, text, None, and dicts, lists and tuples of "
            "these can be stored"
        )

    return walk(obj, "", 0)


def inner(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def decode(source: Source, data: Any, tensors: Callable[[int], Tensor], count: int) -> Any:
    """The object that `encode` described.

    Args:
        source: for messages.
        data: JSON data.
        tensors: takes a number, returns the tensor.
        count: how many tensors there are.
    """

    def walk(item: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise source.refuse(f"the object tree is more than {MAX_DEPTH} levels deep")
        if isinstance(item, list):
            return [walk(part, depth + 1) for part in item]
        if not isinstance(item, dict):
            return item
        if len(item) != 1:
            raise source.refuse(f"the object tree has an entry with {len(item)} kinds: expected one")
        kind, value = next(iter(item.items()))
        if kind == "tensor" and is_size(value) and value < count:
            return tensors(value)
        if kind == "float" and value in ("nan", "inf", "-inf"):
            return float(value)
        if kind == "tuple" and isinstance(value, list):
            return tuple([walk(part, depth + 1) for part in value])
        if kind == "dict" and isinstance(value, dict):
            return {key: walk(part, depth + 1) for key, part in value.items()}
        if kind == "items" and isinstance(value, list):
            return dict(pair(part, depth) for part in value)
        raise source.refuse(f"the object tree has an entry {kind[:40]!r} that means nothing")

    def pair(item: Any, depth: int) -> tuple[Any, Any]:
        if not isinstance(item, list) or len(item) != 2:
            raise source.refuse("the object tree has a dict whose items are no pairs")
        key = walk(item[0], depth + 1)
        if isinstance(key, int) and abs(key) >= 2**63:  # such keys can be chosen to be slow to look up
            raise source.refuse("the object tree has a key of more than 64 bits")
        try:
            hash(key)
        except TypeError:
            raise source.refuse("the object tree has a dict with a key that cannot be one") from None
        return key, walk(item[1], depth + 1)

    return walk(data, 0)
