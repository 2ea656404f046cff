"""Tensors as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._conversion import host
from .dtypes import bool_, get_default_dtype, int64

if TYPE_CHECKING:
    from ._tensor import Tensor

_options: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed.

    Args:
        precision: digits after the point.
        threshold: tensors with more elements are shortened.
        edgeitems: how many elements are shown at each end of a shortened dimension.
        linewidth: characters.
        sci_mode: True for scientific notation, False for none, None to choose by the values.

    Example:
        >>> import pyflame as pf
        >>> pf.set_printoptions(precision=4)
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({name: value for name, value in given.items() if value is not None}, sci_mode=sci_mode)


def _float_format(array: Any) -> Any:
    """One format for all elements, as PyTorch chooses it."""
    precision = _options["precision"]
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    nonzero = finite[finite > 0]
    low, high = (nonzero.min(), nonzero.max()) if nonzero.size else (1.0, 1.0)
    whole = bool((finite == np.ceil(finite)).all())
    scientific = _options["sci_mode"]
    if scientific is None:
        scientific = high / low > 1000.0 or high > 1.0e8 or (not whole and low < 1.0e-4)
    if scientific:
        return lambda value: f"{value:.{precision}e}"
    if whole:
        return lambda value: f"{value:.0f}." if math.isfinite(value) else str(float(value))
    return lambda value: f"{value:.{precision}f}"


def _shown(array: Any) -> Any:
    """The elements that are printed: the corners, when the tensor is shortened."""
    if array.size <= _options["threshold"]:
        return array
    for axis in range(array.ndim):
        edge = _options["edgeitems"]
        if array.shape[axis] > 2 * edge:
            size = array.shape[axis]
            array = array.take([*range(edge), *range(size - edge, size)], axis)
    return array


def _values(array: Any, indent: int) -> str:
    shown = _shown(array)
    write = _float_format(shown) if array.dtype.kind == "f" else str
    # As PyTorch measures: zeros, NaN and infinities do not count, so they may stand out of line.
    counted = shown[np.isfinite(shown) & (shown != 0)] if array.dtype.kind == "f" else shown
    width = max((len(write(value)) for value in counted.ravel().tolist()), default=1)
    shortened = array.size > _options["threshold"]
    return _nested(array, lambda value: str(write(value)).rjust(width), width, indent, shortened)


def _nested(array: Any, write: Any, width: int, indent: int, shortened: bool) -> str:
    if array.ndim == 0:
        return str(write(array.item())).strip()
    edge = _options["edgeitems"]
    cut = shortened and array.shape[0] > 2 * edge
    rows = [*array[:edge], *array[-edge:]] if cut else list(array)
    if array.ndim == 1:
        parts = [write(value.item()) for value in rows]
        if cut:
            parts.insert(edge, " ...")
        room = max(1, (_options["linewidth"] - indent) // (width + 2))
        lines = [", ".join(parts[first : first + room]) for first in range(0, len(parts), room)]
    else:
        lines = [_nested(row, write, width, indent + 1, shortened) for row in rows]
        if cut:
            lines.insert(edge, "...")
    gap = "\n" * max(1, array.ndim - 1)
    return f"[{f',{gap}{chr(32) * (indent + 1)}'.join(lines)}]"


def text(x: Tensor, prefix: str = "tensor(") -> str:
    array = host(_core.detach(x))
    notes = []
    if not array.size and array.ndim != 1:
        notes.append(f"size={tuple(x.shape)}")
    if x.dtype not in (get_default_dtype(), int64, bool_) or (not array.size and x.dtype is not get_default_dtype()):
        notes.append(f"dtype={x.dtype}")
    if x.requires_grad:
        notes.append("requires_grad=True" if x.is_leaf else f"grad_fn=<{x.grad_fn.name()}>")
    written = prefix + (_values(array, len(prefix)) if array.size else "[]")
    column = len(written) - written.rfind("\n") - 1
    for note in notes:
        if column + len(note) + 2 > _options["linewidth"]:
            written += f",\n{' ' * len(prefix)}{note}"
            column = len(prefix) + len(note)
        else:
            written += f", {note}"
            column += len(note) + 2
    return f"{written})"


def formatted(x: Tensor, spec: str) -> str:
    if not x.ndim:
        return format(_core.item(x), spec)
    if spec:
        raise TypeError(f"[format] x has shape {tuple(x.shape)}: only 0-d tensors take a format such as {spec!r}")
    return text(x)
