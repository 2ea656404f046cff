"""Rules a model must keep before it is converted: names defined once and before use, no endless nesting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import onnx
from onnx import AttributeProto

from .errors import InvalidOnnxModel

MAX_NESTING = 16
# A function that calls another twice, which calls another twice...: small files must not become endless programs.
MAX_NODES = 1_000_000


def validate(model: onnx.ModelProto, name: str) -> None:
    """Check the structure of a model.

    Args:
        model: what a file holds; tensors are not looked into.
        name: how messages call it.

    Raises:
        InvalidOnnxModel: a rule is broken.
    """
    if not model.HasField("graph") or model.ir_version <= 0:
        raise InvalidOnnxModel(f"[onnx] {name}: there is no graph in it: not an ONNX model, or an empty one")
    check_opsets(model.opset_import, name)
    check_graph(model.graph, frozenset(), f"{name}: graph", 0)
    seen = set()
    for function in model.functions:
        key = (function.domain, function.name, function.overload)
        where = f"{name}: function {function.name}"
        if key in seen:
            raise InvalidOnnxModel(f"[onnx] {where} is defined twice")
        seen.add(key)
        check_unique(function.input, f"{where}: input")
        check_nodes(function.node, set(function.input), where, 0)
    check_recursion(model, name)


def check_opsets(imports: Iterable[onnx.OperatorSetIdProto], name: str) -> None:
    seen = set()
    for entry in imports:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        if domain in seen:
            raise InvalidOnnxModel(f"[onnx] {name}: imports the opset of domain {domain or 'ai.onnx'!r} twice")
        if entry.version < 1:
            raise InvalidOnnxModel(f"[onnx] {name}: opset {entry.version} of domain {domain or 'ai.onnx'!r}")
        seen.add(domain)
    if not seen:
        raise InvalidOnnxModel(f"[onnx] {name}: imports no opset, so its operators have no meaning")


def check_unique(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for one in names:
        if one in seen:
            raise InvalidOnnxModel(f"[onnx] {what} {one!r} is defined twice")
        seen.add(one)


def check_graph(graph: onnx.GraphProto, outer: frozenset[str], where: str, depth: int) -> None:
    """Check one graph; `outer` are the names of the graphs around it."""
    if depth > MAX_NESTING:
        raise InvalidOnnxModel(f"[onnx] {where}: graphs nested more than {MAX_NESTING} deep")
    inputs = [value.name for value in graph.input]
    check_unique(inputs, f"{where}: input")
    stored = [tensor.name for tensor in graph.initializer] + [one.values.name for one in graph.sparse_initializer]
    check_unique(stored, f"{where}: initializer")
    defined = check_nodes(graph.node, {*inputs, *stored}, where, depth, outer)
    for value in graph.output:
        if value.name not in defined and value.name not in outer:
            raise InvalidOnnxModel(f"[onnx] {where}: output {value.name!r} is computed by no node")


def check_nodes(
    nodes: Sequence[onnx.NodeProto], defined: set[str], where: str, depth: int, outer: frozenset[str] = frozenset()
) -> set[str]:
    """Check that nodes come in order; return all names that are defined in the end."""
    later = {output for node in nodes for output in node.output if output}
    for index, node in enumerate(nodes):
        label = f"{where}: node {node.name or index} ({node.op_type})"
        for name in node.input:
            if name and name not in defined and name not in outer:
                reason = "is computed only later: a cycle, or nodes out of order" if name in later else "exists nowhere"
                raise InvalidOnnxModel(f"[onnx] {label}: input {name!r} {reason}")
        check_unique((attribute.name for attribute in node.attribute), f"{label}: attribute")
        for attribute in node.attribute:
            for graph in graphs_of(attribute):
                check_graph(graph, outer | defined, f"{label}: {attribute.name}", depth + 1)
        for name in node.output:
            if name and name in defined:
                raise InvalidOnnxModel(f"[onnx] {label}: output {name!r} is defined twice")
            if name:
                defined.add(name)
    return defined


def graphs_of(attribute: onnx.AttributeProto) -> Sequence[onnx.GraphProto]:
    """Return the graphs an attribute holds."""
    if attribute.type == AttributeProto.GRAPH:
        return [attribute.g]
    return list(attribute.graphs) if attribute.type == AttributeProto.GRAPHS else []


def check_recursion(model: onnx.ModelProto, name: str) -> None:
    """Refuse functions that call themselves, directly or through others, or that multiply beyond measure."""
    bodies = {(function.domain, function.name): function.node for function in model.functions}
    calls = {key: Counter(called for called in called_by(nodes) if called in bodies) for key, nodes in bodies.items()}
    sizes: dict[tuple[str, str], int] = {}
    while calls:
        leaves = [key for key, called in calls.items() if not called.keys() & calls.keys()]
        if not leaves:
            raise InvalidOnnxModel(f"[onnx] {name}: functions call each other in a circle: {sorted(calls)}")
        for key in leaves:
            sizes[key] = expanded(bodies[key], sizes)
            del calls[key]
    total = expanded(model.graph.node, sizes)
    if total > MAX_NODES:
        raise InvalidOnnxModel(f"[onnx] {name}: its functions expand to {total:,} nodes, over {MAX_NODES:,}")


def expanded(nodes: Iterable[onnx.NodeProto], sizes: Mapping[tuple[str, str], int]) -> int:
    """Return the number of nodes when all calls of functions are replaced by their bodies."""
    return sum(sizes.get(called, 1) for called in called_by(nodes))


def called_by(nodes: Iterable[onnx.NodeProto]) -> Iterator[tuple[str, str]]:
    """Yield what each node calls, those of nested graphs included."""
    for node in nodes:
        yield node.domain, node.op_type
        for attribute in node.attribute:
            for graph in graphs_of(attribute):
                yield from called_by(graph.node)
