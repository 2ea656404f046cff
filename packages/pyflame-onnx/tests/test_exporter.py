"""Exporting: names, modes, options, dynamic axes, verification, custom operations."""

import numpy as np
import onnx
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.graph.trace import trace
from pyflame.onnx import (
    DynamicShapeError,
    ONNXExporter,
    TrainingMode,
    UnsupportedOnnxOp,
    VerificationError,
    explain,
    export_onnx,
    export_onnx_from_traced,
)
from pyflame.onnx.exports.table import EXPORTS


class Net(nn.Module):
    """Two layers that share nothing, and one weight used twice."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(8, 4)

    def forward(self, x, scale=None):
        y = self.head(self.body(x))
        return {"scores": y if scale is None else y * scale, "gram": y @ self.head.weight}


def shape_of(value):
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def names(values):
    return [one.name for one in values]


def test_weights_keep_their_names_and_are_stored_once():
    net = Net()
    model = export_onnx(net, pf.ones(2, 4))
    assert names(model.graph.output) == ["scores", "gram"]
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name in ("body.0.weight", "body.0.bias", "body.1.running_mean", "head.weight"):
        np.testing.assert_array_equal(stored[name], net.state_dict()[name].numpy())
    assert sum(name.endswith("head.weight") for name in stored) == 1


def test_nodes_are_named_after_their_modules_and_say_where_they_come_from():
    model = export_onnx(Net(), pf.ones(2, 4))
    by_kind = {node.op_type: node for node in model.graph.node}
    assert by_kind["BatchNormalization"].name == "/body/1/BatchNormalization"
    assert by_kind["Relu"].name == "/body/Relu"
    assert "test_exporter.py:" in by_kind["Gemm"].doc_string


def test_mode_of_every_part_is_restored():
    net = Net().train()
    net.head.eval()
    before = [part.training for part in net.modules()]
    export_onnx(net, pf.ones(2, 4))
    assert [part.training for part in net.modules()] == before
    with pytest.raises(RuntimeError):
        export_onnx(net, pf.ones(2, 5))
    assert [part.training for part in net.modules()] == before


def test_training_mode_keeps_dropout_and_batch_statistics():
    net = Net()
    options = {"training": TrainingMode.TRAINING}
    kinds = [node.op_type for node in export_onnx(net, pf.randn(5, 4), **options).graph.node]
    assert "RandomUniform" in kinds and "BatchNormalization" not in kinds
    net.eval()
    assert export_onnx(net, pf.randn(5, 4), training=TrainingMode.PRESERVE).graph.node[0].op_type == "Gemm"


def test_names_of_inputs_and_outputs():
    model = export_onnx(Net(), (pf.ones(2, 4), {"scale": pf.ones(1)}), input_names=["data"], output_names=["a", "b"])
    assert names(model.graph.input) == ["data", "scale"] and names(model.graph.output) == ["a", "b"]
    with pytest.raises(ValueError, match="input_names has 3 names, the model has 1: x"):
        export_onnx(Net(), pf.ones(2, 4), input_names=["a", "b", "c"])
    with pytest.raises(ValueError, match="each name can be given once"):
        export_onnx(Net(), pf.ones(2, 4), output_names=["a", "a"])


def test_results_that_are_inputs_weights_or_equal_are_copied():
    weight = pf.Parameter(pf.ones(3))

    class Same(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = weight

        def forward(self, x):
            y = x + 1
            return x, self.weight, y, y

    model = export_onnx(Same(), pf.ones(3))
    assert names(model.graph.output) == [f"output_{k}" for k in range(4)]
    assert len(ONNXExporter().export(Same(), pf.ones(3)).graph.node) == 4


def test_weights_can_be_inputs():
    model = export_onnx(nn.Linear(3, 2), pf.ones(1, 3), export_params=False)
    assert names(model.graph.input) == ["input", "weight", "bias"] and not model.graph.initializer
    model = export_onnx(nn.Linear(3, 2), pf.ones(1, 3), keep_initializers_as_inputs=True)
    assert names(model.graph.input) == ["input", "weight", "bias"] and len(model.graph.initializer) == 2


def test_constants_are_folded_on_demand():
    def scaled(x):
        return x * (pf.arange(3).to(pf.float32) + 1)

    folded = export_onnx(scaled, pf.ones(2, 3))
    plain = export_onnx(scaled, pf.ones(2, 3), do_constant_folding=False)
    assert [node.op_type for node in folded.graph.node] == ["Mul"]
    assert [node.op_type for node in plain.graph.node] == ["Cast", "Add", "Mul"]


def test_opset_and_notes_are_in_the_model():
    model = export_onnx(nn.ReLU(), pf.ones(3), opset_version=15, metadata={"labels": "cat,dog"})
    assert model.opset_import[0].version == 15 and model.producer_name == "pyflame"
    assert {one.key: one.value for one in model.metadata_props} == {"labels": "cat,dog"}
    with pytest.raises(ValueError, match="opset_version is 12: exports are for 13 to"):
        export_onnx(nn.ReLU(), pf.ones(3), opset_version=12)


def test_everything_unsupported_is_listed_with_lines():
    def wrong(x):
        return pf.lgamma(x) + pf.digamma(x) + pf.lgamma(x + 1)

    with pytest.raises(UnsupportedOnnxOp, match="3 of 7 nodes cannot be converted") as caught:
        export_onnx(wrong, pf.ones(3))
    assert {one.op: one.count for one in caught.value.report.findings} == {"lgamma": 2, "digamma": 1}
    assert "test_exporter.py:" in str(caught.value)
    assert not explain(wrong, pf.ones(3)) and explain(pf.exp, pf.ones(3))


def test_dynamic_axes_are_named_and_tried_at_other_sizes():
    axes = {"x": {0: "batch", -1: "width"}, "output": {0: "rows"}}
    exporter = ONNXExporter(dynamic_axes=axes)
    model = exporter.export(lambda x: pf.cat([x.reshape(x.shape[0], -1), x[:, 0, 1:]], 1), pf.randn(2, 3, 4))
    assert shape_of(model.graph.input[0]) == ["batch", 3, "width"]
    assert shape_of(model.graph.output[0])[0] == "rows"
    assert [one.case for one in exporter.comparisons] == [
        "the example", "batch = 1, width = 1", "batch = 3, width = 3",
    ]  # fmt: skip
    listed = export_onnx(pf.exp, pf.ones(2, 3), dynamic_axes={"x": [0]})
    assert shape_of(listed.graph.input[0]) == ["x_axis_0", 3] == shape_of(listed.graph.output[0])


def test_dynamic_shapes_as_torch_export_has_them():
    class Dim:
        def __init__(self, name):
            self.__name__ = name

    model = export_onnx(lambda x, y: x + y, (pf.ones(2, 3), pf.ones(3)), dynamic_shapes=({0: Dim("b")}, None))
    assert shape_of(model.graph.input[0]) == ["b", 3] and shape_of(model.graph.input[1]) == [3]
    both = export_onnx(lambda x, y: x @ y, (pf.ones(2, 3), pf.ones(3, 2)), dynamic=True)
    assert [shape_of(one) for one in both.graph.input] == [["batch", 3], [3, 2]]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.reshape(-1, 2) * x.shape[0],
        lambda x: x / x.shape[1] ** 0.5,
        lambda x: x.mean(1, keepdim=True) + pf.arange(x.shape[1]),
        lambda x: x[:, : x.shape[1] // 2],
        lambda x: x[:, -1:] + x[:, :-1].sum(1, keepdim=True),
        lambda x: pf.zeros(x.shape[0], 3) + x.sum(),
        lambda x: x.unsqueeze(1).expand(x.shape[0], 3, x.shape[1]),
        lambda x: pf.tril(x @ x.transpose(0, 1)),
        lambda x: x.flatten(),
        lambda x: x.std(1),
        lambda x: nn.functional.pad(x, (1, 2)),
        lambda x: x.transpose(0, 1).reshape(x.shape[1] // 2, 2, x.shape[0]),
        lambda x: pf.ones(x.shape[1], x.shape[1]).triu(1) + x[0],
        lambda x: x.repeat(2, 3),
        lambda x: pf.topk(x, 2, 1)[0],
        lambda x: x.cumsum(1),
        lambda x: pf.sort(x, 1)[1],
    ],
)
def test_sizes_are_computed_while_the_model_runs(function):
    exporter = ONNXExporter(dynamic_axes={"x": {0: "rows", 1: "columns"}}, runtime="onnxruntime")
    exporter.export(function, pf.randn(4, 6))
    model = exporter.export(function, pf.randn(4, 6))
    assert len(exporter.comparisons) >= 1
    run = session(model)
    for shape in ((4, 6), (8, 2), (2, 10)):
        x = pf.randn(*shape)
        np.testing.assert_allclose(run(x), function(x).numpy(), rtol=1e-4, atol=1e-5)


def session(model):
    import onnxruntime

    made = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda *args: made.run(None, {one.name: a.numpy() for one, a in zip(made.get_inputs(), args)})[0]


def test_empty_batches_run():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5), nn.LayerNorm(5))
    run = session(export_onnx(net, pf.randn(2, 3, 8, 8), dynamic=True))
    assert run(pf.zeros(0, 3, 8, 8)).shape == (0, 5)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: x * 2 if x.shape[0] > 6 else x + 1, r"node .* at .*test_exporter.py:\d+: at other sizes"),
        (lambda x: x + pf.tensor(np.sin(np.arange(x.shape[0]))).to(pf.float32), "an array depends on a dynamic axis"),
        (lambda x: x * (3.7 + x.shape[0] ** 3), "a number that is .* depends on a dynamic axis"),
        (lambda x: x.reshape(4), "cannot be dynamic: at other sizes than 4 the model stops with"),
    ],
)
def test_what_cannot_be_dynamic_is_refused_with_its_line(function, text):
    with pytest.raises(DynamicShapeError, match=text):
        export_onnx(function, pf.randn(4), dynamic_axes={"x": {0: "n"}})


def test_wrong_axes_are_refused():
    def add(x, y):
        return x + y

    args = (pf.ones(2, 3), pf.ones(3))
    with pytest.raises(ValueError, match="'z', which is neither input nor output: there are x, y, output"):
        export_onnx(add, args, dynamic_axes={"z": {0: "n"}})
    with pytest.raises(ValueError, match="y has 1 axes, there is no axis 2"):
        export_onnx(add, args, dynamic_axes={"y": {2: "n"}})
    with pytest.raises(ValueError, match="equal names are equal sizes"):
        export_onnx(add, args, dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})


def test_a_wrong_map_is_found_and_the_node_named(monkeypatch):
    monkeypatch.setitem(EXPORTS, "tanh", lambda c, x: c.e.op("Sigmoid", x))
    for runtime in ("onnxruntime", "reference"):
        with pytest.raises(VerificationError, match=r"they part at node 'tanh_0' \(tanh\) at .*test_exporter.py:\d+"):
            export_onnx(lambda x: pf.exp(pf.tanh(x) * 2), pf.ones(3), runtime=runtime)
    assert export_onnx(lambda x: pf.exp(pf.tanh(x) * 2), pf.ones(3), verify=False).graph.node


def test_traced_functions_and_graphs():
    net = nn.Linear(3, 2)
    traced = trace(net, pf.ones(1, 3))
    net.weight.data = pf.zeros(2, 3)
    model = export_onnx_from_traced(traced)
    stored = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    assert not stored["weight"].any()  # the module's weights of now
    graph = pf.Graph.from_bytes(traced.graph.to_bytes())
    assert export_onnx_from_traced(graph).graph.node[0].op_type == "Gemm"
    with pytest.raises(ValueError, match="a traced graph has fixed sizes"):
        export_onnx_from_traced(traced, dynamic=True)


def test_fused_graphs_are_written_out():
    graph = pf.optimize.fuse_operations(trace(lambda x: pf.relu(x * 2 + 1), pf.ones(3)).graph)
    assert any(node.op_type == "fused" for node in graph)
    assert [node.op_type for node in export_onnx_from_traced(graph).graph.node] == ["Mul", "Add", "Relu"]


@pytest.fixture
def spin():
    yield lambda **parts: pf.extend.register_custom_op("spin", lambda x: x * 2 + 1, **parts)
    pf.extend.unregister_custom_op("spin")


def test_custom_operations_are_written_by_what_they_record(spin):
    model = export_onnx(spin(), pf.ones(3))
    assert [node.op_type for node in model.graph.node] == ["Mul", "Add"]


def test_custom_operations_bring_their_own_converter(spin):
    def write(context, x):
        return context.e.ops("Spin", x, outputs=1, domain="acme", version=2)[0]

    op = spin(onnx={"export": write})
    with pytest.warns(UserWarning, match="operators of acme, which no runtime here knows: it is not verified"):
        model = export_onnx(lambda x: op(x) + 1, pf.ones(3))
    assert [(node.domain, node.op_type) for node in model.graph.node] == [("acme", "Spin"), ("", "Add")]
    assert {one.domain: one.version for one in model.opset_import} == {"": 17, "acme": 2}


def test_verbose_prints_what_was_written(capsys, tmp_path):
    export_onnx(nn.Linear(3, 2), pf.ones(1, 3), tmp_path / "net.onnx", verbose=True, dynamic=True)
    text = capsys.readouterr().out
    assert "net.onnx: opset 17" in text and "input input: (batch, 3)" in text and "relative" in text


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_agree(seed):
    from pyflame.testing import random_graph

    exporter = ONNXExporter(opset_version=[13, 17, 21][seed % 3], runtime="reference")
    exporter.export_traced(random_graph(seed))
    assert exporter.comparisons
