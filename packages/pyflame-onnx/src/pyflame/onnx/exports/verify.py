"""Comparing a model with the graph it was made from, and finding the first node where they part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

import pyflame as pf
from pyflame.graph.ir import Graph, Node, Value

from .program import describe
from .types import ONNX_TYPES, array_in

Array = np.ndarray[Any, Any]
# Largest difference allowed, as a share of the largest value of a result.
TOLERANCE = {pf.float64: 1e-6, pf.float32: 1e-4, pf.float16: 1e-2, pf.bfloat16: 5e-2}
TINY = 1e-38
RUNTIMES = ("onnxruntime", "reference")


class VerificationError(AssertionError):
    """An exported model computes something else than what it was made from."""


@dataclass(frozen=True)
class Case:
    """Arguments a model is tried with.

    Attributes:
        graph: what it should compute, at the sizes of these arguments.
        args: one tensor for each input.
        label: how messages call it.
    """

    graph: Graph
    args: tuple[pf.Tensor, ...]
    label: str


@dataclass(frozen=True)
class Comparison:
    """One result of one case.

    Attributes:
        case: which arguments.
        output: which result.
        absolute: the largest difference.
        relative: the same as a share of the largest value.
        runtime: what ran the model.
    """

    case: str
    output: str
    absolute: float
    relative: float
    runtime: str

    def __str__(self) -> str:
        size = f"{self.absolute:.2g} ({self.relative:.2g} relative)"
        return f"{self.case}: {self.output}: differs by {size} in {self.runtime}"


def verify(
    source: onnx.ModelProto | Path,
    cases: Sequence[Case],
    names: Mapping[Value, str],
    base: Graph,
    runtime: str | None = None,
    tolerance: float | None = None,
) -> list[Comparison]:
    """Run a model on all cases and compare with what the graphs compute.

    Args:
        source: the model, or its file if tensors lie outside it.
        cases: arguments.
        names: value of `base` -> name in the model, for finding where results part.
        base: the graph the names belong to; those of the cases have the same nodes.
        runtime: "onnxruntime" or "reference"; None for onnxruntime where it is installed and runs the model.
        tolerance: share of the largest value that results may differ by; None for one that fits their dtype.

    Raises:
        VerificationError: results differ.
    """
    run, used = start(source, runtime)
    found = []
    for case in cases:
        feeds = {names[Value(n.id)]: array_of(arg).copy() for n, arg in zip(base.inputs, case.args)}
        with pf.no_grad():
            computed = pf.execute_graph(case.graph, case.args)
        wanted = computed if isinstance(computed, tuple) else (computed,)
        results = run(feeds)
        drawn = random_values(case.graph)
        for k, (name, have, want) in enumerate(zip(output_names(source), results, wanted)):
            if case.graph.outputs[k].node_id in drawn:  # draws are others: only the type can be compared
                if have.shape != tuple(want.shape):
                    raise VerificationError(f"[onnx] {case.label}: {name} has shape {have.shape}, not {want.shape}")
                continue
            absolute, relative = difference(have, array_of(want))
            if not relative <= (TOLERANCE.get(want.dtype, 0.0) if tolerance is None else tolerance):
                where = first_divergence(source, case, names, base, feeds, used, tolerance)
                raise VerificationError(
                    f"[onnx] the model differs from what it was made from: with {case.label}, {name} is off by "
                    f"{absolute:.3g} ({relative:.3g} of its largest value) in {used}; {where}"
                )
            found.append(Comparison(case.label, name, absolute, relative, used))
    return found


def output_names(source: onnx.ModelProto | Path) -> list[str]:
    model = source if isinstance(source, onnx.ModelProto) else onnx.load(str(source), load_external_data=False)
    return [one.name for one in model.graph.output]


def start(
    source: onnx.ModelProto | Path, runtime: str | None, outputs: Sequence[str] | None = None
) -> tuple[Callable[[Mapping[str, Array]], list[Array]], str]:
    """Something that runs the model, and its name.

    Raises:
        ValueError: the runtime is neither.
    """
    if runtime not in (None, *RUNTIMES):
        raise ValueError(f"[onnx] runtime is {runtime!r}: expected one of {', '.join(RUNTIMES)}, or None")
    if runtime != "reference":
        run = in_onnxruntime(source, required=runtime is not None)
        if run is not None:
            return run, "onnxruntime"
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(source if isinstance(source, onnx.ModelProto) else str(source))

    def evaluate(feeds: Mapping[str, Array]) -> list[Array]:
        with np.errstate(all="ignore"):
            return [np.asarray(one) for one in evaluator.run(None, dict(feeds))]

    return evaluate, "reference"


def in_onnxruntime(
    source: onnx.ModelProto | Path, required: bool
) -> Callable[[Mapping[str, Array]], list[Array]] | None:
    """A session, or None where onnxruntime is missing or lacks an operator for a type, or the opset.

    Raises:
        VerificationError: it finds the model wrong.
    """
    try:
        import onnxruntime as ort  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        if required:
            raise ImportError("[onnx] onnxruntime is not installed: pip install onnxruntime") from None
        return None
    if TensorProto.BFLOAT16 in element_types(source):  # which its Python interface cannot pass
        return None
    options = ort.SessionOptions()
    options.log_severity_level = 4
    state = ort.capi.onnxruntime_pybind11_state
    try:
        given = source.SerializeToString() if isinstance(source, onnx.ModelProto) else str(source)
        session = ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except (state.NotImplemented, state.Fail, state.InvalidGraph) as error:
        newer = "opset" in str(error).lower() and "support" in str(error).lower()
        if not required and (isinstance(error, state.NotImplemented) or newer):
            return None
        raise VerificationError(f"[onnx] onnxruntime refuses the model: {error}") from error

    def evaluate(feeds: Mapping[str, Array]) -> list[Array]:
        used = {one.name for one in session.get_inputs()}
        return [np.asarray(one) for one in session.run(None, {k: v for k, v in feeds.items() if k in used})]

    return evaluate


def element_types(source: onnx.ModelProto | Path) -> set[int]:
    """The element types of inputs and outputs."""
    model = source if isinstance(source, onnx.ModelProto) else onnx.load(str(source), load_external_data=False)
    return {one.type.tensor_type.elem_type for one in (*model.graph.input, *model.graph.output)}


def array_of(tensor: pf.Tensor) -> Array:
    """The values of a tensor; those of bfloat16 as the NumPy type that onnx brings."""
    if tensor.dtype is pf.bfloat16:
        kind = helper.tensor_dtype_to_np_dtype(ONNX_TYPES[pf.bfloat16])
        return array_in(tensor.to(pf.float32).numpy(), pf.bfloat16).view(kind)
    return np.asarray(tensor.detach().numpy())


def difference(have: Array, want: Array) -> tuple[float, float]:
    """The largest difference, and as a share of the largest finite value; infinite where other things differ."""
    if have.shape != want.shape or have.dtype != want.dtype:
        return np.inf, np.inf
    if have.size == 0 or np.array_equal(have, want):
        return 0.0, 0.0
    a, b = have.astype(np.float64), want.astype(np.float64)
    special = ~np.isfinite(b)
    if not np.array_equal(a[special], b[special], equal_nan=True) or not np.isfinite(a[~special]).all():
        return np.inf, np.inf
    absolute = float(np.abs(a[~special] - b[~special]).max(initial=0.0))
    scale = float(np.abs(b[~special]).max(initial=0.0))
    return absolute, absolute / max(scale, TINY)


def random_values(graph: Graph) -> set[int]:
    """Nodes whose values follow from random draws."""
    found: set[int] = set()
    for node in graph.topological_order():
        drawn = node.is_operation and pf.ir.op(node.op_type).is_random
        if drawn or any(edge.node_id in found for edge in node.inputs):
            found.add(node.id)
    return found


def first_divergence(
    source: onnx.ModelProto | Path,
    case: Case,
    names: Mapping[Value, str],
    base: Graph,
    feeds: Mapping[str, Array],
    runtime: str,
    tolerance: float | None,
) -> str:
    """Where results part first: the node of the graph, its line and the name in the model."""
    if not isinstance(source, onnx.ModelProto):
        return "the first node is not searched in models with external data"
    made = {name for node in source.graph.node for name in node.output}
    watched: list[tuple[Node, Value, str]] = []
    for node, twin in zip(base.topological_order(), case.graph.topological_order()):
        for k in range(node.num_outputs):
            name = names.get(Value(node.id, k))
            if name is not None and name in made:
                watched.append((node, Value(twin.id, k), name))
    model = onnx.ModelProto()
    model.CopyFrom(source)
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, ONNX_TYPES[case.graph.spec(value).dtype], None)
        for name, value in {name: value for _, value, name in watched}.items()
    )
    run, _ = start(model, runtime)
    have = dict(zip(output_names(model), run(feeds)))
    with pf.no_grad():
        computed = pf.execute_graph(case.graph.subgraph([value for _, value, _ in watched]), given(case, watched))
    wanted = computed if isinstance(computed, tuple) else (computed,)
    for (node, _, name), want in zip(watched, wanted):
        _, relative = difference(have[name], array_of(want))
        if not relative <= (TOLERANCE.get(want.dtype, 0.0) if tolerance is None else tolerance):
            return f"they part at {describe(node)}, {name!r} in the model ({relative:.3g})"
    return "no single node differs when all values are asked for: an optimisation of the runtime changes the result"


def given(case: Case, watched: Sequence[tuple[Node, Value, str]]) -> list[pf.Tensor]:
    """The arguments that a part of the graph takes."""
    part = case.graph.subgraph([value for _, value, _ in watched])
    by_name = {node.name: arg for node, arg in zip(case.graph.inputs, case.args)}
    return [by_name[node.name] for node in part.inputs]
