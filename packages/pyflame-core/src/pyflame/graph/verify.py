"""The rules of the IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..dtypes import DType
from ..errors import GraphError
from ..layout import MeshLayout
from .arrays import storage_name
from .parts import Node, NodeType
from .records import infer
from .registry import AttrInfo, op as op_info

if TYPE_CHECKING:
    from .ir import Graph


def verify(graph: Graph) -> None:
    """Raises GraphError at the first node that breaks a rule."""
    names: set[str] = set()
    for id, node in graph._nodes.items():
        if node.id != id:
            raise GraphError(f"[graph] {node.name} has the number {node.id} and stands under {id}")
        if node.name in names:
            raise GraphError(f"[graph] two nodes are named {node.name}")
        names.add(node.name)
        for value in node.inputs:
            graph.spec(value)
    for value in graph.outputs:
        graph.spec(value)
    for node in graph.topological_order():
        _check_node(graph, node)


def _check_node(graph: Graph, node: Node) -> None:
    if node.type is NodeType.OPERATION:
        _check_operation(graph, node)
        return
    if node.inputs or node.num_outputs != 1 or node.op_type != node.type.value:
        raise GraphError(f"[graph] {node.name} is no operation: it has one output and no inputs")
    if (node.type is NodeType.CONSTANT and node.value is None) or (
        node.type is NodeType.INPUT and node.value is not None
    ):
        raise GraphError(f"[graph] {node.name}: a constant has a value, an input has none")
    if node.value is not None:
        given = (node.value.shape, node.value.dtype.name)
        expected = (node.output_shape, storage_name(node.output_dtype))
        if given != expected:
            raise GraphError(
                f"[graph] {node.name} holds {given[1]} {given[0]}, its type needs {expected[1]} {expected[0]}"
            )


def _check_operation(graph: Graph, node: Node) -> None:
    info = op_info(node.op_type)
    if info.name != node.op_type:
        raise GraphError(f"[graph] {node.name} is called {node.op_type}: the canonical name is {info.name}")
    if node.value is not None:
        raise GraphError(f"[graph] {node.name} is an operation and holds a value")
    least, most = len(info.inputs), None if info.variadic else len(info.inputs)
    if len(node.inputs) < least - info.variadic or (most is not None and len(node.inputs) > most):
        raise GraphError(f"[graph] {node.name} has {len(node.inputs)} operands: {info.schema}")
    declared = {attr.name: attr for attr in info.attrs}
    unknown = node.attrs.keys() - declared.keys()
    missing = {attr.name for attr in info.attrs if attr.required} - node.attrs.keys()
    if unknown or missing:
        raise GraphError(
            f"[graph] {node.name}: attributes {sorted(unknown)} are unknown, {sorted(missing)} missing: {info.schema}"
        )
    for name, value in node.attrs.items():
        if not _fits(declared[name], value):
            raise GraphError(f"[graph] {node.name}: {name} is no {declared[name].kind}: {value!r}")
    if node.op_type == "fused":
        _check_body(node)
    try:
        inferred = infer(node.op_type, [graph.spec(value) for value in node.inputs], node.attrs)
    except (RuntimeError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise GraphError(f"[graph] {node.name} cannot be: {error}") from error
    if inferred != node.outputs:
        stated, right = (", ".join(map(str, specs)) for specs in (node.outputs, inferred))
        raise GraphError(f"[graph] {node.name} is stated to be {stated}, by its operands it is {right}")


def _check_body(node: Node) -> None:
    body = node.attrs["body"]
    if len(body.outputs) != node.num_outputs or body.parameters:
        raise GraphError(f"[graph] {node.name}: its body needs one result per output and no parameters")
    if any(inner.op_type == "fused" for inner in body.nodes):
        raise GraphError(f"[graph] {node.name}: its body holds a fused operation again")
    verify(body)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | float | str | DType) or _is_int(value)


def _fits(attr: AttrInfo, value: Any) -> bool:
    from .ir import Graph

    kind = attr.kind
    if kind == "int":
        return _is_int(value)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "float":
        return isinstance(value, float) or _is_int(value)
    if kind == "scalar":
        return isinstance(value, bool | float) or _is_int(value)
    if kind == "dtype":
        return isinstance(value, DType) or (value is None and not attr.required)
    if kind == "dim":
        return _is_int(value) or value is None
    if kind in ("ints", "dims"):
        return isinstance(value, tuple) and all(map(_is_int, value))
    if kind == "any":
        return _is_plain(value)
    if kind == "layout":
        return value is None or isinstance(value, MeshLayout)
    return isinstance(value, {"str": str, "graph": Graph}[kind])
