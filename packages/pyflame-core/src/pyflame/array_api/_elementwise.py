"""Elementwise functions under the standard's names."""

from __future__ import annotations

from .. import ops
from .._tensor import Tensor
from ._promotion import Operand, binary, unary

abs = unary("abs", ops.abs)
acos = unary("acos", ops.acos)
acosh = unary("acosh", ops.acosh)
add = binary("add", ops.add)
asin = unary("asin", ops.asin)
asinh = unary("asinh", ops.asinh)
atan = unary("atan", ops.atan)
atan2 = binary("atan2", ops.arctan2)
atanh = unary("atanh", ops.atanh)
bitwise_and = binary("bitwise_and", ops.bitwise_and)
bitwise_invert = unary("bitwise_invert", ops.bitwise_not)
bitwise_left_shift = binary("bitwise_left_shift", ops.bitwise_left_shift)
bitwise_or = binary("bitwise_or", ops.bitwise_or)
bitwise_right_shift = binary("bitwise_right_shift", ops.bitwise_right_shift)
bitwise_xor = binary("bitwise_xor", ops.bitwise_xor)
ceil = unary("ceil", ops.ceil)
copysign = binary("copysign", ops.copysign)
cos = unary("cos", ops.cos)
cosh = unary("cosh", ops.cosh)
divide = binary("divide", ops.divide)
equal = binary("equal", ops.eq)
exp = unary("exp", ops.exp)
expm1 = unary("expm1", ops.expm1)
floor = unary("floor", ops.floor)
floor_divide = binary("floor_divide", ops.floor_divide)
greater = binary("greater", ops.gt)
greater_equal = binary("greater_equal", ops.ge)
hypot = binary("hypot", ops.hypot)
isfinite = unary("isfinite", ops.isfinite)
isinf = unary("isinf", ops.isinf)
isnan = unary("isnan", ops.isnan)
less = binary("less", ops.lt)
less_equal = binary("less_equal", ops.le)
log = unary("log", ops.log)
log10 = unary("log10", ops.log10)
log1p = unary("log1p", ops.log1p)
log2 = unary("log2", ops.log2)
logaddexp = binary("logaddexp", ops.logaddexp)
logical_and = binary("logical_and", ops.logical_and)
logical_not = unary("logical_not", ops.logical_not)
logical_or = binary("logical_or", ops.logical_or)
logical_xor = binary("logical_xor", ops.logical_xor)
maximum = binary("maximum", ops.maximum)
minimum = binary("minimum", ops.minimum)
multiply = binary("multiply", ops.multiply)
negative = unary("negative", ops.negative)
not_equal = binary("not_equal", ops.ne)
positive = unary("positive", ops.positive)
pow = binary("pow", ops.pow)
reciprocal = unary("reciprocal", ops.reciprocal)
remainder = binary("remainder", ops.remainder)
round = unary("round", ops.round)
sign = unary("sign", ops.sign)
signbit = unary("signbit", ops.signbit)
sin = unary("sin", ops.sin)
sinh = unary("sinh", ops.sinh)
sqrt = unary("sqrt", ops.sqrt)
square = unary("square", ops.square)
subtract = binary("subtract", ops.subtract)
tan = unary("tan", ops.tan)
tanh = unary("tanh", ops.tanh)
trunc = unary("trunc", ops.trunc)


def clip(x: Tensor, /, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Move what is outside [min, max] to the nearer bound; the dtype stays that of `x`.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.clip(xp.asarray([-1, 0, 5]), 0, 3)
        tensor([0, 0, 3])
    """
    if min is None and max is None:
        return ops.positive(x)
    low, high = _bound(x, min), _bound(x, max)
    shape = ops.broadcast_shapes(x.shape, *(bound.shape for bound in (low, high) if isinstance(bound, Tensor)))
    y = ops.clamp(ops.broadcast_to(x, shape), low, high)
    return y if y.dtype is x.dtype else y.to(x.dtype)


def _bound(x: Tensor, bound: Operand | None) -> Tensor | float | None:
    if isinstance(bound, Tensor) and bound.dtype is not x.dtype:
        return bound.to(x.dtype)
    return bound


def conj(x: Tensor, /) -> Tensor:
    """Return `x`: there are no complex dtypes."""
    return x


def imag(x: Tensor, /) -> Tensor:
    """Return zeros: there are no complex dtypes."""
    return ops.zeros_like(x)


def real(x: Tensor, /) -> Tensor:
    """Return `x`: there are no complex dtypes."""
    return x
