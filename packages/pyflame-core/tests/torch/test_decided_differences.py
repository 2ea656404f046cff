"""What docs/migration/from-pytorch.md says of both libraries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import pyflame as pf

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

NAN, INF = math.nan, math.inf


def layers(lib: Any) -> Any:
    return pf.ops if lib is pf else torch.nn.functional


def leaf(lib: Any, values: list[float]) -> Any:
    return lib.tensor(values, requires_grad=True)


def logcumsumexp_gradient(lib: Any) -> list[float]:
    x = leaf(lib, [-INF, 0.0])
    lib.logcumsumexp(x, 0).sum().backward()
    return x.grad.tolist()


def tie_gradient(lib: Any) -> list[float]:
    x, src = leaf(lib, [2.0, 9.0]), leaf(lib, [2.0, 1.0])
    x.scatter_reduce(0, lib.tensor([0, 0]), src, "amax", include_self=False).sum().backward()
    return src.grad.tolist()


def gradient_of(function: Callable[[Any, Any], Any]) -> Callable[[Any], list[float]]:
    def gradient(lib: Any) -> list[float]:
        x = leaf(lib, [5.0, 7.0])
        function(lib, x).sum().backward()
        return x.grad.tolist()

    return gradient


def view_in_inference_mode(lib: Any) -> bool:
    x = lib.ones(2)
    with lib.inference_mode():
        view = x[:1]
    return view.is_inference()


def saved_by_a_function(lib: Any) -> list[float]:
    class Square(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * grad

    x = leaf(lib, [3.0])
    y = x * 1
    square = Square.apply(y)
    y.add_(1.0)
    square.sum().backward()
    return x.grad.tolist()


def state_of_another_batch(lib: Any) -> Any:
    home = pf.ops if lib is pf else torch
    states = lib.zeros(1, 1, 1), lib.zeros(1, 1, 1)
    weights = [lib.zeros(4, 1), lib.zeros(4, 1)]
    y = home.lstm(lib.ones(2, 3, 1), states, weights, False, 1, 0.0, False, False, False)[0]
    return tuple(y.shape)


CASES: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {  # the call, PyTorch's answer, ours
    "an index out of range, never read": (
        lambda lib: tuple(lib.gather(lib.zeros(3), 0, lib.tensor([5])).shape), RuntimeError, (1,)),
    "a number for a tensor": (lambda lib: lib.maximum(lib.tensor([1.0, 3.0]), 2).tolist(), TypeError, [2.0, 3.0]),
    "floor_divide": (gradient_of(lambda lib, x: lib.floor_divide(x, 2)), RuntimeError, [0.0, 0.0]),
    "unique": (gradient_of(lambda lib, x: lib.unique(x)), NotImplementedError, [1.0, 1.0]),
    "a state of another batch size": (state_of_another_batch, (2, 3, 1), RuntimeError),
    "17 dimensions": (lambda lib: lib.zeros([1] * 17).ndim, 17, ValueError),
    "a tie with what is excluded": (tie_gradient, [0.5, 0.0], [1.0, 0.0]),
    "mode of NaNs": (lambda lib: lib.mode(lib.tensor([NAN, NAN, 1.0])).indices.item(), 0, 1),
    "median of no integers": (lambda lib: lib.median(lib.tensor([], dtype=lib.int64)).item(), -(2**63), IndexError),
    "logcumsumexp at -inf": (logcumsumexp_gradient, [NAN, 1.0], [0.0, 1.0]),
    "a negative number beside uint8": (
        lambda lib: (lib.tensor([255, 1], dtype=lib.uint8) > -1).tolist(), [False, False], [True, True]),
    "saved for backward, then changed": (saved_by_a_function, RuntimeError, [6.0]),
    "a view in inference mode": (view_in_inference_mode, False, True),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_both_libraries_answer_as_the_page_says(name: str) -> None:
    call, theirs, ours = CASES[name]
    for lib, expected in ((torch, theirs), (pf, ours)):
        if isinstance(expected, type):
            with pytest.raises(expected):
                call(lib)
        else:
            assert call(lib) == pytest.approx(expected, nan_ok=True), lib.__name__


def test_a_group_norm_may_have_a_bias_alone() -> None:
    assert layers(pf).group_norm(pf.ones(1, 2, 2), 1, None, pf.ones(2)).tolist() == [[[1.0, 1.0], [1.0, 1.0]]]


def test_classes_out_of_range_and_singular_matrices_are_answered_as_by_pytorch() -> None:
    with pytest.raises(RuntimeError):
        torch.nn.functional.one_hot(torch.tensor([5]), 3)
    with pytest.raises(IndexError):
        pf.one_hot(pf.tensor([5]), 3).eval()
    assert pf.linalg.cond(pf.zeros(2, 2), 1).item() == torch.linalg.cond(torch.zeros(2, 2), 1).item() == INF
