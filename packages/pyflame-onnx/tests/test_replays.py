"""Runs that are replayed give what runs of the steps give; where that cannot be, the steps run."""

import copy
import threading

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.onnx import plans

SCALED = (
    "g (float[N] x) => (float[N] y) <float[1] weight = {2}, float shift = {1}> { m = Mul(x, weight) y = Add(m, shift) }"
)


def test_the_third_run_and_later_ones_are_replayed(small_network):
    model = pf.onnx.import_onnx(small_network)
    fresh = pf.onnx.import_onnx(small_network)
    for count, batch in enumerate((2, 2, 2, 3, 2)):
        x = pf.rand(batch, 3, 8, 8)
        with pf.no_grad():
            found = model(x).numpy()
            fresh._plans.forget()
            np.testing.assert_array_equal(found, fresh(x).numpy())
        assert model.replays == max(0, count - 1 - (count > 2))
    assert model.fallback_reasons == ()


def test_weights_are_those_of_the_moment(parse):
    model = pf.onnx.import_onnx(parse(SCALED))
    x = pf.ones(1)
    with pf.no_grad():
        for _ in range(3):
            assert model(x).tolist() == [3.0]
        model.weight.mul_(2)
        assert model(x).tolist() == [5.0]
        model.load_state_dict({"weight": pf.tensor([5.0])}, strict=False)
        assert model(x).tolist() == [6.0]
        model.weight = nn.Parameter(pf.zeros(1))
        assert model(x).tolist() == [1.0]
        assert model.replays == 4
        model.load_state_dict({"shift": pf.tensor(10.0)}, strict=False)  # a constant, which plans have worked with
        assert [model(x).tolist() for _ in range(4)] == [[10.0]] * 4


def test_gradients_flow_and_training_is_followed(parse):
    model = pf.onnx.import_onnx(parse(SCALED))
    optimizer, x = pf.optim.SGD(model.parameters(), lr=0.5), pf.tensor([3.0], requires_grad=True)
    for step in range(5):
        optimizer.zero_grad()
        y = model(x)
        assert y.tolist() == [3.0 * (2.0 - 1.5 * step) + 1.0]
        y.sum().backward()
        assert model.weight.grad.tolist() == [3.0]
        optimizer.step()
    assert model.replays == 3 and x.grad.tolist() == [2.0 * 5 - 1.5 * 10]
    with pf.no_grad():
        assert not model(x).requires_grad and not model(x).requires_grad
    model.requires_grad_(False)
    assert model(x.detach()).requires_grad is False and model(x).requires_grad is True


def test_weights_in_a_parametrization_are_computed(parse):
    class Doubled(nn.Module):
        def forward(self, x):
            return 2 * x

    model = pf.onnx.import_onnx(parse(SCALED))
    for _ in range(3):
        model(pf.ones(1))
    nn.utils.parametrize.register_parametrization(model, "weight", Doubled())
    assert [model(pf.ones(1)).tolist() for _ in range(3)] == [[5.0]] * 3


def test_hooks_and_copies(parse):
    model, seen = pf.onnx.import_onnx(parse(SCALED)), []
    for _ in range(3):
        model(pf.ones(1))
    twin = copy.deepcopy(model)
    with pf.no_grad():
        twin.weight.fill_(7.0)
    assert [twin(pf.ones(1)).tolist() for _ in range(3)] == [[8.0]] * 3 and model(pf.ones(1)).tolist() == [3.0]
    model.register_forward_hook(lambda module, args, result: seen.append(result.tolist()))
    model(pf.ones(1))
    assert seen == [[3.0]]
    handle = model.weight.register_hook(lambda gradient: gradient * 10)
    model(pf.ones(1)).sum().backward()
    assert model.weight.grad.tolist() == [10.0]
    handle.remove()


def test_draws_move_on(parse):
    model = pf.onnx.import_onnx(
        parse("g (float[N] x) => (float[N] y) { r = RandomUniform<shape = [4]>() y = Add(x, r) }")
    )
    pf.manual_seed(1)
    found = [model(pf.zeros(4)).tolist() for _ in range(5)]
    assert len({tuple(row) for row in found}) == 5
    pf.manual_seed(1)
    assert [model(pf.zeros(4)).tolist() for _ in range(5)] == found


BRANCH = """g (float[N] x) => (float[N] y) { s = ReduceSum<keepdims = 0>(x) z = Constant<value_float = 0.0>()
    c = Greater(s, z) y = If(c) <then_branch = t () => (float[N] a) { a = Relu(x) },
                                 else_branch = e () => (float[N] b) { b = Neg(x) }> }"""


def test_branches_on_elements_run_their_steps_and_say_so(parse):
    model = pf.onnx.import_onnx(parse(BRANCH))
    for sign in (1.0, -1.0, -1.0, 1.0):
        assert model(pf.ones(2) * sign).tolist() == [1.0, 1.0]
    assert model.replays == 0
    assert model.fallback_reasons == ("a shape or a branch depends on the elements of an input",)


def test_results_that_are_views_of_inputs_run_their_steps_and_say_so(parse):
    model = pf.onnx.import_onnx(parse("g (float[N] x) => (float[1, N] y) <int64[2] s = {1, -1}> { y = Reshape(x, s) }"))
    for _ in range(4):
        x = pf.ones(3)
        y = model(x)
        x.add_(1.0)
        assert y.tolist() == [[2.0] * 3]
    assert model.replays == 0 and "view" in model.fallback_reasons[0]


def test_several_results_constants_and_optional_inputs(parse):
    model = pf.onnx.import_onnx(
        parse(
            "g (float[N] x) => (float[N] y, int64[2] z, float[N] w, float[N] v) <int64[2] z = {4, 5}>"
            " { y = Clip(x) v = Relu(x) w = Identity(x) }"
        )
    )
    x = pf.tensor([-1.0, 1.0])
    for _ in range(4):
        y, z, w, v = model(x)
        assert (y.tolist(), z.tolist(), w.tolist(), v.tolist()) == ([-1.0, 1.0], [4, 5], [-1.0, 1.0], [0.0, 1.0])


def test_modes_are_told_apart(small_network):
    model = pf.onnx.import_onnx(small_network)
    x = pf.rand(2, 3, 8, 8)
    for _ in range(3):
        model(x)
    expected = model(x).detach().numpy()
    with pf.eager():  # where no step is joined with the one before
        np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-6)
    with pf.inference_mode():
        assert model(x).is_inference()
    with pf.graph_scope() as scope:
        model(x)
    assert scope.num_ops > 3
    traced = pf.trace(model, (x,))
    np.testing.assert_allclose(traced(x).detach().numpy(), expected, rtol=1e-6)
    with pf.autocast(dtype=pf.bfloat16):
        assert [model(x).dtype for _ in range(3)] == [pf.onnx.import_onnx(small_network)(x).dtype] * 3
    np.testing.assert_array_equal(model(x).detach().numpy(), expected)


def test_a_compiled_function_records_the_model(parse):
    model = pf.onnx.import_onnx(parse(SCALED))
    compiled = pf.compile(lambda x: model(x) * 2)
    assert [compiled(pf.ones(1)).tolist() for _ in range(4)] == [[6.0]] * 4


@pytest.mark.parametrize("shared", [True, False])
def test_threads_run_one_model_at_once(small_network, shared):
    model = pf.onnx.import_onnx(small_network)
    inputs = [pf.eval(pf.rand(2 if shared else 1 + k, 3, 8, 8)) for k in range(4)]
    with pf.no_grad():
        expected = [pf.onnx.import_onnx(small_network)(x).numpy() for x in inputs]
    failures = []

    def work(k):
        with pf.no_grad():
            for _ in range(50):
                if not np.array_equal(model(inputs[k]).numpy(), expected[k]):
                    failures.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and model.replays > 100


def test_kept_recordings_are_bounded(parse, monkeypatch):
    monkeypatch.setattr(plans, "KEPT_PLANS", 3)
    model = pf.onnx.import_onnx(parse(SCALED))
    for size in (*range(1, 8), *[7] * 3):
        assert model(pf.ones(size)).tolist() == [3.0] * size
    assert model.replays == 2 and len(model._plans.recordings()) == 3
