"""Anomaly mode names the operation and the line behind a gradient that is not a number."""

from __future__ import annotations

import inspect

import pytest

import pyflame as pf


def test_nan_in_backward_names_the_op_and_its_line() -> None:
    x = pf.tensor([-1.0, 4.0], requires_grad=True)
    with pf.autograd.detect_anomaly():
        y = x * 2
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        root = y.sqrt()
        with pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th output") as error:
            root.sum().backward()
    assert f"{__file__}:{line}" in str(error.value)
    assert not pf.autograd.is_anomaly_enabled()


def test_finite_gradients_pass_and_stay_right() -> None:
    x = pf.tensor([1.0, 4.0], requires_grad=True)
    with pf.autograd.set_detect_anomaly(True):
        x.sqrt().sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.5, 0.25]


def test_without_check_and_outside_nothing_is_raised() -> None:
    x = pf.tensor([-1.0], requires_grad=True)
    with pf.autograd.detect_anomaly(check_nan=False):
        x.sqrt().sum().backward()
    x.sqrt().sum().backward()
    pf.autograd.set_detect_anomaly(True)
    with pytest.raises(RuntimeError, match="nan values"):
        x.sqrt().sum().backward()
    pf.autograd.set_detect_anomaly(False)
    x.sqrt().sum().backward()


def test_function_is_named_by_its_class() -> None:
    class Bad(pf.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: pf.Tensor) -> pf.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: object, grad: pf.Tensor) -> pf.Tensor:
            return grad * float("nan")

    x = pf.ones(1, requires_grad=True)
    with pf.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="'BadBackward' returned nan"):
        Bad.apply(x).sum().backward()
