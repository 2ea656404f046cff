"""From graphs to ONNX models as they are: the layer below `export_onnx`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import onnx

from pyflame.errors import GraphError
from pyflame.graph.ir import Graph, op

from .exporter import ONNXExportConfig, named, output_names as numbered
from .exports.axes import read_axes
from .exports.model import build
from .exports.program import DynamicShapeError, Program
from .exports.table import EXPORTS, UNSUPPORTED


class OpMapping(Mapping[str, Callable[..., Any]]):
    """The maps of operations by name; names other frameworks use, such as "concat", are found too.

    Example:
        >>> table = OpMapping()
        >>> "relu" in table, table["concat"] is table["cat"]
        (True, True)
    """

    def __getitem__(self, name: str) -> Callable[..., Any]:
        try:
            return EXPORTS[op(name).name]
        except GraphError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(EXPORTS)

    def __len__(self) -> int:
        return len(EXPORTS)


class PyFlameToONNXConverter:
    """Converts graphs as they are, without running them.

    Args:
        opset_version: version of the standard operators.
        do_constant_folding: compute what depends on constants alone beforehand.

    Attributes:
        OP_MAPPING: operation of the graph IR -> function `(context, *operands)` that writes its ONNX nodes and returns
            the name of the result, or a tuple of names.

    Example:
        >>> import pyflame as pf
        >>> graph = pf.trace(lambda x: pf.softmax(x, -1), pf.ones(2, 3)).graph
        >>> model = PyFlameToONNXConverter().convert(graph, ["x"], ["y"])
        >>> [node.op_type for node in model.graph.node], model.graph.output[0].name
        (['Softmax'], 'y')
    """

    OP_MAPPING: Mapping[str, Callable[..., Any]] = OpMapping()

    def __init__(self, opset_version: int = 17, do_constant_folding: bool = True) -> None:
        self.config = ONNXExportConfig(opset_version=opset_version, do_constant_folding=do_constant_folding)

    def convert(
        self,
        graph: Graph | Sequence[Graph],
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        dynamic_axes: Mapping[str, Any] | None = None,
    ) -> onnx.ModelProto:
        """Convert a graph.

        Args:
            graph: the graph; for dynamic axes several, traced at different sizes of them.
            input_names: names of the inputs, by default those of the graph.
            output_names: names of the outputs.
            dynamic_axes: {name: {axis: label}} or {name: [axes]}.

        Raises:
            UnsupportedOnnxOp: some operations have no map.
            DynamicShapeError: axes are dynamic but there is one graph, or the graphs differ in more than sizes.
        """
        program = Program([graph] if isinstance(graph, Graph) else list(graph))
        nodes = program.graph.inputs
        inputs = named(input_names, [node.name for node in nodes], "input_names")
        outputs = named(output_names, numbered(len(program.graph.outputs)), "output_names")
        shapes = {name: node.output_shape for name, node in zip(inputs, nodes)}
        axes = read_axes(dynamic_axes, shapes, outputs, "dynamic_axes")
        if axes.sizes and not program.is_dynamic:
            raise DynamicShapeError(
                "[onnx] one graph does not say what depends on the dynamic axes: give several, traced at different "
                "sizes, or the module to export_onnx"
            )
        built = build(
            program, axes, self.config.opset_version, input_names=inputs, output_names=outputs,
            folding=self.config.do_constant_folding, recompose=True, export_params=True, weights_as_inputs=False,
            notes={},
        )  # fmt: skip
        model = built.embedded()
        onnx.checker.check_model(model)
        return model


def register_op_export(
    name: str, function: Callable[..., Any] | None = None, *, override: bool = False
) -> Callable[..., Any]:
    """Say how an operation of the graph IR, or one of `pyflame.extend`, is written; usable as a decorator.

    Args:
        name: of the operation.
        function: `(context, *operands)` returns the name of the result, or a tuple of names. `context.e.op(kind,
            *names, **attrs)` adds a node and returns its result, `context.attr(name)` reads an attribute of the
            operation, `context.shape(k)` and `context.dtype_of(k)` describe its operands.
        override: replace an existing map.

    Raises:
        ValueError: the operation has a map already.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.onnx import export_onnx
        >>> double = pf.extend.register_custom_op("doc_double", lambda x: x + x)
        >>> @register_op_export("doc_double")
        ... def write(context, x):
        ...     return context.e.op("Mul", x, context.e.like(2, x))
        >>> [node.op_type for node in export_onnx(double, pf.ones(3)).graph.node]
        ['Mul']
        >>> pf.extend.unregister_custom_op("doc_double")
    """
    if function is None:
        return lambda given: register_op_export(name, given, override=override)
    if name in EXPORTS and not override:
        raise ValueError(f"[onnx] {name} has a map already: give override=True to replace it")
    UNSUPPORTED.pop(name, None)
    EXPORTS[name] = function
    return function
