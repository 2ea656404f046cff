"""A whole ONNX model: its graph's inputs, outputs, stored tensors and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata

import onnx
from onnx import helper

import pyflame as pf
from pyflame.graph.ir import Value

from .axes import Axes
from .convert import Conversion
from .dims import Dim, Varying
from .emitter import Emitter, Initializer
from .program import Program
from .types import ONNX_TYPES, tensor_of


@dataclass
class Built:
    """A model whose stored tensors have not been copied yet.

    Attributes:
        proto: the model without large tensors.
        initializers: stored tensors by name.
        names: value of the graph -> name of the ONNX value.
        origins: ONNX node -> number of the graph's node it was made for.
    """

    proto: onnx.ModelProto
    initializers: dict[str, Initializer]
    names: dict[Value, str] = field(default_factory=dict)
    origins: list[int] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Bytes of the stored tensors."""
        return sum(one.array.nbytes for one in self.initializers.values())

    def embedded(self) -> onnx.ModelProto:
        """The model with its tensors inside."""
        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        model.graph.initializer.extend(tensor_of(n, one.array, one.dtype) for n, one in self.initializers.items())
        return model


def build(
    program: Program,
    axes: Axes,
    opset: int,
    *,
    input_names: Sequence[str],
    output_names: Sequence[str],
    folding: bool,
    recompose: bool,
    export_params: bool,
    weights_as_inputs: bool,
    notes: Mapping[str, str],
) -> Built:
    """Convert a graph.

    Args:
        program: the graph, at several sizes where axes are dynamic.
        axes: names of the dynamic axes.
        opset: version of the standard operators.
        input_names: one for each input.
        output_names: one for each output.
        folding: whether constant parts are computed beforehand.
        recompose: whether compositions are written as the operators for them.
        export_params: whether weights are part of the model; inputs if not.
        weights_as_inputs: whether weights are listed as inputs too.
        notes: metadata of the model.
    """
    e = Emitter(opset)
    e.taken.update((*input_names, *output_names))
    conversion = Conversion(program, e, recompose=recompose, folding=folding)
    graph = program.graph
    operands = {Value(node.id): name for node, name in zip(graph.inputs, input_names)}
    for node, name in zip(graph.inputs, input_names):
        e.dtypes[name] = node.output_dtype
    conversion.run(operands)
    finish(conversion, output_names)
    prune(e, output_names)
    parameters = {conversion.names[Value(n.id)]: n for n in graph.parameters if Value(n.id) in conversion.names}
    symbols: dict[Dim, str] = {}
    inputs = []
    for node, name in zip(graph.inputs, input_names):
        shape = program.shape(Value(node.id))
        labels = axes.inputs.get(name, {})
        symbols.update({one: labels[axis] for axis, one in enumerate(shape) if isinstance(one, Varying)})
        inputs.append(value_info(name, node.output_dtype, shape, symbols, labels))
    if weights_as_inputs or not export_params:
        inputs += [value_info(name, node.output_dtype, node.output_shape, {}, {}) for name, node in parameters.items()]
    outputs = [
        value_info(name, program.spec(value).dtype, program.shape(value), symbols, axes.outputs.get(name, {}))
        for name, value in zip(output_names, graph.outputs)
    ]
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, v) for d, v in e.domains.items())]
    proto = helper.make_model(
        helper.make_graph(e.nodes, graph.name, inputs, outputs),
        opset_imports=imports, producer_name="pyflame", producer_version=metadata.version("pyflame-onnx"),
        ir_version=max(helper.find_min_ir_version_for(imports, ignore_unknown=True), 8),
    )  # fmt: skip
    helper.set_model_props(proto, dict(notes))
    kept = {name: one for name, one in e.initializers.items() if export_params or name not in parameters}
    return Built(proto, kept, conversion.names, e.origins)


def finish(conversion: Conversion, output_names: Sequence[str]) -> None:
    """Give the results their names; one that is an input, a weight or another result too is copied."""
    e, renamed = conversion.emitter, {}
    e.scope, e.note = "", ""
    fixed = {*e.initializers, *(conversion.names[Value(node.id)] for node in conversion.program.graph.inputs)}
    copies = []
    for name, value in zip(output_names, conversion.program.graph.outputs):
        current = conversion.names[value]
        if current in fixed or current in renamed:
            copies.append((current, name))
        else:
            renamed[current] = name
    for node in e.nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for current, name in copies:
        label = e.unique("/Identity")
        e.nodes.append(helper.make_node("Identity", [renamed.get(current, current)], [name], name=label))
        e.origins.append(-1)
    for value, name in conversion.names.items():
        conversion.names[value] = renamed.get(name, name)


def prune(e: Emitter, output_names: Sequence[str]) -> None:
    """Leave out nodes that nothing reads, such as a first state of zeros that the operator has by itself."""
    read, kept = set(output_names), []
    for node, origin in zip(reversed(e.nodes), reversed(e.origins)):
        if any(name in read for name in node.output):
            read.update(node.input)
            kept.append((node, origin))
    e.nodes, e.origins = [node for node, _ in reversed(kept)], [origin for _, origin in reversed(kept)]
    e.initializers = {name: one for name, one in e.initializers.items() if name in read}


def value_info(
    name: str, dtype: pf.DType, shape: Sequence[Dim], symbols: Mapping[Dim, str], labels: Mapping[int, str]
) -> onnx.ValueInfoProto:
    """The declaration of an input or output."""
    sizes: list[int | str] = []
    for axis, one in enumerate(shape):
        if isinstance(one, Varying):
            sizes.append(labels.get(axis) or symbols.get(one) or f"{name}_dim_{axis}")
        else:
            sizes.append(one)
    return helper.make_tensor_value_info(name, ONNX_TYPES[dtype], sizes)
