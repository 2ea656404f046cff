"""Recurrent and transformer models of our own: masks, states, and that they learn."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import models, nn, optim

F = nn.functional


def fit(model, loss_of, steps=60, lr=0.02):
    optimizer = optim.Adam(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
    return float(loss)


@pytest.mark.parametrize("kind", [models.LSTMClassifier, models.GRUClassifier])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2, "dropout": 0.1}])
def test_classifiers_learn_which_word_came_first(kind, options):
    with pf.testing.fixed_seed(0):
        ids = pf.randint(2, 8, (16, 5))
        labels = pf.arange(16) % 2
        ids[:, 0] = labels
        model = kind(8, 6, 12, **options)
        assert fit(model, lambda m: F.cross_entropy(m(ids), labels)) < 0.1
    assert (model.eval()(ids).argmax(1) == labels).all()


@pytest.mark.parametrize("kind", [models.LSTMClassifier, models.GRUClassifier])
@pytest.mark.parametrize("both", [False, True])
def test_padding_after_a_text_changes_nothing(kind, both):
    model = kind(9, 4, 6, num_classes=3, num_layers=2, bidirectional=both, padding_idx=0).eval()
    text = pf.tensor([[3, 4, 5]])
    padded, mask = pf.tensor([[3, 4, 5, 0, 0], [1, 2, 3, 4, 5]]), pf.tensor([[1, 1, 1, 0, 0], [1] * 5])
    np.testing.assert_allclose(model(padded, mask)[0].detach().numpy(), model(text)[0].detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(model(padded, mask)[1].detach().numpy(), model(padded)[1].detach().numpy(), rtol=1e-5)
    assert abs(model(padded, mask)[0] - model(padded)[0]).max() > 1e-4
    with pytest.raises(ValueError, match=r"attention_mask has shape \(1, 5\): expected \(2, 5\)"):
        model(padded, mask[:1])
    for wrong in ([[0, 1, 1, 1, 1], [1] * 5], [[1, 0, 1, 0, 0], [1] * 5], [[0] * 5, [1] * 5]):
        with pytest.raises(ValueError, match="expected at least one 1 in each row, and all 0 after it"):
            model(padded, pf.tensor(wrong))


def test_a_language_model_learns_a_sequence_and_goes_on_from_its_state():
    with pf.testing.fixed_seed(0):
        model = models.LSTMLanguageModel(7, 16, 16, num_layers=1, tie_weights=True)
        ids = pf.tensor([[1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]])
        loss = fit(model, lambda m: F.cross_entropy(m(ids[:, :-1])[0].flatten(0, 1), ids[0, 1:]))
    assert loss < 0.1 and model.decoder.weight is model.embedding.weight
    model.eval()
    whole, _ = model(ids)
    first, state = model(ids[:, :5])
    second, _ = model(ids[:, 5:], state)
    joined = pf.cat([first, second], 1).detach().numpy()
    np.testing.assert_allclose(joined, whole.detach().numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="cannot share a matrix"):
        models.LSTMLanguageModel(7, 8, 16, tie_weights=True)


def test_multi_head_attention_agrees_with_that_of_nn():
    with pf.testing.fixed_seed(0):
        ours, theirs = models.MultiHeadAttention(8, 2), nn.MultiheadAttention(8, 2, batch_first=True)
        x, context = pf.randn(2, 3, 8), pf.randn(2, 5, 8)
    weights = pf.cat([ours.q_proj.weight, ours.k_proj.weight, ours.v_proj.weight])
    biases = pf.cat([ours.q_proj.bias, ours.k_proj.bias, ours.v_proj.bias])
    state = {"in_proj_weight": weights, "in_proj_bias": biases}
    theirs.load_state_dict({**state, **{f"out_proj.{k}": v for k, v in ours.out_proj.state_dict().items()}})
    mask = pf.tensor([[1, 1, 0, 1, 0], [1, 0, 1, 1, 1]])
    expected = theirs(x, context, context, mask == 0)[0].detach().numpy()
    np.testing.assert_allclose(
        ours(x, context, mask=mask[:, None, None]).detach().numpy(), expected, rtol=1e-4, atol=1e-6
    )
    with pytest.raises(ValueError, match="7 features do not divide into 2 heads"):
        models.MultiHeadAttention(7, 2)


SIZES = {"vocab_size": 11, "d_model": 16, "num_heads": 2, "num_encoder_layers": 1, "num_decoder_layers": 1, "d_ff": 32}


@pytest.mark.parametrize("options", [{}, {"positions": "learned", "norm_first": True, "activation": "gelu"}])
def test_a_transformer_learns_to_reverse_and_sees_nothing_later(options):
    with pf.testing.fixed_seed(0):
        model = models.Transformer(models.TransformerConfig(**SIZES, dropout=0.0, **options))
        source = pf.randint(2, 11, (8, 4))
        target = pf.cat([pf.zeros(8, 1, dtype=pf.int64), source.flip(1)], 1)
        given, wanted = target[:, :-1], target[:, 1:].reshape(-1)
        loss = fit(model, lambda m: F.cross_entropy(m(source, given).flatten(0, 1), wanted), 120, 0.01)
    assert loss < 0.3
    model.eval()
    changed = target.clone()
    changed[:, 3] = 9
    one, two = (model(source, ids[:, :-1]).detach().numpy() for ids in (target, changed))
    np.testing.assert_allclose(one[:, :3], two[:, :3], rtol=1e-4, atol=1e-5)
    assert abs(one[:, 3] - two[:, 3]).max() > 1e-3


def test_padding_is_left_out_of_a_transformer():
    model = models.Transformer(models.TransformerConfig(**SIZES)).eval()
    source, target = pf.tensor([[2, 3, 4]]), pf.tensor([[0, 5]])
    padded, mask = pf.tensor([[2, 3, 4, 9, 9]]), pf.tensor([[1, 1, 1, 0, 0]])
    expected = model(source, target).detach().numpy()
    np.testing.assert_allclose(model(padded, target, mask).detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    longer, seen = pf.tensor([[0, 5, 7]]), pf.tensor([[1, 1, 0]])
    np.testing.assert_allclose(
        model(source, longer, None, seen).detach().numpy()[:, :2], expected, rtol=1e-4, atol=1e-5
    )


def test_parameters_are_shared_or_not():
    config = models.TransformerConfig(**SIZES)
    shared = models.Transformer(config)
    assert shared.head.weight is shared.encoder.embedding.tokens.weight
    alone = models.Transformer(config, share_embeddings=False)
    assert len(list(alone.parameters())) == len(list(shared.parameters())) + 2
    with pytest.raises(ValueError, match="positions is 'none'"):
        models.TransformerEncoder(models.TransformerConfig(**SIZES, positions="none"))
