"""Graphs in files: the JSON of their structure in a container, beside the bytes of their values.

Files have the layout of .pf with another magic; see docs/reference/pf-format.md. Bound weights are part of the file, or
stand in a .safetensors file beside it, so that graphs of one architecture can share them or be shipped without.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import SerializationError
from ..io import safetensors
from ..io.arrays import Entry, storage_dtype, to_stored
from ..io.atomic import atomic_file
from ..io.bundle import producer
from ..io.container import GRAPH_MAGIC, read_array, read_contents, write
from ..io.files import load as load_tensors
from ..io.source import Source, is_size, opened_for_reading
from .arrays import stored_array
from .ir import Graph
from .parts import Node, TensorSpec
from .serial import EXPANSION, from_json, graph_data, read_graph

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Array

WEIGHTS = ("embedded", "external")


def entry_of(name: str, node: Node) -> Entry:
    spec = node.output_spec
    stored = node.value
    assert stored is not None
    return Entry(name, spec.dtype, spec.shape, lambda: stored.astype(storage_dtype(spec.dtype), copy=False))


def check_weights(weights: str) -> bool:
    if weights not in WEIGHTS:
        raise ValueError(f"[graph] weights is {weights!r}: expected 'embedded' or 'external'")
    return weights == "embedded"


def write_graph(graph: Graph, file: IO[bytes], embedded: bool, compress: bool, weights_file: str | None) -> None:
    entries: list[Entry] = []
    names: set[str] = set()

    def store(node: Node) -> dict[str, int] | None:
        if node.is_parameter and not embedded:
            return None
        name = f"{node.name}#{len(entries)}" if node.name in names else node.name
        names.add(name)
        entries.append(entry_of(name, node))
        return {"tensor": len(entries) - 1}

    data = graph_data(graph, store)
    notes = {"dict": {"name": graph.name, "nodes": len(graph)}}
    metadata = {"kind": "graph", "producer": producer(), "graph": data, "weights_file": weights_file, "notes": notes}
    try:
        write(file, entries, metadata, compress=compress, magic=GRAPH_MAGIC)
    except (TypeError, ValueError) as error:
        raise SerializationError(f"[graph] {graph.name} cannot be written: {error}") from error


def to_bytes(graph: Graph, weights: str, compress: bool) -> bytes:
    """See Graph.to_bytes."""
    file = BytesIO()
    write_graph(graph, file, check_weights(weights), compress, None)
    return file.getvalue()


def save(graph: Graph, path: str | os.PathLike[str], weights: str, compress: bool) -> None:
    """See Graph.save."""
    embedded, path = check_weights(weights), Path(path)
    if path.suffix == ".json":
        if not embedded or compress:
            raise ValueError("[graph] JSON files hold their weights and are not compressed: use another suffix")
        with atomic_file(path) as file:
            file.write(graph.to_json().encode())
        return
    weights_file = None
    if not embedded:
        weights_file = f"{path.stem}.safetensors"
        # The weights first: a graph that is there has its weights.
        with atomic_file(path.with_name(weights_file)) as file:
            bound = [entry_of(node.name, node) for node in graph.parameters if node.value is not None]
            safetensors.write(file, bound, None)
    with atomic_file(path) as file:
        write_graph(graph, file, embedded, compress, weights_file)


def load(path_or_data: Any, weights: Any, mmap: bool) -> Graph:
    """See Graph.load and Graph.from_bytes."""
    with opened_for_reading(path_or_data, mmap) as source:
        if source.read(0, min(source.size, 8), "the file") != GRAPH_MAGIC and not isinstance(path_or_data, bytes):
            return from_json(source.read(0, source.size, "the file"))
        return read(source, weights, path_or_data, mmap)


def read(source: Source, weights: Any, place: Any, mmap: bool) -> Graph:
    contents = read_contents(source, GRAPH_MAGIC, EXPANSION)
    if contents.metadata.get("kind") != "graph":
        raise source.refuse("it holds no graph")

    arrays: dict[int, Array] = {}

    def fetch(item: Any, spec: TensorSpec) -> Array:
        number: Any = item.get("tensor") if isinstance(item, dict) else None
        if not is_size(number) or number >= len(contents.stored):
            raise source.refuse(f"the values of a node are tensor {str(number)[:20]}, which is not there")
        stored = contents.stored[number]
        if (stored.dtype, stored.shape) != (spec.dtype, spec.shape):
            raise source.refuse(f"tensor {stored.name!r} is not {spec}, as its node says")
        if number not in arrays:
            arrays[number] = read_array(source, contents, number)
        return arrays[number]

    graph = read_graph(contents.metadata.get("graph"), fetch)
    name = contents.metadata.get("weights_file")
    if weights is None and name is not None:
        weights = beside(source, place, name)
    if isinstance(weights, str | os.PathLike):
        weights = load_tensors(weights, mmap=mmap)
    return graph if weights is None else bind(graph, weights)


def beside(source: Source, place: Any, name: Any) -> Path:
    """The file of weights: never one in another folder."""
    if not isinstance(name, str) or name in ("", ".", "..") or any(sign in name for sign in "/\\:\0"):
        raise source.refuse(f"the file of its weights is called {str(name)[:80]!r}: expected a name without folders")
    if not isinstance(place, str | os.PathLike):
        raise source.refuse(f"its weights are in a file of their own, {name}: give weights")
    return Path(place).with_name(name)


def bind(graph: Graph, weights: Mapping[str, Tensor | Array]) -> Graph:
    """A graph whose parameters have these values."""
    from dataclasses import replace

    from .._tensor import Tensor

    bound = graph.clone()
    for node in graph.parameters:
        if node.name in weights:
            given = weights[node.name]
            if isinstance(given, Tensor):
                form, array = f"{given.dtype.name} {tuple(given.shape)}", to_stored(given)
            else:
                array = stored_array(given, node.output_dtype)
                form = f"{node.output_dtype.name} {array.shape}"
            if form != f"{node.output_dtype.name} {node.output_shape}":
                raise SerializationError(f"[graph] parameter {node.name} is {node.output_spec}, its weight {form}")
            bound._put(replace(node, value=array))
    return bound
