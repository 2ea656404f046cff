import numpy as np
import pytest

import pyflame as pf


def twin_of(model):
    scope = {}
    exec(compile(model.to_python(), "written", "exec"), scope)
    twin = scope["Model"]()
    twin.load_state_dict(model.state_dict())
    return twin


def test_source_computes_the_same(small_network):
    model = pf.onnx.import_onnx(small_network)
    x = pf.rand(2, 3, 8, 8)
    np.testing.assert_array_equal(twin_of(model)(x).detach().numpy(), model(x).detach().numpy())


def test_source_is_readable(small_network):
    lines = pf.onnx.import_onnx(small_network).to_python().splitlines()
    assert 'conv = operator("Conv", 11)' in lines
    assert "        self.conv_weight = nn.Parameter(pf.zeros((4, 3, 3, 3), dtype=pf.float32))" in lines
    assert "        c = conv(x, self.conv_weight, self.conv_bias, pads=[1, 1, 1, 1])" in lines
    assert "        return release(y)" in lines


def test_written_models_learn(small_network):
    model, x = pf.onnx.import_onnx(small_network), pf.rand(2, 3, 8, 8)
    twin = twin_of(model)
    twin(x).sum().backward()
    model(x).sum().backward()
    np.testing.assert_allclose(twin.conv_weight.grad.numpy(), model.conv_weight.grad.numpy(), rtol=1e-5)


def test_loops_become_functions(parse):
    model = pf.onnx.import_onnx(
        parse("""g (float[N] x, int64 n, bool go) => (float[N] y) {
          y = Loop(n, go, x) <body = b (int64 i, bool c, float[N] a) => (bool c2, float[N] z) {
            c2 = Identity(c) z = Mul(a, x)
          }>
        }""")
    )
    inputs = pf.tensor([1.0, 2.0]), pf.tensor(3), pf.tensor(True)
    assert model(*inputs).tolist() == [1.0, 16.0]
    assert twin_of(model)(*inputs).tolist() == [1.0, 16.0]


def test_what_has_no_source_is_named(parse):
    text = "g (float[1, 1, 4, 8] q) => (float[1, 1, 4, 8] y) { y = Attention(q, q, q) }"
    model = pf.onnx.import_onnx(parse(text, opset=23))
    with pytest.raises(NotImplementedError, match="Attention at #0 depends on types: it has no source"):
        model.to_python()
