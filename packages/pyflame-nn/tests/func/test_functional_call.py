import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.func import functional_call


def test_given_tensors_take_the_place_of_parameters():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    other = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    before = {name: value.numpy(force=True).copy() for name, value in net.named_parameters()}
    x = pf.randn(4, 2)
    given = {name: value.detach().clone().requires_grad_() for name, value in other.named_parameters()}
    y = functional_call(net, given, (x,))
    np.testing.assert_array_equal(y.detach().numpy(), other(x).detach().numpy())
    y.sum().backward()
    other(x).sum().backward()
    for name, value in other.named_parameters():
        np.testing.assert_allclose(given[name].grad.numpy(), value.grad.numpy(), rtol=1e-5, atol=1e-7)
    for name, value in net.named_parameters():
        assert value.grad is None and isinstance(value, nn.Parameter)
        np.testing.assert_array_equal(value.numpy(force=True), before[name])


def test_parameters_come_back_after_an_error():
    layer = nn.Linear(2, 1)
    own = layer.weight
    with pytest.raises(RuntimeError):
        functional_call(layer, {"weight": pf.ones(1, 5)}, pf.ones(2))
    assert layer.weight is own


def test_changes_of_buffers_show_in_the_dict():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", pf.zeros(1))

        def forward(self, x):
            self.count = self.count + 1
            return x + self.count

    module, given = Counts(), {"count": pf.full((1,), 5.0)}
    assert functional_call(module, given, pf.zeros(1)).item() == 6.0
    assert given["count"].item() == 6.0 and module.count.item() == 0.0
    norm = nn.BatchNorm1d(2)
    statistics = {name: value.clone() for name, value in norm.named_buffers()}
    functional_call(norm, statistics, pf.randn(4, 2))
    assert statistics["num_batches_tracked"].item() == 1 and norm.num_batches_tracked.item() == 0


def test_tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = self.b = nn.Parameter(pf.ones(1))

        def forward(self, x):
            return x + self.a + self.b

    module, x, zero = Tied(), pf.zeros(1), pf.zeros(1)
    assert functional_call(module, {"a": zero}, x).item() == 0.0
    assert functional_call(module, {"a": zero}, x, tie_weights=False).item() == 1.0
    assert functional_call(module, {"a": zero, "b": zero}, x).item() == 0.0
    with pytest.raises(ValueError, match="one tensor and get different values"):
        functional_call(module, {"a": zero, "b": pf.ones(1)}, x)
    assert functional_call(module, {"a": zero, "b": pf.ones(1)}, x, tie_weights=False).item() == 1.0


def test_several_dicts_keyword_arguments_and_strictness():
    layer = nn.Linear(1, 1)
    dicts = ({"weight": pf.full((1, 1), 2.0)}, {"bias": pf.ones(1)})
    assert functional_call(layer, dicts, kwargs={"input": pf.ones(1)}, strict=True).item() == 3.0
    with pytest.raises(ValueError, match="several of the dicts"):
        functional_call(layer, (dicts[0], dicts[0]), pf.ones(1))
    with pytest.raises(ValueError, match="sequence of dicts"):
        functional_call(layer, [1], pf.ones(1))
    with pytest.raises(RuntimeError, match=r"missing keys: bias; unexpected keys: other"):
        functional_call(layer, {**dicts[0], "other": pf.ones(1)}, pf.ones(1), strict=True)
    assert functional_call(layer, {**dicts[0], **dicts[1], "other": pf.ones(1)}, pf.ones(1)).item() == 3.0
    with pytest.raises(AttributeError, match="has no module"):
        functional_call(layer, {"x.weight": pf.ones(1)}, pf.ones(1))


def test_parametrized_tensors_can_be_given_either_way():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(1, 1, bias=False))
    own = layer(pf.ones(1)).item()
    assert functional_call(layer, {"weight": pf.full((1, 1), 7.0)}, pf.ones(1)).item() == 7.0
    doubled = {"parametrizations.weight.original0": layer.parametrizations["weight"].original0.detach() * 2}
    np.testing.assert_allclose(functional_call(layer, doubled, pf.ones(1)).item(), 2 * own, rtol=1e-6)
    np.testing.assert_allclose(layer(pf.ones(1)).item(), own)
