"""Saving and loading of tensors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._tensor import Tensor
from . import safetensors

FORMATS = (".safetensors",)


def check_format(op: str, path: Path) -> None:
    if path.suffix != ".safetensors":
        raise ValueError(
            f"[{op}] {path} ends in {path.suffix!r}: the format is chosen by the ending, {FORMATS[0]} exists"
        )


def save(obj: Any, path: str | os.PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
    """Save tensors to a file, atomically: a reader sees the old file or the complete new one.

    Args:
        obj: name -> tensor, or a module, of which the `state_dict()` is saved.
        path: ends in `.safetensors`.
        metadata: strings to be stored beside the tensors.

    Raises:
        TypeError: `obj` is neither.
        ValueError: no format has this ending.

    Example:
        >>> import tempfile
        >>> import pyflame as pf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pf.save({"x": pf.arange(3)}, f"{folder}/x.safetensors")
        ...     pf.load(f"{folder}/x.safetensors")["x"].tolist()
        [0, 1, 2]
    """
    path = Path(path)
    check_format("save", path)
    if not isinstance(obj, Mapping) and callable(getattr(obj, "state_dict", None)):
        obj = obj.state_dict()
    if not isinstance(obj, Mapping):
        raise TypeError(f"[save] obj is a {type(obj).__name__}: .safetensors holds a dict of tensors, or a module's")
    for name, value in obj.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise TypeError(
                f"[save] {name!r} is a {type(value).__name__}: .safetensors holds tensors under strings only"
            )
    safetensors.write(obj, path, metadata)


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Load the tensors of a file; nothing in it is ever executed.

    Args:
        path: ends in `.safetensors`.

    Raises:
        SerializationError: the file is damaged or not of its format.
        ValueError: no format has this ending.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    check_format("load", path)
    return safetensors.read(path)[0]
