"""What is exported: one graph, or the same graph at several sizes of its dynamic axes, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyflame.graph.ir import Graph, Node, SourceLocation, TensorSpec, Value

from .dims import Dim, Varying, combine, dim


class DynamicShapeError(ValueError):
    """A graph depends on the size of a dynamic axis in a way that ONNX cannot be told."""


class Program:
    """Graphs with the same nodes, of which the first is looked at where sizes do not matter.

    Args:
        graphs: one, or one per assignment of sizes to the dynamic axes.

    Raises:
        DynamicShapeError: the graphs differ in more than numbers.
    """

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self.graphs = tuple(graphs)
        self.graph = self.graphs[0]
        self.order = self.graph.topological_order()
        orders = [graph.topological_order() for graph in self.graphs]
        places = [{node.id: k for k, node in enumerate(order)} for order in orders]
        self._rows: dict[int, tuple[Node, ...]] = {}
        for position, node in enumerate(self.order):
            row = tuple(order[position] for order in orders if position < len(order))
            if len(row) != len(orders) or len({identity(one, places[k]) for k, one in enumerate(row)}) > 1:
                raise DynamicShapeError(
                    f"[onnx] {describe(node)}: at other sizes of the dynamic axes the model computes something else "
                    "from here on, so one graph cannot stand for both: make the axis static, or the code independent "
                    "of sizes"
                )
            self._rows[node.id] = row
        longer = next((order for order in orders if len(order) > len(self.order)), None)
        if longer is not None:
            raise DynamicShapeError(
                f"[onnx] {describe(longer[len(self.order)])}: exists only at some sizes of the dynamic axes: make the "
                "axis static, or the code independent of sizes"
            )

    @property
    def is_dynamic(self) -> bool:
        """Whether there are several sizes."""
        return len(self.graphs) > 1

    def row(self, node: Node) -> tuple[Node, ...]:
        """The node in each graph."""
        return self._rows[node.id]

    def node(self, value: Value) -> Node:
        """The node that makes a value."""
        return self.graph.node(value.node_id)

    def spec(self, value: Value) -> TensorSpec:
        """The type of a value, in the first graph."""
        return self.graph.spec(value)

    def shape(self, value: Value) -> tuple[Dim, ...]:
        """The sizes of a value."""
        specs = [node.outputs[value.index] for node in self._rows[value.node_id]]
        return tuple(dim(sizes) for sizes in zip(*(spec.shape for spec in specs)))

    def attr(self, node: Node, name: str, default: Any = None) -> Any:
        """An attribute; whole numbers and tuples of them may vary, others must not."""
        found = [one.attrs.get(name, default) for one in self._rows[node.id]]
        if all(one == found[0] for one in found):
            return found[0]
        if all(type(one) is int for one in found):
            return dim(found)
        if all(isinstance(one, tuple) and len(one) == len(found[0]) for one in found):
            return tuple(dim(numbers) for numbers in zip(*found))
        return tuple(found)

    def fixed(self, node: Node, name: str, default: Any = None) -> Any:
        """An attribute that must be the same at all sizes.

        Raises:
            DynamicShapeError: it is not.
        """
        value = self.attr(node, name, default)
        varies = isinstance(value, Varying) or (
            isinstance(value, tuple) and any(isinstance(one, Varying) for one in value)
        )
        if varies or len({str(one.attrs.get(name, default)) for one in self._rows[node.id]}) > 1:
            raise DynamicShapeError(
                f"[onnx] {describe(node)}: {name} depends on a dynamic axis, and ONNX takes only a constant there: "
                "make the axis static"
            )
        return value

    def ints(self, node: Node, name: str, count: int) -> tuple[Any, ...]:
        """A tuple attribute, by position; each number may vary."""
        return tuple(dim([one.attrs[name][k] for one in self._rows[node.id]]) for k in range(count))


def identity(node: Node, places: dict[int, int]) -> tuple[Any, ...]:
    """What must agree between nodes at several sizes."""
    ranks = tuple((len(spec.shape), spec.dtype) for spec in node.outputs)
    label = node.name if node.is_parameter or node.is_input else ""
    edges = tuple((places[edge.node_id], edge.index) for edge in node.inputs)
    return (node.op_type, label, ranks, edges, tuple(sorted(node.attrs)))


def describe(node: Node) -> str:
    """A node for messages: what, which and where."""
    return f"node {node.name!r} ({node.op_type}){place(node.source_location)}"


def place(location: SourceLocation | None) -> str:
    return "" if location is None else f" at {location}"


__all__ = ["DynamicShapeError", "Program", "combine", "describe", "identity", "place"]
