"""Recurrent networks: dropout between layers, initial values, and what is refused."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn


def test_dropout_acts_between_layers_in_training_alone():
    layer, x = nn.GRU(3, 4, 2, dropout=0.5), pf.randn(5, 2, 3)
    assert (layer(x)[0] != layer(x)[0]).any()
    layer.eval()
    assert (layer(x)[0] == layer(x)[0]).all()


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_weights_start_within_the_bound(make):
    values = np.concatenate([p.detach().numpy().ravel() for p in make(50, 25).parameters()])
    assert abs(values).max() <= 0.2 and abs(values).max() > 0.19 and abs(values.mean()) < 0.02


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: nn.RNN(3, 4, nonlinearity="gelu"), ValueError, "'tanh' or 'relu'"),
        (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "below 4"),
        (lambda: nn.GRU(3, 0), ValueError, "positive"),
        (lambda: nn.GRU(3, 4, 2, dropout=1.5), ValueError, "between 0 and 1"),
        (lambda: nn.GRU(3, 4)(pf.ones(5, 2, 2)), RuntimeError, "3 features"),
        (lambda: nn.GRU(3, 4)(pf.ones(3)), ValueError, "2 or 3 dimensions"),
        (lambda: nn.GRU(3, 4)(pf.ones(5, 2, 3), pf.ones(1, 3, 4)), RuntimeError, "expected .1, 2, 4."),
        (lambda: nn.GRUCell(3, 4)(pf.ones(5, 2, 3)), ValueError, "1 or 2 dimensions"),
    ],
)
def test_recurrent_layers_refuse(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_dropout_of_a_single_layer_is_warned_about():
    with pytest.warns(UserWarning, match="there is one"):
        nn.LSTM(3, 4, dropout=0.5)
