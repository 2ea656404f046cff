"""Graphs as JSON text. Reading trusts nothing: what comes out has passed every rule of the IR."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .. import dtypes
from ..dtypes import DType
from ..errors import SerializationError
from ..layout import MeshLayout
from .arrays import storage_name
from .ir import IR_VERSION, Graph
from .parts import Node, NodeType, SourceLocation, TensorSpec, Value

if TYPE_CHECKING:
    from .._types import Array

_FORMAT = "pyflame-graph"
_DTYPES = {dtype.name: dtype for dtype in dtypes.all_dtypes}
_MAX_SIZE = 2**63 - 1
# Nodes take about 13 times the JSON text that describes them.
EXPANSION = 20

# How the values of a node are stored, and read again.
Store: TypeAlias = "Callable[[Node], Any]"
Fetch: TypeAlias = "Callable[[Any, TensorSpec], Array]"


def to_json(graph: Graph, indent: int | None) -> str:
    """See Graph.to_json."""
    import json

    try:
        return json.dumps(graph_data(graph, _text_of_values), indent=indent, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SerializationError(f"[graph] {graph.name} cannot be written as JSON: {error}") from error


def from_json(text: str | bytes) -> Graph:
    """See Graph.from_json."""
    from ..io.source import Source

    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    source = Source("JSON text", len(raw), None, raw)
    return read_graph(source.json(raw, "the graph", EXPANSION), _values_of_text)


def fingerprint(graph: Graph) -> str:
    """See Graph.fingerprint."""
    import hashlib
    import json

    numbers: dict[int, int] = {}
    digest = hashlib.blake2b(digest_size=16)
    order = graph.topological_order()
    for node in order:
        numbers[node.id] = len(numbers)
        attrs = {
            name: fingerprint(v) if isinstance(v, Graph) else _encode(v, _text_of_values)
            for name, v in node.attrs.items()
        }
        line = [
            node.op_type,
            node.name if node.type in (NodeType.INPUT, NodeType.PARAMETER) else "",
            [[numbers[value.node_id], value.index] for value in node.inputs],
            attrs,
            [_spec_data(spec, strict=False) for spec in node.outputs],
        ]
        digest.update(json.dumps(line, sort_keys=True).encode())
        if node.is_constant and node.value is not None:
            digest.update(node.value.tobytes())
    digest.update(json.dumps([[numbers[value.node_id], value.index] for value in graph.outputs]).encode())
    return digest.hexdigest()


# ---- writing


def graph_data(graph: Graph, store: Store) -> dict[str, Any]:
    """A graph as JSON data, but for its values, which `store` turns into such."""
    return {
        "format": _FORMAT,
        "ir_version": list(IR_VERSION),
        "name": graph.name,
        "metadata": graph.metadata,
        "nodes": [_node_data(node, store) for node in graph.topological_order()],
        "inputs": [node.id for node in graph.inputs],
        "outputs": [[value.node_id, value.index] for value in graph.outputs],
    }


def _node_data(node: Node, store: Store) -> dict[str, Any]:
    data: dict[str, Any] = {"id": node.id, "name": node.name, "type": node.type.value, "op": node.op_type}
    data["inputs"] = [[value.node_id, value.index] for value in node.inputs]
    data["attrs"] = {name: _encode(value, store) for name, value in node.attrs.items()}
    data["outputs"] = [_spec_data(spec) for spec in node.outputs]
    if node.source_location is not None:
        data["location"] = list(node.source_location)
    if node.metadata:
        data["metadata"] = dict(node.metadata)
    if node.value is not None:
        data["data"] = store(node)
    return data


def _text_of_values(node: Node) -> str:
    import base64

    assert node.value is not None
    little = node.value.astype(node.value.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(little.tobytes()).decode()


def _spec_data(spec: TensorSpec, strict: bool = True) -> dict[str, Any]:
    data: dict[str, Any] = {"shape": list(spec.shape), "dtype": spec.dtype.name}
    if spec.layout is not None:
        data["layout"] = spec.layout.to_dict() if strict else repr(spec.layout)
    return data


def _encode(value: Any, store: Store) -> Any:
    """An attribute as JSON data; what JSON lacks is an object with one telling key."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, tuple):
        return [_encode(item, store) for item in value]
    if isinstance(value, DType):
        return {"dtype": value.name}
    if isinstance(value, MeshLayout):
        return {"layout": value.to_dict()}
    if isinstance(value, Graph):
        return {"graph": graph_data(value, store)}
    return value


# ---- reading


def _wrong(what: str, value: Any) -> SerializationError:
    text = repr(value)
    return SerializationError(f"[graph] not {what}: {text if len(text) < 80 else text[:77] + '...'}")


def _int(value: Any, limit: int = _MAX_SIZE) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        raise _wrong("a size or number", value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong("text", value)
    return value


def _list(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise _wrong("a list" if length is None else f"a list of {length}", value)
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong("an object", value)
    return value


def _check_version(data: Mapping[str, Any]) -> None:
    if data.get("format") != _FORMAT:
        raise _wrong("a PyFlame graph", data.get("format"))
    major, _ = (_int(part) for part in _list(data.get("ir_version"), 2))
    if major != IR_VERSION[0]:
        from ..config import version_info

        raise SerializationError(
            f"[ir] pyflame-core {version_info().get('pyflame-core', '')} reads graph IR {IR_VERSION[0]}, this graph is "
            f"IR {major}: "
            "read it with the pyflame-core that wrote it, or export it again"
        )


def read_graph(data: Any, fetch: Fetch) -> Graph:
    """The graph that JSON data describes, validated.

    Args:
        data: what `graph_data` returned.
        fetch: makes an array of what `store` returned.

    Raises:
        SerializationError: the data is no graph, or one of another IR version.
        GraphError: it describes a graph that breaks a rule.
    """
    graph = _read_graph(data, fetch, 0)
    graph.validate()
    return graph


def _read_graph(data: Any, fetch: Fetch, depth: int) -> Graph:
    data = _object(data)
    _check_version(data)
    graph = Graph(_text(data.get("name")), _object(data.get("metadata", {})))
    nodes = [_read_node(item, fetch, depth) for item in _list(data.get("nodes"))]
    # Inputs come first, in the order of the arguments, because that is their order in the graph.
    order = [_int(id) for id in _list(data.get("inputs"))]
    places = {node.id: node for node in nodes if node.is_input}
    if sorted(order) != sorted(places):
        raise _wrong("the numbers of the input nodes", order)
    nodes = [*(places[id] for id in order), *(node for node in nodes if not node.is_input)]
    seen: set[int] = set()
    for node in nodes:
        if node.id in seen:
            raise _wrong("a number of its own", node.id)
        if any(value.node_id not in seen for value in node.inputs):
            raise _wrong("a list of values made before", [[value.node_id, value.index] for value in node.inputs])
        seen.add(node.id)
    return graph._filled(nodes, [_read_value(item) for item in _list(data.get("outputs"))])


def _read_value(item: Any) -> Value:
    node_id, index = _list(item, 2)
    return Value(_int(node_id), _int(index))


def _read_node(item: Any, fetch: Fetch, depth: int) -> Node:
    item = _object(item)
    kinds = {kind.value: kind for kind in NodeType}
    kind = kinds.get(_text(item.get("type")))
    if kind is None:
        raise _wrong("a type of node", item["type"])
    outputs = tuple(_read_spec(spec) for spec in _list(item.get("outputs")))
    value = None
    if item.get("data") is not None:
        if len(outputs) != 1:
            raise _wrong("one output of a node with data", item["outputs"])
        value = fetch(item["data"], outputs[0])
    return Node(
        id=_int(item.get("id")),
        name=_text(item.get("name")),
        type=kind,
        op_type=_text(item.get("op")),
        inputs=tuple(_read_value(value) for value in _list(item.get("inputs", []))),
        attrs={name: _decode(value, fetch, depth) for name, value in _object(item.get("attrs", {})).items()},
        outputs=outputs,
        value=value,
        source_location=_read_location(item.get("location")),
        metadata=_object(item.get("metadata", {})),
    )


def _read_location(item: Any) -> SourceLocation | None:
    if item is None:
        return None
    file, line, function = _list(item, 3)
    return SourceLocation(_text(file), _int(line), None if function is None else _text(function))


def _read_spec(item: Any) -> TensorSpec:
    item = _object(item)
    shape = tuple(_int(size) for size in _list(item.get("shape")))
    if math.prod(shape) > _MAX_SIZE:
        raise _wrong("a shape", shape)
    layout = None if item.get("layout") is None else _read_layout(item["layout"])
    return TensorSpec(shape, _read_dtype(item.get("dtype")), layout)


def _read_dtype(name: Any) -> DType:
    if not isinstance(name, str) or name not in _DTYPES:
        raise _wrong("a dtype", name)
    return _DTYPES[name]


def _read_layout(item: Any) -> MeshLayout:
    try:
        return MeshLayout.from_dict(_object(item))
    except (ValueError, TypeError, KeyError) as error:
        raise SerializationError(f"[graph] {error}") from error


def _values_of_text(text: Any, spec: TensorSpec) -> Array:
    import base64
    import binascii

    try:
        raw = base64.b64decode(_text(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SerializationError(f"[graph] data of a tensor: {error}") from None
    if len(raw) != spec.size_bytes():
        raise SerializationError(f"[graph] {spec} needs {spec.size_bytes()} bytes, its data has {len(raw)}")
    storage = np.dtype(storage_name(spec.dtype))
    array = np.frombuffer(raw, storage.newbyteorder("<")).astype(storage, copy=False).reshape(spec.shape)
    if spec.dtype is dtypes.bool_ and array.view(np.uint8).max(initial=0) > 1:
        raise SerializationError("[graph] data of a bool tensor has bytes other than 0 and 1")
    return array


def _decode(value: Any, fetch: Fetch, depth: int) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, fetch, depth) for item in value)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        key, item = next(iter(value.items()))
        if key == "float" and item in ("nan", "inf", "-inf"):
            return float(item)
        if key == "dtype":
            return _read_dtype(item)
        if key == "layout":
            return _read_layout(item)
        if key == "graph" and depth == 0:
            return _read_graph(item, fetch, depth + 1)
    raise _wrong("an attribute", value)
