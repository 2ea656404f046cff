"""Importing in one call, and the converter that gives a graph and its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pyflame import Tensor
from pyflame.graph import Graph

from .check import check
from .maps import supported
from .maps.registry import TABLE, Map, add
from .module import ONNXModel
from .proto import Source
from .report import Report

# Where the name of the function that does the work tells more than the name of the map.
NAMED = {
    "AveragePool": "avg_pool2d",
    "BatchNormalization": "batch_norm",
    "Concat": "cat",
    "Conv": "conv2d",
    "ConvTranspose": "conv_transpose2d",
    "Dropout": "dropout",
    "Gemm": "linear",
    "LayerNormalization": "layer_norm",
    "MaxPool": "max_pool2d",
    "ReduceMax": "amax",
    "ReduceMean": "mean",
    "ReduceMin": "amin",
    "ReduceProd": "prod",
    "ReduceSum": "sum",
    "Resize": "interpolate",
}


def import_onnx(source: Source) -> ONNXModel:
    """Read an ONNX model as a trainable module.

    Args:
        source: a path, the bytes of a file, or a `ModelProto`.

    Raises:
        InvalidOnnxModel: it is not a valid model.
        UnsupportedOnnxOp: it uses operators that cannot be imported; the text lists them all.
        OSError: the file cannot be read.

    Example:
        >>> import onnx.parser
        >>> import pyflame as pf
        >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
        >>> model = pf.onnx.import_onnx(onnx.parser.parse_model(text))
        >>> model(pf.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return ONNXModel(source)


def supported_ops(domain: str = "") -> dict[str, tuple[int, ...]]:
    """List the operators that can be imported.

    Args:
        domain: the domain, "" for ONNX's own.

    Returns:
        Operator -> the versions that have a map.

    Example:
        >>> import pyflame as pf
        >>> pf.onnx.supported_ops()["Gemm"]
        (6, 7, 9, 11, 13)
    """
    return supported(domain)


def register_op_import(
    op: str, function: Callable[..., Any], *, domain: str, since_version: int = 1, host: tuple[str, ...] = ()
) -> None:
    """Teach the import an operator of another domain.

    Args:
        op: the operator's name.
        function: takes the node's inputs as tensors, None for those left out, and its attributes by keyword.
        domain: the operator's domain.
        since_version: the version of the domain's opset from which on the function is right.
        host: names of parameters that are given as NumPy arrays, because shapes depend on them.

    Raises:
        ValueError: there is such an operator already.

    Example:
        >>> import onnx.parser
        >>> import pyflame as pf
        >>> pf.onnx.register_op_import("Twice", lambda x: 2 * x, domain="example.org")
        >>> text = '''<ir_version: 8, opset_import: ["example.org" : 1]>
        ...     one (float[N] x) => (float[N] y) { y = example.org.Twice(x) }'''
        >>> pf.onnx.import_onnx(onnx.parser.parse_model(text))(pf.ones(2))
        tensor([2., 2.])
    """
    add(domain, since_version, Map(op, function, host))


class ONNXImporter:
    """Imports models and keeps the report of the last one.

    Attributes:
        report: what `check` said about the last model; None before the first.

    Example:
        >>> import onnx.parser
        >>> import pyflame as pf
        >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
        >>> importer = pf.onnx.ONNXImporter()
        >>> model = importer.import_model(onnx.parser.parse_model(text))
        >>> importer.report.ops
        {'Relu': 1}
    """

    report: Report | None = None

    def import_model(self, source: Source) -> ONNXModel:
        """Read a model as a module; see `import_onnx`."""
        self.report = check(source)
        return ONNXModel(source)


class ONNXToPyFlameConverter:
    """Converts a model to a graph and its weights.

    Attributes:
        OP_MAPPING: ONNX operator -> name of the function that computes it.

    Example:
        >>> import onnx.parser
        >>> import pyflame as pf
        >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
        >>> graph, weights = pf.onnx.ONNXToPyFlameConverter().convert(onnx.parser.parse_model(text), {"N": 3})
        >>> graph.num_ops, weights
        (1, {})
    """

    OP_MAPPING: ClassVar[Mapping[str, str]] = {
        op: NAMED.get(op, entry.function.__name__.strip("_")) for (domain, op, _), entry in TABLE.items() if not domain
    }

    def convert(self, onnx_model: Source, sizes: Mapping[str, int] | None = None) -> tuple[Graph, dict[str, Tensor]]:
        """Convert a model.

        Args:
            onnx_model: a path, the bytes of a file, or a `ModelProto`.
            sizes: sizes of dimensions by the names the model gives them; 1 for those not given.

        Returns:
            The graph for inputs of these sizes, and its weights by the names they have in the graph.

        Raises:
            InvalidOnnxModel: it is not a valid model.
            UnsupportedOnnxOp: it uses operators that cannot be imported.
            TraceError: a shape or a branch depends on the elements of an input.
        """
        model = ONNXModel(onnx_model)
        return model.graph_for(sizes), model.state_dict()
