"""Joining items into batches."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from pyflame import Tensor, float64, from_numpy, stack, tensor


def alike(data: Mapping[Any, Any], content: dict[Any, Any]) -> Any:
    """Return a mapping of the same class, if it can be made of a dict; else the dict."""
    if type(data) is dict:
        return content
    if isinstance(data, MutableMapping):  # keeps what else it has, such as the default of a defaultdict
        same = copy(data)
        same.update(content)
        return same
    try:
        return type(data)(content)  # type: ignore[call-arg]
    except TypeError:
        return content


def has_letters(array: np.ndarray[Any, Any] | np.generic) -> bool:
    return array.dtype.kind in "SUO"


def default_convert(data: Any) -> Any:
    """Turn NumPy arrays and numbers inside an item into tensors and leave the rest.

    Containers keep their class, but tuples become lists.

    Example:
        >>> import numpy as np
        >>> from pyflame.data import default_convert
        >>> default_convert({"x": np.ones(2), "name": "a"})
        {'x': tensor([1., 1.], dtype=pyflame.float64), 'name': 'a'}
    """
    if isinstance(data, np.ndarray | np.generic):
        return data if has_letters(data) else from_numpy(np.asarray(data))
    if isinstance(data, Mapping):
        return alike(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple | list):
        return [default_convert(value) for value in data]
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """Join items into a batch: tensors are stacked, numbers become a tensor, containers are joined part by part.

    Args:
        batch: items of equal structure.

    Raises:
        RuntimeError: parts of the items have different lengths or shapes.
        TypeError: an item is of a kind that has no batch.

    Example:
        >>> from pyflame.data import default_collate
        >>> default_collate([{"x": 1.5, "name": "a"}, {"x": 2.5, "name": "b"}])["name"]
        ['a', 'b']
        >>> default_collate([(1, 2.0), (3, 4.0)])[0].tolist()
        [1, 3]
    """
    if not len(batch):
        raise RuntimeError("[collate] the batch is empty: a sampler of batches yields at least one item for each")
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, np.ndarray | np.generic) and not has_letters(first):
        arrays = [np.asarray(item) for item in batch]
        if len(shapes := {array.shape for array in arrays}) != 1:
            raise RuntimeError(f"[collate] the items have the shapes {sorted(shapes)}: expected one shape")
        return from_numpy(np.stack(arrays), copy=False)
    if isinstance(first, bool | int):
        return tensor(list(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=float64)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return alike(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if isinstance(first, tuple | list):
        lengths = {len(item) for item in batch}
        if len(lengths) != 1:
            raise RuntimeError(f"[collate] the items have {sorted(lengths)} parts: expected the same number in each")
        parts = [default_collate(part) for part in zip(*batch)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(f"[collate] items of type {type(first).__name__} have no batch: give the loader a collate_fn")
