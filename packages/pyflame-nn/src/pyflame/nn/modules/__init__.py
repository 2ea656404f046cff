"""PyTorch's place of the layers, which are in `pyflame.nn` as well."""

from __future__ import annotations

from typing import Any

from . import lazy as lazy, module as module


def __getattr__(name: str) -> Any:
    from pyflame import nn

    if name.startswith("_") or not hasattr(nn, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(nn, name)
