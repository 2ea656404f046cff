"""Making a new graph out of an old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..graph.ir import Graph, Node, TensorSpec, Value


class Rewriter:
    """Copies a graph node by node; what takes the place of a value is in `values`.

    Inputs are copied at once, in the order of the arguments, as no pass may change how a graph is called.
    """

    def __init__(self, source: Graph) -> None:
        self.source = source
        self.graph = Graph(source.name, source.metadata)
        self.graph._names.update(node.name for node in source.nodes)  # new nodes take none of these
        self.values: dict[Value, Value] = {}
        for node in source.inputs:
            self.copy(node)

    def copy(self, node: Node, inputs: Sequence[Value] | None = None) -> Node:
        """The node as it is, reading what took the place of its operands, or other values of the same types."""
        edges = tuple(self.values[value] for value in node.inputs) if inputs is None else tuple(inputs)
        id = self.graph._next_id
        self.graph._filled([replace(node, id=id, inputs=edges)], ())
        for index in range(node.num_outputs):
            self.values[node[index]] = Value(id, index)
        return self.graph.node(id)

    def emit(self, op: str, inputs: Sequence[Value], attrs: Mapping[str, Any], like: Node) -> Value:
        """A new operation, said to come from the line of `like`."""
        made = self.graph.create_op(op, inputs, attrs, location=like.source_location, metadata=like.metadata)
        return Value(made.id)

    def constant(self, node: Node, value: Any) -> None:
        """Lets an array take the place, and the name, of a node with one output."""
        spec = node.output_spec
        self.graph._names.discard(node.name)
        made = self.graph.create_constant(value, name=node.name, dtype=spec.dtype, layout=spec.layout)
        self.put(node, made[0])

    def put(self, node: Node, value: Value) -> None:
        """Lets a value of the new graph take the place of a node with one output."""
        self.values[node[0]] = value

    def spec(self, value: Value) -> TensorSpec:
        """The type of a value of the new graph."""
        return self.graph.spec(value)

    def made(self, value: Value) -> Node:
        """The node behind a value of the new graph."""
        return self.graph.node(value.node_id)

    def finish(self) -> Graph:
        """The new graph, with the outputs of the old one."""
        for value in self.source.outputs:
            self.graph.mark_output(self.values[value])
        self.graph._names = {node.name for node in self.graph.nodes}
        return self.graph


def key_of(attrs: Mapping[str, Any]) -> Any:
    """Attributes as something hashable that tells apart what == does not: 1 and 1.0, 0.0 and -0.0."""
    return tuple((name, type(value).__name__, repr(value)) for name, value in sorted(attrs.items()))
