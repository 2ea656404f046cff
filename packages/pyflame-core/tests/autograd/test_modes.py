"""Inference mode: what is made inside cannot be read by a backward."""

from __future__ import annotations

import pytest

import pyflame as pf


def test_inference_tensors_cannot_be_saved_for_backward() -> None:
    x = pf.ones(2, requires_grad=True)
    with pf.inference_mode():
        made = pf.tensor([1.0, 2.0]) + 1
        assert made.is_inference() and pf.is_inference_mode_enabled() and not pf.is_grad_enabled()
    assert not pf.is_inference_mode_enabled() and pf.is_grad_enabled()
    with pytest.raises(RuntimeError, match=r"\[mul\] input 1 was made in inference mode"):
        x * made
    (x + made).sum().backward()  # addition reads neither input
    (x * made.clone()).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3.0, 4.0]


def test_inference_tensor_cannot_require_grad_later() -> None:
    with pf.inference_mode():
        made = pf.ones(2)
    with pytest.raises(RuntimeError, match="made in inference mode"):
        made.requires_grad_()
    assert not (made * 2).is_inference()


def test_inference_mode_nests_and_decorates() -> None:
    with pf.inference_mode():
        with pf.inference_mode(False):
            assert pf.is_grad_enabled() and not pf.is_inference_mode_enabled()
            assert not pf.ones(2).is_inference()
        assert pf.is_inference_mode_enabled()

    @pf.inference_mode()
    def double(x: pf.Tensor) -> pf.Tensor:
        return x * 2

    assert double(pf.ones(2, requires_grad=True)).is_inference()
    assert not pf.is_inference_mode_enabled()


def test_inference_mode_false_changes_nothing_outside() -> None:
    with pf.no_grad(), pf.inference_mode(False):
        assert not pf.is_grad_enabled()
