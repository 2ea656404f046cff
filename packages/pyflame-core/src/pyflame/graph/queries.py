"""Questions about a graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import GraphError
from .parts import Node, NodeType, TensorSpec, Value


class GraphQueries:
    """The part of Graph that reads."""

    name: str
    _nodes: dict[int, Node]
    _outputs: list[Value]
    _users: dict[int, list[int]]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in the order they were made."""
        return tuple(self._nodes.values())

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes whose values are arguments, in the order of the arguments."""
        return tuple(node for node in self._nodes.values() if node.type is NodeType.INPUT)

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The values that are results, in order."""
        return tuple(self._outputs)

    @property
    def parameters(self) -> tuple[Node, ...]:
        """The nodes whose values are weights."""
        return tuple(node for node in self._nodes.values() if node.type is NodeType.PARAMETER)

    @property
    def constants(self) -> tuple[Node, ...]:
        """The nodes whose values are part of the graph."""
        return tuple(node for node in self._nodes.values() if node.type is NodeType.CONSTANT)

    @property
    def num_nodes(self) -> int:
        """How many nodes there are."""
        return len(self._nodes)

    @property
    def num_ops(self) -> int:
        """How many nodes are operations."""
        return sum(node.type is NodeType.OPERATION for node in self._nodes.values())

    @property
    def estimated_memory_bytes(self) -> int:
        """Bytes of all values together; see `optimize.memory_plan` for what is needed at one time."""
        return sum(spec.size_bytes() for node in self._nodes.values() for spec in node.outputs)

    def node(self, id: int) -> Node:
        """The node with a number.

        Raises:
            GraphError: there is none.
        """
        try:
            return self._nodes[id]
        except KeyError:
            raise GraphError(f"[graph] there is no node {id}") from None

    def spec(self, value: Value) -> TensorSpec:
        """The type of a value.

        Raises:
            GraphError: the graph has no such value.
        """
        outputs = self.node(value.node_id).outputs
        if not 0 <= value.index < len(outputs):
            raise GraphError(
                f"[graph] node {value.node_id} has {len(outputs)} outputs: there is no output {value.index}"
            )
        return outputs[value.index]

    def users(self, node: Node) -> tuple[Node, ...]:
        """The nodes that read a value of `node`, in the order they were made."""
        return tuple(self._nodes[id] for id in dict.fromkeys(self._users[node.id]))

    def topological_order(self) -> tuple[Node, ...]:
        """All nodes, each after those it reads, and otherwise in the order they were made.

        Raises:
            GraphError: some nodes read each other in a circle.
        """
        order: list[Node] = []
        state: dict[int, bool] = {}  # False: on the path from the root, True: placed
        for root in self._nodes:
            stack = [root]
            while stack:
                id = stack[-1]
                if state.get(id):
                    stack.pop()
                    continue
                node = self.node(id)
                waiting = [edge.node_id for edge in node.inputs if not state.get(edge.node_id)]
                if any(edge in state for edge in waiting):
                    raise GraphError(f"[graph] {node.name} depends on its own result")
                if waiting:
                    state[id] = False
                    stack.extend(reversed(list(dict.fromkeys(waiting))))
                else:
                    state[id] = True
                    order.append(node)
                    stack.pop()
        return tuple(order)

    def __repr__(self) -> str:
        return f"<Graph {self.name!r}: {self.num_nodes} nodes, {self.num_ops} operations>"

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.topological_order())

    def _ancestors(self, values: Iterable[Value]) -> list[Node]:
        """The nodes that values depend on, their own included."""
        found: dict[int, Node] = {}
        stack = [value.node_id for value in values]
        while stack:
            node = self.node(stack.pop())
            if node.id not in found:
                found[node.id] = node
                stack.extend(edge.node_id for edge in node.inputs)
        return list(found.values())
