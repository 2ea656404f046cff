"""Small models, from text or from nodes, and the same random numbers for every test."""

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import helper, numpy_helper

import pyflame as pf

NORM = ("scale", "shift", "running_mean", "running_var")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random numbers in every run: a bound holds always or never."""
    pf.manual_seed(0)


def _model(text, opset=17, ir_version=8, **imports):
    domains = "".join(f', "{domain}" : {version}' for domain, version in imports.items())
    return onnx.parser.parse_model(f'<ir_version: {ir_version}, opset_import: ["" : {opset}{domains}]>\n{text}')


@pytest.fixture
def parse():
    """Return a function that makes a model of the text of its graph."""
    return _model


@pytest.fixture
def small_network():
    """Return a convolutional network with random weights: input x (N, 3, 8, 8), output y (N, 5)."""
    rng = np.random.default_rng(0)

    def weight(name, *shape):
        return numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32) * 0.3, name)

    statistics = [
        numpy_helper.from_array(rng.standard_normal(4).astype(np.float32), "bn.running_mean"),
        numpy_helper.from_array(rng.random(4).astype(np.float32) + 0.5, "bn.running_var"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization", ["c", "bn.scale", "bn.shift", "bn.running_mean", "bn.running_var"], ["b"]
        ),
        helper.make_node("Relu", ["b"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Shape", ["p"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["p", "shape"], ["f"]),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], "fc", transB=1),
    ]
    constants = [
        numpy_helper.from_array(np.array(0), "zero"),
        numpy_helper.from_array(np.array([0]), "axis"),
        numpy_helper.from_array(np.array([-1]), "rest"),
    ]
    weights = [
        weight("conv.weight", 4, 3, 3, 3),
        weight("conv.bias", 4),
        weight("bn.scale", 4),
        weight("bn.shift", 4),
        weight("fc.weight", 5, 64),
        weight("fc.bias", 5),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 5])],
        [*weights, *statistics, *constants],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
