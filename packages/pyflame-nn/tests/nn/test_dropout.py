"""Dropouts and draws: what is dropped, and what stays on average."""

import numpy as np
import pytest

import pyflame as pf
from pyflame.nn import functional as F


@pytest.mark.parametrize(
    ("function", "shape", "together"),
    [
        (F.dropout, (40, 50), ()),
        (F.dropout1d, (40, 50, 4), (2,)),
        (F.dropout2d, (40, 50, 3, 2), (2, 3)),
        (F.dropout3d, (40, 50, 2, 2, 2), (2, 3, 4)),
    ],
)
def test_dropout_drops_whole_parts_and_scales_the_others(function, shape, together):
    pf.manual_seed(0)
    x = pf.ones(shape, requires_grad=True)
    y = function(x, 0.25)
    y.sum().backward()
    array = y.detach().numpy()
    assert set(np.unique(array)) == {0.0, np.float32(1 / 0.75)}
    assert (array.min(together) == array.max(together)).all()
    assert abs((array == 0.0).mean() - 0.25) < 0.05
    np.testing.assert_array_equal(x.grad.numpy(), array)


def test_dropout2d_of_single_numbers_warns():
    with pytest.warns(UserWarning, match="use dropout"):
        y = F.dropout2d(pf.ones(100, 200), 0.25)
    assert abs((y.numpy() == 0.0).mean() - 0.25) < 0.05


@pytest.mark.parametrize("function", [F.alpha_dropout, F.feature_alpha_dropout])
def test_alpha_dropout_keeps_mean_and_variance(function):
    pf.manual_seed(0)
    y = function(pf.randn(300, 400), 0.3, training=True).numpy()
    assert abs(y.mean()) < 0.03 and abs(y.std() - 1.0) < 0.03


def test_feature_alpha_dropout_drops_channels():
    y = F.feature_alpha_dropout(pf.zeros(20, 30, 4, 5), 0.5, training=True).numpy()
    assert (y.min((2, 3)) == y.max((2, 3))).all() and len(np.unique(y)) == 2


@pytest.mark.parametrize("function", [F.dropout, F.alpha_dropout, F.feature_alpha_dropout])
def test_dropout_does_nothing_outside_training_and_refuses_what_is_no_probability(function):
    x = pf.ones(3, 4)
    np.testing.assert_array_equal(function(x, 0.5, training=False).numpy(), x.numpy())
    assert not function(x, 1.0, training=True).numpy().any()
    with pytest.raises(ValueError, match="between 0 and 1"):
        function(x, 1.5, training=True)


def test_gumbel_softmax_draws_classes_by_their_probabilities():
    pf.manual_seed(0)
    shares = np.array([0.2, 0.3, 0.5])
    logits = pf.tensor(np.log(shares)).float().expand(20000, 3)
    drawn = F.gumbel_softmax(logits, tau=0.7, hard=True).numpy()
    np.testing.assert_allclose(drawn.mean(0), shares, atol=0.02)
    np.testing.assert_allclose(F.gumbel_softmax(logits[:5]).sum(-1).numpy(), 1.0, rtol=1e-5)


def test_hard_gumbel_softmax_has_the_gradient_of_the_soft_one():
    logits = pf.randn(4, 3).requires_grad_()
    (F.gumbel_softmax(logits, hard=True) * pf.arange(3)).sum().backward()
    assert np.isfinite(logits.grad.numpy()).all() and logits.grad.abs().sum().item() > 0.0


def test_rrelu_draws_slopes_between_its_bounds():
    y = F.rrelu(-pf.ones(1000), 0.1, 0.4, training=True).numpy()
    assert -0.4 <= y.min() < -0.35 and -0.15 < y.max() <= -0.1


def test_in_place_activations_change_their_input():
    x = pf.tensor([-1.0, 2.0])
    assert F.hardtanh_(x) is x and x.tolist() == [-1.0, 1.0]
    F.threshold_(x, 0.0, 7.0)
    assert x.tolist() == [7.0, 1.0]
