"""Layers export at several batch sizes, as the operators people expect, and equal PyFlame in onnxruntime."""

import onnx.defs
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.nn import functional as F
from pyflame.onnx import ONNXExporter

NEWEST = onnx.defs.onnx_opset_version()
IMAGE, ROWS, TOKENS = (2, 4, 8, 8), (2, 4, 9), (2, 5, 8)
# layer, shape of the argument, operators at opset 17 where they are the point
LAYERS = [
    (nn.Linear(9, 3), (2, 9), ["Gemm"]),
    (nn.Linear(9, 3), ROWS, ["Transpose", "MatMul", "Add"]),
    (nn.Linear(9, 3, bias=False), (2, 9), ["Transpose", "MatMul"]),
    (nn.Bilinear(4, 4, 3), None, None),
    (nn.Conv1d(4, 6, 3, padding=1), ROWS, ["Conv"]),
    (nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), IMAGE, ["Conv"]),
    (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), IMAGE, None),
    (nn.Conv3d(4, 2, 2), (2, 4, 3, 4, 5), None),
    (nn.ConvTranspose1d(4, 3, 3, stride=2), ROWS, ["ConvTranspose"]),
    (nn.ConvTranspose2d(4, 3, 3, stride=2, output_padding=1), IMAGE, ["ConvTranspose"]),
    (nn.MaxPool1d(2), ROWS, None),
    (nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGE, ["MaxPool"]),
    (nn.AvgPool2d(3, stride=2, padding=1), IMAGE, ["AveragePool"]),
    (nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGE, None),
    (nn.AvgPool2d(2, count_include_pad=False), IMAGE, ["AveragePool"]),
    (nn.AdaptiveAvgPool2d(1), IMAGE, ["GlobalAveragePool"]),
    (nn.AdaptiveAvgPool2d((2, 4)), IMAGE, ["AveragePool"]),
    (nn.AdaptiveAvgPool2d((3, 5)), IMAGE, None),
    (nn.AdaptiveMaxPool2d((3, 5)), IMAGE, None),
    (nn.LPPool2d(2, 2), IMAGE, None),
    (nn.BatchNorm1d(9), (2, 9), ["BatchNormalization"]),
    (nn.BatchNorm2d(4), IMAGE, ["BatchNormalization"]),
    (nn.BatchNorm2d(4, affine=False), IMAGE, ["BatchNormalization"]),
    (nn.InstanceNorm2d(4), IMAGE, ["InstanceNormalization"]),
    (nn.InstanceNorm2d(4, affine=True), IMAGE, ["InstanceNormalization"]),
    (nn.LayerNorm(9), ROWS, ["LayerNormalization"]),
    (nn.LayerNorm((4, 9)), ROWS, ["LayerNormalization"]),
    (nn.LayerNorm(9, elementwise_affine=False), ROWS, ["LayerNormalization"]),
    (nn.LayerNorm(9, bias=False), ROWS, ["LayerNormalization"]),
    (nn.GroupNorm(2, 4), IMAGE, None),
    (nn.RMSNorm(9), ROWS, None),
    (nn.LocalResponseNorm(3), IMAGE, None),
    (nn.ReLU(), ROWS, ["Relu"]),
    (nn.ReLU6(), ROWS, ["Clip"]),
    (nn.LeakyReLU(0.2), ROWS, ["LeakyRelu"]),
    (nn.PReLU(4), ROWS, None),
    (nn.ELU(0.7), ROWS, ["Elu"]),
    (nn.SELU(), ROWS, ["Selu"]),
    (nn.CELU(1.3), ROWS, ["Celu"]),
    (nn.GELU(), ROWS, None),
    (nn.GELU(approximate="tanh"), ROWS, None),
    (nn.SiLU(), ROWS, ["Sigmoid", "Mul"]),
    (nn.Mish(), ROWS, None),
    (nn.Hardswish(), ROWS, ["HardSwish"]),
    (nn.Hardsigmoid(), ROWS, ["HardSigmoid"]),
    (nn.Hardtanh(-0.5, 0.7), ROWS, ["Clip"]),
    (nn.Hardshrink(), ROWS, None),
    (nn.Softshrink(), ROWS, None),
    (nn.Tanhshrink(), ROWS, None),
    (nn.Threshold(0.1, 2.0), ROWS, None),
    (nn.Softplus(), ROWS, ["Softplus"]),
    (nn.Softsign(), ROWS, ["Softsign"]),
    (nn.LogSigmoid(), ROWS, None),
    (nn.Sigmoid(), ROWS, ["Sigmoid"]),
    (nn.Tanh(), ROWS, ["Tanh"]),
    (nn.GLU(1), ROWS, None),
    (nn.Softmax(-1), ROWS, ["Softmax"]),
    (nn.LogSoftmax(1), ROWS, ["LogSoftmax"]),
    (nn.Softmin(1), ROWS, None),
    (nn.Dropout(0.5), ROWS, None),
    (nn.Flatten(), IMAGE, ["Flatten"]),
    (nn.Unflatten(1, (2, 2)), IMAGE, ["Reshape"]),
    (nn.PixelShuffle(2), IMAGE, None),
    (nn.PixelUnshuffle(2), IMAGE, None),
    (nn.ZeroPad2d((1, 2, 0, 1)), IMAGE, ["Pad", "Pad"]),
    (nn.ReflectionPad2d(1), IMAGE, None),
    (nn.ReplicationPad2d(1), IMAGE, None),
    (nn.Upsample(scale_factor=2), IMAGE, None),
    (nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE, None),
    (nn.Upsample(size=(5, 7), mode="bicubic"), IMAGE, None),
    (nn.RNN(8, 6, batch_first=True), TOKENS, None),
    (nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True), TOKENS, None),
    (nn.GRU(8, 6, batch_first=True), TOKENS, None),
    (nn.LSTMCell(9, 5), (2, 9), None),
    (nn.GRUCell(9, 5), (2, 9), None),
    (nn.TransformerEncoderLayer(8, 2, batch_first=True), TOKENS, None),
    (nn.TransformerEncoderLayer(8, 2, batch_first=True, norm_first=True, activation="gelu"), TOKENS, None),
    (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, batch_first=True), 2), TOKENS, None),
]
LAYERS = [one for one in LAYERS if one[1] is not None]


def name(case):
    return str(case[0]).replace("\n", "")[:40]


def settle(module):
    """Statistics and weights that are not the neutral ones a layer begins with."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.dtype.is_floating_point:
            tensor.data = pf.rand(*tensor.shape) * 0.5 + 0.25


def kinds(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("case", LAYERS, ids=name)
def test_layer_agrees_at_three_batch_sizes(case):
    layer, shape, wanted = case
    settle(layer)
    exporter = ONNXExporter(input_names=["x"], dynamic_axes={"x": {0: "batch"}}, runtime="onnxruntime")
    model = exporter.export(layer, pf.randn(*shape))
    assert {one.case for one in exporter.comparisons} == {"the example", "batch = 1", "batch = 3"}
    assert wanted is None or kinds(model) == wanted


@pytest.mark.parametrize(
    ("layer", "shape", "opset", "wanted"),
    [
        (nn.GELU(), ROWS, 20, ["Gelu"]),
        (nn.GELU(approximate="tanh"), ROWS, 20, ["Gelu"]),
        (nn.GELU(), ROWS, 19, ["Div", "Erf", "Add", "Mul", "Mul"]),
        (nn.Mish(), ROWS, 18, ["Mish"]),
        (nn.SiLU(), ROWS, 24, ["Swish"]),
        (nn.GroupNorm(2, 4), IMAGE, 21, ["GroupNormalization"]),
        (nn.RMSNorm(9), ROWS, 23, ["RMSNormalization"]),
        (nn.LayerNorm(9), ROWS, 16, ["ReduceMean", "Sub", "Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul", "Add"]),
        (nn.Hardswish(), ROWS, 14, ["HardSwish"]),
    ],
)
def test_operators_are_used_from_the_opset_that_has_them(layer, shape, opset, wanted):
    settle(layer)
    assert kinds(ONNXExporter(opset_version=opset).export(layer, pf.randn(*shape))) == wanted


@pytest.mark.parametrize("opset", [13, 15, 18, 21, NEWEST])
def test_every_opset_gives_the_same_numbers(opset):
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Hardswish(), nn.MaxPool2d(2), nn.GroupNorm(2, 8),
        nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 5), nn.Softmax(-1),
    )  # fmt: skip
    settle(net)
    exporter = ONNXExporter(opset_version=opset, dynamic=True)
    exporter.export(net, pf.randn(2, 3, 8, 8))
    assert len(exporter.comparisons) == 3


def test_without_recomposition_the_numbers_are_the_same():
    net = nn.Sequential(nn.Linear(9, 4), nn.GELU(), nn.LayerNorm(4))
    settle(net)
    exporter = ONNXExporter(recompose=False)
    assert "LayerNormalization" not in kinds(exporter.export(net, pf.randn(2, 9)))
    assert exporter.comparisons


def test_attention_takes_any_length():
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    settle(layer)
    axes = {name: {0: "batch", 1: "length"} for name in ("query", "key", "value")}
    exporter = ONNXExporter(dynamic_axes=axes, runtime="onnxruntime")
    exporter.export(layer, tuple(pf.randn(*TOKENS) for _ in range(3)))
    assert {one.case for one in exporter.comparisons} == {
        "the example", "batch = 1, length = 1", "batch = 3, length = 3",
    }  # fmt: skip


def test_causal_attention_takes_any_length():
    exporter = ONNXExporter(dynamic_axes={"q": {0: "batch", 2: "length"}}, runtime="onnxruntime")
    exporter.export(lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True), pf.randn(2, 2, 5, 4))
    assert len(exporter.comparisons) == 3


def test_rows_of_a_table_are_one_gather():
    model = ONNXExporter(dynamic=True).export(nn.Embedding(10, 4), pf.tensor([[1, 2, 9], [3, 4, 0]]))
    assert kinds(model) == ["Gather"]
