"""Attention: the wrappers equal the layer they wrap; what is refused."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn


def assert_same(a, b):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_self_attention_is_attention_to_the_input():
    layer, plain = nn.SelfAttention(8, 2), nn.MultiheadAttention(8, 2, batch_first=True)
    plain.load_state_dict(layer.state_dict())
    x, mask = pf.randn(3, 5, 8), nn.Transformer.generate_square_subsequent_mask(5)
    assert_same(layer(x), plain(x, x, x)[0])
    assert_same(layer(x, attn_mask=mask), plain(x, x, x, attn_mask=mask)[0])
    assert_same(layer(x, attn_mask=mask)[:, :2], layer(x[:, :2], attn_mask=mask[:2, :2]))


def test_cross_attention_is_attention_to_the_context():
    layer, plain = (
        nn.CrossAttention(8, 2, kdim=6, vdim=6),
        nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True),
    )
    plain.load_state_dict(layer.state_dict())
    x, context = pf.randn(3, 5, 8), pf.randn(3, 7, 6)
    padding = pf.tensor([[False] * 4 + [True] * 3] * 3)
    assert_same(layer(x, context), plain(x, context, context)[0])
    assert_same(layer(x, context, key_padding_mask=padding), layer(x, context[:, :4]))


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(4, 2, 6)
    first, second = nn.TransformerEncoder(layer, 2).layers
    assert first.linear1.weight is not second.linear1.weight
    np.testing.assert_array_equal(first.linear1.weight.detach().numpy(), layer.linear1.weight.detach().numpy())


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: nn.MultiheadAttention(5, 2), AssertionError, "do not divide"),
        (lambda: nn.MultiheadAttention(0, 2), ValueError, "positive"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), RuntimeError, "'relu', 'gelu' or a function"),
        (lambda: nn.Transformer(4, 2, 1, 1, 6)(pf.ones(5, 2, 4), pf.ones(5, 3, 4)), RuntimeError, "batch sizes"),
        (lambda: nn.Transformer(4, 2, 1, 1, 6)(pf.ones(5, 2, 4), pf.ones(5, 2, 3)), RuntimeError, "4 features"),
    ],
)
def test_attention_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make()
