"""Hooks on gradients, on all modules, and on state dicts."""

import warnings

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.nn.modules import module as everywhere


def test_backward_hooks_see_gradients_of_inputs_and_outputs():
    layer, seen = nn.Bilinear(2, 3, 4), []
    layer.register_full_backward_pre_hook(lambda module, out: seen.append(("pre", out)))
    layer.register_full_backward_hook(lambda module, into, out: seen.append(("post", into, out)))
    x, y = pf.randn(5, 2, requires_grad=True), pf.randn(5, 3, requires_grad=True)
    upstream = pf.randn(5, 4)
    (layer(x, y) * upstream).sum().backward()
    assert [entry[0] for entry in seen] == ["pre", "post"]
    np.testing.assert_array_equal(seen[0][1][0].numpy(), upstream.numpy())
    np.testing.assert_array_equal(seen[1][2][0].numpy(), upstream.numpy())
    np.testing.assert_array_equal(seen[1][1][0].numpy(), x.grad.numpy())
    np.testing.assert_array_equal(seen[1][1][1].numpy(), y.grad.numpy())


def test_backward_hooks_replace_gradients():
    layer = nn.Linear(2, 2, bias=False)
    nn.init.eye_(layer.weight)
    layer.register_full_backward_pre_hook(lambda module, out: (out[0] * 3,))
    layer.register_full_backward_hook(lambda module, into, out: into[0] * 5)
    x = pf.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [[15.0, 15.0]]
    assert layer.weight.grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_backward_hooks_know_what_is_no_tensor():
    class Pick(nn.Module):
        def forward(self, factor, x, ids):
            return x * factor, ids

    layer, seen = Pick(), []
    layer.register_full_backward_hook(lambda module, into, out: seen.append((into, out)))
    x = pf.ones(2, requires_grad=True)
    y, ids = layer(2.0, x, pf.arange(2))
    assert not ids.requires_grad
    y.sum().backward()
    ((into, out),) = seen
    assert into[0] is None and into[1].tolist() == [2.0, 2.0] and into[2] is None
    assert out[0].tolist() == [1.0, 1.0] and out[1] is None


def test_backward_hooks_prepend_and_remove():
    layer, order = nn.ReLU(), []
    first = layer.register_full_backward_hook(lambda *a: order.append("second"))
    layer.register_full_backward_hook(lambda *a: order.append("first"), prepend=True)
    x = pf.ones(2, requires_grad=True)
    layer(x).sum().backward()
    assert order == ["first", "second"]
    first.remove()
    layer(x).sum().backward()
    assert order == ["first", "second", "first"]


def test_backward_hook_without_inputs_that_require_grad():
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda module, into, out: seen.append((into, out[0].tolist())))
    with pytest.warns(UserWarning, match="no input requires grad"):
        layer(pf.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0]])]
    layer.register_full_backward_hook(lambda module, into, out: (pf.ones(1, 2),))
    with pytest.raises(RuntimeError, match="no input requires one"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer(pf.ones(1, 2)).sum().backward()


def test_backward_hook_of_the_wrong_length_is_refused():
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda module, into, out: (into[0], into[0]))
    with pytest.raises(RuntimeError, match="2 grad_input: expected 1"):
        layer(pf.ones(2, requires_grad=True)).sum().backward()


def test_gradients_through_hooks_can_be_differentiated_again():
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda module, into, out: (into[0] * into[0],))
    x = pf.tensor([0.3], dtype=pf.float64, requires_grad=True)
    (slope,) = pf.autograd.grad(layer(x).sum(), [x], create_graph=True)
    (curvature,) = pf.autograd.grad(slope.sum(), [x])
    t = np.tanh(0.3)
    np.testing.assert_allclose(slope.item(), (1 - t * t) ** 2)
    np.testing.assert_allclose(curvature.item(), 2 * (1 - t * t) * -2 * t * (1 - t * t))


def test_always_called_hooks_keep_the_first_error():
    class Fails(nn.Module):
        def forward(self, x):
            raise KeyError("first")

    layer, calls = Fails(), []
    layer.register_forward_hook(lambda *a: calls.append("not called"))
    layer.register_forward_hook(lambda module, args, output: calls.append(output), always_call=True)

    def second(module, args, output):
        raise ValueError("second")

    layer.register_forward_hook(second, always_call=True)
    with pytest.raises(KeyError, match="first"), pytest.warns(UserWarning, match="second"):
        layer(1)
    assert calls == [None]


def test_hooks_on_all_modules_come_first_and_go_away():
    net, calls = nn.Sequential(nn.ReLU(), nn.Tanh()), []
    net[0].register_forward_pre_hook(lambda module, args: calls.append("own"))
    handles = [
        everywhere.register_module_forward_pre_hook(lambda module, args: calls.append(type(module).__name__)),
        everywhere.register_module_forward_hook(lambda module, args, output: output + 1),
        everywhere.register_module_full_backward_pre_hook(lambda module, out: (out[0] * 2,)),
        everywhere.register_module_full_backward_hook(lambda module, into, out: calls.append(into[0].shape)),
    ]
    x = pf.zeros(2, requires_grad=True)
    try:
        y = net(x)
        y.sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    assert calls[:4] == ["Sequential", "ReLU", "own", "Tanh"] and calls[4:] == [(2,)] * 3
    np.testing.assert_allclose(y.detach().numpy(), np.tanh(1.0) + 2)
    calls.clear()
    assert net(x).detach().tolist() == [0.0, 0.0] and calls == ["own"]


def test_global_hooks_take_keyword_arguments_and_errors():
    class Scale(nn.Module):
        def forward(self, x, *, by):
            return x * by

    seen = []

    def change(module, args, kwargs):
        return args, {"by": kwargs["by"] + 1}

    def watch(module, args, kwargs, output):
        seen.append((kwargs, output))

    with (
        everywhere.register_module_forward_pre_hook(change, with_kwargs=True),
        everywhere.register_module_forward_hook(watch, with_kwargs=True, always_call=True),
    ):
        assert Scale()(pf.ones(1), by=2).item() == 3.0
        with pytest.raises(TypeError):
            Scale()(by=1)
    assert seen[0][0] == {"by": 3} and seen[1] == ({"by": 2}, None)


def test_state_dict_hooks():
    net, calls = nn.Sequential(nn.Linear(2, 1), nn.ReLU()), []
    layer = net[0]
    layer.register_state_dict_pre_hook(lambda module, prefix, keep_vars: calls.append((prefix, keep_vars)))
    layer.register_state_dict_post_hook(
        lambda module, state, prefix, _: state.update({prefix + "w": state.pop(prefix + "weight")})
    )
    state = net.state_dict()
    assert calls == [("0.", False)] and list(state) == ["0.bias", "0.w"]

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        assert module is layer and strict
        state[prefix + "weight"] = state.pop(prefix + "w")

    layer.register_load_state_dict_pre_hook(rename)
    state["0.w"] = pf.full((1, 2), 7.0)
    assert net.load_state_dict(state) == ([], []) and layer.weight.tolist() == [[7.0, 7.0]]
    assert "0.w" in state  # what the hook changes is a copy


def test_load_hooks_report_and_forgive():
    layer = nn.Linear(2, 1)
    layer.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    assert layer.load_state_dict({"weight": pf.zeros(1, 2)}) == ([], [])
    assert layer.weight.tolist() == [[0.0, 0.0]]
    with pytest.raises(RuntimeError, match="unexpected keys: other"):
        layer.load_state_dict({"weight": pf.zeros(1, 2), "other": pf.zeros(1)})

    def complain(module, state, prefix, metadata, strict, missing, unexpected, errors):
        errors.append("the version is too old")

    layer.register_load_state_dict_pre_hook(complain)
    with pytest.raises(RuntimeError, match="the version is too old"):
        layer.load_state_dict(layer.state_dict())


def test_an_overridden_state_dict_of_a_child_counts():
    class Renamed(nn.Linear):
        def state_dict(self, *, destination=None, prefix="", keep_vars=False):
            own = super().state_dict(prefix=prefix, keep_vars=keep_vars)
            destination = {} if destination is None else destination
            destination.update({name.replace("weight", "kernel"): value for name, value in own.items()})
            return destination

    assert list(nn.Sequential(Renamed(2, 1)).state_dict()) == ["0.kernel", "0.bias"]
