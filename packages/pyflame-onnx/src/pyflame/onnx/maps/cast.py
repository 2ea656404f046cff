"""Conversions between element types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, Carried, ElementType, carry, element_type, host, lift, type_of
from .registry import maps


def convert(x: Any, kind: ElementType, saturate: bool = True, round_mode: str = "up") -> Any:
    """Return values in an element type, as ONNX converts them."""
    have = type_of(x)
    if have == kind:
        return x
    tensor = x.tensor if isinstance(x, Carried) else x
    if have.name == "UINT64" and kind.dtype.is_floating_point:
        tensor = pf.cast(tensor, pf.float64)
        tensor = pf.where(tensor < 0, tensor + 2.0**64, tensor)
    if kind.native:
        return pf.cast(tensor, kind.dtype) if tensor.dtype != kind.dtype else tensor
    if "FLOAT" in kind.name:
        return to_small_float(tensor, kind, saturate, round_mode)
    if kind.name == "UINT64":
        return Carried(pf.cast(tensor, pf.int64), kind)
    return to_narrow_integer(tensor, kind)


def to_narrow_integer(x: Tensor, kind: ElementType) -> Carried:
    whole = pf.cast(pf.trunc(x) if x.dtype.is_floating_point else x, pf.int64)
    kept = pf.remainder(whole, 2**kind.bits)
    if not kind.name.startswith("U"):
        kept = pf.where(kept >= 2 ** (kind.bits - 1), kept - 2**kind.bits, kept)
    return Carried(pf.cast(kept, kind.dtype), kind)


def to_small_float(x: Tensor, kind: ElementType, saturate: bool, round_mode: str) -> Any:
    """Round to the values an 8-bit or 4-bit float has. It needs the bits, so it happens on the host."""
    return lift(round_to_grid(host(x), kind, saturate, round_mode))


def grid_of(kind: ElementType) -> Array:
    """All finite values of a small float type, ascending, without negative zero."""
    bits = np.arange(2 ** (4 if kind.name == "FLOAT4E2M1" else 8), dtype=np.uint8).view(kind.array)
    values = bits.astype(np.float64)
    return np.unique(values[np.isfinite(values)])


def round_to_grid(array: Array, kind: ElementType, saturate: bool, round_mode: str) -> Array:
    wide = array.astype(np.float64)
    grid = grid_of(kind)
    if kind.name == "FLOAT8E8M0":
        return to_power_of_two(wide, grid, kind, saturate, round_mode)
    rounded = wide.astype(np.float32).astype(kind.array)
    if kind.name == "FLOAT4E2M1":  # always saturates
        return rounded
    top, back = grid[-1], rounded.astype(np.float64)
    # What rounds beyond the largest value: half a step above it and more.
    beyond = np.abs(wide) >= top + (top - grid[-2]) / 2
    if saturate:
        back = np.where(beyond | ~np.isfinite(back), np.clip(wide, -top, top), back)
    else:
        back = np.where(beyond, np.copysign(np.inf, wide) if kind.name == "FLOAT8E5M2" else np.nan, back)
    return np.where(np.isnan(wide), np.nan, back).astype(kind.array)


def to_power_of_two(wide: Array, grid: Array, kind: ElementType, saturate: bool, round_mode: str) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.log2(np.abs(wide))
    rounding: dict[str, Callable[[Array], Array]] = {
        "up": np.ceil,
        "down": np.floor,
        "nearest": lambda e: np.floor(e + (np.exp2(e - np.floor(e)) >= 1.5)),
    }
    power = rounding[round_mode](exponent)
    low, high = np.log2(grid[0]), np.log2(grid[-1])
    outside = (power > high) | (power < low)
    power = np.clip(power, low, high)
    value = np.exp2(power)
    if not saturate:
        value = np.where(outside, np.nan, value)
    return np.where(np.isnan(wide), np.nan, value).astype(kind.array)


@maps("Cast", 6, 9, 13, carried="own")
def cast(x: Any, *, to: int) -> Any:
    return convert(x, element_type(to))


@maps("Cast", 19, 21, 23, carried="own")
def cast_saturating(x: Any, *, to: int, saturate: int = 1) -> Any:
    return convert(x, element_type(to), bool(saturate))


@maps("Cast", 24, 25, 28, carried="own")
def cast_rounding(x: Any, *, to: int, saturate: int = 1, round_mode: str = "up") -> Any:
    return convert(x, element_type(to), bool(saturate), round_mode)


@maps("CastLike", 15, carried="own")
def cast_like(x: Any, target: Any) -> Any:
    return convert(x, type_of(target))


@maps("CastLike", 19, 21, 23, carried="own")
def cast_like_saturating(x: Any, target: Any, *, saturate: int = 1) -> Any:
    return convert(x, type_of(target), bool(saturate))


@maps("CastLike", 24, 25, carried="own")
def cast_like_rounding(x: Any, target: Any, *, saturate: int = 1, round_mode: str = "up") -> Any:
    return convert(x, type_of(target), bool(saturate), round_mode)


@maps("BitCast", 26, host="x", carried="own")
def bit_cast(x: Any, *, to: int) -> Any:
    kind = element_type(to)
    array = host(x)
    if array.dtype.itemsize != kind.array.itemsize:
        raise ValueError(f"[BitCast] {array.dtype} to {kind.name}: the sizes differ")
    return carry_like(array.view(kind.array))


def carry_like(array: Array) -> Any:
    lifted = lift(array)
    return lifted if isinstance(lifted, Carried) else carry(lifted, type_of(array))
