"""Conformance of backends: what every one of them must do, as cases anyone can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import _core, backends
from .._tensor import Tensor
from ..backends import adapter
from ..dtypes import DType, bfloat16, float32, float64
from ..graph import Graph, Value, get_graph
from ..graph.ir import TensorSpec
from ..graph.records import import_tensors
from .bridge import Array, bfloat16_values, rounded
from .contract import assert_matches
from .samples import OpInfo, Sample, op_db


@dataclass(frozen=True)
class BackendFinding:
    """What one case found: state is "passed", "failed" or "unsupported"."""

    case: str
    state: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.state:11} {self.case}{': ' if self.detail else ''}{self.detail}"


@dataclass(frozen=True)
class BackendReport:
    """All findings about a backend.

    Args:
        backend: its name.
        findings: in the order of the cases.
    """

    backend: str
    findings: tuple[BackendFinding, ...]

    def count(self, state: str) -> int:
        """How many findings have a state."""
        return sum(finding.state == state for finding in self.findings)

    @property
    def failures(self) -> tuple[BackendFinding, ...]:
        """The findings that failed."""
        return tuple(finding for finding in self.findings if finding.state == "failed")

    def __str__(self) -> str:
        head = ", ".join(f"{self.count(state)} {state}" for state in ("passed", "failed", "unsupported"))
        return "\n".join([f"{self.backend}: {head}", *(f"  {f}" for f in self.findings if f.state != "passed")])


def check_backend(name: str, *, ops: Sequence[str] | None = None, raise_exception: bool = True) -> BackendReport:
    """Examine a backend: its protocol, every operation it supports in every dtype, and its place in evaluation.

    Args:
        name: of a registered backend.
        ops: operations to examine, by default all that have samples.
        raise_exception: raise if something failed, instead of leaving that to the reader of the report.

    Raises:
        AssertionError: a case failed; the message is the report.

    Example:
        >>> check_backend("cpu", ops=["add", "matmul"]).failures
        ()
    """
    backend = backends.get(name)
    findings = [_case(test.__name__, partial(test, name, backend)) for test in _PROTOCOL]
    for info in op_db:
        if info.reference is None or (ops is not None and info.name not in ops):
            continue
        for dtype in info.dtypes:
            findings.append(_case(f"{info.name} {dtype.name}", partial(_check_op, backend, info, dtype)))
    report = BackendReport(name, tuple(findings))
    if raise_exception and report.failures:
        raise AssertionError(str(report))
    return report


class Unsupported(Exception):
    """The backend says that it does not compute an operation."""


def _case(name: str, test: Callable[[], None]) -> BackendFinding:
    try:
        test()
    except Unsupported:
        return BackendFinding(name, "unsupported")
    except Exception as error:  # whatever a backend raises is the finding
        return BackendFinding(name, "failed", f"{type(error).__name__}: {error}".splitlines()[0][:300])
    return BackendFinding(name, "passed")


def _check_op(backend: Any, info: OpInfo, dtype: DType) -> None:
    for sample in info.samples(dtype):
        graph = Graph(info.name)
        tensors = [operand.tensor() for operand in sample.operands()]
        _core.eval(tensors)
        known: dict[int, Value] = {}
        arrays: dict[str, Array] = {}
        for tensor in tensors:
            node = graph.create_input(tuple(tensor.shape), tensor.dtype)
            known[_core.node_id(tensor)] = Value(node.id)
            arrays[node.name] = np.array(_core.to_array(tensor), order="C")
        for value in import_tensors(graph, info.call(sample, tensors), known):
            graph.mark_output(value)
        supports = getattr(backend, "supports", lambda node: True)
        if not all(supports(node) for node in graph.nodes if node.is_operation):
            raise Unsupported
        before = {key: array.tobytes() for key, array in arrays.items()}
        found = adapter.run(backend, graph, arrays)
        assert before == {key: array.tobytes() for key, array in arrays.items()}, "an input was written to"
        _compare(info, sample, found, [graph.spec(value) for value in graph.outputs])


def _compare(info: OpInfo, sample: Sample, found: Sequence[Array], specs: Sequence[TensorSpec]) -> None:
    if info.verify:
        return
    expected = info.expected(sample, [operand.values for operand in sample.operands()])
    for array, want, spec in zip(found, expected, specs):
        got = bfloat16_values(array) if spec.dtype is bfloat16 else array
        # Twice the core's tolerance: a backend may round in other places.
        assert_matches(rounded(got, spec.dtype), want, spec.dtype, 2 * max(info.slack, 1.0))


# ---- the protocol


def names_itself(name: str, backend: Any) -> None:
    assert backends.get(name) is backend and name in backends.list() and backends.is_available(name)
    info = backend.device_info()
    assert info["name"] and info["type"], info
    assert {"live_bytes", "peak_bytes"} <= backend.memory_stats().keys()


def allocates(name: str, backend: Any) -> None:
    for dtype in (float32, bfloat16, float64):
        assert np.asarray(backend.allocate((2, 3), dtype)).nbytes == 6 * dtype.itemsize


def evaluates_pending_graphs(name: str, backend: Any) -> None:
    x = _tensor([[1.0, 2.0], [3.0, 4.0]])
    with backends.use_backend(name):
        y = ((x + 1.0) * x).sum()
        assert y.item() == 40.0
    assert (y + 1.0).item() == 41.0  # and its values are there for others


def keeps_plans(name: str, backend: Any) -> None:
    compiled: list[Graph] = []

    class Counting:
        """Counts what reaches the backend."""

        def compile(self, graph: Graph) -> Any:
            compiled.append(graph)
            return backend.compile(graph)

        def __getattr__(self, attribute: str) -> Any:
            return getattr(backend, attribute)

    counting = Counting()
    for start in (1.0, 2.0, 3.0):
        found = adapter.evaluate(counting, [_tensor([start, 0.0]) * 2.0])
        assert found[0].tolist() == [2.0 * start, 0.0]
    assert len(compiled) == 1, f"equal structures were compiled {len(compiled)} times"


def runs_plans_again(name: str, backend: Any) -> None:
    graph = Graph("square")
    x = graph.create_input((3,), float32, name="x")
    graph.mark_output(graph.create_op("mul", [x, x]))
    plan = backend.compile(graph)
    first = backend.run(plan, {"x": np.array([1, 2, 3], np.float32)})
    second = backend.run(plan, {"x": np.array([4, 5, 6], np.float32)})
    assert np.asarray(first[0]).tolist() == [1.0, 4.0, 9.0], "a later run changed an earlier result"
    assert np.asarray(second[0]).tolist() == [16.0, 25.0, 36.0]


def serves_gradients(name: str, backend: Any) -> None:
    def slope() -> Tensor:
        x = _tensor([1.0, 2.0, 3.0])
        x.requires_grad = True
        y = (x * x * x).sum()
        y.backward()
        assert x.grad is not None
        return x.grad

    with backends.use_backend(name):
        found = slope().tolist()
    assert found == [3.0, 12.0, 27.0], found


def takes_parameters_constants_and_several_outputs(name: str, backend: Any) -> None:
    graph = Graph("affine")
    x = graph.create_input((2,), float32, name="x")
    w = graph.create_parameter((2,), float32, name="w", value=np.array([2, 3], np.float32))
    c = graph.create_constant(np.array([10, 20], np.float32))
    product = graph.create_op("mul", [x, w])
    graph.mark_output(graph.create_op("add", [product, c]))
    graph.mark_output(product)
    graph.mark_output(x)
    found = adapter.run(backend, graph, {"x": np.ones(2, np.float32), "w": np.array([2, 3], np.float32)})
    assert [array.tolist() for array in found] == [[12.0, 23.0], [2.0, 3.0], [1.0, 1.0]]


def runs_stored_graphs(name: str, backend: Any) -> None:
    graph = get_graph((_tensor([1.0, 2.0]) * 3.0).sum())
    read = Graph.from_json(graph.to_json())
    assert adapter.run(backend, read, {})[0].item() == 9.0


_PROTOCOL = (
    names_itself,
    allocates,
    evaluates_pending_graphs,
    keeps_plans,
    runs_plans_again,
    serves_gradients,
    takes_parameters_constants_and_several_outputs,
    runs_stored_graphs,
)


def _tensor(values: Any) -> Tensor:
    from ..ops.creation import tensor

    return tensor(values)
