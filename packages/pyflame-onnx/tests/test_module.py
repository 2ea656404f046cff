import copy

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import pyflame as pf
from pyflame import optim
from pyflame.nn import functional as F


def reference(model, *arrays):
    names = [value.name for value in model.graph.input]
    return ReferenceEvaluator(model).run(None, dict(zip(names, arrays)))


@pytest.mark.parametrize("batch", [1, 3, 0])
def test_small_network_agrees_with_the_reference(small_network, batch):
    x = np.random.default_rng(1).standard_normal((batch, 3, 8, 8)).astype(np.float32)
    model = pf.onnx.import_onnx(small_network)
    y = model(pf.tensor(x))
    assert y.shape == (batch, 5)
    if batch:
        np.testing.assert_allclose(y.detach().numpy(), reference(small_network, x)[0], rtol=1e-5, atol=1e-5)


def test_names_are_sanitised_and_the_map_leads_back(small_network):
    model = pf.onnx.import_onnx(small_network)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in small_network.graph.initializer}
    state = model.state_dict()
    assert sorted(model.onnx_names.values()) == sorted(stored)
    assert model.onnx_names["conv_weight"] == "conv.weight"
    for key, name in model.onnx_names.items():
        np.testing.assert_array_equal(state[key].numpy(), stored[name])


def test_statistics_and_integers_are_buffers(small_network):
    model = pf.onnx.import_onnx(small_network)
    buffers = {name for name, _ in model.named_buffers()}
    assert buffers == {"bn_running_mean", "bn_running_var", "zero", "axis", "rest"}
    assert {name for name, _ in model.named_parameters()} == set(model.onnx_names) - buffers


def test_an_imported_model_learns(small_network):
    model = pf.onnx.import_onnx(small_network)
    rng = np.random.default_rng(2)
    x, labels = pf.tensor(rng.standard_normal((8, 3, 8, 8)).astype(np.float32)), pf.tensor(rng.integers(0, 5, 8))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_weights_load_by_either_name(small_network):
    model, other = pf.onnx.import_onnx(small_network), pf.onnx.import_onnx(small_network)
    x = pf.ones(2, 3, 8, 8)
    for parameter in model.parameters():
        parameter.data = parameter.data + 1
    expected = model(x).detach().numpy()
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(other(x).detach().numpy(), expected)
    third = pf.onnx.import_onnx(small_network)
    third.load_state_dict({model.onnx_names[key]: value for key, value in model.state_dict().items()})
    np.testing.assert_array_equal(third(x).detach().numpy(), expected)


def test_changed_constants_are_used(parse):
    model = pf.onnx.import_onnx(parse("g (float[N] x) => (float[M] y) <int64[1] pick = {0}> { y = Gather(x, pick) }"))
    x = pf.tensor([1.0, 2.0, 3.0])
    assert model(x).tolist() == [1.0]
    model.load_state_dict({"pick": pf.tensor([2])})
    assert model(x).tolist() == [3.0]
    model.pick.copy_(pf.tensor([1]))
    assert model(x).tolist() == [2.0]


def test_arguments_are_bound_like_those_of_a_function(parse):
    model = pf.onnx.import_onnx(parse("g (float[N] a, float[N] b) => (float[N] y) { y = Sub(a, b) }"))
    a, b = pf.tensor([3.0]), pf.tensor([1.0])
    assert model(a, b).tolist() == model(b=b, a=a).tolist() == model(a, b=b).tolist() == [2.0]
    with pytest.raises(TypeError, match="input 'b' is missing"):
        model(a)
    with pytest.raises(TypeError, match="no further input 'a'"):
        model(a, a=a)
    with pytest.raises(TypeError, match="takes 2 inputs, 3 were given"):
        model(a, b, a)


def test_inputs_are_compared_with_what_the_model_declares(small_network):
    model = pf.onnx.import_onnx(small_network)
    with pytest.raises(ValueError, match=r"input 'x' has shape \[1, 3, 9, 8\], the model takes \[N, 3, 8, 8\]"):
        model(pf.ones(1, 3, 9, 8))
    with pytest.raises(TypeError, match="input 'x' has dtype INT64, the model takes float32"):
        model(pf.ones(1, 3, 8, 8, dtype=pf.int64))
    with pytest.raises(TypeError, match="a tensor is needed, not a float"):
        model(1.0)


def test_a_traced_model_is_an_ordinary_graph(small_network):
    model = pf.onnx.import_onnx(small_network)
    x = pf.rand(2, 3, 8, 8)
    expected = model(x).detach().numpy()
    traced = pf.trace(model, (x,))
    np.testing.assert_allclose(traced(x).detach().numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-6)
    assert model.graph.inputs[0].output_spec.shape == (1, 3, 8, 8)
    assert model.graph_for({"N": 4}).inputs[0].output_spec.shape == (4, 3, 8, 8)


def test_tracing_first_leaves_the_model_usable(small_network):
    model = pf.onnx.import_onnx(small_network)
    x = pf.rand(2, 3, 8, 8)
    traced = pf.trace(model, (x,))
    np.testing.assert_allclose(model(x).detach().numpy(), traced(x).detach().numpy(), rtol=1e-6)


def test_copies_are_independent(small_network):
    model = pf.onnx.import_onnx(small_network)
    x = pf.ones(1, 3, 8, 8)
    before = model(x).detach().numpy()
    twin = copy.deepcopy(model)
    with pf.no_grad():
        twin.fc_bias.add_(1.0)
    np.testing.assert_allclose(twin(x).detach().numpy(), before + 1, rtol=1e-5)
    np.testing.assert_array_equal(model(x).detach().numpy(), before)


def test_models_whose_operators_are_defined_by_others_are_copied_too(parse):
    text = "g (float[1, 1, 4, 8] q) => (float[1, 1, 4, 8] y) { y = Attention(q, q, q) }"
    model = pf.onnx.import_onnx(parse(text, opset=23))
    q = pf.rand(1, 1, 4, 8)
    expected = F.scaled_dot_product_attention(q, q, q).numpy()
    np.testing.assert_allclose(copy.deepcopy(model)(q).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(model(q).numpy(), expected, rtol=1e-5)


def test_shared_weights_stay_shared(parse):
    model = pf.onnx.import_onnx(
        parse("g (float[N, 2] x) => (float[N, 2] y) <float[2] w = {2, 3}> { a = Mul(x, w) y = Add(a, w) }")
    )
    model(pf.ones(1, 2)).sum().backward()
    assert len(list(model.parameters())) == 1
    assert model.w.grad.tolist() == [2.0, 2.0]


def test_what_the_file_tells_is_kept(small_network):
    small_network.producer_name = "somebody"
    small_network.doc_string = "a small one"
    helper.set_model_props(small_network, {"licence": "CC0"})
    info = pf.onnx.import_onnx(small_network).info()
    assert info["metadata"] == {"producer_name": "somebody", "doc_string": "a small one", "licence": "CC0"}
    assert info["inputs"] == [{"name": "x", "dtype": "FLOAT", "shape": ["N", 3, 8, 8]}]
    assert info["parameters"] == 4 * 27 + 4 + 8 + 5 * 64 + 5


def test_sixteen_bit_unsigned_integers_travel_in_int32():
    node = helper.make_node("Add", ["a", "b"], ["y"])
    slots = [helper.make_tensor_value_info(name, onnx.TensorProto.UINT16, [2]) for name in "aby"]
    proto = helper.make_model(
        helper.make_graph([node], "g", slots[:2], slots[2:]), opset_imports=[helper.make_opsetid("", 17)]
    )
    model = pf.onnx.import_onnx(proto)
    a, b = pf.tensor([65535, 7], dtype=pf.int32), pf.tensor([2, 1], dtype=pf.int32)
    assert model(a, b).dtype == pf.int32
    assert model(a, b).tolist() == [1, 8]
    assert model(np.array([65535, 7], np.uint16), b).tolist() == [1, 8]
