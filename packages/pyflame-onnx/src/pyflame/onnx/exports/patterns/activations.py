"""Activations: compositions of comparisons, exponentials and choices."""

from __future__ import annotations

import math
from typing import Any

import pyflame as pf
from pyflame.graph.ir import Node, Value

from ..elementwise import write_gelu
from ..table import Context
from .match import Match, NoMatch, Pattern, View


def unary(kind: str, since: int, x: Value, **attrs: Any) -> Match:
    """One operator of one operand."""
    return Match((x,), lambda c, name: c.e.op(kind, name, **attrs), since=since)


def gelu_erf(v: View, root: Node) -> Match:
    """(x/2) (1 + erf(x / sqrt 2))."""

    def sides(half: Value, rest: Value) -> Value:
        x, number = v.scaled(half)
        v.need(number == 0.5)
        inner, one = v.scaled(rest, "add")
        v.need(one == 1)
        y, root2 = v.scaled(v.op(inner, "erf").inputs[0])
        v.need(y == x and abs(root2 - math.sqrt(0.5)) < 1e-6)
        return x

    x = v.either(root, sides)
    return Match((x,), lambda c, name: write_gelu(c, name))


def gelu_tanh(v: View, root: Node) -> Match:
    """(x/2) (1 + tanh(sqrt(2/pi) x (1 + 0.044715 x^2)))."""

    def sides(half: Value, rest: Value) -> Value:
        x, number = v.scaled(half)
        v.need(number == 0.5)
        inner, one = v.scaled(rest, "add")
        v.need(one == 1)
        product = v.op(v.op(inner, "tanh").inputs[0], "mul")

        def factors(scaled: Value, grown: Value) -> None:
            y, root = v.scaled(scaled)
            v.need(y == x and abs(root - math.sqrt(2 / math.pi)) < 1e-6)
            square, one = v.scaled(grown, "add")
            v.need(one == 1)
            cube, number = v.scaled(square)
            v.need(abs(number - 0.044715) < 1e-7 and set(v.op(cube, "mul", "square").inputs) == {x})

        v.either(product, factors)
        return x

    return unary("Gelu", 20, v.either(root, sides), approximate="tanh")


def silu(v: View, root: Node) -> Match:
    """x sigmoid(x)."""

    def sides(x: Value, gate: Value) -> Value:
        v.need(v.op(gate, "sigmoid").inputs == (x,))
        return x

    return unary("Swish", 24, v.either(root, sides))


def mish(v: View, root: Node) -> Match:
    """x tanh(softplus(x))."""

    def sides(x: Value, gate: Value) -> Value:
        inner = v.op(gate, "tanh").inputs[0]
        v.need(soft_operand(v, v.op(inner, "where")) == x)
        return x

    return unary("Mish", 18, v.either(root, sides))


def compared(v: View, value: Value, *kinds: str) -> tuple[Value, float, str]:
    """A comparison with a constant: operand, constant, which one."""
    node = v.op(value, *kinds)
    number = v.number(node.inputs[1])
    if number is None:
        raise NoMatch
    return node.inputs[0], number, node.op_type


def bounded(v: View, root: Node) -> tuple[Value, float, float]:
    """where(x <= low, low, where(x >= high, high, x)), as clamp and hardtanh record it: x, low, high."""
    condition, first, rest = root.inputs
    x, edge, kind = compared(v, condition, "le", "lt", "ge", "gt")
    v.near(first, edge)
    below = kind in ("le", "lt")
    if rest == x:
        return (x, edge, math.inf) if below else (x, -math.inf, edge)
    inner = v.op(rest, "where")
    y, low, high = bounded(v, inner)
    if y == x and below and low == -math.inf:  # both sides look at x
        return x, edge, high
    if Value(inner.id) == x:  # one after the other
        return (y, max(low, edge), high) if below else (y, low, min(high, edge))
    raise NoMatch


def lower_then_upper(v: View, root: Node) -> tuple[Value, float, float]:
    """where(y > high, high, y) of y = where(x < low, low, x)."""
    condition, first, rest = root.inputs
    y, edge, kind = compared(v, condition, "gt", "ge", "lt", "le")
    v.near(first, edge)
    v.need(rest == y)
    x, low, high = bounded(v, v.op(y, "where"))
    if kind in ("gt", "ge"):
        v.need(low <= edge)
        return x, low, min(high, edge)
    v.need(edge <= high)
    return x, max(low, edge), high


def limits(v: View, root: Node) -> tuple[Value, float, float]:
    before = len(v.visited)
    try:
        return lower_then_upper(v, root)
    except NoMatch:
        del v.visited[before:]
        return bounded(v, root)


def clip(v: View, root: Node) -> Match:
    """Bounds that are constants: Clip, or Relu for a lower bound of 0."""
    x, low, high = limits(v, root)
    v.need(low <= high)
    return Match((x,), lambda c, name: write_clip(c, name, low, high))


def write_clip(c: Context, x: str, low: float, high: float) -> str:
    if low == 0 and high == math.inf and c.dtype.is_floating_point:
        return c.e.op("Relu", x)
    lower = "" if low == -math.inf else c.e.like(low, x)
    upper = "" if high == math.inf else c.e.like(high, x)
    return c.e.op("Clip", x, *([lower, upper] if upper else [lower]))


def hardsigmoid(v: View, root: Node) -> Match:
    """clip(x + 3, 0, 6) / 6."""
    inner, six = v.scaled(Value(root.id), "div")
    shifted, low, high = limits(v, v.op(inner, "where"))
    x, three = v.scaled(shifted, "add")
    v.need((six, low, high, three) == (6, 0, 6, 3))
    return unary("HardSigmoid", 13, x, alpha=1 / 6, beta=0.5)


def hardswish(v: View, root: Node) -> Match:
    """0 below -3, x above 3, x (x + 3) / 6 between."""
    condition, zero, rest = root.inputs
    x, edge, kind = compared(v, condition, "le", "lt")
    v.need(edge == -3 and v.number(zero) == 0)
    upper, same, middle = v.op(rest, "where").inputs
    y, edge, kind = compared(v, upper, "ge", "gt")
    v.need(y == x == same and edge == 3)
    product, sixth = v.scaled(middle, "mul")
    v.need(abs(sixth - 1 / 6) < 1e-7)

    def sides(a: Value, b: Value) -> None:
        z, three = v.scaled(b, "add")
        v.need(a == x == z and three == 3)

    v.either(v.op(product, "mul"), sides)
    return unary("HardSwish", 14, x)


def positive_part(v: View, root: Node) -> tuple[Value, Value]:
    """where(x > 0, x, rest): x and the rest."""
    condition, x, rest = root.inputs
    y, edge, kind = compared(v, condition, "gt", "ge")
    v.need(y == x and edge == 0)
    return x, rest


def leaky(v: View, root: Node) -> Match:
    """where(x > 0, x, slope x), the slope a number or a weight."""
    x, rest = positive_part(v, root)
    product = v.op(rest, "mul")
    a, b = product.inputs
    other = b if a == x else a
    v.need(x in (a, b))
    number = v.number(other)
    if number is not None:
        return unary("LeakyRelu", 16 if v.program.spec(x).dtype is pf.bfloat16 else 13, x, alpha=number)
    v.need(v.rank(other) <= v.rank(x))
    return Match((x, other), lambda c, name, slope: c.e.op("PRelu", name, slope))


def exponential(v: View, value: Value, condition: Value, x: Value) -> None:
    """expm1 of x where it is negative, 0 elsewhere."""
    chosen, zero, other = v.op(v.op(value, "expm1").inputs[0], "where").inputs
    v.need(chosen == condition and other == x and v.number(zero) == 0)


def elu(v: View, root: Node) -> Match:
    """where(x > 0, x, alpha (e^x - 1))."""
    x, rest = positive_part(v, root)
    alpha = 1.0
    if v.is_op(rest, "mul"):
        rest, alpha = v.scaled(rest)
    exponential(v, rest, root.inputs[0], x)
    return unary("Elu", 13, x, alpha=alpha)


def selu(v: View, root: Node) -> Match:
    """gamma elu(x, alpha)."""
    inner, gamma = v.scaled(Value(root.id))
    chosen = v.op(inner, "where")
    x, rest = positive_part(v, chosen)
    rest, alpha = v.scaled(rest)
    exponential(v, rest, chosen.inputs[0], x)
    return unary("Selu", 13, x, alpha=alpha, gamma=gamma)


def celu(v: View, root: Node) -> Match:
    """where(x > 0, x, alpha (e^(x/alpha) - 1))."""
    x, rest = positive_part(v, root)
    rest, alpha = v.scaled(rest)
    inner, divisor = v.scaled(v.op(rest, "expm1").inputs[0], "div")
    chosen, zero, other = v.op(inner, "where").inputs
    v.need(chosen == root.inputs[0] and other == x and v.number(zero) == 0 and alpha == divisor)
    return Match((x,), lambda c, name: write_celu(c, name, alpha))


def write_celu(c: Context, x: str, alpha: float) -> str:
    if c.dtype is pf.float32:
        return c.e.op("Celu", x, alpha=alpha)
    scale = c.e.like(alpha, x)  # Celu is for float32 alone
    return c.e.op("Mul", c.e.op("Elu", c.e.op("Div", x, scale), alpha=1.0), scale)


def soft_operand(v: View, root: Node) -> Value:
    """x of softplus: where(x > 20, x, log1p(exp(where(x > 20, 0, x))))."""
    condition, x, rest = root.inputs
    y, edge, kind = compared(v, condition, "gt", "ge")
    v.need(y == x and edge >= 15)
    chosen, zero, other = v.op(v.op(v.op(rest, "log1p").inputs[0], "exp").inputs[0], "where").inputs
    v.need(chosen == condition and other == x and v.number(zero) == 0)
    return x


def softplus(v: View, root: Node) -> Match:
    return unary("Softplus", 13, soft_operand(v, root))


def softsign(v: View, root: Node) -> Match:
    """x / (1 + |x|)."""
    x, below = root.inputs
    inner, one = v.scaled(below, "add")
    v.need(one == 1 and v.op(inner, "abs").inputs == (x,))
    return unary("Softsign", 13, x)


ACTIVATIONS: dict[str, list[Pattern]] = {
    "mul": [gelu_erf, gelu_tanh, mish, silu, selu],
    "where": [hardswish, softplus, celu, elu, leaky, clip],
    "div": [hardsigmoid, softsign],
}
