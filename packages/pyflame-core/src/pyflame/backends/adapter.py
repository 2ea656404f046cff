"""Between pending tensors and a backend: the graph goes out, arrays come back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..graph.arrays import storage_name
from ..graph.ir import Graph, Node, Value
from ..graph.modes import recording
from ..graph.records import import_tensors, placeholder, spec_of
from ..ops.named import find
from ..optimize.rewrite import Rewriter

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Array

_MAX_PLANS = 64
_plans: OrderedDict[tuple[int, str], tuple[Any, Any]] = (
    OrderedDict()
)  # the backend is kept so that its id stays its own


def evaluate(backend: Any, tensors: Sequence[Tensor]) -> list[Array]:
    """Values of pending tensors; evaluated ones below them are the inputs of the graph.

    Raises:
        NotImplementedError: the backend does not support an operation.
        RuntimeError: the backend's result is not what the graph says.
    """
    graph = Graph("pending")
    records, _ = _core.export_graph(list(tensors))
    known: dict[int, Value] = {}
    arrays: dict[str, Array] = {}
    for op, *_, handle in records:
        if handle is not None and op == "constant" and _core.node_id(handle) not in known:
            node = graph._add_place("input", spec_of(handle))
            known[_core.node_id(handle)] = Value(node.id)
            arrays[node.name] = _core.to_array(handle)
    for value in import_tensors(graph, tensors, known):
        graph.mark_output(value)
    return run(backend, graph, arrays)


def run(backend: Any, graph: Graph, arrays: Mapping[str, Array]) -> list[Array]:
    """Results of a graph on a backend; its plan is kept by what the graph computes."""
    key = id(backend), graph.fingerprint()
    if key in _plans:
        _plans.move_to_end(key)
        plan = _plans[key][1]
    else:
        plan = backend.compile(prepared(backend, graph))
        _plans[key] = backend, plan
        if len(_plans) > _MAX_PLANS:
            _plans.popitem(last=False)
    found = backend.run(plan, arrays)
    name = _name(backend)
    if len(found) != len(graph.outputs):
        raise RuntimeError(f"[{name}] run gave {len(found)} arrays for {len(graph.outputs)} outputs")
    results = []
    for k, (array, value) in enumerate(zip(found, graph.outputs)):
        spec = graph.spec(value)
        array = np.asarray(array)
        if array.shape != spec.shape or array.dtype.name != storage_name(spec.dtype):
            raise RuntimeError(
                f"[{name}] run gave {array.dtype.name} {array.shape} for output {k}, the graph says {spec}"
            )
        results.append(np.ascontiguousarray(array).reshape(spec.shape))
    return results


def prepared(backend: Any, graph: Graph) -> Graph:
    """The graph with custom operations replaced by what they are made of, where the backend has no kernel for them.

    Raises:
        NotImplementedError: an operation is neither supported nor made of others.
    """
    supports: Callable[[Node], bool] = getattr(backend, "supports", lambda node: True)
    if all(not node.is_operation or supports(node) for node in graph.nodes):
        return graph
    rewriter = Rewriter(graph)
    for node in graph.topological_order():
        if node.is_input:
            continue
        if not node.is_operation or supports(node):
            rewriter.copy(node)
            continue
        bodies = _body(node, rewriter)
        if bodies is None:
            where = f" recorded at {node.source_location}" if node.source_location else ""
            raise NotImplementedError(
                f"[{node.op_type}] backend {_name(backend)} has no kernel for {node.output_dtype.name}{where}: run "
                "this part on 'cpu', or give the backend one"
            )
        for index, value in enumerate(bodies):
            rewriter.values[node[index]] = value
    changed = rewriter.finish()
    return prepared(backend, changed)  # what took the place of an operation must be supported as well


def _body(node: Node, rewriter: Rewriter) -> list[Value] | None:
    """What a custom operation records, in the new graph; None for any other operation."""
    op = find(node.op_type)
    decompose = getattr(op, "decompose", None)
    if op is None or decompose is None:
        return None
    operands = [rewriter.values[value] for value in node.inputs]
    with recording():
        handles = [placeholder(rewriter.spec(value)) for value in operands]
        known = {_core.node_id(handle): value for handle, value in zip(handles, operands)}
        made = decompose(handles, node.attrs)
        results = list(made) if isinstance(made, tuple) else [made]
        return import_tensors(rewriter.graph, results, known, location=node.source_location)


def clear() -> None:
    """Forget all plans."""
    _plans.clear()


def _name(backend: Any) -> str:
    return getattr(backend, "name", "") or type(backend).__name__
