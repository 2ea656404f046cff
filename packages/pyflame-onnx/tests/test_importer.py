import io

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyflame as pf


def test_constant_nodes_are_weights(parse):
    model = pf.onnx.import_onnx(
        parse("g (float[N, 2] x) => (float[N, 2] y) { w = Constant<value = float[2] {2, 3}>() y = Mul(x, w) }")
    )
    assert model.onnx_names == {"w": "w"}
    model(pf.ones(1, 2)).sum().backward()
    assert model.w.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("value_int = 3", [3.0]), ("value_ints = [1, 2]", [1.0, 2.0]), ("value_float = 0.5", [0.5])],
)
def test_constants_of_every_kind(parse, value, expected):
    text = f"g (float[N] x) => (float[M] y) {{ c = Constant<{value}>() f = Cast<to = 1>(c) y = Mul(x, f) }}"
    model = pf.onnx.import_onnx(parse(text))
    assert model(pf.ones(1)).tolist() == expected


def test_string_constants_are_refused_by_name(parse):
    text = 'g (float[N] x) => (float[N] y) { c = Constant<value_string = "a">() y = Identity(x) }'
    with pytest.raises(NotImplementedError, match="Constant 'c' is a string: PyFlame has no strings"):
        pf.onnx.import_onnx(parse(text))


def test_unknown_and_missing_attributes_are_named(parse):
    with pytest.raises(pf.onnx.InvalidOnnxModel, match=r"#0 \(Elu-6\): there is no attribute beta"):
        pf.onnx.import_onnx(parse("g (float[N] x) => (float[N] y) { y = Elu<beta = 1.0>(x) }"))
    with pytest.raises(pf.onnx.InvalidOnnxModel, match=r"#0 \(Concat-13\): lacks attribute axis"):
        pf.onnx.import_onnx(parse("g (float[N] x) => (float[N] y) { y = Concat(x, x) }"))


def test_model_local_functions_take_attributes(parse):
    scaled = helper.make_function(
        "own",
        "Scaled",
        ["x"],
        ["y"],
        [helper.make_node("Elu", ["x"], ["y"])],
        [helper.make_opsetid("", 17)],
        ["alpha"],
    )
    scaled.node[0].attribute.add(name="alpha", ref_attr_name="alpha", type=onnx.AttributeProto.FLOAT)
    nodes = [
        helper.make_node("Scaled", ["x"], ["a"], domain="own", alpha=2.0),
        helper.make_node("Scaled", ["x"], ["b"], domain="own", alpha=3.0),
        helper.make_node("Scaled", ["x"], ["c"], domain="own"),
    ]
    slot = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [slot("x", onnx.TensorProto.FLOAT, [1])],
        [slot(name, onnx.TensorProto.FLOAT, [1]) for name in "abc"],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    model = pf.onnx.import_onnx(helper.make_model(graph, functions=[scaled], opset_imports=opsets))
    results = [value.item() for value in model(pf.tensor([-1.0]))]
    np.testing.assert_allclose(results, np.array([2, 3, 1]) * np.expm1(-1), rtol=1e-6)


def test_branches_capture_what_is_around_them(parse):
    text = """g (float[N] x, bool c) => (float[N] y) <float[1] w = {2}> {
      d = Add(x, w)
      y = If(c) <
        then_branch = t () => (float[N] r) { r = Mul(d, w) },
        else_branch = e () => (float[N] s) { s = Sub(d, x) }
      >
    }"""
    model = pf.onnx.import_onnx(parse(text))
    x = pf.tensor([1.0, 2.0])
    assert model(x, pf.tensor(True)).tolist() == [6.0, 8.0]
    assert model(x, pf.tensor(False)).tolist() == [2.0, 2.0]
    model(x, pf.tensor(True)).sum().backward()
    assert model.w.grad.tolist() == [11.0]  # d/dw of (x + w) * w over both


def test_tracing_a_branch_on_values_is_refused(parse):
    text = """g (float[N] x, bool c) => (float[N] y) {
      y = If(c) <then_branch = t () => (float[N] r) { r = Abs(x) }, else_branch = e () => (float[N] s) { s = Neg(x) }>
    }"""
    model = pf.onnx.import_onnx(parse(text))
    with pytest.raises(pf.TraceError):
        pf.trace(model, (pf.ones(2), pf.tensor(True)))


def test_external_data_are_loaded(small_network, tmp_path):
    path = tmp_path / "model.onnx"
    expected = pf.onnx.import_onnx(small_network)(pf.ones(1, 3, 8, 8)).tolist()
    onnx.save_model(small_network, path, save_as_external_data=True, location="weights.data", size_threshold=0)
    assert (tmp_path / "weights.data").stat().st_size > 1000
    assert pf.onnx.import_onnx(path)(pf.ones(1, 3, 8, 8)).tolist() == expected


def test_inputs_with_initializers_are_weights(small_network):
    tensor = small_network.graph.initializer[0]
    small_network.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert pf.onnx.import_onnx(small_network).input_names == ["x"]


def test_negative_declared_sizes_are_open(small_network):
    small_network.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert pf.onnx.import_onnx(small_network)(pf.ones(2, 3, 8, 8)).shape == (2, 5)


@pytest.mark.parametrize("opset", [7, 10, 13, 17])
def test_the_opset_decides_what_an_operator_means(parse, opset):
    axes = "axes = [0]" if opset < 13 else None
    text = "g (float[1, N] x) => (float[N] y) { y = Squeeze<axes = [0]>(x) }"
    if axes is None:
        text = "g (float[1, N] x) => (float[N] y) <int64[1] a = {0}> { y = Squeeze(x, a) }"
    assert pf.onnx.import_onnx(parse(text, opset=opset))(pf.ones(1, 3)).shape == (3,)


def test_sparse_initializers_are_written_out(parse):
    model = parse("g (float[2, 2] x) => (float[2, 2] y) <float[2, 2] w = {0, 5, 0, 0}> { y = MatMul(x, w) }")
    dense = numpy_helper.to_array(model.graph.initializer[0])
    del model.graph.initializer[:]
    values = helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [5.0])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([1])), [2, 2])
    )
    imported = pf.onnx.import_onnx(model)
    np.testing.assert_array_equal(imported.w.detach().numpy(), dense)


def test_pictures_are_decoded_and_damaged_ones_refused(parse):
    image = pytest.importorskip("PIL.Image")
    model = pf.onnx.import_onnx(
        parse('g (uint8[N] x) => (uint8[H, W, C] y) { y = ImageDecoder<pixel_format = "BGR">(x) }', opset=20)
    )
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3)).astype(np.uint8)
    file = io.BytesIO()
    image.fromarray(pixels).save(file, "PNG")
    data = np.frombuffer(file.getvalue(), np.uint8)
    np.testing.assert_array_equal(model(pf.tensor(data)).numpy(), pixels[:, :, ::-1])
    with pytest.raises(ValueError, match="ImageDecoder"):
        model(pf.tensor(data[:40]))
    with pytest.raises(ValueError, match="ImageDecoder"):
        model(pf.tensor(data[10:]))
