"""Graphs as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .parts import Node, Value

if TYPE_CHECKING:
    from .ir import Graph


def graph_text(graph: Graph, depth: int | None = None, locations: bool = True) -> str:
    """A line per node; numbers stand where they are used. `depth` limits the distance from the results."""
    nodes = _within(graph, depth)
    scalars = {node.id: text for node in nodes if (text := _scalar(node)) is not None}
    results = {value.node_id for value in graph.outputs}
    shown = [node for node in nodes if node.id not in scalars or node.id in results]
    hidden = graph.num_nodes - len(nodes)

    visible = {node.id for node in nodes}

    def operand(value: Value) -> str:
        if value.node_id not in visible:
            return "..."
        several = graph.node(value.node_id).num_outputs > 1
        return scalars.get(value.node_id) or f"%{value.node_id}" + (f".{value.index}" if several else "")

    left = [f"%{node.id} = {_call(node, [operand(value) for value in node.inputs])}" for node in shown]
    types = [", ".join(map(str, node.outputs)) for node in shown]
    width = max(map(len, left), default=0)
    type_width = max(map(len, types), default=0)
    lines = [f"{graph.name}: {_count(graph.num_nodes, 'node')}, {_count(graph.num_ops, 'operation')}"]
    if hidden:
        lines.append(f"  ... {_count(hidden, 'node')} above")
    for node, text, kind in zip(shown, left, types):
        where = _where(node) if locations else ""
        lines.append(f"  {text:<{width}} : {kind:<{type_width}}  {where}".rstrip())
    ends = [f"%{value.node_id}" if value.index == 0 else operand(value) for value in graph.outputs]
    lines.append(f"  return {', '.join(ends)}".rstrip())
    return "\n".join(lines)


def node_text(node: Node) -> str:
    """One node without its graph."""
    operands = [f"%{value.node_id}" + (f".{value.index}" if value.index else "") for value in node.inputs]
    return f"%{node.id} = {_call(node, operands)} : {', '.join(map(str, node.outputs))}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _within(graph: Graph, depth: int | None) -> list[Node]:
    order = graph.topological_order()
    if depth is None:
        return list(order)
    seen = {value.node_id for value in graph.outputs}
    front = set(seen)
    for _ in range(depth):
        front = {edge.node_id for id in front for edge in graph.node(id).inputs} - seen
        seen |= front
    return [node for node in order if node.id in seen]


def _scalar(node: Node) -> str | None:
    if node.op_type == "full" and node.output_shape == ():
        return repr(node.attrs["value"])
    return None


def _call(node: Node, operands: list[str]) -> str:
    if not node.is_operation:
        return f'{node.op_type} "{node.name}"'
    return f"{node.op_type}({', '.join(operands + _attrs(node.attrs))})"


def _attrs(attrs: Mapping[str, Any]) -> list[str]:
    from .ir import Graph

    return [
        f"{name}={value.name if isinstance(value, Graph) else value}"
        for name, value in attrs.items()
        if value is not None
    ]


def _where(node: Node) -> str:
    if node.source_location is None:
        return ""
    file = node.source_location.file.replace("\\", "/").rpartition("/")[2]
    return f"{file}:{node.source_location.line}"
