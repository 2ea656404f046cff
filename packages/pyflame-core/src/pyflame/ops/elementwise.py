"""Arithmetic, element by element. Operands broadcast; dtypes promote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .. import _core
from .._core import TensorBase
from ..dtypes import bool_, int64, result_type
from .direct import direct
from .index import nonzero
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Number

_abs = _core.ops.abs
_add = _core.ops.add
_cast = _core.ops.cast
_div = _core.ops.div
_floor_divide = _core.ops.floor_divide
_fmod = _core.ops.fmod
_mul = _core.ops.mul
_neg = _core.ops.neg
_positive = _core.ops.positive
_pow = _core.ops.pow
_reciprocal = _core.ops.reciprocal
_remainder = _core.ops.remainder
_sqrt = _core.ops.sqrt
_square = _core.ops.square
_sub = _core.ops.sub
_trunc = _core.ops.trunc
_where = _core.ops.where


def _scaled(op: str, x: Any, y: Any, alpha: Number) -> Any:
    """`y * alpha`, in the dtype of the result."""
    if op == "sub" and isinstance(y, TensorBase) and y.dtype is bool_:
        return y  # refused by the subtraction
    dtype = result_type(x, y)
    if isinstance(alpha, bool) and dtype is not bool_:
        raise RuntimeError(f"[{op}] alpha is {alpha}, the result is {dtype.name}: a bool alpha needs a bool result")
    if isinstance(alpha, float) and not dtype.is_floating_point:
        raise RuntimeError(f"[{op}] alpha is {alpha}, the result is {dtype.name}: integers need an integer alpha")
    if isinstance(y, TensorBase) and y.dtype is not dtype:
        y = _cast(y, dtype)
    if alpha == 1:
        return y
    return _mul(y, bool(alpha) if dtype is bool_ else alpha)


@direct
def add(x: Tensor | Number, y: Tensor | Number, *, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """Add `y`, scaled by `alpha`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.add(pf.tensor([1, 2]), 10, alpha=2)
        tensor([21, 22])
    """
    if out is not None:
        return stored("add", out, add(x, y, alpha=alpha))
    return _add(x, y) if type(alpha) is int and alpha == 1 else _add(x, _scaled("add", x, y, alpha))


@direct
def sub(x: Tensor | Number, y: Tensor | Number, *, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """Subtract `y`, scaled by `alpha`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sub(pf.tensor([1, 2]), 10)
        tensor([-9, -8])
    """
    if out is not None:
        return stored("sub", out, sub(x, y, alpha=alpha))
    return _sub(x, y) if type(alpha) is int and alpha == 1 else _sub(x, _scaled("sub", x, y, alpha))


def rsub(x: Tensor, y: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Subtract `x`, scaled by `alpha`, from `y`.

    Example:
        >>> import pyflame as pf
        >>> pf.rsub(pf.tensor([1, 2]), 10)
        tensor([9, 8])
    """
    return sub(y, x, alpha=alpha)


@direct
def mul(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Multiply.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.mul(pf.tensor([1, 2]), 10)
        tensor([10, 20])
    """
    if out is not None:
        return stored("mul", out, mul(x, y))
    return _mul(x, y)


def div(
    x: Tensor | Number, y: Tensor | Number, *, rounding_mode: str | None = None, out: Tensor | None = None
) -> Tensor:
    """Divide; integers give the default float dtype unless a rounding mode is named.

    Args:
        rounding_mode: None for the true quotient, "trunc" to round towards zero, "floor" towards minus infinity.
        out: takes the result instead of a new tensor.

    Raises:
        ValueError: `rounding_mode` is none of these.

    Example:
        >>> import pyflame as pf
        >>> pf.div(pf.tensor([7, -7]), 2)
        tensor([ 3.5000, -3.5000])
        >>> pf.div(pf.tensor([7, -7]), 2, rounding_mode="floor")
        tensor([ 3, -4])
    """
    if out is not None:
        return stored("div", out, div(x, y, rounding_mode=rounding_mode))
    if rounding_mode is None:
        return _div(x, y)
    if rounding_mode == "floor":
        return _floor_divide(x, y)
    if rounding_mode == "trunc":
        dtype = result_type(x, y)
        if dtype.is_floating_point:
            return _trunc(_div(x, y))
        x, y = (_cast(z, dtype) if isinstance(z, TensorBase) else z for z in (x, y))
        # Exact for large integers, which a float quotient is not.
        return _trunc(_floor_divide(_sub(x, _fmod(x, y)), y))
    raise ValueError(f"[div] rounding_mode is {rounding_mode!r}: expected None, 'trunc' or 'floor'")


def true_divide(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Divide; the same as `div` without a rounding mode.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.true_divide(pf.tensor([7, -7]), 2)
        tensor([ 3.5000, -3.5000])
    """
    if out is not None:
        return stored("true_divide", out, true_divide(x, y))
    return _div(x, y)


@direct
def floor_divide(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Divide and round towards minus infinity.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.floor_divide(pf.tensor([7, -7]), 2)
        tensor([ 3, -4])
    """
    if out is not None:
        return stored("floor_divide", out, floor_divide(x, y))
    return _floor_divide(x, y)


@direct
def remainder(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Return the remainder of a floored division; it has the sign of `y`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.remainder(pf.tensor([7, -7]), 4)
        tensor([3, 1])
    """
    if out is not None:
        return stored("remainder", out, remainder(x, y))
    return _remainder(x, y)


@direct
def fmod(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Return the remainder of a truncated division; it has the sign of `x`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.fmod(pf.tensor([7, -7]), 4)
        tensor([ 3, -3])
    """
    if out is not None:
        return stored("fmod", out, fmod(x, y))
    return _fmod(x, y)


def pow(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Raise to a power.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: an integer tensor has a negative integer exponent.

    Example:
        >>> import pyflame as pf
        >>> pf.pow(pf.tensor([1.0, 2.0, 3.0]), 2)
        tensor([1., 4., 9.])
    """
    if out is not None:
        return stored("pow", out, pow(x, y))
    if isinstance(x, TensorBase):
        return x**y  # the operator knows small constant exponents
    return _pow(x, y)


def float_power(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Raise to a power in float64.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.float_power(pf.tensor([2, 3]), -1)
        tensor([0.5000, 0.3333], dtype=pyflame.float64)
    """
    if out is not None:
        return stored("float_power", out, float_power(x, y))
    base, exponent = (value.double() if isinstance(value, TensorBase) else float(value) for value in (x, y))
    return pow(base, exponent)


@direct
def neg(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Change the sign.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.neg(pf.tensor([1, -2]))
        tensor([-1,  2])
    """
    if out is not None:
        return stored("neg", out, neg(x))
    return _neg(x)


@direct
def positive(x: Tensor) -> Tensor:
    """Return the values unchanged; bool is refused.

    Example:
        >>> import pyflame as pf
        >>> pf.positive(pf.tensor([1, -2]))
        tensor([ 1, -2])
    """
    return _positive(x)


@direct
def abs(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Take the absolute value; its gradient at 0 is 0.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.abs(pf.tensor([1, -2]))
        tensor([1, 2])
    """
    if out is not None:
        return stored("abs", out, abs(x))
    return _abs(x)


def square(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Multiply each element with itself.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.square(pf.tensor([1, -2]))
        tensor([1, 4])
    """
    if out is not None:
        return stored("square", out, square(x))
    return _square(x if x.dtype is not bool_ else _cast(x, int64))


@direct
def reciprocal(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute 1 / x.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.reciprocal(pf.tensor([1, 4]))
        tensor([1.0000, 0.2500])
    """
    if out is not None:
        return stored("reciprocal", out, reciprocal(x))
    return _reciprocal(x)


def fma(a: Tensor | Number, b: Tensor | Number, c: Tensor | Number) -> Tensor:
    """Compute `a * b + c`.

    Example:
        >>> import pyflame as pf
        >>> pf.fma(pf.tensor([1, 2]), pf.tensor([3, 4]), 10)
        tensor([13, 18])
    """
    return _add(_mul(a, b), c)


def _together(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in their common dtype, so that no intermediate result has less precision."""
    dtype = result_type(*tensors)
    return tuple(x if x.dtype is dtype else _cast(x, dtype) for x in tensors)


def addcmul(x: Tensor, a: Tensor, b: Tensor, *, value: Number = 1, out: Tensor | None = None) -> Tensor:
    """Compute `x + value * a * b`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.addcmul(pf.zeros(2), pf.tensor([1.0, 2.0]), pf.tensor([3.0, 4.0]), value=0.5)
        tensor([1.5000, 4.0000])
    """
    if out is not None:
        return stored("addcmul", out, addcmul(x, a, b, value=value))
    x, a, b = _together(x, a, b)
    product = _mul(a, b)
    if value == 1:
        return _add(x, product)
    return _add(x, _mul(product, value if x.dtype.is_floating_point else int(value)))


def addcdiv(x: Tensor, a: Tensor, b: Tensor, *, value: Number = 1, out: Tensor | None = None) -> Tensor:
    """Compute `x + value * a / b`.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: both `a` and `b` are integers.

    Example:
        >>> import pyflame as pf
        >>> pf.addcdiv(pf.zeros(2), pf.tensor([1.0, 2.0]), pf.tensor([4.0, 4.0]), value=2)
        tensor([0.5000, 1.0000])
    """
    if out is not None:
        return stored("addcdiv", out, addcdiv(x, a, b, value=value))
    if not a.dtype.is_floating_point and not b.dtype.is_floating_point:
        raise RuntimeError(
            f"[addcdiv] a is {a.dtype.name}, b is {b.dtype.name}: integers are not divided here; convert one of them"
        )
    x, a, b = _together(x, a, b)
    quotient = _div(a, b)
    return _add(x, quotient) if value == 1 else _add(x, _mul(quotient, value))


def lerp(start: Tensor, end: Tensor, weight: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Go from `start` to `end` by the fraction `weight`.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: the tensors differ in dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.lerp(pf.tensor([0.0, 10.0]), pf.tensor([4.0, 20.0]), 0.25)
        tensor([ 1.0000, 12.5000])
    """
    if out is not None:
        return stored("lerp", out, lerp(start, end, weight))
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, TensorBase) and other.dtype is not start.dtype and (other is end or other.ndim):
            raise RuntimeError(f"[lerp] start is {start.dtype.name}, {name} is {other.dtype.name}: must be equal")
    return _add(start, _mul(_sub(end, start), weight))


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor: ...
def where(
    condition: Tensor,
    x: Tensor | Number | None = None,
    y: Tensor | Number | None = None,
    out: Tensor | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """Take `x` where the condition holds, else `y`; of a condition alone, return where it holds as `nonzero` does.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: `condition` is not bool, or the shapes do not broadcast.
        TypeError: only one of `x` and `y` is given.

    Example:
        >>> import pyflame as pf
        >>> pf.where(pf.tensor([True, False]), pf.tensor([1, 2]), 0)
        tensor([1, 0])
        >>> pf.where(pf.tensor([0, 5, 7]))
        (tensor([1, 2]),)
    """
    if x is None and y is None:
        return nonzero(condition, as_tuple=True)
    if x is None or y is None:
        raise TypeError("[where] only one of x and y is given: give both, or neither for positions")
    return _where(condition, x, y) if out is None else stored("where", out, _where(condition, x, y))


def masked_fill(x: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor:
    """Replace the elements where `mask` holds by one value.

    Example:
        >>> import pyflame as pf
        >>> pf.masked_fill(pf.tensor([1, 2]), pf.tensor([True, False]), 0)
        tensor([0, 2])
    """
    filled: Tensor = _where(mask, value, x)
    return filled if filled.dtype is x.dtype else _core.ops.cast(filled, x.dtype)


absolute = abs
divide = div
multiply = mul
negative = neg
subtract = sub
