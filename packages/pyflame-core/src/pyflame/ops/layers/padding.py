"""Padding by what is there: reflected, replicated or from the other side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ... import _core
from ..._types import Array
from .sizes import table

if TYPE_CHECKING:
    from ..._tensor import Tensor

_index_select = _core.ops.index_select

MODES = ("constant", "reflect", "replicate", "circular")


def _reflected(places: Array, size: int) -> Array:
    distance = np.abs(places)
    return size - 1 - np.abs(size - 1 - distance)


def _replicated(places: Array, size: int) -> Array:
    return np.clip(places, 0, size - 1)


def _wrapped(places: Array, size: int) -> Array:
    return places % size


_SOURCES = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}


@lru_cache(maxsize=64)
def _places(mode: str, size: int, before: int, after: int) -> Array:
    return _SOURCES[mode](np.arange(-before, size + after), size)


def pad_from_inside(x: Tensor, widths: Sequence[int], mode: str) -> Tensor:
    """Pad the last dimensions with elements of `x`; `widths` and errors are those of `pad`."""
    pairs = len(widths) // 2
    if len(widths) % 2 or pairs > x.ndim:
        raise RuntimeError(
            f"[pad] {len(widths)} numbers for {x.ndim} dimensions: expected a pair for each of the last ones"
        )
    if not 1 <= pairs <= 3 or x.ndim not in (pairs + 1, pairs + 2):
        raise NotImplementedError(
            f"[pad] cpu: mode {mode!r} pads the last 1, 2 or 3 dimensions of x with one or two before them, got "
            f"{pairs} pairs for shape {tuple(x.shape)}: reshape first"
        )
    for place in range(pairs):
        dim, (before, after) = x.ndim - 1 - place, widths[2 * place : 2 * place + 2]
        if mode == "circular" and min(before, after) < 0:  # what is left goes round
            cut = (max(-before, 0), max(-after, 0))
            x = _core.ops.slice(x, dim, cut[0], 1, max(x.shape[dim] - sum(cut), 0))
            before, after = max(before, 0), max(after, 0)
            if not before and not after:
                continue
        size = x.shape[dim]
        most = {"reflect": size - 1, "circular": size}.get(mode)
        if size == 0 or most is not None and max(before, after) > most:
            raise RuntimeError(
                f"[pad] x has shape {tuple(x.shape)}: mode {mode!r} cannot pad dimension {dim} by ({before}, {after})"
            )
        least = 0 if pairs > 1 else 1  # as PyTorch, whose planes and volumes may lose one dimension
        if size + before + after < least:
            raise RuntimeError(f"[pad] ({before}, {after}) cuts all of the {size} elements of dimension {dim}")
        if before or after:
            x = _index_select(x, table(_places(mode, size, before, after)), dim)
    return x
