"""What a graph is made of: value references, tensor types, source locations, nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from ..dtypes import DType
from ..layout import MeshLayout

if TYPE_CHECKING:
    from .._types import Array
    from .ir import Graph


class NodeType(Enum):
    """Where the value of a node comes from.

    Example:
        >>> NodeType("input") is NodeType.INPUT
        True
    """

    CONSTANT = "constant"
    PARAMETER = "parameter"
    INPUT = "input"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Value:
    """One output of a node: what edges of a graph point at."""

    node_id: int
    index: int = 0


class SourceLocation(NamedTuple):
    """The line of Python that recorded a node."""

    file: str
    line: int
    function: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """The type of a tensor: what is known about it without its values.

    Args:
        shape: sizes.
        dtype: element type.
        layout: placement on the mesh, None if none is stated.

    Example:
        >>> import pyflame as pf
        >>> spec = TensorSpec((2, 3), pf.float32)
        >>> spec.numel(), spec.size_bytes()
        (6, 24)
    """

    shape: tuple[int, ...]
    dtype: DType
    layout: MeshLayout | None = None

    def numel(self) -> int:
        """Number of elements.

        Example:
            >>> import pyflame as pf
            >>> TensorSpec((), pf.int8).numel()
            1
        """
        return math.prod(self.shape)

    def size_bytes(self) -> int:
        """Bytes of one full copy.

        Example:
            >>> import pyflame as pf
            >>> TensorSpec((4,), pf.float16).size_bytes()
            8
        """
        return self.numel() * self.dtype.itemsize

    def __str__(self) -> str:
        text = f"{self.dtype.name} {self.shape}"
        return text if self.layout is None else f"{text} @ {self.layout}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """One step of a computation, or a value that enters it. Nodes are made by the methods of Graph and never change.

    Args:
        id: number within the graph.
        name: text, unique within the graph.
        type: where the value comes from.
        op_type: name of the operation; for other nodes the name of their type.
        outputs: types of the values it makes.
        inputs: the values it reads.
        attrs: attributes of the operation.
        value: array of a constant, or the one bound to a parameter; bfloat16 is held as uint16 bits.
        source_location: where the user's code recorded it, None if unknown.
        metadata: notes of passes and tools.
    """

    id: int
    name: str
    type: NodeType
    op_type: str
    outputs: tuple[TensorSpec, ...]
    inputs: tuple[Value, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)
    value: Array | None = None
    source_location: SourceLocation | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    graph: Graph | None = None

    @property
    def users(self) -> tuple[Node, ...]:
        """The nodes that read a value of this one, in the order they were made."""
        return () if self.graph is None else self.graph.users(self)

    @property
    def output_spec(self) -> TensorSpec:
        """The type of the first output."""
        return self.outputs[0]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the first output."""
        return self.outputs[0].shape

    @property
    def output_dtype(self) -> DType:
        """The dtype of the first output."""
        return self.outputs[0].dtype

    @property
    def output_layout(self) -> MeshLayout | None:
        """The layout of the first output."""
        return self.outputs[0].layout

    @property
    def num_outputs(self) -> int:
        """How many values the node makes."""
        return len(self.outputs)

    @property
    def is_constant(self) -> bool:
        """Whether the value is part of the graph."""
        return self.type is NodeType.CONSTANT

    @property
    def is_input(self) -> bool:
        """Whether the value is an argument of each run."""
        return self.type is NodeType.INPUT

    @property
    def is_parameter(self) -> bool:
        """Whether the value is a weight, bound to the graph or given by name."""
        return self.type is NodeType.PARAMETER

    @property
    def is_operation(self) -> bool:
        """Whether the value is computed."""
        return self.type is NodeType.OPERATION

    def __getitem__(self, index: int) -> Value:
        """A reference to one output."""
        if not 0 <= index < len(self.outputs):
            raise IndexError(f"[graph] {self.name} has {len(self.outputs)} outputs: there is no output {index}")
        return Value(self.id, index)

    def __repr__(self) -> str:
        from .text import node_text

        return node_text(self)
