"""The graph IR: a computation as plain, versioned data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..dtypes import DType
from ..errors import GraphError
from ..layout import MeshLayout
from .arrays import dtype_of, stored_array
from .parts import (
    Node as Node,
    NodeType as NodeType,
    SourceLocation as SourceLocation,
    TensorSpec as TensorSpec,
    Value as Value,
)
from .queries import GraphQueries
from .registry import AttrInfo as AttrInfo, OpInfo as OpInfo, op as op, ops as ops

if TYPE_CHECKING:
    from .._types import Array

# (major, minor): minor adds operations or optional fields, major changes meaning.
IR_VERSION = (1, 0)


class Graph(GraphQueries):
    """A computation: nodes, their inputs in order, and the values that are its results.

    Nodes never change; a graph grows by its `create_` methods and changes by `replace_node`. Passes make new graphs.

    Args:
        name: for displays.
        metadata: notes of passes and tools; written to files if it is JSON data.

    Example:
        >>> import pyflame as pf
        >>> g = Graph()
        >>> x = g.create_input((2, 3), pf.float32, name="x")
        >>> y = g.mark_output(g.create_op("relu", [x]))
        >>> print(g.to_string(locations=False))
        graph: 2 nodes, 1 operation
          %0 = input "x" : float32 (2, 3)
          %1 = relu(%0)  : float32 (2, 3)
          return %1
    """

    def __init__(self, name: str = "graph", metadata: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.metadata: dict[str, Any] = dict(metadata or {})
        self._nodes = {}
        self._outputs = []
        self._users = {}
        self._names: set[str] = set()
        self._counts: dict[str, int] = {}
        self._next_id = 0

    def create_constant(
        self,
        value: Any,
        *,
        name: str | None = None,
        dtype: DType | None = None,
        layout: MeshLayout | None = None,
    ) -> Node:
        """Add a value that is part of the graph.

        Args:
            value: array or number; bfloat16 as uint16 bits.
            name: unique name, by default made from the type.
            dtype: element type, by default that of the array.
            layout: placement.

        Raises:
            TypeError: the array's dtype is none of PyFlame's, or not the one given.

        Example:
            >>> Graph().create_constant([1.5, 2.5]).output_dtype
            pyflame.float64
        """
        array = stored_array(value, dtype)
        spec = TensorSpec(array.shape, dtype or dtype_of(array), layout)
        return self._add(NodeType.CONSTANT, "constant", name, (spec,), value=array)

    def create_input(
        self, shape: Sequence[int], dtype: DType, *, name: str | None = None, layout: MeshLayout | None = None
    ) -> Node:
        """Add an argument.

        Args:
            shape: sizes.
            dtype: element type.
            name: unique name, by default made from the type.
            layout: placement.
        """
        return self._add_place("input", TensorSpec(tuple(shape), dtype, layout), name)

    def create_parameter(
        self,
        shape: Sequence[int],
        dtype: DType,
        *,
        name: str,
        value: Any = None,
        layout: MeshLayout | None = None,
    ) -> Node:
        """Add a weight.

        Args:
            shape: sizes.
            dtype: element type.
            name: unique name, by which a run may give another value.
            value: array bound to it; without one each run must give it.
            layout: placement.

        Raises:
            TypeError: the array has another dtype.
            GraphError: the array has another shape, or the name is taken.
        """
        spec = TensorSpec(tuple(shape), dtype, layout)
        array = None if value is None else stored_array(value, dtype)
        if array is not None and array.shape != spec.shape:
            raise GraphError(f"[graph] parameter {name} has shape {spec.shape}, its value {array.shape}")
        return self._add_place("parameter", spec, name, array)

    def create_op(
        self,
        op_type: str,
        inputs: Sequence[Node | Value],
        attrs: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        location: SourceLocation | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Node:
        """Add an operation; shapes and dtypes follow by the rules of the core, as do conversions of the operands.

        Args:
            op_type: name or alias of an operation, see `pyflame.ir.ops`.
            inputs: the values it reads; a node stands for its first output.
            attrs: attributes.
            name: unique name, by default made from the operation's.
            location: source line, by default the caller's.
            metadata: notes.

        Raises:
            GraphError: the operation is unknown.
            RuntimeError: the operands do not fit, as when the operation is called on tensors.

        Example:
            >>> import pyflame as pf
            >>> g = Graph()
            >>> x = g.create_input((2, 3), pf.float32)
            >>> g.create_op("sum", [x], {"dim": (1,), "keepdim": True}).output_shape
            (2, 1)
        """
        from .records import record_node

        values = [self._value(item) for item in inputs]
        found = record_node(self, op(op_type).name, values, attrs or {}, name, location, metadata)
        return self._nodes[found[0].node_id]

    def mark_output(self, value: Node | Value) -> Value:
        """Make a value a result, after those marked before."""
        self._outputs.append(self._value(value))
        return self._outputs[-1]

    def replace_node(self, old: Node, new: Node | Value) -> None:
        """Let everything that reads `old` read another value, and remove `old` when nothing needs it any more.

        What the new value is computed from keeps reading `old`, so a node can be put behind another.

        Args:
            old: node of this graph.
            new: value of this graph with the same type; a node stands for its outputs in order.

        Raises:
            GraphError: the types differ.
        """
        from .edit import replace_node

        replace_node(self, old, self._value(new))

    def clone(self) -> Graph:
        """A graph with the same nodes; later changes to one do not show in the other."""
        return self._part(self._outputs, set(self._nodes))

    def subgraph(self, outputs: Iterable[Node | Value]) -> Graph:
        """The part of the graph that some values need, with these as its results.

        Args:
            outputs: values of this graph; a node stands for its first output.
        """
        values = [self._value(value) for value in outputs]
        return self._part(values, {node.id for node in self._ancestors(values)})

    def validate(self) -> None:
        """Check every rule of the IR: types follow from the inputs, names are unique, nothing is missing or circular.

        Raises:
            GraphError: naming the first node that breaks a rule.
        """
        from .verify import verify

        verify(self)

    def fingerprint(self) -> str:
        """A hash of what the graph computes: operations, types and constants, not names, lines or bound weights.

        Example:
            >>> g = Graph("a")
            >>> g.fingerprint() == Graph("b").fingerprint()
            True
        """
        from .serial import fingerprint

        return fingerprint(self)

    def __str__(self) -> str:
        return self.to_string()

    def to_string(self, *, locations: bool = True) -> str:
        """The graph as aligned text, a line per node.

        Args:
            locations: whether lines end with where the node was recorded.
        """
        from .text import graph_text

        return graph_text(self, locations=locations)

    def to_json(self, *, indent: int | None = None) -> str:
        """The graph as JSON text, bound weights included.

        Args:
            indent: spaces per level, None for one line.

        Raises:
            SerializationError: an attribute or note is no data, such as a custom layout's unnamed function.
        """
        from .serial import to_json

        return to_json(self, indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Graph:
        """The graph that `to_json` wrote; it is validated.

        Args:
            text: JSON.

        Raises:
            SerializationError: the text is no graph, or one of another IR version.
            GraphError: it describes a graph that breaks a rule.
        """
        from .serial import from_json

        return from_json(text)

    def to_bytes(self, *, weights: str = "embedded", compress: bool = False) -> bytes:
        """The graph in its binary form, which is checked to the last bit when it is read.

        Args:
            weights: "embedded", or "external" to leave out the values of parameters.
            compress: make it smaller, and slower to write and read.

        Raises:
            SerializationError: an attribute or note is no data, such as a custom layout's unnamed function.

        Example:
            >>> g = Graph("empty")
            >>> Graph.from_bytes(g.to_bytes()).name
            'empty'
        """
        from .binary import to_bytes

        return to_bytes(self, weights, compress)

    @classmethod
    def from_bytes(cls, data: bytes, *, weights: Mapping[str, Any] | None = None) -> Graph:
        """The graph that `to_bytes` wrote; it is validated.

        Args:
            data: the binary form.
            weights: name of a parameter -> tensor or array, for those the data lacks or that are to be others.

        Raises:
            SerializationError: the data is damaged, no graph, or one of another IR version.
            GraphError: it describes a graph that breaks a rule.
        """
        from .binary import load

        return load(bytes(data), weights, False)

    def save(self, path: str | PathLike[str], *, weights: str = "embedded", compress: bool = False) -> None:
        """Write the graph to a file, atomically: JSON if the name ends in .json, else the binary form.

        Args:
            path: of the file.
            weights: "embedded", or "external" for a `.safetensors` file of the same name beside it.
            compress: make the file smaller, and slower to write and read; not for JSON.

        Raises:
            SerializationError: an attribute or note is no data.
            ValueError: `weights` is something else, or JSON cannot do it.
        """
        from .binary import save

        save(self, path, weights, compress)

    @classmethod
    def load(cls, path: str | PathLike[str], *, weights: Any = None, mmap: bool = False) -> Graph:
        """The graph that `save` wrote, JSON or binary; it is validated.

        Args:
            path: of the file.
            weights: name of a parameter -> tensor or array, or the path of a file of tensors; None for those of the
                graph itself, or of the file beside it.
            mmap: let values be windows on the files, whose checksums are then not checked.

        Raises:
            SerializationError: the file is damaged, no graph, or one of another IR version.
            GraphError: it describes a graph that breaks a rule.
            FileNotFoundError: the file, or that of its weights, is not there.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Graph("empty").save(f"{folder}/x.graph")
            ...     Graph.load(f"{folder}/x.graph").name
            'empty'
        """
        from .binary import load

        return load(path, weights, mmap)

    def _value(self, item: Node | Value) -> Value:
        value = Value(item.id) if isinstance(item, Node) else item
        if isinstance(item, Node) and self._nodes.get(item.id) is not item and item.graph is not self:
            raise GraphError(f"[graph] {item.name} belongs to another graph")
        self.spec(value)
        return value

    def _filled(self, nodes: Iterable[Node], outputs: Iterable[Value]) -> Graph:
        """Takes over nodes with their numbers: inputs in the order of the arguments, others after what they read."""
        for node in nodes:
            self._names.add(node.name)
            self._put(node)
            self._next_id = max(self._next_id, node.id + 1)
        self._outputs.extend(outputs)
        return self

    def _part(self, outputs: Iterable[Value], needed: set[int]) -> Graph:
        places = [node for node in self.inputs if node.id in needed]
        others = [node for node in self.topological_order() if node.id in needed and not node.is_input]
        return Graph(self.name, self.metadata)._filled(places + others, outputs)

    def _drop(self, node: Node) -> None:
        """Removes a node that nothing reads."""
        self._names.discard(node.name)
        for edge in node.inputs:
            self._users[edge.node_id].remove(node.id)
        del self._nodes[node.id], self._users[node.id]

    def _unique(self, name: str | None, stem: str) -> str:
        if name in self._names:
            raise GraphError(f"[graph] the name {name!r} is taken")
        if name is not None:
            return name
        count = self._counts.get(stem, 0)
        while f"{stem}_{count}" in self._names:
            count += 1
        self._counts[stem] = count + 1
        return f"{stem}_{count}"

    def _put(self, node: Node) -> Node:
        """Adds a node or takes the place of the one with its number."""
        node = replace(node, graph=self)
        previous = self._nodes.get(node.id)
        for edge in previous.inputs if previous else ():
            self._users[edge.node_id].remove(node.id)
        self._nodes[node.id] = node
        self._users.setdefault(node.id, [])
        for edge in node.inputs:
            self._users[edge.node_id].append(node.id)
        return node

    def _add(
        self, type: NodeType, op_type: str, name: str | None, outputs: tuple[TensorSpec, ...], **fields: Any
    ) -> Node:
        name = self._unique(name, op_type)
        self._names.add(name)
        self._next_id += 1
        return self._put(Node(self._next_id - 1, name, type, op_type, outputs, **fields))

    def _add_place(
        self,
        kind: str,
        spec: TensorSpec,
        name: str | None = None,
        value: Array | None = None,
        location: SourceLocation | None = None,
    ) -> Node:
        return self._add(NodeType(kind), kind, name, (spec,), value=value, source_location=location)

    def _add_operation(
        self,
        op_type: str,
        inputs: tuple[Value, ...],
        attrs: Mapping[str, Any],
        outputs: tuple[TensorSpec, ...],
        name: str | None = None,
        location: SourceLocation | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Node:
        """Adds an operation whose types are known to be right."""
        return self._add(
            NodeType.OPERATION,
            op_type,
            name,
            outputs,
            inputs=inputs,
            attrs=attrs,
            source_location=location,
            metadata=metadata or {},
        )
