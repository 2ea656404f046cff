"""Results that go to a tensor of the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pyflame as pf


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x, out: pf.add(x, 2, out=out), (2, 2)),
        (lambda x, out: pf.exp(x, out=out), (2, 2)),
        (lambda x, out: pf.matmul(x, x, out=out), (2, 2)),
        (lambda x, out: pf.sum(x, 0, out=out), (2,)),
        (lambda x, out: pf.cat([x, x], 1, out=out), (2, 4)),
        (lambda x, out: pf.stack([x, x], out=out), (2, 2, 2)),
        (lambda x, out: pf.cumsum(x, 0, out=out), (2, 2)),
        (lambda x, out: pf.sigmoid(x, out=out), (2, 2)),
        (lambda x, out: pf.where(x > 2, x, 0.0, out=out), (2, 2)),
        (lambda x, out: pf.norm(x, 2, 0, out=out), (2,)),
        (lambda x, out: pf.max(x, 2 * x.flip(0), out=out), (2, 2)),
        (lambda x, out: pf.logcumsumexp(x, 0, out=out), (2, 2)),
    ],
)
def test_out_takes_the_result(call: Callable[..., Any], shape: tuple[int, ...]) -> None:
    x = pf.tensor([[1.0, 2.0], [3.0, 4.0]])
    expected = call(x, None)
    out, empty = pf.zeros(*shape), pf.empty(0)
    view = out[0]
    assert call(x, out) is out and out.tolist() == expected.tolist() and view.tolist() == expected[0].tolist()
    assert call(x, empty) is empty and empty.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: pf.add(x, 1, out=pf.zeros(3)), "out has shape"),
        (lambda x: pf.exp(x, out=pf.zeros(2, dtype=pf.int64)), "cannot hold"),
        (lambda x: pf.mul(x.requires_grad_(), 2, out=pf.zeros(2)), "would require grad"),
        (lambda x: pf.mul(x, 2, out=pf.zeros(2, requires_grad=True)), "would require grad"),
        (lambda x: pf.mul(x, 2, out=pf.zeros(1).expand(2)), "several elements"),
    ],
)
def test_refused_out(call: Callable[..., Any], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call(pf.ones(2))


def test_out_may_be_an_operand() -> None:
    x = pf.tensor([1.0, 2.0])
    assert pf.add(x, x, out=x) is x and x.tolist() == [2, 4]


@pytest.mark.parametrize(
    "call",
    [
        lambda x, out: pf.max(x, 1, out=out),
        lambda x, out: pf.min(x, 0, True, out=out),
        lambda x, out: pf.sort(x, out=out),
        lambda x, out: pf.topk(x, 1, out=out),
        lambda x, out: pf.median(x, 1, out=out),
        lambda x, out: pf.nanmedian(x, 0, True, out=out),
        lambda x, out: pf.mode(x, 1, out=out),
        lambda x, out: pf.kthvalue(x, 2, 0, out=out),
        lambda x, out: pf.cummax(x, 0, out=out),
        lambda x, out: pf.cummin(x, 1, out=out),
    ],
)
def test_out_takes_values_and_indices(call: Callable[..., Any]) -> None:
    x = pf.tensor([[1.0, 2.0], [4.0, 3.0]])
    expected = call(x, None)
    out = pf.empty(0), pf.empty(0, dtype=pf.int64)
    found = call(x, out)
    assert found.values is out[0] and found.indices is out[1]
    assert out[0].tolist() == expected.values.tolist() and out[1].tolist() == expected.indices.tolist()
    with pytest.raises(TypeError, match="tuple of two tensors"):
        call(x, pf.empty(0))


def test_out_takes_places() -> None:
    x, out = pf.tensor([[1.0, 2.0], [4.0, 3.0]]), pf.zeros(2, dtype=pf.int64)
    assert pf.argmax(x, 1, out=out) is out and out.tolist() == [1, 0]
    assert pf.argmin(x, 1, out=out).tolist() == [0, 1]


def test_out_takes_a_median() -> None:
    x, out = pf.tensor([[1.0, 2.0], [4.0, 3.0]]), pf.zeros(())
    assert pf.median(x, out=out) is out and out.item() == 2
    assert pf.nanmedian(x, out=out).item() == 2
    assert pf.median(pf.empty(0), out=out).isnan().item()
