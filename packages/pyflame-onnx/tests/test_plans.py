import copy

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import pyflame as pf
from pyflame.onnx import plans


def steps_left(model):
    return [None if plan is None else [step.op for step, *_ in plan.steps] for plan in model._plans.kept.values()]


def test_shapes_are_worked_out_once_per_kind_of_input(small_network):
    model = pf.onnx.import_onnx(small_network)
    for batch in (2, 2, 3, 2):
        model(pf.ones(batch, 3, 8, 8))
    rest = ["Conv", "BatchNormalization", "Relu", "MaxPool", "Reshape", "Gemm"]
    assert steps_left(model) == [rest, rest]


def test_constants_are_folded_before_the_first_run(parse):
    model = pf.onnx.import_onnx(
        parse("g (float[2] x) => (float[2] y) <int8[2] w = {2, 3}> { f = Cast<to = 1>(w) g = Mul(f, f) y = Mul(x, g) }")
    )
    assert model(pf.ones(2)).tolist() == [4.0, 9.0]
    assert steps_left(model) == [["Mul"]]


def test_shapes_that_depend_on_elements_are_worked_out_each_time(parse):
    model = pf.onnx.import_onnx(parse("g (float[N] x) => (int64[M] y) { i = NonZero(x) y = Shape(i) }"))
    assert model(pf.tensor([1.0, 0.0, 2.0])).tolist() == [1, 2]
    assert model(pf.tensor([1.0, 0.0, 0.0])).tolist() == [1, 1]
    assert model(pf.tensor([1.0, 1.0, 1.0])).tolist() == [1, 3]
    assert steps_left(model) == [None]


def test_sequences_of_constants_and_types_without_a_dtype_are_computed_once(parse):
    model = pf.onnx.import_onnx(
        parse("""g (float[N] x) => (float[N] y, uint16[2] z) <int64[2] w = {2, 3}> {
            s = SequenceConstruct(w, w) i = Constant<value_int = 0>() e = SequenceAt(s, i) f = Cast<to = 1>(e)
            r = ReduceSum<keepdims = 0>(f) y = Add(x, r) q = Cast<to = 4>(w) z = Identity(q) }""")
    )
    for enabled in (True, False, False):
        with pf.set_grad_enabled(enabled):
            y, z = model(pf.ones(3))
            assert y.tolist() == [6.0] * 3 and z.tolist() == [2, 3]


def test_random_draws_are_not_folded(parse):
    model = pf.onnx.import_onnx(
        parse("g (float[N] x) => (float[N] y) { r = RandomUniform<shape = [4]>() y = Add(x, r) }")
    )
    x = pf.zeros(4)
    assert model(x).tolist() != model(x).tolist()


def test_kept_plans_are_bounded(parse, monkeypatch):
    monkeypatch.setattr(plans, "KEPT_PLANS", 3)
    model = pf.onnx.import_onnx(parse("g (float[N] x) => (float[N] y) { y = Relu(x) }"))
    for size in range(1, 8):
        model(pf.ones(size))
    assert len(steps_left(model)) == 3


def test_errors_tell_where(parse):
    model = pf.onnx.import_onnx(parse("g (float[N] x) => (float[M] y) <int64[1] s = {7}> { y = Reshape(x, s) }"))
    with pytest.raises(RuntimeError) as caught:
        model(pf.ones(3))
    assert "in node #0 (Reshape)" in caught.value.__notes__


def test_results_do_not_depend_on_the_plan(small_network):
    model = pf.onnx.import_onnx(small_network)
    x = pf.rand(2, 3, 8, 8)
    first, second = (model(x).detach().numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)


QUANTIZED = """g (float[N, 2] x) => (float[N, 2] y) <int8[2] w = {2, 3}, float[2] scale = {0.5, 0.25}>
    { f = Cast<to = 1>(w) g = Mul(f, scale) y = Mul(x, g) }"""


def test_what_follows_from_weights_is_computed_once_where_no_gradients_are_recorded(parse):
    model = pf.onnx.import_onnx(parse(QUANTIZED))
    x = pf.ones(1, 2)
    steps = []
    with pf.no_grad():
        model(x).numpy()
        with pf.hooks.register_op_hook(post=lambda event: steps.append(event.op)):
            assert model(x).tolist() == [[1.0, 0.75]]
    assert steps == ["mul"]


def test_what_follows_from_weights_follows_their_changes(parse):
    model = pf.onnx.import_onnx(parse(QUANTIZED))
    x = pf.ones(1, 2)
    with pf.no_grad():
        assert model(x).tolist() == [[1.0, 0.75]]
        model.scale.mul_(2)
        assert model(x).tolist() == [[2.0, 1.5]]
        model.load_state_dict({**model.state_dict(), "scale": pf.tensor([1.0, 1.0])})
        assert model(x).tolist() == [[2.0, 3.0]]
        model.scale = pf.nn.Parameter(pf.zeros(2))
        assert model(x).tolist() == [[0.0, 0.0]]


def test_what_follows_from_weights_can_be_made_in_inference_mode(parse):
    model = pf.onnx.import_onnx(parse(QUANTIZED)).requires_grad_(False)
    with pf.inference_mode():
        model(pf.ones(1, 2)).numpy()
    x = pf.ones(1, 2).requires_grad_(True)
    model(x).sum().backward()
    assert x.grad.tolist() == [[1.0, 0.75]]


def test_what_follows_from_weights_follows_an_optimizer(parse):
    model = pf.onnx.import_onnx(parse(QUANTIZED))
    optimizer, x = pf.optim.SGD(model.parameters(), lr=0.5), pf.ones(1, 2)
    with pf.no_grad():
        model(x).numpy()
    model(x).sum().backward()
    optimizer.step()
    with pf.no_grad():
        assert model(x).tolist() == [[-1.0, -3.75]]


def test_what_follows_from_weights_has_gradients(parse):
    model = pf.onnx.import_onnx(parse(QUANTIZED))
    x = pf.ones(1, 2)
    with pf.no_grad():
        model(x).numpy()
    model(x).sum().backward()
    assert model.scale.grad.tolist() == [2.0, 3.0]


def test_a_trace_keeps_the_weights_that_others_follow_from(parse):
    model = pf.onnx.import_onnx(parse(QUANTIZED))
    x = pf.ones(1, 2)
    with pf.no_grad():
        model(x).numpy()
        traced = pf.trace(model, (x,))
        model.scale.mul_(2)
        assert [node.name for node in traced.graph.parameters] == ["scale"]
        assert traced(x).tolist() == [[2.0, 1.5]]


def test_a_copy_of_a_model_has_weights_of_its_own(parse):
    model = pf.onnx.import_onnx(parse(QUANTIZED))
    x = pf.ones(1, 2)
    with pf.no_grad():
        model(x).numpy()
        twin = copy.deepcopy(model)
        twin.scale.mul_(2)
        assert twin(x).tolist() == [[2.0, 1.5]] and model(x).tolist() == [[1.0, 0.75]]


GELUS = {
    "halved last": "a = Div(x, root) e = Erf(a) t = Add(e, one) m = Mul(x, t) y = Mul(m, half)",
    "halved in between": "a = Mul(x, inverse) e = Erf(a) t = Add(one, e) m = Mul(t, half) y = Mul(m, x)",
    "halved first": "a = Div(x, root) h = Mul(half, x) e = Erf(a) t = Add(e, one) y = Mul(h, t)",
}
OTHERS = {
    "another scale": "a = Div(x, one) e = Erf(a) t = Add(e, one) m = Mul(x, t) y = Mul(m, half)",
    "another input": "z = Relu(x) a = Div(x, root) e = Erf(a) t = Add(e, one) m = Mul(z, t) y = Mul(m, half)",
    "a value used twice": "a = Div(x, root) e = Erf(a) t = Add(e, one) m = Mul(x, t) n = Mul(m, half) y = Add(n, e)",
    "a root divided": "a = Div(root, x) e = Erf(a) t = Add(e, one) m = Mul(x, t) y = Mul(m, half)",
}
NUMBERS = "float root = {1.41421356}, float inverse = {0.70710678}, float one = {1}, float half = {0.5}"


@pytest.mark.parametrize("nodes", [*GELUS.values(), *OTHERS.values()], ids=[*GELUS, *OTHERS])
def test_a_gelu_that_is_written_out_is_one_operation(parse, nodes):
    proto = parse(f"g (float[N] x) => (float[N] y) <{NUMBERS}> {{ {nodes} }}")
    model = pf.onnx.import_onnx(proto)
    x = np.linspace(-4, 4, 10, dtype=np.float32)
    expected = ReferenceEvaluator(proto).run(None, {"x": x})[0]
    for _ in range(2):
        np.testing.assert_allclose(model(pf.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert (steps_left(model) == [["Gelu"]]) == (nodes in GELUS.values())
