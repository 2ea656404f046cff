import copy
import pickle

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.blocks = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.scale = nn.Parameter(pf.ones(1))
        self.register_buffer("shift", pf.zeros(1))
        self.register_buffer("scratch", pf.zeros(2), persistent=False)
        self.size = 7

    def forward(self, x, *, double=False):
        y = self.blocks(self.first(x)) * self.scale + self.shift
        return 2 * y if double else y


KEYS = [
    "scale",
    "shift",
    "first.weight",
    "first.bias",
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.1.weight",
    "blocks.1.bias",
    "blocks.1.running_mean",
    "blocks.1.running_var",
    "blocks.1.num_batches_tracked",
]


def test_names_follow_registration():
    net = Net()
    assert list(net.state_dict()) == KEYS
    assert [name for name, _ in net.named_parameters()] == KEYS[:1] + KEYS[2:8]
    assert [name for name, _ in net.named_buffers()][:2] == ["shift", "scratch"]
    assert [name for name, _ in net.named_children()] == ["first", "blocks"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "blocks", "blocks.0", "blocks.1"]
    assert [name for name, _ in net.named_parameters("net", recurse=False)] == ["net.scale"]


def test_assignment_moves_a_name_between_kinds():
    net = Net()
    with pytest.raises(TypeError, match="registered Parameter"):
        net.scale = pf.ones(1)
    with pytest.raises(TypeError, match="registered Module"):
        net.first = 3
    with pytest.raises(TypeError, match="registered Tensor"):
        net.shift = "x"
    net.shift = pf.ones(1)
    net.scale = None
    assert "scale" not in net.state_dict() and "shift" in net.state_dict()
    net.first = nn.Identity()
    assert "first.weight" not in net.state_dict()
    net.shift = nn.Parameter(pf.ones(1))
    assert "shift" in dict(net.named_parameters()) and "shift" not in dict(net.named_buffers())
    del net.shift
    assert not hasattr(net, "shift") and "shift" not in net.state_dict()


def test_set_up_comes_first():
    class Early(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"super\(\).__init__"):
        Early()


def test_registration_refuses_names_of_another_kind():
    norm = nn.BatchNorm1d(2)
    for register, name, value in (
        (norm.register_buffer, "weight", pf.zeros(1)),
        (norm.register_parameter, "running_mean", None),
        (norm.register_module, "weight", nn.ReLU()),
    ):
        with pytest.raises(KeyError, match="has an attribute"):
            register(name, value)
    norm.register_buffer("running_mean", pf.ones(2))  # of its own kind a name is taken over
    for value in (nn.ReLU(), nn.Buffer(pf.zeros(1)), pf.zeros(1)):
        with pytest.raises(TypeError, match="is a registered Parameter"):
            norm.weight = value
    norm.running_mean = nn.ReLU()
    assert list(norm.state_dict()) == ["weight", "bias", "running_var", "num_batches_tracked"]


def test_registration_refuses_bad_names():
    net = Net()
    for name in ("", "a.b", "forward", "size"):
        with pytest.raises(KeyError):
            net.register_parameter(name, nn.Parameter(pf.ones(1)))


def test_shared_modules_and_parameters_come_once():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(net.parameters())) == 2
    assert len(list(net.named_modules())) == 3
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4


def test_paths_lead_to_parts():
    net = Net()
    assert net.get_submodule("blocks.0") is net.blocks[0]
    assert net.get_submodule("") is net
    assert net.get_parameter("blocks.0.weight") is net.blocks[0].weight
    assert net.get_buffer("blocks.1.running_mean") is net.blocks[1].running_mean
    with pytest.raises(AttributeError, match="has no module 'missing'"):
        net.get_submodule("blocks.missing")
    with pytest.raises(AttributeError, match="has no parameter"):
        net.get_parameter("first.missing")


def test_train_apply_requires_grad_and_zero_grad_reach_everything():
    net = Net()
    assert net.is_training()
    net.eval()
    assert not any(module.training for module in net.modules())
    seen = []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "Linear", "BatchNorm1d", "Sequential", "Net"]
    net.train()(pf.randn(4, 3)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all((parameter.grad.numpy() == 0).all() for parameter in net.parameters())
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())
    net.requires_grad_(False)
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_state_dict_shares_memory_and_a_copy_of_it_loads_back():
    net, other = Net(), Net()
    live = net.state_dict()
    stored = {key: value.clone() for key, value in live.items()}
    values = {key: value.numpy().copy() for key, value in stored.items()}
    nn.init.ones_(net.scale)
    net.train()(pf.randn(4, 3))
    assert live["blocks.1.num_batches_tracked"].item() == 1
    assert (live["scale"].numpy() == 1).all()
    assert other.load_state_dict(stored) == ([], [])
    for key, value in other.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), values[key])
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in other.parameters())


def test_load_lists_all_problems_and_changes_nothing():
    net = Net()
    before = net.first.bias.numpy(force=True).copy()
    state = net.state_dict()
    state["first.bias"] = state["first.bias"] + 1
    state["scale"] = pf.ones(2)
    state["extra"] = pf.ones(1)
    state["shift"] = "text"
    del state["first.weight"]
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    for words in (
        "missing keys: first.weight",
        "unexpected keys: extra",
        "scale: the module has shape (1,)",
        "shift: expected",
    ):
        assert words in str(caught.value)
    np.testing.assert_array_equal(net.first.bias.numpy(force=True), before)
    del state["scale"], state["shift"]
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert missing == ["scale", "shift", "first.weight"] and unexpected == ["extra"]
    np.testing.assert_allclose(net.first.bias.numpy(force=True), before + 1)


def test_load_converts_dtypes_unless_it_assigns():
    net = nn.Linear(2, 2)
    state = {key: value.numpy().astype(np.float64) for key, value in net.state_dict().items()}
    net.load_state_dict(state)
    assert net.weight.dtype is pf.float32
    net.load_state_dict(state, assign=True)
    assert net.weight.dtype is pf.float64 and isinstance(net.weight, nn.Parameter)


def test_extra_state_travels_along():
    class Counting(nn.Module):
        count = 0

        def get_extra_state(self):
            return self.count

        def set_extra_state(self, state):
            self.count = state

    one, other = nn.Sequential(Counting()), nn.Sequential(Counting())
    one[0].count = 3
    assert one.state_dict() == {"0._extra_state": 3}
    other.load_state_dict(one.state_dict())
    assert other[0].count == 3


def test_conversion_keeps_sharing_and_integers():
    net = Net()
    net.tied = net.first
    net.double()
    assert net.first.weight.dtype is pf.float64 and net.tied.weight is net.first.weight
    assert net.blocks[1].num_batches_tracked.dtype is pf.int64
    assert net.blocks[1].running_mean.dtype is pf.float64
    assert net.float().first.weight.dtype is pf.float32
    assert net.to("cpu") is net
    with pytest.raises(TypeError, match="not floating-point"):
        net.to(pf.int32)
    with pytest.raises(RuntimeError, match="neither a dtype nor the device"):
        net.to("cuda")


def test_hooks_run_in_order_and_can_be_removed():
    net, calls = Net().eval(), []
    x = pf.randn(2, 3)
    plain = net(x).detach().numpy()
    before = net.register_forward_pre_hook(lambda module, args: calls.append("before"))
    net.register_forward_pre_hook(lambda module, args: calls.append("first"), prepend=True)
    after = net.register_forward_hook(lambda module, args, output: output + 1)
    np.testing.assert_allclose(net(x).detach().numpy(), plain + 1, rtol=1e-6)
    assert calls == ["first", "before"]
    before.remove()
    after.remove()
    np.testing.assert_allclose(net(x).detach().numpy(), plain)
    with net.register_forward_pre_hook(lambda module, args, kwargs: (args, {"double": True}), with_kwargs=True):
        np.testing.assert_allclose(net(x).detach().numpy(), plain * 2, rtol=1e-6)
    always = []
    net.register_forward_hook(lambda module, args, output: always.append(output), always_call=True)
    with pytest.raises(RuntimeError):
        net(pf.randn(2, 5))
    assert always == [None]


def test_copies_and_pickles_are_independent():
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(other.scale.numpy(force=True), net.scale.numpy(force=True))
        nn.init.zeros_(other.scale)
        assert net.scale.item() == 1.0 and isinstance(other.scale, nn.Parameter)
        assert list(other.state_dict()) == KEYS


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="define forward"):
        nn.Module()(1)


def test_repr_shows_the_tree():
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU()))
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )
