"""Normalisations: over the last axes, over channels with stored statistics, over groups."""

from __future__ import annotations

from dataclasses import dataclass

import pyflame as pf
from pyflame.graph.ir import Node, Value

from ..dims import Varying
from ..table import Context
from .match import Match, NoMatch, Pattern, View


@dataclass(frozen=True)
class Standard:
    """(x - mean) / sqrt(variance + eps) over some axes."""

    x: Value
    axes: tuple[int, ...]
    eps: float


def standard(v: View, value: Value) -> Standard:
    """The part all normalisations share."""
    node = v.op(value, "mul")

    def sides(centred: Value, root: Value) -> Standard:
        variance, eps = v.scaled(v.op(root, "rsqrt").inputs[0], "add")
        mean = v.op(variance, "mean")
        square = v.op(mean.inputs[0], "square", "mul")
        v.need(set(square.inputs) == {centred} and bool(mean.attrs["keepdim"]))
        x, average = v.op(centred, "sub").inputs
        first = v.op(average, "mean")
        v.need(first.inputs == (x,) and first.attrs == mean.attrs)
        return Standard(x, tuple(mean.attrs["dim"]), eps)

    found: Standard = v.either(node, sides)
    return found


def affine(v: View, root: Node, inner: str) -> tuple[Value, Value | None, Value | None]:
    """x, weight and bias of (x w) + b, x w or x, where x is made by `inner`."""
    value, bias, weight = Value(root.id), None, None
    if root.op_type == "add":
        v.visited.append(root.id)
        a, b = root.inputs
        value, bias = (a, b) if v.is_op(a, "mul", inner) else (b, a)
    node = v.program.node(value)
    if node.op_type == "mul":
        for x, w in (node.inputs, node.inputs[::-1]):
            if v.is_op(x, inner) and v.rank(w) <= v.rank(x) and not v.is_op(w, "rsqrt"):
                v.visited.append(node.id)
                return x, w, bias
    return value, weight, bias


def layer_norm(v: View, root: Node) -> Match:
    """Over the last axes, with weight and bias of their shape."""
    inner, weight, bias = affine(v, root, "mul")
    if weight is not None and v.is_op(weight, "rsqrt"):
        raise NoMatch
    found = standard(v, inner)
    rank, count = v.rank(found.x), len(found.axes)
    v.need(found.axes == tuple(range(rank - count, rank)) and count > 0)
    shape = v.program.shape(found.x)[rank - count :]
    for one in (weight, bias):
        v.need(one is None or v.program.shape(one) == shape)
    v.need(weight is not None or bias is None)
    v.need(all(isinstance(size, int) for size in shape))

    def emit(c: Context, x: str, *rest: str) -> str:
        e = c.e
        if weight is None:
            ones = [size for size in shape if isinstance(size, int)]
            rest = (e.const(pf.ones(*ones).numpy(), c.dtype),)
        if c.opset >= 17:
            return e.op("LayerNormalization", x, *rest, axis=rank - count, epsilon=found.eps)
        axes = list(found.axes)
        centred = e.op("Sub", x, e.reduce("ReduceMean", x, axes, True))
        square = e.op("Pow", centred, e.like(2, x))  # the form onnxruntime fuses
        spread = e.op("Add", e.reduce("ReduceMean", square, axes, True), e.like(found.eps, x))
        scaled = e.op("Mul", e.op("Div", centred, e.op("Sqrt", spread)), rest[0])
        return e.op("Add", scaled, rest[1]) if len(rest) > 1 else scaled

    return Match((found.x, *(one for one in (weight, bias) if one is not None)), emit)


def rms_norm(v: View, root: Node) -> Match:
    """x / sqrt(mean(x^2) + eps) w over the last axes."""

    def sides(inner: Value, weight: Value) -> Match:
        def parts(x: Value, root: Value) -> tuple[Value, tuple[int, ...], float]:
            mean, eps = v.scaled(v.op(root, "rsqrt").inputs[0], "add")
            node = v.op(mean, "mean")
            v.need(set(v.op(node.inputs[0], "square", "mul").inputs) == {x} and bool(node.attrs["keepdim"]))
            return x, tuple(node.attrs["dim"]), eps

        x, axes, eps = v.either(v.op(inner, "mul"), parts)
        rank, count = v.rank(x), len(axes)
        v.need(
            axes == tuple(range(rank - count, rank)) and v.program.shape(weight) == v.program.shape(x)[rank - count :]
        )
        return Match(
            (x, weight),
            lambda c, *names: c.e.op("RMSNormalization", *names, axis=rank - count, epsilon=eps),
            since=23,
        )

    found: Match = v.either(root, sides)
    return found


def per_channel(v: View, value: Value, x: Value) -> Value:
    """A row of one number per channel that was given a shape to broadcast over x."""
    node = v.op(value, "reshape")
    row, shape, rank = node.inputs[0], v.program.spec(Value(node.id)).shape, v.rank(x)
    padded = (1,) * (rank - len(shape)) + tuple(shape)
    count = v.program.spec(row).shape
    v.need(len(count) == 1 and rank >= 2 and padded == tuple(count[0] if k == 1 else 1 for k in range(rank)))
    return row


def batch_norm(v: View, root: Node) -> Match:
    """With stored mean and variance: (x - mean) (rsqrt(var + eps) w) + b."""
    value, bias = Value(root.id), None
    if root.op_type == "add":
        v.visited.append(root.id)
        value, bias = root.inputs if v.is_op(root.inputs[0], "mul") else root.inputs[::-1]

    def sides(centred: Value, scale: Value) -> tuple[Value, Value, Value, Value | None, float]:
        x, mean = v.op(centred, "sub").inputs
        row, weight = scale, None
        if v.is_op(scale, "mul"):
            inner = v.op(scale, "mul")
            row, weight = inner.inputs
            if not v.is_op(v.program.node(row).inputs[0] if v.program.node(row).inputs else row, "rsqrt"):
                row, weight = weight, row
        root = v.op(per_channel(v, row, x), "rsqrt")
        variance, eps = v.scaled(root.inputs[0], "add")
        return x, per_channel(v, mean, x), variance, weight and per_channel(v, weight, x), eps

    x, mean, variance, weight, eps = v.either(v.op(value, "mul"), sides)
    for one in (mean, variance):
        v.need(v.program.node(one).is_parameter or v.program.node(one).is_constant)
    shift = None if bias is None else per_channel(v, bias, x)

    def emit(c: Context, x: str, mean: str, variance: str, *rest: str) -> str:
        e = c.e
        count = c.shape()[1]
        given = iter(rest)
        scale = next(given) if weight is not None else e.const(pf.ones(count).numpy(), c.dtype)
        offset = next(given) if shift is not None else e.const(pf.zeros(count).numpy(), c.dtype)
        return e.op("BatchNormalization", x, scale, offset, mean, variance, epsilon=eps)

    return Match((x, mean, variance, *(one for one in (weight, shift) if one is not None)), emit)


def group_norm(v: View, root: Node) -> Match:
    """Over groups of channels, which become an axis and are undone."""
    inner, weight, bias = affine(v, root, "reshape")
    undo = v.op(inner, "reshape")
    found = standard(v, undo.inputs[0])
    split = v.op(found.x, "reshape")
    x = split.inputs[0]
    shape, grouped = v.program.shape(x), v.program.shape(found.x)
    groups, rank = grouped[1], len(shape)
    v.need(v.program.shape(Value(undo.id)) == shape and rank >= 2 and isinstance(groups, int))
    v.need(grouped[0] == shape[0] and found.axes == tuple(range(2, len(grouped))))
    rows = [None if one is None else per_channel(v, one, x) for one in (weight, bias)]
    channels = shape[1]
    v.need(isinstance(channels, int) and (rows[0] is None) == (rows[1] is None))

    def emit(c: Context, x: str, *rest: str) -> str:
        e = c.e
        if c.opset >= 21:
            if not rest:
                rest = (e.const(pf.ones(channels).numpy(), c.dtype), e.const(pf.zeros(channels).numpy(), c.dtype))
            return e.op("GroupNormalization", x, *rest, num_groups=groups, epsilon=found.eps)
        flat = e.op("Reshape", x, e.ints([0, groups, -1]))
        one, none = e.const(pf.ones(groups).numpy(), c.dtype), e.const(pf.zeros(groups).numpy(), c.dtype)
        normed = e.op("InstanceNormalization", flat, one, none, epsilon=found.eps)
        back = e.op("Shape", x) if any(isinstance(one, Varying) for one in shape[2:]) else e.ints([0, *shape[1:]])
        normed = e.op("Reshape", normed, back)
        if not rest:
            return normed
        column = [channels, *[1] * (rank - 2)]
        return e.op("Add", e.op("Mul", normed, e.reshape(rest[0], column)), e.reshape(rest[1], column))

    return Match((x, *(one for one in rows if one is not None)), emit)


def instance_norm(v: View, root: Node) -> Match:
    """Over everything behind the channels."""
    inner, weight, bias = affine(v, root, "mul")
    found = standard(v, inner)
    rank = v.rank(found.x)
    v.need(rank >= 3 and found.axes == tuple(range(2, rank)) and (rank > 3 or weight is not None))
    rows = [None if one is None else per_channel(v, one, found.x) for one in (weight, bias)]
    v.need((rows[0] is None) == (rows[1] is None))
    channels = v.program.shape(found.x)[1]
    v.need(isinstance(channels, int))

    def emit(c: Context, x: str, *rest: str) -> str:
        e = c.e
        if not rest:
            rest = (e.const(pf.ones(channels).numpy(), c.dtype), e.const(pf.zeros(channels).numpy(), c.dtype))
        return e.op("InstanceNormalization", x, *rest, epsilon=found.eps)

    return Match((found.x, *(one for one in rows if one is not None)), emit)


_ALL: list[Pattern] = [batch_norm, group_norm, instance_norm, layer_norm]
NORMS: dict[str, list[Pattern]] = {"add": _ALL, "mul": [*_ALL, rms_norm], "reshape": [group_norm]}
