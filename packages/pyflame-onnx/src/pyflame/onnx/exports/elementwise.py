"""Elementwise arithmetic and functions of one or two numbers."""

from __future__ import annotations

import math

import pyflame as pf

from .table import Context, exports, unsupported
from .types import ONNX_TYPES

SAME_NAME = {
    "abs": "Abs", "sqrt": "Sqrt", "reciprocal": "Reciprocal", "exp": "Exp", "log": "Log", "sin": "Sin", "cos": "Cos",
    "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf", "sigmoid": "Sigmoid",
}  # fmt: skip
NO_OPERATOR = "ONNX has no such operator: compute it before or after the exported part"

unsupported(NO_OPERATOR, "erfinv", "lgamma", "digamma", "zeta")


def direct(kind: str) -> None:
    @exports(next(op for op, name in SAME_NAME.items() if name == kind))
    def export(c: Context, x: str) -> str:
        return c.e.op(kind, x)


for _kind in SAME_NAME.values():
    direct(_kind)


@exports("neg")
def neg(c: Context, x: str) -> str:
    return c.e.op("Sub", c.e.like(0, x), x) if c.dtype is pf.uint8 else c.e.op("Neg", x)


@exports("sign")
def sign(c: Context, x: str) -> str:
    if c.dtype is pf.bool:
        return c.e.op("Identity", x)
    found = c.e.op("Sign", x)
    if not c.dtype.is_floating_point:
        return found
    return c.e.op("Where", is_nan(c, x), c.e.like(0, x), found)  # runtimes differ in what is no number


@exports("square")
def square(c: Context, x: str) -> str:
    return c.e.op("Mul", x, x)


@exports("positive", "alias", "to_layout")
def identity(c: Context, x: str) -> str:
    return x


@exports("with_history")
def with_history(c: Context, value: str, history: str) -> str:
    return value


@exports("rsqrt")
def rsqrt(c: Context, x: str) -> str:
    return c.e.op("Reciprocal", c.e.op("Sqrt", x))


@exports("exp2")
def exp2(c: Context, x: str) -> str:
    return c.e.op("Pow", c.e.like(2, x), x)


@exports("expm1")
def expm1(c: Context, x: str) -> str:
    half = c.e.op("Tanh", c.e.op("Mul", x, c.e.like(0.5, x)))  # tanh(x/2) (e^x + 1): exact near zero
    return c.e.op("Mul", half, c.e.op("Add", c.e.op("Exp", x), c.e.like(1, x)))


@exports("log2")
def log2(c: Context, x: str) -> str:
    return c.e.op("Div", c.e.op("Log", x), c.e.like(math.log(2), x))


@exports("log10")
def log10(c: Context, x: str) -> str:
    return c.e.op("Div", c.e.op("Log", x), c.e.like(math.log(10), x))


@exports("log1p")
def log1p(c: Context, x: str) -> str:
    """log(u) x / (u - 1) with u the rounded 1 + x, whose rounding cancels; x where u is 1, log(u) far out."""
    e, one = c.e, c.e.like(1, x)
    u = e.op("Add", x, one)
    rest = e.op("Sub", u, one)
    plain = e.op("Log", u)
    tiny = e.op("Equal", rest, e.like(0, x))
    safe = e.op("Where", tiny, one, rest)
    exact = e.op("Where", tiny, x, e.op("Mul", plain, e.op("Div", x, safe)))
    return e.op("Where", e.op("Less", x, e.like(1e4, x)), exact, plain)


@exports("erfc")
def erfc(c: Context, x: str) -> str:
    return c.e.op("Sub", c.e.like(1, x), c.e.op("Erf", x))


@exports("gelu")
def write_gelu(c: Context, x: str) -> str:
    """Gelu, or from errors of the normal distribution below the opset that has it."""
    e = c.e
    if c.opset >= 20:
        return e.op("Gelu", x)
    grown = e.op("Add", e.op("Erf", e.op("Div", x, e.like(math.sqrt(2), x))), e.like(1, x))
    return e.op("Mul", e.op("Mul", x, grown), e.like(0.5, x))  # the order onnxruntime fuses


@exports("relu")
def relu(c: Context, x: str) -> str:
    if c.dtype is pf.uint8:
        return x
    if not c.dtype.is_floating_point:
        return c.e.op("Max", x, c.e.like(0, x))
    return c.e.op("Relu", x)


@exports("floor", "ceil", "round")
def rounded(c: Context, x: str) -> str:
    return c.e.op(c.node.op_type.capitalize(), x) if c.dtype.is_floating_point else x


@exports("trunc")
def trunc(c: Context, x: str) -> str:
    if not c.dtype.is_floating_point:
        return x
    return c.e.op("Where", c.e.op("Less", x, c.e.like(0, x)), c.e.op("Ceil", x), c.e.op("Floor", x))


def is_nan(c: Context, x: str) -> str:
    return c.e.op("IsNaN", x)


@exports("isnan")
def isnan(c: Context, x: str) -> str:
    if c.dtype_of(0).is_floating_point:
        return is_nan(c, x)
    return c.e.op("Not", c.e.op("Equal", x, x))


@exports("isinf")
def isinf(c: Context, x: str) -> str:
    if c.dtype_of(0).is_floating_point:
        return c.e.op("IsInf", x)
    return c.e.op("Not", c.e.op("Equal", x, x))


@exports("isfinite")
def isfinite(c: Context, x: str) -> str:
    if c.dtype_of(0).is_floating_point:
        return c.e.op("Not", c.e.op("Or", is_nan(c, x), c.e.op("IsInf", x)))
    return c.e.op("Equal", x, x)


def negative(c: Context, x: str) -> str:
    """Whether the sign is minus, that of -0 included; of what is no number, which ONNX cannot see, it is not."""
    e, zero = c.e, c.e.like(0, x)
    below = e.op("Less", x, zero)
    if not c.e.dtypes[x].is_floating_point:
        return below
    minus_zero = e.op("And", e.op("Equal", x, zero), e.op("Less", e.op("Reciprocal", x), zero))
    return e.op("Or", below, minus_zero)


@exports("signbit")
def signbit(c: Context, x: str) -> str:
    return negative(c, x)


@exports("add", "mul", "maximum", "minimum")
def arithmetic(c: Context, a: str, b: str) -> str:
    kind = {"add": "Add", "mul": "Mul", "maximum": "Max", "minimum": "Min"}[c.node.op_type]
    if c.dtype is pf.bool:
        return c.e.op("Or" if kind in ("Add", "Max") else "And", a, b)
    return c.e.op(kind, a, b)


@exports("sub")
def sub(c: Context, a: str, b: str) -> str:
    return c.e.op("Sub", a, b)


@exports("div")
def div(c: Context, a: str, b: str) -> str:
    return c.e.op("Div", a, b)


@exports("fmod")
def fmod(c: Context, a: str, b: str) -> str:
    return c.e.op("Mod", a, b, fmod=1)


@exports("remainder")
def remainder(c: Context, a: str, b: str) -> str:
    if not c.dtype.is_floating_point:
        return c.e.op("Mod", a, b)
    e, zero = c.e, c.e.like(0, a)
    rest = e.op("Mod", a, b, fmod=1)
    signs = e.op("Xor", e.op("Less", rest, zero), e.op("Less", b, zero))
    fix = e.op("And", signs, e.op("Not", e.op("Equal", rest, zero)))
    return e.op("Where", fix, e.op("Add", rest, b), rest)


@exports("floor_divide")
def floor_divide(c: Context, a: str, b: str) -> str:
    if c.dtype.is_floating_point:
        return c.e.op("Floor", c.e.op("Div", a, b))
    return c.e.op("Div", c.e.op("Sub", a, c.e.op("Mod", a, b)), b)  # Div of integers drops the remainder's sign


@exports("pow")
def pow_(c: Context, a: str, b: str) -> str:
    return c.e.op("Pow", a, b)


@exports("atan2")
def atan2(c: Context, y: str, x: str) -> str:
    """atan(y/x), moved to the quadrant of (x, y); on the axes by the signs of zeros and infinities."""
    e, zero = c.e, c.e.like(0, x)
    pi = e.like(math.pi, x)
    left, down = negative(c, x), negative(c, y)
    both = e.op("And", e.op("IsInf", x), e.op("IsInf", y))
    one = e.like(1, x)
    ay = e.op("Where", both, one, e.op("Abs", y))
    ax = e.op("Where", both, one, e.op("Abs", x))
    origin = e.op("And", e.op("Equal", ay, zero), e.op("Equal", ax, zero))
    angle = e.op("Atan", e.op("Div", ay, e.op("Where", origin, one, ax)))  # y/0 is infinite: pi/2
    angle = e.op("Where", left, e.op("Sub", pi, angle), angle)
    return e.op("Where", down, e.op("Neg", angle), angle)


@exports("hypot")
def hypot(c: Context, a: str, b: str) -> str:
    """The larger times sqrt(1 + ratio^2), so that squares do not overflow."""
    e = c.e
    a, b = e.op("Abs", a), e.op("Abs", b)
    large, small = e.op("Max", a, b), e.op("Min", a, b)
    infinite = e.op("Or", e.op("IsInf", a), e.op("IsInf", b))
    plain = e.op("Or", e.op("Equal", large, e.like(0, a)), infinite)
    ratio = e.op("Div", small, e.op("Where", plain, e.like(1, a), large))
    scaled = e.op("Mul", large, e.op("Sqrt", e.op("Add", e.op("Mul", ratio, ratio), e.like(1, a))))
    return e.op("Where", infinite, e.like(math.inf, a), e.op("Where", plain, large, scaled))


@exports("copysign")
def copysign(c: Context, a: str, b: str) -> str:
    size = c.e.op("Abs", a)
    return c.e.op("Where", negative(c, b), c.e.op("Neg", size), size)


@exports("logaddexp", "logaddexp2")
def logaddexp(c: Context, a: str, b: str) -> str:
    e, base = c.e, 2.0 if c.node.op_type == "logaddexp2" else math.e
    large = e.op("Max", a, b)
    equal = e.op("Equal", a, b)  # also where both are the same infinity
    gap = e.op("Neg", e.op("Abs", e.op("Where", equal, e.like(0, a), e.op("Sub", a, b))))
    grown = e.op("Exp", gap) if base == math.e else e.op("Pow", e.like(2, a), gap)
    rest = log1p(c, grown)
    return e.op("Add", large, rest if base == math.e else e.op("Div", rest, e.like(math.log(2), a)))


@exports("xlogy")
def xlogy(c: Context, a: str, b: str) -> str:
    e = c.e
    zero = e.op("And", e.op("Equal", a, e.like(0, a)), e.op("Not", is_nan(c, b)))
    return e.op("Where", zero, e.like(0, a), e.op("Mul", a, e.op("Log", b)))


@exports("where")
def where(c: Context, condition: str, x: str, y: str) -> str:
    e, condition = c.e, c.e.cast(condition, pf.bool)
    if c.dtype is pf.bool:  # which onnxruntime's Where does not take
        return e.op("Or", e.op("And", condition, x), e.op("And", e.op("Not", condition), y))
    return e.op("Where", condition, x, y)


@exports("cast")
def cast(c: Context, x: str) -> str:
    target = c.attr("dtype")
    if c.dtype_of(0) is target:
        return x
    return c.e.op("Cast", x, to=ONNX_TYPES[target])
