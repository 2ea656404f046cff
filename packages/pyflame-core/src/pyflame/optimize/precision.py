"""Conversion to another floating-point dtype."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..dtypes import DType
from ..graph.ir import Graph, Node, Value
from .rewrite import Rewriter


def convert_precision(g: Graph, dtype: DType, keep: Collection[str] = ()) -> Graph:
    """Compute in another floating-point dtype. Inputs, parameters and outputs keep theirs: casts stand between.

    Args:
        g: graph.
        dtype: floating-point dtype to compute in.
        keep: operation types or node names that go on computing in their own dtype, such as "softmax".

    Raises:
        TypeError: dtype is no floating-point dtype.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x = g.create_input((2,), pf.float32)
        >>> _ = g.mark_output(g.create_op("exp", [x]))
        >>> [node.op_type for node in pf.optimize.convert_precision(g, pf.bfloat16) if node.is_operation]
        ['cast', 'exp', 'cast']
    """
    if not dtype.is_floating_point:
        raise TypeError(f"[convert_precision] {dtype} is no floating-point dtype")
    conversion = _Conversion(g, dtype, frozenset(keep))
    for node in g.topological_order():
        if not node.is_input:
            conversion.add(node)
    for value in g.outputs:
        conversion.rewriter.values[value] = conversion.cast(
            conversion.rewriter.values[value], g.spec(value).dtype, g.node(value.node_id)
        )
    return conversion.rewriter.finish()


class _Conversion:
    def __init__(self, g: Graph, dtype: DType, keep: frozenset[str]) -> None:
        self.source, self.dtype, self.keep = g, dtype, keep
        self.rewriter = Rewriter(g)
        self.casts: dict[tuple[Value, str], Value] = {}

    def cast(self, value: Value, dtype: DType, like: Node) -> Value:
        """The value in a dtype, cast at most once."""
        if self.rewriter.spec(value).dtype is dtype:
            return value
        key = (value, dtype.name)
        if key not in self.casts:
            self.casts[key] = self.rewriter.emit("cast", [value], {"dtype": dtype}, like)
        return self.casts[key]

    def add(self, node: Node) -> None:
        if not node.is_operation:
            self.rewriter.copy(node)
            return
        kept = bool({node.op_type, node.name} & self.keep)
        inputs = []
        for value in node.inputs:
            old = self.source.spec(value).dtype
            target = self.dtype if old.is_floating_point and not kept else old
            inputs.append(self.cast(self.rewriter.values[value], target, node))
        if kept or node.op_type == "fused":
            self.rewriter.copy(
                node, [self.cast(v, self.source.spec(e).dtype, node) for v, e in zip(inputs, node.inputs)]
            )
            return
        attrs: dict[str, Any] = {
            name: self.dtype if isinstance(item, DType) and item.is_floating_point else item
            for name, item in node.attrs.items()
        }
        if node.op_type == "cast" and self.rewriter.spec(inputs[0]).dtype is attrs["dtype"]:
            self.rewriter.put(node, inputs[0])
        elif _is_same(attrs, node.attrs) and all(
            self.rewriter.spec(a) == self.source.spec(b) for a, b in zip(inputs, node.inputs)
        ):
            self.rewriter.copy(node, inputs)
        else:
            made = self.rewriter.graph.create_op(
                node.op_type, inputs, attrs, location=node.source_location, metadata=node.metadata
            )
            for index in range(node.num_outputs):
                self.rewriter.values[node[index]] = made[index]


def _is_same(a: dict[str, Any], b: Any) -> bool:
    return all(a[name] is b[name] for name in a)
