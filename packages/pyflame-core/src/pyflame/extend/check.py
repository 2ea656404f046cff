"""Examining a custom operation: whether its parts agree with each other and with the rules operations keep."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _core
from .._tensor import Tensor
from .._types import Array
from ..dtypes import DType, bfloat16, float16, float32, float64
from ..ops.host import Spec
from .custom_ops import get_custom_op
from .declaration import CustomOp

_TOLERANCE = {float16: 1e-2, bfloat16: 5e-2}


@dataclass(frozen=True)
class Finding:
    """What one test of one sample found.

    Args:
        test: name of the test.
        sample: position among the samples, None for tests of the declaration.
        state: "passed", "failed" or "skipped".
        detail: what is wrong, or why it was skipped.
    """

    test: str
    sample: int | None
    state: str
    detail: str = ""

    def __str__(self) -> str:
        where = "" if self.sample is None else f" (sample {self.sample})"
        return f"{self.state:7} {self.test}{where}{': ' if self.detail else ''}{self.detail}"


@dataclass(frozen=True)
class CheckReport:
    """All findings about an operation.

    Args:
        op: its name.
        findings: in the order of the tests.
    """

    op: str
    findings: tuple[Finding, ...] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that failed."""
        return tuple(finding for finding in self.findings if finding.state == "failed")

    def raise_if_failed(self) -> None:
        """Raise what failed.

        Raises:
            AssertionError: something failed.
        """
        if not self.passed:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        counts = [sum(finding.state == state for finding in self.findings) for state in ("passed", "failed", "skipped")]
        lines = [f"{self.op}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped"]
        return "\n".join(lines + [f"  {finding}" for finding in self.findings])


class Skip(Exception):
    """A test does not apply."""


def check(op: CustomOp | str, samples: Sequence[Any]) -> CheckReport:
    """Examine a custom operation on samples.

    The tests: the schema (result types, options that can be stored, replay from an exported graph), no mutation of
    inputs, no result that is an input's memory under another name while pending, shape and dtype rules against the run,
    first and second gradients against differences, float16 and bfloat16 against float32, non-contiguous inputs, inputs
    of size zero, equal results of equal calls, and the parts that are stored beside the function.

    Args:
        op: operation, or its name.
        samples: each a tuple of arguments, or of arguments and a dict of options as the last. Tensors that require grad
            are those gradients are taken for.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import extend
        >>> op = extend.register_custom_op("doc_square", lambda x: x * x, lambda g, x: g * x)
        >>> report = extend.check(op, [(pf.tensor([1.0, 2.0], requires_grad=True),)])
        >>> [finding.test for finding in report.failures]
        ['gradcheck']
        >>> extend.unregister_custom_op("doc_square")
    """
    found = get_custom_op(op) if isinstance(op, str) else op
    findings = list(_declaration(found))
    for position, sample in enumerate(samples):
        args, options = _split(sample)
        for test in _TESTS:
            findings.append(_run(test, found, args, options, position))
    return CheckReport(found.name, tuple(findings))


def _run(test: Callable[..., None], op: CustomOp, args: list[Any], options: dict[str, Any], position: int) -> Finding:
    name = test.__name__
    try:
        test(op, args, options)
    except Skip as reason:
        return Finding(name, position, "skipped", str(reason))
    except Exception as error:  # whatever the user's function raises is the finding
        last = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{error}" if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        return Finding(name, position, "failed", f"{detail} ({last.filename}:{last.lineno})")
    return Finding(name, position, "passed")


def _split(sample: Any) -> tuple[list[Any], dict[str, Any]]:
    items = list(sample) if isinstance(sample, tuple | list) else [sample]
    options = items.pop() if items and isinstance(items[-1], dict) else {}
    return items, options


def _declaration(op: CustomOp) -> Iterator[Finding]:
    for part in ("backward_fn", "shape_fn", "dtype_fn", "batch_fn", "cost_fn", "csl_template", "onnx"):
        if getattr(op, part) is None:
            yield Finding(part, None, "skipped", "not declared")


def _outputs(op: CustomOp, args: Sequence[Any], options: dict[str, Any]) -> list[Tensor]:
    made = op(*args, **options)
    return [made] if isinstance(made, Tensor) else list(made)


def _values(tensors: Sequence[Tensor]) -> list[Array]:
    return [np.array(_core.to_array(_core.detach(tensor))) for tensor in tensors]


def _mapped(args: Sequence[Any], change: Callable[[Tensor], Tensor]) -> list[Any]:
    return [change(arg) if isinstance(arg, Tensor) else arg for arg in args]


def _tensors(args: Sequence[Any]) -> list[Tensor]:
    return [arg for arg in args if isinstance(arg, Tensor)]


def _floating(args: Sequence[Any], dtype: DType) -> list[Any]:
    return _mapped(
        args,
        lambda t: _core.ops.cast(_core.detach(t), dtype) if t.dtype.is_floating_point else t,
    )


def _same(found: Sequence[Array], expected: Sequence[Array], what: str, tolerance: float = 0.0) -> None:
    for k, (a, b) in enumerate(zip(found, expected)):
        if a.shape != b.shape or not np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True):
            raise AssertionError(f"output {k} differs {what}: {a.tolist()!r} and {b.tolist()!r}"[:400])


# ---- the tests: each raises what is wrong, or Skip


def schema(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    from ..graph import Graph, execute_graph, get_graph

    expected = _values(_outputs(op, args, options))
    graph = get_graph(*_outputs(op, args, options))
    if not any(node.op_type == op.name for node in graph.nodes):
        raise AssertionError("the exported graph has no node of this name: is the result computed from the inputs?")
    made = execute_graph(Graph.from_json(graph.to_json()), ())
    _same(_values([made] if isinstance(made, Tensor) else list(made)), expected, "when replayed from a stored graph")


def mutation(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    copies = _mapped(args, lambda t: _core.from_array(*_copied(t)))
    before = _values(_tensors(copies))
    anchors = [_core.TensorBase(tensor) for tensor in _tensors(copies)]
    _core.eval(_outputs(op, copies, options))
    for k, (tensor, anchor, old) in enumerate(zip(_tensors(copies), anchors, before)):
        if not _core.same_node(tensor, anchor) or not np.array_equal(_values([tensor])[0], old, equal_nan=True):
            raise AssertionError(f"input {k} is changed in place: clone it first")


def aliasing(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    made = op.forward_fn(*args, **options)
    for k, result in enumerate([made] if isinstance(made, Tensor) else made):
        for i, arg in enumerate(_tensors(args)):
            if result is arg or _core.same_node(result, arg):
                raise AssertionError(f"output {k} is input {i} itself: return a clone")


def shape_rule(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    if op.shape_fn is None:
        raise Skip("no shape_fn")
    results = _outputs(op, args, options)
    tensors = _tensors(args)
    stated = op.infer(*(Spec(tuple(t.shape), t.dtype) for t in tensors), **options)
    for k, (spec, result) in enumerate(zip(stated, results)):
        if tuple(spec.shape) != tuple(result.shape) or (op.dtype_fn and spec.dtype is not result.dtype):
            raise AssertionError(
                f"output {k} is {result.dtype.name} {tuple(result.shape)}, the rules say {spec.dtype.name} "
                f"{tuple(spec.shape)}"
            )


def gradcheck(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    _gradients(op, args, options, "gradcheck")


def gradgradcheck(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    _gradients(op, args, options, "gradgradcheck")


def _gradients(op: CustomOp, args: list[Any], options: dict[str, Any], which: str) -> None:
    from ..testing import gradcheck as module_check, gradgradcheck as module_second

    wanted = [t.requires_grad for t in _tensors(args)]
    if not any(wanted):
        raise Skip("no input requires grad")
    doubles = _floating(args, float64)
    for tensor, needs in zip(_tensors(doubles), wanted):
        tensor.requires_grad = needs
    places = [i for i, arg in enumerate(doubles) if isinstance(arg, Tensor)]

    def function(*tensors: Tensor) -> list[Tensor]:
        full = list(doubles)
        for place, tensor in zip(places, tensors):
            full[place] = tensor
        return _outputs(op, full, options)

    chosen = module_check if which == "gradcheck" else module_second
    chosen(function, [doubles[i] for i in places])


def half_precision(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    if not any(t.dtype.is_floating_point for t in _tensors(args)):
        raise Skip("no floating-point input")
    for dtype, tolerance in _TOLERANCE.items():
        rounded = _floating(args, dtype)
        expected = _outputs(op, _floating(rounded, float32), options)
        made = _outputs(op, rounded, options)
        _same(
            _values([_core.ops.cast(t, float64) for t in made]),
            _values([_core.ops.cast(t, float64) for t in expected]),
            f"in {dtype.name} from float32",
            tolerance,
        )


def non_contiguous(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    if not any(t.ndim for t in _tensors(args)):
        raise Skip("all inputs are 0-d")
    expected = _values(_outputs(op, args, options))
    _same(_values(_outputs(op, _mapped(args, _strided), options)), expected, "for strided inputs", 1e-5)


def size_zero(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    tensors = _tensors(args)
    shapes = {tuple(t.shape) for t in tensors}
    if len(shapes) != 1 or not tensors[0].ndim:
        raise Skip("the inputs differ in shape: add a sample with size zero")
    empty = _mapped(args, lambda t: _core.detach(t)[:0])
    try:
        results = _outputs(op, empty, options)
    except (RuntimeError, ValueError, IndexError) as error:
        raise Skip(f"refused at the call: {error}") from None
    _core.eval(results)


def determinism(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    first, second = (_values(_outputs(op, args, options)) for _ in range(2))
    _same(first, second, "between two equal calls")


def debug_mode(op: CustomOp, args: list[Any], options: dict[str, Any]) -> None:
    expected = _values(_outputs(op, args, options))
    before = _core.is_debug()
    _core.set_debug(True)
    try:
        found = _values(_outputs(op, args, options))
    finally:
        _core.set_debug(before)
    _same(found, expected, "in debug mode", 1e-5)


def _copied(tensor: Tensor) -> tuple[Array, int, bool]:
    return np.array(_core.to_array(_core.detach(tensor))), tensor.dtype.code, False


def _strided(tensor: Tensor) -> Tensor:
    """The same values, every second element of a memory twice as long."""
    if not tensor.ndim:
        return tensor
    pair = _core.ops.cat([_core.detach(tensor).unsqueeze(-1)] * 2, tensor.ndim)
    _core.eval(pair)
    return pair[..., 0]


_TESTS = (
    schema,
    mutation,
    aliasing,
    shape_rule,
    gradcheck,
    gradgradcheck,
    half_precision,
    non_contiguous,
    size_zero,
    determinism,
    debug_mode,
)
