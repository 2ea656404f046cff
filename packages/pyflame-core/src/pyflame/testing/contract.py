"""What every op of the registry must do, as checks on one op that raise AssertionError."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType, bfloat16, bool_, float16, float32, float64
from .bridge import Array, bits, rounded, to_numpy, to_tensor
from .derivatives import check_gradients
from .samples import OpInfo, Sample, by_name
from .samples.wrong import wrong_calls

# Nodes that hold values or outputs or order what others compute; nothing is computed by them.
STRUCTURAL = ("leaf", "input", "output", "function", "function_output", "barrier")

# Records without a public function of their own name, and where their documentation is instead.
INTERNAL = {
    "alias": "clone() and detach() record it",
    "arange_int": "arange() records it for integers",
    "embed": "the gradient of slice",
    "linear_scan": "the gradients of cumprod and logcumsumexp record it",
    "slice": "indexing, narrow() and select() record it",
    "softmax_grad": "the gradient of softmax",
    "log_softmax_grad": "the gradient of log_softmax",
    "nll_loss_grad": "the gradient of nll_loss",
    "class_cross_entropy_grad": "the gradient of class_cross_entropy",
    "conv2d_grad_input": "a gradient of conv2d",
    "conv2d_grad_weight": "a gradient of conv2d",
    "max_pool2d_grad": "the gradient of max_pool2d",
    "avg_pool2d_grad": "the gradient of avg_pool2d",
    "zeta": "the gradient of digamma",
    "layer_norm_grad": "the gradient of layer_norm",
    "rms_norm_grad": "the gradient of rms_norm",
    "group_norm_grad": "the gradient of group_norm",
    "batch_norm_grad": "the gradient of batch_norm",
    "attention": "scaled_dot_product_attention() records it",
    "ctc": "ctc_loss() records it",
    "ctc_grad": "the gradient of ctc",
    "recurrent": "rnn_tanh(), rnn_relu(), lstm() and gru() record it",
    "recurrent_grad": "the gradient of recurrent",
    "attention_grad": "the gradient of attention",
    "transposed_matmul": "the gradient of linear",
    "weighted_gather": "grid_sample() records it",
    "weighted_scatter": "a gradient of weighted_gather",
    "gathered_dot": "a gradient of weighted_gather",
    "with_history": "changes of a computed tensor under no_grad() record it",
    "uniform": "rand() records it with the generator's key",
}

# Records whose gradient is not the derivative of their value, by design.
REDIRECTED = ("with_history",)

TOLERANCE = {float64: 1e-12, float32: 2e-6, float16: 1e-3, bfloat16: 8e-3}


def records() -> dict[str, dict[str, Any]]:
    """The registry by name, without structural entries and the records behind operations made in Python."""
    found = (record for record in _core.describe_ops() if not record["holder"])
    return {record["name"]: record for record in found if record["name"] not in STRUCTURAL}


def counts() -> dict[str, int]:
    """How many ops have samples, and how many samples there are over all dtypes."""
    infos = [by_name[name] for name in records() if name in by_name]
    return {"ops": len(infos), "samples": sum(len(info.samples(dtype)) for info in infos for dtype in info.dtypes)}


@contextmanager
def mode(debug: bool = False, eager: bool = False) -> Iterator[None]:
    """Unfused (debug) or op-by-op (eager) evaluation of what runs inside."""
    before = _core.is_debug(), _core.is_eager()
    _core.set_debug(debug)
    _core.set_eager(eager)
    try:
        yield
    finally:
        _core.set_debug(before[0])
        _core.set_eager(before[1])


def assert_matches(actual: Array, expected: Array, dtype: DType, slack: float = 1.0) -> None:
    expected = rounded(expected, dtype)
    assert actual.shape == expected.shape, f"shape {actual.shape}, NumPy says {expected.shape}"
    if dtype.is_floating_point:
        tolerance = TOLERANCE[dtype] * slack
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    else:
        np.testing.assert_array_equal(actual, expected)


def result_dtypes(info: OpInfo, sample: Sample, dtype: DType) -> tuple[DType, ...]:
    result = info.result(sample, dtype)
    return result if isinstance(result, tuple) else (result,)


def check_documented(name: str, find: Callable[[str], Any]) -> None:
    """A public function with a docstring and an example, or an entry of INTERNAL, but not both."""
    function = find(name)
    if name in INTERNAL:
        assert function is None, f"[{name}] is public: remove it from INTERNAL"
        return
    assert function is not None, f"[{name}] has no public function: document it, or list it as internal with a reason"
    doc = function.__doc__ or ""
    assert doc.strip(), f"[{name}] has no docstring"
    assert ">>>" in doc, f"[{name}] has no example"


def check_values(info: OpInfo, dtype: DType) -> None:
    """Inferred shape and dtype are the real ones, values are NumPy's, the cost is a cost."""
    for sample in info.samples(dtype):
        outputs = info.call(sample, [operand.tensor() for operand in sample.operands()])
        inferred = [(tuple(output.shape), output.dtype) for output in outputs]
        check_cost(outputs[0])
        assert tuple(kind for _, kind in inferred) == result_dtypes(info, sample, dtype), (inferred, sample)
        results = tuple(to_numpy(output) for output in outputs)
        assert [shape for shape, _ in inferred] == [result.shape for result in results]
        assert [_core.to_array(output).itemsize for output in outputs] == [kind.itemsize for _, kind in inferred]
        if info.verify:
            info.verify(sample, dtype, results)
            continue
        expected = info.expected(sample, [operand.values for operand in sample.operands()])
        assert len(results) == len(expected)
        for result, want, (_, kind) in zip(results, expected, inferred, strict=True):
            assert_matches(result, want, kind, info.slack)


def check_cost(output: Tensor) -> None:
    for number in _core.cost(output):
        assert math.isfinite(number) and number >= 0


def check_modes(info: OpInfo, dtype: DType) -> None:
    """Fused with its neighbours, unfused and eager give the same bits, and what plain evaluation gives."""
    for sample in info.samples(dtype):
        with mode():
            fused = surrounded(info, sample)
        with mode(debug=True):
            unfused = surrounded(info, sample)
        with mode(eager=True):
            eager = surrounded(info, sample)
        assert fused == unfused, f"fused and unfused differ: {sample}"
        assert fused == eager, f"lazy and eager differ: {sample}"


def surrounded(info: OpInfo, sample: Sample) -> list[bytes]:
    """The op between elementwise identities that no pass removes, on pending operands."""
    yes = to_tensor(True, bool_)

    def identity(tensor: Tensor) -> Tensor:
        return _core.ops.where(yes, tensor, tensor)

    operands = [operand.tensor(pending=True) for operand in sample.operands()]
    # Where the operand is a view it reaches the op as one; another identity of it makes a second reader.
    inputs = [
        op if item.memory != "dense" else identity(op) for op, item in zip(operands, sample.operands(), strict=True)
    ]
    outputs = info.call(sample, inputs)
    after = [identity(output) for output in outputs]
    del operands, inputs
    _core.eval([*outputs, *after])
    return [bits(tensor) for tensor in (*outputs, *after)]


def check_coverage(info: OpInfo, record: dict[str, Any]) -> None:
    """The samples hold an empty, a 0-d (where the op takes one) and every strided operand."""
    samples = info.samples(info.dtypes[0])
    operands = [operand for sample in samples for operand in sample.operands()]
    if not record["inputs"]:
        return
    assert any(operand.values.size == 0 for operand in operands), "no empty operand"
    missing = {"transposed", "sliced"} - {operand.memory for operand in operands}
    assert not missing, f"no {missing} operand"
    if record["is_elementwise"]:
        assert any(operand.values.ndim == 0 for operand in operands), "no 0-d operand"
        if len(record["inputs"]) > 1:
            shapes = [{operand.values.shape for operand in sample.operands()} for sample in samples]
            assert any(len(pair) > 1 for pair in shapes), "no pair that broadcasts"


def check_errors(info: OpInfo, record: dict[str, Any]) -> None:
    """Wrong operands raise when the op is called, in the words of the style guide."""
    calls = wrong_calls(info, record)
    assert calls or not record["inputs"], "no wrong call is listed"
    for call in calls:
        try:
            getattr(_core.ops, info.name)(*call.arguments, **call.attrs)
        except call.exception as error:
            text = str(error)
        else:
            raise AssertionError(f"{call.arguments} {call.attrs} was accepted")
        assert text.startswith(f"[{info.name}] "), text
        assert "invalid" not in text.lower() and len(text) > len(info.name) + 10, text


def check_derivatives(info: OpInfo, record: dict[str, Any]) -> None:
    """First and second derivatives equal finite differences, or the record says why there is none."""
    if not record["differentiable"]:
        assert record["no_grad_reason"], "neither a VJP nor a reason"
        return
    if info.name in REDIRECTED:
        return
    samples = [sample for sample in info.samples(float64) if sample.differentiable]
    assert samples, "differentiable, but no sample is"
    for sample in samples:
        check_gradients(info, sample)
