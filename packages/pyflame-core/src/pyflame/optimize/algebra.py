"""Algebraic simplification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..graph.ir import Graph, Node, TensorSpec, Value
from .dead_code import eliminate_dead_code
from .rewrite import Rewriter


def simplify_algebra(g: Graph) -> Graph:
    """Replace expressions by simpler ones with the same value.

    x + 0, x - 0, x * 1, x / 1, x ** 1, --x, casts, reshapes, expands and permutations that do nothing or follow one
    another; x ** 2 becomes square(x), abs(-x) abs(x). Integers also: x * 0 and x - x are 0. With floating-point
    numbers these are not, as x may be infinite or NaN; x + 0 is x but for the sign of zero.

    Args:
        g: graph.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x = g.create_input((2,), pf.float32)
        >>> _ = g.mark_output(g.create_op("neg", [g.create_op("neg", [x])]))
        >>> pf.optimize.simplify_algebra(g).num_ops
        0
    """
    changed = True
    while changed:  # what a rule makes may be what another looks for
        rewriter, changed = Rewriter(g), False
        for node in g.topological_order():
            if node.is_input:
                continue
            value = _simpler(rewriter, node) if node.is_operation else None
            if value is None:
                rewriter.copy(node)
            else:
                rewriter.put(node, value)
                changed = True
        g = rewriter.finish()
    return eliminate_dead_code(g)


Rule = Callable[[Rewriter, Node, list[Value]], Value | None]


def _simpler(rewriter: Rewriter, node: Node) -> Value | None:
    rule = _RULES.get(node.op_type)
    if rule is None:
        return None
    value = rule(rewriter, node, [rewriter.values[value] for value in node.inputs])
    # A scalar operand may have had a part in the type: what differs is no replacement.
    return value if value is not None and rewriter.spec(value) == node.output_spec else None


def _number(rewriter: Rewriter, value: Value) -> Any:
    """The number a value is filled with, None if it is none."""
    node = rewriter.made(value)
    if node.op_type == "full":
        return node.attrs["value"]
    if node.is_constant and node.output_shape == () and node.value is not None:
        return node.value.item() if node.output_dtype.name != "bfloat16" else None
    return None


def _is(rewriter: Rewriter, value: Value, number: int) -> bool:
    found = _number(rewriter, value)
    return found is not None and found == number


def _zeros(rewriter: Rewriter, node: Node) -> Value | None:
    spec = node.output_spec
    if spec.dtype.is_floating_point or spec.layout is not None or spec.dtype.name == "bool":
        return None
    return rewriter.emit("full", [], {"value": 0, "dtype": spec.dtype, "shape": spec.shape}, node)


def _add(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    return x[0] if _is(r, x[1], 0) else x[1] if _is(r, x[0], 0) else None


def _sub(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    if _is(r, x[1], 0):
        return x[0]
    return _zeros(r, node) if x[0] == x[1] else None


def _mul(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    if _is(r, x[1], 1):
        return x[0]
    if _is(r, x[0], 1):
        return x[1]
    return _zeros(r, node) if _is(r, x[0], 0) or _is(r, x[1], 0) else None


def _div(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    return x[0] if _is(r, x[1], 1) else None


def _pow(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    if _is(r, x[1], 1):
        return x[0]
    if _is(r, x[1], 2) and r.spec(x[0]) == node.output_spec:
        return r.emit("square", [x[0]], {}, node)
    return None


def _twice(op: str) -> Rule:
    """f(f(x)) is x."""

    def rule(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
        inner = r.made(x[0])
        return inner.inputs[0] if inner.op_type == op else None

    return rule


def _once(op: str) -> Rule:
    """f(f(x)) is f(x)."""

    def rule(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
        return x[0] if r.made(x[0]).op_type == op else None

    return rule


def _abs(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    inner = r.made(x[0])
    if inner.op_type == "abs":
        return x[0]
    if inner.op_type == "neg" and node.output_dtype.is_signed:  # of unsigned integers, -x is another number
        return r.emit("abs", [inner.inputs[0]], {}, node)
    return None


def _same(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    return x[0]


def _reshape(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    inner = r.made(x[0])
    source = inner.inputs[0] if inner.op_type == "reshape" else x[0]
    if r.spec(source) == node.output_spec:
        return source
    return r.emit("reshape", [source], {"shape": node.output_shape}, node) if source != x[0] else None


def _permute(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    dims: tuple[int, ...] = node.attrs["dims"]
    inner = r.made(x[0])
    source = x[0]
    if inner.op_type == "permute":
        dims, source = tuple(inner.attrs["dims"][dim] for dim in dims), inner.inputs[0]
    if dims == tuple(range(len(dims))):
        return source
    return r.emit("permute", [source], {"dims": dims}, node) if source != x[0] else None


def _to_layout(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    inner = r.made(x[0])
    if inner.op_type != "to_layout":
        return x[0]
    source = inner.inputs[0]
    if r.spec(source) == node.output_spec:
        return source
    return r.emit("to_layout", [source], node.attrs, node)


def _cast(r: Rewriter, node: Node, x: list[Value]) -> Value | None:
    inner = r.made(x[0])
    if inner.op_type == "cast" and _holds(r.spec(x[0]), r.spec(inner.inputs[0])):
        source = inner.inputs[0]
        if r.spec(source) == node.output_spec:
            return source
        return r.emit("cast", [source], node.attrs, node)
    return x[0]


# How many bits of an integer each floating-point dtype holds, and how far its exponents reach.
_REACH = {"float16": (11, 5), "bfloat16": (8, 8), "float32": (24, 8), "float64": (53, 11)}


def _holds(wide: TensorSpec, narrow: TensorSpec) -> bool:
    """Whether a cast to `wide` loses nothing, so that a cast from there is a cast from `narrow`."""
    a, b = wide.dtype, narrow.dtype
    if a is b or b.name == "bool":
        return True
    if a.is_floating_point and b.is_floating_point:
        return all(mine >= its for mine, its in zip(_REACH[a.name], _REACH[b.name]))
    if a.is_floating_point or b.is_floating_point:
        return False
    return a.itemsize > b.itemsize and (a.is_signed or not b.is_signed)


_RULES: dict[str, Rule] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "neg": _twice("neg"),
    "bitwise_not": _twice("bitwise_not"),
    "logical_not": _twice("logical_not"),
    "abs": _abs,
    "relu": _once("relu"),
    "floor": _once("floor"),
    "ceil": _once("ceil"),
    "round": _once("round"),
    "trunc": _once("trunc"),
    "positive": _same,
    "expand": _same,
    "reshape": _reshape,
    "permute": _permute,
    "cast": _cast,
    "to_layout": _to_layout,
}
