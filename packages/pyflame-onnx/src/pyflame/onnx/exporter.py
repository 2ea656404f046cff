"""Exporting modules, functions and graphs as ONNX models."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

import pyflame as pf
from pyflame.graph.ir import Graph
from pyflame.graph.trace import Traced, trace

from .exports.axes import Axes, read_axes, resized, trace_sizes
from .exports.config import ONNXExportConfig as ONNXExportConfig, TrainingMode as TrainingMode
from .exports.convert import report_of
from .exports.model import Built, build
from .exports.modes import exporting
from .exports.program import Program
from .exports.recurrent import whole_layers
from .exports.storage import is_large, save_large
from .exports.structure import Flat, shaped, tensors_in
from .exports.verify import Case, Comparison, verify
from .proto import write
from .report import Report

TRIED_SIZES = (1, 3)  # of dynamic axes, besides those of the example


class ONNXExporter:
    """Exports models by one configuration.

    Args:
        config: how; by default as `ONNXExportConfig()`.
        options: fields of the configuration to change.

    Attributes:
        comparisons: what the last export's verification found.

    Example:
        >>> import pyflame as pf
        >>> exporter = ONNXExporter(opset_version=18)
        >>> model = exporter.export(pf.nn.Linear(3, 2), pf.ones(1, 3))
        >>> [node.op_type for node in model.graph.node], exporter.comparisons[0].output
        (['Gemm'], 'output')
    """

    def __init__(self, config: ONNXExportConfig | None = None, **options: Any) -> None:
        self.config = replace(config or ONNXExportConfig(), **options)
        self.comparisons: list[Comparison] = []

    def export(
        self,
        model: Any,
        args: Any,
        path: str | os.PathLike[str] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> onnx.ModelProto:
        """Export a module, a function of tensors, or what `pyflame.trace` made.

        Args:
            model: what to export; a module's mode is restored afterwards.
            args: example argument, or a tuple of them.
            path: where to write the model; None for nowhere.
            kwargs: example keyword arguments.

        Returns:
            The model; where its weights lie in a file of their own, it names them.

        Raises:
            UnsupportedOnnxOp: some operations have no map; the text lists them with their lines.
            DynamicShapeError: a dynamic axis cannot be dynamic.
            VerificationError: the model computes something else; the text names the first node that does.
        """
        if isinstance(model, Graph | Traced):
            raise TypeError("[onnx] this is traced already: give it to export_traced")
        args = args if isinstance(args, tuple) else (args,)
        if kwargs is None and args and isinstance(args[-1], dict):  # as torch.onnx.export reads it
            args, kwargs = args[:-1], args[-1]
        kwargs = dict(kwargs or {})
        training = {TrainingMode.EVAL: False, TrainingMode.TRAINING: True}.get(self.config.training)
        with exporting(model, training), whole_layers(model if self.config.recompose else None):
            flat = Flat(model)
            first = trace(flat, args, kwargs)
            examples = tensors_in((args, kwargs))
            inputs = self._inputs([node.name for node in first.graph.inputs])
            outputs = self._outputs([name if name not in inputs else f"{name}_output" for name in flat.names])
            shapes = {name: tuple(example.shape) for name, example in zip(inputs, examples)}
            axes = self._axes(shapes, outputs)

            def traced(sizes: Mapping[str, int]) -> Graph:
                wanted = [
                    tuple(sizes.get(axes.inputs.get(n, {}).get(k, ""), s) for k, s in enumerate(shape))
                    for n, shape in shapes.items()
                ]
                given, named = shaped((args, kwargs), iter(wanted))
                return results_of(trace(flat, given, named))

            program = trace_sizes(traced, axes)
            cases = self._cases(program, traced, axes, shapes, examples) if self.config.verify else []
        return self._finish(program, axes, inputs, outputs, cases, path)

    def export_traced(
        self, traced: Traced | Graph, path: str | os.PathLike[str] | None = None, args: Any = None
    ) -> onnx.ModelProto:
        """Export a graph; its sizes are those it was traced with.

        Args:
            traced: what `pyflame.trace` made, or a graph.
            path: where to write the model; None for nowhere.
            args: arguments to verify with; by default random ones.

        Raises:
            ValueError: dynamic axes are asked for: a graph alone does not say what depends on sizes.
            UnsupportedOnnxOp: some operations have no map.
        """
        if self.config.dynamic_axes or self.config.dynamic_shapes or self.config.dynamic:
            raise ValueError("[onnx] a traced graph has fixed sizes: export the module or function for dynamic axes")
        graph = current(traced) if isinstance(traced, Traced) else traced
        inputs = self._inputs([node.name for node in graph.inputs])
        outputs = self._outputs(output_names(len(graph.outputs)))
        given = (
            example_arguments(graph) if args is None else tensors_in((args if isinstance(args, tuple) else (args,), {}))
        )
        cases = [Case(graph, tuple(given), "the example")] if self.config.verify else []
        return self._finish(Program([graph]), Axes(), inputs, outputs, cases, path)

    def _finish(
        self,
        program: Program,
        axes: Axes,
        inputs: Sequence[str],
        outputs: Sequence[str],
        cases: Sequence[Case],
        path: str | os.PathLike[str] | None,
    ) -> onnx.ModelProto:
        config = self.config
        built = build(
            program, axes, config.opset_version, input_names=inputs, output_names=outputs,
            folding=config.do_constant_folding, recompose=config.recompose, export_params=config.export_params,
            weights_as_inputs=config.keep_initializers_as_inputs, notes=config.metadata,
        )  # fmt: skip
        if path is not None and is_large(built, config.external_data_threshold):
            model = save_large(built, path, lambda written: self._check(written, built, program, cases))
        else:
            model = built.embedded()
            self._check(model, built, program, cases)
            if path is not None:
                write(model, path)
        if config.verbose:
            self._print(model, path)
        return model

    def _check(self, source: onnx.ModelProto | Path, built: Built, program: Program, cases: Sequence[Case]) -> None:
        onnx.checker.check_model(source if isinstance(source, onnx.ModelProto) else str(source))
        self.comparisons = []
        foreign = [one.domain for one in built.proto.opset_import if one.domain]
        if cases and foreign:
            warnings.warn(
                f"[onnx] the model uses operators of {', '.join(foreign)}, which no runtime here knows: it is not "
                "verified",
                stacklevel=4,
            )
        if not cases or foreign or not self.config.export_params:
            return
        self.comparisons = verify(source, cases, built.names, program.graph, self.config.runtime, self.config.tolerance)

    def _print(self, model: onnx.ModelProto, path: str | os.PathLike[str] | None) -> None:
        print(f"ONNX model{'' if path is None else f' {os.fspath(path)}'}: opset {self.config.opset_version}")
        for kind, values in (("input", model.graph.input), ("output", model.graph.output)):
            for one in values:
                sizes = ", ".join(dim.dim_param or str(dim.dim_value) for dim in one.type.tensor_type.shape.dim)
                print(f"  {kind} {one.name}: ({sizes})")
        for comparison in self.comparisons:
            print(f"  {comparison}")

    def _inputs(self, found: list[str]) -> list[str]:
        return named(self.config.input_names, found, "input_names")

    def _outputs(self, found: list[str]) -> list[str]:
        return named(self.config.output_names, found, "output_names")

    def _axes(self, shapes: Mapping[str, tuple[int, ...]], outputs: Sequence[str]) -> Axes:
        config = self.config
        if config.dynamic:
            first = next((shape[0] for shape in shapes.values() if shape), 0)
            everywhere = {name: {0: "batch"} for name, shape in shapes.items() if shape and shape[0] == first}
            return read_axes({**everywhere, **(config.dynamic_axes or {})}, shapes, outputs, "dynamic")
        if config.dynamic_shapes is not None:
            given = config.dynamic_shapes
            entries = given if isinstance(given, Mapping) else dict(zip(shapes, given))
            return read_axes(entries, shapes, outputs, "dynamic_shapes")
        return read_axes(config.dynamic_axes, shapes, outputs, "dynamic_axes")

    def _cases(
        self,
        program: Program,
        traced: Callable[[Mapping[str, int]], Graph],
        axes: Axes,
        shapes: Mapping[str, tuple[int, ...]],
        examples: Sequence[pf.Tensor],
    ) -> list[Case]:
        """The example, and other sizes of the dynamic axes at which the model runs."""
        cases = [Case(traced(axes.sizes), tuple(examples), "the example")]
        for size in TRIED_SIZES if axes.sizes else ():
            sizes = dict.fromkeys(axes.sizes, size)
            try:
                graph = traced(sizes)
            except (RuntimeError, ValueError, TypeError, IndexError):  # a size the model itself does not take
                continue
            args = []
            for (name, shape), example in zip(shapes.items(), examples):
                labels = axes.inputs.get(name, {})
                args.append(resized(example, [sizes[labels[k]] if k in labels else n for k, n in enumerate(shape)]))
            label = ", ".join(f"{symbol} = {n}" for symbol, n in sizes.items())
            cases.append(Case(graph, tuple(args), label))
        return cases


def explain(model: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None, *, opset_version: int = 17) -> Report:
    """List what of a module or function has no ONNX map, without exporting it.

    Args:
        model: module, function, traced graph or graph.
        args: example argument, or a tuple of them.
        kwargs: example keyword arguments.
        opset_version: version of the standard operators.

    Returns:
        A report that is true when everything can be exported, and prints as a table with source lines.

    Example:
        >>> import pyflame as pf
        >>> report = explain(lambda x: pf.lgamma(x) + 1, pf.ones(2))
        >>> report.ok, report.findings[0].op
        (False, 'lgamma')
    """
    if isinstance(model, Traced):
        graph = results_of(model)
    elif isinstance(model, Graph):
        graph = model
    else:
        with exporting(model, False):
            graph = results_of(trace(Flat(model), args if isinstance(args, tuple) else (args,), kwargs))
    return report_of(graph.name, graph.topological_order(), opset_version)


def named(given: Sequence[str] | None, found: list[str], what: str) -> list[str]:
    """Names the caller gives, and found ones for the rest."""
    given = list(given or ())
    if len(given) > len(found):
        raise ValueError(f"[onnx] {what} has {len(given)} names, the model has {len(found)}: {', '.join(found)}")
    names = given + found[len(given) :]
    if len(set(names)) < len(names):
        raise ValueError(f"[onnx] {what}: {', '.join(names)}: each name can be given once")
    return names


def output_names(count: int) -> list[str]:
    """Names of results that have none."""
    return ["output"] if count == 1 else [f"output_{k}" for k in range(count)]


def results_of(traced: Traced) -> Graph:
    """The graph without the new values of what the function changes in place."""
    graph = traced.graph
    count = len(graph.outputs) - len(traced.updates)
    return graph.subgraph(graph.outputs[:count]) if traced.updates else graph


def current(traced: Traced) -> Graph:
    """The traced graph, with the weights its module has now."""
    graph = results_of(traced).clone()
    weights = traced.parameters | traced.buffers
    return graph if not weights else rebound(graph, weights)


def rebound(graph: Graph, weights: Mapping[str, pf.Tensor]) -> Graph:
    """The same graph with other values of its weights."""
    given = {node.name: weights[node.name] for node in graph.parameters if node.name in weights}
    return Graph.from_bytes(graph.to_bytes(weights="external"), weights=given)


def example_arguments(graph: Graph) -> list[pf.Tensor]:
    """Random arguments of the types a graph takes; whole numbers are 0 or 1, so that they can be indices."""
    found = []
    for node in graph.inputs:
        spec = node.output_spec
        drawn = pf.randn(*spec.shape) if spec.dtype.is_floating_point else pf.randint(0, 2, spec.shape)
        found.append(drawn.to(spec.dtype))
    return found


def export_onnx(
    model: Any,
    args: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> onnx.ModelProto:
    """Export a module or a function of tensors as an ONNX model.

    The model is run and compared with the original before it is written, see `ONNXExportConfig`.

    Args:
        model: module or function; a module's mode is restored afterwards. A traced graph goes to
            `export_onnx_from_traced`.
        args: example argument, or a tuple of them; a dict at its end holds keyword arguments.
        path: where to write the model; None for nowhere.
        kwargs: example keyword arguments.
        options: fields of `ONNXExportConfig`: input_names, output_names, dynamic_axes, opset_version and others.

    Returns:
        The model.

    Raises:
        UnsupportedOnnxOp: some operations have no map; the text lists them with their lines.
        DynamicShapeError: a dynamic axis cannot be dynamic; the text names the node and line that prevents it.
        VerificationError: the model computes something else; the text names the first node that does.

    Example:
        >>> import pyflame as pf
        >>> net = pf.nn.Sequential(pf.nn.Linear(4, 8), pf.nn.ReLU(), pf.nn.Linear(8, 2))
        >>> axes = {"x": {0: "batch"}}
        >>> model = export_onnx(net, pf.ones(2, 4), "net.onnx", input_names=["x"], dynamic_axes=axes)
        >>> [node.op_type for node in model.graph.node]
        ['Gemm', 'Relu', 'Gemm']
        >>> [tensor.name for tensor in model.graph.initializer]
        ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    if isinstance(model, Traced):
        return export_onnx_from_traced(model, path, example=args, **options)
    return ONNXExporter(**options).export(model, args, path, kwargs)


def export_onnx_from_traced(
    traced: Traced | Graph, path: str | os.PathLike[str] | None = None, *, example: Any = None, **options: Any
) -> onnx.ModelProto:
    """Export a traced function or a graph as an ONNX model.

    Args:
        traced: what `pyflame.trace` made, or a graph.
        path: where to write the model; None for nowhere.
        example: arguments to verify with; by default random ones.
        options: fields of `ONNXExportConfig`.

    Raises:
        UnsupportedOnnxOp: some operations have no map.
        ValueError: dynamic axes are asked for.

    Example:
        >>> import pyflame as pf
        >>> traced = pf.trace(lambda x: pf.relu(x) + 1, pf.ones(3))
        >>> [node.op_type for node in export_onnx_from_traced(traced).graph.node]
        ['Relu', 'Add']
    """
    return ONNXExporter(**options).export_traced(traced, path, example)


export = export_onnx
