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


def _values(array: Any, prefix: str) -> str:
    if array.dtype.kind == "f":
        write = _float_format(_shown(array))
    else:
        write = str
    width = max((len(write(value)) for value in _shown(array).ravel().tolist() if math.isfinite(value)), default=0)
    if array.ndim == 0:
        return str(write(array.item()))
    return np.array2string(
        array,
        separator=", ",
        prefix=prefix,
        suffix=")",
        threshold=_options["threshold"],
        edgeitems=_options["edgeitems"],
        max_line_width=_options["linewidth"],
        formatter={"all": lambda value: str(write(value.item() if hasattr(value, "item") else value)).rjust(width)},
    )


def text(x: Tensor, prefix: str = "tensor(") -> str:
    array = host(_core.detach(x))
    notes = []
    if not array.size and array.ndim != 1:
        notes.append(f"size={tuple(x.shape)}")
    if x.dtype not in (get_default_dtype(), int64, bool_) or (not array.size and x.dtype is not get_default_dtype()):
        notes.append(f"dtype={x.dtype}")
    if x.requires_grad:
        notes.append("requires_grad=True" if x.is_leaf else f"grad_fn=<{x.grad_fn.name()}>")
    values = _values(array, prefix) if array.size else "[]"
    return f"{prefix}{', '.join([values, *notes])})"


def formatted(x: Tensor, spec: str) -> str:
    if not x.ndim:
        return format(_core.item(x), spec)
    if spec:
        raise TypeError(f"[format] x has shape {tuple(x.shape)}: only 0-d tensors take a format such as {spec!r}")
    return text(x)
