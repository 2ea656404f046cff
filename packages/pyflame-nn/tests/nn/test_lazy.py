"""Lazy layers become what they would have been, had they known."""

import copy
import pickle

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim

CASES = {
    "LazyLinear": ((5,), {}, "Linear", (2, 3), (3, 5)),
    "LazyConv1d": ((6, 3), {"groups": 3}, "Conv1d", (2, 3, 8), (3, 6, 3)),
    "LazyConv2d": ((4, 3), {"padding": "same"}, "Conv2d", (3, 6, 6), (3, 4, 3)),
    "LazyConv3d": ((4, 2), {"bias": False}, "Conv3d", (1, 3, 4, 4, 4), (3, 4, 2)),
    "LazyConvTranspose1d": ((4, 3), {"groups": 2}, "ConvTranspose1d", (2, 2, 8), (2, 4, 3)),
    "LazyConvTranspose2d": ((4, 3), {"stride": 2}, "ConvTranspose2d", (2, 3, 4, 4), (3, 4, 3)),
    "LazyConvTranspose3d": ((4, 2), {}, "ConvTranspose3d", (3, 4, 4, 4), (3, 4, 2)),
    "LazyBatchNorm1d": ((), {}, "BatchNorm1d", (4, 3), (3,)),
    "LazyBatchNorm2d": ((), {"momentum": None}, "BatchNorm2d", (4, 3, 2, 2), (3,)),
    "LazyBatchNorm3d": ((), {"affine": False}, "BatchNorm3d", (4, 3, 2, 2, 2), (3,)),
    "LazyInstanceNorm1d": ((), {}, "InstanceNorm1d", (3, 4), (3,)),
    "LazyInstanceNorm2d": ((), {}, "InstanceNorm2d", (2, 3, 2, 2), (3,)),
    "LazyInstanceNorm3d": ((), {"track_running_stats": False}, "InstanceNorm3d", (2, 3, 2, 2, 2), (3,)),
}


def made(name):
    args, kwargs, kind, shape, full = CASES[name]
    # The lazy normalizations have weights and statistics, instance normalizations none, unless told otherwise.
    more = {"affine": True, "track_running_stats": True} if "InstanceNorm" in name else {}
    return getattr(nn, name)(*args, **kwargs), getattr(nn, kind)(*full, **{**more, **kwargs}), pf.randn(shape)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_first_input_settles_sizes(name):
    lazy, other, x = made(name)
    assert lazy.has_uninitialized_params() or not (lazy.affine or lazy.track_running_stats)
    lazy(x)
    assert type(lazy) is type(other) and repr(lazy) == repr(other)
    assert "_hooks" not in vars(lazy)
    assert {k: tuple(v.shape) for k, v in lazy.state_dict().items()} == {
        k: tuple(v.shape) for k, v in other.state_dict().items()
    }
    other.load_state_dict(lazy.state_dict())
    np.testing.assert_array_equal(lazy.eval()(x).detach().numpy(), other.eval()(x).detach().numpy())


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_can_be_loaded_before(name):
    lazy, other, x = made(name)
    lazy.load_state_dict(other.state_dict())
    assert not lazy.has_uninitialized_params()
    assert repr(lazy.eval()(x).detach()) == repr(other.eval()(x).detach())
    assert type(lazy) is type(other) and repr(lazy) == repr(other)


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_are_lazy_and_independent(name, copied):
    lazy, other, x = made(name)
    twin = copied(lazy)
    lazy(x)
    assert type(twin) is getattr(nn, name)
    twin(x)
    assert type(twin) is type(other)
    for one, two in zip(lazy.parameters(), twin.parameters()):
        assert one is not two and one.shape == two.shape


def test_optimizers_and_conversions_may_come_before():
    layer = nn.LazyLinear(2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    layer.double()
    layer(pf.ones(1, 3, dtype=pf.float64)).sum().backward()
    before = layer.weight.numpy(force=True).copy()
    assert before.dtype == np.float64
    optimizer.step()
    np.testing.assert_allclose(layer.weight.numpy(force=True), before - 0.1)


def test_tensors_without_a_shape_are_refused():
    weight = nn.UninitializedParameter()
    assert repr(weight) == "<UninitializedParameter>" and weight.requires_grad
    with pytest.raises(RuntimeError, match="no shape yet"):
        len(weight.shape)
    for use in (lambda: weight + 1, lambda: weight.sum(), lambda: nn.functional.linear(pf.ones(2), weight)):
        with pytest.raises(ValueError, match="no shape yet"):
            use()
    assert list(nn.LazyLinear(2).state_dict()) == ["weight", "bias"]
    with pytest.raises(RuntimeError, match="no values for it yet"):
        nn.Linear(3, 2).load_state_dict(nn.LazyLinear(2).state_dict())


def test_lazy_modules_must_materialize_everything():
    class Forgets(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            pass

    with pytest.raises(RuntimeError, match="materialize all"):
        Forgets()(pf.ones(1))


def test_channels_must_divide_into_groups():
    with pytest.raises(ValueError, match="do not divide"):
        nn.LazyConv1d(4, 3, groups=2)(pf.ones(1, 3, 8))
    with pytest.raises(RuntimeError, match="expected 2 or 3 dimensions"):
        nn.LazyConv1d(4, 3)(pf.ones(1, 3, 8, 8))
