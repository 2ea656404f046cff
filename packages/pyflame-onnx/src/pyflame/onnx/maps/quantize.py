"""Quantised arithmetic, by integer operations and the conversions around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor

from ..values import TYPES, Carried, ElementType, axis_of, carry, element_type, type_of
from .cast import convert
from .convolution import conv, spatial
from .registry import maps

UINT8 = next(kind for kind in TYPES.values() if kind.name == "UINT8")


def plain(value: Any) -> Tensor:
    """Return the values of a tensor of any element type."""
    tensor: Tensor = value.tensor if isinstance(value, Carried) else value
    return tensor


def limits(kind: ElementType) -> tuple[int, int]:
    """Return the smallest and largest value of an integer type."""
    if kind.name.startswith("U"):
        return 0, 2**kind.bits - 1
    return -(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1) - 1


def along(parameter: Tensor, x: Tensor, axis: int, block: int = 0) -> Tensor:
    """Shape scales or zero points, one per slice or block along an axis, so that they broadcast."""
    if parameter.ndim == 0 or (parameter.ndim == 1 and parameter.shape[0] == 1):
        return pf.reshape(parameter, ())
    axis = axis_of(axis, x.ndim, "quantize")
    if parameter.ndim == 1 and not block:
        return pf.reshape(parameter, [-1 if place == axis else 1 for place in range(x.ndim)])
    size = x.shape[axis]
    step = block or -(-size // parameter.shape[axis])
    return pf.narrow(pf.repeat_interleave(parameter, step, axis), axis, 0, size)


def quantize(x: Tensor, scale: Tensor, zero: Tensor | None, kind: ElementType, wide: Any = None) -> Any:
    """Divide, round half to even, shift and clip."""
    computed = wide or (pf.float64 if x.dtype == pf.float64 else pf.float32)
    ratio = pf.cast(x, computed) / pf.cast(scale, computed)
    if "FLOAT" in kind.name:
        return convert(ratio if zero is None else ratio + pf.cast(zero, computed), kind)
    low, high = limits(kind)
    rounded = pf.round(ratio)
    shifted = rounded if zero is None else rounded + pf.cast(zero, computed)
    return carry(pf.cast(pf.clip(shifted, low, high), pf.int32), kind)


@maps("QuantizeLinear", 10, carried="own")
def quantize_linear(x: Tensor, scale: Tensor, zero: Any = None) -> Any:
    kind = UINT8 if zero is None else type_of(zero)
    return quantize(x, scale, None if zero is None else plain(zero), kind)


@maps("QuantizeLinear", 13, carried="own")
def quantize_linear_axis(x: Tensor, scale: Tensor, zero: Any = None, *, axis: int = 1) -> Any:
    return quantize_linear_block(x, scale, zero, axis=axis)


@maps("QuantizeLinear", 19, carried="own")
def quantize_linear_saturating(x: Tensor, scale: Tensor, zero: Any = None, *, axis: int = 1, saturate: int = 1) -> Any:
    return quantize_linear_block(x, scale, zero, axis=axis, saturate=saturate)


@maps("QuantizeLinear", 21, carried="own")
def quantize_linear_block(
    x: Tensor,
    scale: Any,
    zero: Any = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    saturate: int = 1,
) -> Any:
    return quantize_linear_precise(
        x, scale, zero, axis=axis, block_size=block_size, output_dtype=output_dtype, saturate=saturate
    )


@maps("QuantizeLinear", 23, 24, 25, 28, carried="own")
def quantize_linear_precise(
    x: Tensor,
    scale: Any,
    zero: Any = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Any:
    kind = type_of(zero) if zero is not None else element_type(output_dtype) if output_dtype else UINT8
    spread = along(plain(scale), x, axis, block_size)
    shift = None if zero is None else along(plain(zero), x, axis, block_size)
    return quantize(x, spread, shift, kind, element_type(precision).dtype if precision else None)


@maps("DequantizeLinear", 10, carried="own")
def dequantize_linear(x: Any, scale: Tensor, zero: Any = None) -> Tensor:
    return dequantize_linear_block(x, scale, zero)


@maps("DequantizeLinear", 13, 19, carried="own")
def dequantize_linear_axis(x: Any, scale: Tensor, zero: Any = None, *, axis: int = 1) -> Tensor:
    return dequantize_linear_block(x, scale, zero, axis=axis)


@maps("DequantizeLinear", 21, carried="own")
def dequantize_linear_block(x: Any, scale: Any, zero: Any = None, *, axis: int = 1, block_size: int = 0) -> Tensor:
    return dequantize_linear_to(x, scale, zero, axis=axis, block_size=block_size)


@maps("DequantizeLinear", 23, 24, 25, 28, carried="own")
def dequantize_linear_to(
    x: Any, scale: Any, zero: Any = None, *, axis: int = 1, block_size: int = 0, output_dtype: int = 0
) -> Tensor:
    values, factor = plain(x), plain(scale)
    kind = element_type(output_dtype).dtype if output_dtype else factor.dtype
    wide = pf.cast(values, pf.float32)
    if zero is not None:
        wide = wide - pf.cast(along(plain(zero), values, axis, block_size), pf.float32)
    return pf.cast(wide * pf.cast(along(factor, values, axis, block_size), pf.float32), kind)


@maps("DynamicQuantizeLinear", 11)
def dynamic_quantize_linear(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = pf.clip(pf.amin(x), max=0), pf.clip(pf.amax(x), min=0)
    scale = (high - low) / 255
    safe = pf.where(pf.eq(scale, 0), pf.ones_like(scale), scale)
    zero = pf.cast(pf.clip(pf.round(-low / safe), 0, 255), pf.uint8)
    return pf.cast(quantize(x, safe, zero, UINT8), pf.uint8), scale, zero


def shifted(x: Tensor, zero: Tensor | None, axis: int | None = None) -> Tensor:
    """Subtract a zero point, in 32 bits."""
    wide = pf.cast(x, pf.int32)
    if zero is None:
        return wide
    point = pf.cast(zero, pf.int32)
    if axis is not None and point.ndim == 1 and point.shape[0] > 1:
        point = pf.reshape(point, [-1 if place == axis % x.ndim else 1 for place in range(x.ndim)])
    elif point.ndim == 1 and point.shape[0] == 1:
        point = pf.reshape(point, ())
    return wide - point


@maps("MatMulInteger", 10)
def matmul_integer(a: Tensor, b: Tensor, a_zero: Tensor | None = None, b_zero: Tensor | None = None) -> Tensor:
    return pf.matmul(shifted(a, a_zero, -2 if a.ndim > 1 else None), shifted(b, b_zero, -1))


@maps("QLinearMatMul", 10, 21)
def qlinear_matmul(
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
) -> Any:
    product = pf.cast(pf.matmul(shifted(a, a_zero, -2), shifted(b, b_zero, -1)), pf.float32)
    rows = pf.reshape(a_scale, (-1, 1)) if a_scale.ndim == 1 and a_scale.shape[0] > 1 else a_scale
    factor = pf.cast(rows, pf.float32) * pf.cast(b_scale, pf.float32) / pf.cast(y_scale, pf.float32)
    return quantize(product * factor, pf.ones(()), y_zero, type_of(y_zero))


def integer_convolution(x: Tensor, w: Tensor, attributes: dict[str, Any]) -> Tensor:
    """Convolve integers exactly: in float64, which holds every sum of products of 8-bit numbers."""
    return pf.cast(conv(pf.cast(x, pf.float64), pf.cast(w, pf.float64), **attributes), pf.int32)


@maps("ConvInteger", 10)
def conv_integer(
    x: Tensor,
    w: Tensor,
    x_zero: Tensor | None = None,
    w_zero: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    options = {"auto_pad": auto_pad, "dilations": dilations, "group": group, "pads": pads, "strides": strides}
    return integer_convolution(shifted(x, x_zero), shifted(w, w_zero, 0), options)


@maps("QLinearConv", 10)
def qlinear_conv(
    x: Tensor,
    x_scale: Tensor,
    x_zero: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Any:
    options = {"auto_pad": auto_pad, "dilations": dilations, "group": group, "pads": pads, "strides": strides}
    total = integer_convolution(shifted(x, x_zero), shifted(w, w_zero, 0), options)
    channel = [1, -1] + [1] * spatial(x, "QLinearConv")
    if bias is not None:
        total = total + pf.reshape(pf.cast(bias, pf.int32), channel)
    factor = x_scale * w_scale / y_scale
    factor = pf.reshape(factor, channel if factor.numel() > 1 else ())
    return quantize(pf.cast(total, pf.float32) * factor, pf.ones(()), pf.reshape(y_zero, ()), type_of(y_zero))
