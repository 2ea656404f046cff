"""Between graphs and the core: nodes are recorded as operations, recorded operations become nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .._layouts import layout_by_number, layout_number
from ..errors import GraphError
from ..ops import named
from .modes import recording
from .parts import SourceLocation, TensorSpec, Value
from .registry import op as op_info

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .ir import Graph


def record(op: str, operands: Sequence[Any], attrs: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """Records one operation on tensors; all outputs."""
    info = op_info(op)
    if op == "fused":
        from .run import run_graph

        return tuple(run_graph(attrs["body"], operands, {}))
    if op == "alias":
        return (_core.detach(operands[0]),)
    if op == "to_layout":
        attrs = {"layout": layout_number(attrs["layout"])}
    if made := named.find(info.name):
        result = made.replay(operands, attrs)
        return tuple(result) if isinstance(result, tuple | list) else (result,)
    function = getattr(_core.ops, info.name)
    arguments = [operands] if info.variadic else operands
    result = function(*arguments, **attrs) if attrs else function(*arguments)
    return result if isinstance(result, tuple) else (result,)


def placeholder(spec: TensorSpec, requires_grad: bool = False) -> Tensor:
    """A tensor that can be recorded on and has no value."""
    return _core.make_input(spec.dtype.code, spec.shape, requires_grad, layout_number(spec.layout))


def spec_of(tensor: Tensor) -> TensorSpec:
    """The type of a tensor."""
    return TensorSpec(tuple(tensor.shape), tensor.dtype, layout_by_number(_core.layout_id(tensor)))


def infer(op: str, specs: Sequence[TensorSpec], attrs: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    """Types of an operation's results, by the rules of the core."""
    with recording():
        return tuple(spec_of(result) for result in record(op, [placeholder(spec) for spec in specs], attrs))


def import_tensors(
    graph: Graph,
    tensors: Sequence[Tensor],
    known: Mapping[int, Value],
    *,
    name: str | None = None,
    location: SourceLocation | None = None,
    metadata: Mapping[str, Any] | None = None,
    provenance: bool = False,
) -> list[Value]:
    """Adds the recorded computation of tensors to a graph.

    `known` maps node ids of the core to values the graph has already. The other arguments describe the new nodes:
    `name` the last one, `location` all of them in place of where they were recorded. `provenance` takes evaluated
    tensors that remember their computation for that computation, not for constants.
    """
    records, ends = _core.export_graph(list(tensors), provenance)
    ids: list[int] = []

    def value(edge: tuple[int, int]) -> Value:
        return known_values.get(edge[0]) or Value(ids[edge[0]], edge[1])

    known_values: dict[int, Value] = {}
    for position, (op, edges, attrs, outputs, layout, line, handle) in enumerate(records):
        where = location or _location(line)
        placed = layout_by_number(layout)
        specs = tuple(TensorSpec(tuple(shape), dtype, placed) for dtype, shape in outputs)
        node_id = -1
        if handle is not None:
            found = known.get(_core.node_id(handle))
            if found is not None:
                known_values[position] = found
            elif op == "input":
                node_id = graph._add_place("input", specs[0], location=where).id
            else:
                node_id = graph.create_constant(_core.to_array(handle), dtype=specs[0].dtype, layout=placed).id
        else:
            if op == "to_layout":
                attrs = {"layout": placed}
            chosen = name if position == len(records) - 1 else None
            inputs = tuple(value(edge) for edge in edges)
            node_id = graph._add_operation(op, inputs, attrs, specs, chosen, where, metadata).id
        ids.append(node_id)
    return [value(end) for end in ends]


def _location(line: int) -> SourceLocation | None:
    file, number, function = _core.source_line(line)
    return None if file is None else SourceLocation(file, number, function)


def record_node(
    graph: Graph,
    op: str,
    inputs: Sequence[Value],
    attrs: Mapping[str, Any],
    name: str | None,
    location: SourceLocation | None,
    metadata: Mapping[str, Any] | None,
) -> list[Value]:
    """Adds an operation to a graph, with the conversions the core puts before it; all its outputs."""
    specs = [graph.spec(value) for value in inputs]
    if op == "fused":
        node = graph._add_operation(op, tuple(inputs), dict(attrs), infer(op, specs, attrs), name, location, metadata)
        return [node[0]]
    with recording():
        handles = [placeholder(spec) for spec in specs]
        results = record(op, handles, attrs)
        known = {_core.node_id(handle): value for handle, value in zip(handles, inputs)}
        if any(_core.node_id(result) in known for result in results):
            raise GraphError(f"[graph] {op} does nothing here: use its operand")
        return import_tensors(graph, results, known, name=name, location=location, metadata=metadata)
