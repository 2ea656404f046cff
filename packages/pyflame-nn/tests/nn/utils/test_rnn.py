"""Packed and padded sequences, and networks over them."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.nn.utils import rnn


def sequences(*lengths):
    return [pf.arange(10.0 * place, 10.0 * place + length) for place, length in enumerate(lengths)]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [(3, 2, 2), (1, 4, 2), (2,)])
def test_packing_and_padding_are_inverse(lengths, batch_first):
    made = sequences(*lengths)
    padded = rnn.pad_sequence(made, batch_first, padding_value=-1.0)
    packed = rnn.pack_padded_sequence(padded, list(lengths), batch_first, enforce_sorted=False)
    assert packed.data.shape == (sum(lengths),) and packed.batch_sizes.sum().item() == sum(lengths)
    back, counts = rnn.pad_packed_sequence(packed, batch_first, padding_value=-1.0)
    np.testing.assert_array_equal(back.numpy(), padded.numpy())
    assert counts.tolist() == list(lengths)
    longer, _ = rnn.pad_packed_sequence(packed, batch_first, padding_value=-1.0, total_length=6)
    assert longer.shape == ((len(lengths), 6) if batch_first else (6, len(lengths)))
    for one, two in zip(rnn.unpad_sequence(padded, counts, batch_first), made):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
    for one, two in zip(rnn.unpack_sequence(rnn.pack_sequence(made, enforce_sorted=False)), made):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_padding_on_the_left():
    padded = rnn.pad_sequence(sequences(1, 3), batch_first=True, padding_side="left")
    assert padded.tolist() == [[0.0, 0.0, 0.0], [10.0, 11.0, 12.0]]


def test_gradients_go_through_packing():
    x = pf.randn(4, 3, 2, requires_grad=True)
    packed = rnn.pack_padded_sequence(x, [4, 1, 3], enforce_sorted=False)
    padded, _ = rnn.pad_packed_sequence(packed)
    (padded * 2).sum().backward()
    expected = np.zeros((4, 3, 2))
    for place, length in enumerate((4, 1, 3)):
        expected[:length, place] = 2
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}, {"bias": False}])
def test_packed_runs_equal_those_of_each_sequence(kind, options):
    net = getattr(nn, kind)(2, 3, **options).double()
    lengths = (2, 5, 1, 4)
    inputs = [pf.randn(length, 2, dtype=pf.float64) for length in lengths]
    packed, last = net(rnn.pack_sequence(inputs, enforce_sorted=False))
    assert isinstance(packed, rnn.PackedSequence)
    for place, (x, y) in enumerate(zip(inputs, rnn.unpack_sequence(packed))):
        alone, state = net(x)
        np.testing.assert_allclose(y.detach().numpy(), alone.detach().numpy(), atol=1e-12)
        for ours, theirs in zip(last if kind == "LSTM" else [last], state if kind == "LSTM" else [state]):
            np.testing.assert_allclose(ours[:, place].detach().numpy(), theirs.detach().numpy(), atol=1e-12)


def test_packed_states_keep_the_order_of_the_sequences():
    net = nn.LSTM(2, 3, proj_size=2)
    inputs, start = [pf.randn(n, 2) for n in (1, 3)], (pf.randn(1, 2, 2), pf.randn(1, 2, 3))
    _, (hidden, cell) = net(rnn.pack_sequence(inputs, enforce_sorted=False), start)
    for place, x in enumerate(inputs):
        _, (h, c) = net(x, tuple(state[:, place] for state in start))
        np.testing.assert_allclose(hidden[:, place].detach().numpy(), h.detach().numpy(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(cell[:, place].detach().numpy(), c.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_conversions_of_packed_sequences():
    packed = rnn.pack_sequence(sequences(2, 1))
    assert packed.double().data.dtype is pf.float64 and packed.to(pf.float32) is packed
    assert packed.to(pf.float64).batch_sizes is packed.batch_sizes and not packed.is_cuda


REFUSED = {
    "lengths rise": (lambda: rnn.pack_sequence(sequences(1, 2)), RuntimeError),
    "no steps": (lambda: rnn.pack_sequence(sequences(2, 0)), RuntimeError),
    "too long": (lambda: rnn.pack_padded_sequence(pf.ones(2, 1), [3]), RuntimeError),
    "too few lengths": (lambda: rnn.pack_padded_sequence(pf.ones(2, 2), [2]), RuntimeError),
    "no sequences": (lambda: rnn.pad_sequence([]), RuntimeError),
    "other sizes": (lambda: rnn.pad_sequence([pf.ones(2, 3), pf.ones(2, 4)]), RuntimeError),
    "side": (lambda: rnn.pad_sequence(sequences(1), padding_side="top"), RuntimeError),
    "total length": (lambda: rnn.pad_packed_sequence(rnn.pack_sequence(sequences(2)), total_length=1), ValueError),
    "features": (lambda: nn.GRU(3, 2)(rnn.pack_sequence([pf.ones(2, 4)])), RuntimeError),
    "state": (lambda: nn.GRU(3, 2)(rnn.pack_sequence([pf.ones(2, 3)]), pf.ones(1, 2, 2)), RuntimeError),
    "no batch sizes": (lambda: rnn.PackedSequence(pf.ones(2)), AssertionError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name):
    call, error = REFUSED[name]
    with pytest.raises(error, match=r"^\["):
        call()
