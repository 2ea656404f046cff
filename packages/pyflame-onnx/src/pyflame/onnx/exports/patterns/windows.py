"""Convolutions with their bias, and those of one dimension, which are recorded with a second of size 1."""

from __future__ import annotations

from collections.abc import Sequence

from pyflame.graph.ir import Node, Value

from ..table import Context
from ..windows import convolution, transposed
from .match import Match, NoMatch, Pattern, View

KINDS = ("conv2d", "conv2d_grad_input")


def channels(v: View, value: Value) -> Value:
    """A bias (C,) that was given the shape (C, 1, 1) or (1, C, 1, 1)."""
    node = v.op(value, "reshape")
    bias = node.inputs[0]
    shape = v.program.spec(Value(node.id)).shape
    v.need(v.rank(bias) == 1 and len(shape) in (3, 4) and shape[-3] == v.program.spec(bias).shape[0])
    v.need(all(one == 1 for k, one in enumerate(shape) if k != len(shape) - 3))
    return bias


def biased(v: View, value: Value) -> tuple[Node, Value | None]:
    """A convolution and its bias, if it has one."""
    if v.is_op(value, *KINDS):
        return v.op(value, *KINDS), None
    node = v.op(value, "add")

    def sides(product: Value, bias: Value) -> tuple[Node, Value]:
        conv = v.op(product, *KINDS)
        v.need(v.rank(conv.inputs[0]) == 4)
        return conv, channels(v, bias)

    found: tuple[Node, Value] = v.either(node, sides)
    return found


def written(c: Context, conv: Node, names: Sequence[str], rank: int) -> str:
    """The operator for a recorded convolution, with its bias if there is one."""
    inner = Context(c.e, c.program, conv)
    x, weight, bias = names if len(names) == 3 else (*names, "")
    return (convolution if conv.op_type == "conv2d" else transposed)(inner, x, weight, bias, rank)


def conv_bias(v: View, root: Node) -> Match:
    """conv(x, w) + b."""
    conv, bias = biased(v, Value(root.id))
    if bias is None:
        raise NoMatch

    def emit(c: Context, *names: str) -> str:
        return written(c, conv, names, 2)

    return Match((*conv.inputs, bias), emit)


def flat(v: View, value: Value) -> Value:
    """What was given a further axis of size 1 before the last."""
    node = v.op(value, "reshape")
    before, after = v.program.shape(node.inputs[0]), v.program.shape(Value(node.id))
    v.need(len(before) == 3 and after == (*before[:2], 1, before[2]))
    return node.inputs[0]


def conv1d(v: View, root: Node) -> Match:
    """A convolution of rows."""
    conv, bias = biased(v, root.inputs[0])
    shape = v.program.shape(root.inputs[0])
    v.need(v.program.shape(Value(root.id)) == (*shape[:2], shape[3]) and shape[2] == 1)
    x, weight = flat(v, conv.inputs[0]), flat(v, conv.inputs[1])

    def emit(c: Context, *names: str) -> str:
        return written(c, conv, names, 1)

    return Match((x, weight) if bias is None else (x, weight, bias), emit)


WINDOWS: dict[str, list[Pattern]] = {"add": [conv_bias], "reshape": [conv1d]}
