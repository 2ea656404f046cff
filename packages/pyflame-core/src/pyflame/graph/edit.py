"""Changes to a graph in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import GraphError
from .parts import Node, Value

if TYPE_CHECKING:
    from .ir import Graph


def replace_node(graph: Graph, old: Node, new: Value) -> None:
    """See Graph.replace_node."""
    targets = [Value(new.node_id, new.index + k) for k in range(old.num_outputs)]
    for k, target in enumerate(targets):
        if graph.spec(target) != old.outputs[k]:
            raise GraphError(f"[graph] cannot replace {old.outputs[k]} by {graph.spec(target)}: the types differ")
    above = {node.id for node in graph._ancestors([new])}
    for user in graph.users(old):
        if user.id not in above:
            edges = tuple(targets[edge.index] if edge.node_id == old.id else edge for edge in user.inputs)
            graph._put(replace(user, inputs=edges))
    graph._outputs = [targets[value.index] if value.node_id == old.id else value for value in graph._outputs]
    if old.id not in above and not old.is_input:
        graph._drop(old)
