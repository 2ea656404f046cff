import math

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.nn import init


@pytest.mark.parametrize(
    "make, fan_in",
    [
        (lambda: nn.Linear(50, 400), 50),
        (lambda: nn.Conv2d(8, 128, 3), 72),
        (lambda: nn.Conv2d(8, 64, 5, groups=4), 50),
    ],
)
def test_layers_start_uniform_within_one_over_root_of_fan_in(make, fan_in):
    layer, bound = make(), 1 / math.sqrt(fan_in)
    for parameter in layer.parameters():
        values = parameter.numpy(force=True)
        assert abs(values).max() <= bound * (1 + 1e-6)
        assert abs(values.mean()) < 6 * bound / math.sqrt(3 * values.size)
    weight = layer.weight.numpy(force=True)
    np.testing.assert_allclose(weight.std(), bound / math.sqrt(3), rtol=0.03)


@pytest.mark.parametrize(
    "fill, std",
    [
        (lambda t: init.kaiming_uniform_(t), math.sqrt(2 / 100)),
        (lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), math.sqrt(2 / 300)),
        (lambda t: init.kaiming_normal_(t, a=1.0), math.sqrt(1 / 100)),
        (lambda t: init.xavier_uniform_(t, gain=2.0), 2 * math.sqrt(2 / 400)),
        (lambda t: init.xavier_normal_(t), math.sqrt(2 / 400)),
        (lambda t: init.normal_(t, 0.0, 0.3), 0.3),
        (lambda t: init.uniform_(t, -1.0, 1.0), 1 / math.sqrt(3)),
    ],
)
def test_spread_is_that_of_the_formula(fill, std):
    pf.manual_seed(1)
    tensor = nn.Parameter(pf.empty(300, 100))
    assert fill(tensor) is tensor and tensor.is_leaf and tensor.requires_grad
    np.testing.assert_allclose(tensor.numpy(force=True).std(), std, rtol=0.03)


def test_constants():
    tensor = pf.empty(3)
    assert init.ones_(tensor).tolist() == [1.0] * 3
    assert init.zeros_(tensor).tolist() == [0.0] * 3
    assert init.constant_(tensor, 2.5).tolist() == [2.5] * 3


def test_gains():
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    with pytest.raises(ValueError, match="expected one of"):
        init.calculate_gain("cube")


def test_fans_need_two_dimensions():
    with pytest.raises(ValueError, match="at least two dimensions"):
        init.xavier_uniform_(pf.empty(3))
    with pytest.raises(ValueError, match="'fan_in' or 'fan_out'"):
        init.kaiming_uniform_(pf.empty(3, 3), mode="both")


def test_a_generator_fixes_the_numbers():
    draws = [init.normal_(pf.empty(4), generator=pf.Generator().manual_seed(3)).tolist() for _ in range(2)]
    assert draws[0] == draws[1]
