"""Every operation of the registry is exported and equals the core, in the reference evaluator and in onnxruntime."""

import numpy as np
import onnx.defs
import pytest

import pyflame as pf
from pyflame.graph.trace import trace
from pyflame.onnx import ONNXExporter
from pyflame.onnx.exports.table import EXPORTS, UNSUPPORTED
from pyflame.testing import op_db

NEWEST = onnx.defs.onnx_opset_version()
# The opset that brought what an operation needs: below it, the export says which one to give.
NEEDS = {
    "scatter_add": 16, "scatter_reduce": 18, "index_add": 16, "max_pool2d_grad": 16,
    "bitwise_and": 18, "bitwise_or": 18, "bitwise_xor": 18,
}  # fmt: skip
# What ONNX leaves to runtimes: they differ where an operand is empty or no finite number.
FINITE = ("amax", "amin", "mean", "mode")
# Where the reference evaluator itself is wrong or stops; onnxruntime is asked.
REFERENCE_STOPS = {
    "conv2d_grad_input": "ConvTranspose with groups",
    "max_pool2d": "places of MaxPool with dilation or ceil_mode",
    "nll_loss": "NegativeLogLikelihoodLoss of nothing",
}
TYPES = (pf.float32, pf.int64, pf.bool)


def test_every_operation_is_mapped_or_listed_with_a_reason():
    assert pf.linalg.det  # whose operations are registered when they are first looked at
    names = {info.name for info in pf.ir.ops() if info.category != "custom"}
    assert names - EXPORTS.keys() - UNSUPPORTED.keys() == set()
    assert {name for name in UNSUPPORTED if name not in names} == set(), "stale entries"
    assert all(len(reason) > 20 for reason in UNSUPPORTED.values())


def test_every_mapped_operation_has_samples():
    registered = {info.name for info in pf.ir.ops() if info.category != "custom"}
    assert (EXPORTS.keys() & registered) - {"linalg_det"} <= {info.name for info in op_db}


def test_determinants_agree():
    exporter = ONNXExporter(runtime="onnxruntime")
    exporter.export(lambda x: pf.linalg.det(x), pf.randn(3, 4, 4))
    assert exporter.comparisons


def finite(sample):
    return all(operand.values.size and np.isfinite(operand.values).all() for operand in sample.operands())


def compare(info, dtype, opset, runtime):
    """All samples of an operation as one model with many results."""
    samples = [sample for sample in info.samples(dtype) if info.name not in FINITE or finite(sample)]
    operands = [[operand.tensor() for operand in sample.operands()] for sample in samples]

    def all_samples(*tensors):
        rest, results = iter(tensors), []
        for sample, own in zip(samples, operands, strict=True):
            results.extend(info.call(sample, [next(rest) for _ in own]))
        return tuple(results)

    args = tuple(tensor for own in operands for tensor in own)
    exporter = ONNXExporter(opset_version=opset, runtime=runtime)
    exporter.export_traced(trace(all_samples, args), args=args)
    return exporter.comparisons


MAPPED = [info for info in op_db if info.name in EXPORTS]
CASES = [
    pytest.param(info, dtype, id=f"{info.name}-{dtype.name}")
    for info in MAPPED
    for dtype in TYPES
    if dtype in info.dtypes and not (info.name == "max_pool2d" and dtype is pf.int64)
]


@pytest.mark.parametrize(("info", "dtype"), CASES)
def test_onnxruntime_agrees(info, dtype):
    found = compare(info, dtype, 18, None)
    assert found or info.name in ("uniform", "normal", "randint")


@pytest.mark.parametrize(("info", "dtype"), [case for case in CASES if case.values[0].name not in REFERENCE_STOPS])
@pytest.mark.parametrize("opset", [13, NEWEST])
def test_reference_evaluator_agrees(info, dtype, opset):
    needed = NEEDS.get(info.name, 13)
    if opset < needed and not (info.name.startswith("bitwise") and dtype is pf.bool):
        with pytest.raises(NotImplementedError, match=r"needs opset 1\d"):
            compare(info, dtype, opset, "reference")
    else:
        compare(info, dtype, opset, "reference")


@pytest.mark.parametrize("dtype", [pf.uint8, pf.int32, pf.float16, pf.bfloat16, pf.float64], ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "abs", "relu", "maximum", "sum", "matmul", "where", "lt", "cat"])
def test_other_dtypes_agree(name, dtype):
    info = next(one for one in MAPPED if one.name == name)
    if dtype in info.dtypes:
        assert compare(info, dtype, 18, None)


def test_integers_that_max_pool_does_not_take_are_refused():
    info = next(one for one in MAPPED if one.name == "max_pool2d")
    with pytest.raises(NotImplementedError, match="does not take int64.*max_pool2d"):
        compare(info, pf.int64, 18, None)
