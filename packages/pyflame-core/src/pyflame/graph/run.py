"""Running a graph: its operations are recorded again on tensors, lazily and differentiably."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .._layouts import to_layout
from .._tensor import Tensor
from ..errors import GraphError
from .parts import Node, NodeType, Value
from .records import record
from .registry import op as op_info

if TYPE_CHECKING:
    from .ir import Graph


def execute_graph(
    graph: Graph,
    args: Tensor | Sequence[Tensor],
    weights: Mapping[str, Tensor] | None = None,
    *,
    backend: Any = None,
) -> Any:
    """Run a graph. The result is as lazy and as differentiable as if its operations were called one by one.

    Args:
        graph: what to run.
        args: values of the graph's inputs, in order; one tensor if there is one input.
        weights: values of parameter nodes by name, in place of those bound in the graph.
        backend: object with `compile(graph)` and `run(plan, inputs)`, or the name of a registered one; by default the
            operations are recorded here. Gradients stop at other backends.

    Returns:
        The output, or a tuple of the outputs when there are several.

    Raises:
        GraphError: arguments are missing or of the wrong type, or a parameter has no value.

    Example:
        >>> import pyflame as pf
        >>> g = pf.get_graph(pf.ones(3) * 2)
        >>> pf.execute_graph(g, ()).tolist()
        [2.0, 2.0, 2.0]
    """
    operands = [args] if isinstance(args, Tensor) else list(args)
    if backend is None or backend == "cpu":
        results = run_graph(graph, operands, weights or {})
    else:
        results = _run_elsewhere(graph, operands, weights or {}, backend)
    return results[0] if len(results) == 1 else tuple(results)


def run_graph(graph: Graph, args: Sequence[Any], weights: Mapping[str, Any]) -> list[Tensor]:
    """All outputs, as a list."""
    values = _places(graph, args, weights)
    for node in graph.topological_order():
        if node.is_operation:
            for index, result in enumerate(record(node.op_type, _operands(graph, node, values), node.attrs)):
                values[Value(node.id, index)] = result
        elif node.is_constant:
            values[Value(node.id)] = bound_tensor(node)
    return [values[value] for value in graph.outputs]


def bound_tensor(node: Node) -> Tensor:
    """The tensor of a constant or of a parameter's bound value; it shares the array's memory."""
    if node.value is None:
        raise GraphError(f"[execute_graph] {node.op_type} {node.name} has no value: give one in weights")
    tensor = _core.from_array(node.value, node.output_dtype.code, True)
    return to_layout(tensor, node.output_layout)


def _places(graph: Graph, args: Sequence[Any], weights: Mapping[str, Any]) -> dict[Value, Any]:
    """Values of inputs and parameters."""
    inputs = graph.inputs
    if len(args) != len(inputs):
        names = ", ".join(node.name for node in inputs)
        raise GraphError(f"[execute_graph] {graph.name} takes {len(inputs)} arguments ({names}), got {len(args)}")
    values: dict[Value, Any] = {}
    for node, arg in zip(inputs, args):
        values[Value(node.id)] = _fitting(node, arg)
    parameters = {node.name: node for node in graph.parameters}
    unknown = weights.keys() - parameters.keys()
    if unknown:
        raise GraphError(f"[execute_graph] {graph.name} has no parameter named {', '.join(sorted(unknown))}")
    for name, node in parameters.items():
        if name in weights:
            values[Value(node.id)] = _fitting(node, weights[name])
        else:
            values[Value(node.id)] = bound_tensor(node)
    return values


def _fitting(node: Node, tensor: Any) -> Any:
    if not isinstance(tensor, Tensor):
        raise GraphError(f"[execute_graph] {node.name}: expected a tensor, got {type(tensor).__name__}")
    shape, dtype = tuple(tensor.shape), tensor.dtype
    if shape != node.output_shape or dtype is not node.output_dtype:
        raise GraphError(
            f"[execute_graph] {node.name} is {node.output_dtype.name} {node.output_shape}, the tensor given is "
            f"{dtype.name} {shape}: a graph holds for the types it was made with"
        )
    return to_layout(tensor, node.output_layout)


def _operands(graph: Graph, node: Node, values: Mapping[Value, Any]) -> list[Any]:
    """Tensors, and one Python number where an elementwise operation reads a scalar: a number is no part of the plan."""
    operands = [values[value] for value in node.inputs]
    if len(operands) == 2 and op_info(node.op_type).is_elementwise:
        for side in (1, 0):
            source = graph.node(node.inputs[side].node_id)
            same = graph.spec(node.inputs[0]).dtype is graph.spec(node.inputs[1]).dtype
            if source.op_type == "full" and source.output_shape == () and same:
                operands[side] = source.attrs["value"]
                break
    return operands


def _run_elsewhere(graph: Graph, args: Sequence[Any], weights: Mapping[str, Any], backend: Any) -> list[Tensor]:
    from ..backends import adapter, get

    if isinstance(backend, str):
        backend = get(backend)
    values = _places(graph, args, weights)
    order = [node for node in graph.nodes if node.type in (NodeType.INPUT, NodeType.PARAMETER)]
    arrays = {node.name: _core.to_array(values[Value(node.id)]) for node in order}
    outputs = adapter.run(backend, graph, arrays)
    return [
        _core.from_array(array, graph.spec(value).dtype.code, False) for array, value in zip(outputs, graph.outputs)
    ]
