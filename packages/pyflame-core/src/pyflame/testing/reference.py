"""A backend that computes operations with the NumPy references of the op table: slow, and independent of the core."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..backends import BackendBase
from ..dtypes import DType, bfloat16, bool_
from ..graph import Graph, Node, Value
from ..graph.arrays import storage_name
from ..graph.registry import op as op_info
from ..ops.host import HostOp
from ..ops.named import find
from .bridge import Array, bfloat16_bits, bfloat16_values, rounded
from .samples import by_name

# What stands for values: the references are about operations.
_SAME = {"alias", "to_layout", "positive"}


class ReferenceBackend(BackendBase):
    """Runs a graph node by node in NumPy, rounding every result to its dtype.

    Random operations are refused: their bits are the core's.
    """

    name = "reference"

    def __init__(self) -> None:
        self._live = self._peak = 0

    def supports(self, node: Node) -> bool:
        """Whether there is a reference, or a host op's own function."""
        if node.op_type in _SAME or node.op_type in ("full", "fused"):
            return True
        if isinstance(find(node.op_type), HostOp):
            return True
        info = by_name.get(node.op_type)
        return info is not None and info.reference is not None

    def compile(self, graph: Graph) -> tuple[Graph, list[Node]]:
        """The graph and the order of its nodes."""
        return graph, list(graph.topological_order())

    def run(self, plan: tuple[Graph, list[Node]], inputs: Mapping[str, Array]) -> Sequence[Array]:
        """Compute every node in order."""
        graph, order = plan
        values: dict[Value, Array] = {}
        self._live = 0
        for node in order:
            self._place(graph, node, values, inputs)
            self._live += sum(spec.size_bytes() for spec in node.outputs)
        self._peak = max(self._peak, self._live)
        return [_stored(values[value], graph.spec(value).dtype) for value in graph.outputs]

    def memory_stats(self) -> dict[str, int]:
        """Bytes of all values of the last run: none is freed before its end."""
        return {"live_bytes": self._live, "peak_bytes": self._peak}

    def reset_peak_memory_stats(self) -> None:
        """Start to look for the peak anew."""
        self._peak = self._live

    def device_info(self) -> dict[str, Any]:
        """NumPy and its version."""
        return {"name": self.name, "type": "reference", "numpy": np.__version__}

    def _place(self, graph: Graph, node: Node, values: dict[Value, Array], inputs: Mapping[str, Array]) -> None:
        if not node.is_operation:
            bound = inputs[node.name] if node.name in inputs else node.value
            assert bound is not None
            values[Value(node.id)] = _loaded(bound, node.output_dtype)
            return
        operands = [values[value] for value in node.inputs]
        dtypes = [graph.spec(value).dtype for value in node.inputs]
        with np.errstate(all="ignore"):
            made = self._computed(node, operands, dtypes)
        for index, (array, spec) in enumerate(zip(made, node.outputs)):
            array = np.asarray(array)
            if array.shape != spec.shape:
                array = np.broadcast_to(array, spec.shape)
            values[Value(node.id, index)] = rounded(array, spec.dtype)

    def _computed(self, node: Node, operands: list[Array], dtypes: list[DType]) -> Sequence[Array]:
        if node.op_type in _SAME:
            return operands[:1]
        if node.op_type == "full":
            return [np.full(node.output_shape, node.attrs["value"])]
        if node.op_type == "fused":
            body = node.attrs["body"]
            arrays = {place.name: _stored(array, dtype) for place, array, dtype in zip(body.inputs, operands, dtypes)}
            found = ReferenceBackend().run(self.compile(body), arrays)
            return [_loaded(array, spec.dtype) for array, spec in zip(found, node.outputs)]
        made = find(node.op_type)
        if isinstance(made, HostOp):
            return _host(made, node, operands, dtypes)
        info = by_name[node.op_type]
        assert info.reference is not None
        arguments: list[Any] = [operands] if op_info(node.op_type).variadic else list(operands)
        found = info.reference(*arguments, **_attributes(info.reference, node.attrs))
        return list(found) if isinstance(found, tuple) else [np.asarray(found)]


def _attributes(reference: Any, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes a reference takes: it has no parameter for those that do not change the values, as dtypes."""
    parameters = inspect.signature(reference).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(attrs)
    return {name: value for name, value in attrs.items() if name in parameters}


def _host(op: HostOp, node: Node, operands: Sequence[Array], dtypes: Sequence[DType]) -> Sequence[Array]:
    arrays = [
        array.astype(np.float32 if dtype is bfloat16 else dtype.to_numpy()) for array, dtype in zip(operands, dtypes)
    ]
    found = op.run(*arrays, **node.attrs)
    return [found] if op.num_outputs == 1 else list(found)


def _loaded(array: Array, dtype: DType) -> Array:
    """In the arithmetic of references: float64, int64 or bool."""
    return rounded(bfloat16_values(array) if dtype is bfloat16 else array, dtype)


def _stored(array: Array, dtype: DType) -> Array:
    if dtype is bfloat16:
        return bfloat16_bits(array.astype(np.float32))
    return array.astype(np.bool_ if dtype is bool_ else storage_name(dtype))
