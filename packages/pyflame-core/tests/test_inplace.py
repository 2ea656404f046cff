from __future__ import annotations

from typing import Any

import pytest

import pyflame as pf


def test_changes_keep_identity_and_dtype() -> None:
    x = same = pf.tensor([1.0, 2.0])
    x += 1
    x *= pf.tensor([2.0, 3.0])
    x.sub_(1).clamp_(max=6.0)
    assert x is same and x.tolist() == [3.0, 6.0]
    y = pf.tensor([4, 9], dtype=pf.int32)
    y += 1
    assert y.dtype is pf.int32


def test_earlier_readers_keep_earlier_values() -> None:
    x = pf.ones(2)
    y, z = x * 10, x.clone()
    x.add_(5)
    assert y.tolist() == [10, 10] and z.tolist() == [1, 1] and x.tolist() == [6, 6]


def test_fill_copy_zero() -> None:
    x = pf.zeros(2, 2)
    assert x.fill_(3).tolist() == [[3, 3], [3, 3]]
    assert x.copy_(pf.tensor([1, 2])).tolist() == [[1, 2], [1, 2]] and x.dtype is pf.float32
    assert x.zero_().tolist() == [[0, 0], [0, 0]]


def test_leaf_that_requires_grad_needs_no_grad() -> None:
    w = pf.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"\[add_\] a leaf that requires grad"):
        w.add_(1)
    with pf.no_grad():
        w.sub_(0.5)
        w -= 0.25
    assert w.is_leaf and w.requires_grad and w.tolist() == [0.25, 0.25]
    w.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [1, 1]


def test_change_of_computed_tensor_is_differentiable() -> None:
    x = pf.tensor([2.0], requires_grad=True)
    y = x * 3
    y.mul_(y.clone())
    y.backward()
    assert x.grad is not None and x.grad.tolist() == [36.0]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda: pf.zeros(2, dtype=pf.int64).add_(0.5), RuntimeError, "dtype float32, which int64 cannot hold"),
        (lambda: pf.zeros(2).add_(pf.zeros(3, 2)), RuntimeError, r"the result has shape \(3, 2\), the tensor \(2,\)"),
        (lambda: pf.zeros(2, dtype=pf.uint8).fill_(256), OverflowError, "256 is out of range"),
        (lambda: pf.zeros(2, dtype=pf.int32).div_(2), RuntimeError, "cannot hold"),
    ],
)
def test_refusals(change: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        change()


def test_data_replaces_values_of_a_leaf() -> None:
    w = pf.ones(2, requires_grad=True)
    w.data = pf.tensor([5.0, 6.0])
    assert w.is_leaf and w.requires_grad and w.tolist() == [5, 6]


def test_detach_in_place() -> None:
    y = pf.ones(2, requires_grad=True) * 2
    assert y.detach_() is y and y.is_leaf and not y.requires_grad


def test_assign_rebinds_a_handle() -> None:
    x = same = pf.zeros(2)
    pf.ops.assign(x, pf.ones(2))
    assert x is same and x.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match=r"\[assign\] the target has shape"):
        pf.ops.assign(x, pf.ones(3))
