"""Losses compute what PyTorch computes."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.nn import functional as F

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "losses.npz"))
CASES = sorted({key.rsplit("/", 1)[0] for key in REFERENCES if key.endswith("/x")})


@pytest.mark.parametrize("case", CASES)
def test_loss_agrees_with_the_reference(case):
    weights = {name: pf.tensor(REFERENCES[name]) for name in "wp"}
    loss = eval(case, {"nn": nn, **weights})
    x = pf.tensor(REFERENCES[f"{case}/x"], requires_grad=True)
    y = loss(x, pf.tensor(REFERENCES[f"{case}/target"]))
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), REFERENCES[f"{case}/y"], rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), REFERENCES[f"{case}/grad_x"], rtol=1e-5, atol=1e-6)


def test_cross_entropy_refuses_what_does_not_fit():
    logits = pf.zeros(4, 3)
    with pytest.raises(ValueError, match="class ids need shape"):
        F.cross_entropy(logits, pf.zeros(3, dtype=pf.int64))
    with pytest.raises(ValueError, match="one number for each of 3 classes"):
        F.cross_entropy(logits, pf.zeros(4, dtype=pf.int64), weight=pf.ones(4))
    with pytest.raises(ValueError, match="between 0 and 1"):
        F.cross_entropy(logits, pf.zeros(4, dtype=pf.int64), label_smoothing=2.0)
    with pytest.raises(ValueError, match="expected 'mean', 'sum' or 'none'"):
        F.cross_entropy(logits, pf.zeros(4, dtype=pf.int64), reduction="median")
    with pytest.raises(ValueError, match="probabilities need the same shape"):
        F.cross_entropy(logits, pf.zeros(4))
    with pytest.raises(TypeError, match="class ids are integers"):
        F.nll_loss(logits, pf.zeros(4))


def test_cross_entropy_of_a_class_that_is_none_is_an_error_at_evaluation():
    loss = F.cross_entropy(pf.zeros(2, 3), pf.tensor([0, 3]))
    with pytest.raises(IndexError):
        loss.item()


def test_cross_entropy_with_everything_ignored_is_nan():
    assert np.isnan(F.cross_entropy(pf.zeros(2, 3), pf.tensor([-100, -100])).item())


def test_shapes_that_broadcast_are_warned_about():
    with pytest.warns(UserWarning, match="rarely meant"):
        F.mse_loss(pf.zeros(3, 1), pf.zeros(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.mse_loss(pf.zeros(3), pf.zeros(3))


@pytest.mark.parametrize("value", [-100.0, 0.0, 100.0])
def test_logit_losses_do_not_overflow(value):
    x = pf.tensor([value], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, pf.tensor([1.0]))
    loss.backward()
    np.testing.assert_allclose(loss.item(), np.logaddexp(0, -value), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(x.grad.item(), 1 / (1 + np.exp(-value)) - 1, rtol=1e-5, atol=1e-7)
