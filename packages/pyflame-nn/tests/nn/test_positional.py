"""Positional layers compute what their formulas say."""

import math

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn


@pytest.mark.parametrize("features", [6, 5])
def test_positional_encoding_is_sines_and_cosines(features):
    found = nn.PositionalEncoding(features, max_len=20).eval()(pf.zeros(2, 9, features)).numpy()
    for position in range(9):
        for k in range(features):
            angle = position / 10000 ** (2 * (k // 2) / features)
            expected = math.cos(angle) if k % 2 else math.sin(angle)
            assert abs(found[1, position, k] - expected) < 1e-6


def test_positional_encoding_is_no_state_and_drops_out():
    layer = nn.PositionalEncoding(4, dropout=0.5)
    assert list(layer.state_dict()) == []
    dropped = layer(pf.ones(8, 50, 4) * 5).numpy() == 0
    assert 0.3 < dropped.mean() < 0.7


def test_learned_positions_are_added_and_trained():
    layer = nn.LearnedPositionalEmbedding(7, 3)
    x = pf.randn(2, 5, 3)
    y = layer(x)
    np.testing.assert_allclose((y - x).detach().numpy()[1], layer.weight.detach().numpy()[:5], atol=1e-6)
    y.sum().backward()
    assert layer.weight.grad.tolist() == [[2.0] * 3] * 5 + [[0.0] * 3] * 2


def test_rotary_embedding_turns_pairs():
    x = np.random.default_rng(0).standard_normal((2, 5, 6))
    found = nn.RotaryEmbedding(6, base=100.0)(pf.tensor(x), offset=3).numpy()
    pairs = x[..., :3] + 1j * x[..., 3:]
    turned = pairs * np.exp(1j * (np.arange(5) + 3)[:, None] * 100.0 ** (-np.arange(3) / 3))
    np.testing.assert_allclose(found, np.concatenate([turned.real, turned.imag], -1), atol=1e-12)


def test_rotary_products_depend_on_the_distance():
    rotate = nn.RotaryEmbedding(8)
    query, key = pf.randn(1, 8), pf.randn(1, 8)
    near = (rotate(query, 3) * rotate(key, 5)).sum().item()
    assert abs(near - (rotate(query, 103) * rotate(key, 105)).sum().item()) < 1e-4


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.RotaryEmbedding(3),
        lambda: nn.RotaryEmbedding(4)(pf.ones(5, 6)),
        lambda: nn.PositionalEncoding(4, max_len=3)(pf.ones(5, 4)),
        lambda: nn.LearnedPositionalEmbedding(3, 4)(pf.ones(5, 4)),
    ],
)
def test_positional_layers_refuse(make):
    with pytest.raises(ValueError, match="expected"):
        make()
