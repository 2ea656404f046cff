"""From the model in a file to steps that can run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, helper

from . import gradient
from .check import check_model
from .errors import InvalidOnnxModel
from .expand import Expanded
from .maps import Map, find
from .maps.registry import since_version
from .program import Body, Inlined, Slot, Step
from .proto import ModelFile, standard
from .tensors import array_of, dense_of
from .values import TYPES, Array
from .weights import PARAMETER, STATISTIC, Weights, kind_of

# The attributes of Constant, of which one is its value.
CONSTANTS = {
    "value": AttributeProto.TENSOR,
    "sparse_value": AttributeProto.SPARSE_TENSOR,
    "value_float": AttributeProto.FLOAT,
    "value_floats": AttributeProto.FLOATS,
    "value_int": AttributeProto.INT,
    "value_ints": AttributeProto.INTS,
    "value_string": AttributeProto.STRING,
    "value_strings": AttributeProto.STRINGS,
}
# Constants of more elements are part of the state dict; smaller ones can be written into source.
MAX_LITERAL = 64


@dataclass(frozen=True)
class Scope:
    """What a list of nodes is read against."""

    where: str
    opsets: Mapping[str, int]
    attributes: Mapping[str, onnx.AttributeProto] | None = None  # of the call, in a function
    keeps_weights: bool = True


class Importer:
    """Reads one model: `body` is what it runs, `weights` what it holds."""

    def __init__(self, model: ModelFile) -> None:
        check_model(model).raise_if_unsupported()
        self.folder: Path | None = model.folder
        self.weights = Weights()
        self.functions = {(standard(f.domain), f.name, f.overload): f for f in model.proto.functions}
        graph = model.proto.graph
        self.body = self.read_graph(graph, Scope("", model.opsets), frozenset())

    def read_graph(self, graph: onnx.GraphProto, scope: Scope, outer: frozenset[str]) -> Body:
        """Read a graph; `outer` are the names that the graphs around it define."""
        stored = {tensor.name: array_of(tensor, self.folder) for tensor in graph.initializer}
        stored.update({one.values.name: dense_of(one, self.folder) for one in graph.sparse_initializer})
        inputs = tuple(slot_of(value) for value in graph.input if value.name not in stored)
        body = Body(scope.where or graph.name or "graph", inputs, tuple(slot_of(value) for value in graph.output))
        constants = {
            node.output[0]: constant_of(node, self.folder, scope.attributes) for node in graph.node if is_constant(node)
        }
        for name, array in stored.items():
            self.place(body, graph, scope, name, array, True)
        for name, array in constants.items():
            self.place(body, graph, scope, name, array, False)
        own = {slot.name for slot in inputs} | stored.keys() | constants.keys()
        nodes = [node for node in graph.node if not is_constant(node)]
        self.read_nodes(body, nodes, scope, own, outer)
        return body

    def place(
        self, body: Body, graph: onnx.GraphProto, scope: Scope, name: str, array: Array, is_initializer: bool
    ) -> None:
        """Make a stored tensor a parameter, a buffer or a constant."""
        kind = kind_of(name, array, graph, scope.opsets, is_initializer)
        full = f"{scope.where}/{name}" if scope.where else name
        if kind in (PARAMETER, STATISTIC) and scope.keeps_weights:
            body.weights[name] = self.weights.add(full, array, kind)
            return
        body.constants[name] = array
        if (is_initializer or array.size > MAX_LITERAL) and scope.keeps_weights:
            self.weights.add_constant(full, array, body, name)

    def read_nodes(
        self, body: Body, nodes: Iterable[onnx.NodeProto], scope: Scope, own: set[str], outer: frozenset[str]
    ) -> None:
        """Read nodes into the steps of a body, noting what they take from outside."""
        captured: dict[str, None] = {}
        for index, node in enumerate(nodes):
            where = "/".join(filter(None, (scope.where, node.name or f"#{index}")))
            step = self.read_node(node, body, replace(scope, where=where), outer | own)
            body.steps.append(step)
            used = [*step.inputs, *(n for name in step.bodies for n in step.attributes[name].captured)]
            captured.update({name: None for name in used if name and name not in own})
            own.update(filter(None, step.outputs))
        captured.update({slot.name: None for slot in body.outputs if slot.name not in own})
        body.captured = tuple(captured)

    def read_gradient(
        self, node: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto], body: Body, scope: Scope
    ) -> Step:
        values = {name: self.value_of(attribute, scope, frozenset()) for name, attribute in given.items()}
        xs, zs, y = values.get("xs", []), values.get("zs", []), values.get("y", "")
        if not xs or not y or len(xs) + len(zs) != len(node.input):
            raise InvalidOnnxModel(f"[onnx] {scope.where} (Gradient): needs y, and xs and zs that name its inputs")
        call = gradient.Gradient(body, len(body.steps), xs, zs, y)
        inputs = (*node.input, y)  # the last one says that it comes after y
        return Step("Gradient", scope.where, call, inputs, {}, strip(node.output), 1, needs_weights=True)

    def read_node(self, node: onnx.NodeProto, body: Body, scope: Scope, known: frozenset[str]) -> Step:
        domain = standard(node.domain)
        op = f"{domain}::{node.op_type}" if domain else node.op_type
        inputs, outputs = strip(node.input), strip(node.output)
        function = self.functions.get((domain, node.op_type, node.overload))
        given = resolve(node.attribute, scope.attributes)
        if function is not None:
            return Step(
                op,
                scope.where,
                Inlined(self.read_function(function, given, scope)),
                inputs,
                {},
                outputs,
                needs_weights=True,
            )
        if (domain, node.op_type) == (gradient.DOMAIN, "Gradient"):
            return self.read_gradient(node, given, body, scope)
        opset = scope.opsets.get(domain, 0)
        entry = find(node.op_type, opset, domain)
        version = since_version(node.op_type, opset, domain) or opset
        if entry is None:
            expanded = Expanded(self, with_attributes(node, given), scope, opset, domain)
            return Step(op, scope.where, expanded, inputs, {}, outputs, version, needs_weights=True)
        attributes = {name: self.value_of(attribute, scope, known) for name, attribute in given.items()}
        attributes = check_attributes(entry, attributes, op, version, scope.where)
        if entry.counts_outputs:
            attributes["outputs"] = len(outputs)
        bodies = tuple(name for name, value in attributes.items() if isinstance(value, Body))
        return Step(op, scope.where, entry, inputs, attributes, outputs, version, bodies)

    def read_function(
        self, function: onnx.FunctionProto, given: Mapping[str, onnx.AttributeProto], scope: Scope
    ) -> Body:
        """Read a function with the attributes of one call."""
        defaults = {attribute.name: attribute for attribute in function.attribute_proto}
        own = {standard(entry.domain): entry.version for entry in function.opset_import}
        opsets = {**scope.opsets, **own} if own else scope.opsets
        inside = Scope(scope.where, opsets, {**defaults, **given}, False)
        body = Body(scope.where, tuple(map(Slot, function.input)), tuple(map(Slot, function.output)))
        constants = [node for node in function.node if is_constant(node)]
        body.constants = {node.output[0]: constant_of(node, self.folder, inside.attributes) for node in constants}
        nodes = [node for node in function.node if not is_constant(node)]
        self.read_nodes(body, nodes, inside, {*function.input, *body.constants}, frozenset())
        return body

    def value_of(self, attribute: onnx.AttributeProto, scope: Scope, known: frozenset[str]) -> Any:
        """Return an attribute as a Python value; graphs become bodies, tensors arrays."""
        if attribute.type == AttributeProto.GRAPH:
            inside = Scope(f"{scope.where}/{attribute.name}", scope.opsets, scope.attributes, scope.keeps_weights)
            return self.read_graph(attribute.g, inside, known)
        return plain_value(attribute, self.folder, scope.where)


def plain_value(attribute: onnx.AttributeProto, folder: Path | None, where: str) -> Any:
    """Return an attribute that holds no graph as a Python value."""
    try:
        if attribute.type == AttributeProto.TENSOR:
            return array_of(attribute.t, folder)
        if attribute.type == AttributeProto.SPARSE_TENSOR:
            return dense_of(attribute.sparse_tensor, folder)
        if attribute.type == AttributeProto.STRING:
            return attribute.s.decode()
        if attribute.type == AttributeProto.STRINGS:
            return [entry.decode() for entry in attribute.strings]
        if attribute.type in (AttributeProto.GRAPHS, AttributeProto.TENSORS, AttributeProto.SPARSE_TENSORS):
            raise InvalidOnnxModel(f"[onnx] {where}: attribute {attribute.name!r} is a list of tensors or graphs")
        value = helper.get_attribute_value(attribute)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidOnnxModel(f"[onnx] {where}: attribute {attribute.name!r} cannot be read: {error}") from error
    if value is None:
        raise InvalidOnnxModel(f"[onnx] {where}: attribute {attribute.name!r} has no type, so it has no value")
    return list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else value


def resolve(
    attributes: Iterable[onnx.AttributeProto], call: Mapping[str, onnx.AttributeProto] | None
) -> dict[str, onnx.AttributeProto]:
    """Replace references to the attributes of a function by those of its call; absent ones stay absent."""
    found = {}
    for attribute in attributes:
        if not attribute.ref_attr_name:
            found[attribute.name] = attribute
        elif call and attribute.ref_attr_name in call:
            resolved = onnx.AttributeProto()
            resolved.CopyFrom(call[attribute.ref_attr_name])
            resolved.name = attribute.name
            found[attribute.name] = resolved
    return found


def with_attributes(node: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto]) -> onnx.NodeProto:
    """Return a node with its attributes resolved."""
    resolved = onnx.NodeProto()
    resolved.CopyFrom(node)
    del resolved.attribute[:]
    resolved.attribute.extend(given.values())
    return resolved


def check_attributes(entry: Map, given: dict[str, Any], op: str, version: int, where: str) -> dict[str, Any]:
    """Refuse attributes that the operator has not, and missing ones that it needs."""
    known: frozenset[str] = entry.attributes
    unknown = given.keys() - known
    if unknown:
        raise InvalidOnnxModel(f"[onnx] {where} ({op}-{version}): there is no attribute {', '.join(sorted(unknown))}")
    missing = entry.required - given.keys()
    if missing:
        raise InvalidOnnxModel(f"[onnx] {where} ({op}-{version}): lacks attribute {', '.join(sorted(missing))}")
    return given


def strip(names: Iterable[str]) -> tuple[str, ...]:
    """Leave out unused names at the end."""
    kept = list(names)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def is_constant(node: onnx.NodeProto) -> bool:
    return node.op_type == "Constant" and node.domain in ("", "ai.onnx")


def constant_of(node: onnx.NodeProto, folder: Path | None, call: Mapping[str, onnx.AttributeProto] | None) -> Array:
    """Return the value of a Constant node.

    Raises:
        InvalidOnnxModel: it has not exactly one value.
        NotImplementedError: it is a string.
    """
    given = resolve(node.attribute, call)
    if len(given) != 1:
        raise InvalidOnnxModel(
            f"[onnx] Constant {node.name or node.output[0]!r} has {len(given)} values: one is needed"
        )
    ((name, attribute),) = given.items()
    if CONSTANTS.get(name) != attribute.type:
        raise InvalidOnnxModel(
            f"[onnx] Constant {node.name or node.output[0]!r}: {name!r} is no value, or not of its type"
        )
    value = plain_value(attribute, folder, f"Constant {node.name or node.output[0]!r}")
    if name in ("value_string", "value_strings"):
        raise NotImplementedError(
            f"[onnx] Constant {node.name or node.output[0]!r} is a string: PyFlame has no strings"
        )
    if name in ("value_float", "value_floats"):
        return np.array(value, np.float32)
    if name in ("value_int", "value_ints"):
        return np.array(value, np.int64)
    array: Array = value
    return array


def slot_of(value: onnx.ValueInfoProto) -> Slot:
    """Return what a file tells about an input or output."""
    if not value.type.HasField("tensor_type"):
        return Slot(value.name)
    tensor = value.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(map(size_of, tensor.shape.dim))
    return Slot(value.name, TYPES.get(tensor.elem_type), shape)


def size_of(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    """Return a declared size: a number, a name, or None where the file tells nothing; some writers say so by -1."""
    if dim.HasField("dim_value"):
        return dim.dim_value if dim.dim_value >= 0 else None
    return dim.dim_param or None
