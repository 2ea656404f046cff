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


REFUSED = {
    "another batch": (lambda x, i: F.cross_entropy(x, i(3)), ValueError, "class ids need shape"),
    "two targets": (lambda x, i: F.cross_entropy(x, i(4, 2)), RuntimeError, "class ids need shape"),
    "probabilities of another shape": (lambda x, i: F.cross_entropy(x, x[:, :2]), RuntimeError, "class ids need shape"),
    "ids of the input's shape": (lambda x, i: F.cross_entropy(x, i(4, 3)), RuntimeError, "floating-point"),
    "floating ids": (lambda x, i: F.nll_loss(x, pf.zeros(4)), RuntimeError, "class ids are integers"),
    "two ids for one input": (lambda x, i: F.nll_loss(x[0], i(2)), ValueError, "class ids need shape"),
    "no classes": (lambda x, i: F.nll_loss(x[0, 0], i(1)), ValueError, "no dimensions"),
    "weights": (lambda x, i: F.cross_entropy(x, i(4), weight=pf.ones(4)), RuntimeError, "each of 3 classes"),
    "smoothing": (lambda x, i: F.cross_entropy(x, i(4), label_smoothing=2.0), RuntimeError, "between 0 and 1"),
    "reduction": (lambda x, i: F.cross_entropy(x, i(4), reduction="median"), ValueError, "'mean', 'sum' or 'none'"),
    "huber": (lambda x, i: F.huber_loss(x, x, delta=0.0), RuntimeError, "positive"),
    "smooth l1": (lambda x, i: F.smooth_l1_loss(x, x, beta=-1.0), RuntimeError, "not negative"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_as_in_pytorch(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call(pf.zeros(4, 3), lambda *shape: pf.zeros(*shape, dtype=pf.int64))


def test_one_id_in_a_list_is_taken_for_one_input():
    x = pf.tensor([0.1, 0.7, -1.0])
    assert F.cross_entropy(x, pf.tensor([1])).item() == F.cross_entropy(x, pf.tensor(1)).item()


def test_gradients_of_what_is_ignored_are_zero():
    for options in (
        {},
        {"weight": pf.ones(3)},
        {"label_smoothing": 0.3},
        {"weight": pf.ones(3), "label_smoothing": 1.0},
    ):
        x = pf.randn(2, 3, requires_grad=True)
        F.cross_entropy(x, pf.tensor([-100, -100]), **options).backward()
        assert x.grad.tolist() == [[0.0] * 3] * 2, options


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


def test_the_mean_over_a_batch_of_one_number_is_its_sum():
    x, y = pf.tensor(-0.5), pf.tensor(0.3)
    assert F.kl_div(x, y, reduction="batchmean").item() == F.kl_div(x, y, reduction="sum").item()


@pytest.mark.parametrize("value", [-200.0, -25.0, 0.0, 25.0, 200.0])
@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
def test_saturated_probabilities_have_gradients(value, target):
    x = pf.tensor([value], dtype=pf.float64, requires_grad=True)
    F.binary_cross_entropy(x.sigmoid(), pf.tensor([target], dtype=pf.float64)).backward()
    expected = 0.0 if abs(value) > 100 else 1 / (1 + np.exp(-value)) - target
    np.testing.assert_allclose(x.grad.item(), expected, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("dtype", [pf.float16, pf.bfloat16])
def test_saturated_probabilities_of_16_bits(dtype):
    p = pf.tensor([0.0, 1.0, 0.5], dtype=dtype, requires_grad=True)
    loss = F.binary_cross_entropy(p, pf.tensor([1.0, 1.0, 1.0], dtype=dtype), reduction="sum")
    loss.backward()
    assert loss.dtype is dtype and loss.item() == pytest.approx(100.7, rel=0.01)
    least = -np.inf if dtype is pf.float16 else -1e12  # what float16 has in place of it
    assert p.grad.tolist() == pytest.approx([least, -1.0, -2.0], rel=0.01)


def test_impossible_probabilities_lose_100():
    p = pf.tensor([0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, pf.tensor([1.0, 0.0]), reduction="sum")
    loss.backward()
    assert loss.item() == 200.0 and p.grad.tolist() == pytest.approx([-1e12, 1e12])
