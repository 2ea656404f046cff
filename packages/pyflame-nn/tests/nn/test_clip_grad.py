import math

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm


@pytest.fixture
def parameters():
    found = [nn.Parameter(pf.zeros(2)), nn.Parameter(pf.zeros(1)), nn.Parameter(pf.zeros(1))]
    found[0].grad, found[1].grad = pf.tensor([3.0, 0.0]), pf.tensor([-4.0])
    return found


@pytest.mark.parametrize("order, norm", [(2.0, 5.0), (1.0, 7.0), (math.inf, 4.0)])
def test_norm_is_limited(parameters, order, norm):
    assert clip_grad_norm_(parameters, 1.0, order).item() == pytest.approx(norm)
    np.testing.assert_allclose(parameters[0].grad.numpy(), [3 / norm, 0], rtol=1e-5)
    np.testing.assert_allclose(parameters[1].grad.numpy(), [-4 / norm], rtol=1e-5)
    assert parameters[2].grad is None


def test_small_gradients_stay(parameters):
    clip_grad_norm_(parameters, 10.0)
    assert parameters[0].grad.tolist() == [3.0, 0.0]


def test_values_are_limited(parameters):
    clip_grad_value_(parameters, 2.0)
    assert parameters[0].grad.tolist() == [2.0, 0.0] and parameters[1].grad.tolist() == [-2.0]


def test_infinite_norm_is_an_error_when_asked(parameters):
    parameters[1].grad = pf.tensor([math.inf])
    with pytest.raises(RuntimeError, match="total norm"):
        clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)


def test_nothing_to_clip():
    assert clip_grad_norm_([nn.Parameter(pf.zeros(1))], 1.0) == 0.0
    assert get_total_norm([]).item() == 0.0


def test_gradients_change_in_place(parameters):
    held = parameters[0].grad
    clip_grad_norm_(parameters, 1.0)
    np.testing.assert_allclose(held.numpy(), [0.6, 0.0], rtol=1e-5)
