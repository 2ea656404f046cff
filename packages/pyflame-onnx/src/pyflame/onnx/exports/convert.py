"""From a graph to the nodes of an ONNX graph: what is needed, in order, with known compositions put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame.graph.ir import Graph, Node, Value
from pyflame.graph.trace import trace

from ..errors import UnsupportedOnnxOp
from ..report import Finding, Report, merge
from .dims import Varying
from .emitter import Emitter
from .folding import fold
from .labels import label, source
from .numbers import varying_array
from .patterns import Match, find_matches
from .program import DynamicShapeError, Program, describe
from .sizes import UnknownSize
from .table import EXPORTS, UNSUPPORTED, Array, Context


class Conversion:
    """One conversion: what was made of which value.

    Attributes:
        emitter: the ONNX nodes.
        names: value of the graph -> name of the ONNX value.
    """

    def __init__(self, program: Program, emitter: Emitter, *, recompose: bool = True, folding: bool = True) -> None:
        self.program = program
        self.emitter = emitter
        self.names: dict[Value, str] = {}
        self.labels: dict[int, str] = {}
        self.constants: dict[Value, Array] = fold(program) if folding else {}
        self.matches: dict[int, Match] = find_matches(program, self.constants) if recompose else {}
        self.matches = {id: match for id, match in self.matches.items() if match.since <= emitter.opset}

    def bind(self, value: Value, name: str, *, is_input: bool = False) -> None:
        """Say which ONNX value a value is."""
        self.names[value] = name
        self.emitter.sizes.learn(name, self.program.shape(value), is_input=is_input)

    def run(self, operands: Mapping[Value, str] | None = None) -> None:
        """Write the nodes that the graph's results need.

        Args:
            operands: ONNX values of the inputs.

        Raises:
            UnsupportedOnnxOp: some operations have no map; the text lists them.
            DynamicShapeError: something depends on a dynamic axis in a way that cannot be written.
        """
        for value, name in (operands or {}).items():
            self.bind(value, name, is_input=True)
        needed, used = self.needed()
        check_supported(self.program, [node for node in self.program.order if node.id in needed], self.emitter.opset)
        for node in self.program.order:
            if node.id not in needed:
                continue
            self.labels[node.id] = label(self.program, node, self.matches.get(node.id), self.labels)
            if Value(node.id) not in self.names:
                self.emit(node, used)

    def needed(self) -> tuple[set[int], set[Value]]:
        """The nodes to write, and the values that are read."""
        needed: set[int] = set()
        used: set[Value] = set()
        stack = list(self.program.graph.outputs)
        while stack:
            value = stack.pop()
            used.add(value)
            if value.node_id in needed:
                continue
            needed.add(value.node_id)
            if value in self.constants:
                continue
            match = self.matches.get(value.node_id)
            stack.extend(match.inputs if match else self.program.node(value).inputs)
        return needed, used

    def emit(self, node: Node, used: set[Value]) -> None:
        e, value = self.emitter, Value(node.id)
        e.scope, e.note, e.origin = self.labels[node.id], source(node), node.id
        c = Context(e, self.program, node, tuple(Value(node.id, k) in used for k in range(node.num_outputs)))
        if value in self.constants:
            for k in range(node.num_outputs):
                if Value(node.id, k) in self.constants:
                    one = Value(node.id, k)
                    self.bind(one, e.const(self.constants[one], node.outputs[k].dtype))
            return
        try:
            results = self.written(c)
        except UnknownSize as error:
            raise DynamicShapeError(
                f"[onnx] {describe(node)}: a size of it ({error} at the sizes that were tried) follows from the "
                "dynamic axes in a way that is not known: make the axis static"
            ) from None
        except NotImplementedError as error:
            if isinstance(error, UnsupportedOnnxOp):
                raise
            raise NotImplementedError(f"{error} ({describe(node)})") from None
        for k, name in enumerate((results,) if isinstance(results, str) else results):
            if name:
                e.dtypes.setdefault(name, node.outputs[k].dtype)  # of operators onnx knows nothing about
                self.bind(Value(node.id, k), name)

    def written(self, c: Context) -> Any:
        """The names of a node's results."""
        node, e = c.node, c.e
        match = self.matches.get(node.id)
        if match is not None:
            return match.emit(c, *(self.names[value] for value in match.inputs))
        if node.is_parameter:
            if node.value is None:
                raise ValueError(f"[onnx] parameter {node.name!r} has no value: bind one to the graph first")
            return e.store(node.name, node.value, node.output_dtype)
        if node.is_constant:
            arrays = [one.value for one in self.program.row(node) if one.value is not None]
            if any(isinstance(one, Varying) for one in c.shape()) or any(
                not np.array_equal(a, arrays[0]) for a in arrays[1:]
            ):
                return varying_array(c, arrays)
            return e.const(node.value, node.output_dtype)
        operands = [self.names[edge] for edge in node.inputs]
        if node.op_type == "fused":
            return self.inlined(c, [one.attrs["body"] for one in self.program.row(node)], operands)
        if node.op_type in EXPORTS:
            return EXPORTS[node.op_type](c, *operands)
        return self.custom(c, operands)

    def inlined(self, c: Context, bodies: Sequence[Graph], operands: Sequence[str]) -> Any:
        """The results of a graph that is one node of this one."""
        inner = Conversion(Program(bodies), c.e)
        inner.run({Value(node.id): name for node, name in zip(inner.program.graph.inputs, operands)})
        found = [inner.names[value] for value in inner.program.graph.outputs]
        return found[0] if len(found) == 1 else tuple(found)

    def custom(self, c: Context, operands: Sequence[str]) -> Any:
        """A declared operation: by its own converter, or what its forward function records."""
        op = pf.extend.get_custom_op(c.node.op_type)
        converter = (op.onnx or {}).get("export")
        if converter is not None:
            return converter(c, *operands)
        bodies = []
        for node, graph in zip(self.program.row(c.node), self.program.graphs):
            specs = tuple(graph.spec(edge) for edge in node.inputs)
            attrs = dict(node.attrs)
            bodies.append(trace(lambda *xs, attrs=attrs: op.decompose(xs, attrs), specs).graph)
        return self.inlined(c, bodies, operands)


def check_supported(program: Program, nodes: Sequence[Node], opset: int) -> None:
    """Raise a report of everything that has no map.

    Raises:
        UnsupportedOnnxOp: there is something.
    """
    report = report_of(program.graph.name, nodes, opset)
    report.raise_if_unsupported()


def report_of(name: str, nodes: Sequence[Node], opset: int) -> Report:
    """What of some nodes has no map."""
    found: list[Finding] = []
    counts: dict[str, int] = {}
    for node in nodes:
        if not node.is_operation:
            continue
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
        reason = missing(node)
        if reason is not None:
            where = str(node.source_location) if node.source_location else node.name
            remedy = "register a map: pyflame.onnx.register_op_export"
            found.append(Finding(node.op_type, 0, 1, (where,), reason, remedy))
    return Report(name, merge(found), {"": opset}, counts)


def missing(node: Node) -> str | None:
    """Why a node cannot be exported; None if it can."""
    if node.op_type in EXPORTS or node.op_type == "fused":
        return None
    if node.op_type in UNSUPPORTED:
        return UNSUPPORTED[node.op_type]
    if node.op_type in pf.extend.list_custom_ops():
        return None
    return "there is no map for it"
